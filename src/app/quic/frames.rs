//! Frames of an Initial packet, as far as hellos are in them: of IETF's QUIC in CRYPTO frames, of Google's as lists of
//! tags in streams.
//!
//! The hellos themselves are read by the library that Suricata reads them with, so that the same ones are refused.

use super::super::fingerprint::Ja4;
use super::super::reader::Reader;
use super::header::variable;
use tls_parser::nom::Err::Incomplete;
use tls_parser::{
    NamedGroup, TlsExtension, TlsExtensionType, TlsMessage, TlsMessageHandshake, TlsVersion, parse_tls_extensions,
    parse_tls_message_handshake,
};

/// A hello that would be as long as this is not put together.
pub(super) const FRAGMENT_BYTES_MAX: u64 = 65535;

mod kind {
    pub(super) const PADDING: u8 = 0;
    pub(super) const PING: u8 = 1;
    pub(super) const ACK: u8 = 2;
    pub(super) const ACK_WITH_COUNTS: u8 = 3;
    pub(super) const CRYPTO: u8 = 6;
    pub(super) const STREAM: u8 = 8;
    /// Streams of Google's QUIC have this bit.
    pub(super) const GOOGLE_STREAM: u8 = 0x80;
}

/// A frame with something to look at.
#[derive(Debug)]
pub(super) enum Frame {
    /// A whole hello.
    Hello(Hello),
    /// A part of one.
    Fragment(Fragment),
    /// A list of tags.
    Tags(Vec<(Tag, Box<[u8]>)>),
}

/// What a hello says.
#[derive(Debug, Default)]
pub(super) struct Hello {
    pub(super) ja3: String,
    /// Of clients only.
    pub(super) ja4: Option<Box<str>>,
    pub(super) sni: Option<Box<[u8]>>,
}

/// A part of a hello; what has come of it so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragment {
    /// Where it begins; of parts put together, how many bytes of them have come.
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) data: Vec<u8>,
}

/// The name of a tag of Google's QUIC, with zeros behind it.
pub(super) type Tag = [u8; 4];

pub(super) const SNI: Tag = *b"SNI\0";
pub(super) const USER_AGENT: Tag = *b"UAID";

const TAGS: [&Tag; 30] = [
    b"AEAD",
    b"CCRT",
    b"CCS\0",
    b"CETV",
    b"CFCW",
    b"CHLO",
    b"COPT",
    b"CSCT",
    b"CTIM",
    b"ICSL",
    b"IRTT",
    b"KEXS",
    b"MIDS",
    b"MSPC",
    b"NONC",
    b"NONP",
    b"PAD\0",
    b"PDMD",
    b"PUBS",
    b"SCID",
    b"SCLS",
    b"SFCW",
    b"SMHL",
    &SNI,
    b"SNO\0",
    b"STK\0",
    b"TCID",
    &USER_AGENT,
    b"VER\0",
    b"XLCT",
];

/// Reads all frames; `past` is what has come of a hello in earlier packets. `None`: there is a frame that cannot be read.
pub(super) fn read(payload: &[u8], past: &Fragment) -> Option<Vec<Frame>> {
    let mut reader = Reader(payload);
    let mut frames = Vec::new();
    while !reader.is_empty() {
        frame(&mut reader, &mut frames)?;
    }
    let joined = join(&frames, past);
    frames.extend(joined);
    Some(frames)
}

/// Reads one frame, and keeps it when there is something to look at. `None`: it cannot be read.
fn frame(reader: &mut Reader, frames: &mut Vec<Frame>) -> Option<()> {
    match reader.u8()? {
        kind if kind & kind::GOOGLE_STREAM != 0 => frames.extend(tags(google_stream(reader, kind)?)),
        kind::PADDING => {
            let zeros = reader.0.iter().take_while(|&&byte| byte == 0).count();
            reader.take(zeros)?;
        }
        kind::PING => {}
        kind @ (kind::ACK | kind::ACK_WITH_COUNTS) => {
            let (_largest, _delay) = (variable(reader)?, variable(reader)?);
            let n_ranges = variable(reader)?;
            variable(reader)?;
            for _ in 0..n_ranges {
                let (_gap, _len) = (variable(reader)?, variable(reader)?);
            }
            if kind == kind::ACK_WITH_COUNTS {
                let _counts = (variable(reader)?, variable(reader)?, variable(reader)?);
            }
        }
        kind::CRYPTO => frames.push(crypto(reader)?),
        kind::STREAM => {
            variable(reader)?;
            let len = u32::try_from(variable(reader)?).ok()?;
            frames.extend(tags(reader.take(usize::try_from(len).ok()?)?));
        }
        // its length is not known: it takes everything
        _ => reader.0 = &[],
    }
    Some(())
}

