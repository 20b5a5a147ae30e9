//! Keywords that ask about a TLS or SSH session as a whole.

use super::app::TLS_GENERIC;
use super::content::pattern;
use super::value::is_blank;
use super::{Argument, Effect, Family, Keyword, KeywordDef, ListDef, Parse, Value};
use crate::rules::Protocol::{self, Ssh, Tls};
use crate::source::Diagnostic;

/// The bits of [`Keyword::SslVersion`].
pub mod ssl_version {
    /// `sslv2`
    pub const SSL2: u8 = 1;
    /// `sslv3`
    pub const SSL3: u8 = 2;
    /// `tls1.0`
    pub const TLS10: u8 = 4;
    /// `tls1.1`
    pub const TLS11: u8 = 8;
    /// `tls1.2`
    pub const TLS12: u8 = 16;
    /// `tls1.3`
    pub const TLS13: u8 = 32;

    /// The words, in the order of the bits.
    pub const NAMES: [(&str, u8); 6] =
        [("sslv2", SSL2), ("sslv3", SSL3), ("tls1.0", TLS10), ("tls1.1", TLS11), ("tls1.2", TLS12), ("tls1.3", TLS13)];
}

/// `tls.version`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersion {
    /// As on the wire.
    pub version: u16,
    /// Given as a number: drafts of TLS 1.3 are themselves.
    pub raw: bool,
}

impl TlsVersion {
    /// Whether a version on the wire is this one.
    pub fn matches(self, version: u16) -> bool {
        let draft = version >> 8 == 0x7f && !self.raw;
        self.version == if draft { 0x0304 } else { version }
    }
}

/// A date to compare with, in seconds since 1970. The ends are within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTest {
    /// That second.
    Eq(i64),
    /// `<`
    UpTo(i64),
    /// `>`
    From(i64),
    /// `a<>b`
    Between(i64, i64),
}

impl DateTest {
    /// Whether `date` passes.
    pub fn matches(self, date: i64) -> bool {
        match self {
            Self::Eq(wanted) => date == wanted,
            Self::UpTo(last) => date <= last,
            Self::From(first) => date >= first,
            Self::Between(first, last) => (first..=last).contains(&date),
        }
    }
}

/// `ssh.protoversion`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SshProtoVersion {
    /// `2_compat`: 2.x, or 1.99, which means the same.
    TwoCompatible,
    /// This one.
    Is(String),
}

impl SshProtoVersion {
    /// Whether the version of a banner passes.
    pub fn matches(&self, proto: &[u8]) -> bool {
        match self {
            Self::TwoCompatible => proto.starts_with(b"2") || proto.starts_with(b"1.99"),
            Self::Is(version) => proto == version.as_bytes(),
        }
    }
}

const fn list(
    name: &'static str,
    app: Protocol,
    to_server: &'static [Protocol],
    to_client: &'static [Protocol],
) -> ListDef {
    ListDef { name, app: Some(app), to_server, to_client, multi: false, packet: false }
}

const TLS_CERT: ListDef = list("tls_cert", Tls, &[Tls], &[Tls]);
const TLS_FINGERPRINT: ListDef = list("tls.cert_fingerprint", Tls, &[Tls], &[Tls]);
const TLS_VALIDITY: ListDef = list("tls_validity", Tls, &[], &[Tls]);
const SSH_BANNER: ListDef = list("ssh_banner", Ssh, &[Ssh], &[Ssh]);

