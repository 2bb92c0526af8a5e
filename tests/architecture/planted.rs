//! Faults planted on purpose: each rule must find its fault, and must not find one in its twin.

use crate::rules::{Finding, Source, check, check_data};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// A file with a module doc and the given code: each expected text must appear in a finding, in
/// order, and nothing else may be found.
#[track_caller]
fn finds(path: &str, code: &str, expected: &[&str]) {
    let found = check(&[source(path, &format!("//! A planted file.\n{code}\n"))]);
    same(&found, expected);
}

#[track_caller]
fn same(found: &[Finding], expected: &[&str]) {
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), expected.len(), "found {said:#?}, expected {expected:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "found `{said}`, expected `{expected}`");
    }
}

const PRICES: &str = "nothing that measures can see a price";

#[test]
fn a_downward_import_is_fine() {
    finds("src/cost/mod.rs", "use crate::{prices::Book, record, units::{self, Usd}};", &[]);
    finds(
        "src/units/usd.rs",
        "use super::rate::Rate; use crate::units::count; use crate::hint::Hint;",
        &[],
    );
    finds(
        "src/load/driver.rs",
        "use crate::clock::Clock; fn f(t: &dyn crate::target::Target) {}",
        &[],
    );
}

#[test]
fn an_upward_import_is_found() {
    finds(
        "src/units/mod.rs",
        "use crate::cost::Cost;",
        &["src/units/mod.rs:2: `units` (ground) sees `cost`"],
    );
}

#[test]
fn an_upward_import_is_found_in_a_nested_group() {
    finds(
        "src/engine/mod.rs",
        "use crate::{units::{Usd, Watts},\n prices::{self, Book}};",
        &[PRICES],
    );
}

#[test]
fn an_upward_import_is_found_through_super() {
    finds("src/engine/op/norm.rs", "use super::super::super::prices::Book;", &[PRICES]);
    finds("src/clock.rs", "use super::load;", &["sees `load` on its own floor"]);
    finds("src/engine/mod.rs", "mod inner { use super::super::prices::Book; }", &[PRICES]);
    finds("src/engine/mod.rs", "mod inner { use super::prices::Book; }", &[]);
}

#[test]
fn an_upward_import_is_found_through_a_name_for_the_root() {
    finds("src/load/mod.rs", "use super as root; fn f() { root::prices::book(); }", &[PRICES]);
    finds("src/load/mod.rs", "use crate::*;", &["a glob of the crate's root"]);
    finds("src/clock.rs", "use super::*;", &["a glob of the crate's root"]);
    finds("src/load/mod.rs", "use mtok::prices::Book;", &[PRICES]);
}

#[test]
fn an_upward_path_is_found_wherever_it_stands() {
    finds("src/target/mod.rs", "fn f(price: crate::prices::Price) {}", &[PRICES]);
    finds("src/target/mod.rs", "fn f() -> u8 { crate::prices::book() }", &[PRICES]);
    finds(
        "src/target/mod.rs",
        "fn f() { let _ = format!(\"{}\", crate::prices::book()); }",
        &[PRICES],
    );
    finds(
        "src/target/mod.rs",
        "macro_rules! m { () => { use $crate::{units::A, prices::B}; } }",
        &[PRICES],
    );
    finds(
        "src/target/mod.rs",
        "struct S { #[serde(with = \"crate::prices::text\")] x: u8 }",
        &[PRICES],
    );
    finds("src/target/mod.rs", "impl crate::prices::Priced for S {}", &[PRICES]);
    finds("src/target/mod.rs", "fn f() { if true { use crate::prices::Book; } }", &[PRICES]);
}

#[test]
fn the_legs_do_not_touch() {
    finds("src/summary/mod.rs", "use crate::telemetry::Reading;", &["only in `record`"]);
    finds("src/cost/mod.rs", "use crate::clock::Clock;", &["only in `record`"]);
}

