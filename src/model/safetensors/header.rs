//! The header of one safetensors file: which tensors, of what form, where.
//!
//! Format: <https://huggingface.co/docs/safetensors/index#format>. Eight bytes of length, so much
//! JSON, then the numbers; tensors follow one another without gaps.

use super::error::{FolderError, Problem};
use crate::units::Bytes;
use safetensors::tensor::TensorInfo;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

/// More than the largest header: a mixture of experts with 65,536 tensors has some 10 MB. A reader
/// spends up to four bytes on each.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// The largest mixtures of experts have some tens of thousands in all.
const TENSORS_MAX: usize = 1 << 16;
/// More dimensions than any weight has.
const DIMENSIONS_MAX: usize = 4;

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// How its numbers are stored: `BF16`.
    pub kind: &'static str,
    /// Its dimensions, the length of a row **last**, 1 to 4 of them, none 0.
    pub shape: Vec<u64>,
    /// How many numbers it holds.
    pub elements: u64,
    /// How many bytes it takes.
    pub bytes: Bytes,
    /// Which of the folder's files it is in.
    pub file: usize,
    /// Where in the file it begins.
    pub at: u64,
}

/// All tensors of the file at `path`, which is the folder's `file`-th.
pub(super) fn read(path: &Path, file: usize) -> Result<Vec<(String, Tensor)>, FolderError> {
    let fail = |problem| FolderError { path: path.to_path_buf(), problem };
    let mut source = fs_err::File::open(path).map_err(|error| fail(error.into()))?;
    let end = source.metadata().map_err(|error| fail(error.into()))?.len();
    let mut length = [0; 8];
    let most = end.saturating_sub(8).min(HEADER_BYTES_MAX);
    source.read_exact(&mut length).map_err(|_| fail(Problem::HeaderLength { value: 0, most }))?;
    let length = u64::from_le_bytes(length);
    if length > most {
        return Err(fail(Problem::HeaderLength { value: length, most }));
    }
    // At most 16 MiB, and no more than the file has.
    let mut header = vec![0; usize::try_from(length).unwrap_or(0)];
    source.read_exact(&mut header).map_err(|error| fail(error.into()))?;
    let Header(listed) = serde_json::from_slice(&header)
        .map_err(|error| fail(Problem::Json(format!("its header: {error}"))))?;
    let section = Section { start: 8 + length, bytes: end - 8 - length, file };
    section.place(listed).map_err(|(tensor, why)| fail(Problem::Tensor { tensor, why }))
}

/// Where a file's numbers are.
struct Section {
    /// From the file's start.
    start: u64,
    bytes: u64,
    file: usize,
}

impl Section {
    /// Tensors in the order of their places, each found sound and none overlapping another.
    fn place(
        &self,
        mut listed: Vec<(String, TensorInfo)>,
    ) -> Result<Vec<(String, Tensor)>, (String, String)> {
        listed.sort_by_key(|(_, info)| info.data_offsets);
        let mut free_from = 0;
        let mut tensors = Vec::with_capacity(listed.len());
        for (name, info) in listed {
            match self.tensor(&info, free_from) {
                Ok(tensor) => tensors.push((name, tensor)),
                Err(why) => return Err((name, why)),
            }
            free_from = info.data_offsets.1;
        }
        Ok(tensors)
    }

    fn tensor(&self, info: &TensorInfo, free_from: usize) -> Result<Tensor, String> {
        let (start, end) = info.data_offsets;
        if !(1..=DIMENSIONS_MAX).contains(&info.shape.len()) || info.shape.contains(&0) {
            return Err(format!("its shape is `{:?}`", info.shape));
        }
        let kind = kind(info.dtype);
        let elements = info.shape.iter().try_fold(1_usize, |all, &one| all.checked_mul(one));
        let bits = elements.and_then(|all| all.checked_mul(info.dtype.bitsize()));
        let Some((elements, bits)) = elements.zip(bits) else {
            return Err(format!("its shape `{:?}` holds more than any file", info.shape));
        };
        if end.checked_sub(start).and_then(|bytes| bytes.checked_mul(8)) != Some(bits) {
            let shape = &info.shape;
            return Err(format!("from {start} to {end} is no place for {kind} `{shape:?}`"));
        }
        if end as u64 > self.bytes {
            return Err(format!("it ends at {end} of {} bytes", self.bytes));
        }
        if start < free_from {
            return Err(format!("it begins at {start}, within another that ends at {free_from}"));
        }
        Ok(Tensor {
            kind,
            shape: info.shape.iter().map(|&one| one as u64).collect(),
            elements: elements as u64,
            bytes: Bytes((end - start) as u64),
            file: self.file,
            at: self.start + start as u64,
        })
    }
}

/// As GGUF names it, where it has a name for it.
fn kind(dtype: safetensors::Dtype) -> &'static str {
    use safetensors::Dtype::{BF16, F8_E4M3, F8_E5M2, F16, F32, F64, I8, I16, I32, I64, U8};
    match dtype {
        F32 => "F32",
        F16 => "F16",
        BF16 => "BF16",
        F64 => "F64",
        F8_E4M3 => "F8_E4M3",
        F8_E5M2 => "F8_E5M2",
        I8 => "I8",
        I16 => "I16",
        I32 => "I32",
        I64 => "I64",
        U8 => "U8",
        _ => "a type of its own",
    }
}

/// Names and descriptions. JSON lets a name come twice, and most readers keep the last.
struct Header(Vec<(String, TensorInfo)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Listing)
    }
}

struct Listing;

impl<'de> Visitor<'de> for Listing {
    type Value = Header;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut names = HashSet::new();
        let mut listed = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if listed.len() == TENSORS_MAX {
                return Err(A::Error::custom(format!("more than {TENSORS_MAX} tensors")));
            }
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("tensor `{name}` is there twice")));
            }
            listed.push((name, map.next_value()?));
        }
        Ok(Header(listed))
    }
}
