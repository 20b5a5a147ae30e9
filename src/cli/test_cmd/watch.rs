//! `--watch`: again whenever a file changes.

use super::super::console::{Console, Stop};
use super::super::exit::Exit;
use super::{TestArgs, find, once};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const EVERY: Duration = Duration::from_millis(300);

/// How far the time of a write may lag behind the clock: file systems take that of the last tick.
const TICK: Duration = Duration::from_millis(50);

/// What is seen of a file from outside; `None` where it is not there.
type State = Option<(SystemTime, u64)>;

/// Runs the suites until the process is ended. What stops a run is said, and waited on.
pub(super) fn forever(args: &TestArgs, console: Console) -> Result<Exit, Stop> {
    let mut files: Vec<PathBuf> = Vec::new();
    loop {
        let begun = SystemTime::now();
        match once(args, console) {
            Ok((_, all)) => files = all,
            Err(stop) if stop.exit == Exit::BadInput => {
                console.say_stop(&stop);
                // the files of the run before, and those that there are now
                files.extend(find::suites(&args.suites).unwrap_or_default());
            }
            Err(stop) => return Err(stop),
        }
        let before = states(args, &files);
        // a file that was written during the run may have been read before
        let is_new = |(_, state): &(PathBuf, State)| state.is_some_and(|(modified, _)| modified + TICK > begun);
        let was_written = before.iter().any(is_new);
        loop {
            std::thread::sleep(EVERY);
            if was_written || states(args, &files) != before {
                break;
            }
        }
    }
}

/// The files of a run and the suites that there are, with what is seen of them.
fn states(args: &TestArgs, files: &[PathBuf]) -> Vec<(PathBuf, State)> {
    let mut all = find::suites(&args.suites).unwrap_or_default();
    all.extend(args.policy.clone());
    all.extend(files.iter().cloned());
    all.sort();
    all.dedup();
    let state = |path: PathBuf| {
        let seen = std::fs::metadata(&path).ok().and_then(|seen| Some((seen.modified().ok()?, seen.len())));
        (path, seen)
    };
    all.into_iter().map(state).collect()
}
