//! The house is in order: what the pages say about the source holds.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest file of the repository, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A room, a later room that it uses all the same, and why.
const UPWARD: [(&str, &str, &str); 4] = [
    ("rules", "policy", "the order of evaluation decides which of two rules with one number counts"),
    ("flow", "stream", "a flow owns the TCP session in it"),
    ("flow", "app", "a flow owns the parsers of its application protocol"),
    ("stream", "app", "the stream engine hands its bytes to the parsers as they become whole"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// All files below a folder of the repository, by path.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != ".git" && name != "target" && name != "__pycache__" {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path from the repository's root, with `/`.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

/// A source file without its tests and comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a source file names behind `crate::`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut used = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => {
                let list = list.split("};").next().unwrap_or("");
                used.extend(list.split(',').map(|name| word(name.trim())));
            }
            None => {
                used.insert(word(part));
            }
        }
    }
    used
}

#[test]
fn no_room_uses_a_later_one() {
    let lib = read("src/lib.rs");
    let rooms: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|name| name.trim_end_matches(';')).collect();
    let place = |name: &str| rooms.iter().position(|room| *room == name);
    let mut upward: BTreeMap<(String, String), String> = BTreeMap::new();
    for path in files("src") {
        let name = shown(&path);
        let room = name.trim_start_matches("src/").split(['/', '.']).next().unwrap_or("").to_owned();
        if name.ends_with("tests.rs") || place(&room).is_none() {
            continue;
        }
        for used in rooms_used(&code(&path)) {
            if place(&used) > place(&room) {
                upward.insert((room.clone(), used), name.clone());
            }
        }
    }
    for ((room, used), file) in &upward {
        let excused = UPWARD.iter().any(|(from, to, _)| from == room && to == used);
        assert!(excused, "{file} uses `{used}`, which comes after `{room}` in src/lib.rs");
    }
    for (from, to, why) in UPWARD {
        let exists = upward.contains_key(&(from.to_owned(), to.to_owned()));
        assert!(exists, "`{from}` does not use `{to}` any more ({why}): take the exception away");
    }
}

#[test]
fn the_test_command_of_the_readme_is_the_one_that_is_run() {
    let run = read(".ci/run");
    let step = run.lines().find_map(|line| line.strip_prefix("test_() { say test; ")).unwrap();
    let command = step.trim_end_matches(" }").trim_end_matches(';');
    let readme = read("README.md");
    assert!(readme.lines().any(|line| line == format!("$ {command}")), "README.md does not show `$ {command}`");
}

/// What looks like a code, wherever it stands.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("FD")
        .filter_map(|(at, _)| text.get(at..at + 6))
        .filter(|code| code.bytes().skip(2).all(|byte| byte.is_ascii_digit()))
}

#[test]
fn every_code_is_explained_once_and_every_explained_code_is_used() {
    let page = read("docs/diagnostics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).filter(|line| line.starts_with("FD"));
    let mut explained = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() >= 3 && cells.iter().take(3).all(|cell| !cell.is_empty()), "`{row}` has an empty cell");
        assert!(explained.insert(cells[0].to_owned()), "{} is explained twice", cells[0]);
    }
    let used: BTreeSet<String> = files("src")
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .flat_map(|path| {
            let code = code(path);
            // only whole literals are codes
            let literals = code.split('"').filter(|part| part.len() == 6);
            literals.flat_map(codes).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(used.difference(&explained).collect::<Vec<_>>(), [] as [&String; 0], "not in docs/diagnostics.md");
    assert_eq!(explained.difference(&used).collect::<Vec<_>>(), [] as [&String; 0], "used nowhere");
}

#[test]
fn no_file_is_large() {
    for path in files("") {
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes <= FILE_BYTES_MAX, "{} has {bytes} bytes", shown(&path));
    }
}

#[test]
fn every_capture_and_rule_file_has_a_line_in_its_readme() {
    let named = |readme: &str, name: &str| {
        let ways = [format!("`{name}`"), format!("`{name}/"), format!("/{name}`"), format!("\"{name}\"")];
        assert!(ways.iter().any(|way| readme.contains(way)), "{name} is not described");
    };
    for (folder, readme) in [
        ("pcaps", "pcaps/README.md"),
        ("pcaps/edge", "pcaps/edge/README.md"),
        ("tests/golden/rules", "tests/golden/README.md"),
        ("tests/damaged/captures", "tests/damaged/captures/make.py"),
    ] {
        let readme = read(readme);
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            if name.contains(".pcap") || name.contains(".rules") {
                named(&readme, &name);
            }
        }
    }
    let readme = read("rules/README.md");
    for path in files("rules").iter().filter(|path| !path.ends_with("README.md")) {
        for part in shown(path).split('/').skip(1) {
            named(&readme, part);
        }
    }
}
