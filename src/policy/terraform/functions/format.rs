//! `format` and `formatlist`.

use super::Args;
use crate::policy::terraform::value::{Eval, Number, Stop, Val};
use crate::source::{MappedText, TextBuilder};

/// The widest field; Terraform has no limit, nobody needs more.
const WIDTH_MAX: usize = 1000;

pub(super) fn call(args: &Args<'_, '_>) -> Option<Eval> {
    Some(match args.name {
        "format" => format(args),
        "formatlist" => formatlist(args),
        _ => return None,
    })
}

fn format(args: &Args<'_, '_>) -> Eval {
    args.count(1..=usize::MAX)?;
    let text = args.text(0)?;
    render(args, &text, args.values.get(1..).unwrap_or(&[]))
}

/// Formats once per item of the lists among the arguments.
fn formatlist(args: &Args<'_, '_>) -> Eval {
    args.count(1..=usize::MAX)?;
    let text = args.text(0)?;
    let values = args.values.get(1..).unwrap_or(&[]);
    let mut len = None;
    for (at, value) in values.iter().enumerate() {
        let Some(items) = args.get(at + 1)?.items() else { continue };
        if *len.get_or_insert(items.len()) != items.len() {
            return Err(Stop::fault("the lists of `formatlist` differ in length", value.span, ""));
        }
    }
    let mut out = Vec::new();
    for row in 0..len.unwrap_or(1) {
        args.evaluator.charge(values.len() + 1, args.span)?;
        let row: Vec<Val> = values
            .iter()
            .filter_map(|value| value.items().map_or_else(|| Some(value.clone()), |items| items.get(row).cloned()))
            .collect();
        out.push(match render(args, &text, &row) {
            Err(Stop::Unknown(unknown)) => *unknown,
            other => other?,
        });
    }
    Ok(Val::list(out, args.span))
}

#[derive(Debug, Default)]
struct Verb {
    minus: bool,
    plus: bool,
    zero: bool,
    alternate: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn render(args: &Args<'_, '_>, format: &MappedText, values: &[Val]) -> Eval {
    let text = format.as_str();
    let mut out = TextBuilder::new();
    let mut next = 0; // the argument to use
    let mut done = 0;
    while let Some(at) = text.get(done..).and_then(|rest| rest.find('%')).map(|found| found + done) {
        out.mapped(&format.slice(done..at));
        let mut verb = Verb::default();
        let mut rest = text.get(at + 1..).unwrap_or("").char_indices().peekable();
        let number = |rest: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
            let mut number: Option<usize> = None;
            while let Some(digit) = rest.peek().and_then(|(_, c)| c.to_digit(10)) {
                number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize));
                rest.next();
            }
            number
        };
        while let Some(&(_, flag)) = rest.peek() {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                '0' => verb.zero = true,
                '#' => verb.alternate = true,
                ' ' => {}
                _ => break,
            }
            rest.next();
        }
        verb.width = number(&mut rest).map(|width| width.min(WIDTH_MAX));
        if rest.next_if(|(_, c)| *c == '.').is_some() {
            verb.precision = Some(number(&mut rest).unwrap_or(0).min(WIDTH_MAX));
        }
        if rest.next_if(|(_, c)| *c == '[').is_some() {
            next = number(&mut rest).unwrap_or(0).wrapping_sub(1);
            rest.next_if(|(_, c)| *c == ']');
        }
        let Some((offset, letter)) = rest.next() else {
            return Err(args.fault("the format ends in the middle of a `%`"));
        };
        done = at + 1 + offset + letter.len_utf8();
        let place = format.span(at..done);
        if letter == '%' {
            out.derived("%", place);
            continue;
        }
        let Some(value) = values.get(next) else {
            return Err(Stop::fault(
                format!("there is no argument {} for this format", next.saturating_add(1)),
                place,
                "",
            ));
        };
        next += 1;
        args.evaluator.charge(value.size as usize / 8, args.span)?;
        if let Some(unknown) = value.first_unknown() {
            return Err(Stop::Unknown(Box::new(unknown.clone())));
        }
        let as_is = verb.width.is_none() && verb.precision.is_none();
        match value.to_text() {
            Some(plain) if as_is && matches!(letter, 's' | 'v') => {
                args.evaluator.charge(plain.as_str().len() / 16 + 1, args.span)?;
                out.mapped(&plain);
            }
            _ => {
                let formatted = one(args, &verb, letter, value)?;
                args.evaluator.charge(formatted.len() / 16 + 1, args.span)?;
                out.derived(&pad(&verb, formatted), value.span);
            }
        }
    }
    out.mapped(&format.slice(done..text.len()));
    Ok(Val::text(out.finish(args.span)))
}

