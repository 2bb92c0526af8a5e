//! Products of packed weights and activations.
//!
//! `out[m, r] = Σ_k weight[r, k] · input[m, k] (+ bias[r])`, several products over one input in one
//! parallel region, or two that are gated into one output. The outputs are split into tasks by groups
//! of weights' rows and, where there are many activations, by blocks of these that stay in a core's
//! cache while the weights stream past.
//!
//! Invariant: an output depends on its row of weights and its row of activations alone: not on the
//! rows beside it, the other products, the number of threads or the split into tasks. It does depend
//! on the instructions ([`Isa`]) in its last bits. Guarded by the tests below.

mod gate;
mod kernel;
#[cfg(test)]
pub(super) mod tests;
mod unpack;

pub use gate::Activation;

use super::activation::{Input, TILE};
use super::format::Stored;
use super::isa::{Isa, Run, Set};
use super::memory::Disjoint;
use super::packed::{GROUP, Packed};
use super::pool::Pool;
use gate::Gate;
use kernel::{Codes, Columns, Operands, Parts, Whole};

/// One product of several over one input.
#[derive(Debug)]
pub struct Product<'a> {
    /// The weights.
    pub weight: &'a Packed,
    /// What is added to each output, one for each row of the weights.
    pub bias: Option<&'a [f32]>,
    /// The activations, prepared for these weights.
    pub input: &'a Input<'a>,
    /// The outputs: [`Packed::rows`] for each row of the input.
    pub out: &'a mut [f32],
}

/// Computes the products.
///
/// # Panics
/// Where an input was not prepared for its weight, or where sizes don't fit each other.
pub fn matmul(pool: &Pool, isa: Isa, products: &mut [Product<'_>]) {
    let jobs: Vec<_> = products
        .iter_mut()
        .map(|product| {
            if let Some(bias) = product.bias {
                assert_eq!(bias.len(), product.weight.rows(), "biases for rows of weights");
            }
            let operand = Operand::new(isa, product.weight, product.input);
            assert_eq!(
                product.out.len(),
                product.weight.rows() * product.input.rows(),
                "outputs of a product"
            );
            (operand, product.bias, Disjoint::new(product.out))
        })
        .collect();
    let shares: Vec<_> = jobs.iter().map(|(operand, ..)| operand.share()).collect();
    in_tasks(pool, &shares, &|job, group, tile, [lanes, _]| {
        let (operand, bias, out) = &jobs[job];
        operand.compute(group, tile, lanes);
        let first = group * GROUP;
        let rows = operand.weight.rows();
        let width = GROUP.min(rows - first);
        for (lanes, row) in lanes.0.as_chunks::<GROUP>().0.iter().zip(operand.rows_of(tile)) {
            #[allow(unsafe_code, reason = "outputs are written in parallel")]
            // SAFETY: these outputs are those of this group and this row, which one task has.
            let out = unsafe { out.part(row * rows + first..row * rows + first + width) };
            match bias {
                None => out.copy_from_slice(&lanes[..width]),
                Some(bias) => {
                    for ((out, lane), bias) in out.iter_mut().zip(lanes).zip(&bias[first..]) {
                        *out = lane + bias;
                    }
                }
            }
        }
    });
}

/// Computes `activation(gate · input) ⊙ (up · input)`.
///
/// # Panics
/// Where the input was not prepared for the weights, or where sizes don't fit each other.
pub fn gated(
    pool: &Pool,
    isa: Isa,
    gate: &Packed,
    up: &Packed,
    input: &Input<'_>,
    activation: Activation,
    out: &mut [f32],
) {
    let rows = gate.rows();
    assert_eq!(rows, up.rows(), "rows of gate and up");
    let (gate, up) = (Operand::new(isa, gate, input), Operand::new(isa, up, input));
    assert_eq!(out.len(), rows * input.rows(), "outputs of a product");
    let out = Disjoint::new(out);
    in_tasks(pool, &[gate.share().with(&up.share())], &|_, group, tile, [gates, ups]| {
        gate.compute(group, tile, gates);
        up.compute(group, tile, ups);
        let first = group * GROUP;
        let width = GROUP.min(rows - first);
        let count = gate.rows_of(tile).len();
        #[allow(unsafe_code, reason = "compiled for instructions that an `Isa` vouches for")]
        // SAFETY: the CPU has the instructions of an `Isa`; the work asks for no more.
        unsafe {
            let gates = &mut gates.0[..count * GROUP];
            isa.run::<Gate<'_>>()(Gate { gates, ups: &ups.0, activation });
        }
        for (lanes, row) in gates.0.as_chunks::<GROUP>().0.iter().zip(gate.rows_of(tile)) {
            #[allow(unsafe_code, reason = "outputs are written in parallel")]
            // SAFETY: these outputs are those of this group and this row, which one task has.
            let out = unsafe { out.part(row * rows + first..row * rows + first + width) };
            out.copy_from_slice(&lanes[..width]);
        }
    });
}

/// What a tile's outputs are before they go where they belong: a group's lanes for each row.
#[repr(align(64))]
struct Lanes([f32; TILE * GROUP]);

/// Weights, activations, and the kernels for both.
struct Operand<'a> {
    weight: &'a Packed,
    input: &'a Input<'a>,
    /// For a full tile, and for what is left.
    kernels: [Run<Operands>; 2],
}