fn crypto(reader: &mut Reader) -> Option<Frame> {
    let (offset, len) = (variable(reader)?, variable(reader)?);
    let data = reader.take(usize::try_from(len).ok()?)?;
    let fragment = || Frame::Fragment(Fragment { offset, len, data: data.to_vec() });
    if offset > 0 {
        return Some(fragment());
    }
    match hello(data) {
        Message::Hello(hello) => Some(Frame::Hello(hello)),
        Message::Incomplete => Some(fragment()),
        Message::Other => None,
    }
}

/// Puts the parts of a hello together: into the hello, or into what to remember of it.
fn join(frames: &[Frame], past: &Fragment) -> Option<Frame> {
    let fragments = || {
        frames.iter().filter_map(|frame| match frame {
            Frame::Fragment(fragment) => Some(fragment),
            _ => None,
        })
    };
    let end = fragments().map(|part| part.offset + part.len).fold(past.data.len() as u64, u64::max);
    let new: u64 = fragments().map(|part| part.len).sum();
    if end == 0 {
        return None;
    }
    if end >= FRAGMENT_BYTES_MAX {
        return Some(Frame::Fragment(Fragment { offset: 0, len: end, data: Vec::new() }));
    }
    let mut data = past.data.clone();
    data.resize(usize::try_from(end).ok()?, 0);
    for part in fragments() {
        let begin = usize::try_from(part.offset).ok()?;
        data.get_mut(begin..begin + part.data.len())?.copy_from_slice(&part.data);
    }
    let come = new + past.offset;
    if come >= end && new > 0 {
        match hello(&data) {
            Message::Hello(hello) => return Some(Frame::Hello(hello)),
            Message::Incomplete => {}
            Message::Other => return None,
        }
    }
    Some(Frame::Fragment(Fragment { offset: come, len: end, data }))
}

enum Message {
    Hello(Hello),
    Incomplete,
    Other,
}

fn hello(data: &[u8]) -> Message {
    let message = match parse_tls_message_handshake(data) {
        Ok((_, TlsMessage::Handshake(message))) => message,
        Err(Incomplete(_)) => return Message::Incomplete,
        _ => return Message::Other,
    };
    match message {
        TlsMessageHandshake::ClientHello(client) => {
            let mut hello = Hello {
                ja3: format!("{},{},", client.version.0, dashed(&client.ciphers, |cipher| cipher.0)),
                ..Hello::default()
            };
            let mut ja4 = Ja4::over_quic();
            client.ciphers.iter().for_each(|cipher| ja4.cipher(cipher.0));
            let known = extensions(client.ext);
            for extension in known.iter().flatten() {
                note_for_ja4(&mut ja4, extension);
            }
            hello.note(known.as_deref(), true);
            hello.ja4 = Some(ja4.text());
            Message::Hello(hello)
        }
        // Suricata's library does not know that of SSL 3
        TlsMessageHandshake::ServerHello(server) if server.version != TlsVersion::Ssl30 => {
            let mut hello = Hello { ja3: format!("{},{},", server.version.0, server.cipher.0), ..Hello::default() };
            hello.note(extensions(server.ext).as_deref(), false);
            Message::Hello(hello)
        }
        _ => Message::Other,
    }
}

fn extensions(bytes: Option<&[u8]>) -> Option<Vec<TlsExtension<'_>>> {
    parse_tls_extensions(bytes?).ok().map(|(_, extensions)| extensions)
}

impl Hello {
    /// Adds what the extensions say; `None` when there are none.
    fn note(&mut self, extensions: Option<&[TlsExtension<'_>]>, client: bool) {
        let Some(extensions) = extensions else { return };
        self.ja3 += &dashed(extensions, |extension| TlsExtensionType::from(extension).0);
        let (mut groups, mut formats) = (Vec::<NamedGroup>::new(), Vec::new());
        for extension in extensions {
            match extension {
                TlsExtension::SNI(names) => {
                    if let Some((_, name)) = names.first() {
                        self.sni = Some((*name).into());
                    }
                }
                TlsExtension::EllipticCurves(of_this) => groups.extend(of_this),
                TlsExtension::EcPointFormats(of_this) => formats.extend_from_slice(of_this),
                _ => {}
            }
        }
        if client {
            self.ja3 += ",";
            self.ja3 += &dashed(&groups, |group| group.0);
            self.ja3 += ",";
            self.ja3 += &dashed(&formats, |&format| u16::from(format));
        }
    }
}

fn note_for_ja4(ja4: &mut Ja4, extension: &TlsExtension<'_>) {
    ja4.extension(TlsExtensionType::from(extension).0);
    match extension {
        TlsExtension::SupportedVersions(versions) => versions.iter().for_each(|version| ja4.version(version.0)),
        TlsExtension::SignatureAlgorithms(algorithms) => {
            for &algorithm in algorithms {
                ja4.signature_algorithm(algorithm);
            }
        }
        TlsExtension::ALPN(protocols) => {
            if let Some(protocol) = protocols.first() {
                ja4.alpn(protocol);
            }
        }
        _ => {}
    }
}

/// Numbers with dashes between them.
fn dashed<T>(items: &[T], number: impl Fn(&T) -> u16) -> String {
    items.iter().map(|item| number(item).to_string()).collect::<Vec<_>>().join("-")
}

/// The data of a stream of Google's QUIC.
fn google_stream<'a>(reader: &mut Reader<'a>, kind: u8) -> Option<&'a [u8]> {
    let offset_len = match kind >> 2 & 0x07 {
        0 => 0,
        len => usize::from(len) + 1,
    };
    reader.take(usize::from(kind & 0x03) + 1)?;
    reader.take(offset_len)?;
    let len = if kind & 0x20 != 0 { usize::from(reader.u16()?) } else { reader.len() };
    reader.take(len)
}

