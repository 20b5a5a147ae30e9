//! LDAP: detection by the envelope of a message.

use super::ber::{self, Bad};
use super::probe::{Context, Probe};
use super::reader::Reader;
use crate::verdict::Direction;

const UNIVERSAL: u8 = 0;
const APPLICATION: u8 = 1;
const INTEGER: u32 = 2;
const SEQUENCE: u32 = 16;
/// Operations that clients send.
const REQUESTS: [u32; 10] = [0, 2, 3, 6, 8, 10, 12, 14, 16, 23];
/// Operations that servers send.
const RESPONSES: [u32; 11] = [1, 4, 5, 7, 9, 11, 13, 15, 19, 24, 25];

/// A whole message: a number and an operation, which tells who sends it.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.len() < 2 {
        return Probe::Unknown;
    }
    match operation(data) {
        Ok(tag) if REQUESTS.contains(&tag) => Probe::Match { sender: Some(Direction::ToServer) },
        Ok(tag) if RESPONSES.contains(&tag) => Probe::Match { sender: Some(Direction::ToClient) },
        Ok(_) | Err(Bad::Malformed) => Probe::Failed,
        Err(Bad::Incomplete) => Probe::Unknown,
    }
}

fn operation(data: &[u8]) -> Result<u32, Bad> {
    let mut reader = Reader(data);
    let envelope = ber::header(&mut reader)?;
    if (envelope.class, envelope.tag) != (UNIVERSAL, SEQUENCE) {
        return Err(Bad::Malformed);
    }
    let mut message = Reader(reader.take(envelope.len.ok_or(Bad::Malformed)?).ok_or(Bad::Incomplete)?);
    let number = ber::header(&mut message).map_err(|_| Bad::Malformed)?;
    if (number.class, number.tag) != (UNIVERSAL, INTEGER) || !number.len.is_some_and(|len| (1..=5).contains(&len)) {
        return Err(Bad::Malformed);
    }
    message.take(number.len.unwrap_or(0)).ok_or(Bad::Malformed)?;
    let operation = ber::header(&mut message).map_err(|_| Bad::Malformed)?;
    message.take(operation.len.ok_or(Bad::Malformed)?).ok_or(Bad::Malformed)?;
    if operation.class == APPLICATION { Ok(operation.tag) } else { Err(Bad::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AppConfig, AppProto, FlowKeyView};

    fn probed(data: &[u8]) -> Probe {
        let flow = FlowKeyView { ip_proto: 6, client_port: 40000, server_port: 389 };
        let context = Context {
            flow,
            direction: Direction::ToServer,
            midstream: false,
            config: AppConfig::default(),
            other: AppProto::Unknown,
        };
        probe(context, data)
    }

    #[test]
    fn an_operation_tells_who_sends_it() {
        let unbind = b"\x30\x05\x02\x01\x03\x42\x00";
        assert_eq!(probed(unbind), Probe::Match { sender: Some(Direction::ToServer) });
        assert_eq!(probed(&unbind[..4]), Probe::Unknown);
        let bind_response = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(probed(bind_response), Probe::Match { sender: Some(Direction::ToClient) });
        assert_eq!(probed(b"GET / HTTP/1.1\r\n"), Probe::Failed);
    }
}
