//! Headers of packets, IETF's and Google's older ones.

use super::super::reader::Reader;

const Q043: u32 = 0x5130_3433;
const Q044: u32 = 0x5130_3434;
const Q045: u32 = 0x5130_3435;
const Q046: u32 = 0x5130_3436;
/// Version 2. Source: RFC 9369.
pub(super) const V2: u32 = 0x6b33_43cf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    Retry,
    /// Nothing but a header that can be read, version negotiation among it.
    Other,
    /// Without a version; the rest cannot be read.
    Short,
}

/// A header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// Its first bit says so.
    pub(super) is_long: bool,
    pub(super) version: u32,
    /// Of the client's first packet, the destination's id makes the keys.
    pub(super) destination_id: &'a [u8],
    /// Bytes of the packet behind the header.
    pub(super) len: u16,
}

/// Reads a header and says what stands behind it, which may be more than the packet.
pub(super) fn read(data: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let mut reader = Reader(data);
    let first = reader.u8()?;
    let header = match (first & 0x80 != 0, first & 0x40 != 0) {
        (true, _) => long(&mut reader, first)?,
        (false, false) => google_short(&mut reader, first)?,
        (false, true) => short(&reader, Kind::Short, 0, &[])?,
    };
    Some((header, reader.0))
}

fn short<'a>(rest: &Reader<'a>, kind: Kind, version: u32, destination_id: &'a [u8]) -> Option<Header<'a>> {
    let len = u16::try_from(rest.len()).ok()?;
    Some(Header { kind, is_long: false, version, destination_id, len })
}

/// Google's public header: optional connection id, nonce, version; a packet number; a hash.
fn google_short<'a>(reader: &mut Reader<'a>, flags: u8) -> Option<Header<'a>> {
    let has_id = flags & 0x08 != 0;
    let has_version = flags & 0x01 != 0;
    let id = reader.take(if has_id { 8 } else { 0 })?;
    if !has_id && flags & 0x04 != 0 {
        reader.take(32)?;
    }
    let version = if has_version { reader.u32()? } else { 0 };
    reader.take(1 + usize::from(flags >> 4 & 0x03))?;
    if has_id {
        reader.take(12)?;
    }
    short(reader, if has_version { Kind::Initial } else { Kind::Short }, version, id)
}

fn is_google(version: u32) -> bool {
    (Q043..=Q046).contains(&version)
}

/// The version as CYU numbers it.
pub(super) fn cyu_version(version: u32) -> Option<&'static str> {
    match version {
        Q043 => Some("43"),
        Q044 | Q045 => Some("44"),
        Q046 => Some("46"),
        _ => None,
    }
}

fn long<'a>(reader: &mut Reader<'a>, first: u8) -> Option<Header<'a>> {
    let version = reader.u32()?;
    let google = is_google(version);
    let kind = if version == 0 {
        Kind::Other
    } else if google && version != Q046 {
        match first & 0x7f {
            0x7f => Kind::Initial,
            0x7e => Kind::Retry,
            0x7c | 0x7d => Kind::Other,
            _ => return None,
        }
    } else {
        let initial = u8::from(version == V2);
        let retry = if version == V2 { 0 } else { 3 };
        match first >> 4 & 0x03 {
            kind if kind == initial => Kind::Initial,
            kind if kind == retry => Kind::Retry,
            _ => Kind::Other,
        }
    };
    let destination_id;
    if google {
        let lens = reader.u8()?;
        let len = |bits: u8| if bits == 0 { 0 } else { usize::from(bits) + 3 };
        destination_id = reader.take(len(lens >> 4))?;
        reader.take(len(lens & 0x0f))?;
    } else {
        let len = reader.u8()?;
        destination_id = reader.take(usize::from(len))?;
        let len = reader.u8()?;
        reader.take(usize::from(len))?;
    }
    let len = match kind {
        Kind::Initial if google => {
            reader.take(16)?;
            reader.len() as u64
        }
        Kind::Initial => {
            let token_len = usize::try_from(variable(reader)?).ok()?;
            reader.take(token_len)?;
            let len = variable(reader)?;
            if len > reader.len() as u64 {
                return None;
            }
            len
        }
        Kind::Retry => {
            reader.0 = &[];
            0
        }
        Kind::Other | Kind::Short => reader.len() as u64,
    };
    Some(Header { kind, is_long: true, version, destination_id, len: u16::try_from(len).ok()? })
}

/// A variable-length integer. Source: RFC 9000, section 16.
pub(super) fn variable(reader: &mut Reader) -> Option<u64> {
    let first = reader.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let rest = reader.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_of_version_1_is_known() {
        let mut packet = vec![0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x40, 0x10];
        packet.resize(packet.len() + 16, 0);
        let (header, rest) = read(&packet).unwrap();
        assert_eq!((header.kind, header.len, rest.len()), (Kind::Initial, 16, 16));
        assert_eq!(header.destination_id, [1, 2, 3, 4, 5, 6, 7, 8]);
        packet.pop();
        assert!(read(&packet).is_none());
    }
}
