//! Frames through the engine with domain lists of three sizes, and the plain path beside the smaller ones.

mod traffic;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use firedrill::detect::{Program, RulePath};
use firedrill::engine::{Engine, EngineConfig};
use firedrill::verdict::{Alert, Decision, FlowRecord, Sink};
use std::hint::black_box;
use traffic::Traffic;

struct Nowhere;

impl Sink for Nowhere {
    fn decision(&mut self, decision: &Decision) {
        black_box(decision);
    }

    fn alert(&mut self, alert: &Alert) {
        black_box(alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        black_box(flow);
    }
}

fn run(program: &Program, traffic: &Traffic, path: RulePath) {
    let mut engine = Engine::new(program, EngineConfig { path, ..EngineConfig::default() });
    for frame in traffic.frames() {
        engine.process(&frame, &mut Nowhere);
    }
    engine.finish(&mut Nowhere);
}

fn detect(criterion: &mut Criterion) {
    let traffic = traffic::traffic(1_000);
    let mut group = criterion.benchmark_group("detect");
    group.sample_size(20);
    group.throughput(Throughput::ElementsAndBytes { elements: traffic.frames.len() as u64, bytes: traffic.bytes });
    for n_domains in [10, 1_000, 30_000] {
        let program = traffic::compile("domains.rules", &traffic::rules_text(n_domains));
        for (name, path) in [("fast", RulePath::Fast), ("plain", RulePath::Plain)] {
            if path == RulePath::Plain && n_domains > 1_000 {
                continue;
            }
            group.bench_function(BenchmarkId::new(name, n_domains), |bencher| {
                bencher.iter(|| run(&program, &traffic, path));
            });
        }
    }
}

criterion_group!(benches, detect);
criterion_main!(benches);
