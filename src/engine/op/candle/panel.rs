//! A ragged batch cut into panels: sequences that are as many tokens longer attend together.
//!
//! Invariant: every row of a batch is in one panel, once, and sees the positions that its own
//! position and the window allow, whatever the panel pads. Guarded by the tests below.

use crate::engine::op::{BLOCK, Ragged, Sequence};

/// Sequences with the same number of new tokens, padded to the same number of positions.
#[derive(Debug, PartialEq)]
pub(super) struct Panel {
    /// Rows of the batch: `tokens` of each sequence in turn.
    pub(super) rows: Vec<usize>,
    /// New tokens of each sequence.
    pub(super) tokens: usize,
    /// Positions that each sequence is padded to.
    pub(super) length: usize,
    /// `[sequences, length]`: the cache's slots, `block * BLOCK + position % BLOCK`. Padding repeats
    /// the last one, so that no other sequence's numbers are touched.
    pub(super) slots: Vec<usize>,
    /// `[sequences, tokens, length]`: 0 where a token sees a position, else minus infinity; empty
    /// where all see all.
    pub(super) mask: Vec<f32>,
}

/// The most positions of a panel, all sequences together: what is gathered from the cache at once.
const POSITIONS_MAX: usize = 1 << 16;

/// Cuts a batch up for layers with a window, or without.
pub(super) fn panels(batch: &Ragged, window: Option<usize>) -> Vec<Panel> {
    let mut order: Vec<&Sequence> = batch.sequences.iter().collect();
    // Decoding sequences go together, the longest with the longest: so little is padded.
    order.sort_by_key(|sequence| (sequence.rows.len(), seen(sequence, window)));
    let mut all = Vec::new();
    let mut rest = &order[..];
    while let Some(first) = rest.first() {
        let alike = |count: usize| {
            let longest = seen(rest[count - 1], window);
            rest[count - 1].rows.len() == first.rows.len()
                && (count == 1 || (first.rows.len() == 1 && count * longest <= POSITIONS_MAX))
        };
        let count = (1..=rest.len()).take_while(|&count| alike(count)).count().max(1);
        all.push(panel(&rest[..count], window));
        rest = &rest[count..];
    }
    all
}

/// The first position that any new token of a sequence sees.
fn first(sequence: &Sequence, window: Option<usize>) -> usize {
    window.map_or(0, |window| (sequence.start + 1).saturating_sub(window))
}

/// How many positions the new tokens of a sequence see in all.
fn seen(sequence: &Sequence, window: Option<usize>) -> usize {
    sequence.length() - first(sequence, window)
}

fn panel(sequences: &[&Sequence], window: Option<usize>) -> Panel {
    let length = sequences.iter().map(|sequence| seen(sequence, window)).max().unwrap_or(0);
    let (mut rows, mut slots, mut mask) = (Vec::new(), Vec::new(), Vec::new());
    for sequence in sequences {
        rows.extend(sequence.rows.clone());
        let first = first(sequence, window);
        let slot = |position: usize| {
            let position = position.min(sequence.length() - 1);
            sequence.blocks[position / BLOCK] as usize * BLOCK + position % BLOCK
        };
        slots.extend((first..first + length).map(slot));
        for own in sequence.start..sequence.length() {
            let sees = |position: usize| {
                position <= own && window.is_none_or(|window| own - position < window)
            };
            let shown = |position| if sees(position) { 0.0 } else { f32::NEG_INFINITY };
            mask.extend((first..first + length).map(shown));
        }
    }
    if mask.iter().all(|shown| shown.is_finite()) {
        mask.clear();
    }
    let tokens = sequences.first().map_or(0, |sequence| sequence.rows.len());
    Panel { rows, tokens, length, slots, mask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch(pieces: &[(usize, usize)]) -> Ragged {
        let mut batch = Ragged::default();
        let mut row = 0;
        for (index, &(start, tokens)) in pieces.iter().enumerate() {
            let blocks = (start + tokens).div_ceil(BLOCK);
            // Sequence `i` has blocks 100 i, 100 i + 1, …
            let blocks = (0..blocks).map(|block| u32::try_from(100 * index + block).unwrap());
            let rows = row..row + tokens;
            row += tokens;
            batch.sequences.push(Sequence { rows, start, blocks: blocks.collect() });
        }
        batch
    }

    /// Two decode together, padded to the longer; two new tokens see one position less each.
    #[test]
    fn decoding_sequences_are_one_panel() {
        let got = panels(&batch(&[(2, 1), (1, 2), (0, 1)]), None);
        let hidden = f32::NEG_INFINITY;
        let decode = Panel {
            rows: vec![3, 0],
            tokens: 1,
            length: 3,
            slots: vec![6400, 6400, 6400, 0, 1, 2],
            mask: vec![0.0, hidden, hidden, 0.0, 0.0, 0.0],
        };
        let prefill = Panel {
            rows: vec![1, 2],
            tokens: 2,
            length: 3,
            slots: vec![3200, 3201, 3202],
            mask: vec![0.0, 0.0, hidden, 0.0, 0.0, 0.0],
        };
        assert_eq!(got, [decode, prefill]);
    }

    /// A window of 2 at position 33: slots 32 and 33, and nothing to hide.
    #[test]
    fn a_window_leaves_what_is_before_it() {
        let got = panels(&batch(&[(33, 1)]), Some(2));
        let slots = vec![BLOCK, BLOCK + 1];
        assert_eq!(got, [Panel { rows: vec![0], tokens: 1, length: 2, slots, mask: vec![] }]);
    }

    proptest! {
        #[test]
        fn every_row_sees_its_own_past(
            pieces in prop::collection::vec((0_usize..100, 1_usize..5), 1..12),
            window in prop::option::of(1_usize..70),
        ) {
            let batch = batch(&pieces);
            let all = panels(&batch, window);
            let mut rows: Vec<_> = all.iter().flat_map(|panel| panel.rows.clone()).collect();
            rows.sort_unstable();
            prop_assert!(rows.into_iter().eq(0..batch.sequences.last().unwrap().rows.end));
            for panel in all {
                for (index, &row) in panel.rows.iter().enumerate() {
                    let (number, sequence) = batch.sequences.iter().enumerate()
                        .find(|(_, sequence)| sequence.rows.contains(&row)).unwrap();
                    let own = sequence.start + row - sequence.rows.start;
                    let from = window.map_or(0, |window| (own + 1).saturating_sub(window));
                    let slots = &panel.slots[index / panel.tokens * panel.length..][..panel.length];
                    let seen: Vec<_> = slots.iter().enumerate()
                        .filter(|(j, _)| panel.mask.is_empty()
                            || panel.mask[index * panel.length + j].is_finite())
                        .map(|(_, &slot)| slot)
                        .collect();
                    let want: Vec<_> = (from..=own)
                        .map(|position| number * 100 * BLOCK + position)
                        .collect();
                    prop_assert_eq!(seen, want);
                }
            }
        }
    }
}
