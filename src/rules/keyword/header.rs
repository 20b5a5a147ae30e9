//! Keywords on fields of the IP, TCP and ICMP headers.

/// How `ip_proto` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpProtoMatch {
    /// The protocol.
    Is,
    /// `!`
    Not,
    /// `<`
    Below,
    /// `>`
    Above,
}

/// `ip_proto`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpProto {
    /// How.
    pub compare: IpProtoMatch,
    /// IANA number.
    pub number: u8,
}

/// How header bits are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsMode {
    /// Exactly these.
    Exactly,
    /// `+`: these, others may be set.
    All,
    /// `*`: any of these.
    Any,
    /// `!`: not (exactly) these.
    Not,
}

/// A test of header bits: the bits under `!ignored` are compared with `bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitsMatch {
    /// How.
    pub mode: FlagsMode,
    /// The bits.
    pub bits: u16,
    /// Bits that do not count (`flags:S,12`).
    pub ignored: u16,
}
