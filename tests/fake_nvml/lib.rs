//! A stand-in for `libnvidia-ml.so.1`: H100-like GPUs that do as `script.rs` says.
//!
//! It is opened by the real binding, so that calls, structures, versions and return codes are those
//! that a driver sees. Functions that are not here are absent, as in an old driver.
//!
//! Keys: `gpus`, `gone` (a GPU that fell off the bus), `lost` (a GPU's refusal), `busy`, `memory_busy`, `memory_mib`, `milliwatts`, `energy_mj` (counter at tick 0),
//! `energy_step_mj` (per tick), `sm_mhz`, `memory_mhz`, `celsius`, `throttle` (bits), `mig`, `gpm`,
//! `gpm_lacks` (a metric's number), `gpm_nan` (a metric's number), `process` (share; absent: this
//! process isn't listed).
#![allow(unsafe_code, non_snake_case)]
#![allow(clippy::cast_possible_truncation, reason = "what a script says fits")]

mod beside;
mod script;

use nvml_wrapper_sys::bindings::{
    nvmlClockType_t, nvmlDevice_t, nvmlGpmMetricsGet_t, nvmlGpmSample_t, nvmlGpmSupport_t,
    nvmlMemory_v2_t, nvmlProcessUtilizationSample_t, nvmlReturn_t, nvmlTemperatureSensors_t,
    nvmlUtilization_t,
};
use script::{get, get_for, tick};
use std::ffi::{c_char, c_int, c_uint, c_ulonglong};
use std::sync::atomic::{AtomicU64, Ordering};

const SUCCESS: nvmlReturn_t = 0;
const INVALID_ARGUMENT: nvmlReturn_t = 2;
const NOT_SUPPORTED: nvmlReturn_t = 3;
const NOT_FOUND: nvmlReturn_t = 6;
const INSUFFICIENT_SIZE: nvmlReturn_t = 7;
const SM_CLOCK: nvmlClockType_t = 1;

/// Handles are addresses that nobody reads.
const FIRST_HANDLE: usize = 0x1000;

/// Times since tick 0 at which this process was sampled, in microseconds.
static SAMPLED: AtomicU64 = AtomicU64::new(0);

fn scripted(function: &str) -> nvmlReturn_t {
    get(function).or_else(|| get("every")).map_or(SUCCESS, |code| code as nvmlReturn_t)
}

fn handle(gpu: u64) -> nvmlDevice_t {
    std::ptr::without_provenance_mut(FIRST_HANDLE + gpu as usize)
}

fn of(device: nvmlDevice_t) -> u64 {
    (device.addr() - FIRST_HANDLE) as u64
}

fn uuid(gpu: u64) -> String {
    format!("GPU-00000000-fake-0000-0000-{gpu:012}")
}

/// The GPUs that are on the bus, in the order of their indices.
fn gpus() -> Vec<u64> {
    (0..get("gpus").unwrap_or(1)).filter(|gpu| get("gone") != Some(*gpu)).collect()
}

/// What is asked of one GPU is answered by its own lines.
fn say(device: nvmlDevice_t, key: &str, otherwise: u64) -> u64 {
    get_for(of(device), key).unwrap_or(otherwise)
}

/// # Safety
/// `to` is a buffer of `size` bytes.
unsafe fn write(text: &str, to: *mut c_char, size: c_uint) -> nvmlReturn_t {
    if text.len() + 1 > size as usize {
        return INSUFFICIENT_SIZE;
    }
    // SAFETY: the text and its end fit, by the line above.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), text.len());
        *to.add(text.len()) = 0;
    }
    SUCCESS
}

