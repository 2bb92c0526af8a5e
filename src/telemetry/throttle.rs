//! NVML's clock event bits, decoded.
//!
//! Invariant: no bit is dropped. A driver newer than this program may set one that it doesn't know;
//! that one is kept by its number. Guarded by the tests below.

use crate::record::reading::Throttle;

/// Bits in NVML's order, `nvmlClocksEventReason*` in `nvml.h` of the CUDA toolkit 13.
const BITS: [Throttle; 9] = [
    Throttle::GpuIdle,
    Throttle::ApplicationsClocksSetting,
    Throttle::SwPowerCap,
    Throttle::HwSlowdown,
    Throttle::SyncBoost,
    Throttle::SwThermalSlowdown,
    Throttle::HwThermalSlowdown,
    Throttle::HwPowerBrakeSlowdown,
    Throttle::DisplayClockSetting,
];

/// The reasons in a bit set; none where nothing holds the clocks.
pub(super) fn decode(bits: u64) -> Vec<Throttle> {
    (0..64_u8)
        .filter(|bit| bits >> bit & 1 == 1)
        .map(|bit| BITS.get(usize::from(bit)).copied().unwrap_or(Throttle::Other(bit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Throttle::{GpuIdle, HwSlowdown, HwThermalSlowdown, Other, SwPowerCap};

    #[track_caller]
    fn check(bits: u64, want: &[Throttle], slows: bool) {
        let got = decode(bits);
        assert_eq!(got, want, "{bits:#x}");
        assert_eq!(got.iter().any(|reason| reason.slows()), slows, "{bits:#x}");
    }

    #[test]
    fn bits_become_reasons() {
        check(0, &[], false);
        check(0x1, &[GpuIdle], false);
        check(0x4, &[SwPowerCap], true);
        check(0x48, &[HwSlowdown, HwThermalSlowdown], true);
        check(0x102, &[Throttle::ApplicationsClocksSetting, Throttle::DisplayClockSetting], false);
    }

    #[test]
    fn a_bit_that_is_not_known_is_kept() {
        check(0x205, &[GpuIdle, SwPowerCap, Other(9)], true);
        check(1 << 63, &[Other(63)], true);
    }
}