const fn def(
    name: &'static str,
    argument: Argument,
    list: &'static ListDef,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::App,
        argument,
        parse: Parse::Keyword(parse),
        effect: Effect::Own(list),
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("tls.version", Argument::PLAIN, &TLS_GENERIC, tls_version, "tests the TLS version"),
    def("ssl_version", Argument::PLAIN, &TLS_GENERIC, ssl_versions, "tests the SSL or TLS version, several at once"),
    def("tls.subject", Argument::NOT_QUOTED, &TLS_CERT, subject, "finds text in the certificate's subject"),
    def("tls.issuerdn", Argument::NOT_QUOTED, &TLS_CERT, issuer, "finds text in the certificate's issuer"),
    def(
        "tls.fingerprint",
        Argument::NOT_QUOTED,
        &TLS_FINGERPRINT,
        fingerprint,
        "tests the certificate's SHA-1 fingerprint",
    ),
    def(
        "tls_cert_notbefore",
        Argument::PLAIN,
        &TLS_VALIDITY,
        |value| date_test(value, false),
        "tests when the certificate begins to be valid",
    ),
    def(
        "tls_cert_notafter",
        Argument::PLAIN,
        &TLS_VALIDITY,
        |value| date_test(value, true),
        "tests when the certificate ends to be valid",
    ),
    def(
        "tls_cert_expired",
        Argument::NONE,
        &TLS_VALIDITY,
        |_| Ok(Keyword::TlsCertExpired(true)),
        "the certificate has expired",
    ),
    def(
        "tls_cert_valid",
        Argument::NONE,
        &TLS_VALIDITY,
        |_| Ok(Keyword::TlsCertExpired(false)),
        "the certificate has not expired",
    ),
    def(
        "tls.cert_chain_len",
        Argument::PLAIN,
        &TLS_VALIDITY,
        |value| Ok(Keyword::TlsCertChainLen(value.compare::<u32>()?)),
        "tests the number of certificates",
    ),
    def("ssh.protoversion", Argument::MAY_QUOTE, &SSH_BANNER, ssh_proto, "tests the SSH version"),
    def("ssh.softwareversion", Argument::MAY_QUOTE, &SSH_BANNER, ssh_software, "tests the SSH software"),
];

fn tls_version(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_matches(|c: char| c.is_ascii_whitespace());
    let word = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let known = [("1.0", 0x0301), ("1.1", 0x0302), ("1.2", 0x0303), ("1.3", 0x0304)];
    // what follows is passed over
    if let Some(&(_, version)) = known.iter().find(|(name, _)| word.starts_with(name)) {
        return Ok(Keyword::TlsVersion(TlsVersion { version, raw: false }));
    }
    match word.strip_prefix("0x").filter(|_| value.text.len() == 6).map(|digits| u16::from_str_radix(digits, 16)) {
        Some(Ok(version)) => Ok(Keyword::TlsVersion(TlsVersion { version, raw: true })),
        _ => Err(value
            .invalid(format!("`{word}` is not a version"))
            .help("write 1.0, 1.1, 1.2, 1.3, or four hexadecimal digits as in 0x7f12")),
    }
}

fn ssl_versions(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let mut versions = 0;
    let mut sign = None;
    let words = value.text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    for word in words {
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let Some(&(_, bit)) = ssl_version::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            let names = ssl_version::NAMES.map(|(name, _)| name).join(", ");
            return Err(value
                .invalid_at(name, format!("`{name}` is not a version"))
                .help(format!("versions are {names}")));
        };
        if versions & bit != 0 {
            return Err(value.invalid_at(word, format!("`{name}` is there twice")));
        }
        if sign.is_some_and(|sign| sign != negated) {
            return Err(value.invalid_at(word, "versions are either all negated or none is"));
        }
        versions |= bit;
        sign = Some(negated);
    }
    match sign {
        Some(negated) => Ok(Keyword::SslVersion { versions, negated }),
        None => Err(value.invalid("there is no version")),
    }
}

fn subject(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    Ok(Keyword::TlsCertName { issuer: false, negated: value.negated, text: name_text(value)? })
}

fn issuer(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    Ok(Keyword::TlsCertName { issuer: true, negated: value.negated, text: name_text(value)? })
}

