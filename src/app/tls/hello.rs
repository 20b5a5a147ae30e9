//! Client and server hello.
//!
//! They are walked by hand and not by a parser that takes or refuses the whole: Suricata keeps what it has read up to
//! the first defect, and passes over an extension by what it understood of it. Where it stops decides whether there is
//! a name.

use super::super::reader::Reader;
use super::super::transaction::raise;
use super::{TlsTx, flag, version};
use crate::packet::EventSet;
use crate::verdict::Direction;

const RANDOM_BYTES: usize = 32;
const NAME_BYTES_MAX: usize = 255;
const HOST_NAME: u8 = 0;

mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const EC_POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const ALPN: u16 = 16;
    pub(super) const EARLY_DATA: u16 = 42;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
}

/// Whose hello it is by its message type, which need not be the direction it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Server,
}

/// Reading stopped: a length leaves its message, or the event already raised says why.
enum Stop {
    Length,
    Raised,
}

/// Reads a hello and keeps what it says, up to the first defect.
pub(super) fn read(tx: &mut TlsTx, events: &mut EventSet, kind: Kind, direction: Direction, message: &[u8]) {
    let mut walk = Walk { tx, events, kind, direction };
    if let Err(Stop::Length) = walk.hello(message) {
        raise(walk.events, "tls.handshake_invalid_length");
    }
}

struct Walk<'a> {
    tx: &'a mut TlsTx,
    events: &'a mut EventSet,
    kind: Kind,
    direction: Direction,
}

