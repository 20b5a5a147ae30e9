//! What the options of a rule mean together, checked in the order in which Suricata meets them.
//!
//! Suricata puts every test into a *list*: the packet's or stream's payload, one per buffer (and chain of transforms), one
//! for each group of keywords that look at something of their own. A sticky buffer chooses the list for the tests behind
//! it; a modifier belongs to the last content of the chosen list, or of all lists when none is chosen. This module keeps
//! the same books, so that it refuses what Suricata refuses and gives every modifier to the content that Suricata gives it to.

mod finish;

use super::Protocol;
use super::ast::{Basis, RuleOption};
use super::keyword::{
    Amount, Buffer, Content, Effect, Encoding, FastPattern, Flow, FlowStream, IpProto, IpProtoMatch, Keyword,
    KeywordDef, ListDef, Parse, Transform, Value,
};
use crate::source::{Diagnostic, MappedText, Span};
use crate::verdict::Direction;
use smallvec::SmallVec;

/// Suricata's list of frames.
const FRAME: ListDef =
    ListDef { name: "frame", app: None, to_server: &[], to_client: &[], multi: false, packet: false };
/// Suricata's list of application-layer events.
const EVENTS: ListDef =
    ListDef { name: "app-layer-events", app: None, to_server: &[], to_client: &[], multi: false, packet: false };

/// Most transforms of a buffer.
const TRANSFORMS_MAX: usize = 16;
/// Most buffers of a rule.
const INSTANCES_MAX: usize = 64;

/// A buffer with its transforms (an index into [`Signature::chains`], 0 for none).
#[derive(Clone, Copy, Debug)]
struct List {
    def: &'static ListDef,
    chain: usize,
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain && self.def.name == other.def.name
    }
}

/// Where the next test goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Current {
    /// No sticky buffer: the payload.
    Unset,
    /// `base64_data`.
    Base64,
    /// A sticky buffer.
    List(List),
}

/// A test in a list.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// Index of its option.
    option: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Content,
    Pcre,
    /// Other tests of bytes, which relative tests can follow.
    Bytes,
    /// `byte_math`, which relative tests can follow, but not `base64_decode`.
    Math,
    /// `base64_decode`
    Decode,
    Other,
}

/// A mention of a buffer, with its tests.
#[derive(Debug)]
struct Instance {
    list: List,
    /// Made by a keyword that looks at something of its own, not by a sticky buffer.
    implied: bool,
    members: SmallVec<[Member; 4]>,
    /// The option that made it.
    span: Span,
}

/// A list that tests can be put into.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Payload,
    Base64,
    List(List),
}

/// Things that may be in a rule once.
#[derive(Clone, Copy, Debug, Default)]
struct Once {
    sid: Option<Span>,
    rev: Option<Span>,
    msg: Option<Span>,
    dsize: Option<Span>,
    threshold: Option<Span>,
    detection_filter: Option<Span>,
    target: Option<bool>,
}

/// A rule whose options are being read.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    whole: &'a MappedText,
    header: Protocol,
    app: Option<Protocol>,
    to_server: bool,
    to_client: bool,
    /// A `flow` that is more than a direction.
    flow: bool,
    needs_packet: Option<Span>,
    needs_stream: Option<Span>,
    options: Vec<RuleOption>,
    current: Current,
    /// A sticky buffer was named and nothing tested yet: transforms may follow.
    fresh: bool,
    pending: Vec<Transform>,
    chains: Vec<Vec<Transform>>,
    instances: SmallVec<[Instance; 2]>,
    /// The instance that tests of the current list go to.
    instance: Option<usize>,
    payload: SmallVec<[Member; 4]>,
    base64: SmallVec<[Member; 2]>,
    variables: Vec<String>,
    ip_protos: SmallVec<[IpProto; 2]>,
    /// `ip_proto` was used in a rule whose header allows it.
    any_ip_proto: bool,
    once: Once,
    fingerprint: Option<Span>,
    files: Option<Span>,
    file_name: Option<Span>,
    has_frame: bool,
}

impl<'a> Signature<'a> {
    pub(super) fn new(whole: &'a MappedText, header: Protocol, text_len: usize) -> Self {
        let header_span = whole.span(0..0);
        Self {
            whole,
            header,
            app: header.is_app_layer().then_some(header),
            to_server: false,
            to_client: false,
            flow: false,
            needs_packet: (header == Protocol::TcpPkt).then_some(header_span),
            needs_stream: (header == Protocol::TcpStream).then_some(header_span),
            options: Vec::with_capacity((text_len / 24).clamp(4, 64)),
            current: Current::Unset,
            fresh: false,
            pending: Vec::new(),
            chains: Vec::new(),
            instances: SmallVec::new(),
            instance: None,
            payload: SmallVec::new(),
            base64: SmallVec::new(),
            variables: Vec::new(),
            ip_protos: SmallVec::new(),
            any_ip_proto: false,
            once: Once::default(),
            fingerprint: None,
            files: None,
            file_name: None,
            has_frame: false,
        }
    }

    pub(super) fn app_protocol(&self) -> Option<Protocol> {
        self.app
    }

    /// What the rule's contents are looked for in, where header or options say so.
    pub(super) fn basis(&self) -> Option<Basis> {
        match (self.needs_packet, self.needs_stream) {
            (Some(_), _) => Some(Basis::Packet),
            (None, Some(_)) => Some(Basis::Stream),
            (None, None) => None,
        }
    }

    pub(super) fn direction(&self) -> Option<Direction> {
        match (self.to_server, self.to_client) {
            (true, false) => Some(Direction::ToServer),
            (false, true) => Some(Direction::ToClient),
            _ => None,
        }
    }

    pub(super) fn into_options(self) -> Vec<RuleOption> {
        self.options
    }

