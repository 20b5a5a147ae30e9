//! Frames to packets.

mod traffic;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firedrill::packet::{DecodeConfig, decode_frame};
use std::hint::black_box;

fn decode(criterion: &mut Criterion) {
    let traffic = traffic::traffic(1_000);
    let mut group = criterion.benchmark_group("decode");
    let config = DecodeConfig::default();
    group.throughput(Throughput::ElementsAndBytes { elements: traffic.frames.len() as u64, bytes: traffic.bytes });
    group.bench_function("frames", |bencher| {
        bencher.iter(|| {
            for frame in traffic.frames() {
                black_box(decode_frame(&frame, &config));
            }
        });
    });
}

criterion_group!(benches, decode);
criterion_main!(benches);
