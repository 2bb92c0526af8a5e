//! `mtok bench --target` against a real llama.cpp server, and against our own engine, on real weights:
//! runs are valid, and tokens are the server's own count to the last one.
//!
//! The server comes out of the package xllamacpp, which `make test` installs. Where it is absent, the
//! test says so and does nothing, except where `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it can't go on, and says what it saw"
)]

mod common;

use common::number;
use insta_cmd::get_cargo_bin;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A real server; it ends when its standard input does.
struct Server {
    url: String,
    stdin: Option<ChildStdin>,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

fn python() -> Option<PathBuf> {
    let folder = std::env::var_os("MTOK_TEST_LLAMA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/llama"), PathBuf::from);
    let python = folder.join("bin/python");
    if python.is_file() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "`{}` is not there: `make test`", python.display());
    println!("skipped: no llama.cpp: `make test` installs it");
    None
}

fn start(slots: u32) -> Option<Server> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/llama_server.py");
    let mut command = Command::new(python()?);
    command.arg(script).arg(common::model("smollm2-135m")).args([&slots.to_string(), "512"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    // Its log may not fill the pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Some(Server { url, stdin, child })
}

fn bench(home: &Path, args: &[&str]) -> Value {
    let mut mtok = Command::new(get_cargo_bin("mtok"));
    mtok.arg("bench").args(args).args(["--price", "0.10/h", "--json"]).env("MTOK_HOME", home);
    mtok.env_remove("MTOK_PRICE");
    let out = mtok.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{:?}\n{said}", out.status);
    serde_json::from_slice(&out.stdout).unwrap()
}

fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs_err::remove_dir_all(&home);
    fs_err::create_dir_all(&home).unwrap();
    home
}

/// Nothing voids a run here, and its tokens are the server's. (Whether it is known to 5 % hangs on how
/// busy this machine is.)
#[track_caller]
fn check(judged: &Value) {
    let summary = &judged["summary"];
    assert_ne!(summary["verdict"], "void", "{:#}", summary["doubts"]);
    assert_eq!(summary["requests"]["failed"], 0);
    let counted = &summary["server"];
    for kind in ["prompt_tokens", "output_tokens"] {
        assert_eq!(counted[kind]["server"], counted[kind]["ours"], "{kind}: {counted:#}");
        assert!(number(counted, &format!("/{kind}/ours")) > 0.0);
    }
}

const SHORT: [&str; 8] =
    ["--duration", "6s", "--warmup", "1s", "--output-tokens", "24", "--prompt-tokens", "64"];

#[test]
fn heavy_llama_cpps_tokens_are_its_own_count() {
    let Some(server) = start(4) else { return };
    let home = home("llama-server");
    for load in [["--concurrency", "1"], ["--concurrency", "4"], ["--rate", "2/s"]] {
        let judged = bench(&home, &[&["--target", &server.url], &SHORT[..], &load].concat());
        check(&judged);
        assert!(judged["run"]["engine"].as_str().unwrap().contains("llama.cpp"));
    }
}

#[test]
fn heavy_our_engines_tokens_are_its_own_count() {
    let home = home("own-server");
    let model = common::model("smollm2-135m");
    let model = model.to_str().unwrap();
    for load in [["--concurrency", "4"], ["--rate", "2/s"]] {
        check(&bench(&home, &[&[model], &SHORT[..], &load].concat()));
    }
}