#[test]
fn the_order_on_a_floor_is_held() {
    finds("src/cost/mod.rs", "use crate::summary::Summary;", &[]);
    finds("src/summary/mod.rs", "use crate::cost::Cost;", &["against its order"]);
    finds("src/fetch/mod.rs", "use crate::model::Manifest;", &["against its order"]);
    finds("src/report/mod.rs", "use crate::store::Store;", &["against its order"]);
    finds("src/meter/mod.rs", "use crate::route::Route;", &["against its order"]);
}

#[test]
fn an_unknown_room_is_found() {
    finds("src/shed/mod.rs", "", &["the room `shed` is not in the table"]);
    finds("src/cost/mod.rs", "use crate::Shortcut;", &["`crate::Shortcut` is not a room"]);
}

#[test]
fn a_clock_on_the_judging_floor_is_found() {
    finds(
        "src/cost/mod.rs",
        "use std::time::{Duration, Instant};",
        &["`std::time::Instant` on the floor judging"],
    );
    finds("src/cost/mod.rs", "use std::time::Duration;", &[]);
    finds("src/cost/mod.rs", "use std::time::*;", &["`std::time::*`", "`std::time::*`"]);
    finds(
        "src/workload/mod.rs",
        "fn f() { std::thread::sleep(d); }",
        &["`std::thread::sleep` on the floor plans"],
    );
}

#[test]
fn time_read_outside_the_clock_is_found() {
    let line = "reads the time outside src/clock.rs";
    finds("src/load/mod.rs", "fn f() { std::time::Instant::now(); }", &[line]);
    finds("src/load/mod.rs", "use std::time; fn f() { time::Instant::now(); }", &[line]);
    finds(
        "src/load/mod.rs",
        "fn f() { T::now(); } use I as T; use std::time::Instant as I;",
        &[line],
    );
    finds("src/cli/mod.rs", "use jiff::Zoned; fn f() { Zoned::now(); }", &[line]);
    finds("src/clock.rs", "fn f() { std::time::Instant::now(); }", &[]);
}

#[test]
fn files_sockets_and_gpus_on_the_judging_floor_are_found() {
    finds("src/cost/mod.rs", "use fs_err as fs;", &["`fs_err`"]);
    finds(
        "src/cost/mod.rs",
        "use std::{fs, net::TcpStream};",
        &["`std::fs`", "`std::net::TcpStream`"],
    );
    finds("src/summary/mod.rs", "fn f(d: candle_core::Device) {}", &["`candle_core::Device`"]);
    finds("src/summary/mod.rs", "fn f(n: ::nvml_wrapper::Nvml) {}", &["`nvml_wrapper::Nvml`"]);
    finds("src/units/mod.rs", "use std::io::stdin;", &["`std::io::stdin` on the floor ground"]);
}

#[test]
fn async_on_a_pure_floor_is_found() {
    finds("src/workload/mod.rs", "async fn f() {}", &["`async` on the floor plans"]);
    finds("src/cost/mod.rs", "use tokio::sync::mpsc;", &["`tokio::sync::mpsc`"]);
    finds("src/target/mod.rs", "async fn f() {}", &[]);
}

#[test]
fn printing_elsewhere_is_found() {
    finds("src/engine/mod.rs", "fn f() { println!(\"x\"); }", &["`println` prints"]);
    finds("src/engine/mod.rs", "fn f() { std::eprintln!(\"x\"); }", &["`std::eprintln` prints"]);
    finds("src/engine/mod.rs", "fn f() { wrap!({ dbg!(1) }); }", &["`dbg` prints"]);
    finds("src/fetch/mod.rs", "use indicatif::ProgressBar;", &["`indicatif::ProgressBar` prints"]);
    finds("src/report/mod.rs", "fn f() { println!(\"x\"); }", &[]);
}

