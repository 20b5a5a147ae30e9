//! A case through a policy.

use super::judge::{self, Failure};
use super::model::{Case, Traffic};
use super::observe::{Observed, Observer};
use super::rule_set::RuleSet;
use super::snapshot;
use crate::capture::{Capture, CaptureError, CaptureOptions, Frame, LinkType};
use crate::detect::Program;
use crate::engine::{Engine, EngineConfig};
use crate::packet::decapsulate::decapsulate;
use crate::report::RuleBook;
use crate::synth::{Conversation, Defaults, HomeNet, SynthError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Frames that are made up are Ethernet's.
pub(super) const ETHERNET: LinkType = LinkType(1);

/// A policy under test.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'p> {
    /// The compiled policy.
    pub program: &'p Program,
    /// What its rules are called.
    pub book: &'p RuleBook,
    /// Its HOME_NET.
    pub home: &'p HomeNet,
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Its conversation cannot be made up.
    #[error("{0}")]
    Conversation(#[from] SynthError),
    /// Its capture cannot be read.
    #[error("{0}")]
    Capture(#[from] CaptureError),
    /// Its snapshot cannot be read.
    #[error("`{path}` cannot be read: {why}")]
    Snapshot {
        /// The file.
        path: String,
        /// Why.
        why: std::io::Error,
    },
}

/// How a case went.
#[derive(Debug)]
pub struct CaseResult {
    /// What became of its traffic.
    pub observed: Observed,
    /// What did not hold.
    pub failures: Vec<Failure>,
    /// What its snapshot would be now, where it is not what is recorded.
    pub new_snapshot: Option<String>,
}

/// Runs a case.
///
/// # Errors
/// When its traffic cannot be had.
pub fn run(subject: Subject<'_>, case: &Case) -> Result<CaseResult, CaseError> {
    let observed = observe(subject, &case.traffic)?;
    let mut failures: Vec<Failure> =
        case.expectations.iter().flat_map(|expectation| judge::check(expectation, &observed, subject.book)).collect();
    let mut new_snapshot = None;
    if let Some(recorded) = &case.snapshot {
        let now = snapshot::of(&observed, subject.book, &case.name);
        let before = match std::fs::read_to_string(&recorded.value) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(why) => return Err(CaseError::Snapshot { path: recorded.value.display().to_string(), why }),
        };
        if before.as_deref() != Some(now.as_str()) {
            failures.push(snapshot::failure(before.as_deref(), &now, recorded.span));
            new_snapshot = Some(now);
        }
    }
    Ok(CaseResult { observed, failures, new_snapshot })
}

/// Sends traffic through a fresh engine.
///
/// # Errors
/// When it cannot be had.
pub fn observe(subject: Subject<'_>, traffic: &Traffic) -> Result<Observed, CaseError> {
    let mut observer = Observer::default();
    let mut matched = RuleSet::default();
    let decapsulate = matches!(traffic, Traffic::Captures { decapsulate: true, .. });
    let mut engine = Engine::new(subject.program, EngineConfig { decapsulate, ..EngineConfig::default() });
    let stateless = subject.program.stateless.as_ref();
    match traffic {
        Traffic::Captures { paths, .. } => {
            let mut capture = Capture::open(paths, &CaptureOptions::default())?;
            while let Some(frame) = capture.next_frame()? {
                observer.frame(&opened(&frame, decapsulate), stateless);
                engine.process_traced(&frame, &mut observer, &mut matched);
            }
            observer.observed.damage = capture.damage().iter().map(ToString::to_string).collect();
        }
        Traffic::Conversations(all) => {
            let talks = conversations(subject.home, all)?;
            for (number, frame) in (1..).zip(talks.into_iter().flat_map(|talk| talk.frames)) {
                let wire_len = frame.bytes.len() as u32;
                let bytes = &frame.bytes;
                let seen = Frame { number, time_ns: frame.time_ns, link_type: ETHERNET, wire_len, bytes };
                observer.frame(&seen, stateless);
                engine.process_traced(&seen, &mut observer, &mut matched);
                observer.observed.words.push(frame.what);
            }
        }
    }
    engine.finish_traced(&mut observer, &mut matched);
    let mut observed = observer.observed;
    observed.matched = matched;
    Ok(observed)
}

/// A frame without what mirroring has put around it, if that is to be taken off.
pub(super) fn opened<'a>(frame: &Frame<'a>, decapsulates: bool) -> Frame<'a> {
    let inner = if decapsulates { decapsulate(frame.link_type, frame.bytes) } else { None };
    inner.map_or(*frame, |inner| Frame {
        link_type: inner.link_type,
        bytes: inner.bytes,
        wire_len: inner.bytes.len() as u32,
        ..*frame
    })
}

/// Makes up the conversations of a case.
pub(super) fn conversations(home: &HomeNet, all: &[crate::synth::Shorthand]) -> Result<Vec<Conversation>, SynthError> {
    let defaults = Defaults { home: home.clone(), ..Defaults::default() };
    all.iter().enumerate().map(|(index, wanted)| Conversation::new(wanted.clone(), &defaults, index)).collect()
}

/// Does something for every item on `jobs` threads; the results come in the order of the items.
pub fn on_threads<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if jobs <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()) {
            scope.spawn(|| {
                while let Some((index, item)) = take(items, &next) {
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'t, T>(items: &'t [T], next: &AtomicUsize) -> Option<(usize, &'t T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}