/// A part of a name, of the characters that Suricata takes here.
fn name_text(value: &Value<'_>) -> Result<String, Diagnostic> {
    let allowed = |c: char| {
        matches!(c, 'A'..='z' | '0'..='9' | '-' | '.' | '=' | ',' | '*' | '@')
            || c.is_ascii_whitespace()
            || c == '\u{b}'
    };
    match value.text.chars().find(|&c| !allowed(c)) {
        _ if value.text.is_empty() => Err(value.invalid("there is no text")),
        Some(c) => Err(value
            .invalid(format!("`{c}` cannot be part of the text"))
            .help("use the sticky buffer `tls.cert_subject` or `tls.cert_issuer` with `content`")),
        None => Ok(value.text.to_owned()),
    }
}

fn fingerprint(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let pattern = pattern(value)?;
    if pattern.len() != 59 || !pattern.contains(&b':') {
        return Err(value.invalid("a fingerprint is 20 bytes in hexadecimal with colons between them, 59 characters"));
    }
    Ok(Keyword::TlsFingerprint { negated: value.negated, pattern })
}

fn date_test(value: &Value<'_>, not_after: bool) -> Result<Keyword, Diagnostic> {
    let space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
    let text = value.text.trim_matches(space);
    let date_at = |part: &str| {
        date(part.trim_matches(space)).filter(|_| part.len() < 20).ok_or_else(|| {
            value
                .invalid_at(part, format!("`{}` is not a date", part.trim_matches(space)))
                .help("write it like 2024-02-29, 2024-02-29 23:59:59, or in seconds since 1970")
        })
    };
    let test = if let Some((first, last)) = text.split_once("<>") {
        let (first, last) = (date_at(first)?, date_at(last.trim_start_matches(space))?);
        if last <= first {
            return Err(value.invalid("the second date is not later than the first"));
        }
        DateTest::Between(first, last)
    } else if let Some(last) = text.strip_prefix('<') {
        DateTest::UpTo(date_at(last.trim_start_matches(space))?)
    } else if let Some(first) = text.strip_prefix('>') {
        DateTest::From(date_at(first.trim_start_matches(space))?)
    } else {
        DateTest::Eq(date_at(text)?)
    };
    Ok(Keyword::TlsCertDate { not_after, test, text: text.to_owned() })
}

/// Seconds since 1970, or a date from its month on; time is UTC.
fn date(text: &str) -> Option<i64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (day, time) = match text.find([' ', 'T']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.trim_start_matches(is_blank)),
        None => (text, ""),
    };
    let field = |text: &str, low: i64, high: i64| -> Option<i64> {
        let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| plain && (low..=high).contains(number))
    };
    let mut of_day = day.split('-');
    let year = field(of_day.next()?, 0, 9999)?;
    let month = field(of_day.next()?, 1, 12)?;
    let day = match of_day.next() {
        Some(day) => Some(field(day, 1, 31)?),
        None => None,
    };
    let mut fields = [0; 3];
    if !time.is_empty() {
        day?;
        let mut of_time = time.split(':');
        for (of_clock, high) in fields.iter_mut().zip([23, 59, 61]) {
            match of_time.next() {
                Some(text) => *of_clock = field(text, 0, high)?,
                None => break,
            }
        }
        if of_time.next().is_some() {
            return None;
        }
    }
    if of_day.next().is_some() {
        return None;
    }
    let [hours, minutes, seconds] = fields;
    Some((days_before(year, month) + day.unwrap_or(1) - 1) * 86400 + hours * 3600 + minutes * 60 + seconds)
}

/// Days from 1970 to the first of a month. Years begin in March here, so that a leap day is the last of its year.
fn days_before(year: i64, month: i64) -> i64 {
    let years = if month > 2 { year } else { year - 1 };
    let months = (month + 9) % 12;
    365 * years + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) + (153 * months + 2) / 5 - 719_468
}

