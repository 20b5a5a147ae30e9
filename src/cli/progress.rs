//! A progress bar on standard error, for runs of more than a second.

use crate::report::units::{bytes, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// A run that is over sooner shows no bar.
const QUIET: Duration = Duration::from_secs(1);

/// The bar redraws no more often.
const REDRAW: Duration = Duration::from_millis(100);

/// The clock is looked at once in so many frames.
const FRAMES_PER_LOOK: u64 = 4096;

/// A bar that appears after a second, if it is wanted at all.
#[derive(Debug)]
pub struct Progress {
    wanted: bool,
    started: Instant,
    drawn: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar; one that never appears when it is not `wanted`.
    pub fn new(wanted: bool) -> Self {
        let now = Instant::now();
        Self { wanted, started: now, drawn: now, bar: None }
    }

    /// After frame `frames`, when `(read, total)` bytes of the captures are read.
    #[inline]
    pub fn tick(&mut self, frames: u64, bytes: impl FnOnce() -> (u64, Option<u64>)) {
        if self.wanted && frames.is_multiple_of(FRAMES_PER_LOOK) {
            self.look(frames, bytes());
        }
    }

    fn look(&mut self, frames: u64, (read, total): (u64, Option<u64>)) {
        let now = Instant::now();
        if now.duration_since(self.started) < QUIET || now.duration_since(self.drawn) < REDRAW {
            return;
        }
        self.drawn = now;
        let elapsed = now.duration_since(self.started);
        let bar = self.bar.get_or_insert_with(|| bar(total));
        bar.set_position(read);
        bar.set_message(message(frames, read, total, elapsed));
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:30} {percent:>3} %  {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("━╸─"))
}

/// Rates over the whole run: those of the last moments jump with every block that is read.
fn message(frames: u64, read: u64, total: Option<u64>, elapsed: Duration) -> String {
    let secs = elapsed.as_secs_f64().max(0.001);
    let rate = |n: u64| (n as f64 / secs) as u64;
    let pace = format!("{} frames, {} frames/s, {}/s", count(frames), count(rate(frames)), bytes(rate(read)));
    match total {
        Some(total) if read > 0 => {
            let left = secs * total.saturating_sub(read) as f64 / read as f64;
            format!("{pace}, {left:.0} s left")
        }
        _ => pace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_is_not_wanted_never_looks_at_the_clock() {
        let mut progress = Progress::new(false);
        progress.tick(0, || unreachable!("nobody asks"));
        assert!(progress.bar.is_none());
    }

    #[test]
    fn rates_and_the_time_left_are_those_of_the_whole_run() {
        let two = Duration::from_secs(2);
        let text = message(20_000, 4_000_000, Some(6_000_000), two);
        assert_eq!(text, "20,000 frames, 10,000 frames/s, 2.0 MB/s, 1 s left");
        assert_eq!(message(20_000, 4_000_000, None, two), "20,000 frames, 10,000 frames/s, 2.0 MB/s");
    }
}
