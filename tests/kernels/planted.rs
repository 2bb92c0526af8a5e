//! Faults planted in the kernels, each of which must be found, and for what it is.

use mtok::engine::op::KvType;
use mtok::model::spec::Pairs;

use crate::SEEDS;
use crate::emulator::{Change, Emulator};
use crate::{attention, norm, rope};

/// The fault is seen in some order of the threads, and what is said of it holds `want`.
#[track_caller]
fn caught<T>(change: Change, want: &str, check: impl Fn(&Emulator, u64) -> Result<T, String>) {
    let emulator = Emulator::changed(&[change]);
    let said: Vec<_> = SEEDS.iter().filter_map(|&seed| check(&emulator, seed).err()).collect();
    assert!(!said.is_empty(), "the fault was not noticed");
    assert!(said.iter().any(|said| said.contains(want)), "`{want}` is not in {said:?}");
}

#[track_caller]
fn caught_in_norm(version: u32, change: Change, want: &str) {
    let case = norm::Case { rows: 3, cols: 576, delta: true, post: true, offset: 0.0 };
    caught(change, want, |emulator, seed| norm::check(emulator, version, case, seed).unwrap());
}

#[track_caller]
fn caught_in_attention(version: u32, change: Change, want: &str) {
    #[rustfmt::skip]
    let case = attention::Case {
        heads: 4, kv_heads: 2, head_size: 80, window: Some(50), softcap: None, contexts: &[0, 1, 100],
    };
    let check = attention::check::<f32>;
    caught(change, want, |emulator, seed| check(emulator, version, KvType::F32, case, seed));
}

#[track_caller]
fn caught_in_rope(version: u32, change: Change, want: &str) {
    #[rustfmt::skip]
    let case = rope::Case {
        tokens: 3, heads: 4, kv_heads: 2, head_size: 96, rotary: 72, pairs: Pairs::Halves,
        normed: true, offset: 0.0,
    };
    let check = rope::check::<f32>;
    caught(change, want, |emulator, seed| check(emulator, version, KvType::F32, case, seed));
}

#[test]
fn a_missing_barrier_before_a_sum_is_read() {
    let file = "device.cuh";
    let from = "parts[warp] = x;\n    __syncthreads();";
    caught_in_norm(3, Change { file, from, to: "parts[warp] = x;" }, "instead of");
}

#[test]
fn a_missing_barrier_before_a_sum_is_written_again() {
    let (file, from) = ("device.cuh", "    __syncthreads();  // whoever");
    caught_in_norm(2, Change { file, from, to: "    // whoever" }, "instead of");
}

#[test]
fn a_missing_barrier_before_keys_are_replaced() {
    let (file, from) = ("paged_attention_decode.cu", "__syncthreads();  // everybody");
    caught_in_attention(2, Change { file, from, to: "// everybody" }, "instead of");
}

#[test]
fn a_barrier_that_some_threads_pass_by() {
    let file = "device.cuh";
    let from = "if (lane == 0) parts[warp] = x;\n    __syncthreads();";
    let to = "if (lane == 0) { parts[warp] = x;\n    __syncthreads(); }";
    caught_in_norm(3, Change { file, from, to }, "wait");
}

#[test]
fn a_warp_that_some_lanes_have_left() {
    let (file, from) = ("rope_kv_write.cu", "const unsigned head = item % each();");
    let to = "const unsigned head = item % each(); if (lane == 31) return;";
    caught_in_rope(2, Change { file, from, to }, "31 of 32 threads of a warp wait");
}

#[test]
fn a_shared_array_that_is_too_small() {
    let (file, from) = ("paged_attention_decode.cu", "SHARED(float, sums, V1_WARPS)");
    let to = "SHARED(float, sums, V1_WARPS - 1)";
    caught_in_attention(1, Change { file, from, to }, "wrote behind a shared array");
}

#[test]
fn a_number_that_is_never_written() {
    let file = "residual_rmsnorm.cu";
    let from = "a.y[at + c] = kept[c]";
    let to = "if (c + 1 < a.cols) a.y[at + c] = kept[c]";
    caught_in_norm(3, Change { file, from, to }, "is NaN instead of");
}

#[test]
fn a_write_beside_an_array() {
    let file = "residual_rmsnorm.cu";
    let from = "a.y[at + c] = kept[c]";
    let to = "a.y[at + c] = a.y[a.rows * a.cols] = kept[c]";
    caught_in_norm(3, Change { file, from, to }, "wrote beside an array");
}

#[test]
fn a_window_that_is_one_too_long() {
    let (file, from) = ("paged_attention_decode.cu", "? context - window : 0");
    let to = "? context - window - 1 : 0";
    caught_in_attention(1, Change { file, from, to }, "instead of");
}

#[test]
fn a_mask_that_lets_an_empty_slot_through() {
    let (file, from) = ("paged_attention_decode.cu", "lane < high");
    caught_in_attention(2, Change { file, from, to: "lane <= high" }, "is NaN instead of");
}

#[test]
fn an_empty_place_that_is_divided_by_nothing() {
    let (file, from) = ("paged_attention_decode.cu", "sum != 0.f ? value / sum : 0.f");
    caught_in_attention(2, Change { file, from, to: "value / sum" }, "is NaN instead of");
}

#[test]
fn a_key_in_its_neighbours_slot() {
    let (file, from) = ("rope_kv_write.cu", "cache_at(slot / SLOTS, slot % SLOTS,");
    let to = "cache_at(slot / SLOTS, (slot + 1) % SLOTS,";
    caught_in_rope(1, Change { file, from, to }, "cache");
}

#[test]
fn a_sum_that_depends_on_the_batch() {
    let file = "residual_rmsnorm.cu";
    let from = "sum += x * x;\n    }\n    scale = a.scale(sum);";
    let to = "sum += x * x;\n    }\n    scale = a.scale(a.rows > 1 ? sum * 1.0000002f : sum);";
    caught(Change { file, from, to }, "another in a batch", |emulator, seed| {
        norm::same_alone(emulator, 1, seed)
    });
}
