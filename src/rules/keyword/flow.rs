//! Keywords on flows and hosts, and on what rules remember.

use crate::verdict::Direction;

/// `flow:only_stream` and `flow:no_stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowStream {
    /// `only_stream`
    OnlyStream,
    /// `no_stream`
    NoStream,
}

/// `flow:only_frag` and `flow:no_frag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowFragment {
    /// `only_frag`
    OnlyFrag,
    /// `no_frag`
    NoFrag,
}

/// `flow`: all given conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// `to_server` (`from_client`) or `to_client` (`from_server`).
    pub direction: Option<Direction>,
    /// `established` or `not_established`.
    pub established: Option<bool>,
    /// `stateless`. Never together with `established`; together with `not_established` the rule never matches.
    pub stateless: bool,
    /// `only_stream` or `no_stream`.
    pub stream: Option<FlowStream>,
    /// `only_frag` or `no_frag`.
    pub fragment: Option<FlowFragment>,
}

/// What is done with bits, or asked about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitCommand {
    /// `set`
    Set,
    /// `unset`
    Unset,
    /// `toggle`
    Toggle,
    /// `isset`
    Isset,
    /// `isnotset`
    Isnotset,
}

/// `flowbits`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flowbits {
    /// `flowbits:noalert`: as `noalert`.
    Noalert,
    /// `flowbits:command,a|b|c`: `isset` and `isnotset` hold when they hold for any of the names.
    Bits {
        /// The command.
        command: BitCommand,
        /// The names, at least one.
        names: Vec<String>,
    },
}

/// Whose bits `xbits` and `hostbits` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XbitTrack {
    /// `ip_src` (`hostbits`: `src`)
    Source,
    /// `ip_dst` (`hostbits`: `dst`)
    Destination,
    /// `ip_pair` (`hostbits`: `both`)
    Pair,
}

/// `xbits`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xbits {
    /// The command.
    pub command: BitCommand,
    /// The name.
    pub name: String,
    /// Whose bit.
    pub track: XbitTrack,
    /// Life time in seconds; default 30.
    pub expire: u32,
}

/// `threshold:type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdKind {
    /// `limit`
    Limit,
    /// `threshold`
    Threshold,
    /// `both`
    Both,
}

/// What a threshold counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// `by_src`
    BySrc,
    /// `by_dst`
    ByDst,
    /// `by_both`
    ByBoth,
    /// `by_rule`
    ByRule,
    /// `by_flow`
    ByFlow,
}

/// `threshold`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// How it acts.
    pub kind: ThresholdKind,
    /// What it counts by.
    pub track: Track,
    /// Matches.
    pub count: u32,
    /// Window in seconds.
    pub seconds: u32,
}

/// `detection_filter`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectionFilter {
    /// What it counts by.
    pub track: Track,
    /// Matches.
    pub count: u32,
    /// Window in seconds.
    pub seconds: u32,
}
