//! What comes from the hub, or from the cache that it shares: whole, broken, another.

use super::*;
use crate::secret::Secret;

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
