//! Functions on lists, sets, maps and numbers, and type conversions.

use super::Args;
use crate::policy::terraform::types::primitive;
use crate::policy::terraform::value::{Data, Eval, Number, Stop, Val, unique};
use crate::source::{MappedText, Spanned};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The longest list a function makes.
const ITEMS_MAX: i128 = 100_000;

pub(super) fn call(args: &Args<'_, '_>) -> Option<Eval> {
    let span = args.span;
    Some(match args.name {
        "tostring" => convert(args, "string"),
        "tonumber" => convert(args, "number"),
        "tobool" => convert(args, "bool"),
        "tolist" => convert(args, "list"),
        "toset" => convert(args, "set"),
        "tomap" => convert(args, "map"),
        "sensitive" | "nonsensitive" => args.count(1..=1).and_then(|()| args.get(0).cloned()),
        "type" => None?,
        "length" => length(args),
        "concat" => all_items(args).map(|items| Val::list(items, span)),
        "flatten" => flatten(args),
        "distinct" => known_items(args, 0).map(|items| Val::list(unique(items, false), span)),
        "compact" => compact(args),
        "reverse" => args.items(0).map(|items| Val::list(items.iter().rev().cloned().collect(), span)),
        "sort" => sort(args),
        "slice" => slice(args),
        "chunklist" => chunks(args),
        "range" => range(args),
        "element" => element(args),
        "index" => index(args),
        "contains" => contains(args),
        "coalesce" => coalesce(args),
        "coalescelist" => coalescelist(args),
        "one" => one(args),
        "keys" => args.map(0).map(|map| {
            Val::list(map.sorted().iter().map(|(key, _)| Val::derived(key.value.clone(), key.span)).collect(), span)
        }),
        "values" => {
            args.map(0).map(|map| Val::list(map.sorted().iter().map(|(_, value)| value.clone()).collect(), span))
        }
        "lookup" => lookup(args),
        "merge" => merge(args),
        "zipmap" => zipmap(args),
        "transpose" => transpose(args),
        "matchkeys" => matchkeys(args),
        "setunion" => set_operation(args, |_, _| true),
        "setintersection" => set_operation(args, |key, sets| sets.iter().all(|set| set.contains(key))),
        "setsubtract" => subtract(args),
        "setproduct" => product(args),
        "alltrue" => every(args, true),
        "anytrue" => every(args, false),
        "sum" => fold(args, |a, b| match (a, b) {
            (Number::Int(a), Number::Int(b)) => Number::Int(a.saturating_add(b)),
            _ => Number::float(a.as_f64() + b.as_f64()),
        }),
        "min" => fold(args, |a, b| if b.compare(a) == Ordering::Less { b } else { a }),
        "max" => fold(args, |a, b| if b.compare(a) == Ordering::Greater { b } else { a }),
        "abs" => numeric(args, f64::abs),
        "ceil" => numeric(args, f64::ceil),
        "floor" => numeric(args, f64::floor),
        "signum" => numeric(args, |value| if value == 0.0 { 0.0 } else { value.signum() }),
        "pow" => two_numbers(args, f64::powf),
        "log" => two_numbers(args, f64::log),
        "parseint" => parseint(args),
        _ => return None,
    })
}

fn convert(args: &Args<'_, '_>, to: &str) -> Eval {
    args.count(1..=1)?;
    let value = args.get(0)?.clone();
    if value.is_null() {
        return Ok(value);
    }
    if to == "set" && value.first_unknown().is_some() {
        return args.fully_known(0).cloned();
    }
    primitive(&value, to).map_err(|_| Stop::fault(format!("this is {}, not a {to}", value.type_name()), value.span, ""))
}

fn length(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let value = args.get(0)?;
    let length = match &value.data {
        Data::List(items) => items.len(),
        Data::Set(items) => items.len(),
        Data::Map(map) => map.members.len(),
        Data::Text(text) => text.as_str().chars().count(),
        _ => return Err(args.wrong(value, "a list, set, map or string")),
    };
    Ok(Val::int(length as i128, args.span))
}

/// The items of all arguments, in order.
fn all_items(args: &Args<'_, '_>) -> Eval<Vec<Val>> {
    let mut items = Vec::new();
    for at in 0..args.values.len() {
        items.extend(args.items(at)?.iter().cloned());
    }
    Ok(items)
}

fn known_items(args: &Args<'_, '_>, at: usize) -> Eval<Vec<Val>> {
    args.fully_known(at)?;
    args.items(at).map(<[Val]>::to_vec)
}

