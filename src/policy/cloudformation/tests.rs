use super::functions::{Purpose, Resolver};
use crate::policy::params::Params;
use crate::policy::value::{Node, Value};
use crate::policy::yaml;
use crate::source::Sources;

const TEMPLATE: &str = r#"
Parameters:
  Open: {Type: String}
  Open2: {Type: String}
  Plain: {Type: String, Default: plain}
  Number: {Type: Number, Default: 7}
  Listed: {Type: CommaDelimitedList, Default: "a, b,c"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /some/key}
  Chosen: {Type: String, Default: x, AllowedValues: [x, y]}
Mappings:
  Sizes: {eu-west-1: {cidr: 10.1.0.0/16}, list: {names: [p, q]}}
Conditions:
  Yes: !Equals [a, a]
  No: !Not [!Condition Yes]
  Unknown: !Equals [!Ref Open, a]
  AndNo: !And [!Condition Unknown, !Condition No]
  OrYes: !Or [!Condition Unknown, !Condition Yes]
  AndUnknown: !And [!Condition Unknown, !Condition Yes]
  Circle: !Not [!Condition Circle]
  IsPlain: !Equals [!Ref Plain, plain]
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: 10.9.0.0/16}}
  Group: {Type: "AWS::NetworkFirewall::RuleGroup", Properties: {}}
  Nested: {Type: "AWS::CloudFormation::Stack", Properties: {}}
Test:
  V: "#;

/// The value that `expression` resolves to, in a short notation: texts as they are, lists in brackets, what is missing
/// behind a question mark.
fn value(expression: &str, purpose: Purpose) -> String {
    value_with(expression, purpose, "{}")
}

fn value_with(expression: &str, purpose: Purpose, given: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("t.yaml", format!("{TEMPLATE}{expression}\n"));
    let (root, _) = yaml::parse(&sources, file).unwrap_or_else(|e| panic!("{expression}: {}", e.message));
    let params_file = sources.add("p.json", given);
    let mut params = Params::default();
    params.take_file(&crate::policy::json::parse(&sources, params_file).unwrap(), &mut Vec::new());
    let resources = root.get("Resources").and_then(Node::as_map).unwrap();
    let resolver = Resolver::new(&root, resources, &params, "");
    show(&resolver.resolve(root.get("Test").unwrap().get("V").unwrap(), purpose))
}

fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
        Value::Map(members) => {
            let members: Vec<String> = members.iter().map(|(k, v)| format!("{}={}", k.value, show(v))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Unresolved(missing) => format!("?{}", missing.what.replace('\n', "; ")),
        _ => node.scalar_text().unwrap().as_str().to_owned(),
    }
}

fn check(expression: &str, expected: &str) {
    assert_eq!(value(expression, Purpose::Value), expected, "{expression}");
}

#[test]
fn ref_reads_parameters_and_knows_what_it_cannot_know() {
    check("!Ref Plain", "plain");
    check("{Ref: Plain}", "plain");
    check("!Ref Number", "7");
    check("!Ref Listed", "[a,b,c]");
    check("!Ref Open", "?parameter `Open` has no default");
    check("!Ref Stored", "?parameter `Stored` is read from Systems Manager (`/some/key`)");
    check("!Ref Nobody", "?`Nobody` is neither a parameter nor a resource of the template");
    check("!Ref Vpc", "?`Vpc` gets its id only when it is created");
    check("!Ref AWS::Region", "?`AWS::Region` depends on where the stack is deployed");
    check("[a, !Ref AWS::NoValue, b]", "[a,b]");
    check("{a: !Ref AWS::NoValue, b: c}", "{b=c}");
}

