//! The `requires` option: a rule whose requirements are not met is passed over before anything else of it is looked at.

/// The version that is simulated.
const VERSION: [u8; 3] = [7, 0, 10];

/// What Suricata 7.0.10 lacks of a `requires` value; `None` when it has all, or when the value cannot be read.
/// Features are taken for present.
pub(super) fn unmet(value: &str) -> Option<String> {
    let requirements = value.split(',').map(str::trim).filter(|requirement| !requirement.is_empty());
    for requirement in requirements {
        let (key, rest) = requirement.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((requirement, ""));
        let lacks = match key {
            "feature" => false,
            "version" => !rest.split('|').any(version_fits),
            _ => true,
        };
        if lacks {
            return Some(requirement.to_owned());
        }
    }
    None
}

/// Whether all comparisons (`>= 7.0.3 < 8`) hold.
fn version_fits(comparisons: &str) -> bool {
    let mut rest = comparisons.trim();
    while !rest.is_empty() {
        let operators = [">=", ">", "<=", "<"];
        let Some((operator, after)) =
            operators.into_iter().find_map(|sign| rest.strip_prefix(sign).map(|after| (sign, after.trim_start())))
        else {
            return true;
        };
        let (version, after) = after.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((after, ""));
        let mut wanted = [0u8; 3];
        for (slot, part) in wanted.iter_mut().zip(version.split(['.', '-'])) {
            *slot = part.parse().unwrap_or(0);
        }
        let holds = match operator {
            ">=" => VERSION >= wanted,
            ">" => VERSION > wanted,
            "<=" => VERSION <= wanted,
            _ => VERSION < wanted,
        };
        if !holds {
            return false;
        }
        rest = after.trim_start();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_with_the_simulated_one() {
        for met in [
            "version >= 7",
            "version >= 7.0.3 < 8",
            "version < 6 | >= 7.0.10",
            "feature geoip",
            "version >= 7, feature x",
        ] {
            assert_eq!(unmet(met), None, "{met}");
        }
        for lacking in ["version >= 8", "version < 7.0.10", "version > 7.0.10", "nonsense", "feature x, version >= 10"]
        {
            assert!(unmet(lacking).is_some(), "{lacking}");
        }
    }
}