/// Functions of NVML. Each first does what the script says of it; with a device, first what the
/// script says of that device (`1.lost=15`).
macro_rules! nvml {
    ($($name:ident($($argument:ident: $type:ty),*) $body:block)*) => { $(
        #[allow(unused_unsafe, reason = "some touch no pointer")]
        #[doc = "See NVIDIA's NVML API reference."]
        ///
        /// # Safety
        /// The pointers are as NVML's reference says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> nvmlReturn_t {
            match scripted(stringify!($name)) {
                // SAFETY: the caller keeps NVML's contract, which is that of this function.
                SUCCESS => unsafe { $body },
                refusal => refusal,
            }
        }
    )* };
}

/// Answers that are one number of one device.
macro_rules! numbers {
    ($($name:ident($($skipped:ident: $skip:ty),*) -> $type:ty = |$device:ident| $answer:expr;)*) => {
        nvml! { $(
            $name($device: nvmlDevice_t, $($skipped: $skip,)* to: *mut $type) {
                let lost = say($device, "lost", 0) as nvmlReturn_t;
                if lost == SUCCESS {
                    *to = ($answer) as $type;
                }
                lost
            }
        )* }
    };
}

numbers! {
    nvmlDeviceGetPowerUsage() -> c_uint = |device| say(device, "milliwatts", 412_000);
    nvmlDeviceGetTotalEnergyConsumption() -> c_ulonglong = |device|
        say(device, "energy_mj", 7_000_000) + say(device, "energy_step_mj", 41_200) * script::now();
    nvmlDeviceGetClockInfo(clock: nvmlClockType_t) -> c_uint = |device|
        if clock == SM_CLOCK { say(device, "sm_mhz", 1_980) } else { say(device, "memory_mhz", 2_619) };
    nvmlDeviceGetTemperature(_sensor: nvmlTemperatureSensors_t) -> c_uint = |device|
        say(device, "celsius", 61);
    nvmlDeviceGetCurrentClocksThrottleReasons() -> c_ulonglong = |device| say(device, "throttle", 0);
    nvmlDeviceGetMigMode(pending: *mut c_uint) -> c_uint = |device| {
        *pending = say(device, "mig", 0) as c_uint;
        *pending
    };
}

