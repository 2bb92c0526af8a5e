//! A stand-in for `libcuda.so.1` that has one device and supports CUDA 13.0.
//!
//! Beside a file named `no-device` it answers as a driver without a GPU does.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint};

#[path = "../fake_nvml/beside.rs"]
mod beside;

const SUCCESS: c_int = 0;
const INVALID_VALUE: c_int = 1;
const NO_DEVICE: c_int = 100;

/// `CUresult cuInit(unsigned int flags)`.
#[unsafe(no_mangle)]
pub extern "C" fn cuInit(flags: c_uint) -> c_int {
    match beside::file("no-device") {
        _ if flags != 0 => INVALID_VALUE,
        Some(_) => NO_DEVICE,
        None => SUCCESS,
    }
}

/// `CUresult cuDriverGetVersion(int *version)`.
///
/// # Safety
/// `version` is null or points to an integer that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> c_int {
    if version.is_null() {
        return INVALID_VALUE;
    }
    // SAFETY: not null, and else the caller's word.
    unsafe { *version = 13_000 };
    SUCCESS
}
