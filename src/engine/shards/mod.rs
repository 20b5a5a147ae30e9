//! A capture through several engines at once, each with the flows of its pairs of addresses.
//!
//! In: a capture and a compiled program. Out: what one engine would have said, word for word. One thread reads: it hands
//! out blocks of the capture and says which frame is whose. Each shard goes through all frames of a block, judges its own
//! and lets time pass with the others, so that flows end at the same frame wherever they are. The calling thread puts what
//! the shards say in order and tells the sink.
//!
//! A shard cannot have alone what two pairs share. Where rules remember things across flows there is one shard only;
//! behind the first frame that has packets of several pairs (a tunnel), or when fragments are so many that they could
//! get in each other's way, one shard takes over what the others have.
//!
//! Read `route.rs` next: which frame is whose.

mod route;
mod told;

use super::{Engine, EngineConfig, Facts, opened};
use crate::capture::{Batch, Capture, CaptureError, Frame};
use crate::defrag::Load;
use crate::detect::{Program, Untraced};
use crate::packet::DecodeConfig;
use crate::verdict::Sink;
use route::Route;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;
use told::{Teller, Told};

/// So many blocks are with the shards at a time. One that has little to do in a block may be so far ahead of the others.
const BLOCKS_IN_FLIGHT: usize = 6;

/// So many blocks wait for the shards.
const BLOCKS_READ_AHEAD: usize = 2;

/// A capture that has gone through.
#[derive(Debug)]
pub struct Replayed {
    /// The capture, read to its end; `None` when it was stopped before.
    pub capture: Option<Capture>,
    /// What the frames were like.
    pub facts: Facts,
}

/// A block on its way.
#[derive(Debug, Default)]
struct Round {
    batch: Batch,
    /// Whose each frame is.
    owners: Vec<u16>,
    /// From this frame of the batch on, all are the first shard's.
    united_from: Option<usize>,
    /// Fragments up to its end, in the whole capture.
    fragments: Load,
    /// Bytes read, and of how many.
    progress: (u64, Option<u64>),
}

impl Round {
    fn frames(&self) -> impl Iterator<Item = (Frame<'_>, usize)> {
        self.batch.frames().zip(self.owners.iter().copied().map(usize::from))
    }
}

/// What the reading thread says.
enum Read {
    Round(Box<Round>),
    Failed(CaptureError),
    End(Box<Capture>),
}

