//! `aws_domain_category` and `aws_url_category`: which categories a table says a name or URL is of.
//!
//! AWS does not publish its own assignment, so the table is the user's and every decision that rests on it is modelled: a
//! name or URL that the table does not list is of no category here. One entry a line: a domain (it stands for the names
//! below it too, as far up as AWS looks), or a URL without its scheme, then a space or tab, then categories separated by
//! commas; `#` begins a comment.

use crate::app::{Buffer, Tx};
use crate::rules::keyword::{AwsCategory, CATEGORIES};
use crate::rules::near::near_matches;
use crate::source::{Diagnostic, FileId, Sources, Span};
use crate::verdict::Direction;
use std::collections::HashMap;
use std::sync::Arc;

/// How many names above a name AWS looks up.
const PARENTS_MAX: usize = 10;
/// How many paths of a URL AWS looks up.
const PATHS_MAX: usize = 30;

/// Something about the table of categories is wrong.
const WRONG_TABLE: &str = "FD0608";

/// A table of categories.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    /// Categories by domain, or by domain and path.
    entries: Arc<HashMap<String, Vec<&'static str>, foldhash::fast::FixedState>>,
}

impl Categories {
    /// Reads a table.
    ///
    /// # Errors
    /// Every line that cannot be read, with its place.
    pub fn read(sources: &Sources, file: FileId) -> Result<Self, Vec<Diagnostic>> {
        let mut entries: HashMap<String, Vec<&'static str>, _> = HashMap::default();
        let mut problems = Vec::new();
        let mut at = 0;
        for line in sources.text(file).split_inclusive('\n') {
            let content = line.split('#').next().unwrap_or("").trim();
            let start = at + line.find(content).unwrap_or(0);
            at += line.len();
            if content.is_empty() {
                continue;
            }
            let place = Span::new(file, start..start + content.len());
            let Some((name, listed)) = content.split_once([' ', '\t']) else {
                problems.push(wrong(format!("`{content}` has no category"), place, HELP));
                continue;
            };
            let known = entries.entry(key(name)).or_default();
            for word in listed.split(',').map(str::trim) {
                match CATEGORIES.iter().find(|category| **category == word) {
                    Some(category) => known.push(category),
                    None => {
                        let near = near_matches(word, CATEGORIES.into_iter());
                        let help = near.map_or_else(|| HELP.to_owned(), |near| format!("did you mean {near}?"));
                        problems.push(wrong(format!("AWS has no category `{word}`"), place, help));
                    }
                }
            }
        }
        if problems.is_empty() { Ok(Self { entries: Arc::new(entries) }) } else { Err(problems) }
    }

    /// The categories of a domain: its own, or those of the nearest name above that has any.
    fn of_domain(&self, domain: &str) -> &[&'static str] {
        let above = std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, above)| above));
        self.first_of(above.take(1 + PARENTS_MAX))
    }

    /// The categories of a URL: those of the longest part of its path that has any, else the domain's.
    fn of_url(&self, domain: &str, path: &str) -> &[&'static str] {
        let whole = format!("{domain}{path}");
        let shorter = std::iter::successors(Some(whole.trim_end_matches('/')), |url| {
            url.rfind(['/', '?']).and_then(|end| url.get(..end)).filter(|url| url.len() > domain.len())
        });
        match self.first_of(shorter.take(PATHS_MAX)) {
            [] => self.of_domain(domain),
            found => found,
        }
    }

    fn first_of<'a>(&self, mut keys: impl Iterator<Item = &'a str>) -> &[&'static str] {
        keys.find_map(|key| self.entries.get(key)).map_or(&[], Vec::as_slice)
    }
}

const HELP: &str = "a line is `example.com Category, Other Category` or `example.com/path Category`";

fn wrong(message: String, at: Span, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(WRONG_TABLE, message).at(at).help(help)
}

/// How an entry is looked up: no scheme, no dot or slash at its ends, the domain in small letters.
fn key(name: &str) -> String {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest).trim_start_matches('.').trim_end_matches('/');
    match name.split_once('/') {
        Some((domain, path)) => format!("{}/{path}", domain.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}

/// A category keyword with the table that it asks.
#[derive(Clone, Debug)]
pub(crate) struct CategoryTest {
    pub(super) test: AwsCategory,
    /// The rule is about TLS, where there is no URL.
    pub(super) tls: bool,
    pub(super) table: Categories,
}

impl CategoryTest {
    pub(super) fn holds(&self, tx: &Tx) -> bool {
        let text = |buffer| {
            tx.buffer(buffer, Direction::ToServer).map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase())
        };
        let Some(domain) = text(if self.tls { Buffer::TlsSni } else { Buffer::HttpHost }) else { return false };
        let found = if self.test.url {
            let path = tx.buffer(Buffer::HttpUri, Direction::ToServer).unwrap_or_default();
            self.table.of_url(&domain, &String::from_utf8_lossy(path))
        } else {
            self.table.of_domain(&domain)
        };
        found.iter().any(|category| self.test.categories.iter().any(|wanted| wanted == category))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Categories, Vec<Diagnostic>> {
        let mut sources = Sources::new();
        let file = sources.add("table", text);
        Categories::read(&sources, file)
    }

    #[test]
    fn the_nearest_entry_counts() {
        let table = table(
            "# mine\nexample.com News, Science\nhttps://Bad.example.com/ Malware\nexample.com/shop/ Shopping # a\n",
        )
        .unwrap();
        assert_eq!(table.of_domain("www.example.com"), ["News", "Science"]);
        assert_eq!(table.of_domain("bad.example.com"), ["Malware"]);
        assert_eq!(table.of_domain("x.bad.example.com"), ["Malware"]);
        assert!(table.of_domain("example.org").is_empty());
        assert_eq!(table.of_url("example.com", "/shop/cart?id=1"), ["Shopping"]);
        assert_eq!(table.of_url("example.com", "/shop"), ["Shopping"]);
        assert_eq!(table.of_url("example.com", "/shopping"), ["News", "Science"]);
        assert_eq!(table.of_url("example.com", "/"), ["News", "Science"]);
    }

    #[test]
    fn names_further_up_than_aws_looks_do_not_count() {
        let table = table("example.com News\n").unwrap();
        assert_eq!(table.of_domain(&format!("{}example.com", "a.".repeat(10))), ["News"]);
        assert!(table.of_domain(&format!("{}example.com", "a.".repeat(11))).is_empty());
    }

    #[test]
    fn every_wrong_line_is_said() {
        let problems = table("example.com\nexample.org Shoping\nexample.net News\n").unwrap_err();
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1].help.as_deref(), Some("did you mean `Shopping`?"));
    }
}
