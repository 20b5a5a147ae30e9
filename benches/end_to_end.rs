//! A capture file through the engine into JSON lines: what `firedrill replay` does, without starting a process.
#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed benchmark")]

mod traffic;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firedrill::capture::Capture;
use firedrill::engine::{Engine, EngineConfig};
use firedrill::report::RuleBook;
use firedrill::report::jsonl::{JsonlWriter, Parts};
use std::io::{Cursor, sink};

fn end_to_end(criterion: &mut Criterion) {
    let traffic = traffic::traffic(5_000);
    let pcap = traffic.pcap();
    let mut group = criterion.benchmark_group("end_to_end");
    group.sample_size(20);
    group.throughput(Throughput::ElementsAndBytes { elements: traffic.frames.len() as u64, bytes: traffic.bytes });
    for n_domains in [10, 30_000] {
        let program = traffic::compile("domains.rules", &traffic::rules_text(n_domains));
        let book = RuleBook::default();
        group.bench_function(BenchmarkId::new("domains", n_domains), |bencher| {
            bencher.iter(|| {
                let mut capture = Capture::from_reader("traffic.pcap", Cursor::new(pcap.clone())).unwrap();
                let mut engine = Engine::new(&program, EngineConfig::default());
                let mut writer = JsonlWriter::new(sink(), &book, Parts::ALL);
                while let Some(frame) = capture.next_frame().unwrap() {
                    engine.process(&frame, &mut writer);
                }
                engine.finish(&mut writer);
                writer.finish().unwrap();
            });
        });
    }
}

criterion_group!(benches, end_to_end);
criterion_main!(benches);
