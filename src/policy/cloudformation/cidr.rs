//! `Fn::Cidr`.

use crate::policy::value::Unresolved;
use ipnet::IpNet;

/// The first `count` subnets of `block` that leave `host_bits` bits for hosts.
pub(super) fn subnets(block: &str, count: &str, host_bits: Option<&str>) -> Result<Vec<String>, Unresolved> {
    let wrong = |what: String| Unresolved::new(what, "Fn::Cidr takes a block, a count from 1 to 256, and host bits");
    let net: IpNet = block.trim().parse().map_err(|_| wrong(format!("`{block}` is not an address block")))?;
    let count: usize = count.trim().parse().map_err(|_| wrong(format!("`{count}` is not a number")))?;
    if !(1..=256).contains(&count) {
        return Err(wrong(format!("`Fn::Cidr` makes 1 to 256 blocks, not {count}")));
    }
    // AWS requires the host bits for IPv6; for IPv4 the default is /24 worth of hosts.
    let host_bits: u8 = match host_bits {
        Some(bits) => bits.trim().parse().map_err(|_| wrong(format!("`{bits}` is not a number of bits")))?,
        None => 8,
    };
    let prefix = net.max_prefix_len().checked_sub(host_bits);
    let blocks: Option<Vec<String>> =
        prefix.and_then(|prefix| net.subnets(prefix).ok()).map(|all| all.take(count).map(|n| n.to_string()).collect());
    match blocks {
        Some(blocks) if blocks.len() == count => Ok(blocks),
        _ => Err(wrong(format!("`{block}` does not hold {count} blocks with {host_bits} host bits"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_made_in_order() {
        assert_eq!(subnets("10.0.0.0/16", "2", Some("8")).unwrap(), ["10.0.0.0/24", "10.0.1.0/24"]);
        assert_eq!(subnets("2001:db8::/56", "1", Some("64")).unwrap(), ["2001:db8::/64"]);
        assert!(subnets("10.0.0.0/24", "3", Some("7")).is_err());
        assert!(subnets("10.0.0.0/24", "1000000", Some("0")).is_err());
        assert!(subnets("::/0", "256", Some("200")).is_err());
    }
}
