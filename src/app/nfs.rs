//! NFS over Sun RPC: detection.

use super::probe::{Context, Probe};
use super::reader::Reader;
use crate::verdict::Direction;

/// No prober wants more than this.
pub(super) const MIN_RECORD_BYTES: usize = 32;

const NFS_PROGRAM: u32 = 100_003;
const COMMIT: u32 = 21;
const RPCSEC_GSS: u32 = 6;
const OPAQUE_BYTES_LIMIT: u32 = 4096;
const MACHINE_BYTES_LIMIT: u32 = 256;

/// Why an RPC message is not read.
enum Bad {
    Incomplete,
    Malformed,
}

/// Fields of a call that detection looks at.
struct Call {
    rpc_version: u32,
    program: u32,
    version: u32,
    procedure: u32,
    flavor: u32,
}

/// A call to NFS 3 or 4, or an accepted reply.
pub(super) fn probe_tcp(context: Context, data: &[u8]) -> Probe {
    let mut reader = Reader(data);
    let header = record_header(&mut reader);
    let (record_bytes, xid, reply) = match header {
        Ok(header) => header,
        Err(Bad::Incomplete) => return Probe::Unknown,
        Err(Bad::Malformed) => return Probe::Failed,
    };
    let fits = |rest: &Reader| data.len() - rest.len() <= record_bytes as usize + 4;
    if context.direction == Direction::ToClient {
        let plausible = (24..=35_000).contains(&record_bytes) && reply;
        return match accepted(&mut reader, false) {
            Ok(accepted) => sure(plausible && accepted && fits(&reader)),
            Err(Bad::Incomplete) => sure(plausible && xid != 0),
            Err(Bad::Malformed) => Probe::Failed,
        };
    }
    match call(&mut reader) {
        Ok(call) => sure(
            fits(&reader)
                && record_bytes >= 40
                && !reply
                && call.rpc_version == 2
                && matches!(call.version, 3 | 4)
                && call.program == NFS_PROGRAM
                && call.procedure <= COMMIT
                && call.flavor <= RPCSEC_GSS,
        ),
        Err(Bad::Incomplete) => Probe::Unknown,
        Err(Bad::Malformed) => Probe::Failed,
    }
}

/// A call to NFS 2 or 3, or an accepted reply.
pub(super) fn probe_udp(context: Context, data: &[u8]) -> Probe {
    let mut reader = Reader(data);
    let (Some(_xid), Some(kind)) = (reader.u32(), reader.u32()) else { return Probe::Failed };
    if context.direction == Direction::ToClient {
        return sure(data.len() >= 32 && kind == 1 && accepted(&mut reader, true).unwrap_or(false));
    }
    let known = call(&mut reader).is_ok_and(|call| call.program == NFS_PROGRAM && matches!(call.version, 2 | 3));
    sure(data.len() >= 48 && kind == 0 && known)
}

fn sure(matches: bool) -> Probe {
    if matches { Probe::MATCH } else { Probe::Failed }
}

/// Length of the fragment, transaction id, and whether it is a reply.
fn record_header(reader: &mut Reader) -> Result<(u32, u32, bool), Bad> {
    let len = reader.u32().ok_or(Bad::Incomplete)? & 0x7fff_ffff;
    if len < 24 {
        return Err(Bad::Malformed);
    }
    let xid = reader.u32().ok_or(Bad::Incomplete)?;
    match reader.u32().ok_or(Bad::Incomplete)? {
        kind @ 0..=1 => Ok((len, xid, kind == 1)),
        _ => Err(Bad::Malformed),
    }
}

fn opaque<'a>(reader: &mut Reader<'a>, limit: u32) -> Result<&'a [u8], Bad> {
    let len = reader.u32().ok_or(Bad::Incomplete)?;
    if len >= limit {
        return Err(Bad::Malformed);
    }
    reader.take(len as usize).ok_or(Bad::Incomplete)
}

fn call(reader: &mut Reader) -> Result<Call, Bad> {
    let mut next = || reader.u32().ok_or(Bad::Incomplete);
    let call = Call { rpc_version: next()?, program: next()?, version: next()?, procedure: next()?, flavor: next()? };
    let credentials = opaque(reader, OPAQUE_BYTES_LIMIT)?;
    check_credentials(call.flavor, credentials)?;
    reader.u32().ok_or(Bad::Incomplete)?;
    opaque(reader, OPAQUE_BYTES_LIMIT)?;
    Ok(call)
}

fn check_credentials(flavor: u32, credentials: &[u8]) -> Result<(), Bad> {
    let mut reader = Reader(credentials);
    match flavor {
        1 => {
            reader.u32().ok_or(Bad::Incomplete)?;
            opaque(&mut reader, MACHINE_BYTES_LIMIT)?;
            reader.take(8).ok_or(Bad::Incomplete)?;
        }
        RPCSEC_GSS => {
            reader.take(16).ok_or(Bad::Incomplete)?;
            opaque(&mut reader, u32::MAX)?;
        }
        _ => {}
    }
    Ok(())
}

/// Over TCP Suricata reads the state of a reply before the verifier, over UDP behind it.
fn accepted(reader: &mut Reader, state_behind_verifier: bool) -> Result<bool, Bad> {
    let mut is_accepted = true;
    if !state_behind_verifier {
        is_accepted = reply_is_accepted(reader)?;
    }
    let _flavor = reader.u32().ok_or(Bad::Incomplete)?;
    opaque(reader, OPAQUE_BYTES_LIMIT)?;
    if state_behind_verifier {
        is_accepted = reply_is_accepted(reader)?;
    }
    let accept_state = reader.u32().ok_or(Bad::Incomplete)?;
    Ok(is_accepted && accept_state == 0)
}

fn reply_is_accepted(reader: &mut Reader) -> Result<bool, Bad> {
    match reader.u32().ok_or(Bad::Incomplete)? {
        state @ 0..=1 => Ok(state == 0),
        _ => Err(Bad::Malformed),
    }
}
