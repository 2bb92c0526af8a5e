//! Downloads against a hub on this machine and a `pip` made of a script, whole and broken.

mod from_hub;
mod from_pip;
mod server;

use super::*;
use crate::hint::{Fault, Hint};
use server::{Manner, serve};
use std::ops::ControlFlow;

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
