//! Header blocks. Source: RFC 7541, with what Suricata does where a block does not keep to it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use super::huffman;

/// What a field counts for beside its bytes.
const FIELD_OVERHEAD_BYTES: usize = 32;
/// The size of the table unless the receiver sets another.
const TABLE_BYTES: usize = 4096;
/// Beyond this size, fields are kept only until the table is full. Suricata: `max-table-size`.
const TABLE_BYTES_MAX: usize = 65_536;

/// Fields that have an index without being sent, from 1.
const STATIC_FIELDS: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// A field of a block. One that could not be decoded, and a change of the table's size, have neither name nor value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Shared with the table and with fields whose name was taken from there: how many share it decides something.
    pub(super) name: Arc<[u8]>,
    pub(super) value: Cow<'a, [u8]>,
    /// The size that it gives the table.
    pub(super) size_update: Option<u64>,
}

/// What is odd about a block that was decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    /// An index without a field.
    pub(super) invalid: bool,
}

/// The block ends within a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut;

#[derive(Clone, Debug)]
struct Kept {
    name: Arc<[u8]>,
    value: Box<[u8]>,
}

impl Kept {
    fn bytes(&self) -> usize {
        FIELD_OVERHEAD_BYTES + self.name.len() + self.value.len()
    }
}

/// Fields that earlier blocks of a direction have left for later ones, the oldest first.
#[derive(Debug)]
pub(super) struct Table {
    fields: VecDeque<Kept>,
    bytes: usize,
    bytes_max: usize,
    overflow: Overflow,
}

/// Whether more is asked of the table than it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    #[default]
    None,
    /// The size set is larger than what is kept.
    Possible,
    /// Fields were lost.
    Happened,
}

impl Default for Table {
    fn default() -> Self {
        Self { fields: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES, overflow: Overflow::None }
    }
}

/// A whole number, and whether more was meant than fits.
enum Number {
    Is(u64),
    TooLarge,
}

impl Table {
    /// The receiver of this direction's blocks has set a size.
    pub(super) fn set_size(&mut self, size: u32) {
        self.bytes_max = size as usize;
        self.overflow = if self.bytes_max > TABLE_BYTES_MAX { Overflow::Possible } else { Overflow::None };
    }

    /// Calls `field` with all fields of a block.
    pub(super) fn decode(&mut self, mut block: &[u8], mut field: impl FnMut(&Field<'_>)) -> Result<Odd, Cut> {
        let mut odd = Odd::default();
        let mut new_size = None;
        while let Some(&first) = block.first() {
            let mask = match first {
                0x80.. => 0x7f,
                0x40.. => 0x3f,
                0x20.. => 0x1f,
                _ => 0x0f,
            };
            let Number::Is(number) = number(&mut block, first & mask, mask)? else {
                field(&Field::default());
                break;
            };
            match first {
                0x80.. => {
                    let found = self.field(number);
                    odd.invalid |= found.is_none();
                    field(&found.unwrap_or_default());
                }
                0x20..0x40 => {
                    let size = usize::try_from(number).unwrap_or(usize::MAX);
                    if size < self.bytes_max {
                        self.evict(size);
                    }
                    new_size = new_size.max(Some(size));
                    field(&Field { size_update: Some(number), ..Field::default() });
                }
                _ => {
                    let Some((literal, is_known)) = self.literal(&mut block, number)? else {
                        field(&Field::default());
                        break;
                    };
                    field(&literal);
                    odd.invalid |= !is_known;
                    if first >= 0x40 && is_known {
                        let Field { name, value, .. } = literal;
                        self.keep(Kept { name, value: value.into_owned().into() });
                    }
                }
            }
        }
        if let Some(size) = new_size {
            self.bytes_max = size;
        }
        Ok(odd)
    }

    /// The field of an index.
    fn field(&self, index: u64) -> Option<Field<'_>> {
        let index = usize::try_from(index).ok()?.checked_sub(1)?;
        if let Some((name, value)) = STATIC_FIELDS.get(index) {
            return Some(Field { name: name.as_bytes().into(), value: value.as_bytes().into(), size_update: None });
        }
        let from_newest = index - STATIC_FIELDS.len();
        let kept = self.fields.get(self.fields.len().checked_sub(from_newest + 1)?)?;
        Some(Field { name: kept.name.clone(), value: (&*kept.value).into(), size_update: None })
    }

