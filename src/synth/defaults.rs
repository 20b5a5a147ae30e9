//! What conversations have that they do not say themselves: a client inside HOME_NET, a server outside.

use super::{Ends, Hello, Host, Shorthand};
use crate::policy::model::Policy;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Servers where a URL has a name: documentation addresses (RFC 5737, RFC 3849), the first outside HOME_NET is taken.
const SERVERS_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(203, 0, 113, 10), Ipv4Addr::new(198, 51, 100, 10), Ipv4Addr::new(192, 0, 2, 10)];
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10);

/// Clients where nothing says what HOME_NET is.
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10);

/// The networks that HOME_NET names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HomeNet {
    /// Networks in it, in order.
    pub nets: Vec<IpNet>,
    /// Networks taken out of it.
    pub without: Vec<IpNet>,
}

impl HomeNet {
    /// The networks of a policy's HOME_NET, or those of the first group that has its own.
    pub fn of(policy: &Policy) -> Self {
        let of_groups = policy.stateful.groups.iter().flat_map(|group| &group.ip_sets);
        let of_groups = || of_groups.clone().find(|set| set.name == "HOME_NET");
        let Some(set) = policy.stateful.home_net.as_ref().or_else(of_groups) else { return Self::default() };
        let mut home = Self::default();
        // an entry may itself be a list in Suricata's syntax
        for part in set.entries.iter().flat_map(|entry| entry.value.split([',', '[', ']', ' '])) {
            let (list, text) = match part.strip_prefix('!') {
                Some(rest) => (&mut home.without, rest),
                None => (&mut home.nets, part),
            };
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            list.extend(text.parse::<IpNet>().ok().or_else(address));
        }
        home
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(&address)) && !self.without.iter().any(|net| net.contains(&address))
    }

    /// Whether it holds networks of a family.
    pub fn has_family(&self, v4: bool) -> bool {
        self.nets.iter().any(|net| net.addr().is_ipv4() == v4)
    }

    /// An address inside, of the wanted family: the tenth of the first network that has one.
    pub fn inside(&self, v4: bool) -> Option<IpAddr> {
        let mut nets = self.nets.iter().filter(|net| net.addr().is_ipv4() == v4);
        nets.find_map(|net| {
            let candidate = |n: u32| match net.network() {
                IpAddr::V4(base) => base.to_bits().checked_add(n).map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits))),
                IpAddr::V6(base) => {
                    base.to_bits().checked_add(u128::from(n)).map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)))
                }
            };
            [10, 4, 1, 0, 100, 250].into_iter().filter_map(candidate).find(|a| net.contains(a) && self.contains(*a))
        })
    }
}

/// For conversations that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// HOME_NET.
    pub home: HomeNet,
    /// The client.
    pub from: Option<IpAddr>,
    /// The server, where a URL has a name.
    pub to: Option<IpAddr>,
    /// The ClientHello.
    pub hello: Hello,
}

impl Defaults {
    /// The two ends of a conversation: what it says itself, then what is set here, then documentation addresses.
    pub fn ends(&self, wanted: &Shorthand, client_port: u16) -> Ends {
        let from = wanted.from.or(self.from);
        let to = match &wanted.target.host {
            Host::Address(server) => wanted.to.or(Some(*server)),
            Host::Name(_) => wanted.to.or(self.to),
        };
        let v4 = match (to, from) {
            (Some(server), _) => server.is_ipv4(),
            (None, Some(client)) => client.is_ipv4(),
            (None, None) => self.home.nets.is_empty() || self.home.has_family(true),
        };
        let fallback: IpAddr = if v4 { CLIENT_V4.into() } else { CLIENT_V6.into() };
        let outside = || SERVERS_V4.into_iter().map(IpAddr::from).find(|server| !self.home.contains(*server));
        let server = match to {
            Some(server) => server,
            None if v4 => outside().unwrap_or(SERVERS_V4[0].into()),
            None => SERVER_V6.into(),
        };
        Ends { client: from.or_else(|| self.home.inside(v4)).unwrap_or(fallback), server, client_port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_inside_home_net_and_a_server_outside() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let home = |nets: &[&str], without: &[&str]| HomeNet {
            nets: nets.iter().map(|text| net(text)).collect(),
            without: without.iter().map(|text| net(text)).collect(),
        };
        let ends = |home: &HomeNet, words: &str| {
            let ends = Defaults { home: home.clone(), ..Defaults::default() }.ends(&words.parse().unwrap(), 1);
            format!("{} {}", ends.client, ends.server)
        };
        assert_eq!(ends(&home(&["10.2.0.0/16"], &[]), "icmp://a"), "10.2.0.10 203.0.113.10");
        assert_eq!(ends(&home(&["10.2.0.8/29"], &["10.2.0.12/32"]), "icmp://a"), "10.2.0.9 203.0.113.10");
        assert_eq!(ends(&home(&["203.0.113.0/24", "2001:db8::/64"], &[]), "icmp://a"), "203.0.113.10 198.51.100.10");
        assert_eq!(ends(&home(&["2001:db8::/64"], &[]), "icmp://a"), "2001:db8::a 2001:db8:f::10");
        assert_eq!(ends(&home(&["10.0.0.0/8"], &[]), "icmp://[2001:db8::5]"), "2001:db8:1::10 2001:db8::5");
        assert_eq!(ends(&home(&[], &[]), "tcp://10.0.0.1:22"), "10.0.0.10 10.0.0.1");
        assert_eq!(ends(&home(&[], &[]), "https://a from=10.9.0.1 to=192.0.2.7"), "10.9.0.1 192.0.2.7");
        assert_eq!(ends(&home(&[], &[]), "http://192.0.2.1 to=192.0.2.7"), "10.0.0.10 192.0.2.7");
    }
}
