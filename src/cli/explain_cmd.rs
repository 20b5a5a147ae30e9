//! `firedrill explain`: why a packet, a flow or a URL fared as it did.

use super::args::{EngineOptions, PolicyOptions};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::firewall;
use super::session::Session;
use crate::capture::{Capture, CaptureOptions, Frame, LinkType};
use crate::detect::{CompileOptions, Program};
use crate::explain::{self, ExplainError, Explanation, FlowQuestion, Question, Subject, Wish, html, json, text};
use crate::policy::model::{DefaultAction, Policy, RuleOrder};
use crate::report::{RuleBook, Run, notice};
use crate::source::{Sources, Spanned};
use crate::synth::{Conversation, Defaults, Shorthand, SynthFrame};
use crate::verdict::RuleId;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

const ETHERNET: LinkType = LinkType(1);

/// `firedrill explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill explain rules/studio-egress.yaml https://evil.example
  firedrill explain rules/studio-egress.yaml pcaps/https-blocked.pcap --packet 8 --why-not 1
  firedrill explain rules/studio-egress.yaml https://www.kaggle.com segments=3 --each-default-action

A URL is answered by a conversation that is made up in memory, as by `try`; the words behind it are the same.")]
pub struct ExplainArgs {
    /// The policy: JSON, CloudFormation, Terraform or Suricata rules
    pub policy: PathBuf,

    /// A capture, or a URL with the words that `try` knows
    #[arg(required = true, value_name = "CAPTURE|URL")]
    pub subject: Vec<String>,

    /// Explain this packet, counted from 1, and the flow that it is of
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Question")]
    pub packet: Option<u64>,

    /// Explain the first flow between two ends
    #[arg(long, value_name = "SRC:PORT-DST:PORT", conflicts_with = "packet", help_heading = "Question")]
    pub flow: Option<FlowQuestion>,

    /// Also say why a rule did not match: its sid, or where it is written
    #[arg(long, value_name = "SID|FILE:LINE", help_heading = "Question")]
    pub why_not: Vec<String>,

    /// Also say what would happen under each stateful default action, in strict order
    #[arg(long, help_heading = "Question")]
    pub each_default_action: bool,

    /// Give a reason for every rule, not only for those that came closest
    #[arg(long, help_heading = "Question")]
    pub all_rules: bool,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// Judge what is inside VXLAN (traffic mirroring) and GENEVE (gateway load balancers)
    #[arg(long, help_heading = "Capture")]
    pub decapsulate: bool,

    /// For a terminal, as one JSON document, or as a page for a ticket
    #[arg(long, value_enum, value_name = "text|json|html", hide_possible_values = true)]
    #[arg(default_value_t = ExplainFormat::Text, help_heading = "Output")]
    pub format: ExplainFormat,
}

/// `--format` of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For a terminal.
    #[value(alias = "table")]
    Text,
    /// One JSON document.
    Json,
    /// A page of its own.
    Html,
}

/// Runs the command.
///
/// # Errors
/// When there is no answer: the policy or the capture cannot be used, or has no such packet or flow.
pub fn run(args: &ExplainArgs, console: Console) -> Result<Exit, Stop> {
    let (session, policy) =
        Session::open_with_policy(&args.policy, &args.policy_options, &args.engine_options, console)?;
    let frames = Frames::of(args, &session)?;
    let mut damaged = false;
    let story = story(args, session.firewall().options(), &policy, &session.book, &frames, &mut damaged)?;
    let under =
        if args.each_default_action { under_each_action(args, &frames, console, &mut damaged)? } else { Vec::new() };
    write(&story, &under, args, &session, console)?;
    notice::write(&mut console.err(), &session.run.notices)?;
    Ok(if damaged { Exit::Partial } else { Exit::Done })
}

/// The same under each of the default actions, which need strict order.
fn under_each_action(
    args: &ExplainArgs,
    frames: &Frames,
    console: Console,
    damaged: &mut bool,
) -> Result<Vec<(DefaultAction, Explanation)>, Stop> {
    let options = PolicyOptions {
        order: Some(RuleOrder::Strict),
        default: Vec::new(),
        default_action_rules: None,
        ..args.policy_options.clone()
    };
    let (mut session, mut policy) = Session::open_with_policy(&args.policy, &options, &args.engine_options, console)?;
    let options = session.firewall().options().clone();
    let mut stories = Vec::new();
    for action in DefaultAction::ALL {
        policy.stateful.default_actions = vec![Spanned::new(action, policy.span)];
        let program = compile(&policy, &options)?;
        session.book.rules = firewall::rules(&program, &policy);
        stories.push((action, story(args, &options, &policy, &session.book, frames, damaged)?));
    }
    Ok(stories)
}

/// A program that knows where the tests of its rules stand. The places of default actions' rules are those of the policy.
fn compile(policy: &Policy, options: &CompileOptions) -> Result<Program, Stop> {
    let options = CompileOptions { keep_conditions: true, ..options.clone() };
    Program::compile(policy, &mut Sources::new(), &options).map_err(|_| Stop::told())
}

/// What is explained: a capture, or a conversation that is made up.
enum Frames {
    Capture([PathBuf; 1]),
    Conversation(Box<Conversation>),
}

