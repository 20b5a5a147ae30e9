//! tmp
use crate::capture::LinkType;
/// t
#[derive(Debug)]
pub struct Inner<'a> {
    /// t
    pub link_type: LinkType,
    /// t
    pub bytes: &'a [u8],
}
/// t
pub fn decapsulate(_: LinkType, _: &[u8]) -> Option<Inner<'_>> {
    None
}
