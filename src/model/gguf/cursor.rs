//! A reader that knows where it is, how much is left, and never allocates on a file's word alone.

use super::error::{GgufError, Problem};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Longer names than any model has (the format allows 64 KiB for a key, llama.cpp 64 for a tensor).
const NAME_BYTES_MAX: u64 = 65_535;
/// Longer than any text in a header: chat templates reach some tens of KiB.
const TEXT_BYTES_MAX: u64 = 1 << 24;

/// Reads little-endian fields in order.
pub(super) struct Cursor {
    reader: BufReader<fs_err::File>,
    path: PathBuf,
    at: u64,
    end: u64,
}

/// Defines readers of fixed-width numbers.
macro_rules! numbers {
    ($($name:ident)*) => {$(
        pub(super) fn $name(&mut self, what: &str) -> Result<$name, GgufError> {
            self.bytes(what).map($name::from_le_bytes)
        }
    )*};
}

impl Cursor {
    pub(super) fn open(path: &Path) -> Result<Self, GgufError> {
        let io = |error| GgufError { path: path.to_path_buf(), at: 0, problem: Problem::Io(error) };
        let file = fs_err::File::open(path).map_err(io)?;
        let end = file.metadata().map_err(io)?.len();
        Ok(Self {
            reader: BufReader::with_capacity(1 << 16, file),
            path: path.to_path_buf(),
            at: 0,
            end,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    pub(super) fn fail(&self, at: u64, problem: Problem) -> GgufError {
        GgufError { path: self.path.clone(), at, problem }
    }

    numbers!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

    pub(super) fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), GgufError> {
        if bytes.len() as u64 > self.left() {
            return Err(self.fail(self.at, Problem::Ends(what.to_owned())));
        }
        self.reader.read_exact(bytes).map_err(|error| self.fail(self.at, error.into()))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// A count that must not exceed `most`.
    pub(super) fn count(&mut self, what: &str, most: u64) -> Result<u64, GgufError> {
        let at = self.at;
        let value = self.u64(what)?;
        if value > most {
            let what = what.to_owned();
            return Err(self.fail(at, Problem::Count { what, value, most }));
        }
        Ok(value)
    }

    /// A key or a tensor's name.
    pub(super) fn name(&mut self, what: &str) -> Result<String, GgufError> {
        let at = self.at;
        let name = self.text(what, NAME_BYTES_MAX)?;
        // candle cuts zero bytes off, which could make two names one.
        if name.is_empty() || name.contains('\0') {
            return Err(self.fail(at, Problem::Text(what.to_owned())));
        }
        Ok(name)
    }

    /// A text value.
    pub(super) fn long_text(&mut self, what: &str) -> Result<String, GgufError> {
        self.text(what, TEXT_BYTES_MAX)
    }

    fn text(&mut self, what: &str, most: u64) -> Result<String, GgufError> {
        let at = self.at;
        let most = most.min(self.left().saturating_sub(8));
        let length = self.count(&format!("length of {what}"), most)?;
        // Bounded by the line above, so that it fits and is no more than the file has.
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|_| self.fail(at, Problem::Text(what.to_owned())))
    }

    /// The same for the elements of a list: appended to one long text, without a `String` for each.
    pub(super) fn text_onto(&mut self, all: &mut Vec<u8>, what: &str) -> Result<(), GgufError> {
        let at = self.at;
        let most = TEXT_BYTES_MAX.min(self.left().saturating_sub(8));
        let length = self.count(what, most)?;
        let start = all.len();
        all.resize(start + usize::try_from(length).unwrap_or(0), 0);
        self.fill(&mut all[start..], what)?;
        match std::str::from_utf8(&all[start..]) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.fail(at, Problem::Text(what.to_owned()))),
        }
    }
}
