//! Settings from a `suricata.yaml`.
//!
//! Of everything in the file that decides about packets, what is simulated is set, what is as here anyway is let be, and
//! the rest is reported with its place. Sections that only concern logging, capturing or speed are passed over.

use super::{Refused, Settings};
use crate::policy::value::{Node, Value};
use crate::policy::{LoadError, parse_yaml, read_text};
use crate::source::{Diagnostic, Sources, Span};
use std::path::Path;

/// A setting would change decisions and is not simulated.
const NOT_SIMULATED: &str = "FD0112";
/// A value of a setting cannot be used.
const BAD_VALUE: &str = "FD0113";

/// Files that include each other.
const INCLUDES_MAX: usize = 16;

/// What a configuration file says.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    /// Its settings.
    pub settings: Settings,
    /// `vars.address-groups`
    pub addresses: Vec<Variable>,
    /// `vars.port-groups`
    pub ports: Vec<Variable>,
    /// What is wrong with it, and what it says that is not simulated.
    pub diagnostics: Vec<Diagnostic>,
}

/// A variable of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, without `$`.
    pub name: String,
    /// Its value as written: `[10.0.0.0/8,!10.1.0.0/16]`.
    pub value: String,
}

/// Reads a `suricata.yaml` and the files that it includes.
///
/// # Errors
/// When a file cannot be read at all.
pub fn read_file(path: &Path, sources: &mut Sources) -> Result<SettingsFile, LoadError> {
    let mut reader = Reader {
        sources,
        n_files: 0,
        file: SettingsFile {
            settings: Settings::built_in(),
            addresses: Vec::new(),
            ports: Vec::new(),
            diagnostics: Vec::new(),
        },
        found: Vec::new(),
    };
    reader.file(path)?;
    for (key, value, span) in std::mem::take(&mut reader.found) {
        reader.setting(&key, &value, span);
    }
    Ok(reader.file)
}

/// Sections in which a key that nobody knows may change a decision.
const DECIDING: [&str; 22] = [
    "action-order",
    "app-layer",
    "app-layer-events",
    "decoder",
    "defrag",
    "detect",
    "detect-engine",
    "engine",
    "exception-policy",
    "flow",
    "flow-timeouts",
    "host",
    "host-os-policy",
    "ippair",
    "legacy",
    "multi-detect",
    "packet-alert-max",
    "pcre",
    "plugins",
    "stream",
    "threshold-file",
    "vlan",
];