impl Walk<'_> {
    fn hello(&mut self, message: &[u8]) -> Result<(), Stop> {
        let mut reader = Reader(message);
        self.version(reader.u16().ok_or(Stop::Length)?);
        reader.take(RANDOM_BYTES).ok_or(Stop::Length)?;
        // Early drafts of TLS 1.3 had neither session id nor compression in the server's hello.
        let full = self.kind == Kind::Client || !self.tx.has(flag::WITHOUT_CERTIFICATE);
        if full {
            let len = reader.u8().ok_or(Stop::Length)?;
            reader.take(usize::from(len)).ok_or(Stop::Length)?;
        }
        match self.kind {
            Kind::Client => {
                let len = reader.u16().ok_or(Stop::Length)?;
                let suites = reader.take(usize::from(len)).ok_or(Stop::Length)?;
                if suites.len() % 2 != 0 {
                    return Err(Stop::Length);
                }
            }
            Kind::Server => {
                reader.take(2).ok_or(Stop::Length)?;
            }
        }
        let full = self.kind == Kind::Client || !self.tx.has(flag::WITHOUT_CERTIFICATE);
        if full {
            let len = reader.u8().ok_or(Stop::Length)?;
            if self.kind == Kind::Client {
                reader.take(usize::from(len)).ok_or(Stop::Length)?;
            }
        }
        self.extensions(reader)
    }

    fn version(&mut self, sent: u16) {
        let draft = sent >> 8 == 0x7f;
        if self.kind == Kind::Server && (sent == version::TLS13 || draft) {
            self.tx.flags |= flag::WITHOUT_CERTIFICATE;
        }
        let pre_draft16 = sent == version::TLS13 || (0x7f01..0x7f10).contains(&sent);
        self.tx.hello(self.direction).version = if pre_draft16 { version::TLS13_PRE_DRAFT16 } else { sent };
    }

    fn extensions(&mut self, mut reader: Reader) -> Result<(), Stop> {
        let Some(total) = reader.u16() else { return Ok(()) };
        if reader.len() < usize::from(total) {
            return Err(Stop::Length);
        }
        let mut processed: u16 = 0;
        while processed < total {
            let kind = reader.u16().ok_or(Stop::Length)?;
            let len = reader.u16().ok_or(Stop::Length)?;
            let body = reader.0.get(..usize::from(len)).ok_or(Stop::Length)?;
            let mut of_body = Reader(body);
            // Either the whole body or as much as was understood of it is passed over.
            let understood = match kind {
                _ if body.is_empty() => 0,
                extension::SERVER_NAME => {
                    self.server_name(&mut of_body)?;
                    body.len() - of_body.len()
                }
                extension::SUPPORTED_GROUPS => {
                    let len = of_body.u16().ok_or(Stop::Length)?;
                    of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                    body.len() - of_body.len()
                }
                extension::EC_POINT_FORMATS => {
                    let len = of_body.u8().ok_or(Stop::Length)?;
                    of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                    body.len() - of_body.len()
                }
                extension::SIGNATURE_ALGORITHMS => {
                    let len = of_body.u16().filter(|len| len % 2 == 0).ok_or(Stop::Length)?;
                    of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                    body.len() - of_body.len()
                }
                extension::ALPN => {
                    let len = of_body.u16().ok_or(Stop::Length)?;
                    of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                    body.len()
                }
                extension::SUPPORTED_VERSIONS => {
                    self.supported_versions(&mut of_body)?;
                    body.len() - of_body.len()
                }
                _ => body.len(),
            };
            if kind == extension::EARLY_DATA && self.kind == Kind::Client {
                self.tx.flags |= flag::EARLY_DATA;
            }
            reader.take(understood).ok_or(Stop::Length)?;
            processed = processed.wrapping_add(len.wrapping_add(4));
        }
        Ok(())
    }

    /// The first name of the list counts, and of several extensions the first.
    fn server_name(&mut self, body: &mut Reader) -> Result<(), Stop> {
        let _list_len = body.u16().ok_or(Stop::Length)?;
        if body.u8().ok_or(Stop::Length)? != HOST_NAME {
            raise(self.events, "tls.invalid_sni_type");
            return Err(Stop::Raised);
        }
        let len = usize::from(body.u16().ok_or(Stop::Length)?);
        let name = match body.take(len) {
            Some(name) if (1..=NAME_BYTES_MAX).contains(&len) => name,
            _ => {
                raise(self.events, "tls.invalid_sni_length");
                return Err(Stop::Raised);
            }
        };
        let hello = self.tx.hello(self.direction);
        if hello.sni.is_some() {
            raise(self.events, "tls.multiple_sni_extensions");
        } else {
            hello.sni = name.split(|&byte| byte == 0).next().map(Box::from);
        }
        Ok(())
    }

    fn supported_versions(&mut self, body: &mut Reader) -> Result<(), Stop> {
        if self.kind == Kind::Server {
            let chosen = body.u16().ok_or(Stop::Length)?;
            if self.tx.has(flag::CLIENT_HELLO_VERSIONS) && chosen > version::TLS12 {
                self.tx.flags |= flag::WITHOUT_CERTIFICATE;
            }
            self.tx.hello(self.direction).version = chosen;
            return Ok(());
        }
        let len = body.u8().filter(|&len| len >= 2).ok_or(Stop::Length)?;
        let versions = body.take(usize::from(len)).ok_or(Stop::Length)?;
        let (pairs, _) = versions.as_chunks::<2>();
        if let Some(first) = pairs.iter().map(|&pair| u16::from_be_bytes(pair)).find(|&sent| version::is_known(sent)) {
            self.tx.hello(self.direction).version = first;
        }
        self.tx.flags |= flag::CLIENT_HELLO_VERSIONS;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_hello(extensions: &[u8]) -> Vec<u8> {
        let mut message = vec![3, 3];
        message.extend([0; RANDOM_BYTES]);
        message.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        message.extend((extensions.len() as u16).to_be_bytes());
        message.extend(extensions);
        message
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn server_name(names: &[&str]) -> Vec<u8> {
        let mut list = Vec::new();
        for name in names {
            list.push(HOST_NAME);
            list.extend((name.len() as u16).to_be_bytes());
            list.extend(name.as_bytes());
        }
        let mut body = (list.len() as u16).to_be_bytes().to_vec();
        body.extend(list);
        extension(extension::SERVER_NAME, &body)
    }

    #[track_caller]
    fn check(extensions: &[u8], name: Option<&str>, events: &[&str]) {
        let mut tx = TlsTx::default();
        let mut raised = EventSet::new();
        read(&mut tx, &mut raised, Kind::Client, Direction::ToServer, &client_hello(extensions));
        assert_eq!(tx.sni(), name);
        let raised: Vec<&str> = raised.iter().map(|event| event.0).collect();
        assert_eq!(raised, events);
    }

    #[test]
    fn a_name_is_kept_as_sent() {
        check(&server_name(&["WWW.Example.com."]), Some("WWW.Example.com."), &[]);
    }

    #[test]
    fn an_empty_name_is_none() {
        check(&server_name(&[""]), None, &["tls.invalid_sni_length"]);
        check(&extension(extension::SERVER_NAME, b""), None, &[]);
    }

    #[test]
    fn the_first_of_two_extensions_counts() {
        let twice = [server_name(&["a.example"]), server_name(&["b.example"])].concat();
        check(&twice, Some("a.example"), &["tls.multiple_sni_extensions"]);
    }

    #[test]
    fn a_defect_before_the_name_hides_it() {
        let hidden = [extension(extension::ALPN, &[0, 9, 1]), server_name(&["a.example"])].concat();
        check(&hidden, None, &["tls.handshake_invalid_length"]);
    }

    #[test]
    fn a_second_name_in_the_list_is_read_as_the_next_extension() {
        let two = server_name(&["a.example", "b.example"]);
        check(&two, Some("a.example"), &[]);
        let followed = [two, extension(extension::ALPN, &[0, 1, 0])].concat();
        check(&followed, Some("a.example"), &["tls.handshake_invalid_length"]);
    }

    #[test]
    fn a_nul_byte_ends_the_name() {
        check(&server_name(&["a.example\0.b"]), Some("a.example"), &[]);
    }
}
