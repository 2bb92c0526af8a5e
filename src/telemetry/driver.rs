//! Whether a CUDA driver is here, asked of the driver itself.
//!
//! A binary built without CUDA must be able to tell its user that there is a GPU it doesn't use, so
//! the library is opened at run time. Guarded by `tests/telemetry.rs` with a stand-in library.

use libloading::{Library, Symbol};
use std::ffi::{OsStr, OsString, c_int, c_uint};
use std::mem::ManuallyDrop;

/// Points to another CUDA driver library than the system's, for tests and for odd installations.
const LIBRARY_VARIABLE: &str = "MTOK_CUDA_LIB";

/// The name under which the driver installs the library.
const LIBRARY: &str = "libcuda.so.1";

/// A CUDA driver that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// The CUDA version that it supports: 1000 × major + 10 × minor.
    version: c_int,
}

/// As CUDA versions are written: `13.0`.
impl std::fmt::Display for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.version / 1000, self.version % 1000 / 10)
    }
}

/// The CUDA driver of this machine, or the one that `MTOK_CUDA_LIB` names. `None` where there is no
/// library, or where it finds no device to drive, as in a container without its GPU.
pub fn cuda_driver() -> Option<Driver> {
    let library: OsString = std::env::var_os(LIBRARY_VARIABLE).unwrap_or_else(|| LIBRARY.into());
    cuda_driver_in(&library)
}

/// The CUDA driver in a library, by name or path.
///
/// `cuInit` and `cuDriverGetVersion` of the driver API; both answer 0 where all is well.
#[allow(unsafe_code)]
pub fn cuda_driver_in(library: &OsStr) -> Option<Driver> {
    // SAFETY: the library is NVIDIA's driver or, by the user's own word, one that stands in for it;
    // its initialisers are trusted as those of any library that this program links.
    let library = unsafe { Library::new(library) }.ok()?;
    // A driver that was initialised may have threads of its own: it stays loaded.
    let library = ManuallyDrop::new(library);
    // SAFETY: `CUresult cuInit(unsigned int)`, CUDA Driver API, section "Initialization".
    let init: Symbol<unsafe extern "C" fn(c_uint) -> c_int> =
        unsafe { library.get(b"cuInit\0") }.ok()?;
    // SAFETY: `CUresult cuDriverGetVersion(int*)`, CUDA Driver API, section "Version Management".
    let get_version: Symbol<unsafe extern "C" fn(*mut c_int) -> c_int> =
        unsafe { library.get(b"cuDriverGetVersion\0") }.ok()?;
    // SAFETY: the flags must be 0, and are.
    if unsafe { init(0) } != 0 {
        return None;
    }
    let mut version = 0;
    // SAFETY: the pointer is to a live integer, which the call fills in.
    if unsafe { get_version(&raw mut version) } != 0 || version <= 0 {
        return None;
    }
    Some(Driver { version })
}