/// Keys that change nothing here with one of these values; without values, whatever theirs is. A key stands for all below
/// it too, and `*` for a name.
const AS_HERE: &[(&str, &[&str])] = &[
    // no limit on memory is reached, so that no policy for it is asked
    ("defrag.hash-size", &[]),
    ("defrag.memcap-policy", &[]),
    ("defrag.prealloc", &[]),
    ("defrag.trackers", &[]),
    ("flow", &[]),
    ("flow-timeouts.*.bypassed", &[]),
    ("flow-timeouts.*.emergency-bypassed", &[]),
    ("flow-timeouts.*.emergency-closed", &[]),
    ("flow-timeouts.*.emergency-established", &[]),
    ("flow-timeouts.*.emergency-new", &[]),
    ("flow-timeouts.default.closed", &[]),
    ("host.hash-size", &[]),
    ("host.prealloc", &[]),
    ("ippair.hash-size", &[]),
    ("ippair.prealloc", &[]),
    ("stream.max-sessions", &[]),
    ("stream.memcap", &[]),
    ("stream.memcap-policy", &[]),
    ("stream.prealloc-sessions", &[]),
    ("stream.reassembly.memcap", &[]),
    ("stream.reassembly.memcap-policy", &[]),
    ("stream.reassembly.segment-prealloc", &[]),
    // an accident of the run, which a simulation should not have
    ("stream.reassembly.randomize-chunk-range", &[]),
    ("stream.reassembly.randomize-chunk-size", &[]),
    ("app-layer.protocols.http.libhtp.default-config.randomize-inspection-range", &[]),
    ("app-layer.protocols.http.libhtp.default-config.randomize-inspection-sizes", &[]),
    ("app-layer.protocols.http.libhtp.default-config.decompression-time-limit", &[]),
    ("stream.bypass", &["no", "false"]),
    ("stream.inline", &["auto", "yes", "true"]),
    ("stream.reassembly.check-overlap-different-data", &["yes", "true"]),
    ("stream.reassembly.max-regions", &["8"]),
    ("stream.reassembly.raw", &["yes", "true"]),
    ("decoder.erspan.typeI.enabled", &["no", "false"]),
    ("decoder.recursion-level.use-for-tracking", &["yes", "true"]),
    ("detect.custom-values", &[]),
    ("detect.delayed-detect", &[]),
    ("detect.grouping", &[]),
    ("detect.guess-applayer-tx", &["no", "false"]),
    ("detect.prefilter", &[]),
    ("detect.profile", &[]),
    ("detect.profiling", &[]),
    ("detect.sgh-mpm-context", &[]),
    ("detect.stream-tx-log-limit", &[]),
    ("detect.thresholds", &[]),
    ("engine.init-failure-fatal", &[]),
    ("legacy.uricontent", &["enabled"]),
    ("threshold-file", &["/dev/null"]),
    ("multi-detect.enabled", &["no", "false"]),
    ("multi-detect.loaders", &[]),
    ("multi-detect.mappings", &[]),
    ("multi-detect.selector", &[]),
    ("multi-detect.tenants", &[]),
    ("threshold-file", &["/dev/null"]),
    // keywords that would notice are refused, or the protocol is only detected here
    ("app-layer.protocols.bittorrent-dht", &[]),
    ("app-layer.protocols.dcerpc.max-tx", &[]),
    ("app-layer.protocols.dnp3", &[]),
    ("app-layer.protocols.dns.global-memcap", &[]),
    ("app-layer.protocols.dns.request-flood", &[]),
    ("app-layer.protocols.dns.state-memcap", &[]),
    ("app-layer.protocols.enip", &[]),
    ("app-layer.protocols.ftp.max-line-length", &["4kb", "4096"]),
    ("app-layer.protocols.ftp.max-tx", &[]),
    ("app-layer.protocols.ftp.memcap", &[]),
    ("app-layer.protocols.http.libhtp.default-config.compression-bomb-limit", &["1mb", "1 mb"]),
    ("app-layer.protocols.http.libhtp.default-config.double-decode-path", &["no", "false"]),
    ("app-layer.protocols.http.libhtp.default-config.double-decode-query", &["no", "false"]),
    ("app-layer.protocols.http.libhtp.default-config.http-body-inline", &["auto", "yes", "true"]),
    ("app-layer.protocols.http.libhtp.default-config.lzma-enabled", &["no", "false"]),
    ("app-layer.protocols.http.libhtp.default-config.lzma-memlimit", &[]),
    ("app-layer.protocols.http.libhtp.default-config.meta-field-limit", &["18000"]),
    ("app-layer.protocols.http.libhtp.default-config.personality", &["IDS"]),
    ("app-layer.protocols.http.libhtp.default-config.swf-decompression.compress-depth", &[]),
    ("app-layer.protocols.http.libhtp.default-config.swf-decompression.decompress-depth", &[]),
    ("app-layer.protocols.http.libhtp.default-config.swf-decompression.enabled", &["no", "false"]),
    ("app-layer.protocols.http.libhtp.default-config.swf-decompression.type", &[]),
    ("app-layer.protocols.http.memcap", &[]),
    ("app-layer.protocols.http.xff", &[]),
    ("app-layer.protocols.http2.http1-rules", &[]),
    ("app-layer.protocols.ike.max-tx", &[]),
    ("app-layer.protocols.modbus", &[]),
    ("app-layer.protocols.mqtt.max-msg-length", &[]),
    ("app-layer.protocols.mqtt.max-tx", &[]),
    ("app-layer.protocols.nfs.max-tx", &[]),
    ("app-layer.protocols.pgsql", &[]),
    ("app-layer.protocols.smb.max-read-size", &[]),
    ("app-layer.protocols.smb.max-tx", &[]),
    ("app-layer.protocols.smb.max-write-size", &[]),
    ("app-layer.protocols.smb.stream-depth", &["0"]),
    ("app-layer.protocols.smtp.inspected-tracker", &[]),
    ("app-layer.protocols.smtp.max-tx", &[]),
    ("app-layer.protocols.smtp.mime", &[]),
    ("app-layer.protocols.smtp.raw-extraction", &["no", "false"]),
    ("app-layer.protocols.ssh.hassh", &["auto", "yes", "true"]),
    ("app-layer.protocols.ssh.encryption-handling", &["track-only"]),
    ("app-layer.protocols.telnet", &[]),
    ("app-layer.protocols.template", &[]),
    ("app-layer.protocols.tls.encryption-handling", &["default", "track-only"]),
    ("app-layer.protocols.tls.ja3-fingerprints", &["auto", "yes", "true"]),
    ("app-layer.protocols.tls.ja4-fingerprints", &["auto", "yes", "true"]),
];

