//! The architecture is a test: it parses the sources and holds them to `architecture/floors.rs`.
//!
//! Held here: who may see whom, what a floor may not name (clock, file, socket, async, GPU), where
//! time is read, where lines are printed, where `unsafe` stands, file length, module docs, the
//! provenance of every data entry, and that `ARCHITECTURE.md` names every room. Each rule is itself
//! guarded by `architecture/planted.rs`, which plants the fault and sees it found.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has to stop")]

#[path = "architecture/floors.rs"]
mod floors;
#[path = "architecture/planted.rs"]
mod planted;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/uses.rs"]
mod uses;

use std::path::{Path, PathBuf};

use rules::{Finding, Source};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a folder of the repository whose names end so; fixtures are data, not sources.
fn files(folder: &str, extensions: &[&str]) -> Vec<Source> {
    let mut waiting = vec![root().join(folder)];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = waiting.pop().filter(|folder| folder.exists()) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is = |name: &str| path.file_name().is_some_and(|file| file == name);
            if path.is_dir() {
                waiting.extend((!is("fixtures") && !is("snapshots")).then_some(path));
            } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    let read = |path: PathBuf| Source {
        text: fs_err::read_to_string(&path).unwrap(),
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
    };
    found.into_iter().map(read).collect()
}

#[track_caller]
fn report(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} broken rules:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn the_sources_keep_to_the_house() {
    let code = ["rs", "cu", "cuh", "h", "c", "cc", "py", "sh"];
    let sources: Vec<_> = ["src", "tests", "benches", "kernels", "examples"]
        .iter()
        .flat_map(|f| files(f, &code))
        .collect();
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "no sources were read");
    report(&rules::check(&sources));
}

#[test]
fn every_data_entry_has_a_source_and_a_date() {
    let books = files("data", &["toml", "csv"]);
    assert!(!books.is_empty(), "no data books were read");
    report(&books.iter().flat_map(rules::check_data).collect::<Vec<_>>());
}

#[test]
fn the_map_names_every_room() {
    let map = fs_err::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rooms = files("src", &["rs"])
        .iter()
        .filter_map(Source::module)
        .filter_map(|module| module.into_iter().next())
        .collect::<std::collections::BTreeSet<_>>();
    let lost: Vec<_> = rooms
        .into_iter()
        .filter(|room| !map.contains(&format!("`{room}`")) && !map.contains(&format!("`{room}/`")))
        .collect();
    assert!(lost.is_empty(), "ARCHITECTURE.md does not name {lost:?}");
}
