//! The command line: one struct per subcommand, and the groups of options they share.
//!
//! Values are parsed as far as their grammar goes, so that a typing mistake is answered before any file is opened.
//! Nothing here reads files or knows what a policy is.

use crate::detect::settings::{Refused, Settings, TABLE};
use crate::policy::model::{DefaultAction, RuleOrder, StreamExceptionPolicy};
use crate::rules::near::near_matches;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// `firedrill` and its subcommands.
#[derive(Debug, Parser)]
#[command(
    name = "firedrill",
    version,
    about = "Rehearse AWS Network Firewall offline: what would this policy do to this traffic, and why?",
    disable_help_subcommand = true,
    after_help = "\
Exit codes:
  0  done
  1  findings: --fail-on was met, something tried is not let through, a test failed, a --gate is violated
  2  wrong usage, or input that cannot be used
  3  a capture is damaged, the results are partial
  4  internal error"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use colours
    #[arg(long, value_enum, value_name = "auto|always|never", hide_possible_values = true)]
    #[arg(default_value_t = Color::Auto, global = true)]
    pub color: Color,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send captured packets through a policy and report what it does to them
    Replay(ReplayArgs),
    /// Ask whether a policy lets given URLs through
    Try(TryArgs),
    /// Run regression suites: traffic, and what the policy must do to it
    Test(super::test_cmd::TestArgs),
    /// Say what a change of a policy does: what is written differently, and whose traffic fares differently
    Diff(Box<super::diff_cmd::DiffArgs>),
    /// Say why a packet, a flow or a URL fares as it does
    Explain(super::explain_cmd::ExplainArgs),
    /// Say whether AWS would accept a policy, and whether it is wise
    Check(super::check_cmd::CheckArgs),
    /// Spell rules files canonically
    Fmt(super::fmt_cmd::FmtArgs),
    /// Explain the code of a message
    Rule(super::rule_cmd::RuleArgs),
    /// Write a policy as files for another program
    Export(ExportArgs),
    /// Compare with the Suricata that is installed, packet by packet and alert by alert
    Verify(VerifyArgs),
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into pipes and files.
    Always,
    /// Never.
    Never,
}

/// `firedrill replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill replay egress.json morning.pcapng
  firedrill replay network.yaml --param VpcCidr=10.0.0.0/16 capture.pcap.gz --fail-on drop
  firedrill replay egress.rules --home-net 10.0.0.0/16 capture.pcap --format jsonl --only alerts

A policy is AWS CLI JSON, a CloudFormation template, Terraform (files or a JSON plan) or Suricata rules.")]
pub struct ReplayArgs {
    /// The policy: JSON, CloudFormation, Terraform or Suricata rules
    pub policy: PathBuf,

    /// Captures (pcap, pcapng, also compressed), directories of them, `-` for standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// Judge what is inside VXLAN (traffic mirroring) and GENEVE (gateway load balancers)
    #[arg(long, help_heading = "Capture")]
    pub decapsulate: bool,

    /// Judge the flows of different hosts at once in so many threads; the results are the same [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Engine")]
    pub threads: Option<u16>,

    /// A summary for people, one JSON record a line, or Network Firewall's own alert or flow log
    #[arg(long, value_enum, value_name = "table|jsonl|aws-alert|aws-flow", hide_possible_values = true)]
    #[arg(default_value_t = ReplayFormat::Table, help_heading = "Output")]
    pub format: ReplayFormat,

    /// Also print what CloudWatch would count
    #[arg(long, help_heading = "Output")]
    pub metrics: bool,

    /// The firewall's name in logs and metrics [default: the policy's]
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub firewall_name: Option<String>,

    /// The availability zone in logs and metrics
    #[arg(long, value_name = "ZONE", default_value = "us-east-1a", help_heading = "Output")]
    pub availability_zone: String,

    /// Show these only; may be given several times, or with commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "packets|alerts|flows")]
    #[arg(hide_possible_values = true, help_heading = "Output")]
    pub only: Vec<Part>,

