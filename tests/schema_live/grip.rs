//! How firmly a schema holds a document, found by planting faults in both.

use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema of this name, as it lies in the repository.
pub(crate) fn schema(name: &str) -> Value {
    let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap()
}

/// One of a schema's `$defs` as a schema.
pub(crate) fn part(schema: &Value, name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}"), "$defs": schema["$defs"] })
}

/// What is wrong with a document.
pub(crate) fn faults(validator: &Validator, document: &Value) -> Vec<String> {
    let errors = validator.iter_errors(document);
    errors.map(|error| format!("at `{}`: {error}", error.instance_path())).collect()
}

/// Every fault that can be planted in a document and that the schema lets pass: a field left out, a
/// field that is not known, a value of another kind. Fields that may be left out are named, by their
/// path with `*` for an index; a name that ends in `/` stands for all that is below it.
pub(crate) fn let_pass(schema: &Value, document: &Value, may_lack: &[&str]) -> Vec<String> {
    let validator = validator(schema);
    let mut found = Vec::new();
    walk(document, &mut String::new(), &mut |path, value| {
        let passes = |change: &dyn Fn(&mut Value)| {
            let mut changed = document.clone();
            change(changed.pointer_mut(path).unwrap());
            validator.is_valid(&changed)
        };
        if passes(&|place| *place = json!({ "unknown": [] })) {
            found.push(format!("`{path}` may be anything"));
        }
        for key in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let field = format!("{path}/{key}");
            let pattern = starred(&field);
            let may_lack = may_lack
                .iter()
                .any(|may| *may == pattern || may.ends_with('/') && pattern.starts_with(may));
            let lacks = passes(&|place| {
                place.as_object_mut().unwrap().remove(key);
            });
            if lacks != may_lack {
                let may = if lacks { "may" } else { "may not" };
                found.push(format!("`{field}` {may} be left out"));
            }
        }
        if value.is_object() && passes(&|place| place["unknown"] = json!(1)) {
            found.push(format!("`{path}` takes what is not known"));
        }
    });
    found
}

/// Every field and every choice of a schema that none of these documents needs: something that the
/// program does not write, or no longer.
pub(crate) fn idle(
    schema: &Value,
    documents: &[Value],
    parts: &[(&str, Vec<Value>)],
) -> Vec<String> {
    // An empty choice is no schema, so the last of several is never idle.
    let holds = |schema: &Value, documents: &[Value]| {
        let validator = jsonschema::draft202012::new(schema);
        validator.is_ok_and(|validator| documents.iter().all(|each| validator.is_valid(each)))
    };
    let mut found = Vec::new();
    walk(schema, &mut String::new(), &mut |path, value| {
        let holds_choices = ["/oneOf", "/anyOf", "/enum"].iter().any(|end| path.ends_with(end));
        let keys: Vec<String> = match value {
            Value::Object(fields) if path.ends_with("/properties") => {
                fields.keys().cloned().collect()
            }
            Value::Array(choices) if holds_choices => {
                (0..choices.len()).map(|index| index.to_string()).collect()
            }
            _ => return,
        };
        for key in keys {
            let less = without(schema, path, &key);
            if holds(&less, documents)
                && parts.iter().all(|(name, values)| holds(&part(&less, name), values))
            {
                found.push(format!("`{path}/{key}`"));
            }
        }
    });
    found
}

/// A schema without one of its fields or choices.
fn without(schema: &Value, path: &str, key: &str) -> Value {
    let mut less = schema.clone();
    match less.pointer_mut(path) {
        Some(Value::Object(fields)) => drop(fields.shift_remove(key)),
        Some(Value::Array(choices)) => drop(choices.remove(key.parse().unwrap())),
        other => panic!("nothing holds `{key}` at `{path}`: {other:?}"),
    }
    less
}

/// Calls with every value in a document and the pointer to it, the whole first.
fn walk(value: &Value, path: &mut String, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, value);
    let length = path.len();
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            (0..).zip(items).map(|(n, item): (u32, _)| (n.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push('/');
        path.push_str(&key);
        walk(child, path, visit);
        path.truncate(length);
    }
}

fn starred(path: &str) -> String {
    let star =
        |part: &str| part.parse::<u32>().map_or_else(|_| part.to_owned(), |_| "*".to_owned());
    path.split('/').map(star).collect::<Vec<_>>().join("/")
}
