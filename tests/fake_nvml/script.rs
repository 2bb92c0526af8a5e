//! What the stand-in says, and when: a text file named `script` beside the library.
//!
//! A line is `key=number`, in force always, or `from..to key=number`, in force from tick `from` until
//! before tick `to`, which may be left out. The last line in force wins. A tick passes whenever the
//! share of time of GPU 0 is asked for or the library is initialised anew. A key is one of those in
//! `lib.rs`, for one GPU as `1.key`; or a function's name, and the number what it returns in place of
//! an answer; or `every`, the same for all functions. Numbers may be `0x…`.

use crate::beside;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static TICK: AtomicU64 = AtomicU64::new(0);
static TEXT: OnceLock<String> = OnceLock::new();

/// Moves on to the next tick.
pub(crate) fn tick() {
    TICK.fetch_add(1, Ordering::SeqCst);
}

/// The tick that it is.
pub(crate) fn now() -> u64 {
    TICK.load(Ordering::SeqCst)
}

/// What the script has for a key now.
pub(crate) fn get(key: &str) -> Option<u64> {
    let text = TEXT.get_or_init(|| beside::file("script").unwrap_or_default());
    text.lines().filter_map(|line| in_force(line.trim(), key, now())).next_back()
}

/// The same for a GPU, whose own line is preferred to one for all.
pub(crate) fn get_for(gpu: u64, key: &str) -> Option<u64> {
    get(&format!("{gpu}.{key}")).or_else(|| get(key))
}

fn in_force(line: &str, key: &str, tick: u64) -> Option<u64> {
    let (when, setting) = line.rsplit_once(' ').unwrap_or(("", line));
    let (from, to) = when.split_once("..").unwrap_or(("", ""));
    let from: u64 = if from.is_empty() { 0 } else { from.parse().ok()? };
    let to: u64 = if to.is_empty() { u64::MAX } else { to.parse().ok()? };
    let (name, number) = setting.split_once('=')?;
    (name == key && (from..to).contains(&tick)).then(|| parse(number))?
}

fn parse(number: &str) -> Option<u64> {
    match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}
