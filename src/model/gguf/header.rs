//! The order of things in a header, and the limits that hold for all of it.

use super::cursor::Cursor;
use super::error::{GgufError, Problem};
use super::tensor::Tensor;
use super::value::Values;
use super::{Entry, Gguf, Metadata};
use crate::units::Bytes;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::path::Path;

/// Models have some tens of keys.
const KEYS_MAX: u64 = 4_096;
/// The largest mixtures of experts have a few thousand tensors.
const TENSORS_MAX: u64 = 1 << 16;
/// Where the file names none.
const ALIGNMENT_DEFAULT: u32 = 32;
/// Beyond a page nobody gains anything.
const ALIGNMENT_MAX: u32 = 1 << 16;
/// What an array element may cost a reader: candle's value of 32 bytes, in a vector that doubles.
const ELEMENT_COST_BYTES: u64 = 96;
/// What arrays may cost on top of the file's own size.
const ELEMENTS_FREE_BYTES: u64 = 64 << 20;

/// Reads the header of the file at `path`.
pub(super) fn read(path: &Path) -> Result<Gguf, GgufError> {
    let mut cursor = Cursor::open(path)?;
    let magic = cursor.bytes::<4>("the magic number")?;
    if &magic != b"GGUF" {
        return Err(cursor.fail(0, Problem::Magic(magic)));
    }
    let version = cursor.u32("the version")?;
    if !(2..=3).contains(&version) {
        return Err(cursor.fail(4, Problem::Version(version)));
    }
    let tensor_count = cursor.count("number of tensors", TENSORS_MAX)?;
    let key_count = cursor.count("number of keys", KEYS_MAX)?;
    let metadata = keys(&mut cursor, key_count)?;
    let tensors = tensors(&mut cursor, tensor_count)?;
    let alignment = alignment(&metadata)?;
    // A header at the very end of a file leaves a section of no bytes.
    let section_start = cursor.at().next_multiple_of(alignment);
    let section = cursor.end().saturating_sub(section_start);
    for tensor in tensors.values() {
        tensor.place(&cursor, section, alignment)?;
    }
    Tensor::apart(tensors.values(), &cursor)?;
    let file_bytes = Bytes(cursor.end());
    Ok(Gguf { path: path.to_path_buf(), file_bytes, data_at: section_start, metadata, tensors })
}

fn keys(cursor: &mut Cursor, count: u64) -> Result<Metadata, GgufError> {
    let elements = (cursor.end().saturating_add(ELEMENTS_FREE_BYTES)) / ELEMENT_COST_BYTES;
    let mut values = Values { elements_left: elements };
    let mut entries = HashMap::new();
    for _ in 0..count {
        let key_at = cursor.at();
        let key = cursor.name("a key")?;
        let at = cursor.at();
        let value = values.read(cursor, &key)?;
        match entries.entry(key) {
            Slot::Vacant(slot) => slot.insert(Entry { value, at }),
            Slot::Occupied(slot) => {
                let name = slot.key().clone();
                return Err(cursor.fail(key_at, Problem::Twice { what: "key", name }));
            }
        };
    }
    Ok(Metadata { path: cursor.path().to_path_buf(), entries })
}

fn tensors(cursor: &mut Cursor, count: u64) -> Result<HashMap<String, Tensor>, GgufError> {
    let mut tensors = HashMap::new();
    for _ in 0..count {
        let tensor = Tensor::read(cursor)?;
        match tensors.entry(tensor.name.clone()) {
            Slot::Vacant(slot) => slot.insert(tensor),
            Slot::Occupied(slot) => {
                let name = slot.key().clone();
                return Err(cursor.fail(tensor.at(), Problem::Twice { what: "tensor", name }));
            }
        };
    }
    Ok(tensors)
}

/// `general.alignment`: a u32 by the format. candle takes other types for it, and 32 where it
/// doesn't know the type, so that another type would put every tensor elsewhere.
fn alignment(metadata: &Metadata) -> Result<u64, GgufError> {
    const KEY: &str = "general.alignment";
    let value = metadata.get::<u32>(KEY)?.unwrap_or(ALIGNMENT_DEFAULT);
    if value.is_power_of_two() && (8..=ALIGNMENT_MAX).contains(&value) {
        Ok(value.into())
    } else {
        let why = format!("it must be a power of two from 8 to {ALIGNMENT_MAX}");
        Err(metadata.refuse(KEY, value, &why))
    }
}
