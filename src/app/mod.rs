//! Protocol detection, and one file per protocol turning stream bytes into transactions with named buffers.
//!
//! In: contiguous bytes of one direction of a flow, as the stream engine (or a datagram) delivers them. Out: the
//! application protocol, transactions with buffers, and events. Nothing here knows rules or verdicts.
//!
//! Detection is [`AppLayer::detect`]; `pattern.rs` and `probe.rs` hold what is looked for as data. Parsers exist for
//! TLS (`tls/`), HTTP/1 (`http1/`), HTTP/2 in clear (`http2/`), DNS (`dns.rs`) and the hellos of QUIC (`quic/`); SMTP and
//! FTP are followed as far as STARTTLS and its like, SSH (`ssh.rs`) until it is encrypted; every other protocol is
//! detected, and its data accepted without transactions.

mod banner;
mod ber;
mod body;
mod config;
mod dcerpc;
mod detection;
mod dhcp;
mod dns;
mod events;
mod fingerprint;
mod ftp;
mod http1;
mod http2;
mod ike;
pub(crate) mod inspection;
mod krb5;
mod ldap;
mod lines;
mod mqtt;
mod nfs;
mod ntp;
mod pattern;
mod pop3;
mod probe;
mod proto;
pub(crate) mod quic;
mod rdp;
mod reader;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod ssh;
pub(crate) mod tcp;
mod telnet;
mod tftp;
mod tls;
mod transaction;
mod websocket;

use std::collections::VecDeque;

pub use body::{BodyLimit, BodyLimits, Sizes};
pub(crate) use body::{Use, Window};
pub use config::{AppConfig, DetectionPorts, Keep, PortRanges, ProtoSet};
pub use dns::{DnsPart, DnsTx, Query};
pub use events::EVENTS;
pub use http1::{Http1Tx, progress as http1_progress};
pub use http2::{Http2Tx, progress as http2_progress};
pub(crate) use probe::usual_ports;
pub use proto::AppProto;
pub use tls::{TlsTx, progress as tls_progress, state as ssl_state};
pub use transaction::{Buffer, Tx, TxDetect};

use crate::packet::EventSet;
use crate::verdict::Direction;
use detection::{Detection, Setting};
use transaction::TxData;

/// What the stream engine says about a piece of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataFlags {
    /// First data of this direction.
    pub start: bool,
    /// The direction has ended; there may be no data.
    pub eof: bool,
    /// The reassembly depth of this direction is reached with this data.
    pub depth: bool,
    /// Connections are picked up without their handshake (a setting, whether or not this one was): a first packet may be the
    /// server's. Suricata: `stream.midstream`.
    pub midstream: bool,
}

/// The flow as protocol detection needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKeyView {
    /// IANA protocol number: 6 or 17.
    pub ip_proto: u8,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
}

/// What detection made of the data of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// The protocol, or [`AppProto::Unknown`].
    pub proto: AppProto,
    /// The data is a server's although the flow has it as the client's (or the other way round).
    pub reversed: bool,
}

/// How a parser left a piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All of it is consumed.
    Ok,
    /// `consumed` bytes are; the parser wants to be called again once `needed` bytes from there on are there.
    Incomplete {
        /// Bytes taken.
        consumed: u32,
        /// Bytes wanted, counted from behind the consumed ones.
        needed: u32,
    },
    /// The parser gave up on this flow.
    Error,
}

/// What [`AppLayer::udp`] made of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The flow's client is its server: swap the flow's directions (and call [`AppLayer::swap`] no more, it is done).
    pub reversed: bool,
    /// The parser's result; [`Parsed::Ok`] when none was asked.
    pub parsed: Parsed,
    /// Detection ended with this datagram.
    pub detection_done: bool,
    /// Client and server speak different protocols: event `applayer_mismatch_protocol_both_directions`.
    pub mismatch: bool,
}

/// A protocol that gives way to another on the same flow: STARTTLS, `CONNECT`, an upgrade to HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolChange {
    /// The port that stands for the server's in the detection of what follows, if any.
    pub port: Option<u16>,
    /// What should follow; [`AppProto::Unknown`] when anything may.
    pub expected: AppProto,
    /// What gives way.
    pub from: AppProto,
}

