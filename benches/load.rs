//! Documents to programs: a list of 30,000 domains, as AWS takes it and as the rules that it stands for.

mod traffic;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const N_DOMAINS: u64 = 30_000;

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for (name, file, text) in [
        ("RulesSourceList", "domains.json", traffic::rules_source_list(N_DOMAINS)),
        ("rules", "domains.rules", traffic::rules_text(N_DOMAINS)),
    ] {
        group.throughput(Throughput::ElementsAndBytes { elements: N_DOMAINS, bytes: text.len() as u64 });
        group.bench_function(format!("{name}, read"), |bencher| {
            bencher.iter(|| black_box(traffic::load(file, &text)));
        });
        group.bench_function(format!("{name}, read and compiled"), |bencher| {
            bencher.iter(|| black_box(traffic::compile(file, &text)));
        });
    }
}

criterion_group!(benches, load);
criterion_main!(benches);