    /// Exit with 1 when a frame is dropped (or rejected), or a rule reports
    #[arg(long, value_enum, value_delimiter = ',', value_name = "drop|reject|alert")]
    #[arg(hide_possible_values = true, help_heading = "Output")]
    pub fail_on: Vec<FailOn>,
}

/// `firedrill try`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill try egress.json https://www.kaggle.com http://packages.example.org:8080/x dns://example.com
  firedrill try egress.json --from 10.0.3.7 tcp://10.0.0.1:22 udp://198.51.100.7:123 icmp://198.51.100.7
  firedrill try egress.json --hello post-quantum --save hello.pcap https://www.example.com
  firedrill try egress.json https://192.0.2.7 sni=www.example.com segments=3 tcp://a.example:22 payload=SSH-2.0-x%0d%0a

Schemes: https, http, dns, tcp, udp, icmp, quic. Words behind a URL say what is unusual about it: from=ADDRESS,
to=ADDRESS, sni=NAME|none, host=NAME, hello=classic|post-quantum, segments=N, payload=TEXT (percent-encoded).

The whole conversation is made up, client and server, in memory; no packet is sent and no name is looked up.")]
pub struct TryArgs {
    /// The policy: JSON, CloudFormation, Terraform or Suricata rules
    pub policy: PathBuf,

    /// What to try, each URL with its words: see below
    #[arg(required = true, value_name = "URL [WORD=VALUE]")]
    pub urls: Vec<String>,

    /// The client's address [default: an address inside HOME_NET]
    #[arg(long, value_name = "ADDRESS", help_heading = "Conversation")]
    pub from: Option<IpAddr>,

    /// The server's address for names [default: a documentation address outside HOME_NET]
    #[arg(long, value_name = "ADDRESS", help_heading = "Conversation")]
    pub to: Option<IpAddr>,

    /// The TLS ClientHello: post-quantum key shares make it two segments long
    #[arg(long, value_enum, value_name = "classic|post-quantum", hide_possible_values = true)]
    #[arg(default_value_t = HelloKind::Classic, help_heading = "Conversation")]
    pub hello: HelloKind,

    /// Also write the conversation to a capture file
    #[arg(long, value_name = "FILE", help_heading = "Conversation")]
    pub save: Option<PathBuf>,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// How results are printed.
    #[command(flatten)]
    pub output: OutputOptions,
}

/// `firedrill export`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct ExportArgs {
    /// For which program.
    #[command(subcommand)]
    pub target: ExportTarget,
}

/// The programs that a policy can be exported for.
#[derive(Debug, Subcommand)]
pub enum ExportTarget {
    /// Write suricata.yaml and rules with which Suricata decides as the policy's stateful engine does
    Suricata(ExportSuricataArgs),
}

/// `firedrill export suricata`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  firedrill export suricata rules/studio-egress.yaml -o studio
  (cd studio && suricata -c suricata.yaml --simulate-ips -r ../pcaps/studio-session.pcap -l .)

The stateless stage is not exported: Suricata has none. Strict order has no counterpart in Suricata either; a policy that
needs it is refused unless --as-action-order is given.")]
pub struct ExportSuricataArgs {
    /// The policy: JSON, CloudFormation, Terraform or Suricata rules
    pub policy: PathBuf,

    /// The directory to write; it appears as a whole or not at all
    #[arg(short, long, value_name = "DIR", required = true, help_heading = "Output")]
    pub output: PathBuf,

    /// Replace an earlier export
    #[arg(long, help_heading = "Output")]
    pub force: bool,

    /// Export a policy in strict order though Suricata's order means something else
    #[arg(long, help_heading = "Output")]
    pub as_action_order: bool,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,
}

/// `firedrill verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  firedrill verify rules/studio-egress.yaml pcaps/studio-session.pcap

Suricata runs as a process of its own over a private copy of each capture; nothing is sent. Frames that the stateless
stage decides are not compared, since Suricata has no such stage.

Exit codes: 0 equal, 1 something differs, 2 cannot run, 3 equal as far as a damaged capture goes.")]
pub struct VerifyArgs {
    /// The policy: JSON, CloudFormation, Terraform or Suricata rules
    pub policy: PathBuf,

