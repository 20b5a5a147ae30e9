//! From a policy to a program.

use super::byte_values::Base64;
use super::categories::{Categories, CategoryTest};
use super::content::BufferTest;
use super::countries::{Countries, GeoipTest};
use super::header::HeaderTest;
use super::index::Index;
use super::looks::Looks;
use super::memory::{Change, Names, Role, Threshold};
use super::pcre::PcreLimits;
use super::places::BufferName;
use super::resolve::Variables;
use super::session::SessionTest;
use super::settings::{self, Settings};
use super::signature::{AppProtoTest, Header, PacketTest, Payload, ProtocolSet, Signature};
use super::trace::Conditions;
use super::{
    EngineProfile, GroupInfo, Program, RuleInfo, SignatureKind, classify, classtype, default_actions, event, order,
};
use crate::app::{AppProto, Keep, ProtoSet};
use crate::packet::Event;
use crate::policy::model::{AddressVariable, DefaultAction, Policy, RuleOrder, StatefulGroup, StreamExceptionPolicy};
use crate::rules::ast::{Arrow, Basis, Rule, RuleOption};
use crate::rules::keyword::{
    AwsCategory, BitCommand, Buffer, Compare, FlowStream, Flowbits, IpProto, IpProtoMatch, Keyword,
};
use crate::rules::{Protocol, parse_rules};
use crate::source::{Diagnostic, MappedText, Sources, Span};
use crate::stateless::{Stateless, StatelessSemantics};
use crate::stream::ExceptionPolicy;
use crate::verdict::{Direction, RuleAction, RuleId};
use smallvec::SmallVec;

/// What compilation depends on besides the policy.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// The engine; the policy's stream exception policy and idle time-out go into it.
    pub profile: EngineProfile,
    /// What is set beside: it counts before the engine's and the policy's own.
    pub settings: Settings,
    /// Switches of the stateless stage.
    pub stateless: StatelessSemantics,
    /// Keep what explanations need: which option of a rule each of its tests stands in.
    pub keep_conditions: bool,
    /// What `geoip` asks.
    pub countries: Option<Countries>,
    /// What `aws_domain_category` and `aws_url_category` ask.
    pub categories: Option<Categories>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self {
            profile: EngineProfile::suricata_7(),
            settings: Settings::default(),
            stateless: StatelessSemantics::default(),
            keep_conditions: false,
            countries: None,
            categories: None,
        }
    }
}

/// Priority of a rule that says none.
const DEFAULT_PRIORITY: u32 = 3;

/// Keywords that AWS's API answers with an error.
const AWS_REFUSES: [&str; 5] = ["dataset", "datarep", "iprep", "lua", "filestore"];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Kinds of rules whose IP protocols are remembered during compilation.
const PROTOCOLS_KEPT: usize = 32;

impl Program {
    /// Compiles a policy. `sources` takes in the text of the default actions' rules.
    ///
    /// # Errors
    /// All rules that cannot be evaluated, each with its place: unsupported keywords (FD0601), undefined variables
    /// (FD0602) and the like.
    pub fn compile(policy: &Policy, sources: &mut Sources, options: &CompileOptions) -> Result<Self, Vec<Diagnostic>> {
        let mut compiler = Compiler::new(policy, options);
        let stateful = &policy.stateful;
        for (number, group) in stateful.groups.iter().enumerate() {
            compiler.group(number as u32, group);
        }
        let actions: Vec<DefaultAction> = stateful.default_actions.iter().map(|action| action.value).collect();
        match &stateful.default_action_rules {
            Some(rules) => compiler.users_default_rules(rules, actions.first().copied()),
            None => compiler.default_rules(sources, &actions),
        }
        compiler.finish()
    }
}

struct Compiler<'a> {
    policy: &'a Policy,
    options: &'a CompileOptions,
    /// Signatures with what they are ordered by.
    signatures: Vec<(Signature, u32, u32)>,
    rules: Vec<RuleInfo>,
    conditions: Vec<Conditions>,
    groups: Vec<GroupInfo>,
    names: Names,
    protocols: Vec<(Protocol, Vec<IpProto>, ProtocolSet)>,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Rules seen so far, and which of them are left out as the engine leaves them out.
    n_rules: u32,
    left_out: Vec<u32>,
    keep: Keep,
    /// Protocols whose detection is switched off.
    undetected: ProtoSet,
    pcre_limits: PcreLimits,
}