/// Sends a capture through `threads` engines at once. `go_on` is asked about each frame, with the bytes read by then and of
/// how many, once the sink has been told of the frame and the others of its block; with `false` the replay ends.
///
/// # Errors
/// Those of [`Capture::next_frame`]; the sink has been told of the frames in front.
pub fn replay<S: Sink>(
    program: &Program,
    config: EngineConfig,
    threads: u16,
    capture: Capture,
    sink: &mut S,
    mut go_on: impl FnMut(&mut S, &Frame<'_>, (u64, Option<u64>)) -> bool,
) -> Result<Replayed, CaptureError> {
    let n_shards = if program.remembers_across_flows() { 1 } else { threads.max(1) };
    let gone = Arc::<Gone>::default();
    let (rounds_in, rounds) = sync_channel(BLOCKS_READ_AHEAD);
    let (used, spare) = channel();
    let reader = Reader {
        capture: Box::new(capture),
        decode: program.profile().decode.clone(),
        decapsulate: config.decapsulate,
        n_shards,
        fragments: Load::default(),
        limit: program.profile().defrag.limit(),
        gone: Arc::clone(&gone),
    };
    // It is not waited for: it may be waiting for input that nobody wants any more.
    let reader = thread::spawn(move || reader.run(&rounds_in, &spare));
    thread::scope(|scope| {
        let (home, others) = channel();
        let mut others = Some(others);
        let mut shards = Vec::new();
        let mut told = Vec::new();
        let mut running = Vec::new();
        for number in 0..n_shards {
            let (jobs_in, jobs) = sync_channel::<Arc<Round>>(BLOCKS_IN_FLIGHT);
            let (told_in, told_out) = sync_channel(BLOCKS_IN_FLIGHT);
            let shard = Shard {
                number: usize::from(number),
                engine: Engine::new(program, config),
                teller: Teller::new(told_in),
            };
            let meeting = match others.take() {
                Some(others) => Meeting::Host(others),
                None => Meeting::Guest(home.clone()),
            };
            shards.push(jobs_in);
            told.push(told_out);
            running.push(scope.spawn(move || shard.run(&jobs, &meeting)));
        }
        drop(home);
        let mut lead = Lead { shards, told, in_flight: VecDeque::new(), gone };
        let end = lead.run(&rounds, &used, sink, &mut go_on);
        if matches!(end, Ok(None))
            && reader.is_finished()
            && let Err(panic) = reader.join()
        {
            std::panic::resume_unwind(panic);
        }
        lead.shards.clear();
        if matches!(end, Ok(Some(_))) {
            told::merge_ends(lead.told.drain(..).map(Receiver::into_iter), sink);
        }
        lead.told.clear();
        let mut facts = Facts::default();
        for shard in running {
            match shard.join() {
                Ok(of_shard) => facts.absorb(of_shard),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(Replayed { capture: end?.map(|capture| *capture), facts })
    })
}

/// Fragments that no shard keeps any more, of those up to some block.
#[derive(Debug, Default)]
struct Gone {
    pieces: AtomicU64,
    bytes: AtomicU64,
}

/// The thread that reads.
struct Reader {
    capture: Box<Capture>,
    decode: DecodeConfig,
    decapsulate: bool,
    /// 1 from the frame on that all shards came together for.
    n_shards: u16,
    /// Fragments seen.
    fragments: Load,
    /// How many may be kept.
    limit: Load,
    gone: Arc<Gone>,
}

impl Reader {
    fn run(mut self, rounds: &SyncSender<Read>, spare: &Receiver<Box<Round>>) {
        loop {
            let mut round = spare.try_recv().unwrap_or_default();
            let read = self.capture.next_batch(&mut round.batch);
            let is_end = round.batch.is_empty();
            if !is_end {
                self.assign(&mut round);
                round.progress = self.capture.progress();
                if rounds.send(Read::Round(round)).is_err() {
                    return;
                }
            }
            let last = match read {
                Err(error) => Read::Failed(error),
                Ok(()) if is_end => Read::End(self.capture),
                Ok(()) => continue,
            };
            // nobody may be there to hear it
            let _ = rounds.send(last);
            return;
        }
    }

    /// Says whose the frames are.
    fn assign(&mut self, round: &mut Round) {
        let Round { batch, owners, united_from, .. } = round;
        owners.clear();
        *united_from = None;
        for frame in batch.frames() {
            let owner = match self.n_shards {
                1 => 0,
                n_shards => match self.owner(&frame, n_shards) {
                    Some(owner) => owner,
                    None => {
                        *united_from = Some(owners.len());
                        self.n_shards = 1;
                        0
                    }
                },
            };
            owners.push(owner);
        }
        round.fragments = self.fragments;
    }

    /// The shard of a frame; `None` when no shard can have it alone.
    fn owner(&mut self, frame: &Frame<'_>, n_shards: u16) -> Option<u16> {
        match route::route(&opened(frame, self.decapsulate), &self.decode) {
            Route::Any => Some(0),
            Route::Pair(pair) => Some(pair.part(n_shards.into()) as u16),
            Route::Fragment(pair) => {
                self.fragments.pieces += 1;
                self.fragments.bytes += frame.bytes.len() as u64;
                let kept = |seen: u64, gone: &AtomicU64| seen.saturating_sub(gone.load(Ordering::Relaxed));
                let has_room = kept(self.fragments.pieces, &self.gone.pieces) < self.limit.pieces
                    && kept(self.fragments.bytes, &self.gone.bytes) < self.limit.bytes;
                has_room.then(|| pair.part(n_shards.into()) as u16)
            }
            Route::Whole => None,
        }
    }
}

/// The calling thread's part: between reader, shards and sink.
struct Lead {
    shards: Vec<SyncSender<Arc<Round>>>,
    told: Vec<Receiver<Told>>,
    in_flight: VecDeque<Arc<Round>>,
    gone: Arc<Gone>,
}

impl Lead {
    /// Hands rounds to the shards and what they say to the sink, to the end of the capture, which comes back, or until
    /// there is to be no more.
    fn run<S: Sink>(
        &mut self,
        rounds: &Receiver<Read>,
        used: &Sender<Box<Round>>,
        sink: &mut S,
        go_on: &mut impl FnMut(&mut S, &Frame<'_>, (u64, Option<u64>)) -> bool,
    ) -> Result<Option<Box<Capture>>, CaptureError> {
        let mut end = None;
        loop {
            while end.is_none() && self.in_flight.len() < BLOCKS_IN_FLIGHT {
                let next = if self.in_flight.is_empty() {
                    rounds.recv().map_err(|_| TryRecvError::Disconnected)
                } else {
                    rounds.try_recv()
                };
                match next {
                    Ok(Read::Round(round)) => self.hand_out(Arc::new(*round)),
                    Ok(Read::Failed(error)) => end = Some(Err(error)),
                    Ok(Read::End(capture)) => end = Some(Ok(Some(capture))),
                    Err(TryRecvError::Empty) => break,
                    // the reader has come to grief
                    Err(TryRecvError::Disconnected) => end = Some(Ok(None)),
                }
            }
            let Some(round) = self.in_flight.pop_front() else { return end.unwrap_or(Ok(None)) };
            // a shard that has ended says nothing any more
            let told: Vec<Told> = self.told.iter().map(|told| told.recv().unwrap_or_default()).collect();
            let kept = |of: fn(&Load) -> u64| told.iter().map(|told| of(&told.fragments)).sum::<u64>();
            let pieces = round.fragments.pieces.saturating_sub(kept(|load| load.pieces));
            let bytes = round.fragments.bytes.saturating_sub(kept(|load| load.bytes));
            self.gone.pieces.store(pieces, Ordering::Relaxed);
            self.gone.bytes.store(bytes, Ordering::Relaxed);
            told::merge(round.frames().map(|(frame, owner)| (frame.number, owner)), told, sink);
            for frame in round.batch.frames() {
                if !go_on(sink, &frame, round.progress) {
                    return Ok(None);
                }
            }
            if let Some(round) = Arc::into_inner(round) {
                // at the end of the capture nobody takes it
                let _ = used.send(Box::new(round));
            }
        }
    }

    fn hand_out(&mut self, round: Arc<Round>) {
        for shard in &self.shards {
            // one that has ended has nothing to do with it
            let _ = shard.send(Arc::clone(&round));
        }
        self.in_flight.push_back(round);
    }
}

/// How shards come together.
enum Meeting<'p> {
    /// The engines of the others come here.
    Host(Receiver<Engine<'p>>),
    /// The engine goes to the host.
    Guest(Sender<Engine<'p>>),
}

/// A thread that judges.
struct Shard<'p> {
    number: usize,
    engine: Engine<'p>,
    teller: Teller,
}

impl<'p> Shard<'p> {
    fn run(mut self, jobs: &Receiver<Arc<Round>>, meeting: &Meeting<'p>) -> Facts {
        for round in jobs {
            let untraced = &mut Untraced(self.engine.path);
            for (index, (frame, owner)) in round.frames().enumerate() {
                if round.united_from == Some(index) {
                    match meeting {
                        Meeting::Host(others) => {
                            for other in others {
                                self.engine.absorb(other);
                            }
                        }
                        Meeting::Guest(host) => {
                            self.teller.hand_over(Load::default());
                            // without a host all comes to an end
                            let _ = host.send(self.engine);
                            return Facts::default();
                        }
                    }
                }
                if owner == self.number {
                    self.engine.judge_own(&frame, &mut self.teller);
                } else {
                    self.engine.pass_over(&frame);
                }
                self.teller.is_about(Some(frame.number));
                self.engine.stateful.pass_time(&mut self.teller, untraced);
                self.teller.is_about(None);
            }
            drop(round);
            if !self.teller.hand_over(self.engine.stateful.fragments()) {
                return Facts::default();
            }
        }
        self.teller.is_about_the_end();
        self.engine.finish(&mut self.teller);
        self.teller.hand_over(Load::default());
        self.engine.facts
    }
}
