//! LDAP: detection by the envelope of a message, and over TCP as far as StartTLS, which changes what later data means.

use super::ber::{self, Bad};
use super::probe::{Context, Probe};
use super::reader::Reader;
use super::{AppProto, Parsed, Wishes};
use crate::verdict::Direction;

const UNIVERSAL: u8 = 0;
const APPLICATION: u8 = 1;
const INTEGER: u32 = 2;
const SEQUENCE: u32 = 16;
const EXTENDED_REQUEST: u32 = 23;
const EXTENDED_RESPONSE: u32 = 24;
/// Source: RFC 4511, section 4.14.1.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const TLS_PORT: u16 = 443;
/// Operations that clients send.
const REQUESTS: [u32; 10] = [0, 2, 3, 6, 8, 10, 12, 14, 16, 23];
/// Operations that servers send.
const RESPONSES: [u32; 11] = [1, 4, 5, 7, 9, 11, 13, 15, 19, 24, 25];

/// A whole message: a number and an operation, which tells who sends it.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.len() < 2 {
        return Probe::Unknown;
    }
    match message(data) {
        Ok((Operation { tag, .. }, _)) if REQUESTS.contains(&tag) => Probe::Match { sender: Some(Direction::ToServer) },
        Ok((Operation { tag, .. }, _)) if RESPONSES.contains(&tag) => {
            Probe::Match { sender: Some(Direction::ToClient) }
        }
        Ok(_) | Err(Bad::Malformed) => Probe::Failed,
        Err(Bad::Incomplete) => Probe::Unknown,
    }
}

/// What a message asks for or answers.
#[derive(Clone, Copy, Debug)]
struct Operation<'a> {
    tag: u32,
    content: &'a [u8],
}

impl Operation<'_> {
    /// Asks for TLS.
    fn is_start_tls(&self) -> bool {
        let mut content = Reader(self.content);
        self.tag == EXTENDED_REQUEST
            && ber::header(&mut content).ok().and_then(|name| content.take(name.len?)) == Some(START_TLS)
    }

    /// Grants an extended request.
    fn is_granted(&self) -> bool {
        let mut content = Reader(self.content);
        let code = ber::header(&mut content).ok().and_then(|code| content.take(code.len?));
        code.is_some_and(|code| code.iter().all(|&byte| byte == 0))
    }
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct LdapParser {
    asked_for_tls: bool,
    granted_tls: bool,
}

impl LdapParser {
    pub(super) fn parse(&mut self, direction: Direction, data: &[u8], wishes: &mut Wishes) -> Parsed {
        if direction == Direction::ToServer && self.granted_tls {
            if !data.is_empty() {
                wishes.change = Some((Some(TLS_PORT), AppProto::Tls));
            }
            return Parsed::Ok;
        }
        let mut rest = data;
        while !rest.is_empty() {
            let consumed = (data.len() - rest.len()) as u32;
            let (operation, behind) = match message(rest) {
                Ok(read) => read,
                Err(Bad::Incomplete) => return Parsed::Incomplete { consumed, needed: rest.len() as u32 + 1 },
                Err(Bad::Malformed) => return Parsed::Error,
            };
            match direction {
                Direction::ToServer => self.asked_for_tls |= operation.is_start_tls(),
                Direction::ToClient if self.asked_for_tls && operation.tag == EXTENDED_RESPONSE => {
                    self.granted_tls |= operation.is_granted();
                    self.asked_for_tls = false;
                }
                Direction::ToClient => {}
            }
            rest = behind;
        }
        Parsed::Ok
    }
}

/// The operation of a message, and what is behind it.
fn message(data: &[u8]) -> Result<(Operation<'_>, &[u8]), Bad> {
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
    let content = message.take(operation.len.ok_or(Bad::Malformed)?).ok_or(Bad::Malformed)?;
    if operation.class != APPLICATION {
        return Err(Bad::Malformed);
    }
    Ok((Operation { tag: operation.tag, content }, reader.0))
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
    fn a_granted_start_tls_announces_it() {
        let request = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
        let response = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        let (mut parser, mut wishes) = (LdapParser::default(), Wishes::default());
        assert_eq!(parser.parse(Direction::ToServer, request, &mut wishes), Parsed::Ok);
        assert_eq!(parser.parse(Direction::ToClient, response, &mut wishes), Parsed::Ok);
        assert_eq!(wishes.change, None);
        parser.parse(Direction::ToServer, b"\x16", &mut wishes);
        assert_eq!(wishes.change, Some((Some(TLS_PORT), AppProto::Tls)));
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