/// What a rule's options come to.
#[derive(Default)]
struct Options {
    sid: u32,
    rev: u32,
    msg: String,
    priority: Option<u32>,
    class_priority: Option<u32>,
    /// The last of `noalert` and `alert`.
    reports: Option<bool>,
    directions: [bool; 2],
    ip_protos: Vec<IpProto>,
    needs_flow: bool,
    needs_variables: bool,
    tests: Vec<PacketTest>,
    changes: SmallVec<[Change; 1]>,
    threshold: Option<Threshold>,
    looks: Looks,
    /// `flow` asks for content that the stream holds, or does not hold.
    stream_condition: Option<FlowStream>,
    /// The payload is looked at though it is part of a stream, whatever the contents say.
    payload_of_packet: bool,
    /// Events of transactions.
    events: SmallVec<[Event; 1]>,
    /// `l3_proto`: the IP version.
    version: Option<u8>,
    /// Where the tests of the packet and the events stand.
    conditions: Conditions,
    /// It rests on what AWS does not publish.
    is_modelled: bool,
}

impl Options {
    fn remember(&mut self, role: Role) {
        match role {
            Role::Asks(question) => {
                self.needs_flow |= question.needs_flow();
                self.tests.push(PacketTest::Remembered(question));
            }
            Role::Changes(change) => self.changes.push(change),
        }
    }

    /// Notes that tests which came since the last time are of this option of the rule.
    fn note_origin(&mut self, option: u16) {
        self.conditions.packet.resize(self.tests.len(), option);
        self.conditions.events.resize(self.events.len(), option);
        self.looks.note_origin(option);
    }

    /// Where all tests stand; those of header bytes are among the packet's, behind the others.
    fn all_conditions(&mut self) -> Conditions {
        let Conditions { mut packet, events, .. } = std::mem::take(&mut self.conditions);
        packet.extend(self.looks.origins_of_headers());
        Conditions { packet, events, ..self.looks.origins() }
    }
}

impl<'a> Compiler<'a> {
    fn new(policy: &'a Policy, options: &'a CompileOptions) -> Self {
        let mut profile = options.profile.clone();
        // whether they are sound is asked where they are applied for good
        let _ = options.settings.apply(&mut profile);
        let (undetected, pcre_limits) = (profile.app.undetected, profile.pcre_limits);
        Self {
            policy,
            options,
            signatures: Vec::new(),
            rules: Vec::new(),
            conditions: Vec::new(),
            groups: Vec::new(),
            names: Names::default(),
            protocols: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            n_rules: 0,
            left_out: Vec::new(),
            keep: Keep::default(),
            undetected,
            pcre_limits,
        }
    }

    fn group(&mut self, number: u32, group: &'a StatefulGroup) {
        let stateful = &self.policy.stateful;
        let of_group = |name: &str| group.ip_sets.iter().find(|v| v.name == name);
        let home_net = of_group("HOME_NET").or(stateful.home_net.as_ref());
        let external_net = of_group("EXTERNAL_NET").or(stateful.external_net.as_ref());
        let mut addresses: Vec<&AddressVariable> = group.ip_sets.iter().collect();
        addresses.extend(home_net.filter(|_| of_group("HOME_NET").is_none()));
        addresses.extend(external_net.filter(|_| of_group("EXTERNAL_NET").is_none()));
        self.groups.push(GroupInfo {
            name: group.name.clone(),
            arn: group.arn.clone(),
            n_rules: group.rules.len(),
            home_net: home_net.cloned(),
            external_net: external_net.cloned(),
        });
        let mut variables = Variables::new(
            addresses,
            &group.ip_set_references,
            &group.port_sets,
            stateful.home_net.as_ref(),
            &mut self.problems,
        );
        for rule in &group.rules {
            let place = Place { group: Some(number), default_action: None, drop_to_alert: group.drop_to_alert };
            self.rule(rule, &mut variables, place);
        }
    }

    fn default_rules(&mut self, sources: &mut Sources, actions: &[DefaultAction]) {
        for (action, text) in default_actions::rules(actions) {
            let file = sources.add(format!("model of aws:{}", action.name()), text.clone());
            self.default_rule_text(&MappedText::verbatim(text, file, 0), Some(action));
        }
    }

    fn default_rule_text(&mut self, text: &MappedText, action: Option<DefaultAction>) {
        let parsed = parse_rules(text);
        self.problems.extend(parsed.diagnostics);
        self.users_default_rules(&parsed.rules, action);
    }

    /// Rules that stand for the default actions; which of several actions one of them belongs to is not known.
    fn users_default_rules(&mut self, rules: &[Rule], action: Option<DefaultAction>) {
        let mut variables = Variables::new([], &[], &[], self.policy.stateful.home_net.as_ref(), &mut self.problems);
        for rule in rules {
            let place = Place { group: None, default_action: action, drop_to_alert: false };
            self.rule(rule, &mut variables, place);
        }
    }

