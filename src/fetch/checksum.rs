//! SHA-256 of files, as a stream: memory stays flat whatever the file's size.

use super::{Event, FetchError, OrInterrupt, Stage, Watch};
use crate::units::Bytes;
use sha2::Digest;
use std::io::Read;
use std::path::Path;

/// Bytes read at a time: large enough that the reads don't show beside the hashing.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// A SHA-256 sum. Prints and reads as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 sum, which has 64 hexadecimal digits")]
pub struct ParseSha256Error(String);

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl std::str::FromStr for Sha256 {
    type Err = ParseSha256Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseSha256Error(text.to_owned());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(refuse());
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let mut sum = [0; 32];
        for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = nibble(pair[0]).zip(nibble(pair[1])).ok_or_else(refuse)?;
            *byte = high << 4 | low;
        }
        Ok(Self(sum))
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The sum of a file's bytes, telling `watch` how far it is.
pub fn sha256_of(path: &Path, watch: &mut dyn Watch) -> Result<Sha256, FetchError> {
    let mut file = fs_err::File::open(path)?;
    let total = Bytes(file.metadata()?.len());
    let mut done = Bytes(0);
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Sha256(hasher.finalize().into()));
        }
        hasher.update(&buffer[..count]);
        done += Bytes(count as u64);
        watch
            .on(Event::Progress { stage: Stage::Verifying, done, total: Some(total) })
            .map_or_interrupt()?;
    }
}
