//! String functions. Parts of a text keep their place; a text that is changed throughout maps to the whole.

use super::Args;
use crate::policy::terraform::value::{Eval, Val};
use crate::source::{MappedText, Spanned, TextBuilder};
use regex::Regex;

pub(super) fn call(args: &Args<'_, '_>) -> Option<Eval> {
    Some(match args.name {
        "lower" => mapped(args, str::to_lowercase),
        "upper" => mapped(args, str::to_uppercase),
        "title" => mapped(args, title),
        "strrev" => mapped(args, |text| text.chars().rev().collect()),
        "trimspace" => cut(args, 1, |text, _| (text.trim_start().len(), text.trim_end().len())),
        "chomp" => cut(args, 1, |text, _| (text.len(), text.trim_end_matches(['\r', '\n']).len())),
        "trim" => cut(args, 2, |text, set| {
            (text.trim_start_matches(|c| set.contains(c)).len(), text.trim_end_matches(|c| set.contains(c)).len())
        }),
        "trimprefix" => cut(args, 2, |text, prefix| (text.strip_prefix(prefix).unwrap_or(text).len(), text.len())),
        "trimsuffix" => cut(args, 2, |text, suffix| (text.len(), text.strip_suffix(suffix).unwrap_or(text).len())),
        "startswith" => test(args, |text, prefix| text.starts_with(prefix)),
        "endswith" => test(args, |text, suffix| text.ends_with(suffix)),
        "strcontains" => test(args, |text, part| text.contains(part)),
        "substr" => substr(args),
        "indent" => indent(args),
        "replace" => replace(args),
        "join" => join(args),
        "split" => split(args),
        "regex" => regex(args),
        "regexall" => regexall(args),
        _ => return None,
    })
}

fn mapped(args: &Args<'_, '_>, change: impl Fn(&str) -> String) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    let changed = change(text.as_str());
    if changed == text.as_str() {
        return Ok(Val::text(MappedText::clone(&text)));
    }
    Ok(Val::derived(changed, text.whole()))
}

fn title(text: &str) -> String {
    let mut start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        start = c.is_whitespace();
    }
    out
}

/// Takes text off the ends: `ends` gives the length without the start and the length without the end.
fn cut(args: &Args<'_, '_>, count: usize, ends: impl Fn(&str, &str) -> (usize, usize)) -> Eval {
    args.count(count..=count)?;
    let text = args.text(0)?;
    let other = if count == 2 { Some(args.text(1)?) } else { None };
    let len = text.as_str().len();
    let (without_start, end) = ends(text.as_str(), other.as_ref().map_or("", |other| other.as_str()));
    Ok(Val::text(text.slice((len - without_start).min(end)..end)))
}

fn test(args: &Args<'_, '_>, holds: impl Fn(&str, &str) -> bool) -> Eval {
    args.count(2..=2)?;
    Ok(Val::bool(holds(args.text(0)?.as_str(), args.text(1)?.as_str()), args.span))
}

fn substr(args: &Args<'_, '_>) -> Eval {
    args.count(3..=3)?;
    let (text, offset, length) = (args.text(0)?, args.int(1)?, args.int(2)?);
    let starts: Vec<usize> = text.as_str().char_indices().map(|(at, _)| at).collect();
    let byte = |at: usize| starts.get(at).copied().unwrap_or(text.as_str().len());
    let from = if offset < 0 { (starts.len() as i128).saturating_add(offset).max(0) } else { offset };
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(starts.len());
    let to = usize::try_from(length).map_or(starts.len(), |length| from.saturating_add(length).min(starts.len()));
    Ok(Val::text(text.slice(byte(from)..byte(to))))
}

/// Spaces in front of every line but the first.
fn indent(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (spaces, text) = (args.int(0)?, args.text(1)?);
    let spaces = " ".repeat(usize::try_from(spaces).unwrap_or(0).min(1000));
    let mut out = TextBuilder::new();
    let mut start = 0;
    for (at, line) in text.as_str().split_inclusive('\n').enumerate() {
        args.evaluator.charge(spaces.len() / 16 + 1, args.span)?;
        if at > 0 {
            out.derived(&spaces, args.span);
        }
        out.mapped(&text.slice(start..start + line.len()));
        start += line.len();
    }
    if text.as_str().ends_with('\n') {
        out.derived(&spaces, args.span);
    }
    Ok(Val::text(out.finish(text.whole())))
}

/// `replace(text, "/regex/", ..)` or `replace(text, "part", ..)`.
fn replace(args: &Args<'_, '_>) -> Eval {
    args.count(3..=3)?;
    let (text, search, by) = (args.text(0)?, args.text(1)?, args.text(2)?);
    let pattern = search.as_str().strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let mut out = TextBuilder::new();
    let mut done = 0;
    let mut put = |from: usize, to: usize, replacement: &str, whole: &MappedText| -> Eval<()> {
        args.evaluator.charge((from - done + replacement.len()) / 16 + 1, args.span)?;
        out.mapped(&text.slice(done..from));
        if whole.as_str() == replacement {
            out.mapped(whole);
        } else {
            out.derived(replacement, whole.whole());
        }
        done = to;
        Ok(())
    };
    match pattern {
        Some(pattern) => {
            let regex = compile(args, pattern)?;
            for captures in regex.captures_iter(text.as_str()) {
                let Some(found) = captures.get(0) else { continue };
                let mut replacement = String::new();
                captures.expand(by.as_str(), &mut replacement);
                put(found.start(), found.end(), &replacement, &by)?;
            }
        }
        None if search.as_str().is_empty() => return Ok(Val::text(MappedText::clone(&text))),
        None => {
            for (at, found) in text.as_str().match_indices(search.as_str()) {
                put(at, at + found.len(), by.as_str(), &by)?;
            }
        }
    }
    out.mapped(&text.slice(done..text.as_str().len()));
    Ok(Val::text(out.finish(text.whole())))
}

