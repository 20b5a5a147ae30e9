//! The same application bytes in other packets.
//!
//! In: frames of captures or of made-up conversations, grouped into talks. Out: frames in which both ends say exactly
//! what they said before, cut, ordered or addressed otherwise, or of which the firewall does not see all. What cannot
//! be rewritten (not IP, already a fragment, cut by the snap length) stays as it is. `packet.rs` takes packets apart and
//! puts them together.

mod packet;

use super::HomeNet;
use crate::capture::{Frame, LinkType};
use crate::packet::{DecodeConfig, decode_frame, tcp_flag};
use packet::Parts;
use std::collections::HashMap;
use std::net::IpAddr;

/// Bytes of the small segments: the least that Linux takes a path for.
const SMALL_MSS: usize = 256;

/// A rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rewrite {
    /// Every segment with data in two.
    Segments,
    /// Segments of at most 256 bytes.
    Mss,
    /// Two segments of one side that follow each other change places; one that is alone is cut in two first.
    Reorder,
    /// Every segment with data twice.
    Retransmit,
    /// Over IPv6 in place of IPv4.
    Ipv6,
    /// Every packet with data in two IP fragments.
    Fragment,
    /// TCP without its handshake.
    Midstream,
    /// What the server sends goes another way.
    OneSided,
    /// A ClientHello with post-quantum key shares: made-up conversations only.
    PqcHello,
}

impl Rewrite {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Segments,
        Self::Mss,
        Self::Reorder,
        Self::Retransmit,
        Self::Ipv6,
        Self::Fragment,
        Self::Midstream,
        Self::OneSided,
        Self::PqcHello,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Mss => "mss",
            Self::Reorder => "reorder",
            Self::Retransmit => "retransmit",
            Self::Ipv6 => "ipv6",
            Self::Fragment => "fragment",
            Self::Midstream => "midstream",
            Self::OneSided => "one-sided",
            Self::PqcHello => "pqc-hello",
        }
    }

    /// What it does, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Segments => "with every segment in two",
            Self::Mss => "in segments of at most 256 bytes",
            Self::Reorder => "with segments out of order",
            Self::Retransmit => "with every segment sent twice",
            Self::Ipv6 => "over IPv6",
            Self::Fragment => "in IP fragments",
            Self::Midstream => "without the handshake",
            Self::OneSided => "seen from one side only",
            Self::PqcHello => "with a post-quantum ClientHello",
        }
    }
}

/// A frame of a talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TalkFrame {
    /// Nanoseconds since the epoch.
    pub time_ns: i64,
    /// How to read `bytes`.
    pub link_type: LinkType,
    /// Length on the wire.
    pub wire_len: u32,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// What it is.
    pub what: String,
    /// The number of its talk: packets between two ends; `None` for what is not IP.
    pub talk: Option<usize>,
}

/// Who sends in a talk.
type Ends = (u8, (IpAddr, Option<u16>), (IpAddr, Option<u16>));

/// Puts frames into talks, in order of their first frames.
#[derive(Debug, Default)]
pub struct Talks {
    by_ends: HashMap<Ends, usize>,
    by_fragment: HashMap<(u8, IpAddr, IpAddr, u32), usize>,
}

impl Talks {
    /// The number of a frame's talk.
    pub fn of(&mut self, frame: &Frame<'_>) -> Option<usize> {
        let packet = decode_frame(frame, &DecodeConfig::default()).packet;
        let ip = packet.ip?;
        let fragment =
            ip.fragment.map(|fragment| ((fragment.next_header, ip.src, ip.dst, fragment.id), fragment.offset));
        if let Some((key, 1..)) = fragment
            && let Some(talk) = self.by_fragment.get(&key)
        {
            return Some(*talk);
        }
        let ports = packet.ports();
        let (a, b) = ((ip.src, ports.map(|ports| ports.0)), (ip.dst, ports.map(|ports| ports.1)));
        let next = self.by_ends.len();
        let key = if a <= b { (packet.proto, a, b) } else { (packet.proto, b, a) };
        let talk = *self.by_ends.entry(key).or_insert(next);
        if let Some((key, 0)) = fragment {
            self.by_fragment.insert(key, talk);
        }
        Some(talk)
    }
}

/// Why a rewrite changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// There is nothing in the frames that it is about.
    Nothing,
    /// HOME_NET has no IPv6 addresses, so that another sender would be judged.
    HomeNet,
    /// What is in the ClientHello of a capture is not changed.
    Capture,
}

/// Rewrites frames. [`Rewrite::PqcHello`] is for who makes the frames up.
///
/// # Errors
/// When there is nothing to rewrite.
pub fn rewrite(how: Rewrite, frames: &[TalkFrame], home: &HomeNet) -> Result<Vec<TalkFrame>, Unchanged> {
    let made = match how {
        Rewrite::Segments => each(frames, |parts| halves(&parts)),
        Rewrite::Mss => each(frames, |parts| {
            let n = parts.payload.len().div_ceil(SMALL_MSS);
            if n > 1 { parts.cut(n) } else { None }
        }),
        Rewrite::Retransmit => each(frames, |parts| is_data(&parts).then(|| vec![parts.whole(); 2])),
        Rewrite::Fragment => each(frames, |parts| parts.fragments()),
        Rewrite::Ipv6 if !home.nets.is_empty() && !home.has_family(false) => return Err(Unchanged::HomeNet),
        Rewrite::Ipv6 => each(frames, |parts| parts.over_ipv6(home).map(|packet| vec![packet])),
        Rewrite::Reorder => reordered(frames),
        Rewrite::Midstream => without_handshake(frames),
        Rewrite::OneSided => one_sided(frames),
        Rewrite::PqcHello => return Err(Unchanged::Capture),
    };
    if made == frames { Err(Unchanged::Nothing) } else { Ok(made) }
}

