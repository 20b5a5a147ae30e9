//! `flowint`: counters of a flow.

use crate::flow::Notes;
use crate::rules::keyword::FlowintCommand;

/// A test of a counter. One that was never set fails every test but `isnotset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CounterTest {
    pub(super) counter: u32,
    pub(super) test: FlowintCommand,
    pub(super) operand: Operand,
}

/// The right side.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Value(u32),
    /// Another counter; 0 while that is not set.
    Counter(u32),
}

/// What is done with a counter. It counts modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arithmetic {
    Set,
    /// To 0 if it was not set.
    Add,
    /// Nothing if it was not set.
    Subtract,
}

impl Operand {
    fn value(self, notes: &Notes) -> u32 {
        match self {
            Self::Value(value) => value,
            Self::Counter(counter) => notes.counter(counter).unwrap_or(0),
        }
    }
}

impl CounterTest {
    pub(super) fn holds(&self, notes: &Notes) -> bool {
        let Some(value) = notes.counter(self.counter) else { return self.test == FlowintCommand::Isnotset };
        let other = self.operand.value(notes);
        match self.test {
            FlowintCommand::Eq => value == other,
            FlowintCommand::Ne => value != other,
            FlowintCommand::Lt => value < other,
            FlowintCommand::Le => value <= other,
            FlowintCommand::Gt => value > other,
            FlowintCommand::Ge => value >= other,
            FlowintCommand::Isset => true,
            FlowintCommand::Isnotset | FlowintCommand::Set | FlowintCommand::Add | FlowintCommand::Subtract => false,
        }
    }
}

pub(super) fn change(counter: u32, arithmetic: Arithmetic, operand: Operand, notes: &mut Notes) {
    let operand = operand.value(notes);
    let before = notes.counter(counter);
    let value = match (arithmetic, before) {
        (Arithmetic::Set, _) => operand,
        (Arithmetic::Add, before) => before.unwrap_or(0).wrapping_add(operand),
        (Arithmetic::Subtract, Some(before)) => before.wrapping_sub(operand),
        (Arithmetic::Subtract, None) => return,
    };
    notes.set_counter(counter, value);
}
