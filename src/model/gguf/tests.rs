//! A writer of GGUF files, sound and broken, and what the reader says to them.

use super::*;
use crate::hint::{Fault, Hint};

/// A GGUF file in the making.
#[derive(Clone)]
pub(in crate::model) struct File {
    keys: Vec<(String, Value)>,
    tensors: Vec<Entry>,
    data: usize,
}

#[derive(Clone)]
struct Entry {
    name: String,
    dimensions: Vec<u64>,
    kind: u32,
    offset: u64,
}

impl File {
    pub(in crate::model) fn new() -> Self {
        Self { keys: Vec::new(), tensors: Vec::new(), data: 0 }
    }

    /// Sets a key, replacing an earlier value.
    pub(in crate::model) fn key(mut self, key: &str, value: Value) -> Self {
        self = self.without(key);
        self.keys.push((key.to_owned(), value));
        self
    }

    pub(in crate::model) fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(one, _)| one != key);
        self
    }

    /// Adds a tensor of F32 (kind 0) or another kind behind those that are there.
    pub(in crate::model) fn tensor(mut self, name: &str, kind: u32, dimensions: &[u64]) -> Self {
        let bytes = dimensions.iter().product::<u64>() * if kind == 0 { 4 } else { 1 };
        let offset = self.data as u64;
        self.data = usize::try_from(offset + bytes).unwrap().next_multiple_of(32);
        self.tensors.push(Entry {
            name: name.to_owned(),
            dimensions: dimensions.to_vec(),
            kind,
            offset,
        });
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(in crate::model) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            text(&mut bytes, key);
            bytes.extend(value_kind(value).to_le_bytes());
            put(&mut bytes, value);
        }
        for tensor in &self.tensors {
            text(&mut bytes, &tensor.name);
            bytes.extend(u32::try_from(tensor.dimensions.len()).unwrap().to_le_bytes());
            for one in &tensor.dimensions {
                bytes.extend(one.to_le_bytes());
            }
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.to_le_bytes());
        }
        let aligned = bytes.len().next_multiple_of(32) + self.data;
        bytes.resize(aligned, 0);
        bytes
    }

    pub(in crate::model) fn open(&self) -> Result<Gguf, GgufError> {
        open(&self.bytes())
    }
}

fn open(bytes: &[u8]) -> Result<Gguf, GgufError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    fs_err::write(&path, bytes).unwrap();
    Gguf::open(&path)
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn value_kind(value: &Value) -> u32 {
    match value {
        Value::U8(_) => 0,
        Value::U32(_) => 4,
        Value::F32(_) => 6,
        Value::Bool(_) => 7,
        Value::Text(_) => 8,
        Value::Array(_) => 9,
        other => panic!("no test writes {other:?}"),
    }
}

fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U8(number) => bytes.push(*number),
        Value::U32(number) => bytes.extend(number.to_le_bytes()),
        Value::F32(number) => bytes.extend(number.to_le_bytes()),
        Value::Bool(flag) => bytes.push((*flag).into()),
        Value::Text(value) => text(bytes, value),
        Value::Array(array) => put_array(bytes, array),
        other => panic!("no test writes {other:?}"),
    }
}

fn put_array(bytes: &mut Vec<u8>, array: &Array) {
    let mut head = |kind: u32, length: usize| {
        bytes.extend(kind.to_le_bytes());
        bytes.extend((length as u64).to_le_bytes());
    };
    match array {
        Array::U8(numbers) => {
            head(0, numbers.len());
            bytes.extend(numbers);
        }
        Array::I32(numbers) => {
            head(5, numbers.len());
            for number in numbers {
                bytes.extend(number.to_le_bytes());
            }
        }
        Array::F32(numbers) => {
            head(6, numbers.len());
            for number in numbers {
                bytes.extend(number.to_le_bytes());
            }
        }
        Array::Text(texts) => {
            head(8, texts.len());
            for one in texts.iter() {
                text(bytes, one);
            }
        }
        Array::Array(arrays) => {
            head(9, arrays.len());
            for array in arrays {
                put_array(bytes, array);
            }
        }
        other => panic!("no test writes {other:?}"),
    }
}

/// A key and two tensors: 8 x 2 and 8 F32.
fn small() -> File {
    File::new()
        .key("general.architecture", Value::Text("llama".into()))
        .tensor("a", 0, &[8, 2])
        .tensor("b", 0, &[8])
}

/// Byte offsets in `small()`: the header is 24 bytes, the key 8 + 20, its type 4, its value 8 + 5.
const KEY_AT: usize = 24;
const TYPE_AT: usize = KEY_AT + 28;
const TENSORS_AT: usize = TYPE_AT + 4 + 13;

#[track_caller]
fn check(bytes: &[u8], at: u64, words: &str) {
    let error = open(bytes).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("m.gguf"), "{text}");
    assert!(text.contains(words), "{text}");
    assert_eq!(error.at, at, "{text}");
    assert_eq!(error.fault(), Fault::Input);
    assert!(error.hint().is_some());
}