    /// Captures (pcap, pcapng, also compressed), directories of them, `-` for standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    /// Suricata's program
    #[arg(long, value_name = "PATH", default_value = "suricata", help_heading = "Suricata")]
    pub suricata: PathBuf,

    /// Compare strict order too, with a private copy of the program that orders rules by place
    #[arg(long, help_heading = "Suricata")]
    pub allow_patched_copy: bool,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// Judge what is inside VXLAN (traffic mirroring) and GENEVE (gateway load balancers)
    #[arg(long, help_heading = "Capture")]
    pub decapsulate: bool,

    /// A list for people, or one JSON document
    #[arg(long, value_enum, value_name = "table|json", hide_possible_values = true)]
    #[arg(default_value_t = VerifyFormat::Table, help_heading = "Output")]
    pub format: VerifyFormat,
}

/// `--format` of `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// A list for people.
    Table,
    /// One JSON document.
    Json,
}

/// How to read the policy.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub struct PolicyOptions {
    /// A rule group that the policy refers to (a managed one, say), or one more
    #[arg(long, value_name = "[ARN=]FILE", value_parser = rule_group)]
    pub rule_group: Vec<RuleGroupFile>,

    /// A value for a template parameter or Terraform variable
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub param: Vec<Assignment>,

    /// Parameters or variables from a file
    #[arg(long, value_name = "FILE")]
    pub param_file: Vec<PathBuf>,

    /// Which policy, when the document holds several
    #[arg(long, value_name = "NAME")]
    pub select: Option<String>,

    /// Go on without a rule group, or without the rules that use a keyword
    #[arg(long, value_name = "NAME")]
    pub leave_out: Vec<String>,

    /// The order of evaluation [default: as the policy says, else action]
    #[arg(long, value_name = "action|strict", value_parser = order)]
    pub order: Option<RuleOrder>,

    /// Stateful default actions, in strict order only [default: as the policy says]
    #[arg(long, value_name = "ACTION,..", value_delimiter = ',', value_parser = default_action)]
    pub default: Vec<DefaultAction>,

    /// Your own rules behind the default actions, in place of the modelled ones
    #[arg(long, value_name = "FILE")]
    pub default_action_rules: Option<PathBuf>,

    /// HOME_NET [default: as the policy says; private addresses for plain rules]
    #[arg(long, value_name = "CIDR,..")]
    pub home_net: Option<String>,

    /// EXTERNAL_NET [default: everything that is not HOME_NET]
    #[arg(long, value_name = "CIDR,..")]
    pub external_net: Option<String>,

    /// An address variable, or the prefixes behind an IP set reference
    #[arg(long, value_name = "NAME=CIDR,..|ARN=FILE", value_parser = assignment)]
    pub ip_set: Vec<Assignment>,

    /// A port variable
    #[arg(long, value_name = "NAME=PORT,..", value_parser = assignment)]
    pub port_set: Vec<Assignment>,

    /// The countries of addresses for `geoip`: a database in MaxMind's format
    #[arg(long, value_name = "FILE")]
    pub geoip: Option<PathBuf>,

    /// Categories for `aws_domain_category` and `aws_url_category`, one name or URL a line (docs/aws.md)
    #[arg(long, value_name = "FILE")]
    pub category_table: Option<PathBuf>,

    /// What happens to TCP without a handshake [default: as the policy says, else drop]
    #[arg(long, value_name = "drop|continue|reject", value_parser = stream_exception)]
    pub stream_exception: Option<StreamExceptionPolicy>,

    /// TCP idle time-out [default: as the policy says, else 350]
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..))]
    pub tcp_idle: Option<u32>,

    /// Domains that are taken out of domain lists: `diff` changes one of its sides by them.
    #[arg(skip)]
    pub without_domain: Vec<String>,

    /// Domains that are put into domain lists, likewise.
    #[arg(skip)]
    pub with_domain: Vec<String>,
}

