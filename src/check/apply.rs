//! Fixes put into the text of a file.

use super::finding::{Edit, Finding};
use crate::source::{FileId, Sources};
use std::collections::BTreeMap;

/// What became of the fixes.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The new text of each file that changes.
    pub texts: Vec<(FileId, String)>,
    /// How many fixes are in them.
    pub n_fixes: usize,
    /// How many had to be left for another run, because they touch the same text.
    pub n_left: usize,
}

/// The files with all fixes in them that do not get into each other's way.
pub fn fixed(findings: &[Finding], sources: &Sources) -> Fixed {
    let mut fixed = Fixed::default();
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        let touches = |edit: &Edit| {
            let others = by_file.get(&edit.span.file).map_or(&[] as &[&Edit], Vec::as_slice);
            let after = others.partition_point(|other| other.span.start < edit.span.start);
            let before_it = after.checked_sub(1).and_then(|at| others.get(at));
            before_it.is_some_and(|other| other.span.end > edit.span.start)
                || others.get(after).is_some_and(|other| edit.span.end > other.span.start)
        };
        if fix.edits.iter().any(touches) {
            fixed.n_left += 1;
            continue;
        }
        for edit in &fix.edits {
            let edits = by_file.entry(edit.span.file).or_default();
            let at = edits.partition_point(|other| other.span.start < edit.span.start);
            edits.insert(at, edit);
        }
        fixed.n_fixes += 1;
    }
    for (file, edits) in by_file {
        let text = sources.text(file);
        let mut new = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            new.push_str(text.get(at..edit.span.start as usize).unwrap_or(""));
            new.push_str(&edit.text);
            at = edit.span.end as usize;
        }
        new.push_str(text.get(at..).unwrap_or(""));
        fixed.texts.push((file, new));
    }
    fixed
}
