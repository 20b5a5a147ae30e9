//! The old policy and any number of new ones over the same frames: read and decoded once.

use super::{DiffArgs, Loaded, Tried};
use crate::capture::{Frame, LinkType};
use crate::cli::console::Stop;
use crate::cli::feed::Feed;
use crate::cli::firewall::tell;
use crate::diff::{Comparison, Heard, Identities, Outcomes};
use crate::engine::{EngineConfig, Fleet};
use crate::report::outcome::Log;
use crate::report::{CaptureFacts, Notice, Summary, notice};
use crate::synth::{Conversation, Defaults, Shorthand};
use crate::verdict::{Alert, Decision, FlowRecord, Sink};
use std::ops::ControlFlow;

const ETHERNET: LinkType = LinkType(1);

/// What captures say about every new policy.
pub(super) struct Captured {
    pub(super) facts: CaptureFacts,
    pub(super) results: Vec<PolicyResult>,
}

/// What captures say about one new policy.
pub(super) struct PolicyResult {
    pub(super) outcomes: Outcomes,
    pub(super) notices: Vec<Notice>,
}

/// What made-up conversations say about one new policy.
pub(super) struct Asked {
    pub(super) tried: Vec<Tried>,
    pub(super) notices: Vec<Notice>,
}

/// What an engine says of the frame at hand, and counts of all.
struct Ear {
    heard: Heard,
    summary: Summary,
}

