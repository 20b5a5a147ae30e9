//! `Fn::Sub`: `${Name}` and `${Resource.Attribute}` inside a text, and `${!Literal}`.

use super::functions::{Purpose, Resolver, push_local};
use crate::policy::value::{Node, Unresolved};
use crate::source::{MappedText, TextBuilder};

/// The text of `Fn::Sub`, which is given a text, or a text and a map of names.
pub(super) fn sub(resolver: &Resolver<'_>, argument: &Node, purpose: Purpose) -> Result<MappedText, Unresolved> {
    let (template, names) = match argument.as_list() {
        Some([template, names]) => (template, names.as_map().unwrap_or(&[])),
        Some([template]) => (template, &[][..]),
        _ => (argument, &[][..]),
    };
    let text = resolver.text(template, purpose)?;
    let mut out = TextBuilder::new();
    let mut missing = Vec::new();
    let mut at = 0;
    while let Some(start) = text.as_str().get(at..).and_then(|rest| rest.find("${")).map(|n| at + n) {
        let Some(length) = text.as_str().get(start..).and_then(|rest| rest.find('}')).map(|n| n + 1) else { break };
        out.mapped(&text.slice(at..start));
        let inside = text.as_str().get(start + 2..start + length - 1).unwrap_or("");
        let span = text.span(start..start + length);
        if let Some(literal) = inside.strip_prefix('!') {
            out.derived(&format!("${{{literal}}}"), span);
        } else {
            let name = inside.trim();
            let local = names.iter().find(|(key, _)| key.value == name).map(|(_, value)| value);
            let value = match local {
                Some(value) => resolver.text(value, purpose),
                None => resolver.named(name, span, purpose).and_then(|node| resolver.text(&node, purpose)),
            };
            match value.and_then(|value| resolver.charge(value.as_str().len()).map(|()| value)) {
                Ok(value) => push_local(&mut out, &value, span),
                Err(open) => missing.push(explain_variable(name, open)),
            }
        }
        at = start + length;
    }
    out.mapped(&text.slice(at..text.as_str().len()));
    if missing.is_empty() { Ok(out.finish(text.whole())) } else { Err(Unresolved::join(&missing)) }
}

/// `${HOME_NET}` is the usual slip: in Suricata's language the braces are not needed, in `Fn::Sub` they mean something.
fn explain_variable(name: &str, open: Unresolved) -> Unresolved {
    if open.what.contains("neither a parameter") && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        let help =
            format!("for the rule variable write `${name}`: `Fn::Sub` takes `${{{name}}}` for a template's name");
        return Unresolved::new(open.what, help);
    }
    open
}
