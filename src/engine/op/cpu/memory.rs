//! Memory as the kernels want it: aligned to cache lines, on huge pages, written by many threads.
//!
//! Invariant: [`Lines`] is zeroed when it is made and its bytes are always initialised; a part of a
//! [`Disjoint`] is lent to one borrower at a time, which its user promises.

#![allow(unsafe_code, reason = "views of one memory as bytes, and as disjoint parts")]

use std::collections::TryReserveError;
use std::marker::PhantomData;
use std::ops::Range;

/// A cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes that begin at a cache line.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// So many bytes of nought, rounded up to whole lines.
    pub(super) fn zeroed(bytes: usize) -> Result<Self, TryReserveError> {
        let mut lines = Self::default();
        lines.grow(bytes)?;
        Ok(lines)
    }

    /// Makes room for so many bytes; what was there stays.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), TryReserveError> {
        let lines = bytes.div_ceil(64);
        if lines > self.0.len() {
            let more = lines - self.0.len();
            self.0.try_reserve_exact(more)?;
            advise_huge_pages(self.0.spare_capacity_mut());
            self.0.resize(lines, Line([0; 64]));
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: lines are arrays of bytes without gaps.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 64) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and any bytes make a line.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * 64) }
    }
}

/// A slice whose parts are written by several threads.
#[derive(Debug)]
pub(super) struct Disjoint<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it lends only parts that do not overlap (`part`'s contract), as `split_at_mut` would.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}
// SAFETY: as for a mutable slice.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The part at `range`.
    ///
    /// # Safety
    /// While it is borrowed, nobody borrows a part that overlaps it.
    ///
    /// # Panics
    /// Where the range is not within the slice.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "the contract says what the compiler can't")]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        // SAFETY: within the slice, and lent once, by the contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// Asks for huge pages: a stream of weights then misses the address cache 512 times less. A kernel
/// that has none refuses, and reads a little slower.
#[cfg(target_os = "linux")]
fn advise_huge_pages(spare: &mut [std::mem::MaybeUninit<Line>]) {
    use std::ffi::{c_int, c_void};
    const PAGE: usize = 4096;
    // `uapi/asm-generic/mman-common.h`; the same on all that Rust's standard library supports.
    const MADV_HUGEPAGE: c_int = 14;
    // Less than two huge pages can't hold a whole one with certainty.
    const WORTHWHILE: usize = 4 << 20;
    unsafe extern "C" {
        /// `madvise(2)`
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    let bytes = size_of_val(spare);
    if bytes < WORTHWHILE {
        return;
    }
    let start = spare.as_mut_ptr().cast::<u8>();
    let skip = start.align_offset(PAGE);
    let Some(length) = bytes.checked_sub(skip) else { return };
    // SAFETY: the range is memory of ours, from a page's start on, and the advice changes nothing of
    // what is in it.
    unsafe { madvise(start.add(skip).cast(), length / PAGE * PAGE, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages(_spare: &mut [std::mem::MaybeUninit<Line>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_zeroed_and_keep_what_was_written() {
        let mut lines = Lines::zeroed(65).unwrap();
        assert_eq!(lines.bytes(), [0; 128]);
        lines.bytes_mut()[64] = 7;
        lines.grow(6 << 20).unwrap();
        assert_eq!(lines.bytes().as_ptr().align_offset(64), 0);
        assert_eq!((lines.bytes().len(), lines.bytes()[64]), (6 << 20, 7));
        assert!(lines.bytes()[65..].iter().all(|byte| *byte == 0));
    }

    #[test]
    #[should_panic(expected = "3..5 of 4")]
    fn a_part_outside_the_slice_is_refused() {
        let mut slice = [0; 4];
        let disjoint = Disjoint::new(&mut slice);
        // SAFETY: nothing else is borrowed.
        unsafe { disjoint.part(3..5) };
    }
}