fn flatten(args: &Args<'_, '_>) -> Eval {
    fn into(args: &Args<'_, '_>, items: &[Val], out: &mut Vec<Val>, depth: usize) -> Eval<()> {
        args.evaluator.charge(items.len() + 1, args.span)?;
        for item in items {
            match &item.data {
                Data::List(inner) | Data::Set(inner) if depth < 100 => into(args, inner, out, depth + 1)?,
                Data::Unknown(_) => return Err(Stop::Unknown(Box::new(item.clone()))),
                _ => out.push(item.clone()),
            }
        }
        Ok(())
    }
    args.count(1..=1)?;
    let mut out = Vec::new();
    into(args, args.items(0)?, &mut out, 0)?;
    Ok(Val::list(out, args.span))
}

fn compact(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let items = known_items(args, 0)?;
    let filled = |item: &Val| !item.is_null() && item.to_text().is_none_or(|text| !text.as_str().is_empty());
    Ok(Val::list(items.into_iter().filter(filled).collect(), args.span))
}

fn sort(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let mut texts = args.texts(0)?;
    texts.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    Ok(Val::list(texts.iter().map(|text| Val::text(MappedText::clone(text))).collect(), args.span))
}

fn slice(args: &Args<'_, '_>) -> Eval {
    args.count(3..=3)?;
    let (items, from, to) = (args.items(0)?, args.int(1)?, args.int(2)?);
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| items.get(from..to)) {
        Some(part) => Ok(Val::list(part.to_vec(), args.span)),
        None => Err(args.fault(format!("there are no items {from} to {to}, the list has {}", items.len()))),
    }
}

fn chunks(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (items, size) = (args.items(0)?, args.int(1)?);
    let size =
        usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| args.fault("the size must be positive"))?;
    Ok(Val::list(items.chunks(size).map(|chunk| Val::list(chunk.to_vec(), args.span)).collect(), args.span))
}

fn range(args: &Args<'_, '_>) -> Eval {
    args.count(1..=3)?;
    let (start, limit) = if args.values.len() == 1 { (0, args.int(0)?) } else { (args.int(0)?, args.int(1)?) };
    let step = if args.values.len() == 3 { args.int(2)? } else { limit.cmp(&start) as i128 };
    if limit == start {
        return Ok(Val::list(Vec::new(), args.span));
    }
    if (limit > start) != (step > 0) || step == 0 {
        return Err(args.fault("the step leads away from the limit"));
    }
    let mut items = Vec::new();
    let mut next = Some(start);
    while let Some(at) = next.filter(|&at| if step > 0 { at < limit } else { at > limit }) {
        if items.len() as i128 >= ITEMS_MAX {
            return Err(args.fault(format!("this range has more than {ITEMS_MAX} numbers")));
        }
        items.push(Val::int(at, args.span));
        next = at.checked_add(step);
    }
    args.evaluator.charge(items.len(), args.span)?;
    Ok(Val::list(items, args.span))
}

fn element(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (items, at) = (args.items(0)?, args.int(1)?);
    if items.is_empty() {
        return Err(args.fault("`element` needs a list that is not empty"));
    }
    let at = at.rem_euclid(items.len() as i128) as usize;
    items.get(at).cloned().ok_or_else(|| args.fault("there is no such item"))
}

fn index(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let items = known_items(args, 0)?;
    let value = args.fully_known(1)?;
    match items.iter().position(|item| item.equals(value)) {
        Some(at) => Ok(Val::int(at as i128, args.span)),
        None => Err(args.fault("the list has no such item")),
    }
}

fn contains(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (items, value) = (args.items(0)?, args.fully_known(1)?);
    args.evaluator.charge(args.get(0)?.size as usize / 8, args.span)?;
    if items.iter().any(|item| item.equals(value)) {
        return Ok(Val::bool(true, args.span));
    }
    args.fully_known(0)?;
    Ok(Val::bool(false, args.span))
}

fn coalesce(args: &Args<'_, '_>) -> Eval {
    for at in 0..args.values.len() {
        let value = args.get(at)?;
        let empty = value.to_text().is_some_and(|text| text.as_str().is_empty());
        if !value.is_null() && !empty {
            return Ok(value.clone());
        }
    }
    Err(args.fault("all arguments of `coalesce` are null or empty"))
}

fn coalescelist(args: &Args<'_, '_>) -> Eval {
    for at in 0..args.values.len() {
        if !args.get(at)?.is_null() && !args.items(at)?.is_empty() {
            return args.get(at).cloned();
        }
    }
    Err(args.fault("all arguments of `coalescelist` are empty"))
}

