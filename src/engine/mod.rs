//! A frame's way through the firewall: stateless stage, defragmentation, flow, stream, application layer, rules.
//!
//! In: frames in capture order and a compiled [`Program`]. Out: one [`Decision`] a frame, alerts, flows, into a
//! [`Sink`]. The engine does no I/O and reads no clock: the same frames give the same results.

mod facts;
mod fleet;
mod shards;
mod stateful;

pub use facts::Facts;
pub use fleet::{Ends, Fleet, Seen};
pub use shards::{Replayed, replay};

use crate::capture::Frame;
use crate::detect::{Program, RulePath, Tracer, Untraced};
use crate::packet::{DecodeConfig, Decoded, Packet, decode_frame};
use crate::policy::model::StatelessAction;
use crate::verdict::{Alert, AlertFlow, Cause, Decision, RuleId, Sink, Stage, Verdict};
use stateful::Stateful;

/// Runs frames through a program.
#[derive(Debug)]
pub struct Engine<'p> {
    program: &'p Program,
    stateful: Stateful<'p>,
    decode: DecodeConfig,
    decapsulate: bool,
    path: RulePath,
    facts: Facts,
}

/// How frames are read before the policy sees them, and how rules are found for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineConfig {
    /// Take GENEVE and VXLAN headers off before the stateless stage, and judge what is inside.
    pub decapsulate: bool,
    /// How rules are found; it never changes a result.
    pub path: RulePath,
}

/// What became of one packet of a frame in the stateful engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    verdict: Verdict,
    cause: Cause,
    drop_rule: Option<RuleId>,
    flow: Option<u64>,
}

impl Fate {
    /// Nothing has been said about the frame yet.
    const UNDECIDED: Self = Self { verdict: Verdict::Pass, cause: Cause::NoRule, drop_rule: None, flow: None };

    /// The frame's fate when another of its packets has been judged: the first that was not passed says why, a reject
    /// beats a drop, and the innermost flow is the frame's.
    fn and(self, next: Self) -> Self {
        let decided = self.verdict != Verdict::Pass || next.cause == Cause::NoRule;
        Self {
            verdict: self.verdict.max(next.verdict),
            cause: if decided { self.cause } else { next.cause },
            drop_rule: self.drop_rule.or(next.drop_rule),
            flow: self.flow.or(next.flow),
        }
    }
}

impl<'p> Engine<'p> {
    /// An engine with no flows yet.
    pub fn new(program: &'p Program, config: EngineConfig) -> Self {
        Self {
            program,
            stateful: Stateful::new(program),
            decode: program.profile().decode.clone(),
            decapsulate: config.decapsulate,
            path: config.path,
            facts: Facts::default(),
        }
    }

    /// Judges the next frame. Its decision goes to the sink first, then its alerts, then flows that it ended, then flows
    /// whose time is over, in order of their ids, each behind the alerts that its end brought about.
    pub fn process(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        self.process_traced(frame, sink, &mut Untraced(self.path));
    }

    /// The same, and tells a tracer of what rules made of it.
    pub(crate) fn process_traced(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        let mut decoded = decode_frame(&opened(frame, self.decapsulate), &self.decode);
        self.judge(frame, &mut decoded, sink, tracer);
    }

    /// Judges a frame that has been decoded as this engine decodes.
    fn judge(&mut self, frame: &Frame<'_>, decoded: &mut Decoded<'_>, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        self.stateful.begin(frame.number, frame.time_ns);
        self.decide(frame, decoded, sink, tracer);
        self.stateful.pass_time(sink, tracer);
    }

    /// The next frame is this shard's; its time passes when [`Stateful::pass_time`] says so.
    fn judge_own(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let mut decoded = decode_frame(&opened(frame, self.decapsulate), &self.decode);
        self.stateful.begin(frame.number, frame.time_ns);
        self.decide(frame, &mut decoded, sink, &mut Untraced(self.path));
    }

