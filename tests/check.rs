//! Small faulty policies, and what `firedrill check` finds in each: nothing more and nothing less.
//!
//! `tests/check/expected.tsv` has a line for every file: the path, options (`-` for none), and the findings as `CODE:LINE`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up is a failed test")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command.args(arguments).current_dir(directory).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.output().unwrap()
}

fn check(directory: &Path, policy: &str, options: &[&str]) -> Output {
    run(directory, &[&["check", policy][..], options].concat())
}

fn document(directory: &Path, policy: &str, options: &[&str]) -> Value {
    let output = check(directory, policy, &[options, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `CODE:LINE` of every finding, sorted.
fn found(document: &Value) -> Vec<String> {
    let policies = document["policies"].as_array().unwrap();
    let findings = policies.iter().flat_map(|policy| policy["findings"].as_array().unwrap());
    let mut found: Vec<String> = findings
        .map(|finding| format!("{}:{}", finding["code"].as_str().unwrap(), finding["places"][0]["line"]))
        .collect();
    found.sort();
    found
}

fn expected() -> Vec<(String, Vec<String>, Vec<String>)> {
    let table = std::fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    table
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let options = if cells[1] == "-" { Vec::new() } else { words(cells[1]) };
            (cells[0].to_owned(), options, words(cells[2]))
        })
        .collect()
}

#[test]
fn in_every_faulty_policy_its_faults_are_found_and_no_others() {
    let mut wrong = Vec::new();
    for (policy, options, expected) in expected() {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let found = found(&document(&folder(), &policy, &options));
        if found != expected {
            wrong.push(format!("{policy}: found {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_has_its_line_and_every_kind_of_finding_a_file() {
    let table = expected();
    let listed: BTreeSet<PathBuf> = table.iter().map(|(policy, ..)| folder().join(policy)).collect();
    let mut files = BTreeSet::new();
    for directory in
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        files.extend(std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()));
    }
    assert_eq!(files, listed);
    assert!(files.len() >= 60);
    let codes: BTreeSet<&str> =
        table.iter().flat_map(|(.., found)| found).map(|found| found.split(':').next().unwrap()).collect();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md")).unwrap();
    for code in page.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|line| line.get(..6)) {
        let is_ours = ["FD08", "FD11", "FD10"].iter().any(|family| code.starts_with(family));
        assert!(!is_ours || codes.contains(code), "no faulty policy shows {code}");
    }
}

#[test]
fn exit_codes_follow_severities_and_what_is_denied() {
    let code = |policy: &str, options: &[&str]| check(&folder(), policy, options).status.code().unwrap();
    assert_eq!(code("dead/name-twice.rules", &["--order", "strict"]), 0);
    assert_eq!(code("dead/name-twice.rules", &["--order", "strict", "--deny", "warnings"]), 1);
    assert_eq!(code("dead/name-twice.rules", &["--order", "strict", "--deny", "FD0804"]), 0);
    assert_eq!(code("dead/name-twice.rules", &["--order", "strict", "--deny", "fd0801"]), 1);
    assert_eq!(code("refused/gid.rules", &[]), 1);
    assert_eq!(code("refused/no-sid.rules", &[]), 1, "AWS would refuse it");
    assert_eq!(code("expected.tsv", &[]), 2, "it is no policy");
    assert_eq!(code("none.rules", &[]), 2);
    assert_eq!(run(&folder(), &["rule", "FD9999"]).status.code(), Some(2));
}

#[test]
fn an_allowed_finding_is_counted_with_its_reason() {
    let document = document(&folder(), "allowed/with-a-reason.yaml", &[]);
    let suppressed = &document["policies"][0]["suppressed"];
    assert_eq!(suppressed[0]["code"], "FD0803");
    assert_eq!(suppressed[0]["reason"], "it is generated");
}

/// A file of the faulty policies in a directory of its own.
fn copy(policy: &str, name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{name}"));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::copy(folder().join(policy), directory.join(Path::new(policy).file_name().unwrap())).unwrap();
    directory
}

#[test]
fn a_fix_takes_out_what_is_redundant_and_nothing_else() {
    let directory = copy("list/redundant-wildcard.json", "fix-json");
    let output =
        check(&directory, "redundant-wildcard.json", &["--home-net", "10.0.0.0/8", "--fix", "--format", "json"]);
    let after: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found(&after), [] as [&str; 0]);
    let text = std::fs::read_to_string(directory.join("redundant-wildcard.json")).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        list["RuleGroup"]["RulesSource"]["RulesSourceList"]["Targets"],
        serde_json::json!(["b.org", ".example.com"])
    );
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");

    let directory = copy("dead/two-halves-cover-a-whole.rules", "fix-rules");
    let before = std::fs::read_to_string(folder().join("dead/two-halves-cover-a-whole.rules")).unwrap();
    check(&directory, "two-halves-cover-a-whole.rules", &["--order", "strict", "--fix"]);
    let after = std::fs::read_to_string(directory.join("two-halves-cover-a-whole.rules")).unwrap();
    assert_eq!(after, before.lines().take(2).flat_map(|line| [line, "\n"]).collect::<String>());
}

#[test]
fn what_is_certain_to_be_wrong_is_not_fixed_by_guessing() {
    let directory = copy("dead/drop-behind-pass-of-name.rules", "no-fix");
    let name = "drop-behind-pass-of-name.rules";
    check(&directory, name, &["--order", "strict", "--fix"]);
    let before = std::fs::read_to_string(folder().join("dead").join(name)).unwrap();
    assert_eq!(std::fs::read_to_string(directory.join(name)).unwrap(), before);
}

