//! Headers of BER and DER elements.

use super::reader::Reader;

/// Tag and length of an element.
pub(super) struct Header {
    /// 0 universal, 1 application, 2 context, 3 private.
    pub(super) class: u8,
    /// The element's number in its class.
    pub(super) tag: u32,
    /// Length of the content; `None` when indefinite.
    pub(super) len: Option<usize>,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The data ends first.
    Incomplete,
    /// No header begins like this.
    Malformed,
}

/// Reads one header.
pub(super) fn header(reader: &mut Reader) -> Result<Header, Bad> {
    let first = reader.u8().ok_or(Bad::Incomplete)?;
    let mut tag = u32::from(first & 0x1f);
    if tag == 0x1f {
        tag = 0;
        loop {
            let byte = reader.u8().ok_or(Bad::Incomplete)?;
            tag = tag.checked_mul(128).ok_or(Bad::Malformed)? | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    let len = match reader.u8().ok_or(Bad::Incomplete)? {
        short @ 0..=0x7f => Some(usize::from(short)),
        0x80 => None,
        0xff => return Err(Bad::Malformed),
        long => {
            let bytes = reader.take(usize::from(long & 0x7f)).ok_or(Bad::Incomplete)?;
            let significant =
                bytes.iter().position(|&byte| byte != 0).and_then(|at| bytes.get(at..)).unwrap_or_default();
            if significant.len() > 8 {
                return Err(Bad::Malformed);
            }
            let len = significant.iter().fold(0_u64, |len, &byte| len << 8 | u64::from(byte));
            Some(usize::try_from(len).map_err(|_| Bad::Malformed)?)
        }
    };
    Ok(Header { class: first >> 6, tag, len })
}
