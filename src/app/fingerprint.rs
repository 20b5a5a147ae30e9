//! Fingerprints of hellos: JA3, JA3S and JA4, and digests as text.
//!
//! Sources: salesforce/ja3 and FoxIO's JA4; where they leave something open (a second hello, a broken one), what
//! Suricata makes of it.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use std::fmt::Write;

/// Values that one JA4 fingerprint counts at most, each kind: a client may go on sending hellos.
const JA4_VALUES_MAX: usize = 1 << 14;

mod extension {
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const ALPN: u16 = 16;
}

/// A value that clients make up so that servers get used to unknown ones. Source: RFC 8701.
pub(super) fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The MD5 sum in lower case hexadecimal.
pub(super) fn md5(bytes: &[u8]) -> Box<str> {
    hexadecimal(&Md5::digest(bytes)).into()
}

/// The SHA-1 sum in lower case hexadecimal with colons between the bytes.
pub(super) fn sha1_with_colons(bytes: &[u8]) -> Box<str> {
    let digits: Vec<String> = Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(":").into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Numbers with dashes between them: a field of JA3.
#[derive(Debug, Default)]
pub(super) struct Numbers(String);

impl Numbers {
    pub(super) fn push(&mut self, number: u16) {
        let dash = if self.0.is_empty() { "" } else { "-" };
        let _ = write!(self.0, "{dash}{number}");
    }
}

/// JA3 or JA3S of one side.
#[derive(Debug)]
pub(super) struct Ja3 {
    text: String,
    /// Of the text, once a hello has been read to its end; nothing is added then.
    hash: Option<Box<str>>,
}

impl Ja3 {
    pub(super) fn new(version: u16) -> Self {
        Self { text: version.to_string(), hash: None }
    }

    pub(super) fn push(&mut self, field: &Numbers) {
        let _ = write!(self.text, ",{}", field.0);
    }

    pub(super) fn finish(&mut self) {
        if self.hash.is_none() {
            self.hash = Some(md5(self.text.as_bytes()));
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }
}

/// What a client hello says, as JA4 counts it. A second hello adds to the first.
#[derive(Debug)]
pub(super) struct Ja4 {
    transport: char,
    version: Option<u16>,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    n_extensions: usize,
    signature_algorithms: Vec<u16>,
    server_name: bool,
    alpn: [u8; 2],
}

impl Ja4 {
    pub(super) fn over_tcp() -> Self {
        Self {
            transport: 't',
            version: None,
            ciphers: Vec::new(),
            extensions: Vec::new(),
            n_extensions: 0,
            signature_algorithms: Vec::new(),
            server_name: false,
            alpn: [b'0'; 2],
        }
    }

    pub(super) fn over_quic() -> Self {
        Self { transport: 'q', ..Self::over_tcp() }
    }

    /// The highest version counts.
    pub(super) fn version(&mut self, version: u16) {
        if !is_grease(version) {
            self.version = self.version.max(Some(version));
        }
    }

    pub(super) fn cipher(&mut self, cipher: u16) {
        add(&mut self.ciphers, cipher);
    }

    pub(super) fn signature_algorithm(&mut self, algorithm: u16) {
        add(&mut self.signature_algorithms, algorithm);
    }

    /// Server name and ALPN are counted, but their numbers are not among those that are hashed.
    pub(super) fn extension(&mut self, kind: u16) {
        if is_grease(kind) {
            return;
        }
        self.n_extensions += 1;
        match kind {
            extension::SERVER_NAME => self.server_name = true,
            extension::ALPN => {}
            _ => add(&mut self.extensions, kind),
        }
    }

    /// The first protocol of ALPN: its ends, or those of its hexadecimal digits when they are no letters or digits.
    pub(super) fn alpn(&mut self, protocol: &[u8]) {
        let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return };
        if protocol.len() == 2 && is_grease(u16::from_be_bytes([first, last])) {
            return;
        }
        self.alpn = if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            [first, last]
        } else {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |digit| digit as u8);
            [digit(first >> 4), digit(last & 0x0f)]
        };
    }

    /// The fingerprint: always 36 characters.
    pub(super) fn text(&self) -> Box<str> {
        let version = match self.version {
            Some(0x0304) => "13",
            Some(0x0303) => "12",
            Some(0x0302) => "11",
            Some(0x0301) => "10",
            Some(0x0300) => "s3",
            _ => "00",
        };
        let name = if self.server_name { 'd' } else { 'i' };
        let [first, last] = self.alpn.map(char::from);
        let ciphers = self.ciphers.len().min(99);
        let extensions = self.n_extensions.min(99);
        let hashed = format!("{}_{}", list(sorted(&self.extensions)), list(self.signature_algorithms.iter().copied()));
        format!(
            "{}{version}{name}{ciphers:02}{extensions:02}{first}{last}_{}_{}",
            self.transport,
            short_sha256(&list(sorted(&self.ciphers))),
            short_sha256(&hashed)
        )
        .into()
    }
}

fn add(values: &mut Vec<u16>, value: u16) {
    if !is_grease(value) && values.len() < JA4_VALUES_MAX {
        values.push(value);
    }
}

fn sorted(values: &[u16]) -> impl Iterator<Item = u16> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.into_iter()
}

fn list(values: impl Iterator<Item = u16>) -> String {
    values.map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",")
}

fn short_sha256(text: &str) -> String {
    let mut digits = hexadecimal(&Sha256::digest(text.as_bytes()));
    digits.truncate(12);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_two_equal_bytes_that_end_in_a() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && is_grease(0x5a5a));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0b0b) && !is_grease(0x000a));
    }

    #[test]
    fn ja3_joins_fields_with_commas() {
        let mut ja3 = Ja3::new(769);
        for field in [&[4, 5, 10][..], &[], &[23], &[0]] {
            let mut numbers = Numbers::default();
            for &number in field {
                numbers.push(number);
            }
            ja3.push(&numbers);
        }
        ja3.finish();
        assert_eq!(ja3.text(), "769,4-5-10,,23,0");
        assert_eq!(ja3.hash(), Some(&*md5(b"769,4-5-10,,23,0")));
    }

    #[test]
    fn ja4_of_a_hello_without_anything() {
        let ja4 = Ja4::over_tcp();
        assert_eq!(&*ja4.text(), "t00i000000_e3b0c44298fc_d2e2adf7177b");
    }

    #[test]
    fn ja4_counts_and_sorts() {
        let mut ja4 = Ja4::over_quic();
        for cipher in [0x1302, 0x0a0a, 0x1301] {
            ja4.cipher(cipher);
        }
        for kind in [0, 16, 43, 10] {
            ja4.extension(kind);
        }
        ja4.version(0x0303);
        ja4.version(0x0304);
        ja4.alpn(b"h3");
        assert_eq!(ja4.text().get(..11), Some("q13d0204h3_"));
        ja4.alpn(b"\xabc");
        assert_eq!(ja4.text().get(..11), Some("q13d0204a3_"));
        assert_eq!(ja4.text().len(), 36);
    }

    #[test]
    fn digests_are_lower_case() {
        assert_eq!(&*md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(&*sha1_with_colons(b""), "da:39:a3:ee:5e:6b:4b:0d:32:55:bf:ef:95:60:18:90:af:d8:07:09");
    }
}
