//! What `kernels/*.cu` are called with: their arguments, and the shape of each launch.
//!
//! Invariant: a struct here has the layout of the kernel's own, and a launch is within what every
//! GPU takes. The emulator refuses an argument of another size and a launch that isn't, so
//! `tests/kernels.rs`, which launches by what is written here, guards both.
//!
//! Addresses are numbers: a device's, or, emulated, this machine's.

use super::{BLOCK, KvType};

/// The shape of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Blocks, in x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block, in x.
    pub threads: u32,
    /// Bytes of dynamic shared memory.
    pub shared_bytes: u32,
}

/// Shared memory that a block has without asking for more, in bytes.
const SHARED_BYTES_MAX: u32 = 48 << 10;
/// What fixed arrays of a kernel take of it at most where it has dynamic ones, too.
const SHARED_BYTES_FIXED: u32 = 128;
/// Threads of a block where nothing else decides it.
const THREADS: u32 = 128;
/// Threads of a warp.
const LANES: u32 = 32;
/// The largest head that the attention kernels hold in registers.
pub const HEAD_MAX: u32 = 256;
/// Slots of a block of the cache.
pub const SLOTS: u32 = 32;
const _: () = assert!(SLOTS as usize == BLOCK && PART.is_multiple_of(SLOTS));
/// Positions of a part of a context, in the second version of attention.
pub const PART: u32 = 256;
/// The slot of a token that pads the batch.
pub const NO_SLOT: u32 = u32::MAX;

fn launch(kernel: &'static str, grid: [u32; 3], threads: u32, shared_bytes: u32) -> Option<Launch> {
    let fits = shared_bytes <= SHARED_BYTES_MAX - SHARED_BYTES_FIXED;
    fits.then_some(Launch { kernel, grid, threads, shared_bytes })
}

/// The argument of `residual_rmsnorm`; see there.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualRmsNorm {
    /// `[rows, cols]` of `f32`.
    pub y: u64,
    /// As `y`; changed in place.
    pub residual: u64,
    /// As `y`, or 0.
    pub delta: u64,
    /// `[cols]` of `f32`, or 0; only where there is `delta`.
    pub post: u64,
    /// `[cols]` of `f32`.
    pub weight: u64,
    /// Rows.
    pub rows: u32,
    /// Numbers in a row.
    pub cols: u32,
    /// What is added to the mean square.
    pub epsilon: f32,
    /// What is added to each weight.
    pub offset: f32,
}

impl ResidualRmsNorm {
    /// How many versions there are, cheapest idea first.
    pub const VERSIONS: u32 = 3;

    /// The launch of a version; `None` where it can't take this shape.
    pub fn launch(&self, version: u32) -> Option<Launch> {
        // A row of a small model is a few warps' work; a block of eight covers a large one's.
        let threads = self.cols.next_multiple_of(LANES).clamp(LANES, 256);
        match version {
            1 => launch("residual_rmsnorm_v1", [self.rows.div_ceil(LANES), 1, 1], LANES, 0),
            2 => launch("residual_rmsnorm_v2", [self.rows, 1, 1], threads, 0),
            3 => {
                let kept = self.cols.checked_mul(4)?;
                launch("residual_rmsnorm_v3", [self.rows, 1, 1], threads, kept)
            }
            _ => None,
        }
    }
}

/// The argument of `rope_kv_write`; see there.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeKvWrite {
    /// `[tokens, heads, head_size]` of `f32`; changed in place.
    pub q: u64,
    /// `[tokens, kv_heads, head_size]` of `f32`.
    pub k: u64,
    /// As `k`.
    pub v: u64,
    /// `[blocks, kv_heads, BLOCK, head_size]` of the cache's type.
    pub k_cache: u64,
    /// As `k_cache`.
    pub v_cache: u64,
    /// `[positions, rotary / 2]` of `f32`.
    pub cosines: u64,
    /// As `cosines`.
    pub sines: u64,
    /// `[head_size]` of `f32`, or 0.
    pub q_weight: u64,
    /// `[head_size]` of `f32`, or 0.
    pub k_weight: u64,
    /// `[tokens]` of `u32`.
    pub positions: u64,
    /// `[tokens]` of `u32`; [`NO_SLOT`] pads.
    pub slots: u64,
    /// Tokens.
    pub tokens: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Numbers in a head.
    pub head_size: u32,
    /// How many numbers of a head turn.
    pub rotary: u32,
    /// 1 where neighbours are a pair, 0 where halves are.
    pub interleaved: u32,
    /// What is added to a head's mean square.
    pub epsilon: f32,
    /// What is added to each weight.
    pub offset: f32,
}

