//! From packed weights to lanes of codes and scales, one step at a time.
//!
//! Each quantized format is a [`Grid`]: how its codes are unpacked and what its scales mean, as
//! constants, so that a kernel is compiled for each. What differs between formats is here; what they
//! share is in [`super::kernel`]. The contract of the `unsafe` functions is that of
//! [`super::super::simd`]; pointers are into a group of a [`super::super::Packed`] of that format,
//! moved by the first lane.

#![allow(unsafe_code, reason = "vector instructions")]
#![allow(unsafe_op_in_unsafe_fn, reason = "one contract holds for every function: see `simd`")]

use super::super::format::{LEVELS, Layout, POWERS, Rule, Stored};
use super::super::packed::{GROUP, PLANE_5, PLANE_6};
use super::super::simd::Simd;

/// A quantized format, as a type.
pub(super) trait Grid {
    const STORED: Stored;
    const LAYOUT: Layout = match Self::STORED.layout() {
        Some(layout) => layout,
        None => panic!("not a quantized format"),
    };
}

macro_rules! grids {
    ($($name:ident)*) => {
        $(
            #[allow(non_camel_case_types, reason = "the names are GGUF's")]
            pub(super) struct $name;
            impl Grid for $name {
                const STORED: Stored = Stored::$name;
            }
        )*
    };
}
grids!(Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K IQ4_NL MXFP4);

/// Whether codes have all eight bits, 128 above what they stand for.
#[inline(always)]
pub(super) fn wide<G: Grid>() -> bool {
    matches!(G::LAYOUT.rule, Rule::Offset(128) | Rule::Levels)
}

/// The codes of a step: vector `w` holds columns `4w` to `4w + 3`, a row in each lane.
#[inline(always)]
pub(super) unsafe fn codes<S: Simd, G: Grid>(from: *const u8) -> [S::I; 8] {
    const LINE: usize = GROUP * 4;
    if G::LAYOUT.bits == 8 {
        let load = |w: usize| S::bytes(from.add(w * LINE));
        return [load(0), load(1), load(2), load(3), load(4), load(5), load(6), load(7)];
    }
    let nibble = S::splat_byte(15);
    let pair = |at: usize| {
        let both = S::bytes(from.add(at * LINE));
        (S::and(both, nibble), S::and(S::down::<4>(both), nibble))
    };
    let pairs = [pair(0), pair(1), pair(2), pair(3)];
    let low = [
        pairs[0].0, pairs[0].1, pairs[1].0, pairs[1].1, pairs[2].0, pairs[2].1, pairs[3].0,
        pairs[3].1,
    ];
    match G::LAYOUT.bits {
        5 => {
            let plane = S::bytes(from.add(4 * LINE));
            [
                high::<S, { PLANE_5[0] }>(low[0], plane, 0x10),
                high::<S, { PLANE_5[1] }>(low[1], plane, 0x10),
                high::<S, { PLANE_5[2] }>(low[2], plane, 0x10),
                high::<S, { PLANE_5[3] }>(low[3], plane, 0x10),
                high::<S, { PLANE_5[4] }>(low[4], plane, 0x10),
                high::<S, { PLANE_5[5] }>(low[5], plane, 0x10),
                high::<S, { PLANE_5[6] }>(low[6], plane, 0x10),
                high::<S, { PLANE_5[7] }>(low[7], plane, 0x10),
            ]
        }
        6 => {
            let (first, second) = (S::bytes(from.add(4 * LINE)), S::bytes(from.add(5 * LINE)));
            [
                high::<S, { PLANE_6[0] }>(low[0], first, 0x30),
                high::<S, { PLANE_6[1] }>(low[1], first, 0x30),
                high::<S, { PLANE_6[2] }>(low[2], first, 0x30),
                high::<S, { PLANE_6[3] }>(low[3], first, 0x30),
                high::<S, { PLANE_6[0] }>(low[4], second, 0x30),
                high::<S, { PLANE_6[1] }>(low[5], second, 0x30),
                high::<S, { PLANE_6[2] }>(low[6], second, 0x30),
                high::<S, { PLANE_6[3] }>(low[7], second, 0x30),
            ]
        }
        _ => match G::LAYOUT.rule {
            Rule::Levels => looked_up::<S>(&const { above(LEVELS, 128) }, low),
            // Sixteen above, as the kernel's sums begin.
            Rule::Powers => looked_up::<S>(&const { above(POWERS, 16) }, low),
            _ => low,
        },
    }
}

/// The table's entries for all codes of a step.
#[inline(always)]
unsafe fn looked_up<S: Simd>(table: &[u8; 16], mut codes: [S::I; 8]) -> [S::I; 8] {
    // Not by `map`: a closure might stay outside the function that has the instructions.
    for codes in &mut codes {
        *codes = S::lookup(table, *codes);
    }
    codes
}

/// A table of values, moved up so that they have no sign.
const fn above(values: [i8; 16], offset: u8) -> [u8; 16] {
    let mut table = [0; 16];
    let mut code = 0;
    while code < table.len() {
        table[code] = values[code].cast_unsigned().wrapping_add(offset);
        code += 1;
    }
    table
}

/// Adds the bits of a plane, which begin at bit `AT` of each byte and belong from bit 4 on.
#[inline(always)]
unsafe fn high<S: Simd, const AT: u32>(low: S::I, plane: S::I, mask: u8) -> S::I {
    let moved = match AT {
        0 => S::up::<4>(plane),
        1 => S::up::<3>(plane),
        2 => S::up::<2>(plane),
        3 => S::up::<1>(plane),
        4 => plane,
        5 => S::down::<1>(plane),
        6 => S::down::<2>(plane),
        _ => S::down::<3>(plane),
    };
    S::or(low, S::and(moved, S::splat_byte(mask)))
}

/// What a span holds for its steps: `d` and `dmin`, in whichever way the steps need them.
#[inline(always)]
pub(super) unsafe fn head<S: Simd, G: Grid>(from: *const u8, lane: usize) -> [S::F; 2] {
    let field = |field: usize| S::load_f16(from.add((field * GROUP + lane) * 2));
    match G::LAYOUT.head {
        0 => [S::splat(0.0); 2],
        1 => [field(0); 2],
        _ => [field(0), S::mul(field(1), S::splat(-1.0))],
    }
}

/// A step's two numbers: a scale, and a second one which the rule explains: what is added for each
/// unit of the activations' sum ([`Rule::Minimum`], [`Rule::Nested`]), the scale of the second half
/// ([`Rule::Halves`]), or nothing.
#[inline(always)]
pub(super) unsafe fn scales<S: Simd, G: Grid>(
    from: *const u8,
    lane: usize,
    head: [S::F; 2],
) -> [S::F; 2] {
    let at = |field: usize| from.add((field * GROUP + lane) * G::LAYOUT.width);
    match G::LAYOUT.rule {
        Rule::Offset(_) | Rule::Levels => [S::load_f16(at(0)); 2],
        Rule::Powers => [S::load_power(at(0)); 2],
        Rule::Minimum => [S::load_f16(at(0)), S::load_f16(at(1))],
        Rule::Nested => [S::mul(head[0], S::load_u8(at(0))), S::mul(head[1], S::load_u8(at(1)))],
        Rule::Halves => [S::mul(head[0], S::load_i8(at(0))), S::mul(head[1], S::load_i8(at(1)))],
    }
}
