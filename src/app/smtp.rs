//! SMTP, as far as it changes what later data means: STARTTLS, and replies that end parsing.

use std::collections::VecDeque;

use super::lines::{Flow, Lines, begins_with};
use super::transaction::TxData;
use super::{AppProto, Parsed, Transactions, Wishes};
use crate::verdict::Direction;

const TLS_PORT: u16 = 443;
const COMMANDS_MAX: usize = 1024;
/// A transaction's progress when its message is over.
const DONE: [u8; 2] = [1; 2];

/// Reply codes; a line with another one is no reply.
const REPLIES: [&[u8; 3]; 29] = [
    b"211", b"214", b"220", b"221", b"235", b"250", b"251", b"252", b"334", b"354", b"401", b"402", b"421", b"435",
    b"450", b"451", b"452", b"454", b"455", b"500", b"501", b"502", b"503", b"504", b"550", b"551", b"552", b"553",
    b"554",
];

/// Those that count only where the setting says so.
const MORE_REPLIES: [&[u8; 3]; 9] = [b"511", b"521", b"522", b"525", b"530", b"534", b"535", b"541", b"543"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    StartTls,
    Data,
    Reset,
    Other,
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct SmtpParser {
    client: Lines,
    server: Lines,
    /// Commands without a reply yet.
    commands: VecDeque<Command>,
    welcomed: bool,
    multiline: bool,
    pipelining: bool,
    /// The client sends a message.
    data: bool,
    /// The transaction at hand: a message with its commands.
    tx: Option<u64>,
}

impl SmtpParser {
    pub(super) fn parse(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Parsed {
        let flow = match direction {
            Direction::ToServer => {
                let mut lines = std::mem::take(&mut self.client);
                let flow = lines.feed(data, |line| self.command(txs, line));
                self.client = lines;
                flow
            }
            Direction::ToClient => {
                let mut lines = std::mem::take(&mut self.server);
                let flow = lines.feed(data, |line| self.reply(txs, line, wishes));
                self.server = lines;
                flow
            }
        };
        if flow.is_break() { Parsed::Error } else { Parsed::Ok }
    }

    fn command(&mut self, txs: &mut Transactions, line: &[u8]) -> Flow {
        self.ensure_tx(txs, line);
        if self.data {
            if line == b"." {
                self.data = false;
                self.push(Command::Other);
                self.complete_tx(txs);
            }
            return Flow::Continue(());
        }
        if begins_with(line, b"STARTTLS") {
            self.push(Command::StartTls);
        } else if begins_with(line, b"DATA") {
            self.data = self.pipelining;
            self.push(Command::Data);
        } else if begins_with(line, b"RSET") {
            self.push(Command::Reset);
        } else {
            self.push(Command::Other);
        }
        Flow::Continue(())
    }

    /// A command opens a transaction unless one is open; `RSET` and `QUIT` open none when there has been one.
    fn ensure_tx(&mut self, txs: &mut Transactions, line: &[u8]) {
        let known = self.tx.and_then(|id| txs.by_id(id));
        let closes = !self.data && (begins_with(line, b"RSET") || begins_with(line, b"QUIT"));
        match known.map(|tx| &tx.data) {
            Some(TxData::Plain(progress)) if *progress != DONE || closes => {}
            _ => self.tx = Some(txs.push(TxData::Plain([0; 2])).id),
        }
    }

    fn complete_tx(&self, txs: &mut Transactions) {
        if let Some(tx) = self.tx.and_then(|id| txs.by_id(id)) {
            tx.data = TxData::Plain(DONE);
        }
    }

    fn push(&mut self, command: Command) {
        if self.commands.len() < COMMANDS_MAX {
            self.commands.push_back(command);
        }
    }

    fn reply(&mut self, txs: &mut Transactions, line: &[u8], wishes: &mut Wishes) -> Flow {
        if line.is_empty() {
            return Flow::Continue(());
        }
        let Some((code, rest)) = line.split_first_chunk::<3>() else { return Flow::Break(()) };
        self.multiline = rest.first() == Some(&b'-');
        let known = REPLIES.contains(&code) || (wishes.config.smtp_more_replies && MORE_REPLIES.contains(&code));
        if !known && code != b"555" {
            return Flow::Break(());
        }
        let Some(command) = self.commands.front().copied() else {
            self.welcomed |= !self.multiline;
            return Flow::Continue(());
        };
        match (command, code) {
            (Command::StartTls, b"220") => {
                self.data = true;
                wishes.change = Some((Some(TLS_PORT), AppProto::Tls));
                self.complete_tx(txs);
            }
            (Command::Data, b"354") => self.data = true,
            (Command::Data, _) if self.pipelining => self.data = false,
            (Command::Reset, b"250") if !self.multiline => self.complete_tx(txs),
            _ => {}
        }
        if !self.multiline {
            self.commands.pop_front();
        } else if self.welcomed && code == b"250" && begins_with(rest, b"-PIPELINING") {
            self.pipelining = true;
        }
        Flow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AppConfig;

    fn change(talk: &[(Direction, &[u8])]) -> (Option<(Option<u16>, AppProto)>, Parsed) {
        let mut parser = SmtpParser::default();
        let mut txs = Transactions::default();
        let mut wishes = Wishes::default();
        let mut parsed = Parsed::Ok;
        for (direction, data) in talk {
            parsed = parser.parse(&mut txs, *direction, data, &mut wishes);
        }
        (wishes.change, parsed)
    }

    #[test]
    fn starttls_takes_a_command_and_its_reply() {
        use Direction::{ToClient, ToServer};
        let mut talk = vec![
            (ToClient, &b"220 mx ESMTP\r\n"[..]),
            (ToServer, b"EHLO a\r\n"),
            (ToClient, b"250-mx\r\n250 STARTTLS\r\n"),
            (ToServer, b"starttls\r\n"),
        ];
        assert_eq!(change(&talk).0, None);
        talk.push((ToClient, b"220 go ahead\r\n"));
        assert_eq!(change(&talk).0, Some((Some(443), AppProto::Tls)));
    }

    #[test]
    fn some_replies_are_known_to_some() {
        for (smtp_more_replies, parsed) in [(false, Parsed::Error), (true, Parsed::Ok)] {
            let config = AppConfig { smtp_more_replies, ..AppConfig::default() };
            let mut wishes = Wishes { config, ..Wishes::default() };
            let mut txs = Transactions::default();
            let reply = b"535 authentication failed\r\n";
            assert_eq!(SmtpParser::default().parse(&mut txs, Direction::ToClient, reply, &mut wishes), parsed);
        }
    }

    #[test]
    fn a_line_that_is_no_reply_ends_parsing() {
        assert_eq!(change(&[(Direction::ToClient, b"hello\r\n")]).1, Parsed::Error);
    }
}
