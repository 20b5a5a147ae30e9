//! FTP and SMTP servers that speak first: detection by their greeting.

use super::AppProto;
use super::probe::{Context, Probe};

/// `220`, a space or hyphen, and what follows; `None` when there is too little of it.
fn greeting(data: &[u8]) -> Result<&[u8], Probe> {
    match data {
        [b'2', b'2', b'0', b' ' | b'-', rest @ ..] if !rest.is_empty() => Ok(rest),
        [_, _, _, _, _, ..] => Err(Probe::Failed),
        _ => Err(Probe::Unknown),
    }
}

/// A greeting in whole to a client that has said nothing yet, or something of FTP.
pub(super) fn probe_ftp(context: Context, data: &[u8]) -> Probe {
    match greeting(data) {
        Ok(rest) if matches!(context.other, AppProto::Ftp | AppProto::Unknown) && rest.contains(&b'\n') => Probe::MATCH,
        Ok(_) => Probe::Unknown,
        Err(answer) => answer,
    }
}

/// The same for SMTP, where it must begin with the server's name unless the client speaks SMTP already.
pub(super) fn probe_smtp(context: Context, data: &[u8]) -> Probe {
    let rest = match greeting(data) {
        Ok(rest) => rest,
        Err(answer) => return answer,
    };
    let known = context.other == AppProto::Smtp;
    if !known && !begins_with_domain(rest) {
        return Probe::Failed;
    }
    if (known || matches!(context.other, AppProto::Unknown | AppProto::Tls)) && rest.contains(&b'\n') {
        return Probe::MATCH;
    }
    Probe::Unknown
}

/// At least two labels; each begins with a letter and does not end with a hyphen. What follows the name does not count.
fn begins_with_domain(data: &[u8]) -> bool {
    let mut n_labels = 0;
    for label in data.split(|&byte| byte == b'.') {
        let len = label.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').unwrap_or(label.len());
        let name = label.get(..len).unwrap_or_default();
        if !name.first().is_some_and(u8::is_ascii_alphabetic) || name.last() == Some(&b'-') {
            break;
        }
        n_labels += 1;
        if len != label.len() {
            break;
        }
    }
    n_labels >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AppConfig, FlowKeyView};
    use crate::verdict::Direction;

    fn context(other: AppProto) -> Context {
        let flow = FlowKeyView { ip_proto: 6, client_port: 40000, server_port: 25 };
        Context { flow, direction: Direction::ToClient, midstream: false, config: AppConfig::default(), other }
    }

    #[test]
    fn a_mail_server_gives_its_name() {
        let probe = |data| probe_smtp(context(AppProto::Unknown), data);
        assert_eq!(probe(b"220 mx.a.example ESMTP\r\n"), Probe::MATCH);
        assert_eq!(probe(b"220 mx.a.example ESMTP"), Probe::Unknown);
        assert_eq!(probe(b"220 welcome\r\n"), Probe::Failed);
        assert_eq!(probe(b"220 mx-.example\r\n"), Probe::Failed);
        assert_eq!(probe(b"220 "), Probe::Unknown);
        assert_eq!(probe_smtp(context(AppProto::Smtp), b"220 welcome\r\n"), Probe::MATCH);
    }

    #[test]
    fn a_file_server_need_not() {
        assert_eq!(probe_ftp(context(AppProto::Unknown), b"220-hello\r\n"), Probe::MATCH);
        assert_eq!(probe_ftp(context(AppProto::Http1), b"220 hello\r\n"), Probe::Unknown);
        assert_eq!(probe_ftp(context(AppProto::Unknown), b"221 hello\r\n"), Probe::Failed);
    }
}
