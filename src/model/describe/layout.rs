//! Which tensor of a file holds a part of the model, and whether it is of the right form.
//!
//! Invariant: after [`Layout::check`], every part that the decoder asks for is in the file, with the
//! rows and columns that [`Layout::slot`] says and in a form that can be read; and every tensor of
//! the file has a part or is known to hold none. A tensor that nobody reads would be a part of the
//! model left out in silence.

use super::family::Rules;
use super::names::Naming;
use crate::model::spec::{FeedForward, LayerPart, Part, Spec};
use std::collections::HashSet;

/// Forms that a matrix may be stored in: those that the engine has products for.
const MATRIX_KINDS: &[&str] =
    &["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"];
/// Forms that a norm or a bias may be stored in.
const VECTOR_KINDS: &[&str] = &["F32", "F16", "BF16"];

/// How a file names and arranges the parts of a model.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Layout {
    pub(super) rules: &'static Rules,
    pub(super) naming: Naming,
    pub(super) tied: Tied,
    pub(super) biases: Biases,
}

/// Whether the head is the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tied {
    /// It is, even if the file has a head.
    Yes,
    /// It isn't.
    No,
    /// Where the file has no head.
    WithoutHead,
}

/// Which biases there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Biases {
    /// None.
    No,
    /// Of queries, keys and values.
    Qkv,
    /// Of these and of the attention's output.
    All,
    /// Those that the file has.
    AsFound,
}

/// A tensor as a file describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// How it is stored.
    pub(super) kind: &'a str,
    /// Its dimensions, the length of a row first.
    pub(super) dimensions: &'a [u64],
}

/// Where a part is: some rows of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Slot {
    /// The tensor.
    pub(in crate::model) tensor: String,
    /// The whole tensor's dimensions, the length of a row first.
    dimensions: Vec<u64>,
    /// The part's first row.
    pub(in crate::model) first: usize,
    /// Its rows; a vector has one.
    pub(in crate::model) rows: usize,
    /// Numbers in a row.
    pub(in crate::model) cols: usize,
    /// To be added to each number.
    pub(in crate::model) plus: f32,
}

/// What is wrong with a file's tensors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The tensor.
    pub(super) tensor: String,
    /// What about it.
    pub(super) wrong: Wrong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It isn't there.
    Missing,
    /// The model's other numbers need these dimensions.
    Dimensions(Vec<u64>),
    /// It is stored in a form that can't be read.
    Kind,
    /// It is there, and nobody knows what for.
    Unknown,
}

/// Rows and columns of a part; a vector has one row.
struct Form {
    rows: usize,
    cols: usize,
    vector: bool,
}

impl Form {
    fn matrix(rows: usize, cols: usize) -> Self {
        Self { rows, cols, vector: false }
    }

    fn vector(cols: usize) -> Self {
        Self { rows: 1, cols, vector: true }
    }
}

impl Layout {
    /// Where a part is; `None` where the model has no such part.
    pub(in crate::model) fn slot(&self, spec: &Spec, part: Part) -> Option<Slot> {
        let form = self.form(spec, part)?;
        let Form { rows, cols, vector } = form;
        let (first, dimensions) = match part {
            _ if vector => (0, vec![cols]),
            Part::Layer(
                layer,
                LayerPart::ExpertGate(expert)
                | LayerPart::ExpertUp(expert)
                | LayerPart::ExpertDown(expert),
            ) if self.naming.stacks_experts() => {
                let FeedForward::Experts { experts, .. } = spec.layers.get(layer)?.feed_forward
                else {
                    return None;
                };
                (expert * rows, vec![cols, rows, experts])
            }
            Part::Layer(_, part) if self.rules.fused => {
                let (first, all) = fused(spec, part, rows);
                (first, vec![cols, all])
            }
            _ => (0, vec![cols, rows]),
        };
        let plus = match self.naming {
            Naming::Hub { .. } if vector && is_norm(part) => self.rules.hub_norm_plus,
            _ => 0.0,
        };
        Some(Slot {
            tensor: self.naming.tensor(self.rules, part),
            dimensions: dimensions.into_iter().map(|one| one as u64).collect(),
            first,
            rows,
            cols,
            plus,
        })
    }

    /// The part's own form; `None` where the model has no such part.
    fn form(&self, spec: &Spec, part: Part) -> Option<Form> {
        use LayerPart as P;
        let width = spec.width;
        let (layer, part) = match part {
            Part::OutputNorm => return Some(Form::vector(width)),
            Part::Head if self.tied == Tied::Yes => return None,
            Part::Embedding | Part::Head => return Some(Form::matrix(spec.vocabulary, width)),
            Part::Layer(layer, part) => (layer, part),
        };
        let feed_forward = spec.layers.get(layer)?.feed_forward;
        let (q, kv) = (spec.heads * spec.head_size, spec.kv_heads * spec.head_size);
        Some(match (part, feed_forward) {
            (P::AttentionNorm | P::FeedForwardNorm, _) => Form::vector(width),
            (P::Query, _) => Form::matrix(q, width),
            (P::Key | P::Value, _) => Form::matrix(kv, width),
            (P::Output, _) => Form::matrix(width, q),
            (P::QueryBias, _) if self.biases != Biases::No => Form::vector(q),
            (P::KeyBias | P::ValueBias, _) if self.biases != Biases::No => Form::vector(kv),
            (P::OutputBias, _) if matches!(self.biases, Biases::All | Biases::AsFound) => {
                Form::vector(width)
            }
            (P::QueryNorm | P::KeyNorm, _) if self.rules.head_norms => Form::vector(spec.head_size),
            (P::PostAttentionNorm | P::PostFeedForwardNorm, _) if self.rules.post_norms => {
                Form::vector(width)
            }
            (P::Gate | P::Up, FeedForward::Dense { inner }) => Form::matrix(inner, width),
            (P::Down, FeedForward::Dense { inner }) => Form::matrix(width, inner),
            (P::Router, FeedForward::Experts { experts, .. }) => Form::matrix(experts, width),
            (
                P::ExpertGate(expert) | P::ExpertUp(expert),
                FeedForward::Experts { inner, experts, .. },
            ) if expert < experts => Form::matrix(inner, width),
            (P::ExpertDown(expert), FeedForward::Experts { inner, experts, .. })
                if expert < experts =>
            {
                Form::matrix(width, inner)
            }
            _ => return None,
        })
    }

