//! The `requires` option: a rule whose requirements are not met is passed over before anything else of it is looked at.

/// What a rule may ask for besides; features of the program that were not switched on are not there.
const FEATURES: [&str; 2] = ["ja3", "ja4"];

type Version = [u8; 3];

/// What is to become of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Requires {
    /// All it asks for is there.
    Met,
    /// This is not: the rule is passed over.
    Unmet(String),
    /// The value cannot be read: the rule cannot be loaded.
    Unreadable(String),
}

/// What an engine of a version makes of a `requires` value.
pub(super) fn check(value: &str, simulated: Version) -> Requires {
    let mut version = None;
    let mut others = None;
    let requirements = value.split(',').map(str::trim).filter(|requirement| !requirement.is_empty());
    for requirement in requirements {
        let is_of_key = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let (key, rest) = requirement.split_at(requirement.find(|c| !is_of_key(c)).unwrap_or(requirement.len()));
        let lacks = match key {
            "feature" => !FEATURES.contains(&rest.trim()),
            "version" => {
                if version.replace(requirement).is_some() {
                    return Requires::Unreadable(requirement.to_owned());
                }
                match any_version_fits(rest, simulated) {
                    Some(fits) => !fits,
                    None => return Requires::Unreadable(requirement.to_owned()),
                }
            }
            _ => true,
        };
        if lacks {
            others.get_or_insert(requirement);
        }
    }
    others.map_or(Requires::Met, |lacking| Requires::Unmet(lacking.to_owned()))
}

/// `>= 7.0.3 < 8 | >= 8.0.3`: whether all comparisons between two bars hold. `None` when there is something else. As in
/// Suricata, what follows the last comparison that can be read is not looked at.
fn any_version_fits(text: &str, simulated: Version) -> Option<bool> {
    let mut any = false;
    let mut rest = text;
    loop {
        let (mut all, after) = comparison(rest, simulated)?;
        rest = after;
        while let Some((holds, after)) = comparison(rest, simulated) {
            all &= holds;
            rest = after;
        }
        any |= all;
        match rest.trim_start().strip_prefix('|') {
            Some(after) if comparison(after, simulated).is_some() => rest = after,
            _ => return Some(any),
        }
    }
}

/// Whether the comparison at the beginning holds, and what is behind it.
fn comparison(text: &str, simulated: Version) -> Option<(bool, &str)> {
    let text = text.trim_start();
    let signs = [">=", ">", "<=", "<"];
    let (sign, after) = signs.into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign)?)))?;
    let (wanted, rest) = version(after.trim_start())?;
    let holds = match sign {
        ">=" => simulated >= wanted,
        ">" => simulated > wanted,
        "<=" => simulated <= wanted,
        _ => simulated < wanted,
    };
    Some((holds, rest))
}

/// One to three numbers with dots between them; what is behind them begins with a blank, or a dash or dot behind the third.
fn version(text: &str) -> Option<(Version, &str)> {
    let mut version = Version::default();
    let mut rest = text;
    for (place, part) in version.iter_mut().enumerate() {
        if place > 0 {
            if rest.is_empty() || rest.starts_with(' ') {
                break;
            }
            rest = rest.strip_prefix('.')?;
        }
        let end = rest.find(['.', '-', ' ']).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(end);
        *part = digits.parse().ok()?;
        rest = behind;
    }
    Some((version, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: Version = [7, 0, 10];

    #[test]
    fn a_later_version_has_more() {
        assert_eq!(check("version >= 8.0.1", [8, 0, 8]), Requires::Met);
        assert!(matches!(check("version < 8", [8, 0, 8]), Requires::Unmet(_)));
    }

    #[test]
    fn versions_are_compared_with_the_simulated_one() {
        for met in [
            "version >= 7",
            "version >= 7.0.3 < 8",
            "version < 6 | >= 7.0.10",
            "version >= 7, feature ja3",
            "version>=7",
        ] {
            assert_eq!(check(met, SEVEN), Requires::Met, "{met}");
        }
        for lacking in [
            "version >= 8",
            "version < 7.0.10",
            "version > 7.0.10",
            "nonsense",
            "feature geoip",
            "feature ja3, version >= 10",
        ] {
            assert!(matches!(check(lacking, SEVEN), Requires::Unmet(_)), "{lacking}");
        }
        for unreadable in ["version 7", "version >= x", "version >= 7, version < 8", "version >= 7-beta"] {
            assert!(matches!(check(unreadable, SEVEN), Requires::Unreadable(_)), "{unreadable}");
        }
    }
}