fn join(args: &Args<'_, '_>) -> Eval {
    args.count(2..=usize::MAX)?;
    let separator = args.text(0)?;
    let mut out = TextBuilder::new();
    let mut first = true;
    for at in 1..args.values.len() {
        for item in args.texts(at)? {
            args.evaluator.charge((item.as_str().len() + separator.as_str().len()) / 16, args.span)?;
            if !std::mem::take(&mut first) {
                out.mapped(&separator);
            }
            out.mapped(&item);
        }
    }
    Ok(Val::text(out.finish(args.span)))
}

fn split(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (separator, text) = (args.text(0)?, args.text(1)?);
    if text.as_str().is_empty() {
        return Ok(Val::list(Vec::new(), text.whole()));
    }
    let count = text.as_str().match_indices(separator.as_str()).count();
    args.evaluator.charge(count, args.span)?;
    let mut parts = Vec::new();
    let mut start = 0;
    if separator.as_str().is_empty() {
        for (at, c) in text.as_str().char_indices() {
            parts.push(Val::text(text.slice(at..at + c.len_utf8())));
        }
    } else {
        for part in text.as_str().split(separator.as_str()) {
            parts.push(Val::text(text.slice(start..start + part.len())));
            start += part.len() + separator.as_str().len();
        }
    }
    Ok(Val::list(parts, text.whole()))
}

fn compile(args: &Args<'_, '_>, pattern: &str) -> Eval<Regex> {
    Regex::new(pattern).map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            other => other.to_string().lines().last().unwrap_or("").trim_start_matches("error: ").to_owned(),
        };
        args.fault(format!("`{pattern}` is not a regular expression: {reason}"))
    })
}

/// A match as Terraform gives it: the text, the list of groups, or the map of named groups.
fn captured(regex: &Regex, captures: &regex::Captures<'_>, text: &MappedText) -> Val {
    let group = |found: Option<regex::Match<'_>>| match found {
        Some(found) => Val::text(text.slice(found.range())),
        None => Val::new(crate::policy::terraform::value::Data::Null, text.whole()),
    };
    if captures.len() == 1 {
        return group(captures.get(0));
    }
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    if names.is_empty() {
        return Val::list(captures.iter().skip(1).map(group).collect(), text.whole());
    }
    let members =
        names.into_iter().map(|name| (Spanned::new(name.to_owned(), text.whole()), group(captures.name(name))));
    Val::map(members.collect(), text.whole())
}

fn regex(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (pattern, text) = (args.text(0)?, args.text(1)?);
    let regex = compile(args, pattern.as_str())?;
    match regex.captures(text.as_str()) {
        Some(captures) => Ok(captured(&regex, &captures, &text)),
        None => Err(args.fault(format!("`{}` does not match", pattern.as_str()))),
    }
}

fn regexall(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (pattern, text) = (args.text(0)?, args.text(1)?);
    let regex = compile(args, pattern.as_str())?;
    let mut found = Vec::new();
    for captures in regex.captures_iter(text.as_str()) {
        args.evaluator.charge(1, args.span)?;
        found.push(captured(&regex, &captures, &text));
    }
    Ok(Val::list(found, text.whole()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn ends_are_cut() {
        check(r#"[trimspace("  a b \n"), chomp("a\r\n\n"), trim("??a!?", "?!")]"#, r#"["a b","a","a"]"#);
        check(
            r#"[trimprefix("rules/x", "rules/"), trimsuffix("x.rules", ".rules"), trim("!!", "!")]"#,
            r#"["x","x",""]"#,
        );
    }

    #[test]
    fn parts_are_found_and_replaced() {
        check(r#"replace("1 + 2 + 3", "+", "-")"#, r#""1 - 2 - 3""#);
        check(r#"replace("hello world", "/w(.*)d/", "<$1>")"#, r#""hello <orl>""#);
        check(r#"[substr("hello", 1, 3), substr("hello", -2, -1)]"#, r#"["ell","lo"]"#);
        check(r#"[startswith("ab", "a"), endswith("ab", "a"), strcontains("abc", "b")]"#, "[true,false,true]");
    }

    #[test]
    fn lists_are_joined_and_split() {
        check(r#"join(", ", ["a", 1, true])"#, r#""a, 1, true""#);
        check(r#"split(",", "a,,b")"#, r#"["a","","b"]"#);
        check(r#"split(",", "")"#, "[]");
        check(r#"indent(2, "a\nb")"#, r#""a\n  b""#);
    }

    #[test]
    fn a_match_is_a_text_a_list_or_a_map() {
        check(r#"regex("[a-z]+", "53 abc")"#, r#""abc""#);
        check(r#"regex("(\\d+)-(\\d+)", "2019-02")"#, r#"["2019","02"]"#);
        check(r#"regex("(?P<y>\\d+)-(?P<m>\\d+)", "2019-02")"#, r#"{"y":"2019","m":"02"}"#);
        check(r#"regexall("[a-z]", "1a2b")"#, r#"["a","b"]"#);
        check(r#"regex("x", "y")"#, "`x` does not match");
    }

    #[test]
    fn case_is_changed() {
        check(r#"[lower("ABC"), upper("abc"), title("hello world")]"#, r#"["abc","ABC","Hello World"]"#);
    }
}