    /// What share of a tensor's numbers a token's forward pass works with; `None`: no part is in it.
    pub(super) fn share(&self, tensor: &str, experts: Option<(u64, u64)>) -> Option<(u64, u64)> {
        let tied = self.tied == Tied::Yes;
        let table = self.naming.tensor(self.rules, Part::Embedding);
        match experts {
            _ if self.naming.holds_no_part(tensor, tied) => None,
            _ if tensor == table && !tied => Some((0, 1)),
            Some(share) if self.naming.is_expert(tensor) => Some(share),
            _ => Some((1, 1)),
        }
    }

    /// Whether the model can't do without a part that it has a slot for.
    fn needs(&self, part: Part) -> bool {
        use LayerPart as P;
        match part {
            Part::Head => self.tied == Tied::No,
            Part::Layer(_, P::QueryBias | P::KeyBias | P::ValueBias) => {
                self.rules.biases || self.biases != Biases::AsFound
            }
            Part::Layer(_, P::OutputBias) => self.biases == Biases::All,
            _ => true,
        }
    }

    /// Checks that all parts are among a file's tensors, `names`, which `find` describes.
    pub(super) fn check<'a>(
        &self,
        spec: &Spec,
        find: impl Fn(&str) -> Option<Found<'a>>,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<(), Mismatch> {
        let mut known = HashSet::new();
        let mut see = |part| {
            let Some(slot) = self.slot(spec, part) else { return Ok(()) };
            let vector = slot.dimensions.len() == 1;
            let wrong = match find(&slot.tensor) {
                None if self.needs(part) => Some(Wrong::Missing),
                None => None,
                Some(found) if found.dimensions != slot.dimensions => {
                    Some(Wrong::Dimensions(slot.dimensions))
                }
                Some(found) => {
                    let kinds = if vector { VECTOR_KINDS } else { MATRIX_KINDS };
                    (!kinds.contains(&found.kind)).then_some(Wrong::Kind)
                }
            };
            if let Some(wrong) = wrong {
                return Err(Mismatch { tensor: slot.tensor, wrong });
            }
            known.insert(slot.tensor);
            Ok(())
        };
        for part in [Part::Embedding, Part::OutputNorm, Part::Head] {
            see(part)?;
        }
        for (index, layer) in spec.layers.iter().enumerate() {
            for &part in LAYER_PARTS {
                see(Part::Layer(index, part))?;
            }
            let FeedForward::Experts { experts, .. } = layer.feed_forward else { continue };
            // Of stacked experts, one stands for all.
            let apart = if self.naming.stacks_experts() { 1 } else { experts };
            for expert in 0..apart {
                for part in [LayerPart::ExpertGate, LayerPart::ExpertUp, LayerPart::ExpertDown] {
                    see(Part::Layer(index, part(expert)))?;
                }
            }
        }
        for name in names {
            if !known.contains(name) && !self.naming.holds_no_part(name, self.tied == Tied::Yes) {
                return Err(Mismatch { tensor: name.to_owned(), wrong: Wrong::Unknown });
            }
        }
        Ok(())
    }
}

/// All but those of experts.
const LAYER_PARTS: &[LayerPart] = &[
    LayerPart::AttentionNorm,
    LayerPart::Query,
    LayerPart::Key,
    LayerPart::Value,
    LayerPart::QueryBias,
    LayerPart::KeyBias,
    LayerPart::ValueBias,
    LayerPart::QueryNorm,
    LayerPart::KeyNorm,
    LayerPart::Output,
    LayerPart::OutputBias,
    LayerPart::PostAttentionNorm,
    LayerPart::FeedForwardNorm,
    LayerPart::Gate,
    LayerPart::Up,
    LayerPart::Down,
    LayerPart::PostFeedForwardNorm,
    LayerPart::Router,
];

/// The first row of a part in a tensor that may hold others too, and how many rows that has.
fn fused(spec: &Spec, part: LayerPart, rows: usize) -> (usize, usize) {
    let (q, kv) = (spec.heads * spec.head_size, spec.kv_heads * spec.head_size);
    match part {
        LayerPart::Query => (0, q + 2 * kv),
        LayerPart::Key => (q, q + 2 * kv),
        LayerPart::Value => (q + kv, q + 2 * kv),
        LayerPart::Gate => (0, 2 * rows),
        LayerPart::Up => (rows, 2 * rows),
        _ => (0, rows),
    }
}

fn is_norm(part: Part) -> bool {
    use LayerPart as P;
    matches!(
        part,
        Part::OutputNorm
            | Part::Layer(
                _,
                P::AttentionNorm
                    | P::QueryNorm
                    | P::KeyNorm
                    | P::PostAttentionNorm
                    | P::FeedForwardNorm
                    | P::PostFeedForwardNorm
            )
    )
}
