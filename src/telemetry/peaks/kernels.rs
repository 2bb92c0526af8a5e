//! The loops that drive a CPU to its peaks.
//!
//! On x86-64 they are written in assembly, so that they measure the CPU and not the compiler: the
//! same instructions run in every build profile and none can be folded away. The registers hold
//! zeros: no x86 multiplies faster or slower for that, and denormals, which can, are kept out.
//!
//! Invariant: the operations that a kernel states are those of one turn of its loop. Seen by holding
//! each against the CPU's clock, two instructions a cycle: on a Zen 5, 64.0 a cycle of 64 (AVX-512
//! FMA), 31.5 of 32 (AVX2 FMA), 254.7 of 256 (AVX-512 VNNI), 127.2 of 128 (AVX-VNNI). A miscount or
//! a chain that waits for itself would miss these by a sixteenth or more.
//!
//! Left out: AMX, which stable Rust can't detect and no engine here uses. A kernel that used it
//! could do more than these.

/// Cache lines, the grain of memory.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u64; 8]);

/// A loop that does arithmetic and nothing else.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    /// The instructions, for the record.
    pub(super) name: &'static str,
    /// What one turn does; a multiply-add is two operations.
    pub(super) operations: u64,
    /// Does so many turns.
    pub(super) run: fn(turns: u64),
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Line};
    use std::arch::{asm, is_x86_feature_detected};

    /// A counted loop with one step for each accumulator, in zeroed registers.
    ///
    /// Accumulators are independent of each other; there are as many as the registers allow: 14 of 16
    /// with 256 bits, 16 of 32 with 512. Two instructions a cycle with a latency of 4 or 5 need 10
    /// (latencies and ports: uops.info, Zen 2 to Zen 5 and Skylake to Sapphire Rapids).
    macro_rules! kernel {
        ($name:ident, $features:literal, $clear:literal, $step:ident, [$($acc:literal)*], [$($other:literal)*]) => {
            #[allow(unsafe_code)]
            #[target_feature(enable = $features)]
            fn $name(turns: u64) {
                // SAFETY: only registers are touched, those that any call may lose; the CPU has the
                // instructions, by `target_feature`; the loop ends, as the count starts above 0.
                unsafe {
                    asm!(
                        $(concat!($clear, " ", $acc, ", ", $acc, ", ", $acc),)*
                        $(concat!($clear, " ", $other, ", ", $other, ", ", $other),)*
                        "2:",
                        $($step!($acc),)*
                        "dec rcx",
                        "jnz 2b",
                        inout("rcx") turns.max(1) => _,
                        clobber_abi("C"),
                        options(nomem, nostack),
                    );
                }
            }
        };
    }

    macro_rules! wide {
        ($name:ident, $features:literal, $step:ident) => {
            kernel!($name, $features, "vpxord", $step,
                ["zmm0" "zmm1" "zmm2" "zmm3" "zmm4" "zmm5" "zmm6" "zmm7"
                 "zmm8" "zmm9" "zmm10" "zmm11" "zmm12" "zmm13" "zmm14" "zmm15"],
                ["zmm16" "zmm17" "zmm18"]);
        };
    }

    macro_rules! narrow {
        ($name:ident, $features:literal, $step:ident, [$($acc:literal)*], [$($other:literal)*]) => {
            kernel!($name, $features, "vpxor", $step,
                ["ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6"
                 "ymm7" "ymm8" "ymm9" "ymm10" "ymm11" "ymm12" $($acc)*],
                [$($other)*]);
        };
    }

    macro_rules! fma_512 {
        ($acc:literal) => {
            concat!("vfmadd231ps ", $acc, ", zmm16, zmm17")
        };
    }
    macro_rules! fma_256 {
        ($acc:literal) => {
            concat!("vfmadd231ps ", $acc, ", ymm14, ymm15")
        };
    }
    macro_rules! vnni_512 {
        ($acc:literal) => {
            concat!("vpdpbusd ", $acc, ", zmm16, zmm17")
        };
    }
    macro_rules! vnni_256 {
        ($acc:literal) => {
            concat!("{{vex}} vpdpbusd ", $acc, ", ymm14, ymm15")
        };
    }
    // Products of pairs into 16 bits, and their sum. Every kernel must also widen to 32 bits before
    // these overflow, after a number of steps of its choice; a bound leaves that out.
    macro_rules! maddubs_512 {
        ($acc:literal) => {
            concat!("vpmaddubsw zmm18, zmm16, zmm17\nvpaddw ", $acc, ", zmm18, ", $acc)
        };
    }
    macro_rules! maddubs_256 {
        ($acc:literal) => {
            concat!("vpmaddubsw ymm15, ymm13, ymm14\nvpaddw ", $acc, ", ymm15, ", $acc)
        };
    }

    wide!(run_fma_512, "avx512f", fma_512);
    wide!(run_vnni_512, "avx512f,avx512vnni", vnni_512);
    wide!(run_maddubs_512, "avx512f,avx512bw", maddubs_512);
    narrow!(run_fma_256, "avx2,fma", fma_256, ["ymm13"], ["ymm14" "ymm15"]);
    narrow!(run_vnni_256, "avx2,avxvnni", vnni_256, ["ymm13"], ["ymm14" "ymm15"]);
    narrow!(run_maddubs_256, "avx2", maddubs_256, [], ["ymm13" "ymm14" "ymm15"]);

    /// A kernel, where the CPU has what it needs: accumulators × lanes × 2.
    macro_rules! found {
        ($list:ident, $run:ident, $name:literal, $accumulators:literal * $lanes:literal, $($feature:tt),+) => {
            if $(is_x86_feature_detected!($feature))&&+ {
                #[allow(unsafe_code)]
                let run = |turns| {
                    // SAFETY: the features that it needs were found.
                    unsafe { $run(turns) }
                };
                $list.push(Kernel { name: $name, operations: $accumulators * $lanes * 2, run });
            }
        };
    }

    pub(in super::super) fn single_precision() -> Vec<Kernel> {
        let mut found = Vec::new();
        found!(found, run_fma_512, "AVX-512 FMA", 16 * 16, "avx512f");
        found!(found, run_fma_256, "AVX2 FMA", 14 * 8, "avx2", "fma");
        found
    }

    pub(in super::super) fn bytes() -> Vec<Kernel> {
        let mut found = Vec::new();
        found!(found, run_vnni_512, "AVX-512 VNNI", 16 * 64, "avx512f", "avx512vnni");
        found!(found, run_vnni_256, "AVX-VNNI", 14 * 32, "avx2", "avxvnni");
        found!(found, run_maddubs_512, "AVX-512 VPMADDUBSW", 16 * 64, "avx512f", "avx512bw");
        found!(found, run_maddubs_256, "AVX2 VPMADDUBSW", 13 * 32, "avx2");
        found
    }

    /// Reads every byte of whole blocks of four lines, the prefetcher helped along: 4 KiB ahead was the
    /// best or next to it, by up to 10 %, of 1 to 16 KiB on a Zen 5 (64 MiB to 1 GiB, 1 and 2 threads).
    #[allow(unsafe_code)]
    pub(in super::super) fn read(lines: &[Line]) {
        let blocks = lines.len() / 4;
        if blocks == 0 {
            return;
        }
        // SAFETY: the loads stay within the slice and are aligned, by the type's alignment; a
        // prefetch past its end does nothing. SSE2 is part of x86-64.
        unsafe {
            asm!(
                "2:",
                "prefetcht0 [{at} + 4096]", "prefetcht0 [{at} + 4160]",
                "prefetcht0 [{at} + 4224]", "prefetcht0 [{at} + 4288]",
                "movaps xmm0, [{at}]", "movaps xmm1, [{at} + 16]",
                "movaps xmm2, [{at} + 32]", "movaps xmm3, [{at} + 48]",
                "movaps xmm0, [{at} + 64]", "movaps xmm1, [{at} + 80]",
                "movaps xmm2, [{at} + 96]", "movaps xmm3, [{at} + 112]",
                "movaps xmm0, [{at} + 128]", "movaps xmm1, [{at} + 144]",
                "movaps xmm2, [{at} + 160]", "movaps xmm3, [{at} + 176]",
                "movaps xmm0, [{at} + 192]", "movaps xmm1, [{at} + 208]",
                "movaps xmm2, [{at} + 224]", "movaps xmm3, [{at} + 240]",
                "add {at}, 256",
                "dec {blocks}",
                "jnz 2b",
                at = inout(reg) lines.as_ptr() => _,
                blocks = inout(reg) blocks => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                options(readonly, nostack),
            );
        }
    }
}

