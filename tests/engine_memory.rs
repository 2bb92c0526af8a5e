//! The weights are held once: a whole benchmark takes little more memory than the model's file.

#![cfg(target_os = "linux")]

mod common;

use common::model;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bytes that a benchmark had at most in memory, as the kernel counts.
fn peak(model: &Path) -> u64 {
    let home = tempfile::tempdir().expect("a folder");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_mtok"))
        .arg("bench")
        .arg(model)
        .args(["--concurrency", "4", "--duration", "1s", "--warmup", "0s"])
        .args(["--prompt-tokens", "64", "--output-tokens", "8", "--device", "cpu"])
        .env("MTOK_HOME", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let status = format!("/proc/{}/status", bench.id());
    let mut peak = 0;
    loop {
        // A high-water mark: whichever reading is the last, it holds all before.
        let text = fs_err::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = mark.and_then(|mark| mark.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(kibibytes.unwrap_or(0_u64) * 1_024);
        if let Some(ended) = bench.try_wait().expect("it is ours") {
            assert!(ended.success(), "{ended}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Four sequences of 72 tokens: 4 blocks each, of 32 tokens, keys and values of 2 bytes.
#[track_caller]
fn check(name: &str, kv_numbers_per_token: u64) {
    let path = model(name);
    let file = fs_err::metadata(&path).expect("it is there").len();
    let cache = 4 * 4 * 32 * kv_numbers_per_token * 2;
    let most = file / 10 * 13 + cache + 150_000_000;
    let peak = peak(&path);
    eprintln!("{name}: a file of {file} bytes, a cache of {cache}, at most {peak} in memory");
    assert!(peak > file, "{peak}: it can't have run in less than its weights take");
    assert!(peak <= most, "{peak} of {most} bytes");
}

#[test]
fn heavy_smollm2_is_held_once() {
    // 30 layers, 3 heads of 64.
    check("smollm2-135m", 30 * 3 * 64 * 2);
}

#[test]
fn heavy_qwen_is_held_once() {
    // 24 layers, 2 heads of 64.
    check("qwen2.5-coder-0.5b", 24 * 2 * 64 * 2);
}