/// The application layer of one flow.
///
/// Detection state, the protocol each direction was found to speak, and the parser with its transactions.
#[derive(Debug, Default)]
pub struct AppLayer {
    /// The flow's protocol. Suricata: `f->alproto`.
    pub proto: AppProto,
    /// What the client speaks. Suricata: `f->alproto_ts`.
    pub proto_to_server: AppProto,
    /// What the server speaks. Suricata: `f->alproto_tc`.
    pub proto_to_client: AppProto,
    /// Events of the flow's application layer as such (`app-layer-event:applayer_...`).
    pub events: EventSet,
    config: AppConfig,
    detection: Detection,
    change: Option<ProtocolChange>,
    /// What detection of the data behind a protocol change is to expect.
    announced: AppProto,
    eof: [bool; 2],
    /// The parser has given up on the data.
    parser_failed: bool,
    parser: Option<Box<Parser>>,
    seen: Option<Box<Seen>>,
}

/// Names of transactions that are forgotten, for the record of the flow.
#[derive(Debug, Default)]
struct Seen {
    hosts: Vec<Box<[u8]>>,
    sni: Option<Box<[u8]>>,
}

impl Seen {
    fn note(&mut self, tx: &Tx) {
        if let Some(host) = tx.http_host()
            && self.hosts.len() < HOSTS_MAX
            && !self.hosts.iter().any(|known| **known == *host)
        {
            self.hosts.push(host.into());
        }
        if let Some(name) = tx.buffer(Buffer::TlsSni, Direction::ToServer) {
            self.sni = Some(name.into());
        }
    }
}

/// Host names remembered for the record of a flow.
const HOSTS_MAX: usize = 64;

/// The live transactions of a flow, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    list: VecDeque<Tx>,
    next_id: u64,
}

impl Transactions {
    fn push(&mut self, data: TxData) -> &mut Tx {
        let tx = Tx::new(self.next_id, data);
        self.next_id += 1;
        let at = self.list.len();
        // Hands out the new one; the queue is never empty here.
        self.list.push_back(tx);
        #[expect(clippy::indexing_slicing, reason = "an element was pushed at this index in the line above")]
        &mut self.list[at]
    }

    fn by_id(&mut self, id: u64) -> Option<&mut Tx> {
        let at = self.list.binary_search_by_key(&id, |tx| tx.id).ok()?;
        self.list.get_mut(at)
    }
}

/// What a parser asks of the flow.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    /// Asked of the parser: keep what rules look at.
    keep: Keep,
    /// Told to the parser: how to behave.
    config: AppConfig,
    change: Option<(Option<u16>, AppProto)>,
    /// The flow's protocol is this from now on, while the parser stays.
    become_proto: Option<AppProto>,
    no_inspection: bool,
    no_payload_inspection: bool,
}

#[derive(Debug)]
struct Parser {
    proto: AppProto,
    txs: Transactions,
    state: ParserState,
    no_payload_inspection: bool,
    no_inspection: bool,
}

#[derive(Debug)]
enum ParserState {
    Tls(tls::TlsParser),
    Http1(Box<http1::Http1Parser>),
    Http2(Box<http2::Http2Parser>),
    Dns(dns::DnsParser),
    Smtp(smtp::SmtpParser),
    Ftp(ftp::FtpParser),
    Ldap(ldap::LdapParser),
    Ssh(ssh::SshParser),
    Quic(Box<quic::QuicParser>),
    /// Takes everything, makes nothing of it.
    Opaque,
}