impl Frames {
    fn of(args: &ExplainArgs, session: &Session) -> Result<Self, Stop> {
        match args.subject.as_slice() {
            [capture] if capture == "-" => Err(Stop::bad_input(
                "a capture on standard input cannot be read twice, as an explanation needs it",
                "write it to a file first",
            )),
            [capture] if !capture.contains("://") => Ok(Self::Capture([PathBuf::from(capture)])),
            words => {
                let wanted = Shorthand::parse_all(words.iter().map(String::as_str))
                    .map_err(|error| Stop::bad_input(error.message, error.help))?;
                let [wanted] = <[Shorthand; 1]>::try_from(wanted)
                    .map_err(|_| Stop::bad_input("one URL is explained at a time", "`firedrill try` takes several"))?;
                let defaults = Defaults { home: session.home.clone(), ..Defaults::default() };
                let conversation = Conversation::new(wanted, &defaults, 0)
                    .map_err(|error| Stop::bad_input(error.to_string(), "give from= and to= of one family"))?;
                Ok(Self::Conversation(Box::new(conversation)))
            }
        }
    }

    fn question(&self, args: &ExplainArgs) -> Result<Question, Stop> {
        match (args.packet, args.flow, self) {
            (Some(number), ..) => Ok(Question::Packet(number)),
            (None, Some(flow), _) => Ok(Question::Flow(flow)),
            (None, None, Self::Conversation(_)) => Ok(Question::Conversation),
            (None, None, Self::Capture(_)) => Err(Stop::bad_input(
                "what in the capture is to be explained?",
                "give --packet N, or --flow SRC:PORT-DST:PORT",
            )),
        }
    }

    fn labels(&self) -> Vec<String> {
        match self {
            Self::Capture(_) => Vec::new(),
            Self::Conversation(conversation) => conversation.frames.iter().map(|frame| frame.what.clone()).collect(),
        }
    }

    /// The name that a URL has for its server.
    fn names(&self) -> Vec<(String, IpAddr)> {
        match self {
            Self::Capture(_) => Vec::new(),
            Self::Conversation(conversation) => {
                let name = conversation.wanted.target.host.name();
                name.map(|name| (name.to_owned(), conversation.ends.server)).into_iter().collect()
            }
        }
    }

    /// Hands out all frames, for as long as they are taken. `damaged` is set where the capture ends too early.
    fn feed(&self, take: &mut dyn FnMut(&Frame<'_>) -> bool, damaged: &mut bool) -> Result<(), Stop> {
        match self {
            Self::Capture(path) => {
                let mut capture = Capture::open(path, &CaptureOptions::default())?;
                while let Some(frame) = capture.next_frame()? {
                    if !take(&frame) {
                        return Ok(());
                    }
                }
                *damaged |= !capture.damage().is_empty();
            }
            Self::Conversation(conversation) => {
                for (number, SynthFrame { time_ns, bytes, .. }) in (1..).zip(&conversation.frames) {
                    let wire_len = bytes.len() as u32;
                    if !take(&Frame { number, time_ns: *time_ns, link_type: ETHERNET, wire_len, bytes }) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

fn story(
    args: &ExplainArgs,
    options: &CompileOptions,
    policy: &Policy,
    book: &RuleBook,
    frames: &Frames,
    damaged: &mut bool,
) -> Result<Explanation, Stop> {
    let program = compile(policy, options)?;
    let subject = Subject::new(&program, policy, book);
    let why_not = args.why_not.iter().map(|asked| rules_named(book, asked)).collect::<Result<Vec<_>, _>>()?;
    let wish = Wish {
        why_not: why_not.concat(),
        decapsulate: args.decapsulate,
        all_rules: args.all_rules,
        labels: frames.labels(),
        names: frames.names(),
    };
    let mut feed = |take: &mut dyn FnMut(&Frame<'_>) -> bool| frames.feed(take, damaged);
    explain::explain(&subject, &frames.question(args)?, &wish, &mut feed).map_err(stop)
}

fn write(
    story: &Explanation,
    under: &[(DefaultAction, Explanation)],
    args: &ExplainArgs,
    session: &Session,
    console: Console,
) -> Result<(), Stop> {
    match args.format {
        ExplainFormat::Text => {
            let mut out = console.out();
            text::write(&mut out, story, &session.book.sources)?;
            text::write_under(&mut out, under)?;
            Ok(out.flush()?)
        }
        ExplainFormat::Json => {
            let mut out = console.records();
            json::write(&mut out, story, under, &session.book.sources)?;
            Ok(out.flush()?)
        }
        ExplainFormat::Html => {
            let mut out = console.records();
            let Run { policy, place, engine, .. } = &session.run;
            let place = place.as_ref().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
            let asked = args.subject.join(" ");
            html::write(&mut out, story, under, &session.book.sources, &format!("{policy}{place}, {engine}; {asked}"))?;
            Ok(out.flush()?)
        }
    }
}

/// The rules with a number, or written at a place.
fn rules_named(book: &RuleBook, asked: &str) -> Result<Vec<RuleId>, Stop> {
    let ids = (0..).map(RuleId).zip(&book.rules);
    let found: Vec<RuleId> = match asked.parse::<u32>() {
        Ok(sid) => ids.filter(|(_, rule)| rule.sid == sid).map(|(id, _)| id).collect(),
        Err(_) => ids
            .filter(|(_, rule)| rule.span.is_some_and(|span| is_place(&book.place(span), asked)))
            .map(|(id, _)| id)
            .collect(),
    };
    if found.is_empty() {
        return Err(Stop::bad_input(
            format!("no stateful rule is `{asked}`"),
            "name a rule by its sid, or by the file and line that it is written in",
        ));
    }
    Ok(found)
}

/// A place is the one that is asked for, whose column may be left out.
fn is_place(place: &str, asked: &str) -> bool {
    place.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn stop(error: ExplainError<Stop>) -> Stop {
    match error {
        ExplainError::Feed(stop) => stop,
        error => Stop::bad_input(error.to_string(), "`firedrill replay` lists packets and flows"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_whole_line() {
        assert!(is_place("egress.rules:12", "egress.rules:12") && is_place("a.json:1:7", "a.json:1"));
        assert!(!is_place("egress.rules:12", "egress.rules:1"));
    }
}
