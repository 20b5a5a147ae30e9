//! A TLS 1.3 handshake as a browser and a server make it (RFC 8446), with made-up keys and ciphertext.

use super::{Hello, Noise};

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;

const X25519: u16 = 0x001d;
const X25519_MLKEM768: u16 = 0x11ec;

/// Bytes of an X25519 public key.
const X25519_BYTES: usize = 32;
/// Bytes of an ML-KEM-768 encapsulation key and ciphertext.
const MLKEM768_KEY_BYTES: usize = 1184;
const MLKEM768_CIPHERTEXT_BYTES: usize = 1088;

/// What carries a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Quic,
}

/// What goes over the wire.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The ClientHello's record.
    pub client_hello: Vec<u8>,
    /// ServerHello, change cipher spec, and the encrypted rest.
    pub server_flight: Vec<u8>,
    /// Change cipher spec and the encrypted Finished.
    pub client_finished: Vec<u8>,
    /// An encrypted request.
    pub request: Vec<u8>,
    /// An encrypted answer.
    pub response: Vec<u8>,
}

impl Handshake {
    /// A handshake with `server_name`; without one there is no SNI, as for addresses.
    pub(super) fn new(server_name: Option<&str>, hello: Hello, noise: &mut Noise) -> Self {
        let session_id = noise.bytes(32);
        let change = record(CHANGE_CIPHER_SPEC, 0x0303, &[1]);
        let mut encrypted = |n: usize| record(APPLICATION_DATA, 0x0303, &noise.bytes(n));
        let (extensions, finished) = (encrypted(2875), encrypted(53));
        let (request, response) = (encrypted(517), encrypted(1210));
        Self {
            client_hello: record(
                HANDSHAKE,
                0x0301,
                &client_hello(server_name, hello, Carrier::Tcp, &session_id, noise),
            ),
            server_flight: [
                record(HANDSHAKE, 0x0303, &server_hello(hello, &session_id, noise)),
                change.clone(),
                extensions,
            ]
            .concat(),
            client_finished: [change, finished].concat(),
            request,
            response,
        }
    }
}

/// A ClientHello with the parts and the order that Chromium's had before it began to shuffle extensions.
pub(super) fn client_hello(
    server_name: Option<&str>,
    hello: Hello,
    carrier: Carrier,
    session_id: &[u8],
    noise: &mut Noise,
) -> Vec<u8> {
    let grease = |noise: &mut Noise| 0x0a0a_u16.wrapping_add((noise.u16() % 16) * 0x1010);
    let (first, group, last) = (grease(noise), grease(noise), grease(noise));
    let last = if last == first { last ^ 0x1010 } else { last };

    let mut body = Bytes::default();
    body.u16(0x0303);
    body.raw(&noise.bytes(32));
    body.sized8(|b| b.raw(session_id));
    body.sized16(|b| {
        b.u16(grease(noise));
        for suite in CIPHER_SUITES {
            b.u16(suite);
        }
    });
    body.sized8(|b| b.u8(0));
    body.sized16(|b| {
        b.extension(first, |_| {});
        // RFC 6066: no trailing dot, and no literal addresses
        if let Some(name) = server_name.map(|name| name.trim_end_matches('.')) {
            b.extension(0, |b| {
                b.sized16(|b| {
                    b.u8(0);
                    b.sized16(|b| b.raw(name.as_bytes()));
                });
            });
        }
        b.extension(23, |_| {}); // extended_master_secret
        b.extension(0xff01, |b| b.u8(0)); // renegotiation_info
        b.extension(10, |b| {
            b.sized16(|b| {
                b.u16(group);
                if hello == Hello::PostQuantum {
                    b.u16(X25519_MLKEM768);
                }
                for group in [X25519, 0x0017, 0x0018] {
                    b.u16(group);
                }
            });
        });
        b.extension(11, |b| b.raw(&[1, 0])); // ec_point_formats
        b.extension(35, |_| {}); // session_ticket
        b.extension(16, |b| {
            b.sized16(|b| {
                let protocols: &[&[u8]] = if carrier == Carrier::Quic { &[b"h3"] } else { &[b"h2", b"http/1.1"] };
                for protocol in protocols {
                    b.sized8(|b| b.raw(protocol));
                }
            });
        });
        b.extension(5, |b| b.raw(&[1, 0, 0, 0, 0])); // status_request
        b.extension(13, |b| {
            b.sized16(|b| {
                for algorithm in [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601] {
                    b.u16(algorithm);
                }
            });
        });
        b.extension(18, |_| {}); // signed_certificate_timestamp
        b.extension(51, |b| {
            b.sized16(|b| {
                b.u16(group);
                b.sized16(|b| b.u8(0));
                if hello == Hello::PostQuantum {
                    b.u16(X25519_MLKEM768);
                    b.sized16(|b| b.raw(&noise.bytes(MLKEM768_KEY_BYTES + X25519_BYTES)));
                }
                b.u16(X25519);
                b.sized16(|b| b.raw(&noise.bytes(X25519_BYTES)));
            });
        });
        b.extension(45, |b| b.raw(&[1, 1])); // psk_key_exchange_modes
        b.extension(43, |b| {
            b.sized8(|b| {
                for version in [first, 0x0304, 0x0303] {
                    b.u16(version);
                }
            });
        });
        b.extension(27, |b| b.raw(&[2, 0, 2])); // compress_certificate: brotli
        if carrier == Carrier::Quic {
            b.extension(57, |b| b.raw(&TRANSPORT_PARAMETERS));
        }
        b.extension(last, |b| b.u8(0));
        let room = 512_usize.saturating_sub(4 + 2 + 32 + 33 + 36 + 2 + b.0.len());
        if hello == Hello::Classic && carrier == Carrier::Tcp && room > 4 {
            b.extension(21, |b| b.raw(&vec![0; room - 4])); // padding
        }
    });
    message(1, &body.0)
}

