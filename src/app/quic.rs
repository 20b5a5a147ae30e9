//! QUIC, IETF and Google's older form: detection.

use super::probe::{Context, Probe};
use super::reader::Reader;

const Q043: u32 = 0x5130_3433;
const Q046: u32 = 0x5130_3436;
const V2: u32 = 0x6b33_43cf;

/// A header that can be read.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    match header(data) {
        Some(()) => Probe::MATCH,
        None => Probe::Failed,
    }
}

fn header(data: &[u8]) -> Option<()> {
    let mut reader = Reader(data);
    let first = reader.u8()?;
    match (first & 0x80 != 0, first & 0x40 != 0) {
        (true, _) => long(&mut reader, first)?,
        (false, false) => google_short(&mut reader, first)?,
        (false, true) => {}
    }
    u16::try_from(reader.len()).ok().map(|_| ())
}

/// Google's public header: optional connection id, nonce, version; a packet number; a hash.
fn google_short(reader: &mut Reader, flags: u8) -> Option<()> {
    let has_id = flags & 0x08 != 0;
    if has_id {
        reader.take(8)?;
    } else if flags & 0x04 != 0 {
        reader.take(32)?;
    }
    if flags & 0x01 != 0 {
        reader.take(4)?;
    }
    reader.take(1 + usize::from(flags >> 4 & 0x03))?;
    if has_id {
        reader.take(12)?;
    }
    Some(())
}

fn long(reader: &mut Reader, first: u8) -> Option<()> {
    #[derive(PartialEq)]
    enum Kind {
        Initial,
        Retry,
        Other,
    }
    let version = reader.u32()?;
    let google = (Q043..=Q046).contains(&version);
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
    if google {
        let lens = reader.u8()?;
        for len in [lens >> 4, lens & 0x0f] {
            reader.take(if len == 0 { 0 } else { usize::from(len) + 3 })?;
        }
    } else {
        for _ in 0..2 {
            let len = reader.u8()?;
            reader.take(usize::from(len))?;
        }
    }
    match kind {
        Kind::Initial if google => {
            reader.take(16)?;
        }
        Kind::Initial => {
            let token_len = usize::try_from(variable(reader)?).ok()?;
            reader.take(token_len)?;
            let len = variable(reader)?;
            u16::try_from(len).ok()?;
            if len > reader.len() as u64 {
                return None;
            }
            // The length field says how much is this packet's; what follows it may be any size.
            reader.0 = &[];
        }
        Kind::Retry => reader.0 = &[],
        Kind::Other => {}
    }
    Some(())
}

/// A variable-length integer. Source: RFC 9000, section 16.
fn variable(reader: &mut Reader) -> Option<u64> {
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
        assert_eq!(header(&packet), Some(()));
        packet.pop();
        assert_eq!(header(&packet), None);
    }
}
