//! What shards say, and putting it together again as one engine would have said it.

use crate::defrag::Load;
use crate::verdict::{Alert, Decision, FlowRecord, Sink};
use std::sync::mpsc::SyncSender;

/// What a shard says about the frames of a batch.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Decisions about its own frames, each with the alerts and the flows that came behind it.
    frames: Vec<Said>,
    /// Flows whose time was over.
    over: Vec<Over>,
    /// What it keeps of fragments behind the last frame.
    pub(super) fragments: Load,
}

#[derive(Debug)]
enum Said {
    Decision(Decision),
    Alert(Alert),
    Flow(Box<FlowRecord>),
}

/// A flow whose time was over, and what its end brought to light.
#[derive(Debug)]
struct Over {
    frame_no: u64,
    alerts: Vec<Alert>,
    flow: FlowRecord,
}

impl Over {
    fn tell(&self, sink: &mut dyn Sink) {
        for alert in &self.alerts {
            sink.alert(alert);
        }
        sink.flow(&self.flow);
    }
}

/// Where a shard's engine says things.
pub(super) struct Teller {
    told: Told,
    out: SyncSender<Told>,
    /// The frame at hand, once its time has passed: flows that end now do so for their time is over.
    passed: Option<u64>,
    alerts: Vec<Alert>,
    is_last: bool,
}

impl Teller {
    /// Behind the last frame, so many flows are told of at a time.
    const FLOWS_AT_ONCE: usize = 1024;

    pub(super) fn new(out: SyncSender<Told>) -> Self {
        Self { told: Told::default(), out, passed: None, alerts: Vec::new(), is_last: false }
    }

    /// What comes next is about a frame, or, if it has `passed`, about flows whose time is over.
    pub(super) fn is_about(&mut self, passed: Option<u64>) {
        self.passed = passed;
    }

    /// What comes next is about flows that the capture's end ends.
    pub(super) fn is_about_the_end(&mut self) {
        self.passed = Some(u64::MAX);
        self.is_last = true;
    }

    /// Hands over what was said; false when nobody listens any more.
    pub(super) fn hand_over(&mut self, fragments: Load) -> bool {
        let next = Told { frames: Vec::with_capacity(self.told.frames.len()), ..Told::default() };
        let told = std::mem::replace(&mut self.told, next);
        self.out.send(Told { fragments, ..told }).is_ok()
    }
}

impl Sink for Teller {
    fn decision(&mut self, decision: &Decision) {
        self.told.frames.push(Said::Decision(*decision));
    }

    fn alert(&mut self, alert: &Alert) {
        match self.passed {
            Some(_) => self.alerts.push(*alert),
            None => self.told.frames.push(Said::Alert(*alert)),
        }
    }

    fn flow(&mut self, flow: &FlowRecord) {
        let Some(frame_no) = self.passed else {
            self.told.frames.push(Said::Flow(Box::new(flow.clone())));
            return;
        };
        self.told.over.push(Over { frame_no, alerts: std::mem::take(&mut self.alerts), flow: flow.clone() });
        if self.is_last && self.told.over.len() >= Self::FLOWS_AT_ONCE {
            // when nobody listens, nothing is lost
            let _ = self.hand_over(Load::default());
        }
    }
}

/// Says in order what shards said about a batch. `frames`: the numbers of its frames, each with the place in `told` of the
/// shard that has it.
pub(super) fn merge(frames: impl Iterator<Item = (u64, usize)>, mut told: Vec<Told>, sink: &mut dyn Sink) {
    let mut over: Vec<Over> = told.iter_mut().flat_map(|told| std::mem::take(&mut told.over)).collect();
    over.sort_unstable_by_key(|over| (over.frame_no, over.flow.id));
    let mut over = over.iter().peekable();
    let mut said: Vec<_> = told.iter().map(|told| told.frames.iter().peekable()).collect();
    for (number, shard) in frames {
        if let Some(said) = said.get_mut(shard)
            && let Some(Said::Decision(decision)) = said.next_if(|next| next.begins(number))
        {
            sink.decision(decision);
            while let Some(next) = said.next_if(|next| !matches!(next, Said::Decision(_))) {
                match next {
                    Said::Alert(alert) => sink.alert(alert),
                    Said::Flow(flow) => sink.flow(flow),
                    Said::Decision(_) => {}
                }
            }
        }
        while let Some(over) = over.next_if(|over| over.frame_no == number) {
            over.tell(sink);
        }
    }
}

impl Said {
    fn begins(&self, number: u64) -> bool {
        matches!(self, Self::Decision(decision) if decision.frame_no == number)
    }
}

/// Says in order what shards say about the capture's end.
pub(super) fn merge_ends(shards: impl Iterator<Item = impl Iterator<Item = Told>>, sink: &mut dyn Sink) {
    let mut shards: Vec<_> = shards.map(|told| told.flat_map(|told| told.over).peekable()).collect();
    loop {
        let next = shards.iter_mut().filter_map(|shard| Some((shard.peek()?.flow.id, shard))).min_by_key(|(id, _)| *id);
        let Some(over) = next.and_then(|(_, shard)| shard.next()) else { return };
        over.tell(sink);
    }
}
