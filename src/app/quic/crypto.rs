//! Initial packets are encrypted with keys that anybody can work out. Source: RFC 9001, section 5, and RFC 9369.

use super::header::V2;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

const KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const SECRET_BYTES: usize = 32;
/// Where the sample for header protection begins, as if the packet number had its full length.
const SAMPLE_AT: usize = 4;

/// Keys of both sides.
pub(crate) struct Keys {
    client: SideKeys,
    server: SideKeys,
}

struct SideKeys {
    header: Aes128,
    packet: Aes128Gcm,
    nonce: [u8; NONCE_BYTES],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

fn salt_of(version: u32) -> Option<[u8; 20]> {
    Some(match version {
        // Google's Q050
        0x5130_3530 => *b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45",
        // Facebook's, and drafts 23 to 28
        0xface_b002 | 0xff00_0017..=0xff00_001c => {
            *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02"
        }
        // drafts 29 to 32
        0xff00_001d..=0xff00_0020 => {
            *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"
        }
        // version 1, and drafts 33 and 34
        1 | 0xff00_0021..=0xff00_0022 => {
            *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
        }
        V2 => *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        _ => return None,
    })
}

/// `HKDF-Expand-Label` with an empty context. Source: RFC 8446, section 7.1.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; N]> {
    let full = [b"tls13 ", label.as_bytes()].concat();
    let info = [&(N as u16).to_be_bytes()[..], &[full.len() as u8], &full, &[0]].concat();
    let mut key = [0; N];
    secret.expand(&info, &mut key).ok().map(|()| key)
}

impl Keys {
    /// Keys for the id that the client first gave its server; `None` for a version nobody knows.
    pub(crate) fn new(version: u32, id: &[u8]) -> Option<Self> {
        let initial = Hkdf::<Sha256>::new(Some(&salt_of(version)?), id);
        let side = |label| SideKeys::new(expand(&initial, label)?, version);
        Some(Self { client: side("client in")?, server: side("server in")? })
    }

    /// Decrypts a packet of one side; `header_len`: bytes in front of the packet number. `None` when it cannot be done.
    pub(super) fn decrypt(&self, from_client: bool, packet: &[u8], header_len: usize) -> Option<Vec<u8>> {
        let side = if from_client { &self.client } else { &self.server };
        let (header, protected) = packet.split_at_checked(header_len)?;
        let sample: [u8; KEY_BYTES] = *protected.get(SAMPLE_AT..)?.first_chunk()?;
        let mut mask = sample.into();
        side.header.encrypt_block(&mut mask);
        let [of_first, of_number @ ..]: [u8; KEY_BYTES] = mask.into();
        let mut header = header.to_vec();
        let first = header.first_mut()?;
        *first ^= of_first & if *first & 0x80 != 0 { 0x0f } else { 0x1f };
        let (number, payload) = protected.split_at_checked(usize::from(*first & 0x03) + 1)?;
        header.extend(number.iter().zip(of_number).map(|(byte, mask)| byte ^ mask));
        let number = header.get(header_len..)?.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        let nonce = side.nonce_of(number);
        let mut payload = payload.to_vec();
        side.packet.decrypt_in_place(&nonce.into(), &header, &mut payload).ok()?;
        Some(payload)
    }

    /// The other way round, for made-up conversations: `header` is a long one that ends with a packet number of one byte.
    pub(crate) fn encrypt(&self, from_client: bool, header: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let side = if from_client { &self.client } else { &self.server };
        let (&number, _) = header.split_last()?;
        let mut protected = payload.to_vec();
        side.packet.encrypt_in_place(&side.nonce_of(number.into()).into(), header, &mut protected).ok()?;
        let sample: [u8; KEY_BYTES] = *protected.get(SAMPLE_AT - 1..)?.first_chunk()?;
        let mut mask = sample.into();
        side.header.encrypt_block(&mut mask);
        let [of_first, of_number, ..]: [u8; KEY_BYTES] = mask.into();
        let mut packet = header.to_vec();
        *packet.first_mut()? ^= of_first & 0x0f;
        *packet.last_mut()? ^= of_number;
        packet.append(&mut protected);
        Some(packet)
    }
}

impl SideKeys {
    fn new(secret: [u8; SECRET_BYTES], version: u32) -> Option<Self> {
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let prefix = if version == V2 { "quicv2" } else { "quic" };
        Some(Self {
            header: Aes128::new(&expand::<KEY_BYTES>(&secret, &format!("{prefix} hp"))?.into()),
            packet: Aes128Gcm::new(&expand::<KEY_BYTES>(&secret, &format!("{prefix} key"))?.into()),
            nonce: expand(&secret, &format!("{prefix} iv"))?,
        })
    }

    fn nonce_of(&self, number: u64) -> [u8; NONCE_BYTES] {
        let mut nonce = self.nonce;
        for (byte, of_number) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= of_number;
        }
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The protected first packet of a server in RFC 9001, appendix A.3.
    #[test]
    fn the_server_initial_of_the_rfc_is_decrypted() {
        let packet = b"\xcf\0\0\0\x01\0\x08\xf0\x67\xa5\x50\x2a\x42\x62\xb5\0\x40\x75\xc0\xd9\x5a\x48\x2c\xd0\x99\x1c\
            \xd2\x5b\x0a\xac\x40\x6a\x58\x16\xb6\x39\x41\0\xf3\x7a\x1c\x69\x79\x75\x54\x78\x0b\xb3\x8c\xc5\xa9\x9f\
            \x5e\xde\x4c\xf7\x3c\x3e\xc2\x49\x3a\x18\x39\xb3\xdb\xcb\xa3\xf6\xea\x46\xc5\xb7\x68\x4d\xf3\x54\x8e\
            \x7d\xde\xb9\xc3\xbf\x9c\x73\xcc\x3f\x3b\xde\xd7\x4b\x56\x2b\xfb\x19\xfb\x84\x02\x2f\x8e\xf4\xcd\xd9\
            \x37\x95\xd7\x7d\x06\xed\xbb\x7a\xaf\x2f\x58\x89\x18\x50\xab\xbd\xca\x3d\x20\x39\x8c\x27\x64\x56\xcb\
            \xc4\x21\x58\x40\x7d\xd0\x74\xee";
        let keys = Keys::new(1, b"\x83\x94\xc8\xf0\x3e\x51\x57\x08").unwrap();
        let payload = keys.decrypt(false, packet, 18).unwrap();
        assert_eq!(payload.get(..9), Some(&b"\x02\0\0\0\0\x06\0\x40\x5a"[..]));
        assert_eq!(keys.decrypt(true, packet, 18), None);
        assert!(Keys::new(2, b"").is_none());
    }

    #[test]
    fn what_is_encrypted_can_be_decrypted() {
        let keys = Keys::new(1, b"12345678").unwrap();
        let header = [0xc0, 0, 0, 0, 1, 0, 0, 0, 0x40, 0x20, 7];
        let packet = keys.encrypt(true, &header, b"sixteen bytes at least").unwrap();
        assert_eq!(keys.decrypt(true, &packet, 10).as_deref(), Some(&b"sixteen bytes at least"[..]));
    }
}
