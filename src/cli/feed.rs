//! The captures of a run on their way into engines, with what is to be said about them.

use super::console::Stop;
use super::firewall::Firewall;
use super::progress::Progress;
use super::session::Judge;
use crate::capture::{Capture, CaptureError, CaptureOptions, Frame};
use crate::report::CaptureFacts;
use crate::verdict::Sink;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Captures that are open.
#[derive(Debug)]
pub struct Feed {
    capture: Capture,
    names: Vec<String>,
    tunnels: bool,
    progress: Progress,
}

impl Feed {
    /// Opens captures; `tunnels`: what is inside mirrored traffic is judged.
    ///
    /// # Errors
    /// When one of them is none, or cannot be read.
    pub fn open(paths: &[PathBuf], tunnels: bool, shows_progress: bool) -> Result<Self, Stop> {
        let capture = Capture::open(paths, &CaptureOptions::default())?;
        let names = paths.iter().map(|path| path.display().to_string()).collect();
        Ok(Self { capture, names, tunnels, progress: Progress::new(shows_progress) })
    }

    /// A capture that is open already.
    pub fn new(capture: Capture, names: Vec<String>, tunnels: bool) -> Self {
        Self { capture, names, tunnels, progress: Progress::new(false) }
    }

    /// Hands out every frame, until there are no more or no more are wanted.
    ///
    /// # Errors
    /// When a file cannot be read; damage is not an error but a fact.
    pub fn each(&mut self, mut take: impl FnMut(&Frame<'_>) -> ControlFlow<()>) -> Result<CaptureFacts, Stop> {
        let mut facts = CaptureFacts { decapsulated: self.tunnels, ..CaptureFacts::default() };
        while let Some(frame) = self.capture.next_frame()? {
            note(&mut facts, &frame);
            if take(&frame).is_break() {
                break;
            }
            self.progress.tick(facts.frames, || self.capture.progress());
        }
        self.progress.finish();
        facts.names.clone_from(&self.names);
        note_end(&mut facts, &self.capture);
        Ok(facts)
    }

    /// Sends every frame through `judge`, until there are no more or `full` says that the sink takes no more.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn through<S: Sink>(
        &mut self,
        judge: &mut dyn Judge,
        sink: &mut S,
        full: impl Fn(&S) -> bool,
    ) -> Result<CaptureFacts, Stop> {
        let mut facts = self.each(|frame| {
            judge.process(frame, sink);
            if full(sink) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        judge.finish(sink);
        judge.tell(&mut facts);
        Ok(facts)
    }

    /// The same through several engines of a firewall at once. When the sink takes no more, nothing is said about the end
    /// of the capture.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn through_shards<S: Sink>(
        self,
        firewall: &Firewall,
        threads: u16,
        sink: &mut S,
        full: impl Fn(&S) -> bool,
    ) -> Result<CaptureFacts, Stop> {
        let Self { capture, names, tunnels, mut progress } = self;
        let mut facts = CaptureFacts { decapsulated: tunnels, names, ..CaptureFacts::default() };
        let capture = firewall.judge_in_shards(threads, capture, sink, &mut facts, |sink, facts, frame, bytes| {
            note(facts, frame);
            progress.tick(facts.frames, || bytes);
            !full(sink)
        })?;
        progress.finish();
        if let Some(capture) = capture {
            note_end(&mut facts, &capture);
        }
        Ok(facts)
    }
}

fn note(facts: &mut CaptureFacts, frame: &Frame<'_>) {
    facts.frames = frame.number;
    facts.bytes += u64::from(frame.wire_len);
    let (first, last) = facts.span_ns.unwrap_or((frame.time_ns, frame.time_ns));
    facts.span_ns = Some((first.min(frame.time_ns), last.max(frame.time_ns)));
}

fn note_end(facts: &mut CaptureFacts, capture: &Capture) {
    facts.backwards = capture.stats().time_went_backwards;
    facts.skipped = capture.skipped().len() as u64;
    facts.damage = capture.damage().iter().map(ToString::to_string).collect();
}

impl From<CaptureError> for Stop {
    fn from(error: CaptureError) -> Self {
        Self::bad_input(error.to_string(), error.help())
    }
}
