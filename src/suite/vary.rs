//! Cases again, with the same application bytes in other packets: a verdict that changes with them is fragile.

use super::judge::{Decider, Failure, rule_of};
use super::model::{Case, Traffic};
use super::run::{CaseError, ETHERNET, Subject, conversations, opened};
use crate::capture::{Capture, CaptureOptions, Frame};
use crate::engine::{Engine, EngineConfig};
use crate::report::names::ProtocolName;
use crate::report::outcome::{Log, deciding};
use crate::synth::rewrite::{Rewrite, TalkFrame, Talks, as_frame, rewrite};
use crate::synth::{Hello, Shorthand};
use crate::verdict::{Cause, Decision, Verdict};
use std::collections::BTreeMap;

/// What became of a talk.
#[derive(Clone, Debug)]
struct Fate {
    verdict: Verdict,
    cause: Cause,
    frame_no: u64,
    /// `tcp 10.0.0.10:40000 → 203.0.113.10:443 www.example.com`
    flow: Option<String>,
}

/// Runs a case under each rewrite, and says where the verdict on a flow is another one than without it. Rewrites that a
/// case has nothing for are passed over.
///
/// # Errors
/// When the case's traffic cannot be had.
pub fn vary(subject: Subject<'_>, case: &Case, rewrites: &[Rewrite]) -> Result<Vec<Failure>, CaseError> {
    let frames = taken(subject, &case.traffic)?;
    let before = fates(subject, &frames);
    let mut failures = Vec::new();
    for how in rewrites {
        let varied = match (how, &case.traffic) {
            (Rewrite::PqcHello, Traffic::Conversations(all)) => {
                let Some(all) = with_pqc(all) else { continue };
                taken(subject, &Traffic::Conversations(all))?
            }
            _ => match rewrite(*how, &frames, subject.home) {
                Ok(frames) => frames,
                Err(_) => continue,
            },
        };
        let after = fates(subject, &varied);
        for (talk, was) in &before {
            let Some(is) = after.get(talk).filter(|is| is.verdict != was.verdict) else { continue };
            failures.push(failure(subject, case, *how, was, is, &varied));
        }
    }
    Ok(failures)
}

fn failure(subject: Subject<'_>, case: &Case, how: Rewrite, was: &Fate, is: &Fate, frames: &[TalkFrame]) -> Failure {
    let book = subject.book;
    let words = (is.frame_no as usize).checked_sub(1).and_then(|index| frames.get(index));
    let packet = words.map_or_else(String::new, |frame| format!("packet {} ({})", is.frame_no, frame.what));
    let rule = rule_of(was.cause).map_or_else(|| book.describe(was.cause), |id| book.describe_rule(id));
    Failure {
        span: case.span,
        expected: format!("{}, also {}", was.verdict.name(), how.describe()),
        got: is.verdict.name().to_owned(),
        flow: was.flow.clone(),
        by: Some(Decider::about(is.cause, packet, book)),
        why: format!("fragile under --vary {}; {rule} decides without it", how.name()),
    }
}

/// With post-quantum ClientHellos; `None` where there is none to change.
fn with_pqc(all: &[Shorthand]) -> Option<Vec<Shorthand>> {
    let has_hello = |wanted: &Shorthand| wanted.takes("hello") && wanted.hello != Some(Hello::PostQuantum);
    all.iter().any(has_hello).then(|| {
        let change = |wanted: &Shorthand| {
            let hello = if wanted.takes("hello") { Some(Hello::PostQuantum) } else { None };
            Shorthand { hello, ..wanted.clone() }
        };
        all.iter().map(change).collect()
    })
}

/// The frames of a case, each with its talk; mirrored traffic without what is around it.
fn taken(subject: Subject<'_>, traffic: &Traffic) -> Result<Vec<TalkFrame>, CaseError> {
    let mut talks = Talks::default();
    let mut frames = Vec::new();
    let mut take = |frame: &Frame<'_>, what: String| {
        let talk = talks.of(frame);
        let Frame { time_ns, link_type, wire_len, bytes, .. } = *frame;
        frames.push(TalkFrame { time_ns, link_type, wire_len, bytes: bytes.to_vec(), what, talk });
    };
    match traffic {
        Traffic::Captures { paths, decapsulate } => {
            let mut capture = Capture::open(paths, &CaptureOptions::default())?;
            while let Some(frame) = capture.next_frame()? {
                take(&opened(&frame, *decapsulate), format!("frame {}", frame.number));
            }
        }
        Traffic::Conversations(all) => {
            for frame in conversations(subject.home, all)?.into_iter().flat_map(|talk| talk.frames) {
                let (wire_len, bytes) = (frame.bytes.len() as u32, frame.bytes.as_slice());
                take(&Frame { number: 0, time_ns: frame.time_ns, link_type: ETHERNET, wire_len, bytes }, frame.what);
            }
        }
    }
    Ok(frames)
}

/// What becomes of every talk.
fn fates(subject: Subject<'_>, frames: &[TalkFrame]) -> BTreeMap<usize, Fate> {
    let mut log = Log::default();
    let mut engine = Engine::new(subject.program, EngineConfig::default());
    for (number, frame) in (1..).zip(frames) {
        engine.process(&as_frame(frame, number), &mut log);
    }
    engine.finish(&mut log);
    let mut by_talk: BTreeMap<usize, Vec<&Decision>> = BTreeMap::new();
    for (frame, decision) in frames.iter().zip(&log.decisions) {
        if let Some(talk) = frame.talk {
            by_talk.entry(talk).or_default().push(decision);
        }
    }
    let fate = |(talk, decisions): (usize, Vec<&Decision>)| {
        let decided = deciding(&decisions.iter().copied())?;
        let flow = decisions.iter().find_map(|decision| decision.flow);
        let record = flow.and_then(|id| log.flows.iter().find(|record| record.id == id));
        let flow = record.map(|record| {
            let end = |(address, port): (std::net::IpAddr, Option<u16>)| match port {
                Some(port) => std::net::SocketAddr::new(address, port).to_string(),
                None => address.to_string(),
            };
            let proto = ProtocolName(record.proto).to_string().to_ascii_lowercase();
            let name = record.sni.as_ref().or(record.http_hosts.first());
            let name = name.map_or_else(String::new, |name| format!(" {name}"));
            format!("{proto} {} → {}{name}", end(record.src), end(record.dst))
        });
        let Decision { verdict, cause, frame_no, .. } = *decided;
        Some((talk, Fate { verdict, cause, frame_no, flow }))
    };
    by_talk.into_iter().filter_map(fate).collect()
}
