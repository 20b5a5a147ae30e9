//! Text in columns for a terminal: aligned, cut to a width, safe to print.

use anstyle::AnsiColor;
pub use anstyle::Style;
use std::io::{self, Write};
use unicode_width::UnicodeWidthChar;

/// Columns that reports keep to.
pub const WIDTH: usize = 100;

/// A heading.
pub const HEADING: Style = Style::new().bold();
/// Something that is let through.
pub const PASS: Style = AnsiColor::Green.on_default();
/// Something that is not.
pub const DROP: Style = AnsiColor::Red.on_default();
/// Something to look at.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Something of less weight.
pub const DIM: Style = Style::new().dimmed();
/// No style.
pub const PLAIN: Style = Style::new();

/// A tab stands for this many spaces.
const TAB: &str = "    ";

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// To the left.
    Left,
    /// To the right: numbers.
    Right,
    /// To the left, and the one that is cut where a row is too long.
    Flexible,
}

/// A piece of text with a style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text in a style. Control characters are made visible.
    pub fn new(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: printable(text.as_ref()), style }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, PLAIN)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, PLAIN)
    }
}

/// Rows under each other, two spaces between columns; a column without any text takes no room.
#[derive(Clone, Debug)]
pub struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// No rows yet.
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a row in the heading's style.
    pub fn heading<const N: usize>(&mut self, names: [&str; N]) {
        self.rows.push(names.iter().map(|name| Cell::new(name, DIM)).collect());
    }

    /// Writes the rows, `indent` columns in.
    pub fn write(&self, out: &mut dyn Write, indent: usize) -> io::Result<()> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|c| self.rows.iter().filter_map(|row| row.get(c)).map(|cell| width(&cell.text)).max().unwrap_or(0))
            .collect();
        let used = widths.iter().filter(|w| **w > 0).count();
        let total: usize = indent + widths.iter().sum::<usize>() + 2 * used.saturating_sub(1);
        if let Some(flexible) = self.columns.iter().position(|c| *c == Column::Flexible)
            && let Some(w) = widths.get_mut(flexible)
        {
            *w = w.saturating_sub(total.saturating_sub(WIDTH)).max((*w).min(8));
        }
        for row in &self.rows {
            write!(out, "{:indent$}", "")?;
            let mut pending = 0;
            for ((cell, column), w) in row.iter().zip(&self.columns).zip(&widths).filter(|(_, w)| **w > 0) {
                let text = if *column == Column::Flexible { cut(&cell.text, *w) } else { cell.text.clone() };
                let pad = w.saturating_sub(width(&text));
                let (before, after) = if *column == Column::Right { (pad, 0) } else { (0, pad) };
                if text.is_empty() {
                    pending += before + after;
                } else {
                    let style = cell.style;
                    write!(out, "{:1$}{style}{text}{style:#}", "", pending + before)?;
                    pending = after;
                }
                pending += 2;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Text cut to a width, with `…` where it was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= columns
    });
    let mut shown: String = kept.collect();
    shown.push('…');
    shown
}

/// Text in lines of at most `columns`, broken at spaces.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
            } else if width(line) + 1 + width(word) <= columns {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines
}

/// Text as it may go to a terminal: files and packets can hold control characters.
pub fn printable(text: &str) -> String {
    text.chars().map(printable_char).collect()
}

/// One character as it may go to a terminal.
pub fn printable_char(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('?').to_string(),
        '\x7f' => '\u{2421}'.to_string(),
        // C1 controls, and the marks that make a terminal reorder what is shown
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'.to_string()
        }
        c => c.to_string(),
    }
}

/// Columns of a text.
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_flexible_one_is_cut() {
        let mut grid = Grid::new(&[Column::Flexible, Column::Right, Column::Left]);
        grid.heading(["name", "frames", "by"]);
        grid.row(["www.example.com".into(), "1,234".into(), "sid 7".into()]);
        grid.row(["x".repeat(200).into(), "5".into()]);
        let mut out = Vec::new();
        grid.write(&mut out, 2).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("  name ") && lines[0].ends_with(" frames  by"), "{text}");
        assert!(lines[1].ends_with("   1,234  sid 7"), "{text}");
        assert!(lines[2].ends_with("x…       5"), "{text}");
        assert!(lines.iter().all(|line| width(line) <= WIDTH));
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("give it with --param X", 12), ["give it with", "--param X"]);
    }
}
