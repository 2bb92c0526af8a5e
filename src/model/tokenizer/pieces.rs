//! What bytes each token stands for, in one piece of memory.

use super::splitter::SPACE_MARK;
use super::{Kind, TokenId, TokenKind};
use crate::model::gguf::{GgufError, Metadata, Texts};
use std::collections::HashMap;

/// The bytes of all tokens.
pub(super) struct Pieces {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    control: Vec<bool>,
}

/// The bytes of a token.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Not for a reader's eyes.
    pub(super) control: bool,
}

impl Pieces {
    pub(super) fn of(kind: Kind, tokens: &Texts, kinds: &[TokenKind]) -> Self {
        let stand_ins = stand_ins();
        let mut pieces = Self { bytes: Vec::new(), ends: Vec::new(), control: Vec::new() };
        for (token, &token_kind) in tokens.iter().zip(kinds) {
            match (kind, token_kind) {
                (_, TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined) => {
                    pieces.bytes.extend(token.as_bytes());
                }
                (Kind::Scored, TokenKind::Byte) => match byte(token) {
                    Some(byte) => pieces.bytes.push(byte),
                    None => pieces.bytes.extend(token.as_bytes()),
                },
                (Kind::Scored, _) => {
                    pieces.bytes.extend(token.replace(SPACE_MARK, " ").as_bytes());
                }
                (Kind::ByteLevel, _) => match unwrapped(token, &stand_ins) {
                    Some(bytes) => pieces.bytes.extend(bytes),
                    None => pieces.bytes.extend(token.as_bytes()),
                },
            }
            pieces.ends.push(pieces.bytes.len());
            pieces.control.push(matches!(token_kind, TokenKind::Control | TokenKind::Unknown));
        }
        pieces
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, id: TokenId) -> Option<Piece<'_>> {
        let index = usize::try_from(id).ok()?;
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(Piece { bytes: &self.bytes[start..end], control: self.control[index] })
    }
}

/// The text of a token that another key names.
pub(super) fn text_of<'a>(
    metadata: &Metadata,
    tokens: &'a Texts,
    id: TokenId,
) -> Result<&'a str, GgufError> {
    usize::try_from(id).ok().and_then(|index| tokens.get(index)).ok_or_else(|| {
        let why = format!("there are {} tokens", tokens.len());
        metadata.refuse("tokenizer.ggml.unknown_token_id", id, &why)
    })
}

/// `<0x0A>` is the byte 10.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok()
}

/// The bytes behind the stand-ins of a byte-level token.
fn unwrapped(token: &str, stand_ins: &HashMap<char, u8>) -> Option<Vec<u8>> {
    token.chars().map(|stand_in| stand_ins.get(&stand_in).copied()).collect()
}

/// GPT-2's stand-ins: printable bytes stand for themselves, the others for the characters from
/// U+0100 on, in order. `bytes_to_unicode`,
/// <https://github.com/openai/gpt-2/blob/master/src/encoder.py>.
fn stand_ins() -> HashMap<char, u8> {
    let mut next = 0x100;
    (0..=u8::MAX)
        .map(|byte| match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => (char::from(byte), byte),
            _ => {
                let stand_in = char::from_u32(next).unwrap_or(char::REPLACEMENT_CHARACTER);
                next += 1;
                (stand_in, byte)
            }
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    /// The stand-in for a byte.
    pub(in super::super) fn stand_in(byte: u8) -> char {
        let (stand_in, _) = super::stand_ins().into_iter().find(|&(_, b)| b == byte).unwrap();
        stand_in
    }

    /// As in GPT-2's table: `!` stands for itself, a line feed is U+010A, a space U+0120, the soft
    /// hyphen the last of the moved ones.
    #[test]
    fn stand_ins_are_gpt_2s() {
        for (byte, want) in
            [(b'!', '!'), (b'\n', 'Ċ'), (b' ', 'Ġ'), (0, 'Ā'), (0xAD, 'Ń'), (0xFF, 'ÿ')]
        {
            assert_eq!(stand_in(byte), want, "{byte:#x}");
        }
    }
}
