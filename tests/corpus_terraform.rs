//! Every Terraform file of the policy corpus, each alone: what it holds, what it leaves open, and that the rules keep
//! their places. The corpus is not part of the repository; without it there is one line that says so.
#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use firedrill::policy::resource::ResourceKind;
use firedrill::policy::terraform::{Loaded, Params, load, load_plan};
use firedrill::policy::value::{Node, Value};
use firedrill::source::{Severity, Sources};
use std::path::{Path, PathBuf};

/// The file; how many rule groups, policies and other resources; what is open: where, and what is missing.
const EXPECTED: &[(&str, [usize; 3], &[&str])] = &[
    ("tf-acc-multiple-stateful.tf", [1, 0, 0], &[]),
    ("tf-acc-reference-sets.tf", [1, 0, 3], &[]),
    ("tf-acc-source-list-variables.tf", [1, 0, 0], &[]),
    ("tf-acc-stateless-custom-action.tf", [1, 0, 0], &[]),
    ("tf-acc-stateless-tcpflags.tf", [1, 0, 0], &[]),
    (
        "tf-anfw-tgw.tf",
        [4, 1, 1],
        &[
            "61:25 resource `aws_vpc.spoke_vpc_a` is not declared in the files given",
            "61:57 resource `aws_vpc.spoke_vpc_b` is not declared in the files given",
            "108:25 resource `aws_vpc.spoke_vpc_a` is not declared in the files given",
            "108:57 resource `aws_vpc.spoke_vpc_b` is not declared in the files given",
            "127:25 resource `aws_vpc.inspection_vpc` is not declared in the files given",
        ],
    ),
    (
        "tf-central-inspection-with-egress.tf",
        [3, 1, 0],
        &["96:25 variable `supernet` is not declared in the files given"],
    ),
    ("tf-checkov-policy-cmk.tf", [0, 3, 0], &[]),
    ("tf-doc-dynamic-locals.tf", [1, 0, 0], &[]),
    ("tf-doc-policy-custom-action.tf", [0, 1, 0], &[]),
    (
        "tf-doc-policy-home-net.tf",
        [0, 1, 0],
        &["17:22 resource `aws_networkfirewall_rule_group.example` is not declared in the files given"],
    ),
    (
        "tf-egress-domain-filter.tf",
        [1, 1, 1],
        &[
            "17:25 data source `data.aws_subnet.firewall_subnet_az_1` is read from AWS",
            "87:30 the file `allowed_domains.yml` cannot be read: there is no such file",
        ],
    ),
    ("tf-epomatti-policies.tf", [2, 1, 0], &["46:30 variable `ip_to_drop` is not declared in the files given"]),
    ("tf-fms-central-policy.tf", [3, 1, 0], &["94:25 variable `network_supernet` is not declared in the files given"]),
    (
        "tf-intra-vpc-inspection.tf",
        [3, 1, 0],
        &[
            "96:24 variable `vpc` is not declared in the files given",
            "102:24 variable `vpc` is not declared in the files given",
            "127:24 variable `vpc` is not declared in the files given",
            "133:24 variable `vpc` is not declared in the files given",
        ],
    ),
    ("tf-module-complete.tf", [0, 0, 0], &[]),
    (
        "tf-moj-firewall.tf",
        [0, 1, 1],
        &[
            "6:25 resource `aws_vpc.main` is not declared in the files given",
            "21:24 variable `account` is not declared in the files given",
            "33:22 resource `aws_networkfirewall_rule_group.rule_file` is not declared in the files given",
        ],
    ),
    ("tf-moj-rules.tf", [1, 0, 0], &[]),
    (
        "tf-pike-policy.tf",
        [0, 1, 0],
        &["14:22 resource `aws_networkfirewall_rule_group.example` is not declared in the files given"],
    ),
    (
        "tf-pike-rule-group.tf",
        [1, 0, 0],
        &[
            "2:14 variable `rule_group` is not declared in the files given",
            "4:14 variable `rule_group` is not declared in the files given",
            "12:20 variable `source_list` is not declared in the files given",
        ],
    ),
    ("tf-poc-domain-block.tf", [2, 1, 1], &["72:25 resource `aws_vpc.main` is not declared in the files given"]),
    ("tf-sandbox-high-priority.tf", [1, 0, 0], &[]),
    (
        "tf-sandbox-policy.tf",
        [0, 1, 1],
        &[
            "2:25 variable `vpc_id` is not declared in the files given",
            "37:22 resource `aws_networkfirewall_rule_group.stateful_strict_high_priority` is not declared in the files given",
            "62:22 resource `aws_networkfirewall_rule_group.stateful_strict_low_priority` is not declared in the files given",
        ],
    ),
    ("tf-sandbox-stateless.tf", [1, 0, 0], &[]),
    ("tf-single-vpc-logging.tf", [3, 1, 0], &[]),
    ("tf-strict-rule-ordering.tf", [3, 1, 0], &[]),
    ("tf-supervisor-baseline.tf", [2, 0, 0], &[]),
];

