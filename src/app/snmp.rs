//! SNMP: detection.

use super::ber::{self, Bad};
use super::probe::{Context, Probe};
use super::reader::Reader;

const SEQUENCE: u32 = 16;
const INTEGER: u32 = 2;

/// A message envelope: three elements with version 0 or 1, or four with version 3.
pub(super) fn probe(context: Context, data: &[u8]) -> Probe {
    if data.len() < 4 {
        return if context.config.snmp_waits { Probe::Unknown } else { Probe::Failed };
    }
    match envelope(data) {
        Ok(true) => Probe::MATCH,
        Err(Bad::Incomplete) => Probe::Unknown,
        Ok(false) | Err(Bad::Malformed) => Probe::Failed,
    }
}

fn envelope(data: &[u8]) -> Result<bool, Bad> {
    let mut reader = Reader(data);
    let header = ber::header(&mut reader)?;
    if header.class != 0 || header.tag != SEQUENCE {
        return Err(Bad::Malformed);
    }
    let content = reader.take(header.len.ok_or(Bad::Malformed)?).ok_or(Bad::Incomplete)?;
    let mut elements = Reader(content);
    let mut version = None;
    let mut n_elements = 0;
    while !elements.is_empty() {
        // An element that leaves its envelope is a defect of the message, not a lack of data.
        let header = ber::header(&mut elements).map_err(|_| Bad::Malformed)?;
        let value = elements.take(header.len.ok_or(Bad::Malformed)?).ok_or(Bad::Malformed)?;
        if n_elements == 0 && header.class == 0 && header.tag == INTEGER && value.len() <= 4 {
            version = Some(value.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte)));
        }
        n_elements += 1;
    }
    Ok(matches!((n_elements, version), (3, Some(0 | 1)) | (4, Some(3))))
}
