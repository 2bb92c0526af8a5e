//! From a MODEL argument to a file on this machine.

use super::failure::Failure;
use super::home::Home;
use super::progress::Line;
use crate::conduct::Weights;
use crate::fetch::{self, Assurance, Settings};
use crate::model::{Catalogue, Manifest, Source};
use crate::units::Bytes;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Sees to it that the model's file is here, fetching it where it isn't.
pub(crate) fn at_hand(argument: &str, home: &Home, stop: &AtomicBool) -> Result<Weights, Failure> {
    let catalogue = Catalogue::embedded()?;
    match catalogue.resolve(argument)? {
        Source::File(path) => {
            let known = catalogue.iter().find(|manifest| is_file_of(manifest, &path));
            // A folder's name may have a dot in it that begins no extension: `Qwen2.5-0.5B`.
            let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
            let stem = stem.unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            Ok(Weights {
                name: known.map_or(stem, |manifest| manifest.title.clone()),
                family: known.and_then(|manifest| manifest.family.clone()),
                sha256: None,
                path,
            })
        }
        Source::Manifest(manifest) => {
            let path = fetch(&manifest, home, stop)?;
            Ok(Weights {
                name: manifest.title.clone(),
                family: manifest.family.clone(),
                sha256: manifest.sha256.map(|sum| sum.to_string()),
                path,
            })
        }
    }
}

/// Whether a file has a manifest's name and length: enough to lay API prices beside it.
fn is_file_of(manifest: &Manifest, path: &Path) -> bool {
    let length = fs_err::metadata(path).map(|file| Bytes(file.len())).ok();
    path.file_name().is_some_and(|name| name == manifest.file.as_str())
        && manifest.bytes.is_some()
        && manifest.bytes == length
}

/// Fetches a model's file, unless it is here.
pub(crate) fn fetch(
    manifest: &Manifest,
    home: &Home,
    stop: &AtomicBool,
) -> Result<PathBuf, Failure> {
    let mut line = Line::new();
    let mut watch = |event: fetch::Event<'_>| line.download(&event, stop);
    let fetched =
        fetch::fetch(&manifest.wanted(), &home.models(), &Settings::from_env(), &mut watch);
    line.done();
    let fetched = fetched?;
    if fetched.assurance == Assurance::LengthOnly {
        eprintln!("WARNING: nobody states a checksum of this file: only its length was checked");
    }
    Ok(fetched.path)
}
