//! FTP, as far as it changes what later data means: `AUTH TLS`.

use super::lines::{Flow, Lines, begins_with};
use super::{AppProto, Parsed, Wishes};
use crate::verdict::Direction;

const TLS_PORT: u16 = 443;

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct FtpParser {
    client: Lines,
    server: Lines,
    /// The last command was `AUTH TLS`.
    auth_tls: bool,
}

impl FtpParser {
    pub(super) fn parse(&mut self, direction: Direction, data: &[u8], wishes: &mut Wishes) -> Parsed {
        let Self { client, server, auth_tls } = self;
        let _ = match direction {
            Direction::ToServer => client.feed(data, |line| {
                *auth_tls = begins_with(line, b"AUTH TLS");
                Flow::Continue(())
            }),
            Direction::ToClient => server.feed(data, |line| {
                if *auth_tls && line.starts_with(b"234 ") {
                    wishes.change = Some((Some(TLS_PORT), AppProto::Tls));
                }
                Flow::Continue(())
            }),
        };
        Parsed::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_tls_takes_a_command_and_its_reply() {
        let mut parser = FtpParser::default();
        let mut wishes = Wishes::default();
        parser.parse(Direction::ToServer, b"AUTH TLS\r\n", &mut wishes);
        parser.parse(Direction::ToClient, b"234 ok\r\n", &mut wishes);
        assert_eq!(wishes.change, Some((Some(443), AppProto::Tls)));
    }
}
