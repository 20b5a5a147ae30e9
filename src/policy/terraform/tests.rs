//! Whole configurations, written in the test.

use super::config::SourceText;
use super::evaluate::Scope;
use super::*;
use crate::policy::value::Value;

/// The value of an expression as JSON, or the message that says why there is none.
pub(super) fn evaluate(expression: &str) -> String {
    evaluate_in("", expression)
}

/// The same, with `config` around it.
fn evaluate_in(config: &str, expression: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("main.tf", config);
    let expression = expression.trim_end();
    let asked = sources.add("asked.tf", expression);
    let text = SourceText::new(asked, expression);
    let evaluator = Evaluator::new(Files::new(&mut sources, Path::new("/nonexistent")));
    let mut loader = Loader::new(&evaluator.files);
    let module = loader.root(&[file]);
    assert!(loader.diagnostics.is_empty(), "{:?}", loader.diagnostics);
    let root = Instance::root(module);
    let expression = hcl_edit::parser::parse_expr(&text.text).unwrap();
    let scope = Scope { source: &text, instance: Some(&root), names: None };
    let value = evaluator.eval_lazily(&expression, scope);
    json(&value.to_node(&mut 10_000_000))
}

/// A node as compact JSON in file order; for an unresolved one, what is missing.
fn json(node: &Node) -> String {
    fn write(node: &Node, out: &mut String) -> Result<(), String> {
        match &node.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(&value.to_string()),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => out.push_str(&serde_json::to_string(text.as_str()).unwrap()),
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    write(item, out)?;
                }
                out.push(']');
            }
            Value::Map(members) => {
                out.push('{');
                for (at, (key, item)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(&serde_json::to_string(&key.value).unwrap());
                    out.push(':');
                    write(item, out)?;
                }
                out.push('}');
            }
            Value::Unresolved(unresolved) => return Err(unresolved.what.clone()),
        }
        Ok(())
    }
    let mut out = String::new();
    match write(node, &mut out) {
        Ok(()) => out,
        Err(what) => what,
    }
}

/// Loads `config` as the only file of a module, with `--param`s.
fn load_with(config: &str, params: &[(&str, &str)]) -> (Sources, Loaded) {
    let mut sources = Sources::new();
    let file = sources.add("main.tf", config);
    let values = params.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let params = Params { values, files: Vec::new() };
    let loaded = load(&[file], Path::new("/nonexistent"), &mut sources, &params);
    (sources, loaded)
}

/// The properties of the only resource, as JSON.
fn check_properties(config: &str, expected: &str) {
    let (_, loaded) = load_with(config, &[]);
    assert_eq!(messages(&loaded), Vec::<String>::new());
    let properties: Vec<_> = loaded.resources.iter().map(|resource| json(&resource.properties)).collect();
    assert_eq!(properties, [expected]);
}

fn messages(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect()
}

fn rules(text: &str) -> String {
    format!(
        "resource \"aws_networkfirewall_rule_group\" \"x\" {{\n  rule_group {{\n    rules_source {{\n      rules_string = {text}\n    }}\n  }}\n}}\n"
    )
}

/// The rules string of a group, and a check that each of `places` is found in the file where the text has it.
fn check_rules(config: &str, expected: &str, places: &[(&str, &str)]) {
    let (sources, loaded) = load_with(config, &[]);
    assert_eq!(messages(&loaded), Vec::<String>::new());
    let group = &loaded.resources[0].properties;
    let node =
        group.get("RuleGroup").and_then(|it| it.get("RulesSource")).and_then(|it| it.get("RulesString")).unwrap();
    let text = node.as_text().unwrap_or_else(|| panic!("{:?}", node.value));
    assert_eq!(text.as_str(), expected);
    for (part, place) in places {
        let at = text.as_str().find(part).unwrap();
        assert_eq!(sources.location(text.span(at..at + part.len())).to_string(), *place, "{part}");
    }
}

fn check(config: &str, expression: &str, expected: &str) {
    assert_eq!(evaluate_in(config, expression), expected, "{expression}");
}

