//! DNS over UDP and TCP: detection, and one transaction for each message.
//!
//! A query and its answer are two transactions, each looked at in its own direction only. Answers are read to find
//! malformed ones; their contents are not kept.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::probe::{Context, Probe};
use super::reader::Reader;
use super::transaction::{Buffer, Tx, TxData, raise};
use super::{AppConfig, Parsed};
use crate::packet::EventSet;
use crate::verdict::Direction;

/// The only progress of a message.
pub(super) const COMPLETE: u8 = 1;

const HEADER_BYTES: usize = 12;
const RESPONSE: u16 = 0x8000;
const Z: u16 = 0x0040;
const NAME_BYTES_MAX: usize = 1025;
const LABELS_MAX: u32 = 255;

/// A query or an answer.
#[derive(Debug, Default)]
pub struct DnsTx {
    /// The message's id.
    pub message_id: u16,
    /// The flags of its header.
    pub flags: u16,
    /// Names and types of the questions, in order.
    pub queries: SmallVec<[Query; 1]>,
    /// Answers, authorities and additional records of a message that is read as a whole.
    records: [Vec<Record>; 3],
    /// It is an answer, whose questions are none.
    is_answer: bool,
}

/// A resource record.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    name: Vec<u8>,
    rr_type: u16,
    /// The name in its data, if that is one, apart from that of SRV.
    data_name: Option<Vec<u8>>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The name, labels joined by dots, as sent.
    pub name: Vec<u8>,
    /// The record type.
    pub rr_type: u16,
}

impl DnsTx {
    pub(super) fn buffer(&self, buffer: Buffer) -> Option<&[u8]> {
        let there = |name: &&[u8]| !name.is_empty();
        match buffer {
            Buffer::DnsQuery(_) if self.is_answer => None,
            Buffer::DnsQuery(index) | Buffer::DnsName(DnsPart::Queries, index) => self.query(index).filter(there),
            Buffer::DnsName(DnsPart::Answers, index) => self.record(0, index).map(Record::name).filter(there),
            Buffer::DnsName(_, _) if !self.is_answer => None,
            Buffer::DnsName(DnsPart::Authorities, index) => self.record(1, index).map(Record::name).filter(there),
            Buffer::DnsName(DnsPart::Additionals, index) => self.record(2, index).map(Record::name).filter(there),
            Buffer::DnsName(DnsPart::All, index) => self.names().nth(usize::from(index)),
            _ => None,
        }
    }

    fn query(&self, index: u16) -> Option<&[u8]> {
        self.queries.get(usize::from(index)).map(|query| query.name.as_slice())
    }

    fn record(&self, part: usize, index: u16) -> Option<&Record> {
        self.records.get(part)?.get(usize::from(index))
    }

    /// All names of the message, those in the data of records too. An empty one ends its part, but not in data.
    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let there = |name: &&[u8]| !name.is_empty();
        let queries = self.queries.iter().map(|query| query.name.as_slice()).take_while(there);
        let of_part = move |records| {
            let records: std::slice::Iter<'_, Record> = <[Record]>::iter(records);
            let named = records.take_while(|record| !record.name.is_empty());
            named.flat_map(|record| std::iter::once(record.name()).chain(record.data_name.as_deref())).filter(there)
        };
        queries.chain(self.records.iter().map(Vec::as_slice).flat_map(of_part))
    }

    /// `dns.opcode`
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0x0f) as u8
    }
}

/// A part of a message whose names rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DnsPart {
    /// Questions.
    Queries,
    /// Answers.
    Answers,
    /// Authorities of an answer.
    Authorities,
    /// Additional records of an answer.
    Additionals,
    /// All of an answer, and the names that its records hold.
    All,
}

impl Record {
    fn name(&self) -> &[u8] {
        &self.name
    }
}

/// Names that can be read for all that is odd about them.
#[derive(Clone, Copy, Debug, Default)]
struct NameFlags {
    infinite_loop: bool,
    truncated: bool,
    label_limit: bool,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    message_id: u16,
    flags: u16,
    n_questions: u16,
    n_answers: u16,
    n_authorities: u16,
    n_additionals: u16,
}

