//! Quoted strings, heredocs and template files: literals decoded with their places, `${}`, `%{ if }`, `%{ for }`, `~`
//! trimming and the indentation of `<<-`.
//!
//! The parser has found the parts; their texts are decoded again from the file here, since only that keeps the map from
//! each byte of a rule to where the user wrote it. Trimming and indentation work on a flat sequence of tokens, as in
//! Terraform: in a heredoc each line is a token, so `~}` at the end of a line eats the line end and no more.

use super::config::SourceText;
use super::evaluate::{Evaluator, Names, Scope};
use super::value::{Eval, Stop, Val};
use crate::source::{MappedText, Span, TextBuilder};
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, ForTemplateExpr, Strip, Template};
use std::ops::Range;

/// What surrounds a template's literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// `"..."`: backslash escapes.
    Quoted,
    /// `<<EOT`.
    Heredoc,
    /// `<<-EOT`.
    IndentedHeredoc,
    /// The whole of a file.
    File,
}

#[derive(Debug)]
enum Token<'t> {
    Literal(MappedText),
    Value(&'t Expression, Span),
    /// `otherwise` and `end` are indices of tokens.
    If {
        condition: &'t Expression,
        otherwise: Option<usize>,
        end: usize,
    },
    For {
        intro: &'t ForTemplateExpr,
        end: usize,
    },
    /// `else`, `endif`, `endfor`.
    Mark,
}

#[derive(Debug)]
struct Tokens<'t> {
    source: &'t SourceText,
    quoting: Quoting,
    sequence: Vec<Token<'t>>,
    /// The last sequence ended with `~}`.
    trim_next: bool,
}

/// The value of a template; `whole` is its place.
pub(super) fn evaluate(
    evaluator: &Evaluator<'_>,
    template: &Template,
    quoting: Quoting,
    scope: Scope<'_>,
    whole: Span,
) -> Eval {
    if quoting == Quoting::Quoted
        && let Some(Element::Interpolation(interpolation)) = template.as_single_element()
    {
        return evaluator.eval(&interpolation.expr, scope); // "${x}" is x itself, whatever its type
    }
    let mut tokens = Tokens { source: scope.source, quoting, sequence: Vec::new(), trim_next: false };
    tokens.elements(template);
    let mut tokens = tokens.sequence;
    if quoting == Quoting::IndentedHeredoc {
        remove_indentation(&mut tokens);
    }
    let mut text = TextBuilder::new();
    render(evaluator, &tokens, 0..tokens.len(), scope, &mut text)?;
    Ok(Val::text(text.finish(whole)))
}

/// The text of a quoted string without interpolations; `range` includes the quotes.
pub(super) fn quoted(source: &SourceText, range: Range<usize>) -> MappedText {
    let whole = source.span(Some(range.clone()));
    decode(source, range.start + 1..range.end.saturating_sub(1), true).finish(whole)
}

/// Decodes raw literal text.
fn decode(source: &SourceText, range: Range<usize>, escapes: bool) -> TextBuilder {
    let mut out = TextBuilder::new();
    let raw = source.text.get(range.clone()).unwrap_or("");
    let mut plain = 0; // start of the run that stands as it is
    let mut at = 0;
    while let Some(found) = raw.get(at..).and_then(|rest| rest.find(['\\', '$', '%'])) {
        at += found;
        let rest = raw.get(at..).unwrap_or("");
        let Some((decoded, len)) = escape(rest, escapes) else {
            at += 1;
            continue;
        };
        out.verbatim(raw.get(plain..at).unwrap_or(""), source.id, source.offset(range.start + plain));
        let mut utf8 = [0; 4];
        let text = match decoded {
            Decoded::Char(c) => &*c.encode_utf8(&mut utf8),
            Decoded::Marker(text) => text,
        };
        out.derived(text, source.span(Some(range.start + at..range.start + at + len)));
        at += len;
        plain = at;
    }
    out.verbatim(raw.get(plain..).unwrap_or(""), source.id, source.offset(range.start + plain));
    out
}

enum Decoded {
    Char(char),
    Marker(&'static str),
}

/// What the escape at the start of `rest` means, and its length; `None` when it is none.
fn escape(rest: &str, escapes: bool) -> Option<(Decoded, usize)> {
    if rest.starts_with("$${") {
        return Some((Decoded::Marker("${"), 3));
    }
    if rest.starts_with("%%{") {
        return Some((Decoded::Marker("%{"), 3));
    }
    let escaped = rest.strip_prefix('\\').filter(|_| escapes)?;
    let hex = |digits: usize| {
        let code = u32::from_str_radix(escaped.get(1..=digits)?, 16).ok()?;
        Some((Decoded::Char(char::from_u32(code)?), digits + 2))
    };
    match escaped.chars().next()? {
        'n' => Some((Decoded::Char('\n'), 2)),
        'r' => Some((Decoded::Char('\r'), 2)),
        't' => Some((Decoded::Char('\t'), 2)),
        c @ ('"' | '\\') => Some((Decoded::Char(c), 2)),
        'u' => hex(4),
        'U' => hex(8),
        _ => None,
    }
}

impl<'t> Tokens<'t> {
    fn elements(&mut self, template: &'t Template) {
        for element in template {
            match element {
                Element::Literal(literal) => self.literal(literal.span().unwrap_or(0..0)),
                Element::Interpolation(interpolation) => {
                    let span = self.source.span(interpolation.span());
                    self.push(interpolation.strip, Token::Value(&interpolation.expr, span));
                }
                Element::Directive(directive) => self.directive(directive),
            }
        }
    }