    fn rule(&mut self, rule: &Rule, variables: &mut Variables, place: Place) {
        match self.signature(rule, variables, place) {
            Ok(()) => {}
            Err(Refusal::Unsupported { keyword, span }) if AWS_REFUSES.contains(&keyword.as_str()) => self.problems.push(
                Diagnostic::error("FD0601", format!("`{keyword}` is not evaluated: AWS refuses rules that use it"))
                    .at(span)
                    .help(format!("take the rule out; `--leave-out {keyword}` goes on without such rules and says so")),
            ),
            Err(Refusal::Unsupported { keyword, span }) => self.problems.push(
                Diagnostic::error("FD0601", format!("`{keyword}` is not evaluated yet")).at(span).help(format!(
                    "without it the rule would mean something else; `--leave-out {keyword}` goes on without such rules and says so"
                )),
            ),
            Err(Refusal::LeftOut(warning)) => {
                self.warnings.push(*warning);
                self.left_out.push(self.n_rules);
            }
            Err(Refusal::Problem(problem)) => self.problems.push(*problem),
        }
        self.n_rules += 1;
    }

    /// Suricata takes no rule about a protocol whose detection is switched off.
    fn is_detected(&self, rule: &Rule, named: Option<AppProtoTest>, tests: &[PacketTest]) -> Result<(), Refusal> {
        let asked = tests.iter().filter_map(|test| match test {
            PacketTest::AppLayerProtocol { proto, .. } => Some(*proto),
            _ => None,
        });
        let is_off = |proto: &AppProto| [TCP, UDP].iter().all(|ip_proto| self.undetected.holds(*proto, *ip_proto));
        let mut asked = named.into_iter().chain(asked);
        let named = |test: &AppProtoTest| test.protocols().iter().filter(|proto| **proto != AppProto::Doh2).all(is_off);
        match asked.find(named) {
            None => Ok(()),
            Some(_) => Err(Refusal::Problem(Box::new(
                Diagnostic::error("FD0218", "the rule names a protocol whose detection is switched off")
                    .at(rule.span)
                    .help("Suricata refuses it too: set app-layer.protocols.PROTOCOL.enabled, or leave the rule out"),
            ))),
        }
    }

    fn signature(&mut self, rule: &Rule, variables: &mut Variables, place: Place) -> Result<(), Refusal> {
        let mut options = self.options_of(rule)?;
        let protocol = rule.protocol.value;
        let app_proto = match rule.app_protocol {
            None => None,
            Some(named) => Some(proto_test(named).ok_or_else(|| unsupported(named.as_str(), rule.protocol.span))?),
        };
        self.is_detected(rule, app_proto, &options.tests)?;
        let src = variables.addresses(&rule.source)?;
        let dst = variables.addresses(&rule.destination)?;
        let src_port = variables.ports(&rule.source_port)?;
        let dst_port = variables.ports(&rule.destination_port)?;
        let mut action = rule.action.value;
        if place.drop_to_alert && action == RuleAction::Drop {
            action = RuleAction::Alert;
        }
        let reports = options.reports.unwrap_or(action != RuleAction::Pass);
        let conditions = self.options.keep_conditions.then(|| options.all_conditions());
        let version = match protocol {
            Protocol::Ipv4 | Protocol::Icmpv4 => Some(4),
            Protocol::Ipv6 | Protocol::Icmpv6 => Some(6),
            _ => options.version,
        };
        let protocols = self.protocols(protocol, &options.ip_protos);
        self.keep |= options.looks.keep();
        let directions = options.directions;
        let looked = options.looks.finish(directions, longest_payload(&options.tests), self.options.profile.app);
        let mut engines = looked.engines;
        engines.extend(event::engines(&options.events));
        let mut packet_tests = options.tests;
        packet_tests.extend(looked.headers.into_iter().map(|test| PacketTest::Header(Box::new(test))));
        let on_tcp = protocols.contains(TCP);
        let payload = Payload {
            tests: looked.payload,
            pattern: looked.payload_pattern,
            spoiler: looked.payload_spoiler,
            is_tested: looked.tests_payload,
            in_stream: rule.basis == Some(Basis::Stream) || (rule.basis.is_none() && on_tcp && looked.tests_payload),
            in_packet: rule.basis == Some(Basis::Packet)
                || (rule.basis.is_none() && on_tcp && (looked.payload_is_placed || options.payload_of_packet)),
        };
        let header = Header { protocols, version, src: src.set, dst: dst.set, src_port, dst_port };
        let facts = classify::HeaderFacts {
            negated_address: src.negated || dst.negated,
            one_direction: directions != [true; 2],
        };
        let mut signature = Signature {
            action,
            reports,
            kind: SignatureKind::Packet,
            header,
            directions,
            app_proto,
            needs_flow: options.needs_flow || app_proto.is_some(),
            needs_variables: options.needs_variables,
            waits_for_header: looked.waits_for_header,
            packet_tests,
            stream_condition: options.stream_condition,
            payload,
            engines,
            changes: options.changes,
            threshold: options.threshold,
            is_turned: false,
            rule: self.rules.len() as u32,
        };
        signature.kind = classify::kind(&signature, facts);
        self.conditions.extend(conditions);
        let priority = options.priority.or(options.class_priority).unwrap_or(DEFAULT_PRIORITY);
        self.rules.push(RuleInfo {
            severity: priority,
            sid: options.sid,
            rev: options.rev,
            action,
            msg: options.msg,
            group: place.group,
            span: place.default_action.is_none().then_some(rule.span),
            generated_from: rule.generated_from,
            default_action: place.default_action,
            is_modelled: options.is_modelled,
            kind: signature.kind,
        });
        if rule.arrow.value == Arrow::Both {
            let other = signature.reversed();
            if !other.header.same_ends(&signature.header) {
                self.signatures.push((other, priority, options.sid));
            }
        }
        self.signatures.push((signature, priority, options.sid));
        Ok(())
    }