impl Parser {
    fn new(proto: AppProto, config: AppConfig) -> Self {
        let mut txs = Transactions::default();
        let state = match proto {
            AppProto::Tls => {
                txs.push(TxData::Tls(Box::new(TlsTx::new(config))));
                ParserState::Tls(tls::TlsParser::default())
            }
            AppProto::Http1 => ParserState::Http1(Box::new(http1::Http1Parser::new(config))),
            AppProto::Http2 => ParserState::Http2(Box::default()),
            AppProto::Dns => ParserState::Dns(dns::DnsParser::default()),
            AppProto::Smtp => ParserState::Smtp(smtp::SmtpParser::default()),
            AppProto::Ftp => ParserState::Ftp(ftp::FtpParser::default()),
            AppProto::Ldap => ParserState::Ldap(ldap::LdapParser::default()),
            AppProto::Ssh => {
                txs.push(TxData::Ssh(Box::default()));
                ParserState::Ssh(ssh::SshParser::default())
            }
            AppProto::Quic => ParserState::Quic(Box::default()),
            _ => ParserState::Opaque,
        };
        Self { proto, txs, state, no_payload_inspection: false, no_inspection: false }
    }
}

impl AppLayer {
    /// The application layer of a new flow.
    pub fn new(config: AppConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Runs protocol detection over all contiguous data of a direction seen so far.
    pub fn detect(&mut self, flow: FlowKeyView, direction: Direction, data: &[u8], flags: DataFlags) -> Detected {
        let other = self.proto_of(direction.opposite());
        let setting = Setting { config: self.config, flags, other, announced: self.announced };
        self.detection.run(flow, direction, data, setting)
    }

    /// The only direction whose data may come first in this flow.
    pub(crate) fn first_speaker(&self) -> Option<Direction> {
        self.first_speaker_of(self.proto)
    }

    /// The only direction whose data of a protocol may come first on TCP: the parser says it, if there is one.
    pub(crate) fn first_speaker_of(&self, proto: AppProto) -> Option<Direction> {
        proto.first_data_direction().filter(|_| !self.config.unparsed.holds(proto, TCP))
    }

    /// What a direction was found to speak.
    pub fn proto_of(&self, direction: Direction) -> AppProto {
        match direction {
            Direction::ToServer => self.proto_to_server,
            Direction::ToClient => self.proto_to_client,
        }
    }

    /// Sets what a direction speaks.
    pub fn set_proto_of(&mut self, direction: Direction, proto: AppProto) {
        match direction {
            Direction::ToServer => self.proto_to_server = proto,
            Direction::ToClient => self.proto_to_client = proto,
        }
    }

    /// Pattern detection is over for this direction: no pattern can match any more. Suricata: `FLOW_IS_PM_DONE`.
    pub fn patterns_done(&self, direction: Direction) -> bool {
        self.detection.patterns_done(direction)
    }

    /// Probing is over for this direction. Suricata: `FLOW_IS_PP_DONE`.
    pub fn probing_done(&self, direction: Direction) -> bool {
        self.detection.probing_done(direction)
    }

    /// Starts detection of a direction again. Suricata: `FLOW_RESET_PM_DONE` and its kin for probing and expectation.
    pub fn reset_detection_of(&mut self, direction: Direction) {
        self.detection.reset_done(direction);
    }

    /// Announces the protocol that another flow said this one would speak (FTP data).
    pub fn expect_proto(&mut self, proto: AppProto) {
        self.detection.expected = Some(proto);
    }

    /// The flow's client turned out to be its server.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.proto_to_server, &mut self.proto_to_client);
        self.detection.swap();
        self.eof.reverse();
    }

    /// No more data will come in a direction. Suricata: `APP_LAYER_PARSER_EOF_TS`, `APP_LAYER_PARSER_EOF_TC`.
    pub fn end_of_stream(&mut self, direction: Direction) {
        if let Some(eof) = self.eof.get_mut(direction.index()) {
            *eof = true;
        }
    }