    /// A field whose value, and perhaps name, follow, and whether there is a name. `None`: a length is too large.
    fn literal<'a>(&self, block: &mut &'a [u8], index: u64) -> Result<Option<(Field<'a>, bool)>, Cut> {
        let name = if index == 0 {
            match string(block)? {
                Some(name) => Some(Arc::from(&*name)),
                None => return Ok(None),
            }
        } else {
            self.field(index).map(|field| field.name)
        };
        let is_known = name.is_some();
        let name = name.unwrap_or_default();
        Ok(string(block)?.map(|value| (Field { name, value, size_update: None }, is_known)))
    }

    fn keep(&mut self, kept: Kept) {
        self.bytes += kept.bytes();
        let room = self.bytes <= TABLE_BYTES_MAX;
        match self.overflow {
            Overflow::None if room => self.fields.push_back(kept),
            Overflow::Possible if room => self.fields.push_back(kept),
            Overflow::Possible if self.bytes > self.bytes_max => self.overflow = Overflow::Happened,
            // a block may set a size that settings do not: it is kept to what is kept at most
            Overflow::None => {
                self.fields.push_back(kept);
                self.evict(TABLE_BYTES_MAX);
            }
            Overflow::Possible | Overflow::Happened => {}
        }
        self.evict(self.bytes_max);
    }

    fn evict(&mut self, size: usize) {
        while self.bytes > size
            && let Some(oldest) = self.fields.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }
}

/// Reads an integer whose first byte's value is `first`, of which `mask` are the bits.
fn number(block: &mut &[u8], first: u8, mask: u8) -> Result<Number, Cut> {
    /// With this many bytes that say that more follows, 64 bits are exceeded, or nearly.
    const MORE_MAX: usize = 9;
    let (_, mut rest) = block.split_first().ok_or(Cut)?;
    if first < mask {
        *block = rest;
        return Ok(Number::Is(u64::from(first)));
    }
    let n_more = rest.iter().take_while(|&&byte| byte & 0x80 != 0).count();
    let (more, behind) = rest.split_at_checked(n_more).ok_or(Cut)?;
    let (&last, behind) = behind.split_first().ok_or(Cut)?;
    rest = behind;
    *block = rest;
    if n_more > MORE_MAX || (n_more == MORE_MAX && last > 1) {
        return Ok(Number::Is(0));
    }
    let (mut value, mut shift) = (u64::from(mask), 0);
    for byte in more {
        value += u64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    Ok(value.checked_add(u64::from(last) << shift).map_or(Number::TooLarge, Number::Is))
}

/// Reads a string. `None`: its length is too large.
fn string<'a>(block: &mut &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Cut> {
    const HUFFMAN: u8 = 0x80;
    let &first = block.first().ok_or(Cut)?;
    let Number::Is(len) = number(block, first & 0x7f, 0x7f)? else { return Ok(None) };
    let len = usize::try_from(len).map_err(|_| Cut)?;
    let (bytes, rest) = block.split_at_checked(len).ok_or(Cut)?;
    *block = rest;
    Ok(Some(if first & HUFFMAN == 0 { bytes.into() } else { huffman::decode(bytes).into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(table: &mut Table, block: &[u8]) -> (String, Result<Odd, Cut>) {
        let mut text = String::new();
        let outcome = table.decode(block, |field| {
            let (name, value) = (String::from_utf8_lossy(&field.name), String::from_utf8_lossy(&field.value));
            text.extend([&*name, "=", &*value, ";"]);
        });
        (text, outcome)
    }

    #[test]
    fn requests_of_the_rfc_share_a_table() {
        let mut table = Table::default();
        let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(decode(&mut table, first).0, ":method=GET;:scheme=http;:path=/;:authority=www.example.com;");
        let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
        assert_eq!(
            decode(&mut table, second).0,
            ":method=GET;:scheme=http;:path=/;:authority=www.example.com;cache-control=no-cache;"
        );
        assert_eq!(table.bytes, 57 + 53);
    }

    #[test]
    fn a_smaller_table_loses_its_oldest_fields() {
        let mut table = Table::default();
        assert!(decode(&mut table, b"\x40\x01a\x01b\x40\x01c\x01d").1.is_ok());
        assert_eq!(decode(&mut table, b"\x3f\x09\xbe\xbf").0, "=;c=d;=;");
    }

    #[test]
    fn a_block_may_end_too_early_or_count_too_far() {
        assert_eq!(decode(&mut Table::default(), b"\x41\x05abc").1, Err(Cut));
        assert_eq!(decode(&mut Table::default(), b"\xff\xff").1, Err(Cut));
        assert_eq!(decode(&mut Table::default(), b"\xbe\x80").1, Ok(Odd { invalid: true }));
        let endless = [&b"\xff"[..], &[0xff; 20], b"\x01\x82"].concat();
        assert_eq!(decode(&mut Table::default(), &endless).0, "=;:method=GET;");
    }

    #[test]
    fn the_table_stays_small_whatever_blocks_say() {
        let mut table = Table::default();
        let mut block = b"\x3f\xe1\xff\xff\x7f".to_vec();
        assert!(decode(&mut table, &block).1.is_ok());
        block = [&b"\x40\x01a\x7f\x81\x0f"[..], &[b'x'; 2048]].concat();
        for _ in 0..100 {
            assert_eq!(decode(&mut table, &block).1, Ok(Odd::default()));
        }
        assert!(table.fields.len() < 40);
    }
}