impl Header {
    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self {
            message_id: reader.u16()?,
            flags: reader.u16()?,
            n_questions: reader.u16()?,
            n_answers: reader.u16()?,
            n_authorities: reader.u16()?,
            n_additionals: reader.u16()?,
        })
    }

    /// A message of this length can hold what the header announces.
    fn fits(&self, len: usize) -> bool {
        let counts = [self.n_questions, self.n_answers, self.n_authorities, self.n_additionals];
        let n_records: usize = counts.into_iter().map(usize::from).sum();
        HEADER_BYTES + 2 * n_records <= len
    }

    fn sender(&self) -> Direction {
        if self.flags & RESPONSE == 0 { Direction::ToServer } else { Direction::ToClient }
    }
}

/// A datagram that reads as a message.
pub(super) fn probe_udp(_: Context, data: &[u8]) -> Probe {
    if data.len() < HEADER_BYTES {
        return Probe::Unknown;
    }
    match looks_like_dns(data, data.len()) {
        Likeness::Sent(sender) => Probe::Match { sender: Some(sender) },
        Likeness::TooShort | Likeness::No => Probe::Unknown,
    }
}

/// The same in multicast, where questions and answers alike go to the server, which is everybody.
pub(super) fn probe_mdns(context: Context, data: &[u8]) -> Probe {
    match probe_udp(context, data) {
        Probe::Match { .. } => Probe::Match { sender: Some(Direction::ToServer) },
        other => other,
    }
}

/// The same behind a length.
pub(super) fn probe_tcp(_: Context, data: &[u8]) -> Probe {
    if data.len() < HEADER_BYTES + 2 {
        return Probe::Unknown;
    }
    match record_looks_like_dns(data) {
        Likeness::Sent(sender) => Probe::Match { sender: Some(sender) },
        Likeness::TooShort | Likeness::No => Probe::Unknown,
    }
}

enum Likeness {
    Sent(Direction),
    TooShort,
    No,
}

fn record_looks_like_dns(data: &[u8]) -> Likeness {
    let mut reader = Reader(data);
    match reader.u16() {
        Some(len) => looks_like_dns(reader.0, usize::from(len)),
        None => Likeness::TooShort,
    }
}

/// Of a message whose beginning is there only the header is read, of a whole one the questions as well.
fn looks_like_dns(data: &[u8], len: usize) -> Likeness {
    let message = data.get(..len).unwrap_or(data);
    let mut reader = Reader(message);
    let Some(header) = Header::read(&mut reader) else {
        return if data.len() < len { Likeness::No } else { Likeness::TooShort };
    };
    let mut flags = NameFlags::default();
    if data.len() >= len && !matches!(questions(&mut reader, message, &header, &mut flags), Ok(_) | Err(Stop::Short)) {
        return Likeness::No;
    }
    if header.fits(len) { Likeness::Sent(header.sender()) } else { Likeness::No }
}

/// Why reading stopped.
enum Stop {
    Short,
    Malformed,
}

fn questions<'a>(
    reader: &mut Reader<'a>,
    message: &'a [u8],
    header: &Header,
    flags: &mut NameFlags,
) -> Result<SmallVec<[Query; 1]>, Stop> {
    let mut queries = SmallVec::new();
    for _ in 0..header.n_questions {
        let name = name(reader, message, flags)?;
        let rr_type = reader.u16().ok_or(Stop::Short)?;
        let _class = reader.u16().ok_or(Stop::Short)?;
        queries.push(Query { name, rr_type });
    }
    Ok(queries)
}

