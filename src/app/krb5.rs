//! Kerberos 5 over UDP and TCP: detection.

use super::ber::{self, Bad};
use super::probe::{Context, Probe};
use super::reader::Reader;

const RECORD_BYTES_MAX: u32 = 16_384;

/// An application element holding a sequence that begins with the integer 5.
pub(super) fn probe_udp(_: Context, data: &[u8]) -> Probe {
    message(data)
}

/// The same behind a record mark.
pub(super) fn probe_tcp(_: Context, data: &[u8]) -> Probe {
    if data.len() <= 14 {
        return Probe::Failed;
    }
    let mut reader = Reader(data);
    match reader.u32() {
        Some(mark) if mark <= RECORD_BYTES_MAX => message(reader.0),
        _ => Probe::Failed,
    }
}

fn message(data: &[u8]) -> Probe {
    const APPLICATION: u8 = 1;
    const SEQUENCE: u8 = 0x30;
    if data.len() <= 10 {
        return Probe::Failed;
    }
    let mut reader = Reader(data);
    match ber::header(&mut reader) {
        Ok(header) if header.class == APPLICATION && header.tag <= 30 => {}
        Err(Bad::Incomplete) => return Probe::Unknown,
        Ok(_) | Err(Bad::Malformed) => return Probe::Failed,
    }
    if reader.0.first() != Some(&SEQUENCE) || ber::header(&mut reader).is_err() {
        return Probe::Failed;
    }
    match reader.0 {
        [_, _, 2, 1, 5, _, ..] => Probe::MATCH,
        _ => Probe::Failed,
    }
}
