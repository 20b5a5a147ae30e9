//! Engines that share reading and decoding say what each says by itself: the rule files of the golden answers in turn, a
//! few at once and on both engines, over every capture of the repository.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use firedrill::capture::{Capture, CaptureOptions};
use firedrill::detect::{CompileOptions, EngineProfile, Program};
use firedrill::engine::{Engine, EngineConfig, Fleet};
use firedrill::policy::{self, LoadOptions, StatefulOptions};

#[path = "pieces/files.rs"]
mod files;
#[path = "pieces/heard.rs"]
mod heard;

use files::files;
use heard::Heard;

/// Every rule file that stands by itself, for both engines.
fn programs() -> Vec<Program> {
    let options = LoadOptions {
        stateful: StatefulOptions { home_net: Some("10.0.0.0/8".to_owned()), ..StatefulOptions::default() },
        ..LoadOptions::default()
    };
    let mut programs = Vec::new();
    for path in files("tests/golden/rules", ".rules") {
        let mut loaded = policy::load(&path, &options).unwrap();
        let Some(policy) = loaded.policy else { continue };
        for profile in [EngineProfile::suricata_7(), EngineProfile::suricata_8()] {
            let options = CompileOptions { profile, ..CompileOptions::default() };
            programs.extend(Program::compile(&policy, &mut loaded.sources, &options));
        }
    }
    programs
}

/// Programs that judge a capture together.
const AT_ONCE: usize = 6;

#[test]
fn engines_that_share_decoding_say_what_each_says_by_itself() {
    let all = programs();
    assert!(all.len() > 20, "{} programs only", all.len());
    let mut records = 0;
    for (n, path) in [files("pcaps", ".pcap"), files("pcaps/edge", ".pcap")].concat().iter().enumerate() {
        let programs: Vec<&Program> = all.iter().cycle().skip(n * AT_ONCE % all.len()).take(AT_ONCE).collect();
        let config = EngineConfig { decapsulate: n % 2 == 0, ..EngineConfig::default() };
        let mut fleet = Fleet::new(programs.iter().copied(), config);
        let mut together: Vec<Heard> = programs.iter().map(|_| Heard::default()).collect();
        let mut alone: Vec<(Engine<'_>, Heard)> =
            programs.iter().map(|program| (Engine::new(program, config), Heard::default())).collect();
        // some of the captures hold no frame
        let Ok(mut capture) = Capture::open(std::slice::from_ref(path), &CaptureOptions::default()) else { continue };
        while let Ok(Some(frame)) = capture.next_frame() {
            fleet.process(&frame, &mut together);
            for (engine, heard) in &mut alone {
                engine.process(&frame, heard);
            }
        }
        fleet.finish(&mut together);
        for (place, ((engine, mut alone), together)) in alone.into_iter().zip(together).enumerate() {
            let mut engine = engine;
            engine.finish(&mut alone);
            let first = together.0.iter().zip(&alone.0).position(|(together, alone)| together != alone);
            assert!(together == alone, "{}, program {place}: record {first:?} differs", path.display());
            assert_eq!(fleet.engine(place).unwrap().facts(), engine.facts());
            records += together.0.len();
        }
    }
    assert!(records > 20_000, "{records} records only");
}