    /// Takes an option in.
    pub(super) fn option(
        &mut self,
        def: &'static KeywordDef,
        value: &Value<'_>,
        name: Span,
        span: Span,
    ) -> Result<(), Diagnostic> {
        match def.parse {
            Parse::Modifier(parse) => return self.modifier(def, parse, value, name),
            Parse::BufferModifier(buffer, app) => return self.buffer_modifier(def.name, buffer, app, name),
            Parse::Buffer(buffer) => {
                self.buffer(buffer, name)?;
                self.push(Keyword::Buffer(buffer), span);
            }
            Parse::Keyword(parse) => {
                let keyword = parse(value)?;
                self.keyword(keyword, name, span)?;
            }
            Parse::Recognised => {
                self.recognised(def, value, name)?;
                let value = value.present.then(|| value.raw.to_owned());
                self.push(Keyword::Recognised { name: def.name, value }, span);
            }
        }
        match def.effect {
            Effect::PacketOnly => {
                self.needs_packet.get_or_insert(name);
            }
            Effect::Own(list) => self.own(list, name)?,
            Effect::App(protocol) => self.bind(protocol, name)?,
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, keyword: Keyword, span: Span) {
        self.options.push(RuleOption { span, keyword });
    }

    /// The index that the next option will have.
    fn next_option(&self) -> usize {
        self.options.len()
    }

    // --- protocols and lists -------------------------------------------------------------------------------------------

    /// Binds the rule to an application protocol.
    fn bind(&mut self, protocol: Protocol, at: Span) -> Result<(), Diagnostic> {
        match self.app {
            Some(Protocol::Dcerpc) if protocol == Protocol::Smb => {
                return Err(other_protocol(Protocol::Dcerpc, protocol, at));
            }
            Some(bound) if bound.covers(protocol) => {}
            Some(bound) if protocol.covers(bound) => return Ok(()),
            Some(bound) => return Err(other_protocol(bound, protocol, at)),
            None => {}
        }
        self.app = Some(protocol);
        Ok(())
    }

    /// Chooses a sticky buffer.
    fn choose(&mut self, def: &'static ListDef, at: Span) -> Result<(), Diagnostic> {
        if self.current == Current::Base64 {
            return Err(Diagnostic::error("FD0216", "no buffer can follow `base64_data`").at(at));
        }
        if !self.pending.is_empty() {
            return Err(Diagnostic::error("FD0217", "nothing is tested after the transforms before this buffer").at(at));
        }
        if let Some(empty) =
            self.instance.and_then(|index| self.instances.get(index)).filter(|instance| instance.members.is_empty())
        {
            return Err(untested(empty.span).label(at, "the next buffer"));
        }
        let list = List { def, chain: 0 };
        self.current = Current::List(list);
        self.fresh = true;
        if let Some(index) =
            self.instances.iter().position(|instance| instance.list == list && (instance.implied || !def.multi))
        {
            if let Some(instance) = self.instances.get_mut(index) {
                instance.implied = false;
            }
            self.instance = Some(index);
            return Ok(());
        }
        self.add_instance(list, false, at)
    }

    fn add_instance(&mut self, list: List, implied: bool, span: Span) -> Result<(), Diagnostic> {
        if self.instances.len() == INSTANCES_MAX {
            return Err(Diagnostic::error("FD0216", format!("more than {INSTANCES_MAX} buffers in a rule")).at(span));
        }
        self.instance = Some(self.instances.len());
        self.instances.push(Instance { list, implied, members: SmallVec::new(), span });
        Ok(())
    }

    /// Makes the pending transforms part of the chosen buffer.
    fn settle(&mut self, at: Span) -> Result<(), Diagnostic> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Current::List(base) = self.current else {
            return Err(Diagnostic::error("FD0217", "the transforms before this are of no buffer").at(at));
        };
        let mut chain = match base.chain.checked_sub(1).and_then(|index| self.chains.get(index)) {
            Some(before) => before.clone(),
            None => Vec::new(),
        };
        chain.append(&mut self.pending);
        let index = if let Some(index) = self.chains.iter().position(|known| *known == chain) {
            index + 1
        } else {
            self.chains.push(chain);
            self.chains.len()
        };
        let list = List { def: base.def, chain: index };
        self.current = Current::List(list);
        self.fresh = false;
        match self.instance.and_then(|index| self.instances.get_mut(index)) {
            Some(instance) if instance.members.is_empty() => instance.list = list,
            _ => self.add_instance(list, false, at)?,
        }
        Ok(())
    }

    /// Puts a test into a list.
    fn add(&mut self, place: Place, member: Member, at: Span) -> Result<(), Diagnostic> {
        let list = match place {
            Place::Payload => {
                self.payload.push(member);
                return Ok(());
            }
            Place::Base64 => {
                self.base64.push(member);
                return Ok(());
            }
            Place::List(list) => list,
        };
        if self.current != Current::Unset && self.current != Current::List(list) {
            self.current = Current::Unset;
        }
        let fits = |instances: &[Instance], index: Option<usize>| {
            index.and_then(|index| instances.get(index)).is_some_and(|instance| instance.list == list)
        };
        if self.instance.is_some()
            && !fits(&self.instances, self.instance)
            && let Some(index) = self.instances.iter().position(|instance| instance.list == list && !list.def.multi)
        {
            self.instance = Some(index);
        }
        if !fits(&self.instances, self.instance) {
            self.add_instance(list, true, at)?;
        }
        if let Some(instance) = self.instance.and_then(|index| self.instances.get_mut(index)) {
            instance.members.push(member);
        }
        Ok(())
    }

    /// Where a test goes that follows the sticky buffer.
    fn here(&self) -> Place {
        match self.current {
            Current::Unset => Place::Payload,
            Current::Base64 => Place::Base64,
            Current::List(list) => Place::List(list),
        }
    }

