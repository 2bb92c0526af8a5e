//! Values of the header: typed, and lists as tight as they are in the file.

use super::cursor::Cursor;
use super::error::{GgufError, Problem};

/// Deeper nesting than any model's (arrays of arrays hardly exist).
const DEPTH_MAX: usize = 4;

/// A value.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "named for the types that they hold")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(String),
    Array(Array),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A list of values of one type.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "named for the types that they hold")]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    Text(Texts),
    Array(Vec<Array>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

/// A list of texts in one piece of memory: a vocabulary has a quarter of a million of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// How many texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at a place.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// All texts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(all: I) -> Self {
        let mut texts = Self::default();
        for text in all {
            texts.text.push_str(text);
            texts.ends.push(texts.text.len());
        }
        texts
    }
}

/// A type that a value can be taken as. Nothing is converted: candle's reader doesn't either.
pub trait FromValue<'a>: Sized {
    /// The type, as errors name it.
    const NAME: &'static str;

    /// The value, if it is of this type.
    fn from_value(value: &'a Value) -> Option<Self>;
}

/// Defines `FromValue` for what is behind one variant.
macro_rules! from_value {
    ($($type:ty, $name:literal: $pattern:pat => $result:expr;)*) => {$(
        impl<'a> FromValue<'a> for $type {
            const NAME: &'static str = $name;

            fn from_value(value: &'a Value) -> Option<Self> {
                match value {
                    $pattern => Some($result),
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    u32, "u32": Value::U32(number) => *number;
    f32, "f32": Value::F32(number) => *number;
    bool, "bool": Value::Bool(flag) => *flag;
    &'a str, "string": Value::Text(text) => text;
    &'a Texts, "array of strings": Value::Array(Array::Text(texts)) => texts;
    &'a [i32], "array of i32": Value::Array(Array::I32(numbers)) => numbers;
    &'a [f32], "array of f32": Value::Array(Array::F32(numbers)) => numbers;
}

impl Value {
    /// The type, as errors name it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I8(_) => "i8",
            Self::U16(_) => "u16",
            Self::I16(_) => "i16",
            Self::U32(_) => "u32",
            Self::I32(_) => "i32",
            Self::F32(_) => "f32",
            Self::Bool(_) => "bool",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::U64(_) => "u64",
            Self::I64(_) => "i64",
            Self::F64(_) => "f64",
        }
    }
}

/// Reads values and counts the array elements of the whole header.
pub(super) struct Values {
    /// Array elements that may still come. candle spends 32 bytes on each and doubles its vector
    /// as it grows, so their number is held against the file's size.
    pub(super) elements_left: u64,
}

impl Values {
    /// The value of `key`, type first.
    pub(super) fn read(&mut self, cursor: &mut Cursor, key: &str) -> Result<Value, GgufError> {
        let at = cursor.at();
        Ok(match cursor.u32(key)? {
            0 => Value::U8(cursor.u8(key)?),
            1 => Value::I8(cursor.i8(key)?),
            2 => Value::U16(cursor.u16(key)?),
            3 => Value::I16(cursor.i16(key)?),
            4 => Value::U32(cursor.u32(key)?),
            5 => Value::I32(cursor.i32(key)?),
            6 => Value::F32(cursor.f32(key)?),
            7 => Value::Bool(boolean(cursor, key)?),
            8 => Value::Text(cursor.long_text(&format!("`{key}`"))?),
            9 => Value::Array(self.array(cursor, key, 1)?),
            10 => Value::U64(cursor.u64(key)?),
            11 => Value::I64(cursor.i64(key)?),
            12 => Value::F64(cursor.f64(key)?),
            value => {
                return Err(cursor.fail(at, Problem::ValueType { key: key.to_owned(), value }));
            }
        })
    }

    fn array(&mut self, cursor: &mut Cursor, key: &str, depth: usize) -> Result<Array, GgufError> {
        if depth > DEPTH_MAX {
            let problem = Problem::Depth { key: key.to_owned(), most: DEPTH_MAX };
            return Err(cursor.fail(cursor.at(), problem));
        }
        let at = cursor.at();
        let kind = cursor.u32(key)?;
        let element_bytes_min = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 12,
            value => {
                return Err(cursor.fail(at, Problem::ValueType { key: key.to_owned(), value }));
            }
        };
        let room = cursor.left().saturating_sub(8) / element_bytes_min;
        let what = format!("length of array `{key}`");
        let length = cursor.count(&what, room.min(self.elements_left))?;
        self.elements_left -= length;
        let length = usize::try_from(length).unwrap_or(0);
        macro_rules! list {
            ($read:expr) => {{
                let mut list = Vec::with_capacity(length);
                for _ in 0..length {
                    list.push($read?);
                }
                list
            }};
        }
        Ok(match kind {
            0 => Array::U8(list!(cursor.u8(key))),
            1 => Array::I8(list!(cursor.i8(key))),
            2 => Array::U16(list!(cursor.u16(key))),
            3 => Array::I16(list!(cursor.i16(key))),
            4 => Array::U32(list!(cursor.u32(key))),
            5 => Array::I32(list!(cursor.i32(key))),
            6 => Array::F32(list!(cursor.f32(key))),
            7 => Array::Bool(list!(boolean(cursor, key))),
            8 => Array::Text(texts(cursor, key, length)?),
            9 => Array::Array(list!(self.array(cursor, key, depth + 1))),
            10 => Array::U64(list!(cursor.u64(key))),
            11 => Array::I64(list!(cursor.i64(key))),
            _ => Array::F64(list!(cursor.f64(key))),
        })
    }
}

fn boolean(cursor: &mut Cursor, key: &str) -> Result<bool, GgufError> {
    let at = cursor.at();
    match cursor.u8(key)? {
        0 => Ok(false),
        1 => Ok(true),
        value => Err(cursor.fail(at, Problem::Bool { key: key.to_owned(), value })),
    }
}

fn texts(cursor: &mut Cursor, key: &str, length: usize) -> Result<Texts, GgufError> {
    let at = cursor.at();
    let what = format!("a text of `{key}`");
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(length);
    for _ in 0..length {
        cursor.text_onto(&mut bytes, &what)?;
        ends.push(bytes.len());
    }
    bytes.shrink_to_fit();
    // Each text is UTF-8, so all of them are.
    let text = String::from_utf8(bytes).map_err(|_| cursor.fail(at, Problem::Text(what)))?;
    Ok(Texts { text, ends })
}