fn one(args: &Args<'_, '_>, verb: &Verb, letter: char, value: &Val) -> Eval<String> {
    let number = || value.to_number().ok_or_else(|| args.wrong(value, "a number"));
    let int = || number().map(|number| number.as_int().unwrap_or(number.as_f64() as i128));
    let sign = |text: String| if verb.plus && !text.starts_with('-') { format!("+{text}") } else { text };
    let radix = |text: String, negative: bool, prefix: &str| {
        format!("{}{}{text}", if negative { "-" } else { "" }, if verb.alternate { prefix } else { "" })
    };
    Ok(match letter {
        's' => {
            let text = value.to_text().ok_or_else(|| args.wrong(value, "a string"))?;
            text.as_str().chars().take(verb.precision.unwrap_or(usize::MAX)).collect()
        }
        'v' => match value.to_text() {
            Some(text) => text.as_str().to_owned(),
            None => super::encoding::json(args, value)?,
        },
        'q' => {
            let text = value.to_text().ok_or_else(|| args.wrong(value, "a string"))?;
            super::encoding::json(args, &Val::text(MappedText::clone(&text)))?
        }
        't' => value.to_bool().ok_or_else(|| args.wrong(value, "a bool"))?.to_string(),
        'd' => sign(int()?.to_string()),
        'b' => int().map(|n| radix(format!("{:b}", n.unsigned_abs()), n < 0, "0b"))?,
        'o' => int().map(|n| radix(format!("{:o}", n.unsigned_abs()), n < 0, "0"))?,
        'x' => int().map(|n| radix(format!("{:x}", n.unsigned_abs()), n < 0, "0x"))?,
        'X' => int().map(|n| radix(format!("{:X}", n.unsigned_abs()), n < 0, "0X"))?,
        'f' => sign(format!("{:.*}", verb.precision.unwrap_or(6), number()?.as_f64())),
        'g' => sign(Number::to_string(&number()?)),
        'e' => {
            let text = format!("{:.*e}", verb.precision.unwrap_or(6), number()?.as_f64());
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (minus, digits) = exponent.strip_prefix('-').map_or(("+", exponent), |digits| ("-", digits));
            sign(format!("{mantissa}e{minus}{digits:0>2}"))
        }
        other => return Err(args.fault(format!("`%{other}` is no format"))),
    })
}

fn pad(verb: &Verb, text: String) -> String {
    let missing = verb.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if verb.minus {
        return text + &" ".repeat(missing);
    }
    if verb.zero {
        let (sign, digits) = match text.strip_prefix(['-', '+']) {
            Some(digits) => (text.get(..1).unwrap_or(""), digits),
            None => ("", text.as_str()),
        };
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    " ".repeat(missing) + &text
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn verbs_print_as_in_go() {
        check(r#"format("%s-%03d-%x", "a", 7, 255)"#, r#""a-007-ff""#);
        check(r#"format("%-5s|%5.1f|%q", "ab", 2.25, "x\"y")"#, r#""ab   |  2.2|\"x\\\"y\"""#);
        check(r#"format("%[2]s %[1]s 100%%", "a", "b")"#, r#""b a 100%""#);
        check(r#"format("%v", [1, "a"])"#, r#""[1,\"a\"]""#);
        check(r#"format("%s")"#, "there is no argument 1 for this format");
    }

    #[test]
    fn a_list_is_formatted_item_by_item() {
        check(r#"formatlist("%s:%d", ["a", "b"], [1, 2])"#, r#"["a:1","b:2"]"#);
        check(r#"formatlist("%s.%s", ["a", "b"], "x")"#, r#"["a.x","b.x"]"#);
    }
}