fn parts_of(frame: &TalkFrame) -> Option<Parts<'_>> {
    Parts::of(&as_frame(frame, 0))
}

/// As an engine takes it.
pub fn as_frame(frame: &TalkFrame, number: u64) -> Frame<'_> {
    let TalkFrame { time_ns, link_type, wire_len, bytes, .. } = frame;
    Frame { number, time_ns: *time_ns, link_type: *link_type, wire_len: *wire_len, bytes }
}

/// A TCP segment with data that can be cut.
fn is_data(parts: &Parts<'_>) -> bool {
    let cuttable = |flags: u8| flags & (tcp_flag::SYN | tcp_flag::RST | tcp_flag::URG) == 0;
    !parts.payload.is_empty() && parts.tcp.as_ref().is_some_and(|tcp| cuttable(tcp.flags))
}

fn halves(parts: &Parts<'_>) -> Option<Vec<packet::Made>> {
    if is_data(parts) { parts.cut(2) } else { None }
}

/// Puts what `make` says in place of each packet; nothing leaves it.
fn each(frames: &[TalkFrame], make: impl Fn(Parts<'_>) -> Option<Vec<packet::Made>>) -> Vec<TalkFrame> {
    let mut out = Vec::with_capacity(frames.len());
    for frame in frames {
        match parts_of(frame).and_then(&make) {
            Some(packets) => out.extend(replaced(frame, packets)),
            None => out.push(frame.clone()),
        }
    }
    out
}

/// Packets in place of a frame, each saying which part of it it is.
fn replaced(frame: &TalkFrame, packets: Vec<packet::Made>) -> impl Iterator<Item = TalkFrame> + '_ {
    let n = packets.len();
    packets.into_iter().enumerate().map(move |(index, made)| TalkFrame {
        link_type: made.link_type,
        wire_len: made.bytes.len() as u32,
        bytes: made.bytes,
        what: if n > 1 { format!("{}, part {}", frame.what, index + 1) } else { frame.what.clone() },
        ..frame.clone()
    })
}

/// Segments with data that follow each other in one direction of a talk change places by twos.
fn reordered(frames: &[TalkFrame]) -> Vec<TalkFrame> {
    let mut out: Vec<TalkFrame> = Vec::with_capacity(frames.len());
    let mut index = 0;
    while let Some(frame) = frames.get(index) {
        index += 1;
        let Some(parts) = parts_of(frame).filter(is_data) else {
            out.push(frame.clone());
            continue;
        };
        let next = frames.get(index);
        let follows = next.filter(|next| next.talk == frame.talk).and_then(parts_of).filter(is_data);
        if let (Some(next), true) = (next, follows.is_some_and(|next| next.ip.src == parts.ip.src)) {
            index += 1;
            out.push(TalkFrame { time_ns: frame.time_ns, ..next.clone() });
            out.push(TalkFrame { time_ns: next.time_ns, ..frame.clone() });
        } else if let Some(mut packets) = parts.cut(2) {
            packets.reverse();
            let mut labelled: Vec<TalkFrame> = replaced(frame, packets).collect();
            if let [first, second] = labelled.as_mut_slice() {
                std::mem::swap(&mut first.what, &mut second.what);
            }
            out.append(&mut labelled);
        } else {
            out.push(frame.clone());
        }
    }
    out
}

/// Without the TCP segments that come before the first with data in their talk.
fn without_handshake(frames: &[TalkFrame]) -> Vec<TalkFrame> {
    let mut begun: Vec<usize> = Vec::new();
    let mut stays = |frame: &&TalkFrame| {
        let (Some(talk), Some(parts)) = (frame.talk, parts_of(frame)) else { return true };
        if parts.tcp.is_none() || begun.contains(&talk) {
            return true;
        }
        if parts.payload.is_empty() {
            return false;
        }
        begun.push(talk);
        true
    };
    frames.iter().filter(|frame| stays(frame)).cloned().collect()
}

/// What the sender of a talk's first packet sends. Only where both sides say something.
fn one_sided(frames: &[TalkFrame]) -> Vec<TalkFrame> {
    let mut clients: HashMap<usize, IpAddr> = HashMap::new();
    let mut stays = |frame: &&TalkFrame| {
        let sender = decode_frame(&as_frame(frame, 0), &DecodeConfig::default()).packet.ip.map(|ip| ip.src);
        let (Some(talk), Some(sender)) = (frame.talk, sender) else { return true };
        *clients.entry(talk).or_insert(sender) == sender
    };
    frames.iter().filter(|frame| stays(frame)).cloned().collect()
}

#[cfg(test)]
mod tests;