impl Sink for Ear {
    fn decision(&mut self, decision: &Decision) {
        self.heard.decision(decision);
        self.summary.decision(decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.heard.alert(alert);
        self.summary.alert(alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.heard.flow(flow);
        self.summary.flow(flow);
    }
}

fn fleet<'a>(old: &'a Loaded, new: &'a [Loaded], tunnels: bool) -> Fleet<'a> {
    let programs = std::iter::once(old).chain(new).map(|loaded| loaded.session.firewall().program());
    Fleet::new(programs, EngineConfig { decapsulate: tunnels, ..EngineConfig::default() })
}

/// Sends the captures through all engines.
pub(super) fn captures(
    args: &DiffArgs,
    old: &Loaded,
    new: &[Loaded],
    identities: &[Identities],
    shows_progress: bool,
) -> Result<Captured, Stop> {
    let mut feed = Feed::open(&args.captures, args.decapsulate, shows_progress)?;
    let mut fleet = fleet(old, new, args.decapsulate);
    let books = || std::iter::once(old).chain(new).map(|loaded| &loaded.session.book);
    let mut ears: Vec<Ear> = books().map(|book| Ear { heard: Heard::default(), summary: Summary::new(book) }).collect();
    let mut comparisons: Vec<Comparison> = identities.iter().cloned().map(Comparison::new).collect();
    let mut facts = feed.each(|frame| {
        for ear in &mut ears {
            ear.heard.clear();
        }
        let ends = fleet.process(frame, &mut ears).map(|seen| seen.ends);
        if let Some((first, others)) = ears.split_first() {
            for (comparison, other) in comparisons.iter_mut().zip(others) {
                comparison.frame(frame.time_ns, ends, [&first.heard, &other.heard]);
            }
        }
        ControlFlow::Continue(())
    })?;
    for ear in &mut ears {
        ear.heard.clear();
    }
    fleet.finish(&mut ears);
    if let Some(engine) = fleet.engine(0) {
        tell(engine.facts(), &mut facts);
    }
    let mut results = Vec::new();
    if let Some((first, others)) = ears.split_first() {
        for ((comparison, other), loaded) in comparisons.into_iter().zip(others).zip(new) {
            let mut notices: Vec<Notice> = notice::modelled(&old.session.book, &first.summary).into_iter().collect();
            for notice in notice::of_replay(&[], &loaded.session.book, &other.summary, &facts) {
                if !notices.contains(&notice) {
                    notices.push(notice);
                }
            }
            results.push(PolicyResult { outcomes: comparison.finish([&first.heard, &other.heard]), notices });
        }
    }
    Ok(Captured { facts, results })
}

/// Sends the conversations of `--try` through all engines.
pub(super) fn conversations(
    args: &DiffArgs,
    old: &Loaded,
    new: &[Loaded],
    identities: &[Identities],
) -> Result<Vec<Asked>, Stop> {
    let wanted = Shorthand::parse_all(args.urls.iter().map(String::as_str))
        .map_err(|error| Stop::bad_input(error.message, error.help))?;
    let defaults = Defaults { home: old.session.home.clone(), ..Defaults::default() };
    let make = |(index, wanted): (usize, Shorthand)| {
        let name = wanted.to_string();
        Conversation::new(wanted, &defaults, index)
            .map_err(|error| Stop::bad_input(format!("`{name}`: {error}"), "give from= and to= of one family"))
    };
    let made: Vec<Conversation> = wanted.into_iter().enumerate().map(make).collect::<Result<_, _>>()?;

    let mut fleet = fleet(old, new, false);
    let mut ears: Vec<TryEar> = std::iter::once(old).chain(new).map(|_| TryEar::default()).collect();
    let fresh = |identities: &Identities| made.iter().map(|_| Comparison::new(identities.clone())).collect();
    let mut comparisons: Vec<Vec<Comparison>> = identities.iter().map(fresh).collect();
    let mut number = 0;
    for (index, conversation) in made.iter().enumerate() {
        for frame in &conversation.frames {
            number += 1;
            let wire_len = frame.bytes.len() as u32;
            let frame = Frame { number, time_ns: frame.time_ns, link_type: ETHERNET, wire_len, bytes: &frame.bytes };
            for ear in &mut ears {
                ear.heard.clear();
            }
            let ends = fleet.process(&frame, &mut ears).map(|seen| seen.ends);
            let Some((first, others)) = ears.split_first() else { continue };
            for (comparisons, other) in comparisons.iter_mut().zip(others) {
                let heard = [&first.heard, &other.heard];
                for (place, comparison) in comparisons.iter_mut().enumerate().take(index + 1) {
                    if place == index {
                        comparison.frame(frame.time_ns, ends, heard);
                    } else {
                        comparison.ended(heard);
                    }
                }
            }
        }
    }
    for ear in &mut ears {
        ear.heard.clear();
    }
    fleet.finish(&mut ears);
    let Some((first, others)) = ears.split_first() else { return Ok(Vec::new()) };
    let asked = |((comparisons, other), new): ((Vec<Comparison>, &TryEar), &Loaded)| {
        let mut start = 1;
        let tried = made.iter().zip(comparisons).map(|(conversation, comparison)| {
            let frames = start..start + conversation.frames.len() as u64;
            start = frames.end;
            let port = conversation.ends.client_port;
            let outcomes = comparison.finish([&first.heard, &other.heard]);
            Tried {
                conversation: conversation.clone(),
                old: first.log.outcome(frames.clone(), port, &old.session.book),
                new: other.log.outcome(frames, port, &new.session.book),
                change: outcomes.groups.keys().next().map(|reasons| reasons.change),
                kind: outcomes.kind(),
            }
        });
        let tried: Vec<Tried> = tried.collect();
        let mut notices = Vec::new();
        for (ear, loaded) in [(first, old), (other, new)] {
            notices.extend(notice::modelled(&loaded.session.book, &ear.summary(loaded)));
        }
        notices.dedup();
        Asked { tried, notices }
    };
    Ok(comparisons.into_iter().zip(others).zip(new).map(asked).collect())
}

/// What an engine says of the frame at hand, and all that it said.
#[derive(Default)]
struct TryEar {
    heard: Heard,
    log: Log,
}

impl TryEar {
    fn summary(&self, loaded: &Loaded) -> Summary {
        let mut summary = Summary::new(&loaded.session.book);
        self.log.decisions.iter().for_each(|decision| summary.decision(decision));
        self.log.alerts.iter().for_each(|alert| summary.alert(alert));
        summary
    }
}

impl Sink for TryEar {
    fn decision(&mut self, decision: &Decision) {
        self.heard.decision(decision);
        self.log.decision(decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.heard.alert(alert);
        self.log.alert(alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.heard.flow(flow);
        self.log.flow(flow);
    }
}