    /// The last test of the chosen list, or of all when none is chosen, that `wanted` accepts.
    fn last(&self, wanted: impl Fn(Kind) -> bool) -> Option<(Place, Member)> {
        let mut last: Option<(Place, Member)> = None;
        let mut look = |place: Place, members: &[Member]| {
            if let Some(&member) = members.iter().rev().find(|member| wanted(member.kind))
                && last.is_none_or(|(_, before)| member.option > before.option)
            {
                last = Some((place, member));
            }
        };
        for instance in &self.instances {
            if self.current == Current::Unset || self.current == Current::List(instance.list) {
                look(Place::List(instance.list), &instance.members);
            }
        }
        if self.current == Current::Unset {
            look(Place::Payload, &self.payload);
        }
        if matches!(self.current, Current::Unset | Current::Base64) {
            look(Place::Base64, &self.base64);
        }
        last
    }

    /// The content or expression before an option in its own list.
    fn before(&self, option: usize) -> Option<Member> {
        let lists = self
            .instances
            .iter()
            .map(|instance| instance.members.as_slice())
            .chain([self.payload.as_slice(), self.base64.as_slice()]);
        for members in lists {
            if let Some(index) = members.iter().position(|member| member.option == option) {
                return members
                    .iter()
                    .take(index)
                    .rev()
                    .find(|member| matches!(member.kind, Kind::Content | Kind::Pcre))
                    .copied();
            }
        }
        None
    }

    fn content(&self, option: usize) -> Option<&Content> {
        match self.options.get(option).map(|option| &option.keyword) {
            Some(Keyword::Content(content)) => Some(content),
            _ => None,
        }
    }

    // --- single kinds of options ---------------------------------------------------------------------------------------

    fn buffer(&mut self, buffer: Buffer, name: Span) -> Result<(), Diagnostic> {
        let def = buffer.list();
        match buffer {
            Buffer::IpSrc | Buffer::IpDst => {
                self.current = Current::List(List { def, chain: 0 });
                return Ok(());
            }
            Buffer::Ja3Hash | Buffer::Ja3String | Buffer::Ja3sHash | Buffer::Ja3sString | Buffer::Ja4Hash => {
                self.choose(def, name)?;
                self.fingerprint.get_or_insert(name);
                return match self.app {
                    None | Some(Protocol::Tls | Protocol::Quic) => Ok(()),
                    Some(bound) => Err(Diagnostic::error(
                        "FD0218",
                        format!(
                            "`{}` is of `tls` and `quic`, and the rule is about `{}`",
                            buffer.name(),
                            bound.as_str()
                        ),
                    )
                    .at(name)),
                };
            }
            Buffer::FileData => {
                if !self.header.has_transport(6) {
                    return Err(Diagnostic::error("FD0218", "`file.data` needs a protocol over TCP").at(name));
                }
                self.check_files(name)?;
                if self.app == Some(Protocol::Smtp) && self.flow && self.to_client && !self.to_server {
                    return Err(Diagnostic::error(
                        "FD0219",
                        "files of SMTP are sent to the server, and the rule is `to_client`",
                    )
                    .at(name));
                }
                self.files.get_or_insert(name);
            }
            Buffer::FileName | Buffer::FileMagic => {
                self.files.get_or_insert(name);
                if buffer == Buffer::FileName {
                    self.file_name.get_or_insert(name);
                }
            }
            _ => {}
        }
        let transport = match buffer {
            Buffer::TcpHdr => Some(6),
            Buffer::UdpHdr => Some(17),
            Buffer::Icmpv4Hdr => Some(1),
            Buffer::Icmpv6Hdr => Some(58),
            _ => None,
        };
        if transport.is_some_and(|number| !self.header.has_transport(number)) {
            let message = format!("there is no `{}` in `{}` rules", buffer.name(), self.header.as_str());
            return Err(Diagnostic::error("FD0218", message)
                .at(name)
                .help("name its protocol, or `ip`, in the header"));
        }
        if def.packet {
            self.needs_packet.get_or_insert(name);
        }
        if buffer == Buffer::DcerpcStubData {
            self.bind(Protocol::Dcerpc, name)?;
        }
        self.choose(def, name)?;
        if let Some(protocol) = def.app {
            self.bind(protocol, name)?;
        }
        if buffer == Buffer::HttpResponseBody {
            (self.to_server, self.to_client) = (false, true);
        }
        Ok(())
    }

    /// Whether the bound protocol transfers files.
    fn check_files(&self, at: Span) -> Result<(), Diagnostic> {
        use Protocol::{Ftp, FtpData, Http, Http1, Http2, Nfs, Smb, Smtp};
        match self.app {
            Some(bound) if !matches!(bound, Http | Http1 | Http2 | Smtp | Ftp | FtpData | Smb | Nfs) => {
                Err(Diagnostic::error("FD0218", format!("there are no files in `{}`", bound.as_str())).at(at))
            }
            _ => Ok(()),
        }
    }

    /// A keyword that looks at something of its own.
    fn own(&mut self, def: &'static ListDef, name: Span) -> Result<(), Diagnostic> {
        if let Some(protocol) = def.app {
            self.bind(protocol, name)?;
        }
        let option = self.options.len().saturating_sub(1);
        self.add(Place::List(List { def, chain: 0 }), Member { option, kind: Kind::Other }, name)
    }

