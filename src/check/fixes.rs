//! Changes of files that are certain to be right: a line taken out, an item taken out of a list.

use super::finding::Edit;
use crate::source::{Sources, Span};

/// Takes out the line of what stands at `span`, if it is all that the line holds.
pub(super) fn without_line(span: Span, sources: &Sources) -> Option<Edit> {
    let text = sources.text(span.file);
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let line_end = text.get(end..)?.find('\n').map_or(text.len(), |at| end + at + 1);
    let alone = text.get(line_start..start)?.trim().is_empty() && text.get(end..line_end)?.trim().is_empty();
    let one_line = !text.get(start..end)?.contains('\n');
    (alone && one_line).then(|| Edit { span: Span::new(span.file, line_start..line_end), text: String::new() })
}

/// Takes an item out of a list: `- item` on a line of its own, or one between commas.
pub(super) fn without_item(span: Span, sources: &Sources) -> Option<Edit> {
    let text = sources.text(span.file);
    let (mut start, mut end) = (span.start as usize, span.end as usize);
    // the quotes belong to the item
    let quote = text.get(..start)?.chars().next_back().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote
        && text.get(end..)?.starts_with(quote)
    {
        (start, end) = (start - 1, end + 1);
    }
    let before = text.get(..start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let lead = before.get(line_start..)?;
    let after = text.get(end..)?;
    if lead.trim() == "-" {
        let line_end = after.find('\n').map_or(text.len(), |at| end + at + 1);
        let rest = text.get(end..line_end)?.trim();
        return (rest.is_empty() || rest.starts_with('#'))
            .then(|| Edit { span: Span::new(span.file, line_start..line_end), text: String::new() });
    }
    let gap = after.len() - after.trim_start().len();
    if after.trim_start().starts_with(',') {
        // with the comma behind it, and the line if nothing else is on it
        let mut until = end + gap + 1;
        let rest = text.get(until..)?;
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        if lead.trim().is_empty() && rest.get(blank..)?.starts_with('\n') {
            return Some(Edit { span: Span::new(span.file, line_start..until + blank + 1), text: String::new() });
        }
        until += if rest.get(blank..)?.starts_with('\n') { 0 } else { blank };
        return Some(Edit { span: Span::new(span.file, start..until), text: String::new() });
    }
    // the last one: with the comma before it
    let trimmed = before.trim_end();
    let closes = after.trim_start().starts_with(']');
    (closes && trimmed.ends_with(','))
        .then(|| Edit { span: Span::new(span.file, trimmed.len() - 1..end), text: String::new() })
}