/// How the stateful engine behaves where the policy does not say.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineOptions {
    /// Which Suricata to follow: 7.0 or 8.0
    #[arg(long, value_enum, value_name = "7|8", hide_possible_values = true)]
    #[arg(default_value_t = EngineVersion::Suricata7)]
    pub engine: EngineVersion,

    /// Which checksums are validated; sending hosts capture wrong ones [default: none]
    #[arg(long, value_enum, value_name = "none|all", hide_possible_values = true)]
    pub checksum: Option<Checksum>,

    /// What the error of an application-layer parser does to its flow [default: ignore]
    #[arg(long, value_enum, value_name = "ignore|drop-flow", hide_possible_values = true)]
    pub app_error: Option<AppError>,

    /// Pick up TCP flows in the middle (not what AWS does)
    #[arg(long)]
    pub midstream: bool,

    /// Settings and variables from a Suricata configuration file
    #[arg(long, value_name = "FILE")]
    pub suricata_yaml: Option<PathBuf>,

    /// A setting of Suricata's configuration: packet-alert-max=N, ... (docs/settings.md)
    #[arg(long, value_name = "KEY=VALUE", value_parser = engine_setting)]
    pub set: Vec<Assignment>,
}

/// How results are printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputOptions {
    /// A summary for people, or one JSON record a line
    #[arg(long, value_enum, value_name = "table|jsonl", hide_possible_values = true)]
    #[arg(default_value_t = Format::Table)]
    pub format: Format,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A summary for people.
    Table,
    /// One JSON record a line.
    Jsonl,
}

/// `--format` of `replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// A summary for people.
    Table,
    /// One JSON record a line.
    Jsonl,
    /// Network Firewall's alert log.
    AwsAlert,
    /// Network Firewall's flow log.
    AwsFlow,
    /// Network Firewall's TLS log, which is refused.
    #[value(hide = true)]
    AwsTls,
}

/// `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Fates of frames.
    Packets,
    /// Alerts.
    Alerts,
    /// Flows.
    Flows,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A frame is dropped (or rejected).
    Drop,
    /// A frame is rejected.
    Reject,
    /// A rule reports.
    Alert,
}

/// `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineVersion {
    /// Suricata 7.0.
    #[value(name = "7", alias = "suricata-7.0")]
    Suricata7,
    /// Suricata 8.0.
    #[value(name = "8", alias = "suricata-8.0")]
    Suricata8,
}

/// `--checksum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Checksum {
    /// Not looked at.
    None,
    /// Validated, as Suricata does by default.
    All,
}

/// `--app-error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AppError {
    /// The flow goes on.
    Ignore,
    /// The flow is dropped.
    DropFlow,
}

/// `--hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HelloKind {
    /// Fits one segment.
    Classic,
    /// With an X25519MLKEM768 key share: two segments.
    PostQuantum,
}

/// `--rule-group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleGroupFile {
    /// The ARN under which the policy refers to it.
    pub arn: Option<String>,
    /// Its text.
    pub file: PathBuf,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What stands before the first `=`.
    pub name: String,
    /// What stands behind it.
    pub value: String,
}

impl Assignment {
    /// The variable of rules that a key of Suricata's `vars` names: whether it is one of addresses, and its name.
    pub fn variable(&self) -> Option<(bool, &str)> {
        let (section, name) = self.name.strip_prefix("vars.")?.split_once('.')?;
        match section {
            "address-groups" => Some((true, name)),
            "port-groups" => Some((false, name)),
            _ => None,
        }
    }
}

pub(super) fn rule_group(text: &str) -> Result<RuleGroupFile, String> {
    match text.split_once('=') {
        Some((arn, file)) if arn.starts_with("arn:") => {
            if file.is_empty() {
                return Err("a file name must follow the `=`".to_owned());
            }
            Ok(RuleGroupFile { arn: Some(arn.to_owned()), file: file.into() })
        }
        _ => Ok(RuleGroupFile { arn: None, file: text.into() }),
    }
}

pub(super) fn assignment(text: &str) -> Result<Assignment, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok(Assignment { name: name.trim().to_owned(), value: value.to_owned() })
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn order(text: &str) -> Result<RuleOrder, String> {
    match text {
        "action" | "DEFAULT_ACTION_ORDER" => Ok(RuleOrder::Action),
        "strict" | "STRICT_ORDER" => Ok(RuleOrder::Strict),
        _ => Err("expected `action` or `strict`".to_owned()),
    }
}

