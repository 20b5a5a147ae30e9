//! YAML to a tree with places.
//!
//! `saphyr-parser` does the parsing. Tags are kept as CloudFormation's long forms, so that `!Ref X` and
//! `{"Ref": "X"}` are the same tree: `!Name value` becomes a map with the one member `Fn::Name`. Scalars follow the core
//! schema, and numbers keep their text, since `08` may have been meant as a port.

use super::code;
use super::scalar::map_scalar;
use super::value::{MAX_DEPTH, Node, Value};
use crate::source::{Diagnostic, FileId, MappedText, Sources, Span, Spanned};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::collections::BTreeMap;

/// How many nodes aliases may add to a document: a few nested anchors would else make billions.
const ALIAS_NODES_MAX: usize = 100_000;

/// Reads the first YAML document of a file, and says whether there are more.
///
/// # Errors
/// The syntax error, or what else keeps the document from being read.
pub(crate) fn parse(sources: &Sources, file: FileId) -> Result<(Node, Option<Diagnostic>), Diagnostic> {
    let whole = sources.text(file);
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let places = Places::new(file, text, whole.len() - text.len());
    let mut builder = Builder { places, open: Vec::new(), anchors: BTreeMap::new(), alias_nodes: 0, root: None };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentStart(_), span)) if builder.root.is_some() => {
                let more = Diagnostic::warning(code::YAML_SYNTAX, "the file holds more than one YAML document")
                    .at(builder.places.span(span.start, span.end))
                    .help("only the first is read: put each into a file of its own");
                return Ok((builder.finish(), Some(more)));
            }
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let span = builder.places.span(*error.marker(), *error.marker());
                let help = if error.info().contains("tab") {
                    "indent with spaces"
                } else {
                    "check indentation, quotes and colons here and on the lines above"
                };
                return Err(Diagnostic::error(code::YAML_SYNTAX, format!("not valid YAML: {}", error.info()))
                    .at(span)
                    .help(help));
            }
        }
    }
    Ok((builder.finish(), None))
}

/// From the parser's character counts to bytes of the file.
struct Places<'a> {
    file: FileId,
    text: &'a str,
    /// Where `text` begins in the file: behind a byte order mark.
    base: usize,
    /// The byte offset of every character; empty when all are one byte long.
    offsets: Vec<u32>,
}

impl<'a> Places<'a> {
    fn new(file: FileId, text: &'a str, base: usize) -> Self {
        let offsets = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at as u32).collect() };
        Self { file, text, base, offsets }
    }

    fn byte(&self, mark: Marker) -> usize {
        let at = if self.offsets.is_empty() {
            mark.index()
        } else {
            self.offsets.get(mark.index()).map_or(self.text.len(), |&at| at as usize)
        };
        at.min(self.text.len())
    }

    /// The span between two markers, without the blank space and comments' line ends that block collections end with.
    fn span(&self, start: Marker, end: Marker) -> Span {
        let (start, end) = (self.byte(start), self.byte(end));
        let inside = self.text.get(start..end).unwrap_or("");
        let end = start + inside.trim_end().len();
        Span::new(self.file, self.base + start..self.base + end)
    }
}

struct Open {
    node: Node,
    tag: Option<(String, Span)>,
    anchor: usize,
    /// The key that waits for its value, in a map.
    key: Option<Spanned<String>>,
}

