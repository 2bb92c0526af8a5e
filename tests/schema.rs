//! The JSON Schemas of what mtok writes: each is a valid schema, and each has a document that it takes.
//!
//! `schema/NAME.schema.json` goes with `tests/fixtures/schema/NAME.json`, and further cases in
//! `NAME.CASE.json`; where a document is a line of a file, with the lines of `NAME.jsonl`. A schema without a fixture fails, and so does a fixture without a schema, or a
//! schema so loose that it takes an empty object. The faults planted at the end show that it does.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has to stop")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Documents by the name that their file gives, without its ending.
type Documents = BTreeMap<String, Value>;

/// All that is wrong with the schemas and their fixtures.
fn check(schemas: &Documents, fixtures: &Documents) -> Vec<String> {
    let mut found = Vec::new();
    for (name, schema) in schemas {
        if schema["$schema"] != DIALECT {
            found.push(format!("schema `{name}`: `$schema` is not {DIALECT}"));
        }
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            found.push(format!(
                "schema `{name}` is not one, at `{}`: {error}",
                error.instance_path()
            ));
            continue;
        }
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = match options.build(schema) {
            Ok(validator) => validator,
            Err(error) => {
                found.push(format!("schema `{name}` cannot be used: {error}"));
                continue;
            }
        };
        if validator.is_valid(&json!({})) {
            found.push(format!("schema `{name}` takes an empty object, so it holds nothing"));
        }
        let mut own = fixtures.iter().filter(|(case, _)| schema_of(case) == name).peekable();
        if own.peek().is_none() {
            found.push(format!("schema `{name}` has no fixture"));
        }
        for (case, fixture) in own {
            found.extend(validator.iter_errors(fixture).map(|error| {
                format!(
                    "fixture `{case}` breaks its schema at `{}`: {error}",
                    error.instance_path()
                )
            }));
        }
    }
    let orphans = fixtures.keys().filter(|case| !schemas.contains_key(schema_of(case)));
    found.extend(orphans.map(|case| format!("fixture `{case}` has no schema")));
    found
}

/// `run.killed` is a case of `run`.
fn schema_of(case: &str) -> &str {
    case.split('.').next().unwrap_or(case)
}

/// The JSON documents in a folder of the repository, by name, or the lines of its journals where the
/// ending is theirs; none where there is no such folder.
fn documents(folder: &str, ending: &str) -> Documents {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if !folder.exists() {
        return Documents::new();
    }
    let paths = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
        let text = fs_err::read_to_string(&path).unwrap();
        let read = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        if !ending.ends_with('l') {
            return Some(vec![(name, read(&text))]);
        }
        let lines = (1..).zip(text.lines());
        Some(lines.map(|(n, line): (u32, _)| (format!("{name}.line {n}"), read(line))).collect())
    });
    named.flatten().collect()
}

#[test]
fn what_we_write_keeps_to_its_schemas() {
    let schemas = documents("schema", ".schema.json");
    let strays = documents("schema", ".json").len() - schemas.len();
    assert_eq!(strays, 0, "a file in schema/ is not called NAME.schema.json");
    let mut fixtures = documents("tests/fixtures/schema", ".json");
    fixtures.extend(documents("tests/fixtures/schema", ".jsonl"));
    let found = check(&schemas, &fixtures);
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

/// A schema of one required whole number, changed by the test, and fixtures for it.
#[track_caller]
fn finds(schema: &Value, fixtures: &[(&str, Value)], expected: &[&str]) {
    let schemas = Documents::from([("run".to_owned(), schema.clone())]);
    let fixtures =
        fixtures.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let found = check(&schemas, &fixtures);
    assert_eq!(found.len(), expected.len(), "found {found:#?}, expected {expected:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "found `{found}`, expected `{expected}`");
    }
}

fn good() -> Value {
    json!({
        "$schema": DIALECT,
        "type": "object",
        "properties": { "tokens": { "type": "integer" }, "day": { "type": "string", "format": "date" } },
        "required": ["tokens"],
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut schema = good();
    schema[key] = value;
    schema
}

#[test]
fn a_good_pair_passes() {
    finds(&good(), &[("run", json!({"tokens": 1})), ("run.zero", json!({"tokens": 0}))], &[]);
}

#[test]
fn a_fixture_that_breaks_its_schema_is_found() {
    finds(
        &good(),
        &[("run", json!({"tokens": "1"}))],
        &["fixture `run` breaks its schema at `/tokens`"],
    );
    let no_day = json!({"tokens": 1, "day": "2026-02-30"});
    finds(&good(), &[("run", no_day)], &["at `/day`"]);
}

#[test]
fn a_missing_partner_is_found() {
    finds(&good(), &[], &["schema `run` has no fixture"]);
    let stray = [("run", json!({"tokens": 1})), ("bench", json!({}))];
    finds(&good(), &stray, &["fixture `bench` has no schema"]);
}

#[test]
fn a_schema_that_is_none_is_found() {
    let fixture = [("run", json!({"tokens": 1}))];
    finds(&with("type", json!("thing")), &fixture, &["schema `run` is not one, at `/type`"]);
    finds(
        &with("$schema", json!("http://json-schema.org/draft-07/schema#")),
        &fixture,
        &["`$schema` is not"],
    );
    finds(&with("required", json!([])), &fixture, &["takes an empty object"]);
}
