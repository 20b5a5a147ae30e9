//! What the caller of [`load`](super::load) can say beside the document.

use super::model::{DefaultAction, RuleOrder, StreamExceptionPolicy};
use crate::rules::Dialect;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the user supplies beside the document. Everything has a neutral default.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Template parameters or Terraform variables; also pseudo parameters (`AWS::Region`).
    pub params: Vec<(String, String)>,
    /// CloudFormation parameter files (JSON), or Terraform's `.tfvars`.
    pub param_files: Vec<PathBuf>,
    /// Which policy (or, in a document without one, which rule group) is judged.
    pub select: Option<String>,
    /// Rule groups that the document refers to but does not hold, or further ones.
    pub rule_groups: Vec<RuleGroupSource>,
    /// Address variables and IP set references: a name or an ARN, and `a,b`, or a file (`@FILE`, or its bare name).
    pub ip_sets: Vec<(String, String)>,
    /// Port variables: a name and `80,443`, or a file like above.
    pub port_sets: Vec<(String, String)>,
    /// What a document without a policy needs, and what replaces a document's own values.
    pub stateful: StatefulOptions,
    /// Rule groups by name, logical id or ARN that are left out; what matches no group is taken for a keyword, and the
    /// rules that use it are left out.
    pub leave_out: Vec<String>,
    /// Domains that are taken out of the domain lists before they are expanded.
    pub without_domains: Vec<String>,
    /// Domains that are put into domain lists before they are expanded: `LIST=DOMAIN` into the list of that group, a domain
    /// alone into every allow list.
    pub with_domains: Vec<String>,
    /// The language of Suricata rules.
    pub dialect: Dialect,
}

/// A file with a rule group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleGroupSource {
    /// The ARN, name or logical id under which the policy knows it; `None` when the file says it itself.
    pub name: Option<String>,
    /// Rules, or a document with one rule group.
    pub path: PathBuf,
}

/// The stateful stage as the command line describes it; `None` leaves the document's value, or the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatefulOptions {
    /// The order of evaluation. Default for plain rules: action order.
    pub order: Option<RuleOrder>,
    /// Default actions; strict order only.
    pub default_actions: Option<Vec<DefaultAction>>,
    /// A file with the rules that stand behind the default actions, in place of our model of them.
    pub default_action_rules: Option<PathBuf>,
    /// HOME_NET, entries separated by commas. Default for plain rules: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    pub home_net: Option<String>,
    /// EXTERNAL_NET, entries separated by commas. Default: the negation of HOME_NET.
    pub external_net: Option<String>,
    /// What happens to TCP packets without a flow. Default: drop.
    pub stream_exception: Option<StreamExceptionPolicy>,
    /// TCP idle time-out. Default: 350 s.
    pub tcp_idle: Option<Duration>,
}

/// A file that could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system said no.
    #[error("`{}` cannot be read: {source}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not text.
    #[error("`{}` is not UTF-8 text: line {line}, column {column} holds a byte {byte:#04x}", path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
        /// The line of the first byte that is no text, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
        /// The byte.
        byte: u8,
    },
    /// Larger than any policy is.
    #[error("`{}` has {bytes} bytes; files of more than {LARGEST_FILE_BYTES} bytes are not read", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// A directory without any policy file.
    #[error("`{}` holds no .json, .yaml, .yml, .template, .tf or .rules file", path.display())]
    EmptyDirectory {
        /// Which directory.
        path: PathBuf,
    },
}

/// A rule group has at most 2,000,000 bytes and a policy 40 groups; this leaves room for both and stays below the 4 GiB
/// that places in files are counted in.
pub const LARGEST_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > LARGEST_FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes });
    }
    let content = std::fs::read(path).map_err(io)?;
    String::from_utf8(content).map_err(|error| {
        let (text, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let text = String::from_utf8_lossy(text);
        LoadError::NotText {
            path: path.to_owned(),
            line: text.matches('\n').count() + 1,
            column: text.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            byte: rest.first().copied().unwrap_or(0),
        }
    })
}

impl LoadError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "paths are relative to the working directory"
            }
            Self::Io { .. } => "check the file's permissions",
            Self::NotText { .. } => "save the file as UTF-8",
            Self::TooLarge { .. } => "give the policy in smaller files",
            Self::EmptyDirectory { .. } => {
                "directories are not descended into: name the one with the policy, or a file"
            }
        }
    }
}
