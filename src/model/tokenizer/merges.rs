//! Merges: as a file lists them, or rebuilt from the scores of one that lists none.

use crate::model::gguf::{GgufError, Metadata, Texts};
use tokenizers::models::bpe::{Merges, Vocab};

const MERGES: &str = "tokenizer.ggml.merges";
const SCORES: &str = "tokenizer.ggml.scores";

/// The merges of a byte-level vocabulary: `Ġ t` joins `Ġ` and `t`.
///
/// Each must join two tokens into a third: the library indexes past its buffer otherwise.
pub(super) fn listed(metadata: &Metadata, vocab: &Vocab) -> Result<Merges, GgufError> {
    let lines: &Texts = metadata.need(MERGES)?;
    let mut joined = String::new();
    lines
        .iter()
        .map(|line| {
            // A token may begin with a space of its own kind, but holds no plain one.
            let (left, right) = line
                .split_once(' ')
                .ok_or_else(|| metadata.refuse(MERGES, line, "it has no space"))?;
            joined.clear();
            joined.push_str(left);
            joined.push_str(right);
            match [left, right, &joined].into_iter().find(|part| !vocab.contains_key(*part)) {
                None => Ok((left.to_owned(), right.to_owned())),
                Some(part) => {
                    Err(metadata.refuse(MERGES, line, &format!("`{part}` is not a token")))
                }
            }
        })
        .collect()
}

/// The merges that the scores of a sentencepiece vocabulary amount to.
///
/// Sentencepiece joins the two neighbours whose joint text has the highest score, wherever the
/// joint is. So each way to cut a token into two tokens is a merge, and its rank is its token's
/// score; of equal scores the earlier token's comes first.
pub(super) fn from_scores(
    metadata: &Metadata,
    tokens: &Texts,
    vocab: &Vocab,
) -> Result<Merges, GgufError> {
    let scores: &[f32] = metadata.need(SCORES)?;
    if scores.len() != tokens.len() {
        let why = format!("there are {} tokens", tokens.len());
        return Err(metadata.refuse(SCORES, format!("{} scores", scores.len()), &why));
    }
    if let Some(score) = scores.iter().find(|score| score.is_nan()) {
        return Err(metadata.refuse(SCORES, score, "a score is a number"));
    }
    let mut ranked: Vec<_> = tokens.iter().zip(scores).collect();
    // Stable: equal scores stay in the vocabulary's order.
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let mut merges = Merges::new();
    for (token, _) in ranked {
        for (cut, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(cut);
            if vocab.contains_key(left) && vocab.contains_key(right) {
                merges.push((left.to_owned(), right.to_owned()));
            }
        }
    }
    Ok(merges)
}
