//! Attention over a paged cache.

use super::norm::narrow;
use crate::engine::op::BLOCK;

/// Keys or values of one layer and the form of the attention over them.
#[derive(Debug, Clone, Copy)]
pub struct Paged<'a> {
    /// `[blocks, kv_heads, BLOCK, head_size]`.
    pub keys: &'a [f32],
    /// As `keys`.
    pub values: &'a [f32],
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads in a row.
    pub kv_heads: usize,
    /// Numbers in a head.
    pub head_size: usize,
    /// What scores are multiplied with.
    pub scale: f32,
    /// `cap * tanh(score / cap)` in place of each score.
    pub softcap: Option<f32>,
    /// How many tokens are seen at most, the last included.
    pub window: Option<usize>,
}

impl Paged<'_> {
    /// Where the head of a position begins in `keys` and `values`.
    fn at(&self, table: &[u32], position: usize, kv_head: usize) -> usize {
        let block = table[position / BLOCK] as usize;
        ((block * self.kv_heads + kv_head) * BLOCK + position % BLOCK) * self.head_size
    }

    fn head(&self, q: &[f32], table: &[u32], seen: usize, kv_head: usize) -> Vec<f32> {
        let first = self.window.map_or(0, |window| seen.saturating_sub(window));
        let score = |position| {
            let key = &self.keys[self.at(table, position, kv_head)..];
            let dot: f64 = q.iter().zip(key).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
            let score = dot * f64::from(self.scale);
            self.softcap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh())
        };
        let scores: Vec<_> = (first..seen).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<_> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut out = vec![0.0; self.head_size];
        for (position, weight) in (first..seen).zip(weights) {
            let value = &self.values[self.at(table, position, kv_head)..];
            out.iter_mut().zip(value).for_each(|(o, &v)| *o += weight / total * f64::from(v));
        }
        out.into_iter().map(narrow).collect()
    }
}

/// What the heads of each row of `q` (`[rows, heads, head_size]`) find: row `r` sees the first
/// `seen[r]` positions of the sequence whose blocks are `tables[r]`, or zeros where that is none.
///
/// # Panics
/// Where a table is too short, or names a block beyond the cache.
pub fn attention(how: &Paged<'_>, q: &[f32], tables: &[&[u32]], seen: &[usize]) -> Vec<f32> {
    let group = how.heads / how.kv_heads;
    let row = how.heads * how.head_size;
    let mut out = Vec::with_capacity(q.len());
    for ((q, table), &seen) in q.chunks(row).zip(tables).zip(seen) {
        for (head, q) in q.chunks(how.head_size).enumerate() {
            out.extend(how.head(q, table, seen, head / group));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two blocks, one head of one number; position 0 is in block 1, position 32 in block 0.
    const TABLE: &[u32] = &[1, 0];

    fn paged<'a>(keys: &'a [f32], values: &'a [f32]) -> Paged<'a> {
        let (heads, kv_heads, head_size) = (1, 1, 1);
        Paged { keys, values, heads, kv_heads, head_size, scale: 1.0, softcap: None, window: None }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Paged<'_>), seen: usize, want: f64) {
        // Keys: 0 everywhere but ln 3 at position 1. Values: the position, as a number.
        let mut keys = vec![0.0; 2 * BLOCK];
        keys[BLOCK + 1] = 3.0_f32.ln();
        let place = |block: usize| (0..BLOCK).map(move |slot| (1 - block) * BLOCK + slot);
        #[expect(clippy::cast_precision_loss, reason = "64 positions")]
        let values: Vec<_> = (0..2).flat_map(place).map(|position| position as f32).collect();
        let mut how = paged(&keys, &values);
        change(&mut how);
        let got = attention(&how, &[1.0], &[TABLE], &[seen]);
        assert!((f64::from(got[0]) - want).abs() < 1e-5, "{got:?} instead of {want}");
    }

    /// Of positions 0, 1, 2 the middle weighs 3: (0 + 3 * 1 + 2) / 5. Over 34 positions, the plain
    /// sum is 33 * 34 / 2 = 561, so (561 + 2) / 36.
    #[test]
    fn scores_weigh_values() {
        check(|_| (), 1, 0.0);
        check(|_| (), 3, 1.0);
        check(|_| (), 34, 563.0 / 36.0);
        check(|how| how.scale = 2.0, 3, 11.0 / 11.0);
        check(|how| how.scale = 0.0, 34, 16.5);
    }

    /// A window of 2 sees the last two; a tiny cap leaves all scores near 0.
    #[test]
    fn windows_and_caps_bound_what_is_seen() {
        check(|how| how.window = Some(2), 3, 5.0 / 4.0);
        check(|how| how.window = Some(2), 34, 32.5);
        check(|how| how.window = Some(50), 3, 1.0);
        check(|how| how.softcap = Some(1e-7), 34, 16.5);
    }

    /// Nothing seen is nothing found; two query heads share a key head.
    #[test]
    fn an_empty_row_is_zeros_and_groups_share() {
        let (keys, values) = (vec![0.0; BLOCK], vec![7.0; BLOCK]);
        let how = Paged { heads: 2, ..paged(&keys, &values) };
        assert_eq!(attention(&how, &[1.0; 4], &[&[], &[0]], &[0, 1]), [0.0, 0.0, 7.0, 7.0]);
    }
}
