//! Names of application protocols.

/// An application protocol that detection can find, under Suricata's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AppProto {
    /// Not known (yet).
    #[default]
    Unknown,
    /// Detection gave up.
    Failed,
    /// HTTP/1.
    Http1,
    /// TLS and SSL.
    Tls,
    /// DNS over UDP or TCP.
    Dns,
}
