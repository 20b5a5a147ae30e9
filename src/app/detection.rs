//! Protocol detection: what a flow's first bytes say, by patterns first, then by probers of its ports, then by
//! expectation.

use super::pattern::{self, Matched};
use super::probe::{self, Context};
use super::{AppConfig, AppProto, DataFlags, Detected, FlowKeyView};
use crate::verdict::Direction;

const UDP: u8 = 17;

/// What detection goes by beside the data.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setting {
    pub(super) config: AppConfig,
    pub(super) flags: DataFlags,
    /// What the other direction was found to speak.
    pub(super) other: AppProto,
    /// What a protocol change has announced.
    pub(super) announced: AppProto,
}

/// How far detection has come in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    patterns_done: bool,
    probing_done: bool,
    expectation_done: bool,
    /// Protocols whose probers have refused the data.
    excluded: u64,
}

/// The state of detection of a flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Detection {
    sides: [Side; 2],
    /// Stands for the server's port after a protocol change: 443 for STARTTLS, the port of a CONNECT.
    pub(super) port: Option<u16>,
    /// The protocol that another flow announced for this one.
    pub(super) expected: Option<AppProto>,
}

impl Detection {
    fn side(&mut self, direction: Direction) -> &mut Side {
        let [to_server, to_client] = &mut self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    fn side_ref(&self, direction: Direction) -> &Side {
        let [to_server, to_client] = &self.sides;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    /// No pattern can match any more.
    pub(super) fn patterns_done(&self, direction: Direction) -> bool {
        self.side_ref(direction).patterns_done
    }

    /// No prober will be asked any more.
    pub(super) fn probing_done(&self, direction: Direction) -> bool {
        self.side_ref(direction).probing_done
    }

    /// Starts a direction again.
    pub(super) fn reset_done(&mut self, direction: Direction) {
        let side = self.side(direction);
        *side = Side { excluded: side.excluded, ..Side::default() };
    }

    /// Starts both directions again with no protocol excluded.
    pub(super) fn reset(&mut self) {
        self.sides = [Side::default(); 2];
    }

    /// The flow's directions are swapped.
    pub(super) fn swap(&mut self) {
        self.sides.reverse();
    }

    /// Runs detection over the data of a direction.
    pub(super) fn run(&mut self, flow: FlowKeyView, direction: Direction, data: &[u8], setting: Setting) -> Detected {
        let Setting { config, flags, other, announced } = setting;
        let context = Context { flow, direction, midstream: flags.midstream, config, other };
        let mut by_pattern = Detected::default();
        if !self.side_ref(direction).patterns_done {
            match search(context, data) {
                Matched::Found { proto, reversed } => {
                    self.side(direction).patterns_done = true;
                    if other == AppProto::Unknown {
                        self.side(direction.opposite()).probing_done = false;
                    }
                    by_pattern = Detected { proto, reversed };
                    // Two bytes are not much: DNS is asked before a datagram counts as DCE/RPC.
                    if config.dcerpc_whole_datagram || flow.ip_proto != UDP || proto != AppProto::Dcerpc {
                        return by_pattern;
                    }
                }
                Matched::Undecided => {}
                Matched::Never => self.side(direction).patterns_done = true,
            }
        }
        if !self.side_ref(direction).probing_done
            && let Some(found) = self.probe(context, data, announced)
        {
            return Detected { reversed: found.reversed || by_pattern.reversed, ..found };
        }
        if !self.side_ref(direction).expectation_done {
            self.side(direction).expectation_done = true;
            if let Some(proto) = self.expected {
                return Detected { proto, reversed: by_pattern.reversed };
            }
        }
        by_pattern
    }

    /// Probers of the protocol that is announced or that the other direction speaks, then those of the server's port.
    fn probe(&mut self, context: Context, data: &[u8], announced: AppProto) -> Option<Detected> {
        let FlowKeyView { ip_proto, client_port, server_port } = context.flow;
        let server_port = self.port.unwrap_or(server_port);
        let direction = context.direction;
        let reversed = |sender: Option<Direction>| sender.is_some_and(|sender| sender != direction);
        let config = context.config;
        let mut any = false;

        let by_announcement = config.announced_is_probed && announced.is_valid();
        let hinted = if by_announcement { announced } else { context.other };
        let of_hinted = hinted.is_valid() && probe::of_proto(config, ip_proto, hinted).next().is_some();
        let server_mask = probe::mask_of_port(config, ip_proto, server_port);
        if of_hinted || server_mask.is_some() {
            any = true;
            let excluded = &mut self.side(direction).excluded;
            let mut apart = 0;
            // What an announcement says may change, so that its prober's refusal is not remembered.
            let remembered = if config.announced_is_probed { &mut apart } else { &mut *excluded };
            let of_hint = probe::of_proto(config, ip_proto, hinted).filter(|_| of_hinted);
            let found = probe::run(of_hint, context, data, remembered)
                .or_else(|| probe::run(probe::of_port(config, ip_proto, server_port), context, data, excluded));
            if let Some((proto, sender)) = found {
                return Some(Detected { proto, reversed: reversed(sender) });
            }
            let client_mask =
                probe::mask_of_port(config, ip_proto, client_port).filter(|_| config.client_port_holds_probing);
            let wanted = server_mask.unwrap_or(0) | client_mask.unwrap_or(0);
            if *excluded & wanted == wanted {
                self.side(direction).probing_done = true;
            }
        }
        if context.midstream {
            // The other way round: the sender may be the server. Nothing is excluded for good here.
            if probe::mask_of_port(config, ip_proto, client_port).is_some() {
                any = true;
                let mut excluded = self.side(direction).excluded;
                let found = probe::run(probe::of_port(config, ip_proto, client_port), context, data, &mut excluded);
                if let Some((proto, sender)) = found {
                    return Some(Detected { proto, reversed: reversed(sender) });
                }
            }
        }
        if !any {
            self.side(direction).probing_done = true;
        }
        None
    }
}

/// Patterns of the direction, and for a midstream flow those of the other one.
fn search(context: Context, data: &[u8]) -> Matched {
    let own = pattern::search(context, context.direction, data);
    if !context.midstream || matches!(own, Matched::Found { .. }) {
        return own;
    }
    match (own, pattern::search(context, context.direction.opposite(), data)) {
        (_, found @ Matched::Found { .. }) => found,
        (Matched::Never, Matched::Never) => Matched::Never,
        _ => Matched::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(server_port: u16) -> FlowKeyView {
        FlowKeyView { ip_proto: 6, client_port: 40000, server_port }
    }

    #[test]
    fn random_bytes_end_detection_of_a_direction() {
        let mut detection = Detection::default();
        let data = [0x99; 40];
        let found = detection.run(tcp(8443), Direction::ToServer, &data, Setting::default());
        assert_eq!(found.proto, AppProto::Unknown);
        assert!(detection.patterns_done(Direction::ToServer) && detection.probing_done(Direction::ToServer));
        assert!(!detection.patterns_done(Direction::ToClient));
    }

    #[test]
    fn a_prober_that_wants_more_keeps_probing_open() {
        let mut detection = Detection::default();
        let found = detection.run(tcp(53), Direction::ToServer, &[0], Setting::default());
        assert_eq!(found.proto, AppProto::Unknown);
        assert!(!detection.probing_done(Direction::ToServer));
    }

    #[test]
    fn an_expected_protocol_is_taken_when_nothing_else_is_found() {
        let mut detection = Detection { expected: Some(AppProto::FtpData), ..Detection::default() };
        let found = detection.run(tcp(20000), Direction::ToClient, b"x", Setting::default());
        assert_eq!(found.proto, AppProto::FtpData);
    }
}
