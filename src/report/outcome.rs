//! What became of one conversation: a fold over the decisions about its packets.

use super::RuleBook;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleAction, RuleId, Sink, Verdict};
use std::net::IpAddr;
use std::ops::Range;

/// Everything an engine said.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// About frames, in order.
    pub decisions: Vec<Decision>,
    /// Of rules that report.
    pub alerts: Vec<Alert>,
    /// As they ended.
    pub flows: Vec<FlowRecord>,
}

impl Sink for Log {
    fn decision(&mut self, decision: &Decision) {
        self.decisions.push(*decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.alerts.push(*alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.flows.push(flow.clone());
    }
}

/// What became of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Pass when every packet got through.
    pub verdict: Verdict,
    /// What decided: about the first packet that was not let through, else about the first that a rule decided on.
    pub cause: Cause,
    /// The packet it decided on, from 0.
    pub packet: usize,
    /// Rules that reported: each once, with the packet (from 0) it first reported on; none at the end of the flow.
    pub alerts: Vec<(RuleId, Option<usize>)>,
}

impl Log {
    /// What became of the conversation that the frames with these numbers are, and whose client has this port.
    pub fn outcome(&self, frames: Range<u64>, client_port: u16, book: &RuleBook) -> Outcome {
        let own = || self.decisions.iter().filter(|decision| frames.contains(&decision.frame_no));
        let decided = deciding(&own());
        let mut alerts: Vec<(RuleId, Option<usize>)> = Vec::new();
        for alert in &self.alerts {
            let is_port = |end: Option<(IpAddr, Option<u16>)>| end.and_then(|(_, port)| port) == Some(client_port);
            let own =
                frames.contains(&alert.frame_no) || (alert.frame_no == 0 && (is_port(alert.src) || is_port(alert.dst)));
            let decided_by_it = matches!(decided.map(|d| d.cause), Some(Cause::Rule(id)) if id == alert.rule);
            let reports = book.rule(alert.rule).is_some_and(|rule| rule.action == RuleAction::Alert) || !decided_by_it;
            if own && reports && !alerts.iter().any(|(rule, _)| *rule == alert.rule) {
                alerts.push((alert.rule, alert.frame_no.checked_sub(frames.start).map(|n| n as usize)));
            }
        }
        Outcome {
            verdict: decided.map_or(Verdict::Pass, |decision| decision.verdict),
            cause: decided.map_or(Cause::NoRule, |decision| decision.cause),
            packet: decided.map_or(0, |decision| decision.frame_no.saturating_sub(frames.start) as usize),
            alerts,
        }
    }
}

/// The decision that says what became of packets that belong together: the first that was not let through, else the
/// first that a rule decided on, else the first.
pub fn deciding<'a>(decisions: &(impl Iterator<Item = &'a Decision> + Clone)) -> Option<&'a Decision> {
    let by_rule = |cause: &Cause| matches!(cause, Cause::Rule(_) | Cause::FlowPassed(_) | Cause::StatelessRule(_));
    let refused = decisions.clone().find(|decision| decision.verdict != Verdict::Pass);
    refused.or_else(|| decisions.clone().find(|decision| by_rule(&decision.cause))).or_else(|| decisions.clone().next())
}
