//! TLS and SSL: records, handshake messages over records and segments, and what a session's hellos say.
//!
//! A session is one transaction. `record.rs` reads records as Suricata does, `hello.rs` the hello messages.

mod certificate;
mod heartbeat;
mod hello;
mod record;
mod ssl2;

pub(super) use record::TlsParser;

use super::probe::{Context, Probe};
use super::transaction::Buffer;
use crate::verdict::Direction;

/// How far a session has come. Suricata: `TLS_STATE_IN_PROGRESS` and so on.
pub mod progress {
    /// The handshake is under way.
    pub const IN_PROGRESS: u8 = 0;
    /// The server's certificate is known; only the client's direction has this.
    pub const CERT_READY: u8 = 1;
    /// The handshake is over.
    pub const HANDSHAKE_DONE: u8 = 2;
    /// The session is over.
    pub const FINISHED: u8 = 3;
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
    client: Hello,
    server: Hello,
}

/// What one side's hello says.
#[derive(Debug, Default)]
struct Hello {
    version: u16,
    /// Up to a NUL byte, like the buffer of `tls.sni`.
    sni: Option<Box<[u8]>>,
    certificate: Certificate,
}

/// A side's certificate, as far as the state of the handshake depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Certificate {
    #[default]
    NotSeen,
    /// A chain that Suricata cannot read.
    Unreadable,
    /// Subject and issuer of its first certificate are known.
    Known,
}

/// Which directions of the flow have ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eof {
    pub(super) to_server: bool,
    pub(super) to_client: bool,
}

impl TlsTx {
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
        if self.has(flag::FINISHED) {
            progress::FINISHED
        } else if self.has(flag::HANDSHAKE_DONE) {
            progress::HANDSHAKE_DONE
        } else if direction == Direction::ToServer && self.server.certificate == Certificate::Known {
            progress::CERT_READY
        } else {
            progress::IN_PROGRESS
        }
    }

    pub(super) fn buffer(&self, buffer: Buffer) -> Option<&[u8]> {
        match buffer {
            Buffer::TlsSni => self.client.sni.as_deref(),
            _ => None,
        }
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
