//! POP3: detection by a client's command or a server's status line.

use super::probe::{Context, Probe};

/// Fewer bytes tell nothing.
const BYTES_MIN: usize = 5;
const COMMANDS: [&str; 16] = [
    "APOP", "AUTH", "CAPA", "DELE", "LIST", "NOOP", "PASS", "QUIT", "RETR", "RSET", "STAT", "STLS", "TOP", "UIDL",
    "USER", "UTF8",
];

/// A line that begins with a command, in any case.
pub(super) fn probe_client(_: Context, data: &[u8]) -> Probe {
    if data.len() < BYTES_MIN {
        return Probe::Unknown;
    }
    let word = data.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
    if !COMMANDS.iter().any(|command| command.as_bytes().eq_ignore_ascii_case(word)) {
        return Probe::Failed;
    }
    whole_line(data)
}

/// `+OK` or `-ERR`.
pub(super) fn probe_server(_: Context, data: &[u8]) -> Probe {
    if data.len() < BYTES_MIN {
        return Probe::Unknown;
    }
    if data.starts_with(b"+OK") || data.starts_with(b"-ERR") { whole_line(data) } else { Probe::Failed }
}

fn whole_line(data: &[u8]) -> Probe {
    if data.windows(2).any(|pair| pair == b"\r\n") { Probe::MATCH } else { Probe::Unknown }
}
