//! TLS and SSL: records, handshake messages over records and segments, and what a session's hellos say.
//!
//! A session is one transaction. `record.rs` reads records as Suricata does, `hello.rs` the hello messages.

mod certificate;
mod heartbeat;
mod hello;
mod record;
mod ssl2;

pub(super) use record::TlsParser;

use super::AppConfig;
use super::fingerprint::{Ja3, Ja4};
use super::probe::{Context, Probe};
use super::transaction::Buffer;
use crate::verdict::Direction;
use certificate::Certificates;

/// How far a session has come. Suricata: `TLS_STATE_IN_PROGRESS` and so on. Hellos count only where each side has its own
/// progress ([`AppConfig::tls_progress_by_side`](crate::app::AppConfig::tls_progress_by_side)). Numbered apart from what other
/// protocols have, so that a place tells whether it is one of TLS.
pub mod progress {
    /// The handshake is under way.
    pub const IN_PROGRESS: u8 = 0;
    /// The side's hello was read.
    pub const HELLO: u8 = 16;
    /// The side's certificate is known. Where both sides have one progress: the server's is, in the client's direction.
    pub const CERT_READY: u8 = 17;
    /// The server has said that its hello is over.
    pub const HELLO_DONE: u8 = 18;
    /// The handshake is over.
    pub const HANDSHAKE_DONE: u8 = 19;
    /// The session is over.
    pub const FINISHED: u8 = 20;
}

/// Bits of [`TlsTx::state`], as `ssl_state` names them.
pub mod state {
    /// `client_hello`
    pub const CLIENT_HELLO: u32 = 1 << 9;
    /// `server_hello`
    pub const SERVER_HELLO: u32 = 1 << 10;
    /// `client_keyx`
    pub const CLIENT_KEYX: u32 = 1 << 11;
    /// `server_keyx`
    pub const SERVER_KEYX: u32 = 1 << 12;
    /// `unknown`
    pub const UNKNOWN: u32 = 1 << 13;
}

/// Bits that are no business of rules.
mod flag {
    pub(super) const SERVER_CHANGE_CIPHER_SPEC: u32 = 1;
    pub(super) const CLIENT_CHANGE_CIPHER_SPEC: u32 = 1 << 1;
    pub(super) const CHANGE_CIPHER_SPEC: u32 = 1 << 2;
    pub(super) const SSL2_CLIENT_HELLO: u32 = 1 << 3;
    pub(super) const SSL2_SERVER_HELLO: u32 = 1 << 4;
    pub(super) const SSL2_MASTER_KEY: u32 = 1 << 5;
    pub(super) const SSL2_CLIENT_ENCRYPTED: u32 = 1 << 6;
    pub(super) const SSL2_SERVER_ENCRYPTED: u32 = 1 << 7;
    pub(super) const SSL2_NO_SESSION_ID: u32 = 1 << 8;
    pub(super) const FINISHED: u32 = 1 << 14;
    pub(super) const HEARTBEAT: u32 = 1 << 15;
    pub(super) const HEARTBEAT_OF_CLIENT: u32 = 1 << 16;
    pub(super) const HEARTBEAT_OF_SERVER: u32 = 1 << 17;
    pub(super) const HANDSHAKE_DONE: u32 = 1 << 18;
    pub(super) const WITHOUT_CERTIFICATE: u32 = 1 << 22;
    pub(super) const CLIENT_HELLO_VERSIONS: u32 = 1 << 21;
    pub(super) const EARLY_DATA: u32 = 1 << 23;
    pub(super) const WANTS_CLIENT_CERTIFICATE: u32 = 1 << 26;
    pub(super) const CLIENT_RANDOM: u32 = 1 << 27;
    pub(super) const SERVER_RANDOM: u32 = 1 << 28;
}

/// Versions as they are on the wire.
pub mod version {
    /// Not known.
    pub const UNKNOWN: u16 = 0;
    /// SSL 2.
    pub const SSL2: u16 = 0x0200;
    /// SSL 3.
    pub const SSL3: u16 = 0x0300;
    /// TLS 1.0.
    pub const TLS10: u16 = 0x0301;
    /// TLS 1.1.
    pub const TLS11: u16 = 0x0302;
    /// TLS 1.2.
    pub const TLS12: u16 = 0x0303;
    /// TLS 1.3.
    pub const TLS13: u16 = 0x0304;
    /// TLS 1.3, one of the drafts before 16.
    pub const TLS13_PRE_DRAFT16: u16 = 0x7f01;

    /// A record of this version is taken: SSL 3 to TLS 1.3, and drafts of it by the IETF and by Facebook.
    pub(super) fn is_known(version: u16) -> bool {
        matches!(version, SSL3..=TLS13 | TLS13_PRE_DRAFT16 | 0x7f10..=0x7f1c | 0xfb14..=0xfb17 | 0xfb1a)
    }
}

/// A session.
#[derive(Debug, Default)]
pub struct TlsTx {
    flags: u32,
    /// The flags of the last handshake message alone, until the next record begins.
    current: u32,
    config: AppConfig,
    /// What the last message of a side says of its progress, by [`Direction::index`].
    reached: [u8; 2],
    client: Hello,
    server: Hello,
}

/// What one side's hello says.
#[derive(Debug, Default)]
struct Hello {
    version: u16,
    /// The buffer of `tls.sni`, see [`AppConfig::sni_keeps_nul`].
    sni: Option<Box<[u8]>>,
    random: [u8; RANDOM_BYTES],
    certificates: Certificates,
    /// When rules look at them.
    fingerprints: Option<Box<Fingerprints>>,
}

