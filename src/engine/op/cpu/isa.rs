//! Which instructions the products use: chosen once, at run time, from what the CPU has.
//!
//! Invariant: an [`Isa`] is only ever made for a CPU that has its instructions, so that holding one
//! is the proof that the kernels need. The variants are therefore made by [`Isa::available`] alone.

use super::simd::Simd;
use super::simd::portable::Portable;

/// A set of instructions that this CPU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa(pub(super) Set);

/// The sets that there are kernels for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Set {
    /// AVX-512 F, BW and VNNI: 16 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2, FMA, F16C and AVX-VNNI: 8 lanes, 16 registers.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What any CPU has.
    Portable,
}

impl Isa {
    /// The best that this CPU has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All that this CPU has, best first; the portable set is always the last.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            if avx2 && has!("avx512f") && has!("avx512bw") && has!("avx512vnni") {
                found.push(Self(Set::Avx512));
            }
            if avx2 && has!("avxvnni") {
                found.push(Self(Set::AvxVnni));
            }
            if avx2 {
                found.push(Self(Set::Avx2));
            }
        }
        found.push(Self(Set::Portable));
        found
    }

    /// Its name, for the head of a record.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "AVX-512 VNNI",
            #[cfg(target_arch = "x86_64")]
            Set::AvxVnni => "AVX-VNNI",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "AVX2",
            Set::Portable => "portable",
        }
    }
}

/// Something to compute with the instructions of a set.
#[allow(unsafe_code, reason = "kernels work on pointers")]
pub(super) trait Work {
    /// What it works on.
    type Input;

    /// Computes it. Must be inlined, as the instructions are the caller's.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`; and what the implementor asks for.
    unsafe fn run<S: Simd>(input: Self::Input);
}

/// A function that computes some work with the instructions of one set.
pub(super) type Run<Input> = unsafe fn(Input);

impl Isa {
    /// The function that computes such work with these instructions.
    ///
    /// It is unsafe to call for the sake of the work alone: the CPU has the instructions, as the
    /// invariant says.
    pub(super) fn run<W: Work>(self) -> Run<W::Input> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => x86::avx512::<W>,
            #[cfg(target_arch = "x86_64")]
            Set::AvxVnni => x86::avx_vnni::<W>,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => x86::avx2::<W>,
            Set::Portable => portable::<W>,
        }
    }
}

#[allow(unsafe_code, reason = "as unsafe as its work")]
unsafe fn portable<W: Work>(input: W::Input) {
    // SAFETY: every CPU has what the portable set needs; the caller answers for the work.
    unsafe {
        W::run::<Portable>(input);
    }
}

/// The functions that are compiled for more than the target's least CPU.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "instructions that not every CPU has")]
mod x86 {
    use super::super::simd::{avx2::Avx2, avx512::Avx512};
    use super::Work;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma,f16c")]
    pub(super) unsafe fn avx512<W: Work>(input: W::Input) {
        // SAFETY: the instructions are those of this function's own contract.
        unsafe {
            W::run::<Avx512>(input);
        }
    }

    #[target_feature(enable = "avxvnni,avx2,fma,f16c")]
    pub(super) unsafe fn avx_vnni<W: Work>(input: W::Input) {
        // SAFETY: as above.
        unsafe {
            W::run::<Avx2<true>>(input);
        }
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) unsafe fn avx2<W: Work>(input: W::Input) {
        // SAFETY: as above.
        unsafe {
            W::run::<Avx2<false>>(input);
        }
    }
}