/// Reads a name and leaves the reader behind it. What can be read of a name that is too long or loops is returned, as
/// long as its end is known from a pointer.
fn name<'a>(reader: &mut Reader<'a>, message: &'a [u8], flags: &mut NameFlags) -> Result<Vec<u8>, Stop> {
    let mut name = Vec::new();
    let mut at = *reader;
    let mut behind_pointer: Option<Reader> = None;
    let mut own = NameFlags::default();
    let mut n_labels = 0;
    while let Some(&len) = at.0.first() {
        match len {
            0 => {
                at.take(1);
                break;
            }
            1..=0x3f => {
                at.take(1);
                let label = at.take(usize::from(len)).ok_or(Stop::Short)?;
                if !own.truncated {
                    if !name.is_empty() {
                        name.push(b'.');
                    }
                    name.extend_from_slice(label);
                }
            }
            0xc0..=0xff => {
                let here = at.0;
                let target = usize::from(at.u16().ok_or(Stop::Short)? & 0x3fff);
                let rest = message.get(target..).ok_or(Stop::Malformed)?;
                if rest == here {
                    own.infinite_loop = true;
                    if behind_pointer.is_some() {
                        break;
                    }
                    return Err(Stop::Malformed);
                }
                behind_pointer.get_or_insert(at);
                at = Reader(rest);
            }
            _ => return Err(Stop::Malformed),
        }
        n_labels += 1;
        if n_labels > LABELS_MAX {
            own.label_limit = true;
            if behind_pointer.is_none() {
                return Err(Stop::Malformed);
            }
            own.truncated = true;
            break;
        }
        if name.len() > NAME_BYTES_MAX {
            name.truncate(NAME_BYTES_MAX);
            own.truncated = true;
            if behind_pointer.is_some() {
                break;
            }
        }
    }
    flags.infinite_loop |= own.infinite_loop;
    flags.truncated |= own.truncated;
    flags.label_limit |= own.label_limit;
    *reader = behind_pointer.unwrap_or(at);
    Ok(name)
}

fn records<'a>(
    reader: &mut Reader<'a>,
    message: &'a [u8],
    n: u16,
    (flags, whole): (&mut NameFlags, bool),
) -> Result<Vec<Record>, Stop> {
    let mut records = Vec::new();
    for _ in 0..n {
        let name = name(reader, message, flags)?;
        let rr_type = reader.u16().ok_or(Stop::Short)?;
        reader.take(6).ok_or(Stop::Short)?;
        let len = reader.u16().ok_or(Stop::Short)?;
        let data = reader.take(usize::from(len)).ok_or(Stop::Short)?;
        let data_name = record_data(data, message, rr_type, (flags, whole))?;
        if whole {
            records.push(Record { name, rr_type, data_name });
        }
    }
    Ok(records)
}