fn one(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    match args.items(0)? {
        [] => Ok(Val::new(Data::Null, args.span)),
        [item] => Ok(item.clone()),
        more => Err(args.fault(format!("`one` needs a list of at most one item, this has {}", more.len()))),
    }
}

fn lookup(args: &Args<'_, '_>) -> Eval {
    args.count(2..=3)?;
    let (map, key) = (args.map(0)?, args.text(1)?);
    match map.get(key.as_str()) {
        Some(value) => Ok(value.clone()),
        None if args.values.len() == 3 => args.get(2).cloned(),
        None => Err(args.fault(format!("the map has no `{}`", key.as_str()))),
    }
}

fn merge(args: &Args<'_, '_>) -> Eval {
    let mut merged: Vec<(Spanned<String>, Val)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for at in 0..args.values.len() {
        if args.get(at)?.is_null() {
            continue;
        }
        for (key, value) in &args.map(at)?.members {
            let place = *places.entry(key.value.clone()).or_insert(merged.len());
            match merged.get_mut(place) {
                Some(member) => *member = (key.clone(), value.clone()),
                None => merged.push((key.clone(), value.clone())),
            }
        }
    }
    Ok(Val::map(merged, args.span))
}

fn zipmap(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (keys, values) = (args.texts(0)?, args.items(1)?);
    if keys.len() != values.len() {
        return Err(args.fault(format!("there are {} keys and {} values", keys.len(), values.len())));
    }
    let members = keys.iter().zip(values);
    let members = members.map(|(key, value)| (Spanned::new(key.as_str().to_owned(), key.whole()), value.clone()));
    Ok(Val::map(members.collect(), args.span))
}

fn transpose(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    args.fully_known(0)?;
    let mut out: std::collections::BTreeMap<String, Vec<Val>> = std::collections::BTreeMap::new();
    for (key, values) in args.map(0)?.sorted() {
        for value in values.items().ok_or_else(|| args.wrong(values, "lists of strings"))? {
            let name = args.text_of(value)?;
            out.entry(name.as_str().to_owned()).or_default().push(Val::derived(key.value.clone(), key.span));
        }
    }
    let members = out.into_iter().map(|(key, values)| (Spanned::new(key, args.span), Val::list(values, args.span)));
    Ok(Val::map(members.collect(), args.span))
}

fn matchkeys(args: &Args<'_, '_>) -> Eval {
    args.count(3..=3)?;
    let (values, keys, wanted) = (args.items(0)?, known_items(args, 1)?, known_items(args, 2)?);
    let wanted: BTreeSet<String> = wanted.iter().map(Val::key).collect();
    let found = values.iter().zip(&keys).filter(|(_, key)| wanted.contains(&key.key()));
    Ok(Val::list(found.map(|(value, _)| value.clone()).collect(), args.span))
}

/// The items of all sets that are `wanted`, given the keys of all sets.
fn set_operation(args: &Args<'_, '_>, wanted: impl Fn(&str, &[BTreeSet<String>]) -> bool) -> Eval {
    args.count(1..=usize::MAX)?;
    let sets = (0..args.values.len()).map(|at| known_items(args, at)).collect::<Eval<Vec<_>>>()?;
    let keys: Vec<BTreeSet<String>> = sets.iter().map(|set| set.iter().map(Val::key).collect()).collect();
    let items = sets.iter().flatten().filter(|item| wanted(&item.key(), &keys)).cloned().collect();
    Ok(Val::set(items, args.span))
}

fn subtract(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (items, others) = (known_items(args, 0)?, known_items(args, 1)?);
    let others: BTreeSet<String> = others.iter().map(Val::key).collect();
    Ok(Val::set(items.into_iter().filter(|item| !others.contains(&item.key())).collect(), args.span))
}

fn product(args: &Args<'_, '_>) -> Eval {
    args.count(2..=usize::MAX)?;
    let mut rows: Vec<Vec<Val>> = vec![Vec::new()];
    for at in 0..args.values.len() {
        let items = args.items(at)?;
        args.evaluator.charge(rows.len().saturating_mul(items.len()), args.span)?;
        rows = rows
            .iter()
            .flat_map(|row| items.iter().map(|item| [row.as_slice(), std::slice::from_ref(item)].concat()))
            .collect();
    }
    Ok(Val::list(rows.into_iter().map(|row| Val::list(row, args.span)).collect(), args.span))
}

fn every(args: &Args<'_, '_>, all: bool) -> Eval {
    args.count(1..=1)?;
    let items = known_items(args, 0)?;
    let truth = |item: &Val| item.to_bool() == Some(true);
    let result = if all { items.iter().all(truth) } else { items.iter().any(truth) };
    Ok(Val::bool(result, args.span))
}

