//! Every collected policy loads, or is refused with messages that say what to supply.
//!
//! The collection is not part of the repository: without it the test says so and passes.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use firedrill::policy::{LoadOptions, load};
use std::path::PathBuf;

fn corpus() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("FIREDRILL_CORPUS").map_or(beside, PathBuf::from).join("policies");
    folder.is_dir().then_some(folder)
}

#[test]
fn show() {
    let Some(folder) = corpus() else {
        println!("skipped: corpus not present");
        return;
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for f in files {
        let n = f.file_name().unwrap().to_string_lossy().into_owned();
        if n.starts_with("tf-") || n.ends_with(".tsv") || f.is_dir() {
            continue;
        }
        let l = load(&f, &LoadOptions::default()).unwrap();
        println!(
            "== {n}: {:?} {}",
            l.language,
            l.policy.as_ref().map_or("REFUSED".into(), |p| format!(
                "{} standin={} rules={} order={:?} home={:?}",
                p.name,
                p.stand_in,
                p.stateful.groups.iter().map(|g| g.rules.len()).sum::<usize>(),
                p.stateful.order,
                p.stateful
                    .home_net
                    .as_ref()
                    .map(|h| (h.origin.clone(), h.entries.iter().map(|e| e.value.clone()).collect::<Vec<_>>()))
            ))
        );
        for d in l.diagnostics.iter() {
            let at: Vec<String> = d
                .labels
                .iter()
                .take(3)
                .map(|x| {
                    let y = l.sources.location(x.span);
                    format!(
                        "{}:{}{}",
                        y.line,
                        y.column,
                        if x.text.is_empty() { String::new() } else { format!("({})", x.text) }
                    )
                })
                .collect();
            println!(
                "   {:?} {} {} @ {} | {}",
                d.severity,
                d.code,
                d.message,
                at.join(" "),
                d.help.clone().unwrap_or_default()
            );
        }
    }
}