fn folder(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("FIREDRILL_CORPUS").map_or(beside, PathBuf::from).join(name);
    folder.is_dir().then_some(folder)
}

fn load_alone(folder: &Path, name: &str, params: &[(&str, &str)]) -> (Sources, Loaded) {
    let mut sources = Sources::new();
    let file = sources.add(name, std::fs::read_to_string(folder.join(name)).unwrap());
    let values = params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let params = Params { values, files: Vec::new() };
    let loaded = load(&[file], folder, &mut sources, &params);
    (sources, loaded)
}

/// Calls `with` for every node of a tree.
fn visit(node: &Node, with: &mut impl FnMut(&Node)) {
    with(node);
    for item in node.as_list().unwrap_or(&[]) {
        visit(item, with);
    }
    for (_, member) in node.as_map().unwrap_or(&[]) {
        visit(member, with);
    }
}

fn open(sources: &Sources, loaded: &Loaded) -> Vec<String> {
    let mut open = Vec::new();
    for resource in &loaded.resources {
        visit(&resource.properties, &mut |node| {
            if let Value::Unresolved(unresolved) = &node.value {
                let place = sources.location(node.span);
                assert!(!unresolved.help.is_empty(), "{}", unresolved.what);
                open.push((place.line, format!("{}:{} {}", place.line, place.column, unresolved.what)));
            }
        });
    }
    open.sort();
    open.into_iter().map(|(_, text)| text).collect()
}

/// The first word of every line of every rule text stands in a file where the text says it does.
fn check_places(sources: &Sources, loaded: &Loaded) -> usize {
    let mut lines = 0;
    for resource in &loaded.resources {
        visit(&resource.properties, &mut |node| {
            let Some(text) = node.as_text().filter(|text| text.as_str().contains('\n')) else { return };
            let mut start = 0;
            for line in text.as_str().split_inclusive('\n') {
                let word = line.trim_start().split([' ', '\n']).next().unwrap_or("");
                let at = start + line.len() - line.trim_start().len();
                assert_eq!(sources.slice(text.span(at..at + word.len())), word, "{}", resource.logical_id);
                start += line.len();
                lines += 1;
            }
        });
    }
    lines
}

#[test]
fn every_file_of_the_corpus_gives_what_it_holds() {
    let Some(folder) = folder("policies") else {
        println!("skipped: corpus not present");
        return;
    };
    let mut lines = 0;
    for (name, counts, expected) in EXPECTED {
        let (sources, loaded) = load_alone(&folder, name, &[]);
        let count =
            |wanted: &dyn Fn(ResourceKind) -> bool| loaded.resources.iter().filter(|it| wanted(it.kind)).count();
        let groups = count(&|kind| kind == ResourceKind::RuleGroup);
        let policies = count(&|kind| kind == ResourceKind::FirewallPolicy);
        assert_eq!([groups, policies, loaded.resources.len() - groups - policies], *counts, "{name}");
        assert_eq!(open(&sources, &loaded), *expected, "{name}");
        let wrong: Vec<_> = loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error).collect();
        if *name == "tf-module-complete.tf" {
            assert_eq!(wrong.len(), 3, "{wrong:?}");
            assert!(wrong.iter().all(|it| it.code == "FD0505"));
        } else {
            assert!(loaded.diagnostics.is_empty(), "{name}: {:?}", loaded.diagnostics);
        }
        lines += check_places(&sources, &loaded);
    }
    assert!(lines > 80, "{lines}");
    let all = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let unlisted: Vec<_> =
        all.filter(|name| name.starts_with("tf-") && !EXPECTED.iter().any(|(listed, ..)| listed == name)).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

