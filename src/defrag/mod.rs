//! tmp
use crate::packet::Packet;
/// t
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefragConfig;
/// t
#[derive(Debug)]
pub struct Defrag;
impl Defrag {
    /// t
    pub fn new(_: DefragConfig) -> Self {
        Self
    }
    /// t
    pub fn insert(&mut self, _: &mut Packet<'_>) -> Option<Vec<u8>> {
        None
    }
    /// t
    pub fn recycle(&mut self, _: Vec<u8>) {}
}