#[test]
fn code_hosts_and_workflows_get_their_forms() {
    let options = ["--order", "strict", "--format"];
    let sarif = check(&folder(), "dead/name-below-name.rules", &[&options[..], &["sarif"]].concat());
    let log: Value = serde_json::from_slice(&sarif.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "FD0801");
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"FD0801".into(), &"warning".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "dead/name-below-name.rules");
    assert_eq!(place["region"]["startLine"], 2);
    assert_eq!(result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "");

    let github = check(&folder(), "dead/name-below-name.rules", &[&options[..], &["github"]].concat());
    let text = String::from_utf8(github.stdout).unwrap();
    let start = "::warning file=dead/name-below-name.rules,line=2,endLine=2,col=1,endColumn=";
    assert!(text.starts_with(start) && text.contains(",title=FD0801::rule 2 (pass) never decides"), "{text}");
}

#[test]
fn the_document_has_the_members_that_its_schema_names() {
    let schema =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/check-1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let names = |of: &Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let required = |of: &Value| {
        let mut all: Vec<String> =
            of["required"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let document = document(&folder(), "list/redundant-domain.json", &["--home-net", "10.0.0.0/8", "--forecast", "3"]);
    assert_eq!(keys(&document), names(&schema));
    let policy = &document["policies"][0];
    assert_eq!(keys(policy), names(&schema["$defs"]["policy"]));
    let finding = &policy["findings"][0];
    assert_eq!(keys(finding), names(&schema["$defs"]["finding"]));
    assert_eq!(keys(&finding["places"][0]), required(&schema["$defs"]["place"]));
    assert_eq!(keys(&finding["places"][1]), names(&schema["$defs"]["place"]));
    assert_eq!(keys(&finding["fix"]), names(&schema["$defs"]["fix"]));
    assert_eq!(keys(&policy["capacity"][0]), names(&schema["$defs"]["capacity"]));
    assert_eq!(policy["capacity"][0]["head_room_forecast"], 87);
}

#[test]
fn a_code_is_explained_in_the_words_of_the_page() {
    let text = String::from_utf8(run(&folder(), &["rule", "fd0803"]).stdout).unwrap();
    assert!(text.starts_with("FD0803  What never decides: FD08\n"), "{text}");
    assert!(text.contains("a domain that another one of the policy covers"), "{text}");
    let all = String::from_utf8(run(&folder(), &["rule"]).stdout).unwrap();
    assert!(all.contains("FD0101  the text is not JSON") && all.contains("FD1002"), "{all}");
}

/// Samples that AWS publishes, where they are at hand.
#[test]
fn samples_of_aws_have_only_the_faults_that_the_page_names() {
    let Some(folder) = std::env::var_os("FIREDRILL_CORPUS").map(PathBuf::from) else {
        println!("skipped: FIREDRILL_CORPUS does not name a folder with published policies");
        return;
    };
    let allowed: [(&str, &[&str]); 6] = [
        ("cli-cloud-wan-region1-InspectionVPC1Anfw1DomainListStatefulAllowRuleGroup.json", &["FD0312"]),
        ("cfn-cloud-wan-region1.yaml", &["FD1109", "FD0312"]),
        ("rules-best-practice-strict.rules", &["FD0407"]),
        ("cfn-doc-rulegroup-stateless.yaml", &["FD0303"]),
        ("cli-doc-rulegroup-stateless-SampleStatelessRulegroup.json", &["FD0303"]),
        ("rules-lza.rules", &["FD0801"]),
    ];
    let manifest = std::fs::read_to_string(folder.join("policies/MANIFEST.tsv")).unwrap();
    let of_aws = ["\taws-samples/", "\taws/", "\tawslabs/", "\tawsdocs/", "\taws-ia/"];
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in manifest.lines().filter(|line| of_aws.iter().any(|owner| line.contains(owner))) {
        let name = line.split('\t').next().unwrap();
        let options: &[&str] = if name == "cfn-sagemaker-vpc.yaml" { &["--param", "VPCCIDR=10.0.0.0/16"] } else { &[] };
        let document = document(&folder.join("policies"), name, options);
        let policies = document["policies"].as_array().unwrap();
        for finding in policies.iter().flat_map(|policy| policy["findings"].as_array().unwrap()) {
            let code = finding["code"].as_str().unwrap();
            // what a document leaves open is not a fault of the policy
            let is_open = ["FD0301", "FD0306", "FD0307", "FD0308"].contains(&code);
            let is_allowed = allowed.iter().any(|(file, codes)| *file == name && codes.contains(&code));
            if finding["severity"] != "info" && !is_open && !is_allowed {
                wrong.push(format!("{name}: {code} {}", finding["message"]));
            }
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 20, "{checked} samples");
}

#[test]
fn fmt_changes_spelling_only_and_check_changes_nothing() {
    let directory = copy("dead/name-twice.rules", "fmt");
    let path = directory.join("name-twice.rules");
    std::fs::write(&path, "# kept\ndrop  tcp any any -> any 25 ( sid:1 ; )\n").unwrap();
    let code = |arguments: &[&str]| run(&directory, arguments).status.code().unwrap();
    assert_eq!(code(&["fmt", "--check", "name-twice.rules"]), 1);
    assert!(std::fs::read_to_string(&path).unwrap().contains("drop  tcp"));
    assert_eq!(code(&["fmt", "name-twice.rules"]), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# kept\ndrop tcp any any -> any 25 (sid:1;)\n");
    assert_eq!(code(&["fmt", "--check", "name-twice.rules"]), 0);
    std::fs::write(&path, "block this\n").unwrap();
    assert_eq!(code(&["fmt", "name-twice.rules"]), 2);
}
