//! JSON files of a folder, read with a limit, their values taken with their types checked.

use super::error::{FolderError, Problem};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// A JSON object and the file that it is from.
#[derive(Debug, Clone)]
pub(in crate::model) struct Json {
    path: PathBuf,
    /// What errors put before a key: `text_config.`
    within: String,
    values: Map<String, Value>,
}

/// Reads a file of at most `most` bytes.
pub(in crate::model) fn read(path: &Path, most: u64) -> Result<Vec<u8>, FolderError> {
    let fail = |problem| FolderError { path: path.to_path_buf(), problem };
    let bytes = fs_err::metadata(path).map_err(|error| fail(error.into()))?.len();
    if bytes > most {
        return Err(fail(Problem::Long { bytes, most }));
    }
    fs_err::read(path).map_err(|error| fail(error.into()))
}

impl Json {
    /// Reads a file that holds one object.
    pub(in crate::model) fn open(path: &Path, most: u64) -> Result<Self, FolderError> {
        let values = serde_json::from_slice(&read(path, most)?).map_err(|error| FolderError {
            path: path.to_path_buf(),
            problem: Problem::Json(error.to_string()),
        })?;
        Ok(Self { path: path.to_path_buf(), within: String::new(), values })
    }

    pub(in crate::model) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::model) fn fail(&self, problem: Problem) -> FolderError {
        FolderError { path: self.path.clone(), problem }
    }

    /// An error about a key's value.
    pub(in crate::model) fn refuse(
        &self,
        key: &str,
        value: impl std::fmt::Display,
        why: &str,
    ) -> FolderError {
        let (key, value) = (format!("{}{key}", self.within), value.to_string());
        self.fail(Problem::KeyValue { key, value, why: why.to_owned() })
    }

    /// A value; `None` where the key is missing or `null`, which hub files use alike.
    pub(in crate::model) fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Whether a key is there, were it with `null`, which then says that there is none of it.
    pub(in crate::model) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        want: &'static str,
        take: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FolderError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        take(value).map(Some).ok_or_else(|| {
            let mut found = value.to_string();
            if let Some((cut, _)) = found.char_indices().nth(60) {
                found.replace_range(cut.., "…");
            }
            self.fail(Problem::KeyType { key: format!("{}{key}", self.within), want, found })
        })
    }

    pub(in crate::model) fn text(&self, key: &str) -> Result<Option<&str>, FolderError> {
        self.typed(key, "a text", Value::as_str)
    }

    pub(in crate::model) fn flag(&self, key: &str) -> Result<Option<bool>, FolderError> {
        self.typed(key, "true or false", Value::as_bool)
    }

    /// A number that is one.
    pub(in crate::model) fn number(&self, key: &str) -> Result<Option<f64>, FolderError> {
        self.typed(key, "a number", |value| value.as_f64().filter(|number| number.is_finite()))
    }

    pub(in crate::model) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, FolderError> {
        self.typed(key, "a list of numbers", |value| {
            value.as_array()?.iter().map(Value::as_f64).collect()
        })
    }

    pub(in crate::model) fn list(&self, key: &str) -> Result<Option<&[Value]>, FolderError> {
        self.typed(key, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// A count from 1 to `most`.
    pub(in crate::model) fn count(&self, key: &str, most: u32) -> Result<Option<u32>, FolderError> {
        let Some(value) = self.typed(key, "a whole number", Value::as_u64)? else {
            return Ok(None);
        };
        match u32::try_from(value) {
            Ok(count) if (1..=most).contains(&count) => Ok(Some(count)),
            _ => Err(self.refuse(key, value, &format!("it must be from 1 to {most}"))),
        }
    }

    /// What a key that must be there holds.
    pub(in crate::model) fn need<T>(
        &self,
        key: &str,
        want: &'static str,
        found: Option<T>,
    ) -> Result<T, FolderError> {
        found.ok_or_else(|| {
            self.fail(Problem::MissingKey { key: format!("{}{key}", self.within), want })
        })
    }

    /// An object within this one.
    pub(in crate::model) fn object(&self, key: &str) -> Result<Option<Self>, FolderError> {
        let values = self.typed(key, "an object", Value::as_object)?;
        Ok(values.map(|values| Self {
            path: self.path.clone(),
            within: format!("{}{key}.", self.within),
            values: values.clone(),
        }))
    }

    /// The keys and values, in the file's order.
    pub(in crate::model) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }
}
