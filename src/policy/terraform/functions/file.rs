//! Functions that read files, confined to the directory that was given, and functions on paths.

use super::Args;
use crate::policy::terraform::config::SourceText;
use crate::policy::terraform::evaluate::{Evaluator, Names, Scope};
use crate::policy::terraform::template::{self, Quoting};
use crate::policy::terraform::value::{Data, Eval, Stop, Val};
use crate::source::{FileId, MappedText, Span};
use hcl_edit::parser;
use regex::Regex;
use std::path::Path;
use std::rc::Rc;

/// How deep `fileset` looks, and how many names it looks at.
const FILESET_DEPTH_MAX: usize = 16;
const FILESET_NAMES_MAX: usize = 10_000;

pub(super) fn call(args: &Args<'_, '_>, scope: Scope<'_>) -> Option<Eval> {
    Some(match args.name {
        "file" => args.count(1..=1).and_then(|()| read(args.evaluator, args.get(0)?, args.span)),
        "fileexists" => fileexists(args),
        "fileset" => fileset(args),
        "templatefile" => templatefile(args, scope),
        "basename" => name(args, |path| path.rsplit('/').next().unwrap_or("").to_owned()),
        "dirname" => name(args, |path| match path.trim_end_matches('/').rsplit_once('/') {
            Some((dir, _)) => {
                if dir.is_empty() {
                    "/".to_owned()
                } else {
                    dir.to_owned()
                }
            }
            None => ".".to_owned(),
        }),
        _ => return None,
    })
}

fn name(args: &Args<'_, '_>, part: impl Fn(&str) -> String) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    Ok(Val::derived(part(text.as_str().trim_end_matches('/')), text.whole()))
}

/// The text of a file; its bytes map to that file.
pub(in crate::policy::terraform) fn read(evaluator: &Evaluator<'_>, path: &Val, span: Span) -> Eval {
    let id = open(evaluator, path, span)?;
    let text = evaluator.files.text(id);
    evaluator.charge(text.len() / 16, span)?;
    Ok(Val::text(MappedText::verbatim(text, id, 0)))
}

fn open(evaluator: &Evaluator<'_>, path: &Val, span: Span) -> Eval<FileId> {
    let Some(text) = path.to_text() else {
        return Err(Stop::fault(format!("a path must be a string, this is {}", path.type_name()), path.span, ""));
    };
    evaluator.files.file(Path::new(text.as_str())).map_err(|why| {
        Stop::fault(
            format!("the file `{}` cannot be read: {why}", text.as_str()),
            span,
            "only files below the directory that was given are read; paths are relative to it",
        )
    })
}

fn fileexists(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let path = args.text(0)?;
    let exists = args.evaluator.files.exists(Path::new(path.as_str()));
    exists.map(|exists| Val::bool(exists, args.span)).map_err(|why| args.fault(format!("`{}`: {why}", path.as_str())))
}

/// The names below a directory that match a pattern of `*`, `**`, `?` and `{a,b}`.
fn fileset(args: &Args<'_, '_>) -> Eval {
    fn walk(
        args: &Args<'_, '_>,
        base: &Path,
        below: &str,
        pattern: &Regex,
        out: &mut Vec<Val>,
        depth: usize,
    ) -> Eval<()> {
        let names = args.evaluator.files.names(&base.join(below));
        for name in names.map_err(|why| args.fault(format!("`{}` cannot be read: {why}", base.display())))? {
            args.evaluator.charge(200, args.span)?;
            if out.len() > FILESET_NAMES_MAX || name.starts_with('.') {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if args.evaluator.files.exists(&base.join(&path)).unwrap_or(false) {
                if pattern.is_match(&path) {
                    out.push(Val::derived(path, args.span));
                }
            } else if depth < FILESET_DEPTH_MAX && args.evaluator.files.is_directory(&base.join(&path)) {
                walk(args, base, &path, pattern, out, depth + 1)?;
            }
        }
        Ok(())
    }
    args.count(2..=2)?;
    let (dir, pattern) = (args.text(0)?, args.text(1)?);
    let mut regex = String::from("^");
    let mut rest = pattern.as_str().chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                regex.push_str("(?:.*/)?");
                if rest.peek().is_none() {
                    regex.push_str(".*");
                }
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '{' => regex.push_str("(?:"),
            '}' => regex.push(')'),
            ',' => regex.push('|'),
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    let regex = Regex::new(&regex).map_err(|_| args.fault(format!("`{}` is no file pattern", pattern.as_str())))?;
    let mut found = Vec::new();
    walk(args, Path::new(dir.as_str()), "", &regex, &mut found, 0)?;
    Ok(Val::set(found, args.span))
}

/// Evaluates a file as a template; it sees the given variables and nothing else.
fn templatefile(args: &Args<'_, '_>, scope: Scope<'_>) -> Eval {
    fn with_names<T>(
        members: &[(crate::source::Spanned<String>, Val)],
        outer: Option<&Names<'_>>,
        then: &mut dyn FnMut(Option<&Names<'_>>) -> T,
    ) -> T {
        match members.split_first() {
            None => then(outer),
            Some(((key, value), rest)) => {
                let names = Names { name: &key.value, value, outer };
                with_names(rest, Some(&names), then)
            }
        }
    }
    args.count(2..=2)?;
    let evaluator = args.evaluator;
    let id = open(evaluator, args.get(0)?, args.span)?;
    let variables = args.map(1)?;
    if variables.members.len() > 200 {
        return Err(args.fault("a template takes at most 200 variables here"));
    }
    if scope.instance.is_none() {
        return Err(args.fault("a template file cannot call `templatefile`"));
    }
    let known = evaluator.templates.borrow().get(&id).cloned();
    let parsed = if let Some(parsed) = known {
        parsed
    } else {
        let source = SourceText::new(id, &evaluator.files.text(id));
        let template = parser::parse_template(&source.text).map_err(|error| {
            let problem = source.syntax_error(&error);
            let span = problem.labels.first().map_or(args.span, |label| label.span);
            Stop::fault(problem.message, span, "this is in the template file")
        })?;
        let parsed = Rc::new((source, template));
        evaluator.templates.borrow_mut().insert(id, Rc::clone(&parsed));
        parsed
    };
    let (source, template) = &*parsed;
    let whole = source.span(Some(0..source.text.len()));
    let value = with_names(&variables.members, None, &mut |names| {
        let scope = Scope { source, instance: None, names };
        template::evaluate(evaluator, template, Quoting::File, scope, whole)
    })?;
    debug_assert!(matches!(value.data, Data::Text(_)));
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn paths_have_parts() {
        check(r#"[basename("a/b.rules"), dirname("a/b.rules"), dirname("b")]"#, r#"["b.rules","a","."]"#);
    }

    #[test]
    fn files_outside_of_the_directory_are_refused() {
        let why = "cannot be read: it lies outside the directory that was given";
        check(r#"file("/etc/hostname")"#, &format!("the file `/etc/hostname` {why}"));
        check(r#"file("../x")"#, &format!("the file `../x` {why}"));
        check(r#"file("none.rules")"#, "the file `none.rules` cannot be read: there is no such file");
    }
}
