//! SMB over NetBIOS sessions: detection.

use super::probe::{Context, Probe};
use super::reader::Reader;
use crate::verdict::Direction;

/// An SMB header behind a NetBIOS session header.
pub(super) const MIN_RECORD_BYTES: usize = 36;

const SESSION_MESSAGE: u8 = 0x00;

/// Confirms a pattern for SMB 1 or 2.
pub(super) fn probe_record(context: Context, data: &[u8]) -> Probe {
    probe_port(context, data)
}

/// Confirms a pattern for encrypted SMB 3, which does not tell who sends it: the port does.
pub(super) fn probe_encrypted(context: Context, data: &[u8]) -> Probe {
    match probe_port(context, data) {
        Probe::Match { .. } if context.flow.client_port == 445 && context.flow.server_port != 445 => {
            Probe::Match { sender: Some(context.direction.opposite()) }
        }
        other => other,
    }
}

/// A NetBIOS session record that holds SMB, or a session service message with such a record behind it.
pub(super) fn probe_port(context: Context, data: &[u8]) -> Probe {
    if data.len() < MIN_RECORD_BYTES {
        return Probe::Unknown;
    }
    // where connections may begin in the middle, the header says whose first data this is
    if let [SESSION_MESSAGE, _, _, _, message @ ..] = data
        && context.midstream
        && holds_smb(message)
    {
        return Probe::Match { sender: sender(message) };
    }
    let mut reader = Reader(data);
    let Some((kind, len)) = session_header(&mut reader) else { return Probe::Failed };
    let valid = matches!(kind, SESSION_MESSAGE | 0x81..=0x85);
    if valid && holds_smb(reader.0) {
        return Probe::MATCH;
    }
    if !valid || kind == SESSION_MESSAGE {
        return Probe::Failed;
    }
    if reader.len() < len + 8 {
        return if len < 256 { Probe::Unknown } else { Probe::Failed };
    }
    let mut next = Reader(reader.0.get(len..).unwrap_or_default());
    match session_header(&mut next) {
        Some((SESSION_MESSAGE | 0x81..=0x85, _)) if holds_smb(next.0) => Probe::MATCH,
        _ => Probe::Failed,
    }
}

/// Who sends a message of SMB 1 or 2.
fn sender(message: &[u8]) -> Option<Direction> {
    let is_answer = match message.first()? {
        0xff => message.get(9)? & 0x80 != 0,
        0xfe => message.get(16)? & 0x01 != 0,
        _ => return None,
    };
    Some(if is_answer { Direction::ToClient } else { Direction::ToServer })
}

fn session_header(reader: &mut Reader) -> Option<(u8, usize)> {
    Some((reader.u8()?, reader.u24()? as usize))
}

fn holds_smb(data: &[u8]) -> bool {
    matches!(data, [0xfd..=0xff, b'S', b'M', b'B', ..])
}