fn ssh_proto(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_matches(|c: char| c.is_ascii_whitespace());
    let version = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    match text {
        "2_compat" => Ok(Keyword::SshProtoVersion(SshProtoVersion::TwoCompatible)),
        _ if version => Ok(Keyword::SshProtoVersion(SshProtoVersion::Is(text.to_owned()))),
        _ => Err(value.invalid(format!("`{text}` is not a version")).help("write it like 2.0, or 2_compat")),
    }
}

fn ssh_software(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-' | '_' | '+') || c.is_ascii_whitespace();
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(value
            .invalid(format!("`{text}` cannot be a software version"))
            .help("use `ssh.software` with `content`"));
    }
    Ok(Keyword::SshSoftwareVersion(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read(parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>, text: &'static str) -> Option<Keyword> {
        test_value("test", text, |value| parse(value).ok())
    }

    #[test]
    fn versions_by_name_and_number() {
        let version = |version, raw| Some(Keyword::TlsVersion(TlsVersion { version, raw }));
        assert_eq!(read(tls_version, "1.2"), version(0x0303, false));
        assert_eq!(read(tls_version, "0x7f12"), version(0x7f12, true));
        assert_eq!(read(tls_version, "1.4"), None);
        assert!(TlsVersion { version: 0x0304, raw: false }.matches(0x7f12));
        assert!(!TlsVersion { version: 0x0304, raw: true }.matches(0x7f12));
    }

    #[test]
    fn versions_are_all_negated_or_none() {
        assert_eq!(read(ssl_versions, "sslv3, TLS1.0"), Some(Keyword::SslVersion { versions: 6, negated: false }));
        assert_eq!(read(ssl_versions, "!tls1.3"), Some(Keyword::SslVersion { versions: 32, negated: true }));
        assert_eq!(read(ssl_versions, "sslv3,!tls1.0"), None);
        assert_eq!(read(ssl_versions, "sslv3,sslv3"), None);
        assert_eq!(read(ssl_versions, " "), None);
    }

    #[test]
    fn dates_to_the_second() {
        assert_eq!(date("1970-01"), Some(0));
        assert_eq!(date("2000-02-29"), Some(951_782_400));
        assert_eq!(date("2015-10-22 23:59:59"), Some(1_445_558_399));
        assert_eq!(date("2015-10-22T23:59"), Some(1_445_558_340));
        assert_eq!(date("1445558399"), Some(1_445_558_399));
        for text in ["", "2015", "2015-13", "2015-10-32", "2015-10 10", "10:10", "2015-10-22 24", "2015-10-22 1:1:1:1"]
        {
            assert_eq!(date(text).filter(|_| text != "2015"), None, "{text}");
        }
    }

    #[test]
    fn dates_are_compared_with_their_ends() {
        let test = |text| match test_value("test", text, |value| date_test(value, true).ok()) {
            Some(Keyword::TlsCertDate { test, .. }) => Some(test),
            _ => None,
        };
        assert_eq!(test("<2000-02-29"), Some(DateTest::UpTo(951_782_400)));
        assert_eq!(test("1970-01-01<>1970-01-02"), Some(DateTest::Between(0, 86400)));
        assert_eq!(test("1970-01-02<>1970-01-01"), None);
        assert_eq!(test("<1970-01-01<>1970-01-02"), None);
        assert!(DateTest::UpTo(5).matches(5) && DateTest::From(5).matches(5) && DateTest::Between(5, 6).matches(6));
    }

    #[test]
    fn software_begins_behind_blanks() {
        assert_eq!(read(ssh_software, " OpenSSH_9 "), Some(Keyword::SshSoftwareVersion("OpenSSH_9 ".into())));
        assert_eq!(read(ssh_software, "a/b"), None);
        assert_eq!(read(ssh_proto, "2.0"), Some(Keyword::SshProtoVersion(SshProtoVersion::Is("2.0".into()))));
        assert!(SshProtoVersion::TwoCompatible.matches(b"1.99") && !SshProtoVersion::TwoCompatible.matches(b"1.5"));
    }
}
