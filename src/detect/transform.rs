//! Transforms: what a rule makes of a buffer's bytes before it looks into them. Source: Suricata 7.0.10.

use super::pcre::Pcre;
use crate::rules::keyword::Transform;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The transforms of a buffer, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transforms(Vec<Step>);

#[derive(Clone, Debug)]
struct Step {
    transform: Transform,
    /// The expression of `pcrexform`.
    pcre: Option<Pcre>,
}

impl PartialEq for Transforms {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|step| &step.transform).eq(other.0.iter().map(|step| &step.transform))
    }
}

impl Transforms {
    pub(crate) const NONE: Self = Self(Vec::new());

    /// Adds the next one.
    ///
    /// # Errors
    /// What is wrong with the expression of a `pcrexform`.
    pub(crate) fn push(&mut self, transform: &Transform) -> Result<(), String> {
        let pcre = match transform {
            Transform::Pcrexform(pattern) => Some(Pcre::with_one_capture(pattern)?),
            _ => None,
        };
        self.0.push(Step { transform: transform.clone(), pcre });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing but a dot in front.
    pub(crate) fn is_dotprefix(&self) -> bool {
        matches!(self.0.as_slice(), [Step { transform: Transform::Dotprefix, .. }])
    }

    /// What becomes of `bytes`, in `out` if anything does.
    pub(crate) fn apply<'b>(&self, bytes: &'b [u8], out: &'b mut Vec<u8>) -> &'b [u8] {
        if self.is_empty() {
            return bytes;
        }
        out.clear();
        out.extend_from_slice(bytes);
        for step in &self.0 {
            step.apply(out);
        }
        out
    }
}

impl Step {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match &self.transform {
            Transform::Dotprefix => {
                if !bytes.is_empty() {
                    bytes.insert(0, b'.');
                }
            }
            Transform::ToLowercase => bytes.make_ascii_lowercase(),
            Transform::ToUppercase => bytes.make_ascii_uppercase(),
            Transform::StripWhitespace => bytes.retain(|byte| !is_space(*byte)),
            Transform::CompressWhitespace => bytes.dedup_by(|next, kept| is_space(*next) && is_space(*kept)),
            Transform::StripPseudoHeaders => strip_pseudo_headers(bytes),
            Transform::HeaderLowercase => header_lowercase(bytes),
            Transform::UrlDecode => url_decode(bytes),
            Transform::ToMd5 => replace(bytes, &Md5::digest(&bytes)),
            Transform::ToSha1 => replace(bytes, &Sha1::digest(&bytes)),
            Transform::ToSha256 => replace(bytes, &Sha256::digest(&bytes)),
            Transform::Xor(key) => bytes.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key),
            Transform::Pcrexform(_) => {
                let found = self.pcre.as_ref().and_then(|pcre| pcre.first_capture(bytes));
                // of an expression that is not found, or whose capture holds nothing, the buffer stays as it was
                if let Some((start, end)) = found.filter(|(start, end)| start < end) {
                    bytes.truncate(end);
                    bytes.drain(..start);
                }
            }
        }
    }
}

fn replace(bytes: &mut Vec<u8>, with: &[u8]) {
    bytes.clear();
    bytes.extend_from_slice(with);
}

/// White space as C's `isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Takes out the lines that begin with a colon.
fn strip_pseudo_headers(bytes: &mut Vec<u8>) {
    let (mut at_start, mut pseudo) = (true, false);
    bytes.retain(|&byte| {
        if at_start {
            pseudo |= byte == b':';
            at_start = matches!(byte, b'\r' | b'\n');
        } else if byte == b'\n' {
            at_start = true;
            return !std::mem::take(&mut pseudo);
        }
        !pseudo
    });
}

/// Lower case up to the first colon of each line.
fn header_lowercase(bytes: &mut [u8]) {
    let mut in_name = true;
    for byte in bytes {
        match (in_name, *byte) {
            (true, b':') => in_name = false,
            (true, _) => byte.make_ascii_lowercase(),
            (false, b'\n') => in_name = true,
            (false, _) => {}
        }
    }
}

/// `%` and two hexadecimal digits are a byte, `+` is a space; what only looks like it stays.
fn url_decode(bytes: &mut Vec<u8>) {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => match behind {
                [high, low, behind @ ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        decoded.push(high << 4 | low);
                        rest = behind;
                    }
                    _ => decoded.push(first),
                },
                _ => decoded.push(first),
            },
            _ => decoded.push(first),
        }
    }
    *bytes = decoded;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(transforms: &[Transform], bytes: &str) -> Vec<u8> {
        let mut all = Transforms::default();
        for transform in transforms {
            all.push(transform).unwrap();
        }
        all.apply(bytes.as_bytes(), &mut Vec::new()).to_vec()
    }

    #[track_caller]
    fn makes(transform: Transform, from: &str, to: &str) {
        assert_eq!(String::from_utf8_lossy(&applied(&[transform], from)), to);
    }

    #[test]
    fn single_transforms() {
        makes(Transform::Dotprefix, "a.b", ".a.b");
        makes(Transform::Dotprefix, "", "");
        makes(Transform::ToLowercase, "AbÄ", "abÄ");
        makes(Transform::ToUppercase, "aB", "AB");
        makes(Transform::StripWhitespace, " a\t\r\n\x0b\x0cb ", "ab");
        makes(Transform::CompressWhitespace, "\t a  b\n ", "\ta b\n");
        makes(Transform::StripPseudoHeaders, ":m: GET\r\nA: b\r\n:x\nc:d\n\r\n", "A: b\r\nc:d\n\r\n");
        makes(Transform::StripPseudoHeaders, "\r\n:a\n:b", "\r\n");
        makes(Transform::HeaderLowercase, "Aa: Bb:C\r\nDd:E", "aa: Bb:C\r\ndd:E");
        makes(Transform::UrlDecode, "a%20b+%4a%zz%4", "a b J%zz%4");
        makes(Transform::UrlDecode, "%%41", "%A");
        makes(Transform::Xor(vec![0x01, 0x20]), "abc", "`Bb");
        makes(Transform::Pcrexform("b(.)d".into()), "abcde", "c");
        makes(Transform::Pcrexform("x(.)".into()), "abcde", "abcde");
        makes(Transform::Pcrexform("b(x?)".into()), "abcde", "abcde");
    }

    #[test]
    fn digests() {
        let md5 = applied(&[Transform::ToMd5], "");
        assert_eq!(md5, b"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e");
        assert!(applied(&[Transform::ToSha1], "abc").starts_with(b"\xa9\x99\x3e\x36"));
        assert!(applied(&[Transform::ToSha256], "abc").starts_with(b"\xba\x78\x16\xbf"));
        assert_eq!(applied(&[Transform::ToSha1], "abc").len(), 20);
        assert_eq!(applied(&[Transform::ToSha256], "abc").len(), 32);
    }

    #[test]
    fn transforms_follow_each_other() {
        assert_eq!(applied(&[Transform::ToUppercase, Transform::Dotprefix], "a"), b".A");
        assert_eq!(applied(&[Transform::Dotprefix, Transform::StripWhitespace], " "), b".");
        assert_eq!(applied(&[], "a"), b"a");
    }

    #[test]
    fn pcrexform_has_one_capture() {
        for pattern in ["a", "(a)(b)", "(a"] {
            assert!(Transforms::default().push(&Transform::Pcrexform(pattern.into())).is_err(), "{pattern}");
        }
    }
}
