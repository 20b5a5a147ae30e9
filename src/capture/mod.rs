//! Captures as a stream of frames, in bounded memory.

/// What the first bytes of a frame are: the LINKTYPE number of the file or interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One captured record. Borrowed: valid until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number over all files of the replay, from 1.
    pub number: u64,
    /// Capture time, nanoseconds since the epoch; may go backwards.
    pub time_ns: i64,
    /// How to read `bytes`.
    pub link_type: LinkType,
    /// Length on the wire; larger than `bytes` when the snap length cut the frame.
    pub wire_len: u32,
    /// What was captured.
    pub bytes: &'a [u8],
}
