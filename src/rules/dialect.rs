//! What the rule language knows, which grows with the engine's versions.

/// A version's rule language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What `requires:version` is compared with.
    pub version: [u8; 3],
    /// Keywords and protocols that came with Suricata 8.0 are known.
    pub later_words: bool,
    /// `ssh.protoversion` and `ssh.softwareversion` are refused, and `!` in `ssl_version` stands in front of the whole list.
    pub drops_old_words: bool,
}

impl Dialect {
    /// Suricata 7.0.10.
    pub const SURICATA_7: Self = Self { version: [7, 0, 10], later_words: false, drops_old_words: false };
    /// Suricata 8.0.8.
    pub const SURICATA_8: Self = Self { version: [8, 0, 8], later_words: true, drops_old_words: true };

    /// The version in words.
    pub(super) fn name(self) -> String {
        let [major, minor, patch] = self.version;
        format!("Suricata {major}.{minor}.{patch}")
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::SURICATA_7
    }
}