    /// The IP protocols of a rule. Most rules of a policy are about the same few.
    fn protocols(&mut self, protocol: Protocol, ip_protos: &[IpProto]) -> ProtocolSet {
        if let Some((.., known)) = self.protocols.iter().find(|(p, tests, _)| *p == protocol && tests == ip_protos) {
            return *known;
        }
        let set = ProtocolSet::of((0..=255).filter(|&number| {
            protocol.has_transport(number) && ip_protos.iter().all(|test| ip_proto_holds(*test, number))
        }));
        if self.protocols.len() < PROTOCOLS_KEPT {
            self.protocols.push((protocol, ip_protos.to_vec(), set));
        }
        set
    }

    fn options_of(&mut self, rule: &Rule) -> Result<Options, Refusal> {
        let mut options = Options::default();
        options.looks.pcre_limits = self.pcre_limits;
        for (number, option) in rule.options.iter().enumerate() {
            if self.options.keep_conditions {
                // the tests of the option before this one
                options.note_origin(number.wrapping_sub(1) as u16);
            }
            let span = option.span;
            match &option.keyword {
                Keyword::Msg(msg) => options.msg.clone_from(msg),
                Keyword::Sid(sid) => options.sid = *sid,
                Keyword::Rev(rev) => options.rev = *rev,
                Keyword::Priority(priority) => {
                    options.priority = Some(options.priority.map_or(*priority, |p| p.min(*priority)));
                }
                Keyword::Classtype(class) => {
                    let priority = classtype::priority(class).unwrap_or(DEFAULT_PRIORITY);
                    options.class_priority = Some(options.class_priority.map_or(priority, |p| p.min(priority)));
                }
                Keyword::Gid(_)
                | Keyword::Reference { .. }
                | Keyword::Metadata(_)
                | Keyword::Target { .. }
                | Keyword::Tag(_) => {}
                Keyword::Noalert | Keyword::Flowbits(Flowbits::Noalert) | Keyword::HostbitsNoalert => {
                    options.reports = Some(false);
                }
                Keyword::Alert => options.reports = Some(true),
                Keyword::Flow(flow) => {
                    options.stream_condition = options.stream_condition.or(flow.stream);
                    // a bare direction leaves nothing to test: the rule is put among those of the direction
                    if !flow.is_direction_only() {
                        options.needs_flow = true;
                        options.tests.push(PacketTest::Flow(*flow));
                    }
                }
                Keyword::Flowbits(Flowbits::Bits { command, names }) => {
                    options.needs_variables |= *command == BitCommand::Isset;
                    options.remember(self.names.flowbits(*command, names));
                }
                Keyword::Flowint(flowint) => options.remember(self.names.flowint(flowint)),
                Keyword::Xbits(bits) => options.remember(self.names.host_bits(bits, false)),
                Keyword::Hostbits(bits) => options.remember(self.names.host_bits(bits, true)),
                Keyword::Threshold(threshold) => options.threshold = Some((*threshold).into()),
                Keyword::DetectionFilter(filter) => options.threshold = Some((*filter).into()),
                Keyword::IpProto(proto) => options.ip_protos.push(*proto),
                Keyword::Ttl(compare) => options.tests.push(PacketTest::Ttl(*compare)),
                Keyword::Itype(compare) => options.tests.push(PacketTest::Itype(*compare)),
                Keyword::Icode(compare) => options.tests.push(PacketTest::Icode(*compare)),
                Keyword::IcmpId(id) => options.tests.push(PacketTest::IcmpId(*id)),
                Keyword::IcmpSeq(seq) => options.tests.push(PacketTest::IcmpSeq(*seq)),
                Keyword::TcpFlags(bits) => options.tests.push(PacketTest::TcpFlags(*bits)),
                Keyword::Fragbits(bits) => options.tests.push(PacketTest::Fragbits(*bits)),
                Keyword::Fragoffset(compare) => options.tests.push(PacketTest::Fragoffset(*compare)),
                Keyword::Dsize(compare) => options.tests.push(PacketTest::Dsize(*compare)),
                Keyword::Sameip => options.tests.push(PacketTest::Sameip),
                Keyword::L3Proto(version) => options.version = Some(*version),
                Keyword::StreamSize(test) => {
                    options.tests.push(PacketTest::StreamSize { test: *test, on_the_wire: false });
                    options.payload_of_packet = true;
                }
                Keyword::FlowAge(compare) => options.tests.push(PacketTest::FlowAge(*compare)),
                // a rule whose requirements are not met does not come this far
                Keyword::Requires(_) => {}
                Keyword::DecodeEvent(name) | Keyword::StreamEvent(name) | Keyword::EngineEvent(name)
                    if event::is_not_shown(name) =>
                {
                    return Err(Refusal::LeftOut(Box::new(
                        Diagnostic::warning(
                            "FD0225",
                            format!("a capture cannot show `{name}`: the rule never matches"),
                        )
                        .at(span)
                        .help("it depends on how the engine captures, on its threads or its memory"),
                    )));
                }
                Keyword::DecodeEvent(name) => options.event(event::decoder(name), true, name, span)?,
                Keyword::StreamEvent(name) => options.event(event::stream(name), false, name, span)?,
                Keyword::EngineEvent(name) => options.event(event::engine(name), false, name, span)?,
                Keyword::AppLayerEvent(name) if event::is_unknown(name, self.options.profile.knows_later_events) => {
                    return Err(Refusal::LeftOut(Box::new(
                        Diagnostic::warning("FD0225", format!("there is no event `{name}`: the rule is left out"))
                            .at(span)
                            .help("Suricata leaves it out as well; take the rule out, or name another event"),
                    )));
                }
                Keyword::AppLayerEvent(name) => match event::app_layer(name) {
                    Some(event::Place::Transaction(event)) => {
                        options.events.push(event);
                        options.looks.leave_buffer();
                    }
                    Some(event::Place::Packet(event)) => options.event(Some(event), false, name, span)?,
                    None => return Err(unsupported(name, span)),
                },
                Keyword::Recognised { name: "prefilter", .. } => {
                    let before =
                        rule.options.iter().take_while(|other| other.span != span).filter(|other| is_test(other));
                    match (before.last().map(|other| &other.keyword), options.tests.last_mut()) {
                        // of a negated one 7.0 and 8.0 make different things
                        (Some(Keyword::Content(content)), _) if !content.negated => {
                            options.looks.prefer_last_content();
                        }
                        (
                            Some(Keyword::AppLayerProtocol { .. }),
                            Some(PacketTest::AppLayerProtocol { when_detected, .. }),
                        ) => *when_detected = true,
                        (Some(Keyword::StreamSize(_)), Some(PacketTest::StreamSize { on_the_wire, .. })) => {
                            *on_the_wire = true;
                        }
                        (Some(keyword), _) if can_be_first(keyword) => {}
                        _ => return Err(unsupported("prefilter", span)),
                    }
                }
                Keyword::Geoip(test) => {
                    let countries = self.options.countries.clone().ok_or_else(|| {
                        missing("geoip", "a database of countries in MaxMind's format", "--geoip FILE", span)
                    })?;
                    let test = HeaderTest::Geoip(GeoipTest { test: (**test).clone(), countries });
                    options.tests.push(PacketTest::Header(Box::new(test)));
                }
                Keyword::AwsCategory(test) => {
                    let table =
                        self.options.categories.clone().ok_or_else(|| {
                            missing(test.name(), "a table of categories", "--category-table FILE", span)
                        })?;
                    let tls = match rule.app_protocol {
                        Some(Protocol::Tls) if !test.url => true,
                        Some(Protocol::Http | Protocol::Http1 | Protocol::Http2) => false,
                        _ => return Err(Refusal::Problem(Box::new(wrong_protocol(test, span)))),
                    };
                    options.is_modelled = true;
                    options.looks.session(SessionTest::Category(CategoryTest { test: (**test).clone(), tls, table }));
                }
                Keyword::AppLayerProtocol { negated, protocol } => {
                    let proto = match protocol {
                        None => AppProtoTest::Is(AppProto::Failed),
                        Some(protocol) => proto_test(*protocol).ok_or_else(|| unsupported(protocol.as_str(), span))?,
                    };
                    options.tests.push(PacketTest::AppLayerProtocol { negated: *negated, proto, when_detected: false });
                }
                Keyword::Buffer(buffer) => options.looks.buffer(*buffer),
                Keyword::PktData => options.looks.leave_buffer(),
                Keyword::Transform(transform) => options.looks.transform(transform, span)?,
                Keyword::Content(content) => options.looks.content(content),
                Keyword::Pcre(pcre) => {
                    options.looks.pcre(pcre, span)?;
                }
                Keyword::Isdataat(isdataat) => options.looks.isdataat(isdataat),
                Keyword::ByteTest(test) => options.looks.byte_test(test),
                Keyword::ByteJump(jump) => options.looks.byte_jump(jump),
                Keyword::ByteExtract(extract) => options.looks.byte_extract(extract),
                Keyword::ByteMath(math) => options.looks.byte_math(math),
                Keyword::Base64Decode(decode) => options.looks.base64_decode(*decode),
                Keyword::Base64Data => options.looks.base64_data(),
                Keyword::Rpc(rpc) => options.tests.push(PacketTest::Rpc(*rpc)),
                Keyword::Urilen { compare, raw } => options.looks.urilen(*compare, *raw),
                Keyword::Bsize(bsize) => {
                    if !options.looks.test_of_buffer(BufferTest::Bsize(bsize.0)) {
                        return Err(unsupported("bsize", span));
                    }
                }
                Keyword::TlsFingerprint { negated, pattern } => options.looks.fingerprint(*negated, pattern),
                other => match (SessionTest::of(other), HeaderTest::of(other)) {
                    (Some(test), _) => options.looks.session(test),
                    (None, Some(test)) => options.tests.push(PacketTest::Header(Box::new(test))),
                    (None, None) => return Err(unsupported(name_of(other), span)),
                },
            }
        }
        if self.options.keep_conditions {
            options.note_origin(rule.options.len().wrapping_sub(1) as u16);
        }
        options.directions = match rule.direction {
            None => [true; 2],
            Some(Direction::ToServer) => [true, false],
            Some(Direction::ToClient) => [false, true],
        };
        if let Some(bytes) = options.looks.unevaluated_bytes() {
            return Err(unsupported(bytes, rule.span));
        }
        if let Some(buffer) = options.looks.unevaluated(rule.app_protocol) {
            let place = rule.options.iter().find(|option| match &option.keyword {
                Keyword::Buffer(named) => *named == buffer,
                Keyword::Content(content) => content.modifier_buffer == Some(buffer),
                Keyword::Pcre(pcre) => pcre.buffer() == Some(buffer),
                _ => false,
            });
            return Err(unsupported(buffer.name(), place.map_or(rule.span, |option| option.span)));
        }
        if options.looks.has_open_number {
            self.warnings.push(
                Diagnostic::warning("FD0606", "a number without a length ends where what is looked at ends")
                    .at(rule.span)
                    .help("Suricata reads further digits out of the memory behind; say how many bytes the number has"),
            );
        }
        if rule.app_protocol.is_none() {
            let files = rule.options.iter().find(|option| option.keyword == Keyword::Buffer(Buffer::FileData));
            self.warnings.extend(files.map(|option| {
                Diagnostic::warning("FD0605", "`file.data` looks at files in HTTP only").at(option.span).help(
                    "files in SMTP, FTP, SMB and NFS are not read: there the rule does not match, whatever they hold",
                )
            }));
        }
        Ok(options)
    }