#[test]
fn unsafe_elsewhere_is_found() {
    finds("src/engine/mod.rs", "fn f() { unsafe { g() } }", &["src/engine/mod.rs:2: `unsafe`"]);
    finds("tests/cli.rs", "unsafe fn f() {}", &["`unsafe` outside"]);
    finds("src/engine/op/norm.rs", "fn f() { unsafe { g() } }", &[]);
    finds("src/engine/mod.rs", "#[allow(unsafe_code)] fn f() { \"unsafe\"; } // unsafe", &[]);
}

#[test]
fn tests_may_look_anywhere() {
    finds("src/engine/mod.rs", "#[cfg(test)] mod tests { use crate::prices::Book; }", &[]);
    finds("src/engine/mod.rs", "#[cfg(all(test, unix))] use crate::prices::Book;", &[]);
    finds("src/engine/mod.rs", "#[cfg(not(test))] use crate::prices::Book;", &[PRICES]);
    finds("src/engine/mod.rs", "#[cfg(any(test, unix))] use crate::prices::Book;", &[PRICES]);
    let module = source("src/engine/mod.rs", "//! A planted file.\n#[cfg(test)] mod tests;\n");
    let tests = source("src/engine/tests.rs", "//! Its tests.\nuse crate::prices::Book;\n");
    let alone = check(std::slice::from_ref(&tests));
    same(&alone, &[PRICES]);
    same(&check(&[module, tests]), &[]);
}

#[test]
fn a_missing_module_doc_is_found() {
    let line = "does not open with a `//!` line";
    for text in ["pub fn f() {}\n", "//!\npub fn f() {}\n", "\n//! Late.\n", "// Not a doc.\n", ""]
    {
        same(&check(&[source("src/cost/mod.rs", text)]), &[line]);
    }
}

#[test]
fn a_long_file_is_found() {
    let lines = |count: usize| format!("//! Long.\n{}", "// x\n".repeat(count - 1));
    same(&check(&[source("src/cost/mod.rs", &lines(500))]), &[]);
    same(&check(&[source("src/cost/mod.rs", &lines(501))]), &["501 lines"]);
    same(&check(&[source("kernels/norm.cu", &"x\n".repeat(501))]), &["501 lines"]);
}

#[test]
fn included_and_broken_sources_are_found() {
    finds("src/cost/mod.rs", "include!(\"more.rs\");", &["`include!` hides source"]);
    finds("src/cost/mod.rs", "const T: &str = include_str!(\"book.toml\");", &[]);
    finds("src/cost/mod.rs", "fn f( {}", &["does not parse"]);
}

#[test]
fn data_without_provenance_is_found() {
    let book = |text| check_data(&source("data/book.toml", text));
    same(&book("[[gpu]]\nname = \"a\"\nsource = \"b\"\ndate = \"2026-05-01\"\n"), &[]);
    same(&book("[[p]]\n[[p.sources]]\nbook = \"b\"\ndate = 2026-05-01\n"), &[]);
    same(&book("[[p]]\n[[p.sources]]\nbook = \"b\"\n"), &["entry `p[0].sources[0]` has no date"]);
    same(&book("[[p]]\nsources = []\ndate = 2026-05-01\n"), &["entry `p[0]` has no source"]);
    same(
        &book("[[gpu]]\nname = \"a\"\ndate = \"2026-05-01\"\n"),
        &["entry `gpu[0]` has no source"],
    );
    same(&book("[[gpu]]\nsource = \" \"\ndate = \"2026-05-01\"\n"), &["has no source"]);
    same(&book("[[gpu]]\nsource = \"b\"\n"), &["has no date"]);
    same(&book("[[gpu]]\nsource = \"b\"\ndate = \"May\"\n"), &["a date that is none: `May`"]);
    same(&book("note = \"empty\"\n"), &["holds no entry"]);
    same(&book("[[gpu\n"), &["cannot be read"]);
    let table = |text| check_data(&source("data/book.csv", text));
    same(&table("gpu,source_url,collected\na,b,2026-05-01\n"), &[]);
    same(
        &table("gpu,source_url,collected\na,,2026-05-01\nb,c,\n"),
        &["row 1` has no source", "row 2` has no date"],
    );
}