/// A message of tags: all of it, or none.
fn tags(data: &[u8]) -> Option<Frame> {
    let mut reader = Reader(data);
    tag(&mut reader)?;
    let n_tags = reader.u16()?.swap_bytes();
    reader.take(2)?;
    let ends: Option<Vec<(Tag, u32)>> =
        (0..n_tags).map(|_| Some((tag(&mut reader)?, reader.u32()?.swap_bytes()))).collect();
    let mut before = 0;
    let mut tags = Vec::new();
    for (tag, end) in ends? {
        let len = end.checked_sub(before)?;
        tags.push((tag, reader.take(usize::try_from(len).ok()?)?.into()));
        before = end;
    }
    reader.is_empty().then_some(Frame::Tags(tags))
}

/// The name without the zeros.
pub(super) fn name(tag: &Tag) -> &str {
    std::str::from_utf8(tag).map_or("", |name| name.trim_end_matches('\0'))
}

fn tag(reader: &mut Reader) -> Option<Tag> {
    let tag = *reader.take(4)?.first_chunk()?;
    TAGS.contains(&&tag).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_hello(name: &[u8]) -> Vec<u8> {
        let mut extension = vec![0, 0];
        extension.extend((name.len() as u16 + 5).to_be_bytes());
        extension.extend((name.len() as u16 + 3).to_be_bytes());
        extension.push(0);
        extension.extend((name.len() as u16).to_be_bytes());
        extension.extend(name);
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
        body.extend((extension.len() as u16).to_be_bytes());
        body.extend(extension);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        message
    }

    fn crypto_frame(offset: u8, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind::CRYPTO, offset];
        frame.extend((0x4000 | data.len() as u16).to_be_bytes());
        frame.extend(data);
        frame
    }

    #[test]
    fn a_hello_is_read() {
        let frames = read(&[crypto_frame(0, &client_hello(b"a.example")), vec![0; 9]].concat(), &Fragment::default());
        let Some([Frame::Hello(hello)]) = frames.as_deref() else { panic!("{frames:?}") };
        assert_eq!(hello.sni.as_deref(), Some(&b"a.example"[..]));
        assert_eq!(hello.ja3, "771,4865-4866,0,,");
        assert_eq!(hello.ja4.as_deref().and_then(|text| text.get(..10)), Some("q00d020100"));
    }

    #[test]
    fn parts_are_put_together_over_packets() {
        let message = client_hello(b"a.example");
        let (head, tail) = message.split_at(20);
        let frames = read(&crypto_frame(20, tail), &Fragment::default()).unwrap();
        let Some(Frame::Fragment(past)) = frames.last() else { panic!("{frames:?}") };
        assert_eq!((past.offset, past.len), (tail.len() as u64, message.len() as u64));
        let frames = read(&crypto_frame(0, head), past).unwrap();
        assert!(matches!(frames.as_slice(), [Frame::Fragment(_), Frame::Hello(_)]), "{frames:?}");
    }

    #[test]
    fn a_frame_that_cannot_be_read_spoils_the_packet() {
        assert!(read(&[kind::PING, kind::ACK, 0, 0], &Fragment::default()).is_none());
        assert!(read(&crypto_frame(0, &[0x55, 0, 0, 0]), &Fragment::default()).is_none());
        assert!(read(&[0x77, 1, 2, 3], &Fragment::default()).is_some_and(|frames| frames.is_empty()));
    }

    #[test]
    fn tags_take_up_their_whole_message() {
        let mut message = b"CHLO\x02\0\0\0SNI\0\x03\0\0\0UAID\x05\0\0\0abcde".to_vec();
        let Some(Frame::Tags(found)) = tags(&message) else { panic!("no tags") };
        assert_eq!(found, [(SNI, b"abc"[..].into()), (USER_AGENT, b"de"[..].into())]);
        message.push(0);
        assert!(tags(&message).is_none());
    }
}