    /// The next frame is another shard's.
    fn pass_over(&mut self, frame: &Frame<'_>) {
        self.facts.note_time(frame.time_ns);
        self.stateful.begin(frame.number, frame.time_ns);
    }

    /// Takes in what another shard remembers and has counted.
    fn absorb(&mut self, other: Self) {
        self.stateful.absorb(other.stateful);
        self.facts.absorb(other.facts);
    }

    fn decide(&mut self, frame: &Frame<'_>, decoded: &mut Decoded<'_>, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        let cut = (frame.wire_len as usize) > frame.bytes.len();
        self.facts.note_frame(frame, cut);
        self.facts.note_packet(&decoded.packet);
        tracer.arrived(&decoded.packet);
        let decision = |verdict, stage, cause| Decision {
            frame_no: frame.number,
            wire_len: frame.wire_len,
            verdict,
            stage,
            cause,
            drop_rule: None,
            flow: None,
            cut,
        };
        if let (Some(stateless), Some(_)) = (&self.program.stateless, decoded.packet.ip) {
            let Some(found) = stateless.decide(&decoded.packet) else { return };
            self.facts.note_custom_actions(found.actions);
            let verdict = match found.action {
                StatelessAction::Pass => Some(Verdict::Pass),
                StatelessAction::Drop => Some(Verdict::Drop),
                StatelessAction::Forward => None,
            };
            if verdict.is_none() {
                tracer.forwarded(found.cause);
            }
            if let Some(verdict) = verdict {
                sink.decision(&decision(verdict, Stage::Stateless, found.cause));
                return;
            }
        }
        let not_ip = decoded.packet.ip.is_none() && decoded.packet.events.is_empty();
        if not_ip {
            sink.decision(&decision(Verdict::Pass, Stage::None, Cause::NotIp));
            return;
        }
        let fate = self.stateful.frame(decoded, &self.decode, tracer);
        self.facts.bad_checksums = self.stateful.wrong_checksums();
        sink.decision(&Decision {
            drop_rule: fate.drop_rule,
            flow: fate.flow,
            ..decision(fate.verdict, Stage::Stateful, fate.cause)
        });
        self.stateful.flush(sink);
    }

    /// Ends all flows. Call it once, behind the last frame.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.finish_traced(sink, &mut Untraced(self.path));
    }

    /// The same, and tells a tracer.
    pub(crate) fn finish_traced(&mut self, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        self.stateful.finish(sink, tracer);
    }

    /// What the frames themselves were like.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Live flows.
    pub fn live_flows(&self) -> usize {
        self.stateful.live_flows()
    }
}

/// The frame that the policy is to see: what a tunnel of mirrored traffic carries, where that is wanted.
fn opened<'a>(frame: &Frame<'a>, decapsulate: bool) -> Frame<'a> {
    let inner = if decapsulate { crate::packet::decapsulate::decapsulate(frame.link_type, frame.bytes) } else { None };
    match inner {
        Some(inner) => Frame { link_type: inner.link_type, bytes: inner.bytes, ..*frame },
        None => *frame,
    }
}

/// An alert about a packet.
fn alert(
    frame_no: u64,
    rule: RuleId,
    packet: &Packet<'_>,
    direction: Option<crate::verdict::Direction>,
    flow: Option<AlertFlow>,
) -> Alert {
    // a fragment has no ports to show, but its protocol does: zero, as in Suricata's records
    let ports = packet.ports().or(matches!(packet.proto, 6 | 17 | 132).then_some((0, 0)));
    Alert {
        frame_no,
        rule,
        proto: packet.ip.map(|_| packet.proto),
        src: packet.ip.map(|ip| (ip.src, ports.map(|(src, _)| src))),
        dst: packet.ip.map(|ip| (ip.dst, ports.map(|(_, dst)| dst))),
        direction,
        flow,
    }
}
