//! Blocks to maps: attributes as they are called, nested blocks as lists of maps, `dynamic` blocks as the blocks they
//! stand for. This is also the shape of `terraform show -json`.

use super::evaluate::{Evaluator, Names, Scope};
use super::value::{Eval, Fault, Stop, Val};
use crate::source::Spanned;
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body, Structure};

/// The members of a body, except those named in `skip`. What cannot be evaluated is an unknown value.
pub(super) fn members(
    evaluator: &Evaluator<'_>,
    body: &Body,
    scope: Scope<'_>,
    skip: &[&str],
) -> Vec<(Spanned<String>, Val)> {
    let mut members: Vec<(Spanned<String>, Val)> = Vec::new();
    let mut blocks: Vec<(Spanned<String>, Eval<Vec<Val>>)> = Vec::new();
    for structure in body {
        match structure {
            Structure::Attribute(attribute) if !skip.contains(&attribute.key.as_str()) => {
                let key = Spanned::new(attribute.key.as_str().to_owned(), scope.source.span(attribute.key.span()));
                members.push((key, evaluator.eval_lazily(&attribute.value, scope)));
            }
            Structure::Block(block) if !skip.contains(&block.ident.as_str()) => {
                let (name, items) = match block.ident.as_str() {
                    "dynamic" => {
                        let name = block.labels.first().map_or("", |label| label.as_str());
                        (name, dynamic(evaluator, block, name, scope))
                    }
                    name => (name, Ok(vec![map(evaluator, block, scope)])),
                };
                match blocks.iter_mut().find(|(key, _)| key.value == name) {
                    Some((_, Ok(all))) => match items {
                        Ok(items) => all.extend(items),
                        Err(stop) => blocks.retain_mut(|(key, all)| {
                            if key.value == name {
                                *all = Err(stop.clone());
                            }
                            true
                        }),
                    },
                    Some((_, Err(_))) => {}
                    None => {
                        let span = scope.source.span(block.ident.span());
                        blocks.push((Spanned::new(name.to_owned(), span), items));
                    }
                }
            }
            _ => {}
        }
    }
    for (key, items) in blocks {
        let value = match items {
            Ok(items) => Val::list(items, key.span),
            Err(Stop::Unknown(value)) => *value,
            Err(Stop::Fault(fault)) => Fault::into(*fault),
        };
        members.push((key, value));
    }
    members
}

/// One block as a map.
fn map(evaluator: &Evaluator<'_>, block: &Block, scope: Scope<'_>) -> Val {
    Val::map(members(evaluator, &block.body, scope, &[]), scope.source.span(block.span()))
}

/// The blocks that `dynamic "name" { for_each, iterator, content { } }` makes.
fn dynamic(evaluator: &Evaluator<'_>, block: &Block, name: &str, scope: Scope<'_>) -> Eval<Vec<Val>> {
    let header = scope.source.span(block.ident.span());
    let missing = |what: &str| Stop::fault(format!("this `dynamic` block has no `{what}`"), header, "");
    let for_each = block.body.get_attribute("for_each").ok_or_else(|| missing("for_each"))?;
    let content = block.body.get_blocks("content").next().ok_or_else(|| missing("content"))?;
    let iterator = match block.body.get_attribute("iterator").map(|attribute| &attribute.value) {
        Some(Expression::Variable(name)) => name.as_str(),
        _ => name,
    };
    let collection = evaluator.eval(&for_each.value, scope)?.known()?;
    let pairs = evaluator.pairs(&collection)?;
    let blocks = pairs.into_iter().map(|(key, value)| {
        let span = value.span;
        let members =
            vec![(Spanned::new("key".to_owned(), span), key), (Spanned::new("value".to_owned(), span), value)];
        let each = Val::map(members, span);
        let names = Names { name: iterator, value: &each, outer: scope.names };
        map(evaluator, content, Scope { names: Some(&names), ..scope })
    });
    Ok(blocks.collect())
}
