//! Priorities of rule classes, as Suricata's own classification file gives them.

/// The priority of a class; `None` for one that is not known.
pub(crate) fn priority(class: &str) -> Option<u32> {
    Some(match class {
        "attempted-admin"
        | "attempted-user"
        | "inappropriate-content"
        | "policy-violation"
        | "shellcode-detect"
        | "successful-admin"
        | "successful-user"
        | "trojan-activity"
        | "unsuccessful-user"
        | "web-application-attack"
        | "command-and-control"
        | "credential-theft"
        | "domain-c2"
        | "exploit-kit"
        | "targeted-activity" => 1,
        "attempted-dos"
        | "attempted-recon"
        | "bad-unknown"
        | "default-login-attempt"
        | "denial-of-service"
        | "misc-attack"
        | "non-standard-protocol"
        | "rpc-portmap-decode"
        | "successful-dos"
        | "successful-recon-largescale"
        | "successful-recon-limited"
        | "suspicious-filename-detect"
        | "suspicious-login"
        | "system-call-detect"
        | "unusual-client-port-connection"
        | "web-application-activity"
        | "coin-mining"
        | "external-ip-check"
        | "pup-activity"
        | "social-engineering" => 2,
        "icmp-event"
        | "misc-activity"
        | "network-scan"
        | "not-suspicious"
        | "protocol-command-decode"
        | "string-detect"
        | "unknown" => 3,
        "tcp-connection" => 4,
        _ => return None,
    })
}
