//! Rotary position embeddings, and the norms of heads before them.
//!
//! Invariant: the table has a row for each position up to the largest seen; sines and cosines are
//! taken in `f64` and rounded once, so that far positions are as exact as near ones.

use super::isa::Isa;
use super::norm::Norm;
use crate::model::spec::{Pairs, Rope};

/// Cosines and sines of one rotation, `[position][cosines, then sines]`, grown as positions come.
#[derive(Debug, Clone)]
pub(super) struct Table {
    rope: Rope,
    rows: Vec<f32>,
}

impl Table {
    pub(super) fn new(rope: &Rope) -> Self {
        Self { rope: rope.clone(), rows: Vec::new() }
    }

    /// Whether it is this rotation's.
    pub(super) fn is_of(&self, rope: &Rope) -> bool {
        self.rope == *rope
    }

    /// Makes rows for all positions below `positions`.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "positions are below 2^24; f32 is what is stored"
    )]
    pub(super) fn grow(&mut self, positions: usize) {
        let width = self.width();
        let held = self.rows.len().checked_div(width).unwrap_or(positions);
        if held >= positions {
            return;
        }
        // A little ahead, so that decoding doesn't come here at every step.
        let positions = positions.next_multiple_of(256);
        self.rows.reserve_exact((positions - held) * width);
        let magnitude = f64::from(self.rope.magnitude);
        for position in held..positions {
            let angles = self.rope.frequencies.iter().map(|one| one * position as f64);
            self.rows.extend(angles.clone().map(|angle| (angle.cos() * magnitude) as f32));
            self.rows.extend(angles.map(|angle| (angle.sin() * magnitude) as f32));
        }
    }

    fn width(&self) -> usize {
        self.rope.frequencies.len() * 2
    }

    /// Rotates a head in place.
    fn rotate(&self, head: &mut [f32], position: usize) {
        let pairs = self.rope.frequencies.len();
        let row = &self.rows[position * self.width()..][..self.width()];
        let (cosines, sines) = row.split_at(pairs);
        let rotated = &mut head[..pairs * 2];
        match self.rope.pairs {
            Pairs::Halves => {
                let (low, high) = rotated.split_at_mut(pairs);
                for i in 0..pairs {
                    let (a, b) = (low[i], high[i]);
                    low[i] = a * cosines[i] - b * sines[i];
                    high[i] = a * sines[i] + b * cosines[i];
                }
            }
            Pairs::Adjacent => {
                let (both, _) = rotated.as_chunks_mut::<2>();
                for i in 0..pairs {
                    let [a, b] = both[i];
                    both[i] = [a * cosines[i] - b * sines[i], a * sines[i] + b * cosines[i]];
                }
            }
        }
    }
}

/// What happens to queries and keys of one layer before they meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotary<'a> {
    pub(super) table: &'a Table,
    pub(super) head_size: usize,
    pub(super) query_norm: Option<&'a Norm>,
    pub(super) key_norm: Option<&'a Norm>,
}

impl Rotary<'_> {
    /// All query heads of a token.
    pub(super) fn queries(&self, isa: Isa, heads: &mut [f32], position: usize) {
        self.each(isa, self.query_norm, heads, position);
    }

    /// All key heads of a token.
    pub(super) fn keys(&self, isa: Isa, heads: &mut [f32], position: usize) {
        self.each(isa, self.key_norm, heads, position);
    }

    fn each(&self, isa: Isa, norm: Option<&Norm>, heads: &mut [f32], position: usize) {
        for head in heads.chunks_exact_mut(self.head_size) {
            if let Some(norm) = norm {
                norm.in_place(isa, head);
            }
            self.table.rotate(head, position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pairs at 1 and 0.5 radians a position; the fifth number stays.
    fn rotated(pairs: Pairs, magnitude: f32) -> [f32; 5] {
        let mut table = Table::new(&Rope { pairs, frequencies: vec![1.0, 0.5], magnitude });
        table.grow(1);
        table.grow(4);
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0];
        table.rotate(&mut head, 3);
        head
    }

    #[track_caller]
    fn check(got: [f32; 5], want: [f64; 5]) {
        for (got, want) in got.into_iter().zip(want) {
            assert!((f64::from(got) - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn pairs_are_rotated_by_position_times_frequency() {
        let ((s, c), (t, d)) = (3.0_f64.sin_cos(), 1.5_f64.sin_cos());
        let halves = [c - 3.0 * s, 2.0 * d - 4.0 * t, s + 3.0 * c, 2.0 * t + 4.0 * d, 5.0];
        check(rotated(Pairs::Halves, 1.0), halves);
        let adjacent = [c - 2.0 * s, s + 2.0 * c, 3.0 * d - 4.0 * t, 3.0 * t + 4.0 * d, 5.0];
        check(rotated(Pairs::Adjacent, 1.0), adjacent);
        let doubled =
            [adjacent[0] * 2.0, adjacent[1] * 2.0, adjacent[2] * 2.0, adjacent[3] * 2.0, 5.0];
        check(rotated(Pairs::Adjacent, 2.0), doubled);
    }
}
