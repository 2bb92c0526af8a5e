//! One GPU's spec sheet.

use crate::units::{Bytes, BytesPerSecond, FlopsPerSecond, Watts};
use jiff::civil::Date;

/// A number format that matrix units compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// bfloat16.
    Bf16,
    /// IEEE half precision.
    Fp16,
    /// Eight-bit floats.
    Fp8,
    /// Four-bit floats.
    Fp4,
}

/// What a GPU can do, by its vendor's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// What the command line calls it: `h100-sxm`.
    pub id: String,
    /// What people call it: `NVIDIA H100 SXM`.
    pub name: String,
    /// Other ids it answers to.
    pub aliases: Vec<String>,
    /// What NVML calls the device, exactly. Empty for GPUs that NVML doesn't see.
    pub device_names: Vec<String>,
    /// Nominal memory; a driver reports a little less.
    pub memory: Bytes,
    /// Peak memory bandwidth.
    pub bandwidth: BytesPerSecond,
    /// Power that it may draw for long. `None` where no source is clear.
    pub tdp: Option<Watts>,
    /// Where the figures come from.
    pub source: String,
    /// The day the source was read.
    pub date: Date,
    pub(super) bf16: Option<FlopsPerSecond>,
    pub(super) fp16: Option<FlopsPerSecond>,
    pub(super) fp8: Option<FlopsPerSecond>,
    pub(super) fp4: Option<FlopsPerSecond>,
}

impl Gpu {
    /// Peak dense arithmetic at a precision: without sparsity, with 32-bit sums where the vendor
    /// tells them apart. `None` where the chip lacks the precision or no source is clear.
    pub fn peak(&self, precision: Precision) -> Option<FlopsPerSecond> {
        match precision {
            Precision::Bf16 => self.bf16,
            Precision::Fp16 => self.fp16,
            Precision::Fp8 => self.fp8,
            Precision::Fp4 => self.fp4,
        }
    }
}
