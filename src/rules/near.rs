//! What somebody may have meant.

/// Up to three of `known` that look like `word`, the nearest first, as `` `a`, `b` or `c` ``.
pub(crate) fn near_matches<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let word: Vec<u8> = word.bytes().take(64).map(|byte| byte.to_ascii_lowercase()).collect();
    if word.is_empty() {
        return None;
    }
    let limit = (word.len() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = known
        .filter(|name| name.len().abs_diff(word.len()) <= limit)
        .map(|name| (distance(&word, name.as_bytes()), name))
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|&mut (_, name)| name);
    found.truncate(3);
    let (last, rest) = found.split_last()?;
    let mut text = String::new();
    for (index, (_, name)) in rest.iter().enumerate() {
        text.push_str(if index == 0 { "`" } else { ", `" });
        text.push_str(name);
        text.push('`');
    }
    text.push_str(if rest.is_empty() { "`" } else { " or `" });
    text.push_str(last.1);
    text.push('`');
    Some(text)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = 0;
    for (row, &byte_a) in a.iter().enumerate() {
        let mut current = Vec::with_capacity(b.len() + 1);
        current.push(row + 1);
        let mut left = row + 1;
        let mut last_b = 0;
        for (column, &byte_b) in b.iter().enumerate() {
            let up = previous.get(column + 1).copied().unwrap_or(usize::MAX);
            let diagonal = previous.get(column).copied().unwrap_or(usize::MAX);
            let mut best =
                (left + 1).min(up.saturating_add(1)).min(diagonal.saturating_add(usize::from(byte_a != byte_b)));
            if row > 0 && column > 0 && byte_a == last_b && last_a == byte_b {
                let swapped = before.get(column - 1).copied().unwrap_or(usize::MAX);
                best = best.min(swapped.saturating_add(1));
            }
            current.push(best);
            left = best;
            last_b = byte_b;
        }
        last_a = byte_a;
        before = std::mem::replace(&mut previous, current);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["dsize", "bsize", "content", "nocase"];
        assert_eq!(near_matches("dsiz", known.into_iter()).as_deref(), Some("`dsize`"));
        assert_eq!(near_matches("cnotent", known.into_iter()).as_deref(), Some("`content`"));
        assert_eq!(near_matches("size", known.into_iter()).as_deref(), Some("`bsize` or `dsize`"));
        assert_eq!(near_matches("flowbits", known.into_iter()), None);
    }
}