/// Over the arguments, or over the one list that is given.
fn fold(args: &Args<'_, '_>, with: impl Fn(Number, Number) -> Number) -> Eval {
    let items = match args.get(0)?.items() {
        Some(items) => items,
        None => &args.values,
    };
    let mut result: Option<Number> = None;
    for item in items {
        let item = item.clone().known()?;
        let number = item.to_number().ok_or_else(|| args.wrong(&item, "numbers"))?;
        result = Some(result.map_or(number, |so_far| with(so_far, number)));
    }
    let result = result.ok_or_else(|| args.fault(format!("`{}` needs at least one number", args.name)))?;
    Ok(Val::new(Data::Number(result), args.span))
}

fn numeric(args: &Args<'_, '_>, with: impl Fn(f64) -> f64) -> Eval {
    args.count(1..=1)?;
    let number = args.number(0)?;
    Ok(Val::new(Data::Number(Number::float(with(number.as_f64()))), args.span))
}

fn two_numbers(args: &Args<'_, '_>, with: impl Fn(f64, f64) -> f64) -> Eval {
    args.count(2..=2)?;
    let result = with(args.number(0)?.as_f64(), args.number(1)?.as_f64());
    if !result.is_finite() {
        return Err(args.fault(format!("`{}` has no result for these numbers", args.name)));
    }
    Ok(Val::new(Data::Number(Number::float(result)), args.span))
}

fn parseint(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (text, base) = (args.text(0)?, args.int(1)?);
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let number = base.and_then(|base| i128::from_str_radix(text.as_str(), base).ok());
    number
        .map(|number| Val::int(number, args.span))
        .ok_or_else(|| args.fault(format!("`{}` is no number in this base", text.as_str())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn lists_are_put_together() {
        check("concat([1], [2, 3])", "[1,2,3]");
        check("flatten([[1, [2]], [], [3]])", "[1,2,3]");
        check(r#"distinct(["b", "a", "b"])"#, r#"["b","a"]"#);
        check(r#"compact(["a", "", null, "b"])"#, r#"["a","b"]"#);
        check(r#"[reverse([1, 2]), sort(["b", "a"]), slice([1, 2, 3], 1, 3)]"#, r#"[[2,1],["a","b"],[2,3]]"#);
        check("chunklist([1, 2, 3], 2)", "[[1,2],[3]]");
        check("setproduct([1, 2], [\"a\"])", r#"[[1,"a"],[2,"a"]]"#);
    }

    #[test]
    fn items_are_found() {
        check(
            r#"[element(["a", "b"], 3), index(["a", "b"], "b"), contains(["a"], "a"), contains(["1"], 1)]"#,
            r#"["b",1,true,false]"#,
        );
        check(r#"[coalesce("", null, "x"), one([]), one([1]), length({a = 1})]"#, r#"["x",null,1,1]"#);
        check("slice([1], 0, 2)", "there are no items 0 to 2, the list has 1");
    }

    #[test]
    fn maps_are_read_in_the_order_of_their_keys() {
        check("keys({b = 1, a = 2})", r#"["a","b"]"#);
        check("values({b = 1, a = 2})", "[2,1]");
        check(r#"[lookup({a = 1}, "a", 0), lookup({}, "a", 0)]"#, "[1,0]");
        check("merge({a = 1, b = 2}, null, {a = 3})", r#"{"a":3,"b":2}"#);
        check(r#"zipmap(["a", "b"], [1, 2])"#, r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn sets_are_sets() {
        check(r#"setunion(["b"], ["a", "b"])"#, r#"["a","b"]"#);
        check(r#"setintersection(["a", "b"], ["b"])"#, r#"["b"]"#);
        check(r#"setsubtract(["a", "b"], ["b"])"#, r#"["a"]"#);
        check(r#"length(toset(["a", "a"]))"#, "1");
    }

    #[test]
    fn numbers_are_computed() {
        check("[range(3), range(1, 4), range(4, 0, -2)]", "[[0,1,2],[1,2,3],[4,2]]");
        check("[min(3, 1), max([1, 5]...), sum([1, 2.5]), ceil(1.2), floor(1.8), abs(-3)]", "[1,5,3.5,2,1,3]");
        check(r#"[parseint("ff", 16), pow(2, 10), tonumber("12"), tostring(true)]"#, r#"[255,1024,12,"true"]"#);
        check("range(1000000000)", "this range has more than 100000 numbers");
    }
}