    fn directive(&mut self, directive: &'t Directive) {
        match directive {
            Directive::If(branch) => {
                let condition = &branch.if_expr.cond_expr;
                let start = self.push(branch.if_expr.strip, Token::Mark);
                self.elements(&branch.if_expr.template);
                let otherwise = branch.else_expr.as_ref().map(|else_expr| {
                    let at = self.push(else_expr.strip, Token::Mark);
                    self.elements(&else_expr.template);
                    at
                });
                let end = self.push(branch.endif_expr.strip, Token::Mark);
                if let Some(token) = self.sequence.get_mut(start) {
                    *token = Token::If { condition, otherwise, end };
                }
            }
            Directive::For(each) => {
                let start = self.push(each.for_expr.strip, Token::Mark);
                self.elements(&each.for_expr.template);
                let end = self.push(each.endfor_expr.strip, Token::Mark);
                if let Some(token) = self.sequence.get_mut(start) {
                    *token = Token::For { intro: &each.for_expr, end };
                }
            }
        }
    }

    /// Adds the token of a `${}` or `%{}` and applies its trim marks; its index.
    fn push(&mut self, strip: Strip, token: Token<'t>) -> usize {
        if strip.strip_start()
            && let Some(Token::Literal(text)) = self.sequence.last_mut()
        {
            *text = text.slice(0..text.as_str().trim_end().len());
        }
        self.trim_next = strip.strip_end();
        self.sequence.push(token);
        self.sequence.len() - 1
    }

    fn literal(&mut self, range: Range<usize>) {
        let by_line = matches!(self.quoting, Quoting::Heredoc | Quoting::IndentedHeredoc);
        let raw = self.source.text.get(range.clone()).unwrap_or("");
        let mut start = range.start;
        let lines = raw.split_inclusive(if by_line { '\n' } else { '\0' });
        for line in lines {
            let line = start..start + line.len();
            start = line.end;
            let span = self.source.span(Some(line.clone()));
            let mut text = decode(self.source, line, self.quoting == Quoting::Quoted).finish(span);
            if std::mem::take(&mut self.trim_next) {
                let len = text.as_str().len();
                text = text.slice(len - text.as_str().trim_start().len()..len);
            }
            self.sequence.push(Token::Literal(text));
        }
    }
}

/// `<<-`: takes the smallest indentation of any line from every line. Blank lines do not count; a line that begins with
/// a sequence has none.
fn remove_indentation(tokens: &mut [Token<'_>]) {
    let indentation = |text: &str| text.chars().take_while(|c| c.is_whitespace() && *c != '\n').count();
    let mut smallest = usize::MAX;
    let mut line_starts = Vec::new();
    let mut at_line_start = true;
    for (at, token) in tokens.iter().enumerate() {
        let literal = match token {
            Token::Literal(text) => Some(text.as_str()),
            _ => None,
        };
        if std::mem::take(&mut at_line_start) {
            match literal {
                Some(text) if text.trim().is_empty() && text.ends_with('\n') => {}
                Some(text) => {
                    smallest = smallest.min(indentation(text));
                    line_starts.push(at);
                }
                None => smallest = 0,
            }
        }
        at_line_start = literal.is_some_and(|text| text.ends_with('\n'));
    }
    for at in line_starts {
        if let Some(Token::Literal(text)) = tokens.get_mut(at) {
            let cut = text.as_str().char_indices().nth(smallest).map_or(text.as_str().len(), |(at, _)| at);
            *text = text.slice(cut..text.as_str().len());
        }
    }
}

fn render(
    evaluator: &Evaluator<'_>,
    tokens: &[Token<'_>],
    range: Range<usize>,
    scope: Scope<'_>,
    out: &mut TextBuilder,
) -> Eval<()> {
    let mut at = range.start;
    while at < range.end {
        match tokens.get(at) {
            Some(Token::Literal(text)) => {
                evaluator.charge(text.as_str().len() / 16 + 1, text.whole())?;
                out.mapped(text);
            }
            Some(Token::Value(expression, span)) => {
                let value = evaluator.eval(expression, scope)?.known()?;
                let Some(text) = value.to_text() else {
                    return Err(Stop::fault(
                        format!("{} cannot stand in a template: a string, number or bool can", value.type_name()),
                        *span,
                        "use `join` or `jsonencode`, or a `%{ for }` loop",
                    ));
                };
                evaluator.charge(text.as_str().len() / 16 + 1, *span)?;
                out.mapped(&text);
            }
            Some(Token::If { condition, otherwise, end }) => {
                if evaluator.condition(condition, scope)? {
                    render(evaluator, tokens, at + 1..otherwise.unwrap_or(*end), scope, out)?;
                } else if let Some(otherwise) = otherwise {
                    render(evaluator, tokens, otherwise + 1..*end, scope, out)?;
                }
                at = *end;
            }
            Some(Token::For { intro, end }) => {
                let collection = evaluator.eval(&intro.collection_expr, scope)?;
                for (key, value) in evaluator.pairs(&collection)? {
                    let names = Names { name: intro.value_var.as_str(), value: &value, outer: scope.names };
                    let inner = Scope { names: Some(&names), ..scope };
                    match &intro.key_var {
                        Some(key_var) => {
                            let names = Names { name: key_var.as_str(), value: &key, outer: Some(&names) };
                            render(evaluator, tokens, at + 1..*end, Scope { names: Some(&names), ..inner }, out)?;
                        }
                        None => render(evaluator, tokens, at + 1..*end, inner, out)?,
                    }
                }
                at = *end;
            }
            Some(Token::Mark) | None => {}
        }
        at += 1;
    }
    Ok(())
}
