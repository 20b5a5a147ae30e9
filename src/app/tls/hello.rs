//! Client and server hello.
//!
//! They are walked by hand and not by a parser that takes or refuses the whole: Suricata keeps what it has read up to
//! the first defect, and passes over an extension by what it understood of it. Where it stops decides whether there is
//! a name.

use super::super::Keep;
use super::super::fingerprint::{Ja3, Ja4, Numbers, is_grease};
use super::super::reader::Reader;
use super::super::transaction::raise;
use super::{Fingerprints, RANDOM_BYTES, TlsTx, flag, version};
use crate::packet::EventSet;
use crate::verdict::Direction;

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
pub(super) fn read(
    tx: &mut TlsTx,
    events: &mut EventSet,
    keep: Keep,
    kind: Kind,
    direction: Direction,
    message: &[u8],
) {
    let fingerprints = (keep.ja3 || keep.ja4).then(|| tx.hello(direction).fingerprints.take().unwrap_or_default());
    let mut walk = Walk { tx, events, keep, kind, direction, fingerprints, fields: None };
    if kind == Kind::Client
        && keep.ja4
        && let Some(fingerprints) = &mut walk.fingerprints
    {
        fingerprints.ja4.get_or_insert_with(Ja4::over_tcp);
    }
    match walk.hello(message) {
        Ok(()) => {
            if let Some(ja3) = walk.fingerprints.as_mut().and_then(|fingerprints| fingerprints.ja3.as_mut()) {
                ja3.finish();
            }
        }
        Err(stop) => walk.note(&stop),
    }
    let Walk { tx, fingerprints, .. } = walk;
    if let Some(mut fingerprints) = fingerprints {
        fingerprints.ja4_text = fingerprints.ja4.as_ref().map(Ja4::text);
        tx.hello(direction).fingerprints = Some(fingerprints);
    }
}

struct Walk<'a> {
    tx: &'a mut TlsTx,
    events: &'a mut EventSet,
    keep: Keep,
    kind: Kind,
    direction: Direction,
    fingerprints: Option<Box<Fingerprints>>,
    /// Fields of JA3 that the extensions fill; `None` when no JA3 is under way.
    fields: Option<Ja3Fields>,
}

/// What extensions add to JA3.
#[derive(Default)]
struct Ja3Fields {
    extensions: Numbers,
    groups: Numbers,
    point_formats: Numbers,
}

