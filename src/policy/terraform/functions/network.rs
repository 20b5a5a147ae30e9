//! `cidrhost`, `cidrnetmask`, `cidrsubnet`, `cidrsubnets`.

use super::Args;
use crate::policy::terraform::value::{Eval, Val};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn call(args: &Args<'_, '_>) -> Option<Eval> {
    Some(match args.name {
        "cidrhost" => host(args),
        "cidrnetmask" => netmask(args),
        "cidrsubnet" => subnet(args),
        "cidrsubnets" => subnets(args),
        _ => return None,
    })
}

/// The first argument: a prefix with its host bits cleared.
fn prefix(args: &Args<'_, '_>) -> Eval<IpNet> {
    let text = args.text(0)?;
    let prefix: Result<IpNet, _> = text.as_str().parse();
    prefix.map(|prefix| prefix.trunc()).map_err(|_| args.fault(format!("`{}` is not a CIDR block", text.as_str())))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The address with these bits, in the family of `like`; `None` when they are too many.
fn address(bits: u128, like: IpNet) -> Option<IpAddr> {
    match like {
        IpNet::V4(_) => u32::try_from(bits).ok().map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        IpNet::V6(_) => Some(IpAddr::V6(Ipv6Addr::from(bits))),
    }
}

/// The block number `number` of length `len` inside `prefix`.
fn block(prefix: IpNet, len: i128, number: i128) -> Option<IpNet> {
    let max = i128::from(prefix.max_prefix_len());
    if len < i128::from(prefix.prefix_len()) || len > max || number < 0 {
        return None;
    }
    let new_bits = u32::try_from(len - i128::from(prefix.prefix_len())).ok()?;
    if new_bits < 127 && number >= 1_i128.checked_shl(new_bits)? {
        return None;
    }
    let offset =
        if len == max { number as u128 } else { (number as u128).checked_shl(u32::try_from(max - len).ok()?)? };
    let base = address(bits(prefix.network()).checked_add(offset)?, prefix)?;
    IpNet::new(base, u8::try_from(len).ok()?).ok()
}

fn host(args: &Args<'_, '_>) -> Eval {
    args.count(2..=2)?;
    let (prefix, number) = (prefix(args)?, args.int(1)?);
    let (first, last) = (bits(prefix.network()), bits(prefix.broadcast()));
    let found =
        if number >= 0 { first.checked_add(number as u128) } else { last.checked_sub((number + 1).unsigned_abs()) };
    found
        .filter(|found| (first..=last).contains(found))
        .and_then(|found| address(found, prefix))
        .map(|address| Val::derived(address.to_string(), args.span))
        .ok_or_else(|| args.fault(format!("`{prefix}` has no host {number}")))
}

fn netmask(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    Ok(Val::derived(prefix(args)?.netmask().to_string(), args.span))
}

fn subnet(args: &Args<'_, '_>) -> Eval {
    args.count(3..=3)?;
    let (prefix, new_bits, number) = (prefix(args)?, args.int(1)?, args.int(2)?);
    block(prefix, i128::from(prefix.prefix_len()).saturating_add(new_bits), number)
        .map(|block| Val::derived(block.to_string(), args.span))
        .ok_or_else(|| args.fault(format!("`{prefix}` has no block {number} that is {new_bits} bits longer")))
}

/// Consecutive blocks of the given lengths.
fn subnets(args: &Args<'_, '_>) -> Eval {
    args.count(1..=usize::MAX)?;
    let prefix = prefix(args)?;
    let mut next = bits(prefix.network());
    let mut blocks = Vec::new();
    for at in 1..args.values.len() {
        let len = args.int(at)?.saturating_add(i128::from(prefix.prefix_len()));
        let found = block(prefix, len, 0).and_then(|first| {
            let size = bits(first.broadcast()) - bits(first.network());
            let start = next.checked_add(size)? & !size; // the next start that fits
            let found = IpNet::new(address(start, prefix)?, first.prefix_len()).ok()?;
            next = start.checked_add(size)?.checked_add(1)?;
            prefix.contains(&found).then_some(found)
        });
        let found = found.ok_or_else(|| args.fault(format!("`{prefix}` has no room for block {at}")))?;
        blocks.push(Val::derived(found.to_string(), args.span));
    }
    Ok(Val::list(blocks, args.span))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn blocks_are_cut_from_a_prefix() {
        check(r#"cidrsubnet("10.0.0.0/16", 8, 3)"#, r#""10.0.3.0/24""#);
        check(r#"cidrsubnet("fd00::/48", 16, 1)"#, r#""fd00:0:0:1::/64""#);
        check(
            r#"cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)"#,
            r#"["10.1.0.0/20","10.1.16.0/20","10.1.32.0/24","10.1.48.0/20"]"#,
        );
        check(r#"cidrsubnet("10.0.0.0/16", 8, 256)"#, "`10.0.0.0/16` has no block 256 that is 8 bits longer");
    }

    #[test]
    fn hosts_are_counted_from_both_ends() {
        check(r#"[cidrhost("10.12.112.0/20", 16), cidrhost("10.0.0.0/24", -1)]"#, r#"["10.12.112.16","10.0.0.255"]"#);
        check(r#"cidrnetmask("172.16.0.0/12")"#, r#""255.240.0.0""#);
    }
}