/// Idle time-out 30 s, datagrams of 1472 bytes, 1 MiB of data, an empty connection id. Source: RFC 9000, section 18.2.
const TRANSPORT_PARAMETERS: [u8; 18] =
    [0x01, 4, 0x80, 0, 0x75, 0x30, 0x03, 2, 0x45, 0xc0, 0x04, 4, 0x80, 0x10, 0, 0, 0x0f, 0];

/// The suites that Chromium offers, behind a GREASE value.
const CIPHER_SUITES: [u16; 15] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
    0x0035,
];

/// The answer to it.
pub(super) fn server_hello(hello: Hello, session_id: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut body = Bytes::default();
    body.u16(0x0303);
    body.raw(&noise.bytes(32));
    body.sized8(|b| b.raw(session_id));
    body.u16(0x1301);
    body.u8(0);
    body.sized16(|b| {
        b.extension(43, |b| b.u16(0x0304));
        b.extension(51, |b| {
            let (group, n) = match hello {
                Hello::Classic => (X25519, X25519_BYTES),
                Hello::PostQuantum => (X25519_MLKEM768, MLKEM768_CIPHERTEXT_BYTES + X25519_BYTES),
            };
            b.u16(group);
            b.sized16(|b| b.raw(&noise.bytes(n)));
        });
    });
    message(2, &body.0)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Bytes::default();
    out.u8(kind);
    out.u8((body.len() >> 16) as u8);
    out.u16(body.len() as u16);
    out.raw(body);
    out.0
}

fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Bytes::default();
    out.u8(kind);
    out.u16(version);
    out.sized16(|b| b.raw(body));
    out.0
}

/// Bytes under construction, with the length-prefixed vectors of TLS.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn sized8(&mut self, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.u8(inner.0.len() as u8);
        self.raw(&inner.0);
    }

    fn sized16(&mut self, fill: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        fill(&mut inner);
        self.u16(inner.0.len() as u16);
        self.raw(&inner.0);
    }

    fn extension(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.u16(kind);
        self.sized16(fill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_parser::{
        TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions, parse_tls_plaintext,
    };

    fn extensions_of(name: Option<&str>, hello: Hello) -> (usize, Vec<String>) {
        let made = Handshake::new(name, hello, &mut Noise(1)).client_hello;
        let (rest, record) = parse_tls_plaintext(&made).unwrap();
        assert!(rest.is_empty());
        let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(parsed))] = record.msg.as_slice() else {
            panic!("{record:?}");
        };
        let (rest, extensions) = parse_tls_client_hello_extensions(parsed.ext.unwrap()).unwrap();
        assert!(rest.is_empty());
        let names = extensions
            .iter()
            .filter_map(|extension| match extension {
                TlsExtension::SNI(names) => Some(String::from_utf8(names[0].1.to_vec()).unwrap()),
                _ => None,
            })
            .collect();
        (made.len(), names)
    }

    #[test]
    fn a_classic_hello_has_the_name_and_the_size_of_a_browsers() {
        assert_eq!(extensions_of(Some("www.kaggle.com."), Hello::Classic), (517, vec!["www.kaggle.com".to_owned()]));
    }

    #[test]
    fn a_post_quantum_hello_is_larger_than_a_segment() {
        let (len, names) = extensions_of(Some("www.kaggle.com"), Hello::PostQuantum);
        assert!(len > 1460 && names == ["www.kaggle.com"], "{len} {names:?}");
    }

    #[test]
    fn a_hello_over_quic_is_shorter_and_offers_http_3() {
        let made = client_hello(Some("a.example"), Hello::Classic, Carrier::Quic, &[], &mut Noise(1));
        assert!(made.len() < 400 && memchr::memmem::find(&made, b"\x02h3").is_some());
    }

    #[test]
    fn an_address_has_no_server_name() {
        assert_eq!(extensions_of(None, Hello::Classic).1, Vec::<String>::new());
    }
}
