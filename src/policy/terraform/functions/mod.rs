//! Terraform's built-in functions, as far as they are pure.
//!
//! A function that gets an unknown argument gives an unknown result. What depends on the machine, the clock or a
//! hash that nothing here needs is unknown too, and says so; functions that Terraform does not have are mistakes.

mod collection;
mod encoding;
mod file;
mod format;
mod network;
mod text;

pub(super) use file::read as read_file;

use super::evaluate::{Evaluator, Scope};
use super::value::{Data, Eval, Map, NEEDS_PLAN, Number, Stop, Val};
use crate::source::{MappedText, Span};
use hcl_edit::Span as _;
use hcl_edit::expr::FuncCall;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// The arguments of one call, checked as they are taken.
#[derive(Debug)]
struct Args<'a, 's> {
    evaluator: &'a Evaluator<'s>,
    name: &'a str,
    values: Vec<Val>,
    span: Span,
}

/// Evaluates a call.
pub(super) fn call(evaluator: &Evaluator<'_>, call: &FuncCall, scope: Scope<'_>, span: Span) -> Eval {
    let name = call.name.name.as_str();
    if call.name.namespace.first().is_some_and(|namespace| namespace.as_str() != "core") {
        return Ok(Val::unknown(format!("`{name}` is a function of a provider"), NEEDS_PLAN, span));
    }
    match name {
        "try" => return attempt(evaluator, call, scope, span),
        "can" => {
            let argument = call.args.get(0).map(|argument| evaluator.eval(argument, scope));
            return match argument {
                Some(Ok(value)) => Ok(Val::bool(true, value.known()?.span)),
                _ => Ok(Val::bool(false, span)),
            };
        }
        _ => {}
    }
    let mut values = Vec::with_capacity(call.args.len());
    for argument in &call.args {
        values.push(evaluator.eval(argument, scope)?);
    }
    if call.args.expand_final()
        && let Some(last) = values.pop()
    {
        match last.known()? {
            Val { data: Data::List(items) | Data::Set(items), .. } => values.extend(items.iter().cloned()),
            other => {
                let message = format!("`...` needs a list, this is {}", other.type_name());
                return Err(Stop::fault(message, other.span, ""));
            }
        }
    }
    let args = Args { evaluator, name, values, span };
    let name_span = scope.source.span(call.name.name.span());
    let result = text::call(&args)
        .or_else(|| format::call(&args))
        .or_else(|| collection::call(&args))
        .or_else(|| encoding::call(&args))
        .or_else(|| network::call(&args))
        .or_else(|| file::call(&args, scope));
    match result {
        Some(result) => result,
        None if NOT_EVALUATED.contains(&name) => {
            Ok(Val::unknown(format!("`{name}()` is not evaluated here"), NEEDS_PLAN, span))
        }
        None => Err(Stop::fault(format!("there is no function `{name}`"), name_span, "")),
    }
}

/// Functions of Terraform whose result is left open.
const NOT_EVALUATED: [&str; 30] = [
    "abspath",
    "base64gzip",
    "base64sha256",
    "base64sha512",
    "bcrypt",
    "ephemeralasnull",
    "filebase64",
    "filebase64sha256",
    "filebase64sha512",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesha512",
    "formatdate",
    "issensitive",
    "md5",
    "pathexpand",
    "plantimestamp",
    "rsadecrypt",
    "sha1",
    "sha256",
    "sha512",
    "templatestring",
    "textdecodebase64",
    "textencodebase64",
    "timeadd",
    "timecmp",
    "timestamp",
    "uuid",
    "uuidv5",
];

fn attempt(evaluator: &Evaluator<'_>, call: &FuncCall, scope: Scope<'_>, span: Span) -> Eval {
    let mut last = Stop::fault("`try` needs an argument", span, "");
    for argument in &call.args {
        match evaluator.eval(argument, scope) {
            Err(stop) => last = stop,
            ok => return ok,
        }
    }
    Err(last)
}

