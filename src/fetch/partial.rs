//! The file that a download grows in, its lock, and its way to the final name.
//!
//! Beside `model.gguf` there are, while it comes: `model.gguf.lock` (held by the process at work),
//! `model.gguf.partial` (the bytes so far) and `model.gguf.origin` (which version of which source
//! they are the beginning of: only the same one may add to them).

use super::checksum::sha256_of;
use super::{Event, FetchError, OrInterrupt, Sha256, Watch};
use crate::units::Bytes;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a file that another process fetches is asked for.
const POLL: Duration = Duration::from_millis(100);

/// A download under way; holds the lock while it lives.
pub(super) struct Partial {
    path: PathBuf,
    /// Held, never read: closing it releases the lock.
    _lock: fs_err::File,
}

impl Partial {
    /// Waits until no other process fetches the file at `path`.
    pub(super) fn lock(path: &Path, watch: &mut dyn Watch) -> Result<Self, FetchError> {
        let lock = fs_err::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(path, "lock"))?;
        // Polled, not awaited: whoever watches can stop the waiting too.
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_path_buf(), _lock: lock }),
                Err(std::fs::TryLockError::WouldBlock) => {
                    watch.on(Event::Waiting).map_or_interrupt()?;
                    std::thread::sleep(POLL);
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// A folder for what a source needs on the way, removed when the file is done.
    pub(super) fn work_folder(&self) -> PathBuf {
        beside(&self.path, "work")
    }

    /// The final name.
    pub(super) fn target(&self) -> &Path {
        &self.path
    }

    /// The bytes that an earlier run left, if they are the beginning of this very version.
    pub(super) fn resume(&self, origin: &str) -> Result<(fs_err::File, Bytes), FetchError> {
        let same = fs_err::read_to_string(beside(&self.path, "origin")).is_ok_and(|o| o == origin);
        if !same {
            return Ok((self.restart(origin)?, Bytes(0)));
        }
        let mut file = fs_err::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(&self.path, "partial"))?;
        let length = file.seek(std::io::SeekFrom::End(0))?;
        Ok((file, Bytes(length)))
    }

    /// An empty file, for bytes of this version.
    pub(super) fn restart(&self, origin: &str) -> Result<fs_err::File, FetchError> {
        // The old bytes go before the new label comes: a crash between the two must not leave
        // bytes of one version under the label of another.
        let file = fs_err::File::create(beside(&self.path, "partial"))?;
        fs_err::write(beside(&self.path, "origin"), origin)?;
        Ok(file)
    }

    /// Checks length and sum, then gives the file its name. A file that fails is removed, so that
    /// the next try starts afresh. Returns the sum.
    pub(super) fn finish(
        &self,
        bytes: Option<Bytes>,
        want: Option<Sha256>,
        watch: &mut dyn Watch,
    ) -> Result<Sha256, FetchError> {
        let partial = beside(&self.path, "partial");
        let length = Bytes(fs_err::metadata(&partial)?.len());
        if let Some(want) = bytes.filter(|want| *want != length) {
            fs_err::remove_file(&partial)?;
            return Err(FetchError::Length { path: self.path.clone(), want, got: length });
        }
        let got = sha256_of(&partial, watch)?;
        if let Some(want) = want.filter(|want| *want != got) {
            fs_err::remove_file(&partial)?;
            return Err(FetchError::Checksum { path: self.path.clone(), want, got });
        }
        fs_err::OpenOptions::new().write(true).open(&partial)?.sync_all()?;
        fs_err::rename(&partial, &self.path)?;
        sync_folder(&self.path)?;
        // Left-overs cost space, not truth: a failure to remove them is not one of the download.
        fs_err::remove_file(beside(&self.path, "origin")).ok();
        fs_err::remove_dir_all(self.work_folder()).ok();
        Ok(got)
    }
}

/// `model.gguf` → `model.gguf.partial`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Makes the rename itself durable, where folders can be synced.
fn sync_folder(path: &Path) -> Result<(), FetchError> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs_err::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