impl Walk<'_> {
    fn hello(&mut self, message: &[u8]) -> Result<(), Stop> {
        let mut reader = Reader(message);
        self.version(reader.u16().ok_or(Stop::Length)?);
        self.random(reader.take(RANDOM_BYTES).ok_or(Stop::Length)?);
        // Early drafts of TLS 1.3 had neither session id nor compression in the server's hello.
        let full = self.kind == Kind::Client || !self.tx.has(flag::WITHOUT_CERTIFICATE);
        if full {
            let len = reader.u8().ok_or(Stop::Length)?;
            reader.take(usize::from(len)).ok_or(Stop::Length)?;
        }
        let suites_len = match self.kind {
            Kind::Client => usize::from(reader.u16().ok_or(Stop::Length)?),
            Kind::Server => 2,
        };
        let suites = reader.take(suites_len).ok_or(Stop::Length)?;
        if suites.len() % 2 != 0 {
            return Err(Stop::Length);
        }
        self.cipher_suites(suites);
        let full = self.kind == Kind::Client || !self.tx.has(flag::WITHOUT_CERTIFICATE);
        if full {
            let len = reader.u8().ok_or(Stop::Length)?;
            if self.kind == Kind::Client {
                reader.take(usize::from(len)).ok_or(Stop::Length)?;
            }
        }
        self.extensions(reader)
    }

    fn note(&mut self, stop: &Stop) {
        if let Stop::Length = stop {
            raise(self.events, "tls.handshake_invalid_length");
        }
    }

    /// JA4 is about clients.
    fn ja4(&mut self) -> Option<&mut Ja4> {
        if self.kind == Kind::Server {
            return None;
        }
        self.fingerprints.as_mut()?.ja4.as_mut()
    }

    /// JA3, as long as no hello of the side has been read to its end.
    fn ja3(&mut self) -> Option<&mut Ja3> {
        self.fingerprints.as_mut()?.ja3.as_mut().filter(|ja3| ja3.hash().is_none())
    }

    fn random(&mut self, bytes: &[u8]) {
        let Some(bytes) = bytes.first_chunk() else { return };
        match self.kind {
            Kind::Client => {
                self.tx.client.random = *bytes;
                self.tx.flags |= flag::CLIENT_RANDOM;
            }
            Kind::Server => {
                self.tx.server.random = *bytes;
                self.tx.flags |= flag::SERVER_RANDOM;
            }
        }
    }

    fn cipher_suites(&mut self, suites: &[u8]) {
        let (pairs, _) = suites.as_chunks::<2>();
        let suites = || pairs.iter().map(|&pair| u16::from_be_bytes(pair)).filter(|&suite| !is_grease(suite));
        if let Some(ja4) = self.ja4() {
            suites().for_each(|suite| ja4.cipher(suite));
        }
        if let Some(ja3) = self.ja3() {
            let mut numbers = Numbers::default();
            suites().for_each(|suite| numbers.push(suite));
            ja3.push(&numbers);
        }
    }

    fn version(&mut self, sent: u16) {
        let draft = sent >> 8 == 0x7f;
        if self.kind == Kind::Server && (sent == version::TLS13 || draft) {
            self.tx.flags |= flag::WITHOUT_CERTIFICATE;
        }
        let pre_draft16 = sent == version::TLS13 || (0x7f01..0x7f10).contains(&sent);
        self.tx.hello(self.direction).version = if pre_draft16 { version::TLS13_PRE_DRAFT16 } else { sent };
        if self.keep.ja3
            && let Some(fingerprints) = &mut self.fingerprints
        {
            fingerprints.ja3.get_or_insert_with(|| Ja3::new(sent));
        }
        if let Some(ja4) = self.ja4() {
            ja4.version(sent);
        }
    }

    /// An extension that cannot be read ends the list, and the hello counts as read to its end all the same.
    fn extensions(&mut self, reader: Reader) -> Result<(), Stop> {
        self.fields = self.ja3().map(|_| Ja3Fields::default());
        match self.extension_list(reader) {
            Ok(Ok(())) => {}
            Ok(Err(in_extension)) => self.note(&in_extension),
            Err(in_list) => return Err(in_list),
        }
        if let Some(fields) = self.fields.take() {
            let client = self.kind == Kind::Client;
            if let Some(ja3) = self.ja3() {
                ja3.push(&fields.extensions);
                if client {
                    ja3.push(&fields.groups);
                    ja3.push(&fields.point_formats);
                }
            }
        }
        Ok(())
    }

    /// Walks the list. Outside: it cannot be followed further. Inside: one of its extensions cannot be read.
    fn extension_list(&mut self, mut reader: Reader) -> Result<Result<(), Stop>, Stop> {
        let Some(total) = reader.u16() else { return Ok(Ok(())) };
        if reader.len() < usize::from(total) {
            return Err(Stop::Length);
        }
        let mut processed: u16 = 0;
        while processed < total {
            let kind = reader.u16().ok_or(Stop::Length)?;
            let len = reader.u16().ok_or(Stop::Length)?;
            let body = reader.0.get(..usize::from(len)).ok_or(Stop::Length)?;
            let understood = match self.extension(kind, body) {
                Ok(understood) => understood,
                Err(stop) => return Ok(Err(stop)),
            };
            if kind == extension::EARLY_DATA && self.kind == Kind::Client {
                self.tx.flags |= flag::EARLY_DATA;
            }
            reader.take(understood).ok_or(Stop::Length)?;
            if let Some(fields) = &mut self.fields
                && !is_grease(kind)
            {
                fields.extensions.push(kind);
            }
            if let Some(ja4) = self.ja4() {
                ja4.extension(kind);
            }
            processed = processed.wrapping_add(len.wrapping_add(4));
        }
        Ok(Ok(()))
    }

    /// Reads one extension and says how much of it is passed over: either the whole body or as much as was understood.
    fn extension(&mut self, kind: u16, body: &[u8]) -> Result<usize, Stop> {
        let mut of_body = Reader(body);
        if body.is_empty() {
            return Ok(0);
        }
        match kind {
            extension::SERVER_NAME => self.server_name(&mut of_body)?,
            extension::SUPPORTED_GROUPS => self.supported_groups(&mut of_body)?,
            extension::EC_POINT_FORMATS => {
                let len = of_body.u8().ok_or(Stop::Length)?;
                let formats = of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                if self.kind == Kind::Client
                    && let Some(fields) = &mut self.fields
                {
                    for &format in formats {
                        fields.point_formats.push(u16::from(format));
                    }
                }
            }
            extension::SIGNATURE_ALGORITHMS => {
                let len = of_body.u16().filter(|len| len % 2 == 0).ok_or(Stop::Length)?;
                let algorithms = of_body.take(usize::from(len)).ok_or(Stop::Length)?;
                if let Some(ja4) = self.ja4() {
                    let (pairs, _) = algorithms.as_chunks::<2>();
                    for &pair in pairs {
                        ja4.signature_algorithm(u16::from_be_bytes(pair));
                    }
                }
            }
            extension::ALPN => {
                let len = of_body.u16().ok_or(Stop::Length)?;
                let behind = of_body.len().checked_sub(usize::from(len)).ok_or(Stop::Length)?;
                self.alpn(of_body, behind)?;
                return Ok(body.len());
            }
            extension::SUPPORTED_VERSIONS => self.supported_versions(&mut of_body)?,
            _ => return Ok(body.len()),
        }
        Ok(body.len() - of_body.len())
    }

    /// Groups are read one by one only for JA3; a length that is odd then takes in the byte behind it.
    fn supported_groups(&mut self, body: &mut Reader) -> Result<(), Stop> {
        let len = usize::from(body.u16().ok_or(Stop::Length)?);
        let fields = if self.kind == Kind::Client { self.fields.as_mut() } else { None };
        let Some(fields) = fields else {
            body.take(len).ok_or(Stop::Length)?;
            return Ok(());
        };
        if body.len() < len {
            return Err(Stop::Length);
        }
        for _ in 0..len.div_ceil(2) {
            let group = body.u16().ok_or(Stop::Length)?;
            if !is_grease(group) {
                fields.groups.push(group);
            }
        }
        Ok(())
    }

    /// Protocols are read only for JA4, of which the first counts. `behind`: bytes of the extension behind the list.
    fn alpn(&mut self, mut list: Reader, behind: usize) -> Result<(), Stop> {
        let mut first = true;
        let Some(ja4) = self.ja4() else { return Ok(()) };
        while list.len() > behind {
            let len = usize::from(list.u8().ok_or(Stop::Length)?);
            if len > list.len() {
                return Err(Stop::Length);
            }
            if len + behind > list.len() {
                break;
            }
            let protocol = list.take(len).ok_or(Stop::Length)?;
            if std::mem::take(&mut first) {
                ja4.alpn(protocol);
            }
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
        let whole = self.tx.config.sni_keeps_nul;
        let hello = self.tx.hello(self.direction);
        if hello.sni.is_some() {
            raise(self.events, "tls.multiple_sni_extensions");
        } else {
            let shown = if whole { Some(name) } else { name.split(|&byte| byte == 0).next() };
            hello.sni = shown.map(Box::from);
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
            if let Some(ja4) = self.ja4() {
                ja4.version(first);
            }
        }
        self.tx.flags |= flag::CLIENT_HELLO_VERSIONS;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AppConfig;

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
        read(&mut tx, &mut raised, Keep::default(), Kind::Client, Direction::ToServer, &client_hello(extensions));
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
    fn a_nul_byte_ends_the_name_or_not() {
        check(&server_name(&["a.example\0.b"]), Some("a.example"), &[]);
        let mut tx = TlsTx::new(AppConfig { sni_keeps_nul: true, ..AppConfig::default() });
        let hello = client_hello(&server_name(&["a.example\0.b"]));
        read(&mut tx, &mut EventSet::new(), Keep::default(), Kind::Client, Direction::ToServer, &hello);
        assert_eq!(tx.sni(), Some("a.example\0.b"));
    }
}
