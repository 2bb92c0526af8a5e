//! Compiles `kernels/` for this CPU with the system's C++ compiler, and calls what comes of it.

#![allow(unsafe_code, reason = "calls a C library")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, ffi, process};

use libloading::Library;
use mtok::engine::op::kernel::Launch;

/// A change to a source: what stands there once, and what stands there instead.
pub(crate) struct Change {
    pub(crate) file: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
}

/// The kernels, compiled for this CPU.
pub(crate) struct Emulator(Library);

type EmulateKernel = unsafe extern "C" fn(
    name: *const ffi::c_char,
    grid: *const u32,
    block: *const u32,
    shared_bytes: usize,
    seed: u64,
    argument: *const ffi::c_void,
    argument_bytes: usize,
) -> *const ffi::c_char;

impl Emulator {
    /// The kernels as they are.
    pub(crate) fn new() -> Self {
        Self::changed(&[])
    }

    /// The kernels with changes to their sources.
    pub(crate) fn changed(changes: &[Change]) -> Self {
        let path = library(&sources(changes), if changes.is_empty() { "-O1" } else { "-O0" });
        // SAFETY: the library was compiled from the sources beside this test, and its only code that
        // runs on loading is the C++ standard library's.
        Self(unsafe { Library::new(path) }.unwrap())
    }

    /// Runs a kernel; `Err` says what it did that it must not.
    ///
    /// `argument` is the kernel's own struct, and what it points to is as long as the kernel takes
    /// it to be: a kernel that goes beyond is undefined behaviour, as on a GPU.
    pub(crate) fn run<T: Copy>(
        &self,
        launch: &Launch,
        seed: u64,
        argument: &T,
    ) -> Result<(), String> {
        let name = ffi::CString::new(launch.kernel).unwrap();
        let (grid, block) = (launch.grid, [launch.threads, 1, 1]);
        // SAFETY: the function has this signature in `kernels/emulated.cc`; grid and block are three
        // numbers each; the argument's size is checked there. What comes back is null, or a string
        // that lives until this thread's next call.
        unsafe {
            let emulate = self.0.get::<EmulateKernel>(b"emulate_kernel").unwrap();
            let wrong = emulate(
                name.as_ptr(),
                grid.as_ptr(),
                block.as_ptr(),
                launch.shared_bytes as usize,
                seed,
                std::ptr::from_ref(argument).cast(),
                size_of::<T>(),
            );
            if wrong.is_null() {
                return Ok(());
            }
            Err(ffi::CStr::from_ptr(wrong).to_string_lossy().into_owned())
        }
    }
}

/// Name and text of every file under `kernels/` that the compiler reads.
fn sources(changes: &[Change]) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path
            .extension()
            .is_some_and(|e| ["cu", "cuh", "cc", "h"].iter().any(|known| e == *known))
        {
            files.push((name, fs_err::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    for Change { file, from, to } in changes {
        let (_, text) = files.iter_mut().find(|(name, _)| name == file).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file} has this once: {from}");
        *text = text.replace(from, to);
    }
    files
}

/// The shared library of these sources, compiled unless it was before.
fn library(sources: &[(String, String)], optimized: &str) -> PathBuf {
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let flags = ["-std=c++17", optimized, "-fPIC", "-shared", "-U_FORTIFY_SOURCE"];
    let mut hash = DefaultHasher::new();
    (sources, &compiler, flags).hash(&mut hash);
    let name = format!("kernels-{:016x}", hash.finish());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let ready = folder.join(format!("{name}.so"));
    if ready.exists() {
        return ready;
    }
    // Several tests may come here at once: each compiles in a folder of its own, and renames.
    let own = folder.join(format!("{name}-{}-{:?}", process::id(), std::thread::current().id()));
    fs_err::create_dir_all(&own).unwrap();
    for (name, text) in sources {
        fs_err::write(own.join(name), text).unwrap();
    }
    let output = own.join("kernels.so");
    let run = Command::new(&compiler)
        .args(flags)
        .arg("-Wno-unknown-pragmas")
        .args(["emulated.cc", "emulate_fibers.cc", "-o"])
        .arg(&output)
        .current_dir(&own)
        .output()
        .unwrap_or_else(|e| panic!("the kernels' tests need a C++ compiler, `{compiler}`: {e}"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs_err::rename(output, &ready).unwrap();
    fs_err::remove_dir_all(own).unwrap();
    ready
}
