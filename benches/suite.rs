//! A suite of 1,000 cases against an allow-list of 30,000 domains: reading it, and running it on one thread.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed benchmark")]

mod traffic;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firedrill::report::RuleBook;
use firedrill::source::Sources;
use firedrill::suite::{self, Subject, Suite};
use firedrill::synth::HomeNet;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

const N_DOMAINS: u64 = 30_000;
const N_CASES: u64 = 1_000;

fn text() -> String {
    // the policy is compiled below; the file only has to be there
    let mut text = "policy: Cargo.toml\ncases:\n  - pass:\n".to_owned();
    for n in 0..N_CASES / 2 {
        writeln!(text, "      - www.{}", traffic::domain(n * 7 % N_DOMAINS)).unwrap();
    }
    text.push_str("    block:\n");
    for n in 0..N_CASES / 2 {
        writeln!(text, "      - www.{n}.elsewhere.example").unwrap();
    }
    text
}

fn read(text: &str) -> Suite {
    suite::read_as(Path::new("x.firedrill.yaml"), text.to_owned(), &mut Sources::new()).suite.unwrap()
}

fn suites(criterion: &mut Criterion) {
    let text = text();
    let program = traffic::compile("domains.json", &traffic::rules_source_list(N_DOMAINS));
    let (book, home) = (RuleBook::default(), HomeNet::default());
    let subject = Subject { program: &program, book: &book, home: &home };
    let read_suite = read(&text);
    assert_eq!(read_suite.cases.len() as u64, N_CASES);
    let mut group = criterion.benchmark_group("suite");
    group.sample_size(10);
    group.throughput(Throughput::Elements(N_CASES));
    group.bench_function("read", |bencher| bencher.iter(|| black_box(read(&text))));
    group.bench_function("run", |bencher| {
        bencher.iter(|| {
            for case in &read_suite.cases {
                assert!(suite::run(subject, case).unwrap().failures.is_empty());
            }
        });
    });
}

criterion_group!(benches, suites);
criterion_main!(benches);
