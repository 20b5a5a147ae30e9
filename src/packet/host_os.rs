//! Which operating system a host is said to run. Where packets overlap or contradict each other, what counts is what
//! the host makes of them.

use ipnet::IpNet;
use std::net::IpAddr;

/// An operating system, under the names of Suricata's `host-os-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostOs {
    /// `bsd`, Suricata's default.
    #[default]
    Bsd,
    /// `bsd-right`
    BsdRight,
    /// `old-linux`
    OldLinux,
    /// `linux`
    Linux,
    /// `old-solaris`
    OldSolaris,
    /// `solaris`
    Solaris,
    /// `hpux10`
    Hpux10,
    /// `hpux11`
    Hpux11,
    /// `irix`
    Irix,
    /// `macos`
    Macos,
    /// `windows`
    Windows,
    /// `vista`
    Vista,
    /// `windows2k3`
    Windows2k3,
}

impl HostOs {
    /// All of them by name.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("bsd", Self::Bsd),
        ("bsd-right", Self::BsdRight),
        ("old-linux", Self::OldLinux),
        ("linux", Self::Linux),
        ("old-solaris", Self::OldSolaris),
        ("solaris", Self::Solaris),
        ("hpux10", Self::Hpux10),
        ("hpux11", Self::Hpux11),
        ("irix", Self::Irix),
        ("macos", Self::Macos),
        ("windows", Self::Windows),
        ("vista", Self::Vista),
        ("windows2k3", Self::Windows2k3),
    ];

    /// The one of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, os)| *os)
    }
}

/// Who runs what. Suricata: `host-os-policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPolicies {
    nets: Vec<(IpNet, HostOs)>,
}

impl HostPolicies {
    /// Linux on all IPv4 hosts, the default on IPv6 hosts.
    pub fn linux() -> Self {
        let mut policies = Self::default();
        policies.add(IpNet::V4(ipnet::Ipv4Net::default()), HostOs::Linux);
        policies
    }

    /// Hosts of a network run `os`. Of two entries for one network the first counts.
    pub fn add(&mut self, net: IpNet, os: HostOs) {
        self.nets.push((net.trunc(), os));
    }

    /// All entries.
    pub fn entries(&self) -> &[(IpNet, HostOs)] {
        &self.nets
    }

    /// Takes out what is said of all IPv4 hosts.
    pub fn forget_all_ipv4(&mut self) {
        self.nets.retain(|(net, _)| net.prefix_len() > 0 || net.addr().is_ipv6());
    }

    /// What a host runs: the entry with the longest prefix says it.
    pub fn of(&self, host: IpAddr) -> HostOs {
        let mut best: Option<(u8, HostOs)> = None;
        for (net, os) in &self.nets {
            if net.contains(&host) && best.is_none_or(|(len, _)| net.prefix_len() > len) {
                best = Some((net.prefix_len(), *os));
            }
        }
        best.map_or(HostOs::default(), |(_, os)| os)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_says_it() {
        let mut policies = HostPolicies::linux();
        policies.add("10.1.0.0/16".parse().unwrap(), HostOs::Windows);
        policies.add("10.1.2.3/32".parse().unwrap(), HostOs::Solaris);
        policies.add("2001:db8::/32".parse().unwrap(), HostOs::Vista);
        let os = |host: &str| policies.of(host.parse().unwrap());
        assert_eq!([os("10.1.2.3"), os("10.1.2.4"), os("10.2.0.1")], [HostOs::Solaris, HostOs::Windows, HostOs::Linux]);
        assert_eq!([os("2001:db8::1"), os("2001:db9::1")], [HostOs::Vista, HostOs::Bsd]);
    }
}