nvml! {
    nvmlShutdown() { SUCCESS }
    nvmlSystemGetDriverVersion(to: *mut c_char, size: c_uint) { write("580.65.06", to, size) }
    nvmlSystemGetNVMLVersion(to: *mut c_char, size: c_uint) { write("13.580.65.06", to, size) }
    nvmlSystemGetCudaDriverVersion_v2(to: *mut c_int) { *to = 13_000; SUCCESS }
    nvmlDeviceGetCount_v2(to: *mut c_uint) { *to = gpus().len() as c_uint; SUCCESS }
    nvmlDeviceGetHandleByIndex_v2(index: c_uint, to: *mut nvmlDevice_t) {
        match gpus().get(index as usize) {
            Some(gpu) => { *to = handle(*gpu); SUCCESS }
            None => INVALID_ARGUMENT,
        }
    }
    nvmlDeviceGetHandleByUUID(name: *const c_char, to: *mut nvmlDevice_t) {
        let name = std::ffi::CStr::from_ptr(name).to_string_lossy();
        match gpus().into_iter().find(|gpu| uuid(*gpu) == name) {
            Some(gpu) => { *to = handle(gpu); SUCCESS }
            None => NOT_FOUND,
        }
    }
    nvmlDeviceGetName(_device: nvmlDevice_t, to: *mut c_char, size: c_uint) {
        write("NVIDIA H100 80GB HBM3", to, size)
    }
    nvmlDeviceGetUUID(device: nvmlDevice_t, to: *mut c_char, size: c_uint) {
        write(&uuid(of(device)), to, size)
    }
    nvmlDeviceGetMemoryInfo_v2(device: nvmlDevice_t, to: *mut nvmlMemory_v2_t) {
        let (total, used) = (80 << 30, say(device, "memory_mib", 1_024) << 20);
        let version = (*to).version;
        *to = nvmlMemory_v2_t { version, total, reserved: 0, free: total - used, used };
        SUCCESS
    }
    nvmlDeviceGetProcessUtilization(
        device: nvmlDevice_t, to: *mut nvmlProcessUtilizationSample_t, count: *mut c_uint,
        seen: c_ulonglong
    ) {
        let share = get_for(of(device), "process");
        if to.is_null() {
            *count = 2;
            return INSUFFICIENT_SIZE;
        }
        let sample = |pid, share| nvmlProcessUtilizationSample_t {
            pid,
            timeStamp: SAMPLED.fetch_add(1_000, Ordering::SeqCst).max(seen) + 1_000,
            smUtil: share as c_uint,
            memUtil: 0,
            encUtil: 0,
            decUtil: 0,
        };
        *to = sample(1, 5);
        *count = 1;
        if let Some(share) = share {
            *to.add(1) = sample(std::process::id(), share);
            *count = 2;
        }
        SUCCESS
    }
    nvmlGpmQueryDeviceSupport(device: nvmlDevice_t, to: *mut nvmlGpmSupport_t) {
        (*to).isSupportedDevice = say(device, "gpm", 1) as c_uint;
        SUCCESS
    }
    nvmlGpmSampleAlloc(to: *mut nvmlGpmSample_t) {
        *to = Box::into_raw(Box::new(0_u64)).cast();
        SUCCESS
    }
    nvmlGpmSampleFree(sample: nvmlGpmSample_t) {
        drop(Box::from_raw(sample.cast::<u64>()));
        SUCCESS
    }
    nvmlGpmSampleGet(device: nvmlDevice_t, sample: nvmlGpmSample_t) {
        if say(device, "gpm", 1) == 0 {
            return NOT_SUPPORTED;
        }
        // A sample is the time at which it was taken, and never 0.
        *sample.cast::<u64>() = SAMPLED.fetch_add(1, Ordering::SeqCst) + 1;
        SUCCESS
    }
    nvmlGpmMetricsGet(request: *mut nvmlGpmMetricsGet_t) {
        let request = &mut *request;
        let (before, now) = (*request.sample1.cast::<u64>(), *request.sample2.cast::<u64>());
        if before == 0 || now <= before {
            return INVALID_ARGUMENT;
        }
        for metric in &mut request.metrics[..request.numMetrics as usize] {
            let number = u64::from(metric.metricId);
            metric.nvmlReturn = if get("gpm_lacks") == Some(number) { NOT_SUPPORTED } else { SUCCESS };
            // Metric 2, the SMs' share, says 20 %, and so on.
            metric.value = if get("gpm_nan") == Some(number) {
                f64::NAN
            } else {
                10.0 * f64::from(metric.metricId)
            };
        }
        SUCCESS
    }
}

/// Starts the library, or refuses to from some tick on.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    beside::stay();
    tick();
    scripted("nvmlInit_v2")
}

/// The share of time, and the clock of the script.
///
/// # Safety
/// The pointers are as NVML's reference says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(
    device: nvmlDevice_t,
    to: *mut nvmlUtilization_t,
) -> nvmlReturn_t {
    if of(device) == 0 {
        tick();
    }
    let lost = say(device, "lost", 0) as nvmlReturn_t;
    match scripted("nvmlDeviceGetUtilizationRates") {
        SUCCESS if lost == SUCCESS => {
            let (gpu, memory) = (say(device, "busy", 97), say(device, "memory_busy", 41));
            // SAFETY: the caller's word.
            unsafe { *to = nvmlUtilization_t { gpu: gpu as c_uint, memory: memory as c_uint } };
            SUCCESS
        }
        SUCCESS => lost,
        refusal => refusal,
    }
}

/// `const char* nvmlErrorString(nvmlReturn_t)`.
#[unsafe(no_mangle)]
pub extern "C" fn nvmlErrorString(_code: nvmlReturn_t) -> *const c_char {
    c"scripted".as_ptr()
}
