//! Which device a model runs on.
//!
//! Invariant: what was demanded is used or refused; only `auto` chooses, and it says why not CUDA.

use super::{EngineError, panic_text};
use candle_core::Device;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// CUDA where this build and this machine have it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// The device that a choice led to.
#[derive(Debug, Clone)]
pub struct Placement {
    pub(super) device: Device,
    /// Why `auto` did not take CUDA.
    pub without_cuda: Option<String>,
}

impl Placement {
    /// Whether it is a CUDA device.
    pub fn is_cuda(&self) -> bool {
        self.device.is_cuda()
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// Where CUDA was demanded and this build or this machine has none.
    pub fn open(self) -> Result<Placement, EngineError> {
        let cpu = |without_cuda| Placement { device: Device::Cpu, without_cuda };
        match self {
            Self::Cuda => {
                let device = cuda().map_err(EngineError::NoCuda)?;
                Ok(Placement { device, without_cuda: None })
            }
            Self::Auto if cfg!(feature = "cuda") => Ok(match cuda() {
                Ok(device) => Placement { device, without_cuda: None },
                Err(why) => cpu(Some(why)),
            }),
            Self::Auto | Self::Cpu => Ok(cpu(None)),
        }
    }
}

/// The first CUDA device, or why there is none.
fn cuda() -> Result<Device, String> {
    if !cfg!(feature = "cuda") {
        return Err("this binary was built without CUDA".to_owned());
    }
    // Without a driver, the loader of libcuda panics instead of failing.
    catch_unwind(AssertUnwindSafe(|| Device::new_cuda(0)))
        .map_err(|payload| panic_text(payload.as_ref()))?
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_can_always_be_had() {
        assert!(!DeviceChoice::Cpu.open().unwrap().is_cuda());
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_build_without_cuda_refuses_it_and_says_the_way_out() {
        use crate::hint::{Fault, Hint};
        let error = DeviceChoice::Cuda.open().unwrap_err();
        assert_eq!(error.fault(), Fault::Environment);
        assert_eq!(error.to_string(), "no CUDA device: this binary was built without CUDA");
        assert!(error.hint().unwrap().contains("--features cuda"));
        assert!(!DeviceChoice::Auto.open().unwrap().is_cuda());
    }
}