#[test]
fn what_is_open_can_be_given() {
    let Some(folder) = folder("policies") else {
        println!("skipped: corpus not present");
        return;
    };
    for (name, params) in [
        ("tf-central-inspection-with-egress.tf", &[("supernet", "10.0.0.0/8"), ("identifier", "x")][..]),
        ("tf-fms-central-policy.tf", &[("network_supernet", "10.0.0.0/8")]),
        ("tf-epomatti-policies.tf", &[("ip_to_drop", "192.0.2.1/32"), ("workload", "w")]),
        (
            "tf-intra-vpc-inspection.tf",
            &[(
                "vpc",
                r#"{private1_subnet_cidrs=["10.0.0.0/24"],private2_subnet_cidrs=["10.0.1.0/24"],private3_subnet_cidrs=["10.0.2.0/24"]}"#,
            )],
        ),
        (
            "tf-pike-rule-group.tf",
            &[
                ("rule_group", r#"{capacity=100,name="n",type="STATEFUL"}"#),
                ("source_list", r#"[{generated_rules_type="ALLOWLIST",target_types=["TLS_SNI"],targets=["a.com"]}]"#),
            ],
        ),
    ] {
        let (sources, loaded) = load_alone(&folder, name, params);
        assert_eq!(open(&sources, &loaded), Vec::<String>::new(), "{name}");
    }
    let (_, loaded) = load_alone(&folder, "tf-epomatti-policies.tf", &[("workload", "w")]);
    assert_eq!(loaded.resources[0].name.as_ref().unwrap().value, "policy-w");
}

#[test]
fn a_template_of_the_corpus_is_rendered() {
    let Some(folder) = folder("policies") else {
        println!("skipped: corpus not present");
        return;
    };
    let (_, loaded) = load_alone(&folder, "tf-moj-rules.tf", &[]);
    let Some(rules) = loaded.resources[0].properties.get("Rules").and_then(Node::as_text) else { panic!("no rules") };
    let lines: Vec<_> = rules.as_str().lines().collect();
    assert_eq!(lines.len(), 2 * (17 + 9) + 2);
    assert!(lines[9].contains(r#"content:"api.notifications.service.gov.uk""#) && lines[9].contains("sid:505;"));
}

#[test]
fn the_examples_of_the_specification_are_read() {
    let Some(folder) = folder("../spec/examples") else {
        println!("skipped: corpus not present");
        return;
    };
    let (sources, loaded) = load_alone(&folder, "main.tf", &[]);
    assert!(loaded.diagnostics.is_empty() && open(&sources, &loaded).is_empty());
    assert_eq!(loaded.resources.len(), 5);
    assert!(check_places(&sources, &loaded) > 0);

    let mut sources = Sources::new();
    let file = sources.add("plan.json", std::fs::read_to_string(folder.join("terraform-plan.json")).unwrap());
    let loaded = load_plan(file, &sources);
    assert!(loaded.diagnostics.is_empty() && open(&sources, &loaded).is_empty());
    let policy = loaded.resources.iter().find(|it| it.kind == ResourceKind::FirewallPolicy).unwrap();
    let references = policy.properties.get("FirewallPolicy").and_then(|it| it.get("StatefulRuleGroupReferences"));
    let arn = references.and_then(|it| it.as_list()?.first()?.get("ResourceArn")?.as_text()).unwrap();
    assert!(loaded.resources.iter().any(|it| it.identities.iter().any(|identity| identity == arn.as_str())));
}