const RANDOM_BYTES: usize = 32;
/// The first bytes of the random ones, once meant to be the time.
const RANDOM_TIME_BYTES: usize = 4;

/// Fingerprints of the hellos that a side sent.
#[derive(Debug, Default)]
struct Fingerprints {
    ja3: Option<Ja3>,
    ja4: Option<Ja4>,
    /// JA4 as text, as of the last hello.
    ja4_text: Option<Box<str>>,
}

/// Which directions of the flow have ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eof {
    pub(super) to_server: bool,
    pub(super) to_client: bool,
}

impl TlsTx {
    /// A session of which nothing is known.
    pub(super) fn new(config: AppConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// A side has come to a place, which may lie before one that it was at.
    fn reach(&mut self, direction: Direction, progress: u8) {
        if let Some(reached) = self.reached.get_mut(direction.index()) {
            *reached = progress;
        }
    }

    /// Both sides have.
    fn reach_both(&mut self, progress: u8) {
        self.reached = [progress; 2];
    }

    fn hello(&mut self, direction: Direction) -> &mut Hello {
        match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        }
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The last handshake message of the data parsed last, as bits of [`state`]; 0 when it held none.
    pub fn state(&self) -> u32 {
        self.current
            & (state::CLIENT_HELLO | state::SERVER_HELLO | state::CLIENT_KEYX | state::SERVER_KEYX | state::UNKNOWN)
    }

    /// The server name that the client asks for, as sent; `None` as well when it is not UTF-8.
    pub fn sni(&self) -> Option<&str> {
        self.client.sni.as_deref().and_then(|name| std::str::from_utf8(name).ok())
    }

    /// The version that a side speaks, one of `version` or another two bytes of the wire.
    pub fn version(&self, direction: Direction) -> u16 {
        match direction {
            Direction::ToServer => self.client.version,
            Direction::ToClient => self.server.version,
        }
    }

    pub(super) fn progress(&self, direction: Direction) -> u8 {
        if self.config.tls_progress_by_side {
            self.reached.get(direction.index()).copied().unwrap_or(progress::IN_PROGRESS)
        } else if self.has(flag::FINISHED) {
            progress::FINISHED
        } else if self.has(flag::HANDSHAKE_DONE) {
            progress::HANDSHAKE_DONE
        } else if direction == Direction::ToServer && self.server.certificates.is_begun() {
            progress::CERT_READY
        } else {
            progress::IN_PROGRESS
        }
    }

    pub(super) fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        let kept = self.side(direction).certificates.kept();
        match buffer {
            Buffer::TlsSni => self.client.sni.as_deref(),
            Buffer::TlsCertSubject => kept?.subject.as_deref().map(str::as_bytes),
            Buffer::TlsCertIssuer => kept?.issuer.as_deref().map(str::as_bytes),
            Buffer::TlsCertSerial => kept?.serial.as_deref().map(str::as_bytes),
            Buffer::TlsCertFingerprint => kept?.fingerprint.as_deref().map(str::as_bytes),
            Buffer::TlsCert(number) => kept?.chain.get(usize::from(number)).map(|der| &**der),
            Buffer::TlsRandom => Some(self.random(direction)?.as_slice()),
            Buffer::TlsRandomTime => self.random(direction)?.get(..RANDOM_TIME_BYTES),
            Buffer::TlsRandomBytes => self.random(direction)?.get(RANDOM_TIME_BYTES..),
            Buffer::Ja3Hash | Buffer::Ja3sHash => self.side(direction).ja3()?.hash().map(str::as_bytes),
            Buffer::Ja3String | Buffer::Ja3sString => Some(self.side(direction).ja3()?.text().as_bytes()),
            Buffer::Ja4Hash => self.client.fingerprints.as_deref()?.ja4_text.as_deref().map(str::as_bytes),
            _ => None,
        }
    }

    fn side(&self, direction: Direction) -> &Hello {
        match direction {
            Direction::ToServer => &self.client,
            Direction::ToClient => &self.server,
        }
    }

    /// As in Suricata, the random bytes of one side are there once the other side has sent its own.
    fn random(&self, direction: Direction) -> Option<&[u8; RANDOM_BYTES]> {
        let other = match direction {
            Direction::ToServer => flag::SERVER_RANDOM,
            Direction::ToClient => flag::CLIENT_RANDOM,
        };
        self.has(other).then_some(&self.side(direction).random)
    }

    /// From when to when a side's certificate is valid, in seconds since 1970; known when rules look at certificates.
    pub fn validity(&self, direction: Direction) -> Option<(i64, i64)> {
        self.side(direction).certificates.kept().map(|kept| (kept.not_before, kept.not_after))
    }

    /// How many certificates a side has sent, those that could not be read left out; known when rules look at them.
    pub fn n_certificates(&self, direction: Direction) -> u32 {
        self.side(direction).certificates.kept().map_or(0, |kept| kept.chain.len() as u32)
    }
}

impl Hello {
    fn ja3(&self) -> Option<&Ja3> {
        self.fingerprints.as_deref()?.ja3.as_ref()
    }
}

/// An SSLv2 header with a client hello.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    match data {
        [first, _, 1, ..] if first & 0x80 != 0 => Probe::MATCH,
        [_, _, _, ..] => Probe::Failed,
        _ => Probe::Unknown,
    }
}
