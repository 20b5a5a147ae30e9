//! Packets through the stateless stage.
#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed benchmark")]

mod traffic;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firedrill::packet::{DecodeConfig, Decoded, decode_frame};
use firedrill::stateless::{Stateless, StatelessSemantics};
use std::hint::black_box;

fn stateless(criterion: &mut Criterion) {
    let traffic = traffic::traffic(1_000);
    let config = DecodeConfig::default();
    let decoded: Vec<Decoded<'_>> = traffic.frames().map(|frame| decode_frame(&frame, &config)).collect();
    let mut group = criterion.benchmark_group("stateless");
    group.throughput(Throughput::Elements(decoded.len() as u64));
    for n_rules in [10, 1_000, 10_000] {
        let policy = traffic::load("stateless.json", &traffic::stateless(n_rules)).policy.unwrap();
        let stage = Stateless::compile(&policy.stateless.unwrap(), StatelessSemantics::default());
        group.bench_with_input(BenchmarkId::new("rules", n_rules), &stage, |bencher, stage| {
            bencher.iter(|| {
                for decoded in &decoded {
                    black_box(stage.decide(&decoded.packet));
                }
            });
        });
    }
}

criterion_group!(benches, stateless);
criterion_main!(benches);
