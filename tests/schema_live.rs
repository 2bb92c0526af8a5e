//! What the program prints now keeps to its schemas, and the schemas hold it firmly.
//!
//! Three things are asked of each schema: it takes what the program prints (`faults`); it takes
//! nothing that lacks a field, has one more, or a value of another kind (`let_pass`); and it has no
//! field and no choice that the program never writes (`idle`). Runs are made of the program's own
//! events, so that GPUs, failures and kills are seen on a machine that has none.

#![expect(clippy::unwrap_used, reason = "a test that cannot run the program has to stop")]

#[path = "schema_live/commands.rs"]
mod commands;
#[path = "schema_live/compare.rs"]
mod compare;
#[path = "schema_live/grip.rs"]
mod grip;
#[path = "schema_live/journal.rs"]
mod journal;
#[path = "schema_live/judged.rs"]
mod judged;
#[path = "schema_live/paid.rs"]
mod paid;
#[path = "schema_live/plans.rs"]
mod plans;
#[path = "schema_live/prices.rs"]
mod prices;
#[path = "schema_live/record.rs"]
mod record;
#[path = "prices_cli/server.rs"]
mod server;
#[path = "schema_live/store.rs"]
mod store;
#[path = "schema_live/tasks.rs"]
mod tasks;
#[path = "schema_live/variants.rs"]
mod variants;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use grip::{faults, idle, let_pass, part, schema, validator};
use insta_cmd::get_cargo_bin;
use serde_json::Value;

/// A home of its own, empty.
fn home(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema-live").join(name);
    if home.exists() {
        fs_err::remove_dir_all(&home).unwrap();
    }
    fs_err::create_dir_all(&home).unwrap();
    home
}

/// What the program prints with `--json`.
fn printed(home: &Path, arguments: &[&str]) -> Value {
    written(home, &[arguments, &["--json"]].concat())
}

/// What the program prints, as JSON: with no network, no pip, nothing of this user's settings.
fn written(home: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(get_cargo_bin("mtok"));
    command.args(arguments).env("MTOK_HOME", home);
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("MTOK_PYTHON", "/nonexistent/python");
    for name in ["MTOK_PRICE", "MTOK_CUDA_LIB", "MTOK_NVML_LIB"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {:?}\n{said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn nothing(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}, {} times:\n{}", found.len(), found.join("\n"));
}

/// Holds a schema to documents, and to values of some of its parts that they may not have.
#[track_caller]
fn check(name: &str, documents: &[Value], may_lack: &[&str], parts: &[(&str, Vec<Value>)]) {
    let schema = schema(name);
    let whole = validator(&schema);
    for document in documents {
        nothing(&format!("`{name}` does not hold {document:#}"), &faults(&whole, document));
        nothing(&format!("`{name}` lets pass"), &let_pass(&schema, document, may_lack));
    }
    for (part_name, values) in parts {
        let part = validator(&part(&schema, part_name));
        for value in values {
            nothing(&format!("`{name}`: `{part_name}` is not {value}"), &faults(&part, value));
        }
    }
    nothing(&format!("`{name}` has what is never written"), &idle(&schema, documents, parts));
}

#[test]
fn one_name_has_one_meaning() {
    let mut first: BTreeMap<String, (&str, Value)> = BTreeMap::new();
    for name in SCHEMAS {
        for (part, meaning) in schema(name)["$defs"].as_object().unwrap() {
            let (other, known) =
                first.entry(part.clone()).or_insert_with(|| (name, meaning.clone()));
            assert_eq!(known, meaning, "`{part}` of `{other}` and of `{name}`");
        }
    }
}

#[test]
fn every_schema_says_its_name_and_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let table = fs_err::read_to_string(folder.join("README.md")).unwrap();
    for name in SCHEMAS {
        let schema = schema(name);
        let version = schema["$id"].as_str().unwrap().rsplit(':').next().unwrap();
        let form = format!("mtok.{name}/{version}");
        assert_eq!(schema["$id"], format!("urn:mtok:{name}:{version}"));
        assert!(schema["title"].as_str().unwrap().starts_with(&format!("{form}: ")));
        assert!(table.contains(&format!("| [`{form}`]({name}.schema.json) |")), "{form}");
        // Lines of a journal don't repeat the name of their form.
        let stated = &schema["$defs"][name]["properties"]["schema"]["const"];
        assert!(name == "event" || *stated == form, "{form} calls itself {stated}");
    }
    let files = fs_err::read_dir(&folder).unwrap().count();
    assert_eq!(files, SCHEMAS.len() + 1, "`SCHEMAS` names every file but the table");
}

const SCHEMAS: [&str; 28] = [
    "run",
    "event",
    "bench",
    "ladder",
    "compare",
    "cost",
    "outlook",
    "plan",
    "simulation",
    "tasks",
    "claims",
    "gpus",
    "gpu",
    "rents",
    "runs",
    "diff",
    "export",
    "models",
    "model",
    "doctor",
    "price_list",
    "price",
    "price_import",
    "price_diff",
    "price_update",
    "bill",
    "bill_difference",
    "reconciliation",
];
