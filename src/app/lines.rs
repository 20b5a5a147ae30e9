//! Lines of a text protocol, of which only the beginning is kept.

/// More of a line is never looked at.
const KEPT_BYTES: usize = 128;

/// The unfinished line of a direction.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Calls `line` with every line that ends in `data`, without its end; stops when it says so.
    pub(super) fn feed(&mut self, data: &[u8], mut line: impl FnMut(&[u8]) -> Flow) -> Flow {
        let mut pieces = data.split_inclusive(|&byte| byte == b'\n');
        pieces.try_for_each(|piece| {
            let Some(end) = piece.strip_suffix(b"\n") else {
                let room = KEPT_BYTES.saturating_sub(self.partial.len());
                self.partial.extend(piece.iter().take(room));
                return Flow::Continue(());
            };
            if self.partial.is_empty() {
                return line(end.strip_suffix(b"\r").unwrap_or(end));
            }
            self.partial.extend(end.iter().take(KEPT_BYTES));
            let whole = std::mem::take(&mut self.partial);
            line(whole.strip_suffix(b"\r").unwrap_or(&whole))
        })
    }
}

/// Whether to go on with the next line.
pub(super) type Flow = std::ops::ControlFlow<()>;

/// The line begins with these letters, in any case.
pub(super) fn begins_with(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_split_over_pieces_is_one_line() {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        for piece in [&b"a\r\nST"[..], b"ART", b"TLS\r", b"\nb"] {
            let _ = lines.feed(piece, |line| {
                seen.push(line.to_vec());
                Flow::Continue(())
            });
        }
        assert_eq!(seen, [&b"a"[..], b"STARTTLS"]);
    }
}