#[test]
fn given_values_win_and_must_be_allowed() {
    let given = |expression: &str, given: &str| value_with(expression, Purpose::Value, given);
    assert_eq!(given("!Ref Plain", r#"{"Plain": "z"}"#), "z");
    assert_eq!(given("!Ref Listed", r#"{"Listed": "1,2"}"#), "[1,2]");
    assert_eq!(given("!Ref Stored", r#"{"Stored": "v"}"#), "v");
    assert_eq!(given("!Ref Chosen", r#"{"Chosen": "z"}"#), "?parameter `Chosen` cannot be `z`");
    assert_eq!(
        given("!Sub '${AWS::Partition}.${AWS::URLSuffix}'", r#"{"AWS::Region": "cn-north-1"}"#),
        "aws-cn.amazonaws.com.cn"
    );
    assert_eq!(given("!ImportValue exported", r#"{"exported": "v"}"#), "v");
    assert_eq!(given("!GetAtt Nested.Outputs.X", r#"{"Nested.Outputs.X": "v"}"#), "v");
    assert_eq!(given("'a{{resolve:ssm:/k}}b'", r#"{"{{resolve:ssm:/k}}": "-"}"#), "a-b");
}

#[test]
fn arns_keep_their_place_in_aws_open_and_resources_stand_for_themselves() {
    let identity = |expression: &str| value(expression, Purpose::Identity);
    assert_eq!(identity("!Ref Group"), "resource:Group");
    assert_eq!(identity("!GetAtt Group.RuleGroupArn"), "resource:Group");
    assert_eq!(identity("{'Fn::GetAtt': [Vpc, VpcId]}"), "resource:Vpc");
    assert_eq!(identity("!Sub 'arn:${AWS::Partition}:x:${AWS::Region}'"), "arn:${AWS::Partition}:x:${AWS::Region}");
    assert_eq!(identity("!Ref Open"), "?parameter `Open` has no default");
    assert_eq!(value("!Sub '${Open}-x'", Purpose::Name), "${Open}-x");
    assert_eq!(
        value("{ResourceArn: !Ref Group, Tags: [!Ref Open]}", Purpose::Value),
        "{ResourceArn=resource:Group,Tags=[${Open}]}"
    );
}

#[test]
fn sub_substitutes_and_keeps_what_belongs_to_the_rule_language() {
    check("!Sub 'a ${Plain} ${Number}'", "a plain 7");
    check("!Sub 'a ${!Plain} $HOME_NET $'", "a ${Plain} $HOME_NET $");
    check("!Sub ['${x}${Plain}', {x: !Ref Number}]", "7plain");
    check("!Sub 'in ${Vpc.CidrBlock}'", "in 10.9.0.0/16");
    check("!Sub '${Open} ${Open2} ${Open}'", "?parameter `Open` has no default; parameter `Open2` has no default");
    check("!Sub '${HOME_NET}'", "?`HOME_NET` is neither a parameter nor a resource of the template");
    check("!Sub 'open ${'", "open ${");
}

#[test]
fn lists_are_joined_split_and_selected() {
    check("!Join ['-', [a, !Ref Plain, 3]]", "a-plain-3");
    check("!Join [',', !Ref Listed]", "a,b,c");
    check("!Split [':', 'a:b:c']", "[a,b,c]");
    check("!Select [1, !Split [':', 'a:b:c']]", "b");
    check("!Select ['2', !Ref Listed]", "c");
    check("!Select [5, [a]]", "?`Fn::Select` has no item 5 in a list of 1");
    check("!Join ['', [!Ref Open, !Ref Open2]]", "?parameter `Open` has no default; parameter `Open2` has no default");
    check("!Length [1, 2, 3]", "3");
    check("!Cidr [10.0.0.0/16, 2, 8]", "[10.0.0.0/24,10.0.1.0/24]");
    check("!Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 4, 12]]", "10.9.16.0/20");
    check("!Select [0, !GetAZs '']", "?`Fn::GetAZs` depends on where the stack is deployed");
}

#[test]
fn conditions_decide_as_soon_as_they_can() {
    check("!If [Yes, a, b]", "a");
    check("!If [No, a, b]", "b");
    check("!If [IsPlain, a, !Ref Open]", "a");
    check("!If [AndNo, a, b]", "b");
    check("!If [OrYes, a, b]", "a");
    check("!If [AndUnknown, a, b]", "?parameter `Open` has no default");
    check("!If [Circle, a, b]", "?the definition refers to itself");
    check("!If [Nobody, a, b]", "?condition `Nobody` is not defined");
    check("{x: !If [No, a, !Ref AWS::NoValue]}", "{}");
}

#[test]
fn mappings_are_looked_up() {
    check("!FindInMap [Sizes, eu-west-1, cidr]", "10.1.0.0/16");
    check("!FindInMap [Sizes, list, names]", "[p,q]");
    check("!FindInMap [Sizes, x, cidr]", "?mapping `Sizes` has no `x`, `cidr`");
    check("!FindInMap [Sizes, x, cidr, {DefaultValue: d}]", "d");
    check("!FindInMap [Sizes, !Ref AWS::Region, cidr]", "?`AWS::Region` depends on where the stack is deployed");
}

#[test]
fn what_only_a_deployment_knows_is_said() {
    check("!ImportValue exported", "?`exported` is exported by another stack");
    check("!GetAtt Nested.Outputs.X", "?`Nested.Outputs.X` is known only when the stack is deployed");
    check(
        "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: s3://b/k}}}",
        "?a transform puts the value in from `s3://b/k` when the stack is deployed",
    );
    check("!Nonsense [a]", "?`Fn::Nonsense` is not a function that can be resolved here");
    check("'{{resolve:ssm:/k}}'", "?`{{resolve:ssm:/k}}` is looked up when the stack is deployed");
}

#[test]
fn templates_cannot_make_more_than_fits_the_memory() {
    let mut bomb = "x".to_owned();
    for _ in 0..40 {
        bomb = format!("!Sub ['${{a}}${{a}}${{a}}${{a}}', {{a: {bomb}}}]");
    }
    assert!(value(&bomb, Purpose::Value).starts_with("?the template's functions make more than"));
    let mut conditions = "Resources: {}\nConditions:\n  C0: !Equals [a, a]\n".to_owned();
    for n in 1..40 {
        let before = n - 1;
        conditions = format!("{conditions}  C{n}: !And [!Condition C{before}, !Condition C{before}]\n");
    }
    let mut sources = Sources::new();
    let file = sources.add("t.yaml", conditions);
    let (root, _) = yaml::parse(&sources, file).unwrap();
    let params = Params::default();
    let resolver = Resolver::new(&root, &[], &params, "");
    assert_eq!(resolver.condition("C39"), Ok(true));
}