struct Builder<'a> {
    places: Places<'a>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    alias_nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: saphyr_parser::Span) -> Result<(), Diagnostic> {
        match event {
            Event::SequenceStart(anchor, tag) => self.start(Value::List(Vec::new()), anchor, tag.as_deref(), span),
            Event::MappingStart(anchor, tag) => self.start(Value::Map(Vec::new()), anchor, tag.as_deref(), span),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut done) = self.open.pop() else { return Ok(()) };
                done.node.span = done.node.span.to(self.places.span(span.start, span.end));
                let inside = self.places.text.get(
                    (done.node.span.start as usize).saturating_sub(self.places.base)
                        ..(done.node.span.end as usize).saturating_sub(self.places.base),
                );
                done.node.span.end = done.node.span.start + inside.unwrap_or("").trim_end().len() as u32;
                if let Value::Map(members) = &done.node.value {
                    code::refuse_duplicate_keys(members)?;
                }
                let node = tagged(done.node, done.tag);
                self.insert(node, done.anchor)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), span);
                self.insert(node, anchor)
            }
            Event::Alias(anchor) => {
                let place = self.places.span(span.start, span.end);
                let node = self.anchors.get(&anchor).cloned().unwrap_or(Node { value: Value::Null, span: place });
                self.alias_nodes += count(&node);
                if self.alias_nodes > ALIAS_NODES_MAX {
                    let message = format!("aliases make the document larger than {ALIAS_NODES_MAX} values");
                    return Err(Diagnostic::error(code::TOO_DEEP, message)
                        .at(place)
                        .help("write out what is meant: no policy needs as much"));
                }
                if self.open.len() + depth(&node) > MAX_DEPTH {
                    return Err(code::too_deep(place));
                }
                self.insert(node, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn start(
        &mut self,
        value: Value,
        anchor: usize,
        tag: Option<&Tag>,
        span: saphyr_parser::Span,
    ) -> Result<(), Diagnostic> {
        let span = self.places.span(span.start, span.end);
        if self.open.len() >= MAX_DEPTH {
            return Err(code::too_deep(span));
        }
        let tag = tag.and_then(function_name).map(|name| (name, span));
        self.open.push(Open { node: Node { value, span }, tag, anchor, key: None });
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: saphyr_parser::Span) -> Node {
        let place = self.places.span(span.start, span.end);
        let mapped = || -> MappedText {
            let start = self.places.byte(span.start);
            let source = self.places.text.get(start..self.places.byte(span.end)).unwrap_or("");
            map_scalar(text, source, style, self.places.file, self.places.base + start)
        };
        let core = tag.filter(|tag| tag.is_yaml_core_schema());
        let value = match core.map(|tag| tag.suffix.as_str()) {
            Some("str") => Value::String(mapped()),
            _ if style == ScalarStyle::Plain => plain(text).unwrap_or_else(|| Value::String(mapped())),
            _ => Value::String(mapped()),
        };
        let node = Node { value, span: place };
        tagged(node, tag.and_then(function_name).map(|name| (name, place)))
    }

    fn insert(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        match &mut parent.node.value {
            Value::List(items) => items.push(node),
            Value::Map(members) => match parent.key.take() {
                Some(key) => members.push((key, node)),
                None => parent.key = Some(key_of(&node)?),
            },
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Node {
        let nothing = Node { value: Value::Null, span: Span::new(self.places.file, 0..0) };
        self.root.unwrap_or(nothing)
    }
}

fn key_of(node: &Node) -> Result<Spanned<String>, Diagnostic> {
    let key = match &node.value {
        Value::String(text) => text.as_str().to_owned(),
        Value::Number(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        Value::List(_) | Value::Map(_) | Value::Unresolved(_) => {
            return Err(Diagnostic::error(code::YAML_SYNTAX, "a key must be a plain text")
                .at(node.span)
                .help("write a name in front of the colon"));
        }
    };
    Ok(Spanned::new(key, node.span))
}

/// A scalar that is not a string, by YAML's core schema.
fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.ends_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && text.parse::<f64>().is_ok();
    is_number.then(|| Value::Number(text.to_owned()))
}

/// `!Ref` is `Ref`, `!Condition` is `Condition`, every other local tag is a function of that name.
fn function_name(tag: &Tag) -> Option<String> {
    if tag.handle != "!" || tag.suffix.is_empty() {
        return None;
    }
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

fn tagged(node: Node, tag: Option<(String, Span)>) -> Node {
    let Some((name, at)) = tag else { return node };
    let span = at.to(node.span);
    Node { value: Value::Map(vec![(Spanned::new(name, at), node)]), span }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(members) => 1 + members.iter().map(|(_, value)| count(value)).sum::<usize>(),
        _ => 1,
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Sources, Result<Node, Diagnostic>) {
        let mut sources = Sources::new();
        let file = sources.add("x.yaml", text);
        let node = parse(&sources, file).map(|(node, _)| node);
        (sources, node)
    }

    #[test]
    fn tags_become_the_long_forms() {
        let (sources, node) = read("a: !Ref x\nb: !Sub\n  - t\n  - {k: v}\nc: !GetAtt r.a\n");
        let node = node.unwrap();
        assert_eq!(node.get("a").unwrap().get("Ref").unwrap().as_text().unwrap().as_str(), "x");
        assert_eq!(sources.slice(node.get("a").unwrap().get("Ref").unwrap().as_text().unwrap().span(0..1)), "x");
        assert_eq!(node.get("b").unwrap().get("Fn::Sub").unwrap().as_list().unwrap().len(), 2);
        assert_eq!(node.get("c").unwrap().get("Fn::GetAtt").unwrap().as_text().unwrap().as_str(), "r.a");
    }

    #[test]
    fn scalars_keep_what_was_written() {
        let (_, node) = read("p: 08\nq: '08'\nr: 10.0.0.0/8\ns: true\nt:\nu: 22:80\nv: 1e3\nw: !!str 5\n");
        let node = node.unwrap();
        let value = |key: &str| node.get(key).map(|n| n.value.clone());
        assert_eq!(value("p"), Some(Value::Number("08".to_owned())));
        assert!(matches!(value("q"), Some(Value::String(_))));
        assert!(matches!(value("r"), Some(Value::String(_))));
        assert_eq!(value("s"), Some(Value::Bool(true)));
        assert_eq!(value("t"), None);
        assert!(matches!(value("u"), Some(Value::String(_))));
        assert_eq!(value("v"), Some(Value::Number("1e3".to_owned())));
        assert!(matches!(value("w"), Some(Value::String(_))));
    }

    #[test]
    fn places_are_right_behind_characters_of_several_bytes() {
        let (sources, node) =
            read("\u{feff}# é\na: [ü, \"ö\\tx\"]\nb: {c: |\n}\n".replace("b: {c: |\n}\n", "b: y\n").as_str());
        let node = node.unwrap();
        let list = node.get("a").unwrap();
        assert_eq!(sources.slice(list.span), "[ü, \"ö\\tx\"]");
        let text = list.as_list().unwrap()[1].as_text().unwrap();
        assert_eq!(text.as_str(), "ö\tx");
        assert_eq!(sources.slice(text.span(3..4)), "x");
        assert_eq!(sources.slice(node.get("b").unwrap().span), "y");
    }

    #[test]
    fn aliases_are_followed_but_cannot_explode() {
        let (_, node) = read("a: &x [1, 2]\nb: *x\n");
        assert_eq!(node.unwrap().get("b").unwrap().as_list().unwrap().len(), 2);
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..12 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(",");
            bomb = format!("{bomb}a{i}: &a{i} [{aliases}]\n");
        }
        assert_eq!(read(&bomb).1.unwrap_err().code, code::TOO_DEEP);
    }

    #[test]
    fn what_is_not_yaml_is_said_with_its_place() {
        let (sources, node) = read("a: b\nc: [1, 2\nd: e\n");
        let error = node.unwrap_err();
        assert_eq!(error.code, code::YAML_SYNTAX);
        assert!(sources.location(error.labels[0].span).line >= 2);
        assert_eq!(read("a: 1\nb: 2\na: 3\n").1.unwrap_err().code, code::DUPLICATE_KEY);
        assert_eq!(read(&"[".repeat(3000)).1.unwrap_err().severity, crate::source::Severity::Error);
        assert_eq!(read("").1.unwrap().value, Value::Null);
    }
}
