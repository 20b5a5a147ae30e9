//! Every collected policy loads, or is refused with messages that say what to supply.
//!
//! The collection is not part of the repository: without it the test says so and passes. `FIREDRILL_CORPUS` names the
//! folder that holds `policies/`; without it the folder is looked for beside the repository.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use firedrill::policy::{LoadOptions, Loaded, StatefulOptions, load};
use firedrill::source::{Diagnostic, Severity};
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("FIREDRILL_CORPUS").map_or(beside, PathBuf::from).join("policies");
    if !folder.is_dir() {
        eprintln!("skipped: corpus not present");
        return None;
    }
    Some(folder)
}

fn report(loaded: &Loaded) -> String {
    let line = |problem: &Diagnostic| {
        let place = problem.labels.first().map(|label| loaded.sources.location(label.span).to_string());
        let help = problem.help.as_deref().unwrap_or("");
        format!("{:?} {} {}: {} ({help})", problem.severity, problem.code, place.unwrap_or_default(), problem.message)
    };
    loaded.diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_collected_policy_loads_or_says_what_it_needs() {
    let Some(folder) = corpus() else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let policies = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["json", "yaml", "yml", "rules", "tf"].iter().any(|known| extension == *known))
    };
    for path in files.iter().filter(|path| policies(path)) {
        let loaded = load(path, &LoadOptions::default()).unwrap();
        let errors: Vec<&Diagnostic> =
            loaded.diagnostics.iter().filter(|problem| problem.severity == Severity::Error).collect();
        assert_eq!(loaded.policy.is_none(), !errors.is_empty(), "{}\n{}", path.display(), report(&loaded));
        for error in errors {
            let says_what_to_do = error.help.is_some() || error.message.contains("no rule to judge");
            assert!(!error.labels.is_empty() && says_what_to_do, "{}\n{}", path.display(), report(&loaded));
        }
    }
}

/// A collected policy with what it needs.
fn with(file: &str, params: &[(&str, &str)], home_net: Option<&str>, select: Option<&str>) {
    let Some(folder) = corpus() else { return };
    let options = LoadOptions {
        params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        select: select.map(str::to_owned),
        stateful: StatefulOptions { home_net: home_net.map(str::to_owned), ..StatefulOptions::default() },
        ..LoadOptions::default()
    };
    let loaded = load(&folder.join(file), &options).unwrap();
    assert!(loaded.policy.is_some(), "{file}\n{}", report(&loaded));
}

#[test]
fn what_the_messages_ask_for_is_enough() {
    with("cfn-sagemaker-vpc.yaml", &[("VPCCIDR", "10.2.0.0/16"), ("ProjectName", "x")], None, None);
    let home = Some("10.0.0.0/8");
    with("cfn-cloud-wan-region1.yaml", &[], home, None);
    with("cfn-outbound-policy.yaml", &[], home, None);
    for policy in ["anfw-2az-ingress-policy", "anfw-2az-egress-policy"] {
        with("cfn-distributed-2az-dual.yaml", &[], None, Some(policy));
    }
    with("cli-cdk-l2-integ-MyStatefulDomainListRuleGroup481BB765.json", &[], home, None);
    with("cli-tgw-attached-EgressAllowListExampleRuleGroup.json", &[], home, None);
}
