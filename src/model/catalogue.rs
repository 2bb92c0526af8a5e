//! The models that have a name here.

use super::ModelError;
use super::manifest::{EMBEDDED, Manifest, ManifestError};
use super::safetensors::Folder;
use std::path::{Path, PathBuf};

/// Names at least this alike are worth a question.
const ALIKE: f64 = 0.7;

/// All manifests, in the order in which they are listed.
#[derive(Debug, Clone)]
pub struct Catalogue {
    manifests: Vec<Manifest>,
}

/// What an argument of a command means.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A model of the catalogue, to be fetched where it is not there yet.
    Manifest(Box<Manifest>),
    /// A file of the user's, or a folder.
    File(PathBuf),
}

impl Catalogue {
    /// What a command without a model runs.
    pub const DEFAULT: &str = "smollm2-135m";

    /// The manifests of this build.
    pub fn embedded() -> Result<Self, ManifestError> {
        let manifests = EMBEDDED
            .iter()
            .map(|(file, text)| Manifest::parse(file, text))
            .collect::<Result<_, _>>()?;
        Ok(Self { manifests })
    }

    /// All models.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter()
    }

    /// The model of this name or alias, in any case of letters.
    pub fn find(&self, name: &str) -> Result<&Manifest, ModelError> {
        let found =
            |manifest: &&Manifest| manifest.names().any(|one| one.eq_ignore_ascii_case(name));
        self.manifests.iter().find(found).ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
            nearest: self.nearest(name),
        })
    }

    /// What a MODEL argument means: a path if it looks like one or there is such a file or folder, else
    /// a name.
    pub fn resolve(&self, argument: &str) -> Result<Source, ModelError> {
        let path = Path::new(argument);
        let like_a_path = argument.contains(std::path::is_separator)
            || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        if path.is_file() || Folder::is_at(path) || (like_a_path && path.is_dir()) {
            return Ok(Source::File(path.to_path_buf()));
        }
        if like_a_path {
            return Err(ModelError::NotAFile { path: path.to_path_buf() });
        }
        self.find(argument).cloned().map(Box::new).map(Source::Manifest)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        self.manifests
            .iter()
            .flat_map(Manifest::names)
            .map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate))
            .filter(|(alike, _)| *alike >= ALIKE)
            .max_by(|(left, _), (right, _)| left.total_cmp(right))
            .map(|(_, candidate)| candidate.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::{Fault, Hint};

    fn catalogue() -> Catalogue {
        Catalogue::embedded().unwrap()
    }

    #[test]
    fn every_name_and_alias_leads_to_one_model() {
        let catalogue = catalogue();
        let mut names: Vec<_> = catalogue.iter().flat_map(Manifest::names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name is there twice");
        for name in names {
            assert!(catalogue.find(&name.to_uppercase()).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_default_is_there_and_runs() {
        let catalogue = catalogue();
        let default = catalogue.find(Catalogue::DEFAULT).unwrap();
        assert_eq!(default.not_runnable, None);
        assert!(default.sha256.is_some());
    }

    #[track_caller]
    fn check_unknown(name: &str, hint: &str) {
        let error = catalogue().resolve(name).unwrap_err();
        assert_eq!(error.to_string(), format!("no model `{name}`"));
        assert_eq!(error.fault(), Fault::Usage);
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }

    #[test]
    fn a_slip_of_the_finger_is_asked_about() {
        check_unknown("gwen3-8b", "did you mean `qwen3-8b`?");
        check_unknown("smolm2-135m", "did you mean `smollm2-135m`?");
        check_unknown("LLAMA-3.1-8", "did you mean `llama-3.1-8b");
        check_unknown("xyzzy", "mtok models list");
    }

    #[test]
    fn a_path_is_a_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(catalogue().resolve(path).unwrap(), Source::File(path.into()));
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("config.json"), "{}").unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(catalogue().resolve(path).unwrap(), Source::File(path.into()));
        for absent in ["./nowhere", "nowhere.gguf", "a/b.GGUF"] {
            let error = catalogue().resolve(absent).unwrap_err();
            assert!(matches!(error, ModelError::NotAFile { .. }), "{absent}: {error}");
        }
    }
}