#[test]
fn operators_and_conditionals() {
    check("", "[1 + 2 * 3, 7 / 2, 7 % 3, -(2), 10 / 5]", "[7,3.5,1,-2,2]");
    check(
        "",
        r#"[1 == 1.0, "1" == 1, "a" != "b", 1 < 2, 2 <= 2, 3 > 4, !true]"#,
        "[true,false,true,true,true,false,false]",
    );
    check("", r#"[true && false, true || false, true ? "a" : "b", "5" + 1]"#, r#"[false,true,"a",6]"#);
    check("", "false && var.none", "false");
    check("", "1 / 0", "this divides by zero");
    check("", r#""a" + 1"#, "`+` needs a number, this is a string");
}

#[test]
fn collections_and_loops() {
    check("", r#"[for d in ["a", "b"] : ".${d}"]"#, r#"[".a",".b"]"#);
    check("", r#"[for i, d in ["a", "b"] : "${i}${d}" if d != "a"]"#, r#"["1b"]"#);
    check("", "{ for k, v in { b = 1, a = 2 } : upper(k) => v }", r#"{"A":2,"B":1}"#);
    check("", r#"{ for s in ["aa", "ab", "ba"] : substr(s, 0, 1) => s... }"#, r#"{"a":["aa","ab"],"b":["ba"]}"#);
    check(
        "",
        r#"[{ a = [1, 2] }.a[1], { a = 1 }["a"], [[1], [2]][*][0], [{ x = 1 }, { x = 2 }].*.x]"#,
        "[2,1,[1,2],[1,2]]",
    );
    check("", r#"{ "${"k"}" = 1, (join("", ["a", "b"])) = 2, c : 3 }"#, r#"{"k":1,"ab":2,"c":3}"#);
    check("", "{ for s in [1, 1] : s => s }", "two items have the key `1`");
    check("", "[1][1]", "there is no item `1` in it");
    check("", "{ a = 1 }.b", "there is no `b` in it");
    check("", "null[*]", "[]");
}

#[test]
fn strings_are_templates() {
    check("", r#""a ${1 + 1} ${true}""#, r#""a 2 true""#);
    check("", r#""${[1, 2]}""#, "[1,2]");
    check("", r#""$${x} %%{y} $HOME_NET \u0041\t\"""#, r#""${x} %{y} $HOME_NET A\t\"""#);
    check("", r#""%{ if true }yes%{ else }no%{ endif }""#, r#""yes""#);
    check("", r#""%{ for d in ["a", "b"] }${d}\n%{ endfor }""#, r#""a\nb\n""#);
    check("", r#""x${[1]}""#, "a list cannot stand in a template: a string, number or bool can");
    check("", r#""a  ${~ "b" ~}  c""#, r#""abc""#);
}

#[test]
fn heredocs_keep_or_lose_their_indentation() {
    check("", "<<EOT\n  a\n   b\n  EOT\n", r#""  a\n   b\n""#);
    check("", "<<-EOT\n  a\n\n   ${1}\n  EOT\n", r#""a\n\n 1\n""#);
    check("", "<<-EOT\n    a\n  ${1}b\n  EOT\n", r#""  a\n1b\n""#);
    // `~}` eats the line end before indentation is looked at, so for Terraform the next line does not begin one.
    check(
        "",
        "<<-EOT\n    %{ for d in [1, 2] ~}\n    pass ${d}\n    %{ endfor ~}\n    end\n    EOT\n",
        r#""    pass 1\n    pass 2\n    end\n""#,
    );
    check("", "<<EOT\n%{ if true ~}\n  a\n%{ endif ~}\nEOT\n", r#""  a\n""#);
}

#[test]
fn locals_and_variables_refer_to_each_other() {
    let config = "variable \"n\" {\n  default = 2\n}\nlocals {\n  a = local.b * 10\n  b = var.n\n  c = local.c\n}\n";
    check(config, "local.a", "20");
    check(config, "local.c", "`local.c` depends on itself");
    check(config, "local.d", "local `d` is not declared in the files given");
}

#[test]
fn a_variable_has_the_type_it_declares() {
    let config = r#"
variable "ports" {
  type    = list(string)
  default = [80, 443]
}
variable "set" {
  type    = set(string)
  default = ["b", "a", "b"]
}
variable "rule" {
  type = object({ name = string, sid = optional(number, 7), msg = optional(string) })
  default = { name = 5, extra = true }
}
"#;
    check(config, "var.ports", r#"["80","443"]"#);
    check(config, "[for k, v in var.set : k]", r#"["a","b"]"#);
    check(config, "var.rule", r#"{"name":"5","sid":7,"msg":null}"#);
}

#[test]
fn resources_are_maps_and_their_arns_are_tokens() {
    let config = r#"
resource "aws_networkfirewall_rule_group" "one" {
  name = "one"
}
resource "aws_networkfirewall_rule_group" "each" {
  for_each = toset(["b", "a"])
  name     = each.key
}
resource "aws_networkfirewall_rule_group" "many" {
  count = 2
  name  = "n${count.index}"
}
resource "aws_subnet" "s" {
  vpc_id = aws_vpc.v.id
}
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}
"#;
    check(config, "aws_networkfirewall_rule_group.one.arn", r#""resource:aws_networkfirewall_rule_group.one""#);
    check(
        config,
        r#"aws_networkfirewall_rule_group.each["a"].id"#,
        r#""resource:aws_networkfirewall_rule_group.each[\"a\"]""#,
    );
    check(config, "aws_networkfirewall_rule_group.many[1].name", r#""n1""#);
    check(config, "aws_networkfirewall_rule_group.many[*].name", r#"["n0","n1"]"#);
    check(config, "[for k, g in aws_networkfirewall_rule_group.each : g.name]", r#"["a","b"]"#);
    check(config, "[aws_subnet.s.vpc_id, aws_vpc.v.cidr_block]", r#"["resource:aws_vpc.v","10.0.0.0/16"]"#);
    check(config, "aws_subnet.s.id", "`aws_subnet.s.id` is known to AWS only");
    check(config, "aws_subnet.t.id", "resource `aws_subnet.t` is not declared in the files given");
    check(config, "aws_networkfirewall_rule_group.one[0].arn", "there is only one of it, `[0]` needs a `count`");
}

#[test]
fn what_aws_knows_is_unknown_until_it_is_needed() {
    let config = "data \"aws_region\" \"r\" {}\nmodule \"m\" {\n  source = \"terraform-aws-modules/vpc/aws\"\n}\n";
    check(config, "data.aws_region.r.name", "data source `data.aws_region.r` is read from AWS");
    check(
        config,
        "module.m.vpc_id",
        "module `m` is not read: its source `terraform-aws-modules/vpc/aws` is not a local directory",
    );
    check(config, "length([data.aws_region.r.name, 1])", "2");
    check(config, "true ? 1 : data.aws_region.r.name", "1");
    check("", "path.cwd", "`path.cwd` depends on where Terraform runs");
}

#[test]
fn rule_text_maps_to_where_it_is_written() {
    check_rules(
        &rules("\"pass tcp any any -> any 80 (msg:\\\"x\\\"; sid:1;)\""),
        "pass tcp any any -> any 80 (msg:\"x\"; sid:1;)",
        &[("pass", "main.tf:4:23"), ("sid:1", "main.tf:4:62")],
    );
    check_rules(
        &rules("<<EOT\n      pass ip any any\n      drop ip any any\n      EOT"),
        "      pass ip any any\n      drop ip any any\n",
        &[("pass", "main.tf:5:7"), ("drop", "main.tf:6:7")],
    );
    check_rules(
        &rules("<<-EOT\n      pass ip any any\n        drop ip any any\n      EOT"),
        "pass ip any any\n  drop ip any any\n",
        &[("pass", "main.tf:5:7"), ("drop", "main.tf:6:9")],
    );
}

#[test]
fn substituted_text_maps_to_the_value() {
    let config = format!(
        "locals {{\n  domain = \"example.com\"\n  sids   = [7]\n}}\n{}",
        rules("\"pass ${local.domain} sid:${local.sids[0]};\"")
    );
    check_rules(
        &config,
        "pass example.com sid:7;",
        &[("pass", "main.tf:8:23"), ("example", "main.tf:2:13"), ("7", "main.tf:3:13"), (";", "main.tf:8:64")],
    );
    let joined = rules("join(\"\\n\", [for d in [\"a.b\", \"c.d\"] : trimspace(\" pass ${d} \")])");
    check_rules(&joined, "pass a.b\npass c.d", &[("a.b", "main.tf:4:45"), ("c.d", "main.tf:4:52")]);
}

#[test]
fn crlf_files_and_byte_order_marks_do_not_shift_places() {
    let config = format!("\u{feff}{}", rules("<<EOT\n pass ip\n EOT").replace('\n', "\r\n"));
    check_rules(&config, " pass ip\r\n", &[("pass", "main.tf:5:2")]);
}

#[test]
fn a_syntax_error_has_a_place_and_says_what_was_expected() {
    let (sources, loaded) = load_with("resource \"a\" \"b\" {\n  x = [1, 2\n}\n", &[]);
    let problem = &loaded.diagnostics[0];
    assert_eq!(sources.location(problem.labels[0].span).to_string(), "main.tf:3:1");
    assert_eq!(messages(&loaded), ["FD0501 syntax error: expected `]`"]);
}

#[test]
fn declarations_are_unique() {
    let (_, loaded) =
        load_with("locals {\n  a = 1\n}\nlocals {\n  a = 2\n}\nvariable \"v\" {}\nvariable \"v\" {}\n", &[]);
    assert_eq!(messages(&loaded), ["FD0503 local `a` is declared twice", "FD0503 variable `v` is declared twice"]);
}

const WITH_VARIABLES: &str = r#"
variable "home" {
  type = list(string)
}
variable "cidr" {
  type    = string
  default = "10.0.0.0/8"
}
resource "aws_networkfirewall_firewall_policy" "p" {
  name = "p-${var.cidr}"
  firewall_policy {
    stateless_default_actions = ["aws:pass"]
    policy_variables {
      rule_variables {
        key = "HOME_NET"
        ip_set {
          definition = concat(var.home, [var.other])
        }
      }
    }
  }
}
"#;

#[test]
fn variables_are_set_from_the_command_line() {
    let definition = |params: &[(&str, &str)]| {
        let (_, loaded) = load_with(WITH_VARIABLES, params);
        let policy = loaded.resources[0].properties.get("FirewallPolicy").cloned().unwrap();
        json(policy.get("PolicyVariables").unwrap())
    };
    assert_eq!(definition(&[]), "variable `home` has no default");
    assert_eq!(definition(&[("home", r#"["10.0.0.0/16"]"#)]), "variable `other` is not declared in the files given");
    assert_eq!(
        definition(&[("home", r#"["10.0.0.0/16"]"#), ("other", "10.1.0.0/16")]),
        r#"{"RuleVariables":{"HOME_NET":{"Definition":["10.0.0.0/16","10.1.0.0/16"]}}}"#
    );
    assert_eq!(definition(&[("home", "10.0.0.0/16")]), "the value of --param home is not what its type wants");
}

#[test]
fn what_aws_knows_can_be_given_by_its_address() {
    let config = r#"
data "aws_region" "here" {}
resource "aws_networkfirewall_firewall_policy" "p" {
  firewall_policy {
    stateful_rule_group_reference {
      resource_arn = "arn:aws:network-firewall:${data.aws_region.here.name}:aws-managed:stateful-rulegroup/${terraform.workspace}"
    }
    tls_inspection_configuration_arn = aws_x.y.arn
  }
}
"#;
    let policy = |params: &[(&str, &str)]| {
        let (_, loaded) = load_with(config, params);
        assert_eq!(messages(&loaded), Vec::<String>::new());
        json(loaded.resources[0].properties.get("FirewallPolicy").unwrap())
    };
    assert_eq!(
        policy(&[
            ("data.aws_region.here.name", "eu-west-1"),
            ("terraform.workspace", "W"),
            ("aws_x.y", "{ arn = \"z\" }")
        ]),
        concat!(
            r#"{"TLSInspectionConfigurationArn":"z","#,
            r#""StatefulRuleGroupReferences":[{"ResourceArn":"arn:aws:network-firewall:eu-west-1:aws-managed:stateful-rulegroup/W"}]}"#
        )
    );
    let (_, loaded) = load_with(config, &[("aws_x.y.arn", "z")]);
    let mut help = None;
    let policy = loaded.resources[0].properties.get("FirewallPolicy").unwrap();
    if let Value::Unresolved(unresolved) =
        &policy.get("StatefulRuleGroupReferences").unwrap().as_list().unwrap()[0].get("ResourceArn").unwrap().value
    {
        help = Some(unresolved.help.clone());
    }
    assert!(help.unwrap().starts_with("give it with --param data.aws_region.here.name=VALUE, or run `terraform plan"));
}

#[test]
fn a_name_that_is_no_variable_is_said() {
    let (_, loaded) = load_with(WITH_VARIABLES, &[("other", "x"), ("hmoe", "[]")]);
    assert_eq!(messages(&loaded), ["FD0508 nothing asks for `hmoe`"]);
}

#[test]
fn dynamic_blocks_become_blocks() {
    check_properties(
        r#"
resource "aws_networkfirewall_rule_group" "x" {
  rule_group {
    rules_source {
      stateful_rule {
        action = "PASS"
      }
      dynamic "stateful_rule" {
        for_each = { b = 2, a = 1 }
        iterator = it
        content {
          action = it.key
          rule_option {
            keyword  = "sid"
            settings = [it.value]
          }
        }
      }
    }
  }
}
"#,
        concat!(
            r#"{"RuleGroup":{"RulesSource":{"StatefulRules":[{"Action":"PASS"},"#,
            r#"{"Action":"a","RuleOptions":[{"Keyword":"sid","Settings":["1"]}]},"#,
            r#"{"Action":"b","RuleOptions":[{"Keyword":"sid","Settings":["2"]}]}]}}}"#
        ),
    );
}

#[test]
fn a_port_without_an_end_is_one_port() {
    check_properties(
        r#"
resource "aws_networkfirewall_rule_group" "x" {
  capacity = "10"
  rule_group {
    rules_source {
      stateless_rules_and_custom_actions {
        stateless_rule {
          priority = 1
          rule_definition {
            actions = ["aws:pass"]
            match_attributes {
              protocols = ["6"]
              source_port {
                from_port = 22
              }
            }
          }
        }
      }
    }
  }
}
"#,
        concat!(
            r#"{"Capacity":10,"RuleGroup":{"RulesSource":{"StatelessRulesAndCustomActions":{"StatelessRules":[{"Priority":1,"#,
            r#""RuleDefinition":{"Actions":["aws:pass"],"MatchAttributes":{"Protocols":[6],"SourcePorts":[{"FromPort":22,"ToPort":22}]}}}]}}}}"#
        ),
    );
}

#[test]
fn entries_of_a_prefix_list_may_be_resources() {
    check_properties(
        r#"
resource "aws_ec2_managed_prefix_list" "l" {
  entry {
    cidr        = "10.0.0.0/8"
    description = "x"
  }
}
resource "aws_ec2_managed_prefix_list_entry" "e" {
  for_each       = toset(["10.2.0.0/16", "10.1.0.0/16"])
  cidr           = each.value
  prefix_list_id = aws_ec2_managed_prefix_list.l.id
}
"#,
        r#"{"Entries":[{"Cidr":"10.0.0.0/8"},{"Cidr":"10.1.0.0/16"},{"Cidr":"10.2.0.0/16"}]}"#,
    );
}

#[test]
fn damaged_files_are_refused_or_read_but_nothing_panics() {
    let config = format!(
        "variable \"v\" {{\n  type = list(object({{ a = optional(string, \"é\") }}))\n  default = [{{}}]\n}}\nlocals {{\n  l = {{ for k, v in {{ a = 1 }} : k => \"${{v}}%{{ if true ~}} x %{{ endif }}\"... if v != 2 }}\n  c = cidrsubnet(\"10.0.0.0/8\", 4, -(1) + 2)\n  f = format(\"%-5s|%03d\", \"é\", 7)\n}}\n{}{WITH_VARIABLES}",
        rules("<<-EOT\n    a ${var.v[*].a[0]}\n\n  %{ for x in [local.l, local.c] ~}\n  b\n  %{ endfor }\n  EOT")
    );
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let snippets = [
        "${",
        "}",
        "\"",
        "<<-X\n",
        "[*]",
        "...",
        "for",
        "%{",
        "~",
        "\\u00",
        "(",
        "é",
        "\n",
        "99999999999999999999",
        "-",
    ];
    for _ in 0..400 {
        let mut damaged: Vec<char> = config.chars().collect();
        for _ in 0..=random(3) {
            let at = random(damaged.len());
            if random(2) == 0 {
                damaged.drain(at..(at + 1 + random(6)).min(damaged.len()));
            } else {
                damaged.splice(at..at, snippets[random(snippets.len())].chars());
            }
        }
        let (_, loaded) = load_with(&damaged.into_iter().collect::<String>(), &[("home", "[]")]);
        let _ = messages(&loaded);
    }
}

#[test]
fn what_the_provider_gets_new_is_passed_on() {
    check_properties(
        "resource \"aws_networkfirewall_firewall_policy\" \"p\" {\n  firewall_policy {\n    brand_new_thing {\n      a_b = 1\n    }\n  }\n}\n",
        r#"{"FirewallPolicy":{"BrandNewThing":[{"a_b":1}]}}"#,
    );
}

#[test]
fn the_order_of_rule_options_is_warned_of() {
    let option = |keyword: &str| format!("        rule_option {{\n          keyword = \"{keyword}\"\n        }}\n");
    let config = format!(
        "resource \"aws_networkfirewall_rule_group\" \"x\" {{\n  rule_group {{\n    rules_source {{\n      stateful_rule {{\n{}{}      }}\n    }}\n  }}\n}}\n",
        option("tls.sni"),
        option("content")
    );
    let (sources, loaded) = load_with(&config, &[]);
    assert_eq!(loaded.diagnostics[0].code, "FD0506");
    assert_eq!(sources.location(loaded.diagnostics[0].labels[0].span).to_string(), "main.tf:6:21");
}

#[test]
fn counts_that_are_not_known_are_said_and_read_as_one() {
    let (_, loaded) = load_with(
        "resource \"aws_networkfirewall_rule_group\" \"x\" {\n  for_each = data.d.e.names\n  name = each.key\n  type = \"STATEFUL\"\n}\n",
        &[],
    );
    assert_eq!(
        messages(&loaded),
        [
            "FD0504 how many `aws_networkfirewall_rule_group.x` there are is not known (data source `data.d.e` is not declared in the files given); it is read as one"
        ]
    );
    assert_eq!(json(&loaded.resources[0].properties), r#"{"Type":"STATEFUL"}"#);
}

#[test]
fn evaluation_is_bounded() {
    let locals = |first: &str, each: &dyn Fn(usize, String) -> String, levels: usize| {
        let lines = (1..levels).map(|level| format!("  a{level} = {}", each(level, format!("local.a{}", level - 1))));
        format!("locals {{\n  a0 = {first}\n{}\n}}\n", lines.collect::<Vec<_>>().join("\n"))
    };
    let wide = locals("1", &|_, before| format!("[{}]", [before.as_str(); 10].join(", ")), 30);
    for asked in ["local.a29", "local.a29 == local.a28", "flatten(local.a29)", "jsonencode(local.a29)"] {
        assert_eq!(evaluate_in(&wide, asked), "this value is too large to be evaluated");
    }
    let doubled = locals("\"xy\"", &|_, before| format!("\"${{{before}}}${{{before}}}\""), 60);
    assert_eq!(evaluate_in(&doubled, "local.a59"), "evaluating this takes too many steps");
    let deep = locals("1", &|_, before| before, 1000);
    assert_eq!(evaluate_in(&deep, "local.a999"), "this is nested too deeply to be evaluated");
    // The largest stack frames there are, within the smallest stack that a test has.
    let heavy = |_, before| {
        let template = format!("\"%{{ for y in [{before}] }}${{y}}%{{ endfor }}\"");
        format!("join(\"\", [for x in [true ? merge({{ k = {template} }}).k : 1] : format(\"%s\", x)])")
    };
    let heavy = locals("\"x\"", &heavy, 200);
    assert_eq!(evaluate_in(&heavy, "local.a199"), "this is nested too deeply to be evaluated");
    assert_eq!(evaluate_in(&heavy, "local.a9"), "\"x\"");
}

/// A directory with files, removed at the end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("firedrill-terraform-{}-{name}", std::process::id()));
        for (name, text) in files {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }

    /// Loads the `.tf` files at its top.
    fn load(&self, params: &Params) -> (Sources, Loaded) {
        let mut sources = Sources::new();
        let mut names: Vec<_> = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let files: Vec<_> = names
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "tf"))
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                sources.add(name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        let loaded = load(&files, &self.0, &mut sources, params);
        (sources, loaded)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn rules_of(resource: &Resource) -> &crate::source::MappedText {
    let group = resource.properties.get("RuleGroup").unwrap();
    group.get("RulesSource").and_then(|it| it.get("RulesString")).and_then(Node::as_text).unwrap()
}

#[test]
fn files_and_templates_map_to_their_own_file() {
    let config =
        rules("\"${file(\"a.rules\")}${templatefile(\"${path.module}/t/b.tpl\", { ds = [\"x.y\"], on = true })}\"");
    let directory = Directory::new(
        "templates",
        &[
            ("main.tf", &config),
            ("a.rules", "pass one\n"),
            ("t/b.tpl", "%{ for i, d in ds ~}\ndrop ${d} sid:${5 + i};\n%{ endfor ~}\n%{ if on }end%{ endif }\n"),
        ],
    );
    let (sources, loaded) = directory.load(&Params::default());
    let text = rules_of(&loaded.resources[0]);
    assert_eq!(text.as_str(), "pass one\ndrop x.y sid:5;\nend\n");
    let place = |part: &str| {
        let at = text.as_str().find(part).unwrap();
        let location = sources.location(text.span(at..at + part.len()));
        let name = location.file.rsplit('/').next().unwrap().to_owned();
        format!("{name}:{}:{}", location.line, location.column)
    };
    assert_eq!(place("one"), "a.rules:1:6");
    assert_eq!(place("drop"), "b.tpl:2:1");
    assert_eq!(place("x.y"), "main.tf:4:91");
    assert_eq!(place("sid"), "b.tpl:2:11");
    assert_eq!(place("5;"), "b.tpl:2:17");
    assert_eq!(place("end"), "b.tpl:4:11");
}

#[test]
fn variable_files_win_in_terraforms_order() {
    let config = "variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\nvariable \"d\" {}\n".to_owned()
        + &rules("\"${var.a} ${var.b} ${var.c} ${var.d}\"");
    let directory = Directory::new(
        "tfvars",
        &[
            ("main.tf", &config),
            ("terraform.tfvars", "a = \"file\"\nb = \"file\"\nc = \"file\"\nd = 1 + 1\n"),
            ("x.auto.tfvars.json", r#"{"b": "auto", "c": "auto"}"#),
        ],
    );
    let params = Params { values: vec![("c".to_owned(), "param".to_owned())], files: Vec::new() };
    let (_, loaded) = directory.load(&params);
    assert_eq!(messages(&loaded), Vec::<String>::new());
    assert_eq!(rules_of(&loaded.resources[0]).as_str(), "file auto param 2");
}

const MODULE: &str = r#"
variable "name" {
  type = string
}
variable "domains" {
  type    = list(string)
  default = []
}
resource "aws_networkfirewall_rule_group" "this" {
  count = length(var.domains) > 0 ? 1 : 0
  name  = var.name
  rule_group {
    rules_source {
      rules_source_list {
        targets = var.domains
      }
    }
  }
}
output "arn" {
  value = one(aws_networkfirewall_rule_group.this[*].arn)
}
"#;

#[test]
fn local_modules_are_evaluated() {
    let main = r#"
module "group" {
  source   = "./modules/group"
  for_each = { a = [".a.com"], b = [] }
  name     = "g-${each.key}"
  domains  = each.value
}
resource "aws_networkfirewall_firewall_policy" "p" {
  firewall_policy {
    dynamic "stateful_rule_group_reference" {
      for_each = [for m in module.group : m.arn if m.arn != null]
      content {
        resource_arn = stateful_rule_group_reference.value
      }
    }
  }
}
"#;
    let directory = Directory::new("modules", &[("main.tf", main), ("modules/group/main.tf", MODULE)]);
    let (_, loaded) = directory.load(&Params::default());
    assert_eq!(messages(&loaded), Vec::<String>::new());
    let resources: Vec<_> =
        loaded.resources.iter().map(|it| format!("{} {}", it.logical_id, json(&it.properties))).collect();
    assert_eq!(
        resources,
        [
            r#"aws_networkfirewall_firewall_policy.p {"FirewallPolicy":{"StatefulRuleGroupReferences":[{"ResourceArn":"resource:module.group[\"a\"].aws_networkfirewall_rule_group.this[0]"}]}}"#,
            r#"module.group["a"].aws_networkfirewall_rule_group.this[0] {"RuleGroupName":"g-a","RuleGroup":{"RulesSource":{"RulesSourceList":{"Targets":[".a.com"]}}}}"#,
        ]
    );
    assert_eq!(
        loaded.resources[1].identities,
        [r#"resource:module.group["a"].aws_networkfirewall_rule_group.this[0]"#]
    );
}

#[test]
fn modules_of_a_registry_are_read_where_init_has_put_them() {
    let main = "module \"a\" {\n  source = \"org/outer/aws\"\n}\n";
    let outer =
        "module \"b\" {\n  source = \"org/inner/aws//modules/x\"\n  name = \"n\"\n  domains = [\".a.com\"]\n}\n";
    let manifest = r#"{"Modules": [{"Key": "", "Source": "", "Dir": "."},
        {"Key": "a", "Source": "registry.terraform.io/org/outer/aws", "Version": "1.0.0", "Dir": ".terraform/modules/a"},
        {"Key": "a.b", "Source": "registry.terraform.io/org/inner/aws", "Dir": ".terraform/modules/a.b/modules/x"}]}"#;
    let directory = Directory::new(
        "init",
        &[
            ("main.tf", main),
            (".terraform/modules/modules.json", manifest),
            (".terraform/modules/a/main.tf", outer),
            (".terraform/modules/a.b/modules/x/main.tf", MODULE),
        ],
    );
    let (_, loaded) = directory.load(&Params::default());
    assert_eq!(messages(&loaded), Vec::<String>::new());
    assert_eq!(loaded.resources[0].logical_id, "module.a.module.b.aws_networkfirewall_rule_group.this[0]");
}

#[test]
fn modules_that_are_elsewhere_are_named() {
    let main = "module \"fw\" {\n  source = \"terraform-aws-modules/network-firewall/aws\"\n}\nmodule \"up\" {\n  source = \"../x\"\n  rule_group = {}\n}\nmodule \"self\" {\n  source = \"./\"\n}\n";
    let directory = Directory::new("elsewhere", &[("main.tf", main)]);
    let (sources, loaded) = directory.load(&Params::default());
    assert_eq!(
        messages(&loaded),
        [
            "FD0505 `module.fw` describes a firewall but is not read: its source `terraform-aws-modules/network-firewall/aws` is not a local directory",
            "FD0505 `module.up` describes a firewall but is not read: its source `../x` lies outside the directory that was given",
        ]
    );
    assert_eq!(sources.location(loaded.diagnostics[1].labels[0].span).to_string(), "main.tf:4:1");
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    let config = rules("file(\"out.rules\")");
    let directory = Directory::new("links", &[("main.tf", &config)]);
    std::os::unix::fs::symlink("/etc/hostname", directory.0.join("out.rules")).unwrap();
    let (_, loaded) = directory.load(&Params::default());
    assert_eq!(
        json(loaded.resources[0].properties.get("RuleGroup").unwrap()),
        "the file `out.rules` cannot be read: it is a link to outside the directory that was given"
    );
}

#[test]
fn yaml_and_file_sets_feed_rule_groups() {
    let main = r#"
resource "aws_networkfirewall_rule_group" "lists" {
  for_each = fileset(path.module, "lists/*.yml")
  name     = trimsuffix(basename(each.value), ".yml")
  rule_group {
    rules_source {
      rules_source_list {
        targets = yamldecode(file(each.value)).domains
      }
    }
  }
}
"#;
    let directory =
        Directory::new("yaml", &[("main.tf", main), ("lists/a.yml", "domains:\n  - .a.com\n"), ("lists/b.txt", "")]);
    let (sources, loaded) = directory.load(&Params::default());
    let list = loaded.resources[0].properties.get("RuleGroup").and_then(|it| it.get("RulesSource")).unwrap();
    assert_eq!(json(list), r#"{"RulesSourceList":{"Targets":[".a.com"]}}"#);
    let target = &list.get("RulesSourceList").and_then(|it| it.get("Targets")).and_then(Node::as_list).unwrap()[0];
    assert_eq!(sources.location(target.as_text().unwrap().whole()).line, 2);
    assert!(sources.location(target.span).file.ends_with("a.yml"));
    assert_eq!(loaded.resources[0].name.as_ref().unwrap().value, "a");
}