/// The bytes of `small()` with some of them replaced.
fn planted(at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = small().bytes();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn a_sound_file_is_read() {
    let gguf = small().open().unwrap();
    assert_eq!(gguf.metadata().need::<&str>("general.architecture").unwrap(), "llama");
    assert_eq!(gguf.metadata().get::<u32>("absent").unwrap(), None);
    let tensor = gguf.tensor("a").unwrap();
    assert_eq!((tensor.elements, tensor.bytes, tensor.rows()), (16, Bytes(64), 2));
    assert_eq!(gguf.tensor("b").unwrap().offset, 64);
}

#[test]
fn the_head_is_checked() {
    check(b"GGML", 0, "magic is `GGML`");
    check(b"GG", 0, "the file ends within the magic number");
    check(&planted(4, &4_u32.to_le_bytes()), 4, "version is `4`");
    check(&planted(4, &3_u32.to_be_bytes()), 4, "this file is big-endian");
    check(&planted(8, &u64::MAX.to_le_bytes()), 8, "number of tensors is `18446744073709551615`");
    check(&planted(16, &u64::MAX.to_le_bytes()), 16, "number of keys is");
}

#[test]
fn keys_are_checked() {
    let length = small().bytes().len() as u64;
    check(&planted(KEY_AT, &u64::MAX.to_le_bytes()), 24, "length of a key is");
    check(&planted(KEY_AT + 8, &[0xFF]), 24, "a key is not UTF-8");
    check(&planted(KEY_AT + 8, &[0]), 24, "a key is not UTF-8");
    check(
        &planted(TYPE_AT, &13_u32.to_le_bytes()),
        52,
        "value type of `general.architecture` is `13`",
    );
    check(&planted(TYPE_AT + 4, &length.to_le_bytes()), 56, "length of `general.architecture` is");
    let twice = small().with(|file| file.keys.push(file.keys[0].clone()));
    check(&twice.bytes(), 69, "key `general.architecture` is there twice");
    check(&planted(TYPE_AT, &7_u32.to_le_bytes()), 56, "boolean of value `5`");
}

#[test]
fn arrays_are_checked() {
    let with = |array: Array| File::new().key("k", Value::Array(array)).bytes();
    let long = |kind: u32| {
        let mut bytes = with(Array::I32(vec![1]));
        // Key 8 + 1, type 4; then the element type and the length.
        bytes[37..41].copy_from_slice(&kind.to_le_bytes());
        bytes[41..49].copy_from_slice(&(1_u64 << 60).to_le_bytes());
        bytes
    };
    for kind in [0, 5, 8, 9, 12] {
        check(&long(kind), 41, "length of array `k` is `1152921504606846976`");
    }
    check(&long(13), 37, "value type of `k` is `13`");
    let nested = (0..5).fold(Array::U8(vec![]), |inner, _| Array::Array(vec![inner]));
    check(&with(nested), 85, "nests arrays deeper than 4");
    assert!(open(&with(Array::Array(vec![Array::U8(vec![1])]))).is_ok());
    // A byte each in the file, 32 bytes each in candle's hands.
    check(&with(Array::U8(vec![0; 1 << 20])), 41, "length of array `k` is `1048576`");
}

#[test]
fn the_alignment_is_checked() {
    let with = |value| small().key("general.alignment", value).bytes();
    for value in [0, 1, 4, 33, 1 << 17, u32::MAX] {
        check(&with(Value::U32(value)), 94, &format!("`general.alignment` is `{value}`"));
    }
    check(&with(Value::U8(32)), 94, "is of type u8, not u32");
    assert!(open(&with(Value::U32(16))).is_ok());
}

#[test]
fn tensors_are_checked() {
    let tensor = |name: &str, kind, dimensions: &[u64], offset| {
        small().with(|file| {
            file.tensors[1] =
                Entry { name: name.into(), kind, dimensions: dimensions.into(), offset };
        })
    };
    let check = |file: File, at: usize, words: &str| {
        // The first takes 8 + 1 + 4 + 16 + 4 + 8 bytes; dimensions begin 9 after the second's name.
        check(&file.bytes(), (TENSORS_AT + 41 + at) as u64, words);
    };
    assert!(tensor("b", 0, &[8], 64).open().is_ok());
    check(tensor("a", 0, &[8], 64), 0, "tensor `a` is there twice");
    check(tensor("b", 0, &[], 64), 9, "number of dimensions of tensor `b` is `0`");
    check(tensor("b", 0, &[1, 1, 1, 1, 8], 64), 9, "is `5`");
    check(tensor("b", 0, &[8, 0], 64), 9, "one of them is 0");
    check(tensor("b", 0, &[1 << 32, 1 << 32], 64), 9, "more than the file's");
    check(tensor("b", 0, &[1 << 61], 64), 9, "more than the file's");
    check(tensor("b", 0, &[99], 64), 9, "more than the file's");
    check(tensor("b", 4, &[8], 64), 21, "type of tensor `b` is `4`");
    check(tensor("b", 3, &[8], 64), 9, "a row of Q4_1 is a multiple of 32");
    check(tensor("b", 0, &[8], 65), 25, "not a multiple of the alignment 32");
    check(tensor("b", 0, &[8], 32), 25, "it lies within tensor `a`, which goes from 0 to 64");
    check(tensor("b", 0, &[8], 96), 25, "don't fit into the 96 bytes of data");
    check(tensor("b", 0, &[8], u64::MAX - 31), 25, "don't fit");
}

/// Wherever it is cut, the error says that it ends, or that something does not fit.
#[test]
fn a_file_that_is_cut_short_is_an_error_at_every_byte() {
    let bytes = small().bytes();
    for length in 0..bytes.len() {
        assert!(open(&bytes[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn a_missing_file_says_so() {
    let error = Gguf::open(Path::new("nowhere/m.gguf")).unwrap_err();
    assert!(error.to_string().contains("nowhere/m.gguf"), "{error}");
    assert_eq!(error.fault(), Fault::Input);
}