impl<'a> Operand<'a> {
    fn new(isa: Isa, weight: &'a Packed, input: &'a Input<'a>) -> Self {
        assert_eq!(weight.cols(), input.cols(), "columns of weights and activations");
        let last = input.rows() % TILE;
        let size = if weight.stored().is_quantized() {
            let quantized = input.quantized();
            assert!(quantized.is_some_and(|quantized| quantized.rows() == input.rows()));
            super::activation::size_for(last)
        } else {
            last
        };
        let kernels = [TILE, size].map(|size| pick(isa, weight.stored(), size));
        Self { weight, input, kernels }
    }

    /// The rows of activations in a tile.
    fn rows_of(&self, tile: usize) -> std::ops::Range<usize> {
        tile * TILE..self.input.rows().min((tile + 1) * TILE)
    }

    /// One group of weights times one tile of activations.
    fn compute(&self, group: usize, tile: usize, out: &mut Lanes) {
        let cols = self.weight.cols();
        let rows = self.rows_of(tile);
        let (x, size) = match self.input.quantized() {
            Some(quantized) if self.weight.stored().is_quantized() => {
                let (steps, size) = quantized.tile(tile);
                (steps.as_ptr(), size)
            }
            _ => (self.input.floats()[rows.start * cols..].as_ptr().cast(), rows.len()),
        };
        let kernel = self.kernels[usize::from(rows.len() < TILE)];
        let group = self.weight.group(group).as_ptr();
        #[allow(unsafe_code, reason = "kernels read and write by pointers")]
        // SAFETY: the kernel is the one for these weights and, `Whole`, this size; the CPU has its
        // instructions. The group has `cols` columns, the tile `size` rows of as many, by the
        // assertions in `new`; the output has room for any tile.
        unsafe {
            kernel(Operands { group, cols, x, size, out: out.0.as_mut_ptr() });
        }
    }

    fn share(&self) -> Share {
        Share {
            groups: self.weight.groups(),
            group_bytes: self.weight.bytes() / self.weight.groups().max(1),
            rows: self.input.rows(),
            cols: self.input.cols(),
        }
    }
}

/// The kernel for weights of a format and tiles of `size` rows.
fn pick(isa: Isa, stored: Stored, size: usize) -> Run<Operands> {
    match stored {
        Stored::F32 => floating::<kernel::F32>(isa),
        Stored::F16 => floating::<kernel::F16>(isa),
        Stored::BF16 => floating::<kernel::BF16>(isa),
        Stored::Q4_0 => quantized::<unpack::Q4_0>(isa, size),
        Stored::Q4_1 => quantized::<unpack::Q4_1>(isa, size),
        Stored::Q5_0 => quantized::<unpack::Q5_0>(isa, size),
        Stored::Q5_1 => quantized::<unpack::Q5_1>(isa, size),
        Stored::Q8_0 => quantized::<unpack::Q8_0>(isa, size),
        Stored::Q4_K => quantized::<unpack::Q4_K>(isa, size),
        Stored::Q5_K => quantized::<unpack::Q5_K>(isa, size),
        Stored::Q6_K => quantized::<unpack::Q6_K>(isa, size),
        Stored::IQ4_NL => quantized::<unpack::IQ4_NL>(isa, size),
        Stored::MXFP4 => quantized::<unpack::MXFP4>(isa, size),
    }
}