    fn finish(mut self) -> Result<Program, Vec<Diagnostic>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut profile = self.options.profile.clone();
        profile.timeouts.tcp[1] = u32::try_from(self.policy.stateful.tcp_idle.as_secs()).unwrap_or(u32::MAX);
        profile.app.keep = self.keep;
        profile.stream.midstream_policy = match self.policy.stateful.stream_exception {
            _ if profile.stream.midstream => ExceptionPolicy::Ignore,
            StreamExceptionPolicy::Drop => ExceptionPolicy::DropFlow,
            StreamExceptionPolicy::Continue => ExceptionPolicy::Ignore,
            StreamExceptionPolicy::Reject => ExceptionPolicy::Reject,
        };
        let engines = || self.signatures.iter().flat_map(|(signature, ..)| &signature.engines);
        let looked_at = || engines().filter_map(|engine| engine.look.buffer());
        let files_wait = profile.files_always_wait || looked_at().any(|buffer| buffer == BufferName::Files);
        let searched_bodies = [Direction::ToServer, Direction::ToClient].map(|direction| {
            let mut bodies: Vec<(BufferName, u8)> = Vec::new();
            for engine in engines().filter(|engine| engine.prefilter && engine.direction == direction) {
                let buffer = engine.look.buffer().filter(|buffer| buffer.is_body());
                if let Some(body) = buffer.map(|buffer| (buffer, engine.progress))
                    && !bodies.contains(&body)
                {
                    bodies.push(body);
                }
            }
            bodies.sort_by_key(|(buffer, _)| *buffer != BufferName::RequestBody);
            bodies
        });
        // Options are checked where they are read; what contradicts itself here was given by a library's user.
        if let Err(why) = self.options.settings.apply(&mut profile) {
            return Err(vec![Diagnostic::error(settings::CONTRADICTION, why)]);
        }
        if self.policy.stateful.order == RuleOrder::Action {
            let actions = &profile.action_order;
            self.signatures.sort_by_key(|(signature, priority, sid)| order::key(signature, actions, *priority, *sid));
        }
        settle_base64(&mut self.signatures);
        let mut program = Program {
            stateless: self.policy.stateless.as_ref().map(|s| Stateless::compile(s, self.options.stateless)),
            stateless_policy: self.policy.stateless.clone(),
            signatures: self.signatures.into_iter().map(|(signature, ..)| signature).collect(),
            rules: self.rules,
            conditions: self.conditions,
            groups: self.groups,
            ip_only: Vec::new(),
            packet_rules: [Vec::new(), Vec::new()],
            tx_rules: [Vec::new(), Vec::new()],
            header_rules: [Vec::new(), Vec::new()],
            patternless_tx_rules: [Vec::new(), Vec::new()],
            decoder_event_rules: Vec::new(),
            looks_into_headers: false,
            stream_rules: [Vec::new(), Vec::new()],
            index: Index::default(),
            searched_bodies,
            warnings: self.warnings,
            left_out: self.left_out,
            files_wait,
            profile,
            countries: self.options.countries.clone(),
            categories: self.options.categories.clone(),
        };
        program.index();
        Ok(program)
    }
}

