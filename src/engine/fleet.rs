//! Several engines over one capture: each frame is read and decoded once, and judged by each.
//!
//! An engine here is an [`Engine`] like any other, with flows of its own, so that its results are those of a run by
//! itself. What depends on the settings of decoding only is shared between those that decode alike.

use super::{Engine, EngineConfig, opened};
use crate::capture::Frame;
use crate::detect::{Program, Untraced};
use crate::packet::{Packet, decode_frame};
use crate::verdict::Sink;
use std::net::IpAddr;

/// Engines that see the same frames.
#[derive(Debug)]
pub struct Fleet<'p> {
    /// Those that decode alike, each with its place in the order that the programs came in.
    squads: Vec<Vec<(usize, Engine<'p>)>>,
    decapsulate: bool,
}

/// Who sends a packet to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ends {
    /// IANA protocol number.
    pub proto: u8,
    /// Address and port of the sender.
    pub src: (IpAddr, Option<u16>),
    /// Address and port of the receiver.
    pub dst: (IpAddr, Option<u16>),
}

/// What a frame's own packet is, as far as its headers say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sends it to whom.
    pub ends: Ends,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The flags of TCP; 0 for other protocols.
    pub tcp_flags: u8,
}

impl Ends {
    /// The same for both directions.
    #[must_use]
    pub fn in_order(self) -> Self {
        if self.src <= self.dst { self } else { Self { proto: self.proto, src: self.dst, dst: self.src } }
    }
}

impl<'p> Fleet<'p> {
    /// One engine for each program, none with a flow yet.
    pub fn new(programs: impl IntoIterator<Item = &'p Program>, config: EngineConfig) -> Self {
        let mut squads: Vec<Vec<(usize, Engine<'p>)>> = Vec::new();
        for (place, program) in programs.into_iter().enumerate() {
            let engine = Engine::new(program, config);
            let alike = |squad: &&mut Vec<(usize, Engine<'p>)>| {
                squad.first().is_some_and(|(_, other)| other.decode == engine.decode)
            };
            match squads.iter_mut().find(alike) {
                Some(squad) => squad.push((place, engine)),
                None => squads.push(vec![(place, engine)]),
            }
        }
        Self { squads, decapsulate: config.decapsulate }
    }

    /// Lets every engine judge the next frame, each into the sink of its place. Says what the frame's own packet is,
    /// if it is one of IP.
    pub fn process<S: Sink>(&mut self, frame: &Frame<'_>, sinks: &mut [S]) -> Option<Seen> {
        let opened = opened(frame, self.decapsulate);
        let mut seen = None;
        for squad in &mut self.squads {
            let Some(((last, engine), others)) = squad.split_last_mut() else { continue };
            let mut decoded = decode_frame(&opened, &engine.decode);
            seen = seen.or_else(|| seen_of(&decoded.packet));
            for (place, engine) in others {
                if let Some(sink) = sinks.get_mut(*place) {
                    // an engine changes what it judges
                    engine.judge(frame, &mut decoded.clone(), sink, &mut Untraced(engine.path));
                }
            }
            if let Some(sink) = sinks.get_mut(*last) {
                engine.judge(frame, &mut decoded, sink, &mut Untraced(engine.path));
            }
        }
        seen
    }

    /// Ends all flows. Call it once, behind the last frame.
    pub fn finish<S: Sink>(&mut self, sinks: &mut [S]) {
        for (place, engine) in self.squads.iter_mut().flatten() {
            if let Some(sink) = sinks.get_mut(*place) {
                engine.finish(sink);
            }
        }
    }

    /// The engine of a program, by its place.
    pub fn engine(&self, place: usize) -> Option<&Engine<'p>> {
        self.squads.iter().flatten().find(|(own, _)| *own == place).map(|(_, engine)| engine)
    }
}

fn seen_of(packet: &Packet<'_>) -> Option<Seen> {
    let ip = packet.ip?;
    let (from, to) = packet.ports().unzip();
    let ends = Ends { proto: packet.proto, src: (ip.src, from), dst: (ip.dst, to) };
    Some(Seen { ends, ttl: ip.ttl, tcp_flags: packet.tcp().map_or(0, |tcp| tcp.flags) })
}
