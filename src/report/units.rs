//! Numbers with their units, for people.

/// `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 flow`, `2 flows`, `2 entries`.
pub fn counted(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", count(n)),
        (_, None) => format!("{} {noun}s", count(n)),
    }
}

/// `780 B`, `1.2 kB`, `3.4 GB`: decimal, as disks and links are measured.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.95 || unit == "TB" {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{n} B")
}

/// `0.25 s`, `10 min 33 s`, `3 h 2 min`.
pub fn duration(ns: u64) -> String {
    let secs = ns / 1_000_000_000;
    match secs {
        0..60 => format!("{:.2} s", ns as f64 / 1e9),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3600 % 24),
    }
}

/// `2026-01-02 03:04:05`, in UTC.
pub fn time(ns: i64) -> String {
    let secs = ns.div_euclid(1_000_000_000);
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    // civil date of a day number, in years that begin in March, so that the leap day comes last
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!([counted(1, "flow"), counted(0, "flow"), counted(2, "entry")], ["1 flow", "0 flows", "2 entries"]);
    }

    #[test]
    fn sizes_have_a_fitting_unit() {
        assert_eq!([0, 999, 1000, 999_960, 3_400_000_000].map(bytes), ["0 B", "999 B", "1.0 kB", "1.0 MB", "3.4 GB"]);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(1_709_210_096_000_000_000), "2024-02-29 12:34:56");
        assert_eq!(time(-1), "1969-12-31 23:59:59");
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        let all = [250_000_000, 633_000_000_000, 10_920_000_000_000, 90_000_000_000_000].map(duration);
        assert_eq!(all, ["0.25 s", "10 min 33 s", "3 h 2 min", "1 d 1 h"]);
    }
}