impl Program {
    /// Sorts the signatures into the lists that packets meet.
    fn index(&mut self) {
        for (number, signature) in self.signatures.iter().enumerate() {
            let id = RuleId(number as u32);
            if signature.payload.is_tested && signature.payload.in_stream {
                for (direction, rules) in
                    [Direction::ToServer, Direction::ToClient].into_iter().zip(&mut self.stream_rules)
                {
                    if signature.directions.get(direction.index()) == Some(&true) {
                        rules.push(id);
                    }
                }
            }
            match signature.kind {
                SignatureKind::IpOnly => self.ip_only.push(id),
                kind => {
                    // asked of packets that can be decoded too
                    if kind == SignatureKind::DeOnly {
                        self.decoder_event_rules.push(id);
                    }
                    let directions = [Direction::ToServer, Direction::ToClient];
                    let lists = self.packet_rules.iter_mut().zip(&mut self.tx_rules).zip(&mut self.header_rules);
                    for (direction, ((packet_rules, tx_rules), header_rules)) in directions.into_iter().zip(lists) {
                        if signature.may_run(direction) {
                            packet_rules.push(id);
                        }
                        if signature.runs(direction) {
                            if !signature.engines.is_empty() {
                                tx_rules.push(id);
                            }
                            if signature.waits_for_header.is_some() {
                                header_rules.push(id);
                            }
                        }
                    }
                }
            }
        }
        self.looks_into_headers = self.signatures.iter().any(Signature::looks_into_headers);
        self.patternless_tx_rules = self.tx_rules.clone().map(|mut rules| {
            rules.retain(|id| self.signature(*id).is_some_and(Signature::waits_at_places));
            rules
        });
        self.index = Index::build(&self.signatures);
    }
}