fn quantized<G: unpack::Grid>(isa: Isa, size: usize) -> Run<Operands> {
    #[cfg(target_arch = "x86_64")]
    if isa.0 == Set::Avx512 {
        return match size {
            1 => isa.run::<Whole<Codes<G>, 1>>(),
            2 => isa.run::<Whole<Codes<G>, 2>>(),
            4 => isa.run::<Whole<Codes<G>, 4>>(),
            8 => isa.run::<Whole<Codes<G>, 8>>(),
            _ => isa.run::<Whole<Codes<G>, TILE>>(),
        };
    }
    _ = size;
    isa.run::<Parts<Codes<G>, 4>>()
}

fn floating<W: kernel::Float>(isa: Isa) -> Run<Operands> {
    #[cfg(target_arch = "x86_64")]
    if isa.0 == Set::Avx512 {
        return isa.run::<Parts<Columns<W>, 8>>();
    }
    isa.run::<Parts<Columns<W>, 4>>()
}

/// The work on one operand, or on several that are computed together.
#[derive(Debug, Clone, Copy)]
struct Share {
    groups: usize,
    group_bytes: usize,
    rows: usize,
    cols: usize,
}

impl Share {
    /// As much work on a second operand of the same shape.
    fn with(self, other: &Self) -> Self {
        Self { group_bytes: self.group_bytes + other.group_bytes, ..self }
    }
}

/// Tasks for each thread: enough to level out a thread that is held back, few enough for their
/// handing out to cost nothing.
const TASKS_PER_THREAD: usize = 8;
/// Weights in a task at least: what a core reads in some hundreds of nanoseconds.
const TASK_BYTES: usize = 16 << 10;
/// Activations that stay in a core's second-level cache beside the weights that stream past.
const BLOCK_BYTES: usize = 384 << 10;

/// What is done with a share's group and tile, given room for the outputs of two operands.
type Body<'a> = dyn Fn(usize, usize, usize, &mut [Lanes; 2]) + Sync + 'a;

/// Calls `body(share, group, tile, …)` for all groups and tiles of the shares, in parallel.
fn in_tasks(pool: &Pool, shares: &[Share], body: &Body<'_>) {
    let Some(widest) = shares.iter().max_by_key(|share| share.cols) else { return };
    // One input, so one number of rows, for all that are called here; else the larger decides.
    let tiles = shares.iter().map(|share| share.rows.div_ceil(TILE)).max().unwrap_or(0);
    let tile_bytes = TILE * widest.cols.max(1) * 2;
    let block = (BLOCK_BYTES / tile_bytes).clamp(1, tiles.max(1));
    let blocks = tiles.div_ceil(block);
    let bytes: usize = shares.iter().map(|share| share.groups * share.group_bytes).sum();
    let wanted = (pool.threads() * TASKS_PER_THREAD).div_ceil(blocks.max(1)).max(1);
    let chunk_bytes = (bytes / wanted).max(TASK_BYTES);
    let chunk = |share: &Share| (chunk_bytes / share.group_bytes.max(1)).max(1);
    let chunks: Vec<_> = shares.iter().map(|share| share.groups.div_ceil(chunk(share))).collect();
    let per_block: usize = chunks.iter().sum();
    pool.run(per_block * blocks, &|task| {
        let (first_tile, mut index) = (task / per_block * block, task % per_block);
        let mut job = 0;
        while index >= chunks[job] {
            index -= chunks[job];
            job += 1;
        }
        let share = &shares[job];
        let groups = index * chunk(share)..share.groups.min((index + 1) * chunk(share));
        let tiles = first_tile..share.rows.div_ceil(TILE).min(first_tile + block);
        let mut lanes = [const { Lanes([0.0; TILE * GROUP]) }; 2];
        for group in groups {
            for tile in tiles.clone() {
                body(job, group, tile, &mut lanes);
            }
        }
    });
}