impl RopeKvWrite {
    /// How many versions there are, cheapest idea first.
    pub const VERSIONS: u32 = 2;

    /// The launch of a version; `None` where it can't take this shape.
    pub fn launch(&self, version: u32, kv: KvType) -> Option<Launch> {
        let items = self.tokens.checked_mul(self.heads + 2 * self.kv_heads)?;
        let grid = |items_per_block: u32| [items.div_ceil(items_per_block), 1, 1];
        match (version, kv) {
            (1, KvType::F32) => launch("rope_kv_write_v1_f32", grid(THREADS), THREADS, 0),
            (1, KvType::F16) => launch("rope_kv_write_v1_f16", grid(THREADS), THREADS, 0),
            (2, KvType::F32) => launch("rope_kv_write_v2_f32", grid(THREADS / LANES), THREADS, 0),
            (2, KvType::F16) => launch("rope_kv_write_v2_f16", grid(THREADS / LANES), THREADS, 0),
            _ => None,
        }
    }
}

/// The argument of `paged_attention_decode`; see there.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PagedAttentionDecode {
    /// `[sequences, heads, head_size]` of `f32`; not touched by version 2.
    pub out: u64,
    /// `[sequences, heads, parts, head_size + 2]` of `f32`; not touched by version 1.
    pub partial: u64,
    /// `[sequences, heads, head_size]` of `f32`.
    pub q: u64,
    /// `[blocks, kv_heads, BLOCK, head_size]` of the cache's type.
    pub k_cache: u64,
    /// As `k_cache`.
    pub v_cache: u64,
    /// `[sequences, table_width]` of `u32`.
    pub tables: u64,
    /// `[sequences]` of `u32`: positions that are seen, the new token's included.
    pub contexts: u64,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Numbers in a head.
    pub head_size: u32,
    /// Blocks in a row of `tables`.
    pub table_width: u32,
    /// How many positions are seen at most; 0 is all.
    pub window: u32,
    /// Positions of a part: [`PART`].
    pub part: u32,
    /// What scores are multiplied with.
    pub scale: f32,
    /// The cap of scores; 0 is none.
    pub softcap: f32,
}

impl PagedAttentionDecode {
    /// How many versions there are, cheapest idea first. The second leaves its result in parts, for
    /// [`PagedAttentionMerge`].
    pub const VERSIONS: u32 = 2;

    /// Parts of the longest context that the tables hold.
    pub fn parts(&self) -> u32 {
        self.table_width.div_ceil(PART / SLOTS).max(1)
    }

    /// The launch of a version; `None` where it can't take this shape.
    pub fn launch(&self, version: u32, kv: KvType, sequences: u32) -> Option<Launch> {
        let (size, group) = (self.head_size, self.heads / self.kv_heads);
        if size > HEAD_MAX || group > 1024 / LANES {
            return None;
        }
        let whole = [self.heads, sequences, 1];
        let split = [self.kv_heads, sequences, self.parts()];
        // A block of keys, each row one longer than the head, and the group's queries.
        let shared = 4 * (SLOTS * (size + 1) + group * size);
        let threads = group * LANES;
        match (version, kv) {
            (1, KvType::F32) => launch("paged_attention_decode_v1_f32", whole, THREADS, 0),
            (1, KvType::F16) => launch("paged_attention_decode_v1_f16", whole, THREADS, 0),
            (2, KvType::F32) => launch("paged_attention_decode_v2_f32", split, threads, shared),
            (2, KvType::F16) => launch("paged_attention_decode_v2_f16", split, threads, shared),
            _ => None,
        }
    }
}

/// The argument of `paged_attention_merge`; see there.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PagedAttentionMerge {
    /// `[sequences, heads, head_size]` of `f32`.
    pub out: u64,
    /// `[sequences, heads, parts, head_size + 2]` of `f32`.
    pub partial: u64,
    /// Query heads.
    pub heads: u32,
    /// Numbers in a head.
    pub head_size: u32,
    /// Parts of a context.
    pub parts: u32,
}

impl PagedAttentionMerge {
    /// The launch.
    pub fn launch(&self, sequences: u32) -> Launch {
        let grid = [self.heads, sequences, 1];
        Launch { kernel: "paged_attention_merge", grid, threads: THREADS, shared_bytes: 0 }
    }
}