/// Gives every `base64_decode` the room that the largest needs, as all rules decode into the same.
fn settle_base64(signatures: &mut [(Signature, u32, u32)]) {
    let mut decoders: Vec<&mut Base64> = Vec::new();
    for (signature, ..) in signatures {
        let engines = signature.engines.iter_mut().flat_map(|engine| engine.look.tests_mut());
        decoders.extend(signature.payload.tests.iter_mut().chain(engines).filter_map(|test| match test {
            BufferTest::Base64(base64, _) => Some(base64),
            _ => None,
        }));
    }
    let room = decoders.iter().map(|base64| base64.bytes).max().unwrap_or(0);
    for base64 in decoders {
        base64.room = room;
    }
}

/// Where a rule comes from.
#[derive(Clone, Copy)]
struct Place {
    group: Option<u32>,
    default_action: Option<DefaultAction>,
    drop_to_alert: bool,
}

/// Why a rule is not compiled.
enum Refusal {
    Unsupported {
        keyword: String,
        span: Span,
    },
    /// The engine leaves the rule out, too.
    LeftOut(Box<Diagnostic>),
    Problem(Box<Diagnostic>),
}

impl From<Diagnostic> for Refusal {
    fn from(problem: Diagnostic) -> Self {
        Self::Problem(Box::new(problem))
    }
}