    fn modifier(
        &mut self,
        def: &'static KeywordDef,
        parse: fn(&mut Content, &Value<'_>) -> Result<(), Diagnostic>,
        value: &Value<'_>,
        name: Span,
    ) -> Result<(), Diagnostic> {
        let without = || {
            let error = Diagnostic::error("FD0214", format!("`{}` has no content before it", def.name)).at(name);
            if self.current == Current::Unset {
                error.help("write it behind the content that it changes")
            } else {
                error.help("behind a sticky buffer it needs a content of that buffer")
            }
        };
        if def.name == "rawbytes"
            && (self.current != Current::Unset || self.payload.iter().all(|member| member.kind != Kind::Content))
        {
            return Err(without());
        }
        let Some((_, member)) = self.last(|kind| kind == Kind::Content) else {
            return Err(without());
        };
        if def.name == "fast_pattern"
            && !value.present
            && let Some(other) = self.payload.iter().chain(&self.base64).find(|other| {
                other.option != member.option
                    && self.content(other.option).is_some_and(|content| content.fast_pattern.is_some())
            })
        {
            let error = Diagnostic::error("FD0212", "`fast_pattern` for more than one content").at(name);
            return Err(match self.options.get(other.option) {
                Some(option) => error.label(option.span, "the other one"),
                None => error,
            });
        }
        let Some(Keyword::Content(content)) = self.options.get_mut(member.option).map(|option| &mut option.keyword)
        else {
            return Err(Diagnostic::error("FD0214", format!("`{}` has no content before it", def.name))
                .at(name)
                .help("write it behind the content that it changes"));
        };
        parse(content, value)?;
        let amount = match def.name {
            "depth" => &content.depth,
            "offset" => &content.offset,
            "distance" => &content.distance,
            "within" => &content.within,
            _ => return Ok(()),
        };
        if let Some(Amount::Variable(variable)) = amount
            && !self.variables.contains(variable)
        {
            return Err(unknown_variable(variable, value.span()));
        }
        if matches!(def.name, "distance" | "within")
            && let Some(before) = self.before(member.option)
            && self.content(before.option).is_some_and(|content| content.fast_pattern == Some(FastPattern::Only))
        {
            return Err(Diagnostic::error(
                "FD0215",
                format!("`{}` behind a content with `fast_pattern:only`, which has no place", def.name),
            )
            .at(name));
        }
        Ok(())
    }

    /// `content:"x"; http_uri;`
    fn buffer_modifier(
        &mut self,
        modifier: &str,
        buffer: Buffer,
        app: Option<Protocol>,
        name: Span,
    ) -> Result<(), Diagnostic> {
        if self.current != Current::Unset {
            return Err(Diagnostic::error(
                "FD0216",
                format!("`{modifier}` is an old-style modifier and cannot be used with a sticky buffer"),
            )
            .at(name)
            .help(format!("write `pkt_data;` before the content, or use the sticky buffer `{}`", buffer.name())));
        }
        if let (Some(bound), Some(app)) = (self.app, app) {
            if !bound.covers(app) {
                return Err(other_protocol(bound, app, name));
            }
            self.app = Some(app);
        }
        let Some(position) = self.payload.iter().rposition(|member| member.kind == Kind::Content) else {
            return Err(Diagnostic::error("FD0214", format!("`{modifier}` has no content before it"))
                .at(name)
                .help("write it behind the content that it changes"));
        };
        let Some(&member) = self.payload.get(position) else { return Ok(()) };
        if self.content(member.option).is_some_and(|content| content.rawbytes) {
            return Err(Diagnostic::error(
                "FD0215",
                format!("`{modifier}` cannot be used for a content with `rawbytes`"),
            )
            .at(name));
        }
        if app.is_some() {
            self.app = app;
        }
        let list = List { def: buffer.list(), chain: 0 };
        let chosen = self.instance.and_then(|index| self.instances.get(index));
        if chosen.is_none_or(|instance| instance.list != list) {
            if let Some(empty) = chosen.filter(|instance| instance.members.is_empty()) {
                return Err(untested(empty.span));
            }
            match self.instances.iter().position(|instance| instance.list == list) {
                Some(index) if chosen.is_some() => self.instance = Some(index),
                _ => self.add_instance(list, false, name)?,
            }
        }
        self.payload.remove(position);
        if let Some(instance) = self.instance.and_then(|index| self.instances.get_mut(index)) {
            instance.members.push(member);
        }
        if let Some(Keyword::Content(content)) = self.options.get_mut(member.option).map(|option| &mut option.keyword) {
            content.modifier_buffer = Some(buffer);
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: Keyword, name: Span, span: Span) -> Result<(), Diagnostic> {
        let option = self.next_option();
        match &keyword {
            Keyword::Sid(_) => once(&mut self.once.sid, "sid", name)?,
            Keyword::Rev(_) => once(&mut self.once.rev, "rev", name)?,
            Keyword::Msg(_) => once(&mut self.once.msg, "msg", name)?,
            Keyword::Dsize(_) => once(&mut self.once.dsize, "dsize", name)?,
            Keyword::Target { destination }
                if self.once.target.replace(*destination).is_some_and(|before| before != *destination) =>
            {
                return Err(Diagnostic::error("FD0212", "`target` names both sides").at(name));
            }
            Keyword::Threshold(_) => {
                once(&mut self.once.threshold, "threshold", name)?;
                self.one_threshold(name)?;
            }
            Keyword::DetectionFilter(_) => {
                once(&mut self.once.detection_filter, "detection_filter", name)?;
                self.one_threshold(name)?;
            }
            Keyword::Flow(flow) => self.take_flow(*flow, name)?,
            Keyword::IpProto(ip_proto) => self.take_ip_proto(*ip_proto, name)?,
            Keyword::AppLayerProtocol { negated, protocol } => {
                self.take_app_layer_protocol(*negated, *protocol, name)?;
            }
            Keyword::AppLayerEvent(event) => {
                if let Some(protocol) =
                    event.split_once('.').and_then(|(protocol, _)| Protocol::parse_app_layer(protocol))
                {
                    if !self.header.has_transport(6) && !self.header.has_transport(17) {
                        return Err(Diagnostic::error(
                            "FD0218",
                            format!("there is no `{}` in `{}` rules", protocol.as_str(), self.header.as_str()),
                        )
                        .at(name));
                    }
                    // An event of `http` is one of HTTP/1.
                    self.bind(if protocol == Protocol::Http { Protocol::Http1 } else { protocol }, name)?;
                    self.add(Place::List(List { def: &EVENTS, chain: 0 }), Member { option, kind: Kind::Other }, name)?;
                }
            }
            Keyword::Urilen { raw, .. } => {
                self.bind(Protocol::Http, name)?;
                let def = if *raw { Buffer::HttpUriRaw } else { Buffer::HttpUri }.list();
                self.add(Place::List(List { def, chain: 0 }), Member { option, kind: Kind::Other }, name)?;
            }
            Keyword::PktData => {
                if !self.pending.is_empty() {
                    return Err(Diagnostic::error(
                        "FD0217",
                        "nothing is tested after the transforms before `pkt_data`",
                    )
                    .at(name));
                }
                self.current = Current::Unset;
            }
            Keyword::Transform(transform) => {
                if !matches!(self.current, Current::List(_)) || !self.fresh {
                    return Err(Diagnostic::error(
                        "FD0217",
                        format!("`{}` must directly follow a sticky buffer", transform.name()),
                    )
                    .at(name));
                }
                if self.pending.len() == TRANSFORMS_MAX {
                    return Err(Diagnostic::error(
                        "FD0217",
                        format!("more than {TRANSFORMS_MAX} transforms of one buffer"),
                    )
                    .at(name));
                }
                self.pending.push(transform.clone());
            }
            Keyword::Content(content) => return self.take_content(content.modifier_buffer, keyword, span, name),
            Keyword::Pcre(_) => return self.take_pcre(keyword, span, name),
            Keyword::Bsize(_) => {
                self.settle(name)?;
                let Current::List(list) = self.current else {
                    return Err(Diagnostic::error("FD0216", "`bsize` has no sticky buffer before it").at(name));
                };
                self.add(Place::List(list), Member { option, kind: Kind::Other }, name)?;
            }
            Keyword::Isdataat(isdataat) => {
                self.known(&isdataat.at, name)?;
                let place = self.place_of_bytes(isdataat.relative, name)?;
                self.add(place, Member { option, kind: Kind::Bytes }, name)?;
            }
            Keyword::ByteTest(test) => {
                let place = self.place_of_bytes(test.relative, name)?;
                self.bind_dce(test.encoding, name)?;
                self.known(&test.value, name)?;
                self.known(&test.offset, name)?;
                self.known(&test.bytes, name)?;
                self.add(place, Member { option, kind: Kind::Bytes }, name)?;
            }
            Keyword::ByteJump(jump) => {
                let place = self.place_of_bytes(jump.relative, name)?;
                self.bind_dce(jump.encoding, name)?;
                self.known(&jump.bytes, name)?;
                self.known(&jump.offset, name)?;
                self.add(place, Member { option, kind: Kind::Bytes }, name)?;
            }
            Keyword::ByteExtract(extract) => {
                let place = self.place_before_transforms(extract.relative, is_followed);
                if extract.encoding == Encoding::Dce {
                    self.bind(Protocol::Dcerpc, name)?;
                }
                self.add(place, Member { option, kind: Kind::Bytes }, name)?;
                self.variables.push(extract.name.clone());
            }
            Keyword::ByteMath(math) => {
                let place = self.place_of_bytes(math.relative, name)?;
                if math.relative
                    && self.current != Current::Unset
                    && self.last(|kind| matches!(kind, Kind::Content | Kind::Pcre)).is_none()
                {
                    return Err(Diagnostic::error(
                        "FD0215",
                        "`relative` needs a content or an expression before it in the same buffer",
                    )
                    .at(name));
                }
                self.known(&math.bytes, name)?;
                self.known(&math.operand, name)?;
                self.add(place, Member { option, kind: Kind::Math }, name)?;
                self.variables.push(math.result.clone());
            }
            Keyword::Base64Decode(_) => {
                let place = self.place_before_transforms(true, |kind| is_followed(kind) && kind != Kind::Math);
                self.add(place, Member { option, kind: Kind::Decode }, name)?;
            }
            Keyword::Base64Data => {
                if self.last(|kind| kind == Kind::Decode).is_none() {
                    return Err(Diagnostic::error("FD0216", "`base64_data` has no `base64_decode` before it").at(name));
                }
                self.current = Current::Base64;
            }
            _ => {}
        }

        self.push(keyword, span);
        Ok(())
    }

    /// Where a test of bytes goes: to the sticky buffer; without one, a relative test follows the last test of any list.
    fn place_of_bytes(&mut self, relative: bool, at: Span) -> Result<Place, Diagnostic> {
        if self.current != Current::Unset {
            self.settle(at)?;
            return Ok(self.here());
        }
        Ok(self.place_before_transforms(relative, is_followed))
    }

    /// The same for options that do not see to the transforms of the sticky buffer: they look at it as it was before.
    fn place_before_transforms(&self, relative: bool, follows: fn(Kind) -> bool) -> Place {
        if self.current == Current::Unset && relative {
            self.last(follows).map_or(Place::Payload, |(place, _)| place)
        } else {
            self.here()
        }
    }

    /// Numbers in the order of a DCE/RPC header are of its protocol, unless a sticky buffer says where they are.
    fn bind_dce(&mut self, encoding: Encoding, name: Span) -> Result<(), Diagnostic> {
        if encoding == Encoding::Dce && self.current == Current::Unset {
            self.bind(Protocol::Dcerpc, name)?;
        }
        Ok(())
    }

    /// A variable must be set earlier in the rule.
    fn known<T>(&self, amount: &Amount<T>, at: Span) -> Result<(), Diagnostic> {
        match amount {
            Amount::Variable(variable) if !self.variables.contains(variable) => Err(unknown_variable(variable, at)),
            _ => Ok(()),
        }
    }

    fn recognised(&mut self, def: &'static KeywordDef, value: &Value<'_>, name: Span) -> Result<(), Diagnostic> {
        let option = self.next_option();
        match def.effect {
            Effect::Disabled => {
                return Err(Diagnostic::error(
                    "FD0218",
                    format!("the protocol of `{}` is not detected unless it is switched on", def.name),
                )
                .at(name));
            }
            Effect::Here => {
                self.settle(name)?;
                let Current::List(list) = self.current else {
                    return Err(
                        Diagnostic::error("FD0216", format!("`{}` has no sticky buffer before it", def.name)).at(name)
                    );
                };
                return self.add(Place::List(list), Member { option, kind: Kind::Other }, name);
            }
            Effect::Frame => {
                let protocol = value.text.split_once('.').and_then(|(protocol, _)| Protocol::parse_app_layer(protocol));
                match (protocol, self.app) {
                    (Some(protocol), _) => self.bind(protocol, name)?,
                    (None, Some(_)) => {}
                    (None, None) => {
                        return Err(Diagnostic::error(
                            "FD0218",
                            "`frame` needs a protocol: `protocol.frame`, or one in the header",
                        )
                        .at(name));
                    }
                }
                self.has_frame = true;
                return self.choose(&FRAME, name);
            }
            _ => {}
        }
        match def.name {
            "filename" | "fileext" => {
                self.files.get_or_insert(name);
                self.file_name.get_or_insert(name);
            }
            "filemagic" | "filestore" | "filemd5" | "filesha1" | "filesha256" | "filesize" => {
                self.files.get_or_insert(name);
            }
            "replace" if value.negated => return Err(value.invalid("a replacement cannot be negated")),
            _ => {}
        }
        Ok(())
    }

    fn one_threshold(&self, at: Span) -> Result<(), Diagnostic> {
        if self.once.threshold.is_some() && self.once.detection_filter.is_some() {
            return Err(
                Diagnostic::error("FD0212", "`threshold` and `detection_filter` cannot be used in one rule").at(at)
            );
        }
        Ok(())
    }

    fn take_flow(&mut self, flow: Flow, name: Span) -> Result<(), Diagnostic> {
        if self.flow {
            return Err(Diagnostic::error("FD0212", "`flow` twice").at(name).help("put all its words into one `flow`"));
        }
        match flow.direction {
            Some(Direction::ToServer) => self.to_server = true,
            Some(Direction::ToClient) => self.to_client = true,
            None => (self.to_server, self.to_client) = (true, true),
        }
        match flow.stream {
            Some(FlowStream::OnlyStream) => {
                self.needs_stream.get_or_insert(name);
            }
            Some(FlowStream::NoStream) => {
                self.needs_packet.get_or_insert(name);
            }
            None => {}
        }
        // Suricata forgets to note a `flow` with `no_stream`.
        self.flow = flow.stream != Some(FlowStream::NoStream) && !flow.is_direction_only();
        Ok(())
    }

    fn take_ip_proto(&mut self, ip_proto: IpProto, name: Span) -> Result<(), Diagnostic> {
        if !matches!(self.header, Protocol::Ip | Protocol::Ipv4 | Protocol::Ipv6 | Protocol::Pkthdr)
            && !self.any_ip_proto
        {
            return Err(Diagnostic::error("FD0218", format!("`ip_proto` in a rule for `{}`", self.header.as_str()))
                .at(name)
                .help("use it in a rule for `ip`, or leave it out"));
        }
        self.any_ip_proto = true;
        let find = |compare| self.ip_protos.iter().find(|other| other.compare == compare);
        let conflict = match ip_proto.compare {
            IpProtoMatch::Is => !self.ip_protos.is_empty(),
            IpProtoMatch::Above => {
                find(IpProtoMatch::Is).is_some()
                    || find(IpProtoMatch::Above).is_some()
                    || find(IpProtoMatch::Below).is_some_and(|below| below.number <= ip_proto.number)
            }
            IpProtoMatch::Below => {
                find(IpProtoMatch::Is).is_some()
                    || find(IpProtoMatch::Below).is_some()
                    || find(IpProtoMatch::Above).is_some_and(|above| above.number >= ip_proto.number)
            }
            IpProtoMatch::Not => find(IpProtoMatch::Is).is_some(),
        };
        if conflict {
            return Err(
                Diagnostic::error("FD0212", "the `ip_proto` options of the rule contradict each other").at(name)
            );
        }
        self.ip_protos.push(ip_proto);
        Ok(())
    }

    fn take_app_layer_protocol(&self, negated: bool, protocol: Option<Protocol>, name: Span) -> Result<(), Diagnostic> {
        if let Some(bound) = self.app {
            return Err(Diagnostic::error(
                "FD0218",
                format!("`app-layer-protocol` in a rule that is about `{}` already", bound.as_str()),
            )
            .at(name)
            .help("use it in a rule for tcp, udp or ip, before any keyword of a protocol"));
        }
        for option in &self.options {
            if let Keyword::AppLayerProtocol { negated: other_negated, protocol: other } = &option.keyword
                && (*other_negated != negated || !negated || *other == protocol)
            {
                return Err(Diagnostic::error(
                    "FD0212",
                    "the `app-layer-protocol` options of the rule contradict each other",
                )
                .at(name)
                .label(option.span, "the other one"));
            }
        }
        Ok(())
    }

    fn take_content(
        &mut self,
        buffer: Option<Buffer>,
        keyword: Keyword,
        span: Span,
        name: Span,
    ) -> Result<(), Diagnostic> {
        self.settle(name)?;
        let place = self.here();
        if let (Current::List(list), Keyword::Content(content)) = (self.current, &keyword)
            && !content.negated
            && let Some(chain) = list.chain.checked_sub(1).and_then(|index| self.chains.get(index))
            && let Some(transform) = chain.iter().find(|transform| !transform.can_hold(&content.pattern))
        {
            return Err(Diagnostic::error(
                "FD0220",
                format!("`{}` never leaves what this pattern wants", transform.name()),
            )
            .at(span));
        }
        let option = self.next_option();
        self.push(keyword, span);
        self.add(place, Member { option, kind: Kind::Content }, name)?;
        match buffer {
            Some(buffer) => self.buffer_modifier("uricontent", buffer, Some(Protocol::Http1), name),
            None => Ok(()),
        }
    }

    fn take_pcre(&mut self, keyword: Keyword, span: Span, name: Span) -> Result<(), Diagnostic> {
        let Keyword::Pcre(pcre) = &keyword else { return Ok(()) };
        let relative = pcre.is_relative();
        let place = match (pcre.buffer(), self.current) {
            (chosen, Current::List(list)) => {
                if let Some(buffer) = chosen
                    && list != (List { def: buffer.list(), chain: 0 })
                {
                    return Err(Diagnostic::error(
                        "FD0216",
                        format!("the flags choose `{}`, and another sticky buffer is set", buffer.name()),
                    )
                    .at(span)
                    .help("leave the flag out, or write `pkt_data;` before"));
                }
                self.settle(name)?;
                self.here()
            }
            (Some(buffer), Current::Unset) => {
                if let Some(bound) = self.app.filter(|bound| !bound.covers(Protocol::Http1)) {
                    return Err(other_protocol(bound, Protocol::Http1, name));
                }
                self.bind(Protocol::Http1, name)?;
                Place::List(List { def: buffer.list(), chain: 0 })
            }
            (Some(_), Current::Base64) => {
                return Err(Diagnostic::error("FD0216", "the flags choose a buffer, and `base64_data` is set").at(span));
            }
            (None, _) => self.here(),
        };
        let option = self.next_option();
        self.push(keyword, span);
        self.add(place, Member { option, kind: Kind::Pcre }, name)?;
        if relative && self.current == Current::Unset && self.before(option).is_none() {
            return Err(Diagnostic::error(
                "FD0215",
                "the flag `R` needs a content or an expression before it in the same buffer",
            )
            .at(span));
        }
        Ok(())
    }
}

/// A relative test can follow it.
fn is_followed(kind: Kind) -> bool {
    !matches!(kind, Kind::Decode | Kind::Other)
}

fn once(seen: &mut Option<Span>, keyword: &str, at: Span) -> Result<(), Diagnostic> {
    match seen.replace(at) {
        Some(before) => {
            Err(Diagnostic::error("FD0212", format!("`{keyword}` twice")).at(at).label(before, "first here"))
        }
        None => Ok(()),
    }
}

fn other_protocol(bound: Protocol, wanted: Protocol, at: Span) -> Diagnostic {
    Diagnostic::error(
        "FD0218",
        format!("this is about `{}`, and the rule is about `{}` already", wanted.as_str(), bound.as_str()),
    )
    .at(at)
}

fn untested(buffer: Span) -> Diagnostic {
    Diagnostic::error("FD0216", "nothing is tested in this buffer")
        .at(buffer)
        .help("a sticky buffer is followed by a content, pcre, bsize or another test of it")
}

fn unknown_variable(variable: &str, at: Span) -> Diagnostic {
    Diagnostic::error("FD0226", format!("no `byte_extract` or `byte_math` before this sets `{variable}`")).at(at)
}

#[cfg(test)]
mod tests {
    use super::super::{Protocol, Rule, parse_rule};
    use crate::rules::keyword::{Buffer, Keyword};
    use crate::source::{Diagnostic, MappedText, Sources};
    use crate::verdict::Direction;

    fn read(protocol: &str, options: &str) -> Result<Rule, Vec<Diagnostic>> {
        let text = format!("alert {protocol} any any -> any any ({options} sid:1;)");
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text.as_str());
        parse_rule(&MappedText::verbatim(text, file, 0))
    }

    #[track_caller]
    fn taken(protocol: &str, options: &str) {
        assert!(read(protocol, options).is_ok(), "{options}: {:?}", read(protocol, options));
    }

    #[track_caller]
    fn refused(protocol: &str, options: &str, code: &str) {
        let errors = read(protocol, options).expect_err(options);
        assert_eq!(errors.first().map(|error| error.code), Some(code), "{options}: {errors:?}");
    }

    #[test]
    fn a_modifier_belongs_to_the_last_content_of_its_buffer() {
        let rule = read(
            "http",
            r#"http.uri; content:"a"; http.method; content:"b"; pkt_data; content:"c"; http.uri; nocase;"#,
        )
        .unwrap();
        let nocase: Vec<_> = rule
            .options
            .iter()
            .filter_map(
                |option| if let Keyword::Content(content) = &option.keyword { Some(content.nocase) } else { None },
            )
            .collect();
        assert_eq!(nocase, [true, false, false]);
        refused("tls", "tls.sni; nocase;", "FD0214");
        for (protocol, buffer) in [("tls", "udp.hdr"), ("udp", "tcp.hdr"), ("icmp", "tcp.hdr"), ("tcp", "icmpv6.hdr")] {
            refused(protocol, &format!(r#"{buffer}; content:"a";"#), "FD0218");
        }
        refused("tls", r#"content:"a"; tls.sni; nocase; content:"b";"#, "FD0214");
        taken("tls", r#"tls.sni; content:"x"; ssl_state:client_hello; nocase;"#);
    }

    #[test]
    fn old_style_modifiers_move_their_content_and_mean_http1() {
        let rule = read("http", r#"content:"a"; http_uri; nocase;"#).unwrap();
        assert_eq!(rule.app_protocol, Some(Protocol::Http1));
        assert_eq!(rule.direction, Some(Direction::ToServer));
        assert!(
            matches!(&rule.options[0].keyword, Keyword::Content(content) if content.modifier_buffer == Some(Buffer::HttpUri))
        );
        refused("http2", r#"content:"a"; http_uri;"#, "FD0218");
        refused("http", r#"http.uri; content:"a"; http_uri;"#, "FD0216");
        refused("http", "http_uri;", "FD0214");
        refused("http", r#"content:"a"; rawbytes; http_uri;"#, "FD0215");
    }

    #[test]
    fn a_buffer_must_be_tested() {
        refused("http", "http.host;", "FD0216");
        refused("tls", r#"tls.sni; tls.sni; content:"b";"#, "FD0216");
        refused("tls", r#"tls.sni; ssl_state:client_hello; content:"x";"#, "FD0216");
        refused("tls", "bsize:5;", "FD0216");
        taken("tls", "tls.sni; bsize:5;");
        taken("dns", r#"dns.query; content:"a"; dns.query; content:"b";"#);
        refused("tcp", r#"base64_data; content:"a";"#, "FD0216");
    }

    #[test]
    fn transforms_follow_their_buffer() {
        taken("tls", r#"tls.sni; dotprefix; content:".a"; tls.sni; content:"b";"#);
        refused("tls", r#"dotprefix; tls.sni; content:"a";"#, "FD0217");
        refused("tls", "tls.sni; dotprefix;", "FD0216");
        refused("tls", r#"tls.sni; strip_whitespace; content:"a b";"#, "FD0220");
        taken("tls", r#"tls.sni; to_uppercase; content:!"a";"#);
    }

    #[test]
    fn protocols_must_agree() {
        refused("tls", r#"http.host; content:"a";"#, "FD0218");
        refused("tcp", r#"tls.sni; content:"a"; http.host; content:"b";"#, "FD0218");
        refused("dcerpc", r#"smb.share; content:"a";"#, "FD0218");
        taken("smb", r#"dcerpc.stub_data; content:"a";"#);
        taken("udp", r#"http.host; content:"a";"#);
        refused("tls", "app-layer-protocol:!http;", "FD0218");
        refused("tcp", "app-layer-protocol:http; app-layer-protocol:!tls;", "FD0212");
        refused("tcp", "ip_proto:tcp;", "FD0218");
        refused("ip", "ip_proto:tcp; ip_proto:udp;", "FD0212");
        refused("tcp", "modbus:function 1;", "FD0218");
    }

    #[test]
    fn directions_must_agree() {
        refused("tls", r#"tls.sni; content:"b"; flow:to_client;"#, "FD0219");
        refused("http", r#"http.host; content:"b"; http.stat_code; content:"200";"#, "FD0219");
        assert_eq!(read("tls", r#"tls.sni; content:"b";"#).unwrap().direction, Some(Direction::ToServer));
        assert_eq!(read("tcp", "flow:established;").unwrap().direction, None);
        refused("http", r#"http.header.raw; content:"a";"#, "FD0219");
    }

    #[test]
    fn there_is_one_flow_that_is_more_than_a_direction() {
        refused("tcp", "flow:established; flow:to_server;", "FD0212");
        taken("tcp", "flow:to_server; flow:established;");
        taken("tcp", "flow:to_server; flow:to_client;");
    }

    #[test]
    fn packet_and_stream_do_not_mix() {
        refused("tcp", r#"flags:S; tls.sni; content:"b";"#, "FD0222");
        refused("tcp", "flow:only_stream; flags:S;", "FD0222");
        refused("tcp-stream", "flags:S;", "FD0222");
        refused("tcp-pkt", r#"tls.sni; content:"a";"#, "FD0222");
    }

    #[test]
    fn lengths_must_agree() {
        refused("tcp", r#"dsize:5; content:"abcdef";"#, "FD0221");
        taken("tcp", r#"dsize:<6; content:"abcdef";"#);
        refused("tcp", r#"dsize:6; content:"abc"; content:"def"; distance:1;"#, "FD0221");
        refused("tls", r#"tls.sni; content:"abcd"; offset:2; bsize:5;"#, "FD0221");
        taken("tls", r#"tls.sni; content:"abcd"; bsize:4;"#);
        refused("http", r#"urilen:3; http.uri; content:"abcd";"#, "FD0221");
        taken("http", r#"http.uri; content:"abcd"; urilen:<3;"#);
    }

    #[test]
    fn patterns_that_cannot_be_there_are_refused() {
        refused("http", r#"http.host; content:"Abc";"#, "FD0220");
        refused("http", r#"http.host; content:"abc"; nocase;"#, "FD0220");
        taken("http", r#"http.host; dotprefix; content:".Abc"; nocase;"#);
        taken("http", r#"http.host.raw; content:"Abc"; nocase;"#);
        refused("http", r#"http.method; content:"GET ";"#, "FD0220");
        refused("tls", r#"ja3.hash; content:"abc";"#, "FD0220");
        refused("tls", r#"tls.cert_serial; content:"5CC99D";"#, "FD0220");
    }

    #[test]
    fn content_modifiers_must_agree() {
        refused("tcp", r#"content:"a"; startswith; depth:5;"#, "FD0215");
        refused("tcp", r#"content:"a"; depth:5; distance:1;"#, "FD0215");
        refused("tcp", r#"content:"a"; nocase; nocase;"#, "FD0212");
        refused("tcp", r#"content:"abc"; depth:2;"#, "FD0211");
        refused("tcp", r#"content:!"a"; distance:0; fast_pattern;"#, "FD0215");
        refused("tcp", r#"content:"a"; fast_pattern; content:"b"; fast_pattern;"#, "FD0212");
        refused("tcp", r#"content:"a"; fast_pattern:only; content:"b"; distance:0;"#, "FD0215");
        refused("tcp", r#"content:"a"; depth:len;"#, "FD0226");
        taken("tcp", r#"byte_extract:1,0,len; content:"a"; depth:len;"#);
        taken("tcp", r#"content:"a"; endswith; offset:3;"#);
    }

    #[test]
    fn expressions_may_choose_their_buffer() {
        refused("tcp", r#"pcre:"/a/R";"#, "FD0215");
        taken("http", r#"http.uri; pcre:"/a/RU";"#);
        refused("http", r#"http.uri; pcre:"/a/H";"#, "FD0216");
        refused("tls", r#"pcre:"/a/U";"#, "FD0218");
    }

    #[test]
    fn some_things_are_there_once() {
        refused("tcp", r#"msg:"a"; msg:"b";"#, "FD0212");
        refused("tcp", "sid:2;", "FD0212");
        refused("tcp", "dsize:1; dsize:2;", "FD0212");
        refused(
            "tcp",
            "threshold:type limit,track by_src,count 1,seconds 60; detection_filter:track by_src,count 1,seconds 60;",
            "FD0212",
        );
    }
}
