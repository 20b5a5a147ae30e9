//! A progress bar on standard error, for runs of more than a second.

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
        let started = self.started;
        let bar = self.bar.get_or_insert_with(|| bar(total, now.duration_since(started)));
        let per_second = frames as f64 / now.duration_since(started).as_secs_f64();
        bar.set_position(read);
        bar.set_message(format!("{frames} frames, {per_second:.0}/s"));
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

fn bar(total: Option<u64>, elapsed: Duration) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}, {msg}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("━╸─")).with_elapsed(elapsed)
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
}