    /// Gives the parser of [`AppLayer::proto`] data of a direction; creates the parser at the first call, and a new one
    /// while a protocol change is under way.
    ///
    /// [`Parsed::Error`] ends the application layer of a TCP flow; so it does for a protocol without parser.
    pub fn parse(&mut self, flow: FlowKeyView, direction: Direction, data: &[u8], flags: DataFlags) -> Parsed {
        if !self.proto.has_parser() || self.config.unparsed.holds(self.proto, flow.ip_proto) {
            return Parsed::Error;
        }
        if flags.eof
            && let Some(eof) = self.eof.get_mut(direction.index())
        {
            *eof = true;
        }
        if self.parser.is_none() || self.change.is_some() {
            self.note_all();
            let mut parser = Box::new(Parser::new(self.proto, self.config));
            let upgraded = self.parser.as_ref().and_then(|before| before.txs.list.back()?.http1());
            if let (AppProto::Http2, Some(request)) = (self.proto, upgraded) {
                http2::after_upgrade(&mut parser.txs, request.as_http2());
            }
            self.parser = Some(parser);
        }
        let Some(parser) = self.parser.as_deref_mut() else { return Parsed::Error };
        if data.is_empty() && !flags.eof {
            return Parsed::Ok;
        }
        let mut wishes = Wishes { keep: self.config.keep, config: self.config, ..Wishes::default() };
        let [eof_to_server, eof_to_client] = self.eof;
        let Parser { txs, state, .. } = parser;
        let parsed = match state {
            ParserState::Tls(tls) => {
                let eof = tls::Eof { to_server: eof_to_server, to_client: eof_to_client };
                tls.parse(txs, direction, data, eof, &mut wishes)
            }
            ParserState::Http1(http1) => {
                let eof = match direction {
                    Direction::ToServer => eof_to_server,
                    Direction::ToClient => eof_to_client,
                };
                http1.parse(txs, flow, direction, data, eof, &mut wishes)
            }
            ParserState::Http2(http2) => http2.parse(txs, direction, data, &mut wishes),
            ParserState::Dns(_) if flow.ip_proto != TCP => dns::DnsParser::datagram(txs, direction, data, self.config),
            ParserState::Dns(dns) => dns.stream(txs, direction, data, self.config),
            ParserState::Smtp(smtp) => smtp.parse(txs, direction, data, &mut wishes),
            ParserState::Ftp(ftp) => ftp.parse(direction, data, &mut wishes),
            ParserState::Ldap(ldap) if flow.ip_proto == TCP => ldap.parse(direction, data, &mut wishes),
            ParserState::Ldap(_) => Parsed::Ok,
            ParserState::Ssh(ssh) => ssh.parse(txs, direction, data, &mut wishes),
            ParserState::Quic(quic) => quic.datagram(txs, direction, data),
            ParserState::Opaque => Parsed::Ok,
        };
        parser.no_inspection |= wishes.no_inspection;
        parser.no_payload_inspection |= wishes.no_payload_inspection;
        self.parser_failed |= parsed == Parsed::Error;
        if wishes.no_inspection || parsed == Parsed::Error {
            self.eof = [true; 2];
        }
        if let Some((port, expected)) = wishes.change {
            self.request_change(port, expected);
        }
        if let Some(proto) = wishes.become_proto {
            (self.proto, self.proto_to_server, self.proto_to_client) = (proto, proto, proto);
        }
        parsed
    }

    /// Tells the parser that `len` bytes of a direction are missing. Suricata: `STREAM_GAP`.
    pub fn gap(&mut self, direction: Direction, len: u32) -> Parsed {
        if !self.proto.accepts_gaps() {
            self.eof = [true; 2];
            return Parsed::Error;
        }
        if self.parser.is_none() {
            self.parser = Some(Box::new(Parser::new(self.proto, self.config)));
        }
        if let Some(parser) = self.parser.as_deref_mut() {
            let Parser { txs, state, .. } = parser;
            match state {
                ParserState::Dns(dns) => dns.gap(),
                ParserState::Http1(http1) => {
                    let mut wishes = Wishes { keep: self.config.keep, ..Wishes::default() };
                    return http1.gap(txs, direction, len, &mut wishes);
                }
                _ => {}
            }
        }
        Parsed::Ok
    }

    /// The application layer of the flow is over: the protocol stays unknown for good. Suricata: `DisableAppLayer`.
    pub fn fail(&mut self) {
        self.drop_parser();
        self.change = None;
        self.proto = AppProto::Failed;
        for side in [&mut self.proto_to_server, &mut self.proto_to_client] {
            if *side == AppProto::Unknown {
                *side = AppProto::Failed;
            }
        }
    }

