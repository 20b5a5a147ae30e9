//! The first packets of a QUIC connection, version 1 (RFC 9000, RFC 9001).

use super::tls::{Carrier, client_hello, server_hello};
use super::wire::even_parts;
use super::{Hello, Noise};
use crate::app::quic::Keys;

const VERSION_1: u32 = 1;
const CONNECTION_ID_BYTES: usize = 8;
/// The first datagrams are filled up to what RFC 9000 wants, so that paths that are too narrow are found out.
const DATAGRAM_BYTES: usize = 1200;
/// Bytes that the tag of AES-GCM takes.
const TAG_BYTES: usize = 16;
/// Bytes of a ClientHello that one datagram holds beside its headers.
const HELLO_BYTES_MAX: usize = 1100;

/// What goes over the wire, as datagrams.
#[derive(Debug)]
pub(super) struct Connection {
    /// The ClientHello, in one datagram or several.
    pub client_initials: Vec<Vec<u8>>,
    /// The ServerHello.
    pub server_initial: Vec<u8>,
    /// An encrypted request.
    pub request: Vec<u8>,
    /// An encrypted answer.
    pub response: Vec<u8>,
}

impl Connection {
    /// A connection with `server_name`, its ClientHello in so many datagrams.
    pub(super) fn new(server_name: Option<&str>, hello: Hello, datagrams: Option<usize>, noise: &mut Noise) -> Self {
        let id = noise.bytes(CONNECTION_ID_BYTES);
        let client = client_hello(server_name, hello, Carrier::Quic, &[], noise);
        let server = server_hello(hello, &[], noise);
        let keys = Keys::new(VERSION_1, &id);
        let seal = |from_client: bool, number: u8, at: usize, part: &[u8]| {
            let frames = padded(&crypto_frame(at, part));
            let header = header(if from_client { &id } else { &[] }, frames.len(), number);
            // the version has keys, so there is always something
            keys.as_ref().and_then(|keys| keys.encrypt(from_client, &header, &frames)).unwrap_or_default()
        };
        let n = datagrams.unwrap_or(1).max(client.len().div_ceil(HELLO_BYTES_MAX));
        let mut at = 0;
        let mut client_initials = Vec::new();
        for (number, part) in (0_u8..=u8::MAX).cycle().zip(even_parts(&client, n)) {
            client_initials.push(seal(true, number, at, part));
            at += part.len();
        }
        Self {
            client_initials,
            server_initial: seal(false, 0, 0, &server),
            request: short_header(&id, noise, 250),
            response: short_header(&[], noise, 900),
        }
    }
}

/// A long header of type Initial that ends with its packet number.
fn header(destination: &[u8], frames_len: usize, number: u8) -> Vec<u8> {
    let mut out = vec![0xc0];
    out.extend_from_slice(&VERSION_1.to_be_bytes());
    out.push(destination.len() as u8);
    out.extend_from_slice(destination);
    out.extend_from_slice(&[0, 0]); // no id of the source, no token
    out.extend_from_slice(&two_bytes(1 + frames_len + TAG_BYTES));
    out.push(number);
    out
}

/// A packet with a short header, which nobody but the two ends can read.
fn short_header(destination: &[u8], noise: &mut Noise, n: usize) -> Vec<u8> {
    [&[0x40 | (noise.u16() as u8 & 0x1f)], destination, noise.bytes(n).as_slice()].concat()
}

fn crypto_frame(at: usize, part: &[u8]) -> Vec<u8> {
    [&[0x06][..], &two_bytes(at), &two_bytes(part.len()), part].concat()
}

fn padded(frames: &[u8]) -> Vec<u8> {
    let mut out = frames.to_vec();
    let header_len = header(&[0; CONNECTION_ID_BYTES], 0, 0).len();
    out.resize(out.len().max(DATAGRAM_BYTES - header_len - TAG_BYTES), 0);
    out
}

/// A variable-length integer of two bytes, which holds up to 16383.
fn two_bytes(number: usize) -> [u8; 2] {
    (0x4000 | number as u16 & 0x3fff).to_be_bytes()
}
