//! Everything that an engine says, in order.

use firedrill::verdict::{Alert, Decision, FlowRecord, Sink};

#[derive(Debug, PartialEq)]
pub enum Said {
    Decision(Decision),
    Alert(Alert),
    Flow(FlowRecord),
}

#[derive(Default, PartialEq)]
pub struct Heard(pub Vec<Said>);

impl Sink for Heard {
    fn decision(&mut self, decision: &Decision) {
        self.0.push(Said::Decision(*decision));
    }

    fn alert(&mut self, alert: &Alert) {
        self.0.push(Said::Alert(*alert));
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.0.push(Said::Flow(flow.clone()));
    }
}
