//! Explanations are checked by doing what they say: without the condition that is said to have failed, the rule matches
//! or another condition of it is named, until it matches; without the rule that is said to have decided, the packet fares
//! otherwise or another rule is named.
//!
//! A sample of our captures and rule files: each `EXPLAIN_EVERY`-th pair of them, 1 being all. The rules of a pair are
//! sampled, too.

use super::engine::for_its_engine;
use super::files::files;
use super::kept::{Kept, frames_in};
use firedrill::cli::firewall;
use firedrill::detect::{CompileOptions, EngineProfile, Program};
use firedrill::engine::{Engine, EngineConfig};
use firedrill::explain::{Condition, Explanation, Question, Reason, Subject, WhyNot, WhyNotPacket, Wish, explain};
use firedrill::policy::model::{Policy, RuleOrder};
use firedrill::policy::{self, LoadOptions, StatefulOptions};
use firedrill::report::RuleBook;
use firedrill::rules::ast::{AddressExpr, PortExpr, Rule};
use firedrill::rules::keyword::Keyword;
use firedrill::rules::{Protocol, parse_rules};
use firedrill::source::{MappedText, Sources, Spanned};
use firedrill::verdict::{Alert, Cause, Decision, FlowRecord, RuleId, Sink, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Conditions taken out of one rule before we give up.
const STEPS_MAX: usize = 24;

#[derive(Default)]
struct Decisions(Vec<Decision>);

impl Sink for Decisions {
    fn decision(&mut self, decision: &Decision) {
        self.0.push(*decision);
    }

    fn alert(&mut self, _: &Alert) {}

    fn flow(&mut self, _: &FlowRecord) {}
}

/// A policy that can be changed and asked.
struct Asked {
    policy: Policy,
    sources: Sources,
    profile: EngineProfile,
}

impl Asked {
    fn load(path: &Path, options: &LoadOptions) -> Self {
        let (loaded, profile) = for_its_engine(options, |options| policy::load(path, options));
        let Some(policy) = loaded.policy else { panic!("{}: {:#?}", path.display(), loaded.diagnostics) };
        Self { policy, sources: loaded.sources, profile }
    }

    fn compile(&mut self, policy: &Policy) -> Option<Program> {
        let profile = self.profile.clone();
        let options = CompileOptions { keep_conditions: true, profile, ..CompileOptions::default() };
        Program::compile(policy, &mut self.sources, &options).ok()
    }

    fn explain(&mut self, policy: &Policy, frames: &[Kept], packet: u64, why_not: &[u32]) -> Option<Explanation> {
        let program = self.compile(policy)?;
        let sources = std::mem::take(&mut self.sources);
        let book = RuleBook { sources, rules: firewall::rules(&program, policy), stateless_groups: Vec::new() };
        let subject = Subject::new(&program, policy, &book);
        let places: Vec<u32> = program.places().collect();
        let ids = (0..).map(RuleId).zip(&places).filter(|(_, place)| why_not.contains(place)).map(|(id, _)| id);
        let wish = Wish { why_not: ids.collect(), ..Wish::default() };
        let story = explain::<()>(&subject, &Question::Packet(packet), &wish, &mut |take| {
            for (number, kept) in (1..).zip(frames) {
                if !take(&kept.frame(number)) {
                    break;
                }
            }
            Ok(())
        });
        self.sources = book.sources;
        story.ok()
    }
}

fn options(order: RuleOrder) -> LoadOptions {
    LoadOptions {
        stateful: StatefulOptions {
            order: Some(order),
            home_net: Some("10.0.0.0/8,192.168.0.0/16,fd00::/8".to_owned()),
            ..StatefulOptions::default()
        },
        ip_sets: vec![
            ("NOTEBOOKS".to_owned(), "10.2.1.0/24,2001:db8:2:1::/64".to_owned()),
            ("SERVERS".to_owned(), "198.51.100.0/24,2001:db8:100::/40".to_owned()),
        ],
        port_sets: vec![
            ("HIGH".to_owned(), "1024:65535,!45000:45100".to_owned()),
            ("WEB".to_owned(), "80,443,8000:8100".to_owned()),
        ],
        ..LoadOptions::default()
    }
}

/// The rules of a policy in order of the document.
fn rules(policy: &mut Policy) -> Vec<&mut Rule> {
    policy.stateful.groups.iter_mut().flat_map(|group| &mut group.rules).collect()
}

/// The rule without a condition; `None` where nothing is left that makes sense.
fn without(rule: &Rule, condition: Condition) -> Option<Rule> {
    let mut changed = rule.clone();
    let any = |span| Spanned::new(AddressExpr::Any, span);
    let any_port = |span| Spanned::new(PortExpr::Any, span);
    match condition {
        Condition::None | Condition::Order => return None,
        Condition::Protocol => changed.protocol.value = Protocol::Ip,
        Condition::Source => changed.source = any(changed.source.span),
        Condition::SourcePort => changed.source_port = any_port(changed.source_port.span),
        Condition::Destination => changed.destination = any(changed.destination.span),
        Condition::DestinationPort => changed.destination_port = any_port(changed.destination_port.span),
        Condition::Direction(Some(option)) | Condition::Option(option) => {
            changed.options.remove(usize::from(option));
        }
        Condition::Direction(None) => {
            // what a buffer says: it goes with the first of what is asked of it
            let at = changed.options.iter().position(|option| matches!(option.keyword, Keyword::Content(_)))?;
            changed.options.remove(at);
        }
    }
    tidy(&mut changed);
    let text = changed.to_string();
    let parsed = parse_rules(&MappedText::derived(text, rule.span));
    let [parsed] = <[Rule; 1]>::try_from(parsed.rules).ok()?;
    Some(parsed)
}

/// Takes out transforms without a buffer before them, and buffers without a test behind them.
fn tidy(rule: &mut Rule) {
    let is_buffer = |keyword: &Keyword| matches!(keyword, Keyword::Buffer(_));
    let is_transform = |keyword: &Keyword| matches!(keyword, Keyword::Transform(_));
    loop {
        let keywords: Vec<&Keyword> = rule.options.iter().map(|option| &option.keyword).collect();
        let dangling = keywords.iter().enumerate().position(|(at, keyword)| {
            let before = at.checked_sub(1).map(|before| keywords[before]);
            let mut behind = keywords[at + 1..].iter().skip_while(|keyword| is_transform(keyword));
            let is_tested = behind.next().is_some_and(|keyword| {
                matches!(keyword, Keyword::Content(content) if content.modifier_buffer.is_none())
                    || matches!(
                        keyword,
                        Keyword::Pcre(_) | Keyword::Isdataat(_) | Keyword::Bsize(_) | Keyword::ByteTest(_)
                    )
                    || matches!(keyword, Keyword::ByteJump(_) | Keyword::ByteExtract(_) | Keyword::ByteMath(_))
                    || matches!(keyword, Keyword::Base64Decode(_))
            });
            (is_transform(keyword) && !before.is_some_and(|before| is_buffer(before) || is_transform(before)))
                || (is_buffer(keyword) && !is_tested)
        });
        match dangling {
            Some(at) => _ = rule.options.remove(at),
            None => return,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    confirmed: usize,
    /// The changed rule is none that is taken.
    unusable: usize,
    wrong: Vec<String>,
}

/// Takes out of a rule what is said to have failed, until it matches.
fn check_rule(asked: &mut Asked, frames: &[Kept], packet: u64, place: u32, what: &str, tally: &mut Tally) {
    let mut policy = asked.policy.clone();
    let mut said: Vec<String> = Vec::new();
    for _ in 0..STEPS_MAX {
        let Some(story) = asked.explain(&policy, frames, packet, &[place]) else {
            if std::env::var_os("EXPLAIN_SHOW").is_some() {
                let all = rules(&mut policy);
                println!("unusable {} behind {said:?}", all.into_iter().nth(place as usize).unwrap());
            }
            tally.unusable += 1;
            return;
        };
        if story.why_not.iter().any(WhyNot::matched) {
            if !said.is_empty() {
                tally.confirmed += 1;
            }
            return;
        }
        let closest: Option<&Reason> = story
            .why_not
            .iter()
            .filter_map(|why_not| why_not.closest.as_ref())
            .map(|(_, reason)| reason)
            .max_by_key(|reason| reason.closeness);
        let all = rules(&mut policy);
        let Some(rule) = all.into_iter().nth(place as usize) else { return };
        let Some(reason) = closest.filter(|reason| reason.is_of_rule()) else {
            let looked = story.why_not.iter().flat_map(|why_not| &why_not.packets);
            if looked.into_iter().all(|packet| matches!(packet, WhyNotPacket::NotLookedAt(..))) {
                return;
            }
            tally.wrong.push(format!("{what}: nothing of `{rule}` is named: {closest:?} behind {said:?}"));
            return;
        };
        let named = format!("{:?} `{}`: {}", reason.condition, reason.written, reason.found);
        let Some(changed) = without(rule, reason.condition) else {
            if std::env::var_os("EXPLAIN_SHOW").is_some() {
                println!("unusable {rule} behind {named}");
            }
            tally.unusable += 1;
            return;
        };
        *rule = changed;
        said.push(named);
    }
    tally.wrong.push(format!("{what}: it never matches: {said:?}"));
}

/// Takes the deciding rule away.
fn check_decider(asked: &mut Asked, frames: &[Kept], packet: u64, what: &str, tally: &mut Tally) {
    let policy = asked.policy.clone();
    let Some(before) = asked.explain(&policy, frames, packet, &[]) else { return };
    let Some(rule) = &before.outcome.rule else { return };
    let (sid, verdict) = (rule.sid, before.outcome.verdict);
    let mut policy = policy;
    let mut removed = 0;
    for group in &mut policy.stateful.groups {
        let n = group.rules.len();
        group.rules.retain(|rule| rule.sid() != sid);
        removed += n - group.rules.len();
    }
    if removed == 0 {
        return;
    }
    let Some(after) = asked.explain(&policy, frames, packet, &[]) else {
        tally.unusable += 1;
        return;
    };
    let another = after.outcome.rule.as_ref().is_some_and(|rule| rule.sid != sid);
    let changed = after.outcome.rule.is_none() && after.outcome.verdict != verdict;
    if another || changed || (verdict == Verdict::Pass && after.outcome.cause == Cause::NoRule) {
        tally.confirmed += 1;
    } else {
        tally.wrong.push(format!("{what}: sid {sid} decides nothing: {:?} before and behind", before.outcome.cause));
    }
}

#[test]
fn what_is_said_to_have_failed_did() {
    let every = std::env::var("EXPLAIN_EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(139);
    let mut captures = files("pcaps/edge", ".pcap");
    captures.extend(files("pcaps", ".pcap"));
    let captures: Vec<(PathBuf, Vec<Kept>)> =
        captures.into_iter().map(|path| (path.clone(), frames_in(&path))).filter(|(_, f)| !f.is_empty()).collect();
    let mut policies: Vec<(PathBuf, LoadOptions)> = Vec::new();
    for path in files("tests/golden/rules", ".rules") {
        policies.extend([RuleOrder::Action, RuleOrder::Strict].map(|order| (path.clone(), options(order))));
    }
    policies.extend(files("rules", ".yaml").into_iter().map(|path| (path, LoadOptions::default())));
    let (mut misses, mut deciders) = (Tally::default(), Tally::default());
    let (mut turn, mut n_policies) = (0_usize, 0);
    for (path, options) in &policies {
        let mut asked = Asked::load(path, options);
        let policy = asked.policy.clone();
        let n_rules = rules(&mut asked.policy).len() as u32;
        // some need data that is not here
        let Some(program) = asked.compile(&policy) else { continue };
        n_policies += 1;
        let left_out = program.left_out().to_vec();
        for (capture, frames) in &captures {
            turn += 1;
            if !turn.is_multiple_of(every) {
                continue;
            }
            let what = format!("{} {} {:?}", name(path), name(capture), options.stateful.order);
            for packet in packets(&mut asked, &policy, frames, 2) {
                check_decider(&mut asked, frames, packet, &what, &mut deciders);
                for place in 0..n_rules {
                    let pick = (turn + place as usize + packet as usize).is_multiple_of(5);
                    if pick && left_out.is_empty() {
                        let what = format!("{what} packet {packet} rule {place}");
                        check_rule(&mut asked, frames, packet, place, &what, &mut misses);
                    }
                }
            }
        }
    }
    assert!(n_policies > 40, "{n_policies} policies");
    let mut report = String::new();
    for (name, tally) in [("conditions", &misses), ("deciders", &deciders)] {
        let Tally { confirmed, unusable, wrong } = tally;
        writeln!(report, "{name}: {confirmed} of {} confirmed, {unusable} unusable", confirmed + wrong.len()).unwrap();
    }
    println!("{report}");
    let wrong: Vec<&String> = misses.wrong.iter().chain(&deciders.wrong).collect();
    assert!(misses.confirmed > 50 && deciders.confirmed > 5, "{report}");
    let shown: Vec<&&String> = wrong.iter().take(12).collect();
    assert!(wrong.is_empty(), "{report}{shown:#?}");
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The last packets of some flows: with them the whole of a flow is asked about.
fn packets(asked: &mut Asked, policy: &Policy, frames: &[Kept], n: usize) -> Vec<u64> {
    let program = asked.compile(policy).unwrap();
    let mut engine = Engine::new(&program, EngineConfig::default());
    let mut decisions = Decisions::default();
    for (number, kept) in (1..).zip(frames) {
        engine.process(&kept.frame(number), &mut decisions);
    }
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    for decision in &decisions.0 {
        if let Some(flow) = decision.flow {
            let decided = decision.verdict != Verdict::Pass || matches!(decision.cause, Cause::Rule(_));
            let known = last.entry(flow).or_insert(decision.frame_no);
            if decided && !matches!(decision.cause, Cause::FlowDropped(_)) {
                *known = decision.frame_no;
            }
        }
    }
    last.into_values().take(n).collect()
}