struct Reader<'s> {
    sources: &'s mut Sources,
    n_files: usize,
    file: SettingsFile,
    /// Keys and values of sections that decide; they may name variables that come behind them.
    found: Vec<(String, String, Span)>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> Result<(), LoadError> {
        let file = self.sources.add(path.display().to_string(), read_text(path)?);
        self.n_files += 1;
        let root = match parse_yaml(self.sources, file) {
            Ok((root, more)) => {
                self.file.diagnostics.extend(more);
                root
            }
            Err(problem) => {
                self.file.diagnostics.push(problem);
                return Ok(());
            }
        };
        for (name, node) in root.as_map().unwrap_or_default() {
            match name.value.as_str() {
                "include" => self.include(node, path)?,
                "vars" => self.variables(node),
                section if DECIDING.contains(&section) => self.section(section.to_owned(), node),
                _ => {}
            }
        }
        Ok(())
    }

    fn include(&mut self, node: &Node, path: &Path) -> Result<(), LoadError> {
        let names = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        for name in names {
            let Some(text) = name.scalar_text() else { continue };
            if self.n_files > INCLUDES_MAX {
                self.file.diagnostics.push(
                    Diagnostic::error(BAD_VALUE, format!("more than {INCLUDES_MAX} files are included"))
                        .at(name.span)
                        .help("do they include each other?"),
                );
                return Ok(());
            }
            self.file(&path.parent().unwrap_or_else(|| Path::new("")).join(text.as_str()))?;
        }
        Ok(())
    }

    fn variables(&mut self, node: &Node) {
        for (section, list) in [("address-groups", &mut self.file.addresses), ("port-groups", &mut self.file.ports)] {
            for (name, value) in node.get(section).and_then(Node::as_map).unwrap_or_default() {
                if let Some(text) = value.scalar_text() {
                    list.retain(|known| known.name != name.value);
                    list.push(Variable { name: name.value.clone(), value: text.as_str().to_owned() });
                }
            }
        }
    }

    /// Everything below a key.
    fn section(&mut self, key: String, node: &Node) {
        match &node.value {
            Value::Map(members) => {
                for (name, node) in members {
                    self.section(format!("{key}.{}", name.value), node);
                }
            }
            Value::List(items) => {
                for (n, node) in items.iter().enumerate() {
                    self.section(format!("{key}.{n}"), node);
                }
            }
            _ => {
                if let Some(text) = node.scalar_text() {
                    self.found.push((key, text.as_str().to_owned(), node.span));
                }
            }
        }
    }

    fn setting(&mut self, key: &str, value: &str, span: Span) {
        // the ports of tunnels may be a variable of rules
        let variable = value.strip_prefix('$').and_then(|name| self.file.ports.iter().find(|known| known.name == name));
        let value = variable.map_or(value, |variable| variable.value.as_str());
        let problem = match self.file.settings.set(key, value) {
            Ok(()) => return,
            Err(Refused::Value(wanted)) => {
                Diagnostic::error(BAD_VALUE, format!("`{key}` cannot be `{value}`")).at(span).help(wanted)
            }
            Err(Refused::Key) if is_as_here(key, value) => return,
            Err(Refused::Key) => Diagnostic::warning(NOT_SIMULATED, format!("`{key}: {value}` is not simulated"))
                .at(span)
                .help("where it would decide, Suricata decides otherwise; docs/settings.md lists what is simulated"),
        };
        self.file.diagnostics.push(problem);
    }
}

/// The value of a key that is not simulated makes no difference.
fn is_as_here(key: &str, value: &str) -> bool {
    let covers = |known: &str| {
        let mut parts = key.split('.');
        known.split('.').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
    };
    AS_HERE.iter().any(|(known, values)| {
        covers(known) && (values.is_empty() || values.iter().any(|neutral| neutral.eq_ignore_ascii_case(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::EngineProfile;

    fn read(text: &str) -> (Sources, SettingsFile) {
        let directory = std::env::temp_dir().join(format!("firedrill-settings-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("{}.yaml", text.len()));
        std::fs::write(&path, text).unwrap();
        let mut sources = Sources::new();
        let file = read_file(&path, &mut sources).unwrap();
        std::fs::remove_file(path).unwrap();
        (sources, file)
    }

    #[test]
    fn settings_and_variables_are_taken() {
        let (_, file) = read(
            "%YAML 1.1\n---\nvars:\n  address-groups:\n    HOME_NET: \"[10.0.0.0/8]\"\n  port-groups:\n    P: 80\n\
             outputs:\n  - eve-log: {enabled: yes}\nhost-os-policy:\n  windows: [10.0.0.0/8]\n\
             flow-timeouts:\n  tcp:\n    established: 77\n    emergency-new: 5\n",
        );
        assert_eq!(file.diagnostics, []);
        let variable = |name: &str, value: &str| Variable { name: name.to_owned(), value: value.to_owned() };
        assert_eq!(file.addresses, [variable("HOME_NET", "[10.0.0.0/8]")]);
        assert_eq!(file.ports, [variable("P", "80")]);
        let mut profile = EngineProfile::suricata_7();
        file.settings.apply(&mut profile).unwrap();
        assert_eq!(profile.timeouts.tcp, [30, 77, 10]);
        assert_eq!(profile.stream.hosts.of("10.1.1.1".parse().unwrap()), crate::packet::HostOs::Windows);
    }

    #[test]
    fn what_would_decide_and_is_not_simulated_is_said_with_its_place() {
        let (sources, file) = read(
            "stream:\n  bypass: yes\n  memcap: 1mb\npacket-alert-max: many\naction-order:\n  - drop\n  - pass\n  - nothing\n",
        );
        let said: Vec<(u32, &str)> = file
            .diagnostics
            .iter()
            .map(|problem| (sources.location(problem.labels[0].span).line, problem.code))
            .collect();
        assert_eq!(said, [(2, "FD0112"), (4, "FD0113"), (8, "FD0113")]);
    }
}
