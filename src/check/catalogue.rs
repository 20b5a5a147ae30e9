//! What the codes mean: docs/diagnostics.md, read as data.

/// The page.
const PAGE: &str = include_str!("../../docs/diagnostics.md");

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The heading above its table: what the codes of the family are about.
    pub family: &'static str,
    /// The paragraphs about it, if there are any.
    pub text: Option<&'static str>,
}

/// The entry of a code.
pub fn entry(code: &str) -> Option<Entry> {
    entries().find(|entry| entry.code == code)
}

/// All of them, in the order of the page.
pub fn entries() -> impl Iterator<Item = Entry> {
    let mut family = "";
    PAGE.lines().filter_map(move |line| {
        if let Some(heading) = line.strip_prefix("## ") {
            family = heading;
        }
        let row = line.strip_prefix("| FD")?;
        let mut cells = row.trim_end_matches(" |").splitn(3, " | ");
        let (number, what, remedy) = (cells.next()?, cells.next()?, cells.next()?);
        let at = line.find("FD")?;
        let code = line.get(at..at + 2 + number.len())?;
        Some(Entry { code, what, remedy, family, text: paragraphs(code) })
    })
}

/// What stands under the heading of a code.
fn paragraphs(code: &str) -> Option<&'static str> {
    let heading = format!("\n### {code}");
    let at = PAGE.find(&heading)?;
    let text = PAGE.get(at + heading.len()..)?;
    let text = text.get(text.find('\n')?..)?;
    let end = ["\n### ", "\n## "].into_iter().filter_map(|next| text.find(next)).min().unwrap_or(text.len());
    text.get(..end).map(str::trim)
}

/// Whether AWS refuses what a warning of this code is about.
pub(super) fn aws_refuses(code: &str) -> bool {
    matches!(code, "FD0224" | "FD0401" | "FD0402" | "FD0403" | "FD0404" | "FD0405" | "FD0406")
}

/// Whether an error of this code says that AWS or Suricata would refuse the policy; others say that the document cannot be
/// read, or leaves open what is needed.
pub(super) fn is_about_the_policy(code: &str) -> bool {
    code.starts_with("FD02") || matches!(code, "FD0302" | "FD0303" | "FD0304")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_page_is_an_entry() {
        let rows = PAGE.lines().filter(|line| line.starts_with("| FD")).count();
        assert_eq!(entries().count(), rows);
        let known = entry("FD0203").unwrap();
        assert_eq!((known.what, known.remedy), ("an unknown keyword", "correct its name"));
        assert_eq!(known.family, "Rules: FD02");
        assert!(entry("FD9999").is_none());
    }

    #[test]
    fn paragraphs_belong_to_codes_that_have_a_row() {
        for line in PAGE.lines().filter_map(|line| line.strip_prefix("### ")) {
            let code = line.split(':').next().unwrap_or(line).trim();
            assert!(entry(code).is_some_and(|entry| entry.text.is_some_and(|text| !text.is_empty())), "{line}");
        }
    }
}
