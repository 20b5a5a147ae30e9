//! One decision as a story: what each packet of a flow met on its way, which rule decided and by which bytes, and which
//! condition kept every other rule from matching.
//!
//! In: a compiled policy with the policy itself, frames that can be fed more than once, and a [`Question`]. Out: an
//! [`Explanation`], which [`text`], [`html`] and [`json`] render. Nothing here decides: a replay is watched through
//! [`crate::detect::trace`], so that what is said to have failed is what the engine found to fail. `story` is the place
//! to read on; [`pitfalls`] names well-known traps where a flow is in one.

mod builder;
pub mod html;
pub mod json;
mod names;
pub mod pitfalls;
mod question;
mod reason;
mod recorder;
mod stateless;
mod story;
pub mod text;
mod written;

pub use pitfalls::Pitfall;
pub use question::{FlowQuestion, Question};
pub use reason::{Condition, Reason};
pub use recorder::{Ends, FlowFacts, Fragment, PacketFacts};
pub use story::{
    Candidate, Evidence, Explanation, Fate, FlowEvent, Matched, Outcome, PacketStory, RuleRef, StatelessMiss,
    StatelessStory, WhyNot, WhyNotPacket,
};
pub use written::Subject;

use crate::capture::Frame;
use crate::detect::{RulePath, Tracer};
use crate::engine::{Engine, EngineConfig};
use crate::flow::Flow;
use crate::packet::Packet;
use crate::verdict::{RuleId, Stage};
use builder::Builder;
use question::Tuple;
use recorder::{PacketFacts as Facts, Recorder, Said};
use std::net::IpAddr;

/// Feeds frames from the first on to whoever takes them, for as long as `true` comes back.
pub type Feed<'f, E> = dyn FnMut(&mut dyn FnMut(&Frame<'_>) -> bool) -> Result<(), E> + 'f;

/// What is to be explained.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Rules of which it is asked why they did not match.
    pub why_not: Vec<RuleId>,
    /// Judge what is inside mirrored traffic.
    pub decapsulate: bool,
    /// Give a reason for every rule, not only for those that came closest.
    pub all_rules: bool,
    /// Words for the frames, where somebody knows what they are.
    pub labels: Vec<String>,
    /// Names of servers that are known beside what DNS says in the capture.
    pub names: Vec<(String, IpAddr)>,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError<E> {
    /// The frames cannot be read.
    #[error("the frames cannot be read")]
    Feed(E),
    /// The capture has fewer frames.
    #[error("there is no packet {asked}: there are {frames}")]
    NoPacket {
        /// Asked for.
        asked: u64,
        /// There are.
        frames: u64,
    },
    /// No packet goes between these ends.
    #[error("no packet goes between {0}")]
    NoFlow(FlowQuestion),
}

/// Explains what became of a packet or a flow.
///
/// # Errors
/// The frames cannot be read, or there is no such packet or flow among them.
pub fn explain<E>(
    subject: &Subject<'_>,
    question: &Question,
    wish: &Wish,
    feed: &mut Feed<'_, E>,
) -> Result<Explanation, ExplainError<E>> {
    let config = EngineConfig { decapsulate: wish.decapsulate, ..EngineConfig::default() };
    let sought = find(subject, question, config, feed)?;
    let mut recorder = Recorder::new(subject.program);
    (recorder.flow, recorder.tuple) = (sought.flow, sought.tuple);
    let asked = match question {
        Question::Packet(number) => Some(*number),
        Question::Flow(_) | Question::Conversation => None,
    };
    let mut builder = Builder::new(subject, wish, asked);
    let mut engine = Engine::new(subject.program, config);
    feed(&mut |frame| {
        let mut said = Said::default();
        recorder.whole_frame = asked == Some(frame.number);
        engine.process_traced(frame, &mut said, &mut recorder);
        let notes = recorder.take();
        if let Some(decision) = said.0 {
            let tuple = notes.arrived.as_ref().and_then(Tuple::of);
            let of_flow = decision.flow.is_some() && decision.flow == sought.flow;
            let same_ends = decision.flow.is_none() || sought.flow.is_none();
            let of_tuple = same_ends && tuple.is_some_and(|tuple| sought.tuple.is_some_and(|of| of.is_same(tuple)));
            if recorder.whole_frame || of_flow || of_tuple {
                builder.frame(frame, decision, notes);
            }
        }
        true
    })
    .map_err(ExplainError::Feed)?;
    let mut said = Said::default();
    engine.finish_traced(&mut said, &mut recorder);
    builder.end_of_flow(&recorder.take());
    let mut answers = recorder.answers();
    for (name, address) in &wish.names {
        answers.add(name, [*address]);
    }
    Ok(builder.finish(&answers))
}

/// What is looked for: a flow by its number, and its ends.
#[derive(Clone, Copy, Debug, Default)]
struct Sought {
    flow: Option<u64>,
    tuple: Option<Tuple>,
}

/// Notes the ends of the packet that arrives.
#[derive(Default)]
struct Ear(Option<Facts>);

impl Tracer for Ear {
    const HEARS: bool = false;

    fn arrived(&mut self, packet: &Packet<'_>) {
        self.0 = Some(Facts::of(packet));
    }

    fn packet(&mut self, _: &Packet<'_>, _: Option<&Flow>, _: &crate::detect::PacketState) {}

    fn path(&self) -> RulePath {
        RulePath::Fast
    }

    fn missed(&mut self, _: RuleId, _: crate::detect::trace::Miss) {}

    fn held(&mut self, _: RuleId, _: u16) {}

    fn matched(&mut self, _: RuleId) {}
}

/// Finds the flow that the question is about.
fn find<E>(
    subject: &Subject<'_>,
    question: &Question,
    config: EngineConfig,
    feed: &mut Feed<'_, E>,
) -> Result<Sought, ExplainError<E>> {
    let mut engine = Engine::new(subject.program, config);
    let (mut sought, mut frames, mut found) = (Sought::default(), 0, false);
    feed(&mut |frame| {
        let (mut said, mut ear) = (Said::default(), Ear::default());
        engine.process_traced(frame, &mut said, &mut ear);
        frames += 1;
        let Some(decision) = said.0 else { return true };
        let tuple = ear.0.as_ref().and_then(Tuple::of);
        let is_it = match (question, sought.tuple) {
            // the flow of a packet that never came to have one: another of its ends may
            (_, Some(known)) => tuple.is_some_and(|tuple| known.is_same(tuple)),
            (Question::Packet(number), None) => frame.number == *number,
            (Question::Flow(asked), None) => tuple.is_some_and(|tuple| asked.is_between(tuple)),
            (Question::Conversation, None) => true,
        };
        if is_it {
            found = true;
            sought.tuple = sought.tuple.or(tuple);
            sought.flow = decision.flow;
        }
        let goes_on = decision.stage == Stage::Stateless && sought.tuple.is_some();
        !found || (sought.flow.is_none() && (goes_on || !is_it))
    })
    .map_err(ExplainError::Feed)?;
    match question {
        _ if found => Ok(sought),
        Question::Packet(asked) => Err(ExplainError::NoPacket { asked: *asked, frames }),
        Question::Flow(asked) => Err(ExplainError::NoFlow(*asked)),
        Question::Conversation => Err(ExplainError::NoPacket { asked: 1, frames }),
    }
}
