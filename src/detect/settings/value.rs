//! Values as Suricata writes them.

use super::Refused;
use crate::app::PortRanges;
use crate::stream::{ExceptionPolicy, UrgentPolicy};
use std::ops::RangeInclusive;

fn wanted<T>(what: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Value(what.into()))
}

pub(super) fn bool(text: &str) -> Result<bool, Refused> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Ok(true),
        "0" | "no" | "false" | "off" => Ok(false),
        _ => wanted("it is yes or no"),
    }
}

pub(super) fn number<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, Refused> {
    let number = text.parse::<u64>().ok().filter(|number| range.contains(number));
    number
        .and_then(|number| T::try_from(number).ok())
        .map_or_else(|| wanted(format!("it is a number from {} to {}", range.start(), range.end())), Ok)
}

/// `102400`, `100kb`, `1.5 mb`.
pub(super) fn bytes<T: TryFrom<u64>>(text: &str) -> Result<T, Refused> {
    let lower = text.trim().to_ascii_lowercase();
    let units = [("kb", 1024.0), ("mb", 1_048_576.0), ("gb", 1_073_741_824.0)];
    let (digits, factor) = units
        .iter()
        .find_map(|(unit, factor)| lower.strip_suffix(unit).map(|digits| (digits, *factor)))
        .unwrap_or((lower.as_str(), 1.0));
    let size = digits.trim().parse::<f64>().ok().filter(|size| size.is_finite() && *size >= 0.0);
    size.and_then(|size| T::try_from((size * factor) as u64).ok())
        .map_or_else(|| wanted("it is a number of bytes, like 4096, 100kb or 1mb"), Ok)
}

/// A list of ports and ranges: `443`, `139, 445`, `[80,8000:8999]`.
pub(super) fn ports(text: &str) -> Result<Vec<(u16, u16)>, Refused> {
    let range = |part: &str| {
        let (first, last) = part.split_once(':').or_else(|| part.split_once('-')).unwrap_or((part, part));
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?)).filter(|(a, b)| a <= b)
    };
    let parts = text.trim().trim_start_matches('[').trim_end_matches(']').split(',');
    parts
        .map(|part| range(part.trim()))
        .collect::<Option<Vec<_>>>()
        .map_or_else(|| wanted("it is a list of ports, like 443 or 139,445"), Ok)
}

pub(super) fn port_ranges(text: &str) -> Result<PortRanges, Refused> {
    PortRanges::new(&ports(text)?).map_or_else(|| wanted("more than four ports or ranges are not simulated"), Ok)
}

/// `None`: what suits the exception.
pub(super) fn exception_policy(text: &str) -> Result<Option<ExceptionPolicy>, String> {
    Ok(Some(match text {
        "ignore" => ExceptionPolicy::Ignore,
        "drop-flow" => ExceptionPolicy::DropFlow,
        "drop-packet" => ExceptionPolicy::DropPacket,
        "reject" => ExceptionPolicy::Reject,
        "pass-flow" => ExceptionPolicy::PassFlow,
        "bypass" => ExceptionPolicy::Bypass,
        "pass-packet" => ExceptionPolicy::PassPacket,
        "auto" => return Ok(None),
        _ => {
            return Err(
                "it is auto, ignore, drop-flow, drop-packet, reject, pass-flow, pass-packet or bypass".to_owned()
            );
        }
    }))
}

pub(super) fn urgent_policy(text: &str) -> Result<UrgentPolicy, Refused> {
    Ok(match text {
        "inline" => UrgentPolicy::Inline,
        "oob" => UrgentPolicy::Oob,
        "drop" => UrgentPolicy::Drop,
        "gap" => UrgentPolicy::Gap,
        _ => return wanted("it is inline, oob, drop or gap"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes::<u32>("1.5 MB"), Ok(1_572_864));
        assert_eq!(bytes::<u32>("100kb"), Ok(102_400));
        assert_eq!(bytes::<u32>("0"), Ok(0));
        assert!(bytes::<u32>("5gb").is_err() && bytes::<u32>("-1").is_err() && bytes::<u32>("x").is_err());
    }

    #[test]
    fn ports_come_in_lists() {
        assert_eq!(ports("[80, 8000:8999]"), Ok(vec![(80, 80), (8000, 8999)]));
        assert!(ports("").is_err() && ports("9:8").is_err() && ports("!80").is_err());
        assert!(port_ranges("1,2,3,4,5").is_err());
    }
}
