//! Text out of tokens as they come: a character that is spread over tokens waits for its last byte.

use super::TokenId;
use super::pieces::Pieces;
use std::sync::Arc;

/// Decodes a sequence of tokens, one at a time.
///
/// What all calls return, joined, is the decoding of all tokens at once: whatever is held back
/// comes with a later token or with [`Detokenizer::finish`].
pub struct Detokenizer {
    pieces: Arc<Pieces>,
    show_control: bool,
    /// The beginning of a character; fewer than four bytes.
    held: Vec<u8>,
}

impl Detokenizer {
    pub(super) fn new(pieces: Arc<Pieces>, show_control: bool) -> Self {
        Self { pieces, show_control, held: Vec::new() }
    }

    /// The text that this token completes; may be empty. Bytes that can't become a character are
    /// U+FFFD, one for each broken sequence, as `String::from_utf8_lossy` has it. A number that is
    /// no token has no text.
    pub fn push(&mut self, id: TokenId) -> String {
        let Some(piece) = self.pieces.get(id).filter(|piece| self.show_control || !piece.control)
        else {
            return String::new();
        };
        self.held.extend(piece.bytes);
        let held = std::mem::take(&mut self.held);
        let mut text = String::with_capacity(held.len());
        let mut chunks = held.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_beginning(invalid) {
                self.held = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// What was held back and never completed.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Whether bytes could still become a character: then `from_utf8` finds an unexpected end, not an
/// error.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