/// Sums of products by what the compiler makes of plain code: a figure, not a bound.
#[allow(dead_code, reason = "for CPUs that have no kernel of their own")]
mod portable {
    use super::{Kernel, Line};
    use std::hint::black_box;

    const LANES: usize = 64;

    fn run_plain(turns: u64) {
        let (factor, summand) = (black_box(0.5_f32), black_box(0.25_f32));
        let mut sums = [1.0_f32; LANES];
        for _ in 0..turns {
            for sum in &mut sums {
                // Where there is no such instruction, `mul_add` would be a call.
                *sum = if cfg!(target_arch = "aarch64") {
                    sum.mul_add(factor, summand)
                } else {
                    *sum * factor + summand
                };
            }
        }
        black_box(sums);
    }

    pub(in super::super) fn single_precision() -> Vec<Kernel> {
        vec![Kernel { name: "portable loop", operations: LANES as u64 * 2, run: run_plain }]
    }

    pub(in super::super) fn bytes() -> Vec<Kernel> {
        Vec::new()
    }

    pub(in super::super) fn read(lines: &[Line]) {
        let mut seen = [0_u64; 8];
        for Line(words) in lines {
            for (seen, word) in seen.iter_mut().zip(words) {
                *seen |= word;
            }
        }
        black_box(seen);
    }
}

/// The kernels of this CPU for `f32`; never none.
pub(super) fn single_precision() -> Vec<Kernel> {
    #[cfg(target_arch = "x86_64")]
    {
        let found = x86::single_precision();
        if !found.is_empty() {
            return found;
        }
    }
    portable::single_precision()
}

/// The kernels of this CPU for products of bytes, if it has any.
pub(super) fn bytes() -> Vec<Kernel> {
    #[cfg(target_arch = "x86_64")]
    return x86::bytes();
    #[cfg(not(target_arch = "x86_64"))]
    portable::bytes()
}

/// Reads memory, from its first byte to its last.
pub(super) fn read(lines: &[Line]) {
    #[cfg(target_arch = "x86_64")]
    x86::read(lines);
    #[cfg(not(target_arch = "x86_64"))]
    portable::read(lines);
}