    /// Drops the parser and its transactions and nothing else. Suricata: `FlowCleanupAppLayer`.
    pub fn drop_parser(&mut self) {
        self.note_all();
        self.parser = None;
    }

    /// Notes the names of all live transactions.
    fn note_all(&mut self) {
        for tx in self.parser.iter().flat_map(|parser| &parser.txs.list) {
            if tx.dns().is_none() {
                self.seen.get_or_insert_default().note(tx);
            }
        }
    }

    fn request_change(&mut self, port: Option<u16>, expected: AppProto) {
        if self.change.is_some() {
            return;
        }
        self.change = Some(ProtocolChange { port, expected, from: self.proto });
        for side in [&mut self.proto_to_server, &mut self.proto_to_client] {
            if *side == AppProto::Unknown {
                *side = self.proto;
            }
        }
    }

    /// The protocol change that a parser asked for and that is not finished. Suricata: `FlowChangeProto`.
    pub fn protocol_change(&self) -> Option<ProtocolChange> {
        self.change
    }

    /// Before detection of what follows a protocol change: nothing is known. Suricata: `AppLayerProtoDetectReset`.
    pub fn begin_change(&mut self) {
        self.detection.reset();
        self.detection.port = self.change.and_then(|change| change.port);
        self.announced = self.change.map_or(AppProto::Unknown, |change| change.expected);
        self.eof = [false; 2]; // the end of the old protocol, not of what follows
        self.proto = AppProto::Unknown;
        self.proto_to_server = AppProto::Unknown;
        self.proto_to_client = AppProto::Unknown;
    }

    /// Detection of what follows needs more data: the old protocol stands until then.
    pub fn revert_change(&mut self) {
        if let Some(change) = self.change {
            self.proto = change.from;
            self.proto_to_server = change.from;
            self.proto_to_client = change.from;
        }
    }

    /// The protocol change is over, finished or given up. Suricata: `FlowUnsetChangeProtoFlag`.
    pub fn end_change(&mut self) {
        self.change = None;
    }

    /// Takes a datagram: detects until each direction has a protocol or none, and parses.
    pub fn udp(&mut self, flow: FlowKeyView, direction: Direction, payload: &[u8]) -> Datagram {
        let mut outcome = Datagram { reversed: false, parsed: Parsed::Ok, detection_done: false, mismatch: false };
        let mut direction = direction;
        if self.proto_to_server == AppProto::Failed && self.proto_to_client == AppProto::Failed {
            return outcome;
        }
        if self.proto_of(direction) == AppProto::Unknown {
            let detected = self.detect(flow, direction, payload, DataFlags::default());
            let other = self.proto_of(direction.opposite());
            let mut own = detected.proto;
            match (own, other) {
                (AppProto::Unknown, AppProto::Unknown) => own = AppProto::Failed,
                (AppProto::Unknown, other) => {
                    self.proto = other;
                    own = other;
                }
                (found, other) if other.is_valid() => outcome.mismatch = found != other,
                (found, _) => self.proto = found,
            }
            self.set_proto_of(direction, own);
            if other == AppProto::Unknown && self.proto == AppProto::Unknown {
                self.proto = AppProto::Failed;
            }
            outcome.detection_done = true;
            if !self.proto.is_valid() {
                return outcome;
            }
            if detected.reversed {
                self.swap();
                direction = direction.opposite();
                outcome.reversed = true;
            }
        }
        if self.proto.has_parser() {
            outcome.parsed = self.parse(flow, direction, payload, DataFlags::default());
        }
        outcome
    }

    /// Payload of the flow is encrypted: rules do not look at the stream any more, but still at transactions.
    pub fn no_payload_inspection(&self) -> bool {
        self.parser.as_ref().is_some_and(|parser| parser.no_payload_inspection)
    }

    /// The flow is encrypted: nothing of it is looked at or parsed any more.
    pub fn no_inspection(&self) -> bool {
        self.parser.as_ref().is_some_and(|parser| parser.no_inspection)
    }

