//! The Huffman code of HPACK. Source: RFC 7541, appendix B.

/// Bits of a code, and the bytes with such codes. Codes count up from the first byte to the last, and from one length to
/// the next with a zero for each bit more.
const BYTES_BY_LENGTH: [(u32, &[u8]); 20] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\x00$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
    (19, b"\\\xc3\xd0"),
    (20, b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2"),
    (21, b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6"),
    (22, b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9"),
    (
        23,
        b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\
          \xc5\xe7\xef",
    ),
    (24, b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed"),
    (25, b"\xc7\xcf\xea\xeb"),
    (26, b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff"),
    (27, b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe"),
    (
        28,
        b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\
          \xdc\xf9",
    ),
];
/// The rest has 30 bits, as has the end of a string, which stands for no byte.
const LONGEST: (u32, &[u8]) = (30, b"\n\r\x16");

/// Decodes a string up to the first code that stands for no byte; what follows is padding, or what it should be.
pub(super) fn decode(data: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(data.len());
    let mut bits = Bits { data, at: 0 };
    while let Some(byte) = next(&mut bits) {
        decoded.push(byte);
    }
    decoded
}

fn next(bits: &mut Bits<'_>) -> Option<u8> {
    let (mut code, mut len, mut first) = (0_u32, 0, 0_u32);
    for &(length, bytes) in BYTES_BY_LENGTH.iter().chain([&LONGEST]) {
        while len < length {
            code = code << 1 | bits.next()?;
            first <<= 1;
            len += 1;
        }
        let place = code.checked_sub(first)? as usize;
        if let Some(&byte) = bytes.get(place) {
            return Some(byte);
        }
        first += bytes.len() as u32;
    }
    None
}

/// Bits of bytes, the most significant first.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<u32> {
        let byte = self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_decoded() {
        let decode = |hex: &[u8]| String::from_utf8(decode(hex)).unwrap();
        assert_eq!(decode(b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), "www.example.com");
        assert_eq!(decode(b"\xa8\xeb\x10\x64\x9c\xbf"), "no-cache");
        assert_eq!(
            decode(b"\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"),
            "https://www.example.com"
        );
    }

    #[test]
    fn all_bytes_have_codes() {
        let n: usize = BYTES_BY_LENGTH.iter().chain([&LONGEST]).map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(n, 256);
    }
}