fn stream_exception(text: &str) -> Result<StreamExceptionPolicy, String> {
    match text {
        "drop" => Ok(StreamExceptionPolicy::Drop),
        "continue" => Ok(StreamExceptionPolicy::Continue),
        "reject" => Ok(StreamExceptionPolicy::Reject),
        _ => Err("expected `drop`, `continue` or `reject`".to_owned()),
    }
}

fn default_action(text: &str) -> Result<DefaultAction, String> {
    DefaultAction::from_name(text)
        .ok_or_else(|| format!("it is none of {}", DefaultAction::ALL.map(DefaultAction::name).join(", ")))
}

fn engine_setting(text: &str) -> Result<Assignment, String> {
    let setting = assignment(text).map_err(|_| "expected KEY=VALUE".to_owned())?;
    if setting.variable().is_some() {
        return Ok(setting);
    }
    match Settings::check(&setting.name, &setting.value) {
        Ok(()) => Ok(setting),
        Err(Refused::Value(wanted)) => Err(format!("`{}`: {wanted}", setting.name)),
        Err(Refused::Key) => {
            let keys = TABLE.iter().map(|row| row.key);
            Err(match near_matches(&setting.name, keys) {
                Some(near) => format!("`{}` is not simulated; did you mean {near}?", setting.name),
                None => format!("`{}` is not simulated; docs/settings.md lists what can be set", setting.name),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn replay(arguments: &str) -> Result<ReplayArgs, String> {
        let words = ["firedrill", "replay", "p.rules", "c.pcap"].into_iter().chain(arguments.split_whitespace());
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Replay(args) => Ok(args),
            _ => unreachable!("`replay` was asked for"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_oracle_takes_is_taken() {
        let args =
            replay("--order strict --default alert_strict,aws:drop_established --stream-exception continue").unwrap();
        assert_eq!(args.policy_options.order, Some(RuleOrder::Strict));
        assert_eq!(args.policy_options.default, [DefaultAction::AlertStrict, DefaultAction::DropEstablished]);
        let args = replay("--ip-set BAD=203.0.113.0/24,198.51.100.1 --port-set PORTS=443,8443 --checksum all").unwrap();
        assert_eq!(args.policy_options.ip_set[0].value, "203.0.113.0/24,198.51.100.1");
        let args = replay("--set packet-alert-max=64 --set stream.reassembly.urgent.policy=oob --engine 7").unwrap();
        let set: Vec<_> = args.engine_options.set.iter().map(|set| (set.name.as_str(), set.value.as_str())).collect();
        assert_eq!(set, [("packet-alert-max", "64"), ("stream.reassembly.urgent.policy", "oob")]);
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let error = replay("--set flow.memcap=1gb").unwrap_err();
        assert!(error.contains("`flow.memcap` is not simulated"), "{error}");
        let error = replay("--set stream.midstraem=yes").unwrap_err();
        assert!(error.contains("did you mean"), "{error}");
        assert!(replay("--set stream.midstream=maybe").unwrap_err().contains("yes or no"));
        assert!(replay("--set vars.address-groups.HOME_NET=10.0.0.0/8").is_ok());
    }

    #[test]
    fn a_rule_group_may_come_with_its_arn() {
        let args = replay("--rule-group arn:aws:network-firewall:x=a.rules --rule-group dir/b=c.rules").unwrap();
        let groups = &args.policy_options.rule_group;
        assert_eq!(groups[0].arn.as_deref(), Some("arn:aws:network-firewall:x"));
        assert_eq!((groups[1].arn.as_deref(), groups[1].file.to_str()), (None, Some("dir/b=c.rules")));
    }

    #[test]
    fn lists_may_be_written_with_commas() {
        let args = replay("--only packets,alerts --fail-on drop --fail-on alert").unwrap();
        assert_eq!(args.only, [Part::Packets, Part::Alerts]);
        assert_eq!(args.fail_on, [FailOn::Drop, FailOn::Alert]);
    }
}