    /// The protocol of the parser, which during a protocol change is not yet [`AppLayer::proto`].
    pub fn parser_proto(&self) -> Option<AppProto> {
        self.parser.as_ref().map(|parser| parser.proto)
    }

    /// Live transactions, oldest first.
    pub fn transactions(&self) -> impl Iterator<Item = (u64, &Tx)> {
        self.parser.iter().flat_map(|parser| &parser.txs.list).map(|tx| (tx.id, tx))
    }

    /// Live transactions to note things in, oldest first.
    pub fn transactions_mut(&mut self) -> impl Iterator<Item = &mut Tx> {
        self.parser.iter_mut().flat_map(|parser| &mut parser.txs.list)
    }

    /// How many transactions are live.
    pub fn n_transactions(&self) -> usize {
        self.parser.as_ref().map_or(0, |parser| parser.txs.list.len())
    }

    /// How many transactions there have been, freed ones included.
    pub fn transaction_count(&self) -> u64 {
        self.parser.as_ref().map_or(0, |parser| parser.txs.next_id)
    }

    /// The `index`-th live transaction, from 0, oldest first.
    pub fn transaction(&self, index: usize) -> Option<&Tx> {
        self.parser.as_ref()?.txs.list.get(index)
    }

    /// The `index`-th live transaction, to note things in.
    pub fn transaction_mut(&mut self, index: usize) -> Option<&mut Tx> {
        self.parser.as_mut()?.txs.list.get_mut(index)
    }

    /// Forgets transactions with a smaller id. A session of TLS or SSH is one transaction and stays.
    pub fn free_before(&mut self, id: u64) {
        let Some(parser) = self.parser.as_deref_mut() else { return };
        if matches!(parser.proto, AppProto::Tls | AppProto::Ssh) {
            return;
        }
        while parser.txs.list.front().is_some_and(|tx| tx.id < id) {
            if let Some(tx) = parser.txs.list.pop_front()
                && tx.http_host().is_some()
            {
                self.seen.get_or_insert_default().note(&tx);
            }
        }
    }

    /// Forgets one transaction.
    pub fn free(&mut self, id: u64) {
        let Some(parser) = self.parser.as_deref_mut() else { return };
        if matches!(parser.proto, AppProto::Tls | AppProto::Ssh) {
            return;
        }
        if let Ok(at) = parser.txs.list.binary_search_by_key(&id, |tx| tx.id) {
            let tx = parser.txs.list.remove(at);
            if let Some(tx) = tx.filter(|tx| tx.http_host().is_some()) {
                self.seen.get_or_insert_default().note(&tx);
            }
        }
    }

    /// The handshake state that `ssl_state` tests: bits of [`ssl_state`]. 0 when the flow is not TLS.
    pub fn ssl_state(&self) -> u32 {
        self.transaction(0).and_then(Tx::tls).map_or(0, TlsTx::state)
    }

    /// Hosts of the HTTP requests of the flow, those of forgotten transactions first, each once.
    pub fn hosts(&self) -> Vec<String> {
        let forgotten = self.seen.iter().flat_map(|seen| &seen.hosts).map(|host| &**host);
        let live = self.transactions().filter_map(|(_, tx)| tx.http_host());
        let mut hosts: Vec<String> = Vec::new();
        for host in forgotten.chain(live) {
            let host = String::from_utf8_lossy(host);
            if !hosts.iter().any(|known| *known == host) {
                hosts.push(host.into_owned());
            }
        }
        hosts
    }

    /// The server name of TLS.
    pub fn sni(&self) -> Option<&str> {
        let live = self.transaction(0).and_then(Tx::tls).and_then(TlsTx::sni);
        let seen = || std::str::from_utf8(self.seen.as_ref()?.sni.as_ref()?).ok();
        live.or_else(seen)
    }
}

/// The progress that ends a transaction of a protocol in a direction.
pub fn completion(proto: AppProto, _direction: Direction) -> u8 {
    match proto {
        AppProto::Http1 => http1::progress::COMPLETE,
        AppProto::Http2 | AppProto::Doh2 => http2::progress::CLOSED,
        AppProto::Tls => tls::progress::FINISHED,
        AppProto::Ssh => ssh::progress::FINISHED,
        AppProto::Quic => quic::COMPLETE,
        _ => dns::COMPLETE,
    }
}

const TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const DNS: FlowKeyView = FlowKeyView { ip_proto: 17, client_port: 40000, server_port: 53 };
    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

    #[test]
    fn a_datagram_is_detected_and_parsed_at_once() {
        let mut app = AppLayer::default();
        let outcome = app.udp(DNS, Direction::ToServer, QUERY);
        assert!(outcome.detection_done && !outcome.reversed);
        assert_eq!(app.proto.name(), Some("dns"));
        assert_eq!(app.n_transactions(), 1);
    }

    #[test]
    fn an_unknown_datagram_fails_and_the_reply_gets_a_chance() {
        let mut app = AppLayer::default();
        app.udp(DNS, Direction::ToServer, b"?");
        assert_eq!(app.proto, AppProto::Failed);
        let mut answer = QUERY.to_vec();
        answer[2] = 0x81;
        app.udp(DNS, Direction::ToClient, &answer);
        assert_eq!(app.proto, AppProto::Dns);
    }

    /// Beginnings that lead deep into each parser.
    const OPENINGS: [&[u8]; 13] = [
        b"",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03",
        b"\x80\x2e\x01\x00\x02",
        b"\x12\x34\x01\0\0\x01\0\x02\0\0\0\0\x03www\xc0\x0c",
        b"EHLO a\r\nSTARTTLS\r\n",
        b"\0\0\0\x40\xffSMB",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x04\x01\x05\0\0\0\x01\x82\x84\x40",
        b"SSH-2.0-a\r\n\0\0\0\x0c\x0a\x15",
        b"\x09identityQ043\x01\0\0\0\0\0\0\0\0\0\0\0\0\xa0\x01",
        b"\x16\x03\x03\x00\x40\x0b\x00\x00\x3c\x00\x00\x39\x00\x00\x36\x30\x34\x30",
    ];

    proptest::proptest! {
        #[test]
        fn hostile_data_does_no_harm(
            tcp: bool,
            port in proptest::sample::select(vec![23_u16, 25, 53, 80, 88, 161, 443, 445, 2049, 5060]),
            talk in proptest::collection::vec(
                (proptest::bool::ANY, 0..OPENINGS.len(), proptest::collection::vec(0_u8.., 0..60)),
                0..8,
            ),
        ) {
            let flow = FlowKeyView { ip_proto: if tcp { 6 } else { 17 }, client_port: 40000, server_port: port };
            let keep = Keep { certificates: true, ja3: true, ja4: true, hassh: true, bodies: true };
            let config = AppConfig { keep, ..AppConfig::default() };
            let mut app = AppLayer::new(config);
            for (client, opening, data) in talk {
                let direction = if client { Direction::ToServer } else { Direction::ToClient };
                let data = [OPENINGS[opening], &data].concat();
                let flags = DataFlags { eof: data.is_empty(), ..DataFlags::default() };
                if !tcp {
                    app.udp(flow, direction, &data);
                    continue;
                }
                if !app.proto.is_valid() {
                    app.proto = app.detect(flow, direction, &data, flags).proto;
                }
                if let Parsed::Incomplete { consumed, needed } = app.parse(flow, direction, &data, flags) {
                    proptest::prop_assert!((consumed as usize) <= data.len() && needed > 0);
                    proptest::prop_assert!((consumed + needed) as usize >= data.len());
                }
                app.gap(direction, 3);
            }
        }
    }

    #[test]
    fn an_answer_first_swaps_the_flow() {
        let mut app = AppLayer::default();
        let flow = FlowKeyView { ip_proto: 17, client_port: 53, server_port: 53 };
        let mut answer = QUERY.to_vec();
        answer[2] = 0x81;
        let outcome = app.udp(flow, Direction::ToServer, &answer);
        assert!(outcome.reversed);
        assert_eq!((app.proto_to_server, app.proto_to_client), (AppProto::Unknown, AppProto::Dns));
    }
}
