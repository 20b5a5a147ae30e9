//! Checks of the rule as a whole.

use super::{Instance, Kind, Member, Signature};
use crate::rules::Protocol;
use crate::rules::keyword::{Amount, Buffer, Compare, Content, Keyword};
use crate::source::{Diagnostic, Span};

impl Signature<'_> {
    /// Checks what only the whole rule shows, and settles its direction.
    pub(in crate::rules) fn finish(&mut self, rule: Span, warnings: &mut Vec<Diagnostic>) -> Result<(), Diagnostic> {
        if self.once.sid.is_none() {
            return Err(Diagnostic::error("FD0213", "the rule has no `sid`")
                .at(rule)
                .help("give it a number: `sid:1000001;`"));
        }
        if !self.flow && !self.to_server && !self.to_client {
            (self.to_server, self.to_client) = (true, true);
        }
        if let Some(empty) =
            self.instance.and_then(|index| self.instances.get(index)).filter(|instance| instance.members.is_empty())
        {
            return Err(super::untested(empty.span));
        }
        self.check_dsize()?;
        for instance in &self.instances {
            if instance.members.is_empty() {
                return Err(super::untested(instance.span));
            }
            if let Some(packet) = self.needs_packet
                && !instance.list.def.packet
            {
                return Err(Diagnostic::error(
                    "FD0222",
                    "this needs an application protocol's data, and the rule looks at packets",
                )
                .at(instance.span)
                .label(packet, "because of this"));
            }
            self.check_patterns(instance)?;
            self.check_bsize(instance)?;
        }
        self.settle_direction()?;
        if let (Some(packet), Some(stream)) = (self.needs_packet, self.needs_stream) {
            return Err(Diagnostic::error("FD0222", "a test of the packet in a rule that looks at the stream only")
                .at(packet)
                .label(stream, "because of this"));
        }
        self.check_frames(rule)?;
        if let Some(at) = self.fingerprint
            && let Some(bound) = self.app.filter(|bound| !matches!(bound, Protocol::Tls | Protocol::Quic))
        {
            return Err(Diagnostic::error(
                "FD0218",
                format!("JA3 and JA4 are of `tls` and `quic`, and the rule is about `{}`", bound.as_str()),
            )
            .at(at));
        }
        if let Some(at) = self.files {
            self.check_files(at)?;
        }
        if let Some(at) = self.file_name
            && self.app == Some(Protocol::Http2)
        {
            return Err(Diagnostic::error("FD0218", "files of HTTP/2 have no names").at(at));
        }
        self.check_transport(warnings);
        Ok(())
    }

    fn check_frames(&self, rule: Span) -> Result<(), Diagnostic> {
        let others = !self.payload.is_empty()
            || self.instances.iter().any(|instance| instance.list.def.name != super::FRAME.name);
        if self.has_frame && others {
            return Err(
                Diagnostic::error("FD0216", "`frame` cannot be combined with other buffers or bare contents").at(rule)
            );
        }
        Ok(())
    }

    /// A rule whose header leaves out what its application protocol runs over never matches; Suricata loads it.
    fn check_transport(&self, warnings: &mut Vec<Diagnostic>) {
        let Some(app) = self.app.filter(|_| !self.header.is_app_layer()) else { return };
        let runs = |number| self.header.has_transport(number) && app.has_transport(number);
        if !runs(6) && !runs(17) {
            let message = format!("a rule for `{}` never sees `{}`", self.header.as_str(), app.as_str());
            let place = self.instances.first().map_or_else(|| self.whole.whole(), |instance| instance.span);
            warnings.push(
                Diagnostic::warning("FD0225", message)
                    .at(place)
                    .help(format!("write `{}` in the header", app.as_str())),
            );
        }
    }

    /// Leaves the rule the direction in which all its buffers exist.
    fn settle_direction(&mut self) -> Result<(), Diagnostic> {
        let mut server_only: Option<Span> = None;
        let mut client_only: Option<Span> = None;
        for instance in &self.instances {
            let has = |protocols: &[Protocol]| {
                protocols.iter().any(|&protocol| self.app.is_none_or(|app| app.covers(protocol)))
            };
            let list = instance.list.def;
            match (has(list.to_server), has(list.to_client)) {
                (true, false) => _ = server_only.get_or_insert(instance.span),
                (false, true) => _ = client_only.get_or_insert(instance.span),
                _ => {}
            }
        }
        let conflict = |message: &str, at: Span| Diagnostic::error("FD0219", message).at(at);
        match (server_only, client_only) {
            (Some(server), Some(client)) => {
                return Err(conflict("one buffer is sent to the server, another to the client", client)
                    .label(server, "to the server"));
            }
            (Some(at), None) if !self.to_server => {
                return Err(conflict("this is sent to the server, and the rule is `to_client`", at));
            }
            (None, Some(at)) if !self.to_client => {
                return Err(conflict("this is sent to the client, and the rule is `to_server`", at));
            }
            (Some(_), None) => self.to_client = false,
            (None, Some(_)) => self.to_server = false,
            (None, None) => {}
        }
        Ok(())
    }

    fn contents<'s>(&'s self, members: &'s [Member]) -> impl Iterator<Item = (&'s Content, Span)> {
        members.iter().filter(|member| member.kind == Kind::Content).filter_map(|member| {
            let option = self.options.get(member.option)?;
            match &option.keyword {
                Keyword::Content(content) => Some((&**content, option.span)),
                _ => None,
            }
        })
    }

    /// `dsize` against the bytes that the contents of the payload need.
    fn check_dsize(&self) -> Result<(), Diagnostic> {
        let Some(at) = self.once.dsize else { return Ok(()) };
        let limit = self.options.iter().find_map(|option| match option.keyword {
            Keyword::Dsize(Compare::Lt(n) | Compare::Eq(n) | Compare::Ne(n) | Compare::Between(_, n)) => {
                Some(i64::from(n))
            }
            _ => None,
        });
        let Some(limit) = limit else { return Ok(()) };
        match self.needed_beyond(&self.payload, limit) {
            Some((needed, content)) => Err(too_short("dsize", limit, needed, at, content)),
            None => Ok(()),
        }
    }

    /// `bsize` against the bytes that the contents of its buffer need.
    fn check_bsize(&self, instance: &Instance) -> Result<(), Diagnostic> {
        let bsize = instance.members.iter().find_map(|member| match self.options.get(member.option) {
            Some(option) => match &option.keyword {
                Keyword::Bsize(bsize) => Some((bsize.0, option.span)),
                _ => None,
            },
            None => None,
        });
        let Some((Compare::Lt(limit) | Compare::Eq(limit) | Compare::Between(_, limit), at)) = bsize else {
            return Ok(());
        };
        let limit = i64::from(limit as i32);
        if limit < 0 {
            return Ok(());
        }
        match self.needed_beyond(&instance.members, limit) {
            Some((needed, content)) => Err(too_short("bsize", limit, needed, at, content)),
            None => Ok(()),
        }
    }

    /// How many bytes the contents of a list need, when that is more than `limit`: the first one, and those that are relative.
    /// Like Suricata, this takes the first content for required even if it is negated.
    fn needed_beyond(&self, members: &[Member], limit: i64) -> Option<(i64, Span)> {
        let number = |amount: &Option<Amount>| match amount {
            Some(Amount::Value(number)) => i64::from(*number),
            _ => 0,
        };
        let mut total = 0i64;
        let mut offset = 0i64;
        let mut place = None;
        for (content, span) in self.contents(members) {
            if place.is_some() {
                if content.distance.is_none() && content.within.is_none() {
                    continue;
                }
                if content.negated {
                    let needed = total + number(&content.distance) + number(&content.within);
                    if limit < needed {
                        return Some((needed, span));
                    }
                    continue;
                }
            }
            total += content.pattern.len() as i64 + number(&content.distance);
            offset = offset.max(number(&content.offset));
            place = Some(span);
        }
        let place = place?;
        if total > limit {
            return Some((total, place));
        }
        (total + offset > limit).then_some((total + offset, place))
    }

    /// Patterns that a buffer can never hold.
    fn check_patterns(&self, instance: &Instance) -> Result<(), Diagnostic> {
        if instance.list.chain != 0 {
            return Ok(());
        }
        let name = instance.list.def.name;
        let is = |buffer: Buffer| name == buffer.list().name;
        let never = |message: String, at: Span| Err(Diagnostic::error("FD0220", message).at(at));
        if is(Buffer::HttpUri) || is(Buffer::HttpUriRaw) {
            return self.check_urilen(instance);
        }
        if is(Buffer::HttpHeaderRaw) && self.to_server && self.to_client {
            return Err(Diagnostic::error("FD0219", "raw headers need a direction")
                .at(instance.span)
                .help("add `flow:to_server` for requests or `flow:to_client` for responses"));
        }
        for (content, at) in self.contents(&instance.members) {
            let pattern = content.pattern.as_slice();
            if is(Buffer::HttpHost) {
                if content.nocase {
                    return Err(Diagnostic::error(
                        "FD0220",
                        "`nocase` cannot be used with the host, which is compared in lower case",
                    )
                    .at(at)
                    .help("leave `nocase` out, or use `http.host.raw`"));
                }
                if pattern.iter().any(u8::is_ascii_uppercase) {
                    return Err(Diagnostic::error(
                        "FD0220",
                        "the host is compared in lower case, and the pattern has capitals",
                    )
                    .at(at)
                    .help("write the pattern in lower case, or use `http.host.raw`"));
                }
            } else if is(Buffer::HttpMethod) {
                let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
                if blank(pattern.first()) || blank(pattern.last()) {
                    return never("a method has no blank in front or behind".into(), at);
                }
            } else if is(Buffer::Ja3Hash) || is(Buffer::Ja3sHash) {
                if pattern.len() != 32 {
                    return never(format!("a JA3 hash has 32 characters, the pattern has {}", pattern.len()), at);
                }
                return Ok(());
            } else if is(Buffer::SshHassh) || is(Buffer::SshHasshServer) || is(Buffer::QuicCyuHash) {
                if pattern.len() != 32 || !pattern.iter().all(u8::is_ascii_hexdigit) {
                    return never("the hash is 32 hexadecimal digits".into(), at);
                }
            } else if is(Buffer::TlsCertFingerprint) {
                if pattern.len() != 59 || !pattern.contains(&b':') {
                    return never(
                        "a fingerprint is 20 bytes in hexadecimal with colons between them, 59 characters".into(),
                        at,
                    );
                }
            } else if is(Buffer::TlsCertSerial) {
                if pattern.len() > 2 && !pattern.contains(&b':') {
                    return never("a serial number is bytes in hexadecimal with colons between them".into(), at);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// `urilen` against the contents of the URI. Suricata allows one byte more than the test for `<` and ranges.
    fn check_urilen(&self, instance: &Instance) -> Result<(), Diagnostic> {
        let urilen = instance.members.iter().rev().find_map(|member| match self.options.get(member.option) {
            Some(option) => match option.keyword {
                Keyword::Urilen { compare, .. } => Some((compare, option.span)),
                _ => None,
            },
            None => None,
        });
        let Some((compare, at)) = urilen else { return Ok(()) };
        let high = match compare {
            Compare::Lt(n) | Compare::Between(_, n) => n.saturating_add(1),
            Compare::Le(n) | Compare::Eq(n) => n,
            _ => u16::MAX,
        };
        if high == u16::MAX {
            return Ok(());
        }
        for (content, span) in self.contents(&instance.members) {
            if content.pattern.len() > usize::from(high) {
                return Err(too_short("urilen", i64::from(high), content.pattern.len() as i64, at, span));
            }
        }
        Ok(())
    }
}

fn too_short(keyword: &str, limit: i64, needed: i64, at: Span, content: Span) -> Diagnostic {
    Diagnostic::error("FD0221", format!("the contents need {needed} bytes, and `{keyword}` allows {limit}"))
        .at(at)
        .label(content, "needs more")
}