fn unsupported(keyword: &str, span: Span) -> Refusal {
    Refusal::Unsupported { keyword: keyword.to_owned(), span }
}

impl Options {
    /// Asks for an event of the packet, if it is one that is raised.
    fn event(&mut self, event: Option<Event>, decoder: bool, name: &str, span: Span) -> Result<(), Refusal> {
        let event = event.ok_or_else(|| unsupported(name, span))?;
        self.tests.push(PacketTest::Event { event, decoder });
        Ok(())
    }
}

/// A keyword asks something that AWS has and does not publish.
fn missing(keyword: &str, what: &str, option: &str, span: Span) -> Refusal {
    Refusal::Problem(Box::new(
        Diagnostic::error("FD0607", format!("`{keyword}` cannot be judged without {what}"))
            .at(span)
            .help(format!("give one with `{option}`, or go on without such rules with `--leave-out {keyword}`")),
    ))
}

fn wrong_protocol(test: &AwsCategory, span: Span) -> Diagnostic {
    let protocols = if test.url { "`http`" } else { "`tls` or `http`" };
    Diagnostic::error("FD0218", format!("`{}` in a rule that is not about {protocols}", test.name()))
        .at(span)
        .help(format!("AWS takes it in rules whose header names {protocols}"))
}

fn proto_test(protocol: Protocol) -> Option<AppProtoTest> {
    match protocol {
        Protocol::Http => Some(AppProtoTest::Http),
        Protocol::Http1 => Some(AppProtoTest::Is(AppProto::Http1)),
        Protocol::Dcerpc => Some(AppProtoTest::Dcerpc),
        protocol => AppProto::by_name(protocol.as_str()).map(AppProtoTest::Is),
    }
}

fn ip_proto_holds(test: IpProto, number: u8) -> bool {
    match test.compare {
        IpProtoMatch::Is => number == test.number,
        IpProtoMatch::Not => number != test.number,
        IpProtoMatch::Below => number < test.number,
        IpProtoMatch::Above => number > test.number,
    }
}

/// The bound that `dsize` sets on where contents of the payload end. Source: Suricata 7.0.10.
fn longest_payload(tests: &[PacketTest]) -> Option<u16> {
    tests.iter().find_map(|test| match test {
        PacketTest::Dsize(Compare::Lt(n) | Compare::Eq(n) | Compare::Ne(n) | Compare::Between(_, n)) => Some(*n),
        _ => None,
    })
}

/// Suricata can look at the option ahead of the others, which changes nothing but its speed.
fn can_be_first(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Ttl(_)
            | Keyword::Itype(_)
            | Keyword::Icode(_)
            | Keyword::IcmpId(_)
            | Keyword::IcmpSeq(_)
            | Keyword::TcpFlags(_)
            | Keyword::Fragbits(_)
            | Keyword::Fragoffset(_)
            | Keyword::Dsize(_)
            | Keyword::Id(_)
            | Keyword::Seq(_)
            | Keyword::Ack(_)
            | Keyword::TcpMss(_)
            | Keyword::Icmpv6Mtu(_)
            | Keyword::Flow(_)
            | Keyword::FlowAge(_)
    )
}

/// Suricata makes a test of the option. A bare direction leaves none.
fn is_test(option: &RuleOption) -> bool {
    match &option.keyword {
        Keyword::Flow(flow) => !flow.is_direction_only(),
        Keyword::Buffer(_) | Keyword::PktData | Keyword::Transform(_) => false,
        keyword => !keyword.is_about_the_rule(),
    }
}

/// The name of a keyword that is not evaluated.
fn name_of(keyword: &Keyword) -> &'static str {
    match keyword {
        Keyword::Recognised { name, .. } => name,
        _ => "this keyword",
    }
}
