//! Which addresses names have, as far as DNS answers in the capture say: what tells a forged server name from a true one.

use std::collections::BTreeMap;
use std::net::IpAddr;

const A: u16 = 1;
const AAAA: u16 = 28;

/// Names kept; a capture may hold answers without end.
const NAMES_MAX: usize = 65_536;

/// Answers seen, by the name that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers(BTreeMap<String, Vec<IpAddr>>);

impl Answers {
    /// Takes in a DNS message; whatever is none is left.
    pub(super) fn note(&mut self, message: &[u8]) {
        if let Some((name, addresses)) = answer(message) {
            self.add(&name, addresses);
        }
    }

    /// Takes in addresses of a name.
    pub(super) fn add(&mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        let name = name.to_ascii_lowercase();
        if self.0.len() >= NAMES_MAX && !self.0.contains_key(&name) {
            return;
        }
        let known = self.0.entry(name).or_default();
        for address in addresses {
            if !known.contains(&address) {
                known.push(address);
            }
        }
    }

    /// The addresses of a name, if it was asked for.
    pub(super) fn of(&self, name: &str) -> Option<&[IpAddr]> {
        self.0.get(&name.to_ascii_lowercase()).filter(|known| !known.is_empty()).map(Vec::as_slice)
    }

    /// A name that an address was answered for.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.0.iter().find(|(_, addresses)| addresses.contains(&address)).map(|(name, _)| name.as_str())
    }
}

/// The name that was asked for, and all addresses in the answer, behind whatever aliases.
fn answer(message: &[u8]) -> Option<(String, Vec<IpAddr>)> {
    let word = |at: usize| message.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes);
    let is_answer = word(2)? & 0x8000 != 0;
    if !is_answer || word(4)? != 1 {
        return None;
    }
    let (name, mut at) = name(message, 12)?;
    at += 4;
    let mut addresses = Vec::new();
    for _ in 0..word(6)? {
        at = skip_name(message, at)?;
        let (kind, len) = (word(at)?, usize::from(word(at + 8)?));
        let data = message.get(at + 10..at + 10 + len)?;
        match kind {
            A => addresses.extend(<[u8; 4]>::try_from(data).ok().map(IpAddr::from)),
            AAAA => addresses.extend(<[u8; 16]>::try_from(data).ok().map(IpAddr::from)),
            _ => {}
        }
        at += 10 + len;
    }
    Some((name, addresses))
}

/// A name of plain labels, as questions have it, and where it ends.
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels: Vec<String> = Vec::new();
    loop {
        let len = usize::from(*message.get(at)?);
        match len {
            0 => return Some((labels.join("."), at + 1)),
            1..=63 => labels.push(String::from_utf8_lossy(message.get(at + 1..at + 1 + len)?).to_ascii_lowercase()),
            _ => return None,
        }
        at += 1 + len;
    }
}

fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let len = usize::from(*message.get(at)?);
        match len {
            0 => return Some(at + 1),
            1..=63 => at += 1 + len,
            _ => return Some(at + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_the_addresses_of_the_name_that_was_asked_for() {
        let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        message.extend_from_slice(
            b"\x03wWw\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04",
        );
        message.extend_from_slice(&[203, 0, 113, 7]);
        let mut answers = Answers::default();
        answers.note(&message);
        answers.note(&message[..20]);
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(answers.of("WWW.example"), Some(&[address][..]));
        assert_eq!(answers.name_of(address), Some("www.example"));
        assert_eq!(answers.of("other.example"), None);
    }
}
