//! `flowbits`: bits of a flow.

use super::BitChange;
use crate::flow::Notes;

/// The bit that takes a change of a list of names: `flowbits:set,a|b` sets neither `a` nor `b`, but there is a bit now.
pub(super) const NAMELESS: u16 = 0;

/// Whether any of the bits is set, or any is not.
pub(super) fn hold(set: bool, bits: &[u16], notes: &Notes) -> bool {
    bits.iter().any(|bit| notes.bits.contains(bit) == set)
}

pub(super) fn change(change: BitChange, bit: u16, notes: &mut Notes) {
    let at = notes.bits.iter().position(|b| *b == bit);
    match (change, at) {
        (BitChange::Set | BitChange::Toggle, None) => notes.bits.push(bit),
        (BitChange::Unset | BitChange::Toggle, Some(at)) => {
            notes.bits.swap_remove(at);
        }
        (BitChange::Set, Some(_)) | (BitChange::Unset, None) => {}
    }
}
