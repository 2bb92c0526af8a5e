//! Files beside the library that this code is part of. A test copies the library into a folder of its
//! own, so that every test has its own script and its own counters, whatever runs beside it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::PathBuf;
use std::sync::Once;

/// `Dl_info` of `dladdr(3)`.
#[repr(C)]
struct DlInfo {
    path: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
}

/// The text of a file in this library's folder.
pub(crate) fn file(name: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods)] // a library for tests; what it lacks, it does without
    std::fs::read_to_string(library()?.parent()?.join(name)).ok()
}

/// Where this library lies.
fn library() -> Option<PathBuf> {
    let mut info = DlInfo {
        path: std::ptr::null(),
        base: std::ptr::null_mut(),
        symbol: std::ptr::null(),
        address: std::ptr::null_mut(),
    };
    // SAFETY: the address is that of a function of this library, and the structure is as declared.
    let found = unsafe { dladdr(library as *const c_void, &raw mut info) };
    if found == 0 || info.path.is_null() {
        return None;
    }
    // SAFETY: the loader's own string, which lives as long as this library is loaded.
    let path = unsafe { CStr::from_ptr(info.path) };
    Some(PathBuf::from(path.to_str().ok()?))
}

/// Keeps this library and its counters in memory when it is closed, to be found again by the next
/// opening, as a driver's state is.
#[allow(dead_code)] // not every library has counters
pub(crate) fn stay() {
    static STAY: Once = Once::new();
    STAY.call_once(|| {
        // SAFETY: the library is this one, which is initialised.
        let again = library().and_then(|path| unsafe { libloading::Library::new(path) }.ok());
        std::mem::forget(again);
    });
}