/// Reads the data of the record types that hold names or texts, and gives the name; `whole`: all of it is read.
fn record_data<'a>(
    data: &'a [u8],
    message: &'a [u8],
    rr_type: u16,
    (flags, whole): (&mut NameFlags, bool),
) -> Result<Option<Vec<u8>>, Stop> {
    const NS: u16 = 2;
    const CNAME: u16 = 5;
    const SOA: u16 = 6;
    const PTR: u16 = 12;
    const MX: u16 = 15;
    const TXT: u16 = 16;
    const SRV: u16 = 33;
    const SSHFP: u16 = 44;
    const OPT: u16 = 41;
    if data.is_empty() && !whole {
        return Err(Stop::Malformed);
    }
    let mut reader = Reader(data);
    let mut held = None;
    match rr_type {
        NS | CNAME | PTR => held = Some(name(&mut reader, message, flags)?),
        SOA => {
            held = Some(name(&mut reader, message, flags)?);
            name(&mut reader, message, flags)?;
            reader.take(20).ok_or(Stop::Short)?;
        }
        MX => {
            reader.take(2).ok_or(Stop::Short)?;
            held = Some(name(&mut reader, message, flags)?);
        }
        SRV => {
            reader.take(6).ok_or(Stop::Short)?;
            name(&mut reader, message, flags)?;
        }
        TXT => {
            while !reader.is_empty() {
                let len = reader.u8().ok_or(Stop::Short)?;
                reader.take(usize::from(len)).ok_or(Stop::Short)?;
                if !whole {
                    break;
                }
            }
        }
        SSHFP => {
            reader.take(2).ok_or(Stop::Short)?;
        }
        OPT if whole => {
            while !reader.is_empty() {
                reader.u16().ok_or(Stop::Short)?;
                let len = reader.u16().ok_or(Stop::Short)?;
                reader.take(usize::from(len)).ok_or(Stop::Short)?;
            }
        }
        _ => {}
    }
    Ok(held)
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct DnsParser {
    /// Bytes are missing; data counts again once it looks like a message.
    gap: bool,
}

impl DnsParser {
    /// Takes a datagram. Nothing in it ends parsing.
    pub(super) fn datagram(
        txs: &mut super::Transactions,
        direction: Direction,
        data: &[u8],
        config: AppConfig,
    ) -> Parsed {
        // Suricata reports neither success nor failure here.
        let _ = message(txs, direction, data, config.dns_whole_messages);
        Parsed::Ok
    }

    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Takes records of a TCP direction.
    pub(super) fn stream(
        &mut self,
        txs: &mut super::Transactions,
        direction: Direction,
        data: &[u8],
        config: AppConfig,
    ) -> Parsed {
        if self.gap {
            match record_looks_like_dns(data) {
                Likeness::No if direction == Direction::ToClient => return Parsed::Ok,
                Likeness::No => {}
                Likeness::Sent(_) | Likeness::TooShort => self.gap = false,
            }
        }
        let mut rest = Reader(data);
        while !rest.is_empty() {
            let consumed = (data.len() - rest.len()) as u32;
            let mut record = rest;
            let Some(len) = record.u16() else { return Parsed::Incomplete { consumed, needed: 2 } };
            let Some(body) = record.take(usize::from(len)) else {
                return Parsed::Incomplete { consumed, needed: u32::from(len) + 2 };
            };
            // A record of no length is passed over; one that no header fits in is not a message at all over TCP.
            if len > 0 && message(txs, direction, body, config.dns_whole_messages) != Outcome::Read {
                return Parsed::Error;
            }
            rest = record;
        }
        Parsed::Ok
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Read,
    Refused,
}

/// What is odd about a message that could be read.
type Oddities = EventSet;

/// Why there is no message.
enum NoMessage {
    Header,
    Body,
    NotRequest,
}

impl DnsTx {
    /// Reads a message as a whole: what a client sends has answers too, and broken records behind them are just odd. DNS over
    /// HTTP/2 is read so.
    fn read_whole(direction: Direction, data: &[u8]) -> Result<(Self, Oddities), NoMessage> {
        let mut reader = Reader(data);
        let header = Header::read(&mut reader).filter(|header| header.fits(data.len())).ok_or(NoMessage::Header)?;
        let mut flags = NameFlags::default();
        let mut odd = Oddities::new();
        let queries = questions(&mut reader, data, &header, &mut flags).map_err(|_| NoMessage::Body)?;
        let answers = records(&mut reader, data, header.n_answers, (&mut flags, true)).map_err(|_| NoMessage::Body)?;
        let authorities = records(&mut reader, data, header.n_authorities, (&mut flags, true)).ok();
        let additionals = match authorities {
            Some(_) => records(&mut reader, data, header.n_additionals, (&mut flags, true)).ok(),
            None => Some(Vec::new()),
        };
        if direction == Direction::ToServer && header.flags & RESPONSE != 0 {
            return Err(NoMessage::NotRequest);
        }
        if additionals.is_none() {
            raise(&mut odd, "dns.invalid_additionals");
        }
        if authorities.is_none() {
            raise(&mut odd, "dns.invalid_authorities");
        }
        if direction == Direction::ToClient && header.flags & RESPONSE == 0 {
            raise(&mut odd, "dns.not_response");
        }
        let tx = Self {
            message_id: header.message_id,
            flags: header.flags,
            queries,
            records: [answers, authorities.unwrap_or_default(), additionals.unwrap_or_default()],
            is_answer: direction == Direction::ToClient,
        };
        tx.find_odd(flags, &mut odd);
        Ok((tx, odd))
    }

    /// Reads a message inside of another protocol.
    pub(super) fn read_inside(direction: Direction, data: &[u8]) -> Option<Self> {
        Self::read_whole(direction, data).ok().map(|(tx, _)| tx)
    }

    fn find_odd(&self, flags: NameFlags, odd: &mut Oddities) {
        let found = [
            (self.flags & Z != 0, "dns.z_flag_set"),
            (self.opcode() >= 7, "dns.invalid_opcode"),
            (flags.truncated, "dns.name_too_long"),
            (flags.infinite_loop, "dns.infinite_loop"),
            (flags.label_limit, "dns.too_many_labels"),
        ];
        for (_, name) in found.into_iter().filter(|(is, _)| *is) {
            raise(odd, name);
        }
    }
}

/// Reads a message into a transaction. Oddities of one that cannot be read go to the transaction before it.
fn message(txs: &mut super::Transactions, direction: Direction, data: &[u8], whole: bool) -> Outcome {
    let read = if whole {
        DnsTx::read_whole(direction, data)
    } else {
        let read = in_part(direction, data);
        if let (Ok((tx, _)), Direction::ToClient) = (&read, direction)
            && tx.flags & RESPONSE == 0
        {
            raise_on_last(&mut txs.list, "dns.not_response");
        }
        read
    };
    match read {
        Ok((tx, odd)) => {
            let tx = txs.push(TxData::Dns(tx));
            tx.skip_inspection = [direction == Direction::ToClient, direction == Direction::ToServer];
            tx.events = odd;
            return Outcome::Read;
        }
        Err(NoMessage::Header) => {}
        Err(NoMessage::Body) => raise_on_last(&mut txs.list, "dns.malformed_data"),
        Err(NoMessage::NotRequest) => raise_on_last(&mut txs.list, "dns.not_request"),
    }
    Outcome::Refused
}

/// Reads the questions of a query, and of an answer all but additional records, to find malformed ones.
fn in_part(direction: Direction, data: &[u8]) -> Result<(DnsTx, Oddities), NoMessage> {
    let mut reader = Reader(data);
    let header = Header::read(&mut reader).filter(|header| header.fits(data.len())).ok_or(NoMessage::Header)?;
    let mut flags = NameFlags::default();
    let queries = questions(&mut reader, data, &header, &mut flags).map_err(|_| NoMessage::Body)?;
    let is_answer = direction == Direction::ToClient;
    if is_answer {
        for n in [header.n_answers, header.n_authorities] {
            records(&mut reader, data, n, (&mut flags, false)).map_err(|_| NoMessage::Body)?;
        }
    } else if header.flags & RESPONSE != 0 {
        return Err(NoMessage::NotRequest);
    }
    let tx = DnsTx { message_id: header.message_id, flags: header.flags, queries, is_answer, ..DnsTx::default() };
    let mut odd = Oddities::new();
    tx.find_odd(flags, &mut odd);
    Ok((tx, odd))
}

fn raise_on_last(txs: &mut VecDeque<Tx>, name: &'static str) {
    if let Some(tx) = txs.back_mut() {
        tx.raise(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Transactions;

    fn query(flags: u16, name: &[u8]) -> Vec<u8> {
        let mut message = vec![0x12, 0x34];
        message.extend(flags.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 0, 0, 0]);
        message.extend(name);
        message.extend([0, 1, 0, 1]);
        message
    }

    fn names(txs: &Transactions) -> Vec<&[u8]> {
        txs.list.iter().filter_map(|tx| tx.buffer(Buffer::DnsQuery(0), Direction::ToServer)).collect()
    }

    #[test]
    fn a_datagram_becomes_a_query() {
        let mut txs = Transactions::default();
        DnsParser::datagram(
            &mut txs,
            Direction::ToServer,
            &query(0x0100, b"\x03WWW\x07example\0"),
            AppConfig::default(),
        );
        assert_eq!(names(&txs), [b"WWW.example"]);
        assert_eq!(txs.list[0].skip_inspection, [false, true]);
    }

    #[test]
    fn a_record_over_tcp_waits_for_its_end() {
        let message = query(0x0100, b"\x03www\x07example\0");
        let mut record = (message.len() as u16).to_be_bytes().to_vec();
        record.extend(&message);
        let mut txs = Transactions::default();
        let mut parser = DnsParser::default();
        let needed = record.len() as u32;
        let parsed = parser.stream(&mut txs, Direction::ToServer, &record[..10], AppConfig::default());
        assert_eq!(parsed, Parsed::Incomplete { consumed: 0, needed });
        let parsed = parser.stream(&mut txs, Direction::ToServer, &record, AppConfig::default());
        assert_eq!(parsed, Parsed::Ok);
        assert_eq!(names(&txs), [b"www.example"]);
    }

    #[test]
    fn a_pointer_to_itself_is_refused() {
        let mut txs = Transactions::default();
        DnsParser::datagram(&mut txs, Direction::ToServer, &query(0x0100, b"\xc0\x0c"), AppConfig::default());
        assert!(txs.list.is_empty());
    }

    #[test]
    fn an_answer_in_the_wrong_direction_is_an_event_of_the_query_before() {
        let mut txs = Transactions::default();
        DnsParser::datagram(&mut txs, Direction::ToServer, &query(0x0100, b"\x01a\0"), AppConfig::default());
        DnsParser::datagram(&mut txs, Direction::ToServer, &query(0x8180, b"\x01b\0"), AppConfig::default());
        assert_eq!(txs.list.len(), 1);
        assert_eq!(txs.list[0].events[0].0, "dns.not_request");
    }
}