impl Args<'_, '_> {
    fn count(&self, wanted: RangeInclusive<usize>) -> Eval<()> {
        if wanted.contains(&self.values.len()) {
            return Ok(());
        }
        let (least, most) = wanted.into_inner();
        let wanted = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, usize::MAX) => format!("{least} or more"),
            (least, most) => format!("{least} to {most}"),
        };
        let message = format!("`{}` takes {wanted} arguments, this call has {}", self.name, self.values.len());
        Err(Stop::fault(message, self.span, ""))
    }

    fn get(&self, at: usize) -> Eval<&Val> {
        match self.values.get(at) {
            Some(value) if value.is_unknown() => Err(Stop::Unknown(Box::new(value.clone()))),
            Some(value) => Ok(value),
            None => Err(Stop::fault(format!("`{}` has too few arguments", self.name), self.span, "")),
        }
    }

    /// An argument with nothing unknown in it.
    fn fully_known(&self, at: usize) -> Eval<&Val> {
        let value = self.get(at)?;
        self.evaluator.charge(value.size as usize / 8, self.span)?;
        match value.first_unknown() {
            Some(unknown) => Err(Stop::Unknown(Box::new(unknown.clone()))),
            None => Ok(value),
        }
    }

    fn wrong(&self, value: &Val, wanted: &str) -> Stop {
        Stop::fault(format!("`{}` needs {wanted}, this is {}", self.name, value.type_name()), value.span, "")
    }

    fn text(&self, at: usize) -> Eval<Rc<MappedText>> {
        let value = self.get(at)?;
        let text = value.to_text().ok_or_else(|| self.wrong(value, "a string"))?;
        self.evaluator.charge(text.as_str().len() / 16, self.span)?;
        Ok(text)
    }

    fn number(&self, at: usize) -> Eval<Number> {
        let value = self.get(at)?;
        value.to_number().ok_or_else(|| self.wrong(value, "a number"))
    }

    fn int(&self, at: usize) -> Eval<i128> {
        let value = self.get(at)?;
        value.to_number().and_then(Number::as_int).ok_or_else(|| self.wrong(value, "a whole number"))
    }

    fn items(&self, at: usize) -> Eval<&[Val]> {
        let value = self.get(at)?;
        let items = value.items().ok_or_else(|| self.wrong(value, "a list or set"))?;
        self.evaluator.charge(items.len(), self.span)?;
        Ok(items)
    }

    fn map(&self, at: usize) -> Eval<&Map> {
        let value = self.get(at)?;
        let Data::Map(map) = &value.data else { return Err(self.wrong(value, "a map")) };
        self.evaluator.charge(map.members.len(), self.span)?;
        Ok(map)
    }

    /// The texts of a list of strings.
    fn texts(&self, at: usize) -> Eval<Vec<Rc<MappedText>>> {
        self.items(at)?.iter().map(|item| self.text_of(item)).collect()
    }

    fn text_of(&self, item: &Val) -> Eval<Rc<MappedText>> {
        if item.is_unknown() {
            return Err(Stop::Unknown(Box::new(item.clone())));
        }
        item.to_text().ok_or_else(|| self.wrong(item, "strings"))
    }

    fn fault(&self, message: impl Into<String>) -> Stop {
        Stop::fault(message, self.span, "")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::evaluate;

    /// The value of an expression as JSON, or the message.
    pub(super) fn check(expression: &str, expected: &str) {
        assert_eq!(evaluate(expression), expected, "{expression}");
    }

    #[test]
    fn unknown_functions_and_wrong_calls_are_said() {
        check("nope(1)", "there is no function `nope`");
        check("lower()", "`lower` takes 1 arguments, this call has 0");
        check("join(\",\", 3)", "`join` needs a list or set, this is a number");
        check("abspath(\".\")", "`abspath()` is not evaluated here");
    }

    #[test]
    fn try_takes_the_first_that_is_right() {
        check(r#"try({}.x, [1][3], "fallback")"#, r#""fallback""#);
        check("[can({}.x), can([1][0])]", "[false,true]");
        check("try(var.none, 1)", "variable `none` is not declared in the files given");
    }

    #[test]
    fn arguments_can_be_spread() {
        check("concat([[1], [2]]...)", "[1,2]");
    }
}
