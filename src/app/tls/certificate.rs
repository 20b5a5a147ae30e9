//! Certificate messages, as far as the state of the handshake depends on them.

use super::super::ber;
use super::super::reader::Reader;
use super::super::transaction::raise;
use super::Certificate;
use crate::packet::EventSet;

const SEQUENCE: u32 = 16;
const INTEGER: u32 = 2;
const CONTEXT: u8 = 2;
/// Algorithm, issuer, validity, subject.
const N_FIELDS_TO_SUBJECT: usize = 4;

/// Reads a chain. A session's second one is passed over.
pub(super) fn read(known: &mut Certificate, events: &mut EventSet, message: &[u8]) {
    let mut reader = Reader(message);
    let Some(chain) = reader.u24().and_then(|len| reader.take(len as usize)) else { return };
    if *known != Certificate::NotSeen {
        return;
    }
    *known = Certificate::Unreadable;
    let mut chain = Reader(chain);
    let mut first = true;
    while !chain.is_empty() {
        let Some(certificate) = chain.u24().and_then(|len| chain.take(len as usize)) else {
            raise(events, "tls.invalid_certificate");
            return;
        };
        if first {
            match names(certificate) {
                Some(()) => *known = Certificate::Known,
                None => raise(events, "tls.certificate_invalid_der"),
            }
        }
        first = false;
    }
}

/// Walks a certificate up to its subject.
fn names(certificate: &[u8]) -> Option<()> {
    let mut outer = Reader(certificate);
    let mut certificate = Reader(element(&mut outer, SEQUENCE)?);
    let mut to_be_signed = Reader(element(&mut certificate, SEQUENCE)?);
    let mut ahead = to_be_signed;
    let version = ber::header(&mut ahead).ok()?;
    if version.class == CONTEXT && version.tag == 0 {
        ahead.take(version.len?)?;
        to_be_signed = ahead;
    }
    element(&mut to_be_signed, INTEGER)?;
    for _ in 0..N_FIELDS_TO_SUBJECT {
        element(&mut to_be_signed, SEQUENCE)?;
    }
    Some(())
}

fn element<'a>(reader: &mut Reader<'a>, tag: u32) -> Option<&'a [u8]> {
    let header = ber::header(reader).ok()?;
    if header.class != 0 || header.tag != tag {
        return None;
    }
    reader.take(header.len?)
}
