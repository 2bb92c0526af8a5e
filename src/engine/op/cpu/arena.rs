//! Rows of activations, and the memory that they come from.
//!
//! A step makes a dozen tensors a layer. Fresh memory for each would be page faults in every one, so
//! a tensor that is dropped gives its memory back for the next.

use super::memory::Disjoint;
use std::sync::{Arc, Mutex, PoisonError};

/// Memory for tensors, used again and again.
#[derive(Debug, Default)]
pub(super) struct Arena(Arc<Mutex<Vec<Vec<f32>>>>);

/// `[rows, cols]` of `f32`, row by row.
#[derive(Debug)]
pub struct Tensor {
    numbers: Vec<f32>,
    rows: usize,
    cols: usize,
    home: Arc<Mutex<Vec<Vec<f32>>>>,
}

impl Arena {
    /// A tensor with any content.
    pub(super) fn take(&self, rows: usize, cols: usize) -> Tensor {
        let length = rows * cols;
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough, else the largest, which grows.
        let best = free
            .iter()
            .enumerate()
            .min_by_key(|(_, one)| {
                if one.len() >= length { (0, one.len()) } else { (1, usize::MAX - one.len()) }
            })
            .map(|(index, _)| index);
        let mut numbers = best.map(|index| free.swap_remove(index)).unwrap_or_default();
        drop(free);
        if numbers.len() < length {
            numbers.resize(length, 0.0);
        }
        Tensor { numbers, rows, cols, home: Arc::clone(&self.0) }
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        self.home.lock().unwrap_or_else(PoisonError::into_inner).push(numbers);
    }
}

impl Tensor {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn all(&self) -> &[f32] {
        &self.numbers[..self.rows * self.cols]
    }

    pub(super) fn all_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[..self.rows * self.cols]
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.all()[row * self.cols..(row + 1) * self.cols]
    }

    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let cols = self.cols;
        &mut self.all_mut()[row * cols..(row + 1) * cols]
    }

    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let cols = self.cols.max(1);
        self.all_mut().chunks_exact_mut(cols)
    }

    /// Its rows, for several threads.
    pub(super) fn parts(&mut self) -> Rows<'_> {
        let cols = self.cols;
        Rows { all: Disjoint::new(self.all_mut()), cols }
    }
}

/// The rows of a tensor, each used by one task.
pub(super) struct Rows<'a> {
    all: Disjoint<'a, f32>,
    cols: usize,
}

impl Rows<'_> {
    /// A row. Only for a task that has it to itself: rows are handed out by `Cpu::rows`, each once.
    #[allow(clippy::mut_from_ref, reason = "each row goes to one task")]
    pub(super) fn row(&self, row: usize) -> &mut [f32] {
        #[allow(unsafe_code, reason = "rows are written in parallel")]
        // SAFETY: one task for each row, by this module's users.
        unsafe {
            self.all.part(row * self.cols..(row + 1) * self.cols)
        }
    }
}
