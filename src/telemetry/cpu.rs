//! The CPU side: what the machine is, this process's CPU time, the packages' energy.
//!
//! Invariant: what can't be read is `None`. Files are read below a given root, so that a test can lay
//! out a machine of its own.

use super::rapl::Rapl;
use crate::units::{Bytes, Joules, Seconds};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;

/// What a machine is, GPUs aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Operating system and kernel: `Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64`.
    pub os: String,
    /// The processor's name.
    pub cpu: Option<String>,
    /// Logical cores that this process may use.
    pub cores: u32,
    /// Physical memory.
    pub memory: Option<Bytes>,
}

impl Machine {
    /// This machine.
    pub fn read() -> Self {
        Self::below(Path::new("/"))
    }

    /// The machine whose `proc` and `etc` lie below a root; its cores are always this machine's.
    fn below(root: &Path) -> Self {
        let text = |path: &str| fs_err::read_to_string(root.join(path)).ok();
        let cpuinfo = text("proc/cpuinfo").unwrap_or_default();
        let meminfo = text("proc/meminfo").unwrap_or_default();
        Self {
            os: os(text("etc/os-release").as_deref(), text("proc/sys/kernel/osrelease").as_deref()),
            // `model name` on x86; ARM servers give only numbers there.
            cpu: value(&cpuinfo, "model name", ':').filter(|name| !name.is_empty()),
            cores: cores(),
            memory: value(&meminfo, "MemTotal", ':').and_then(|size| kibibytes(&size)),
        }
    }
}

/// Logical cores that this process may use: the scheduler's affinity mask, and the CPU quota of its
/// control group rounded down, whichever is less. Both are what `available_parallelism` looks at
/// (its documentation says so, for Linux).
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

/// `PRETTY_NAME="…"` of `os-release`, and the kernel.
fn os(release: Option<&str>, kernel: Option<&str>) -> String {
    let name = release
        .and_then(|release| value(release, "PRETTY_NAME", '='))
        .map(|name| name.trim_matches('"').to_owned())
        .filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| std::env::consts::OS.to_owned());
    match kernel.map(str::trim).filter(|kernel| !kernel.is_empty()) {
        Some(kernel) => format!("{name}, Linux {kernel}"),
        None => name,
    }
}

/// The value of the first line `key : value`.
fn value(text: &str, key: &str, separator: char) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
}

/// `16384256 kB`; the kernel's `kB` are 1024 bytes (`proc(5)`).
fn kibibytes(size: &str) -> Option<Bytes> {
    let number: u64 = size.strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024).map(Bytes)
}

/// Reads what the CPU has spent.
#[derive(Debug)]
pub(super) struct CpuMeter {
    rapl: Option<Rapl>,
}

impl CpuMeter {
    /// With the machine's files below a root.
    pub(super) fn open(root: &Path) -> Self {
        Self { rapl: Rapl::open(root) }
    }

    /// How many packages report their energy.
    pub(super) fn packages(&self) -> Option<usize> {
        self.rapl.as_ref().map(Rapl::packages)
    }

    /// Time that this process has spent on all cores since it started, in user code and in the kernel.
    #[expect(clippy::unused_self, reason = "a reading of the meter, like the other")]
    pub(super) fn time(&self) -> Option<Seconds> {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let nanos = u64::try_from(time.tv_nsec).ok()?;
        let seconds = u64::try_from(time.tv_sec).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(Seconds::from_nanos)
    }

    /// Energy of all packages since this meter was opened.
    pub(super) fn energy(&mut self) -> Option<Joules> {
        self.rapl.as_mut()?.energy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
    }

    #[test]
    fn a_machine_is_read() {
        let root = tempfile::tempdir().unwrap();
        lay(
            root.path(),
            &[
                (
                    "proc/cpuinfo",
                    "processor\t: 0\nmodel name\t: AMD EPYC 9575F 64-Core\nflags\t: fpu\n",
                ),
                ("proc/meminfo", "MemTotal:       16384256 kB\nMemFree:  12 kB\n"),
                ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
                (
                    "etc/os-release",
                    "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
                ),
            ],
        );
        let machine = Machine::below(root.path());
        assert_eq!(machine.os, "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64");
        assert_eq!(machine.cpu.as_deref(), Some("AMD EPYC 9575F 64-Core"));
        assert_eq!(machine.memory, Some(Bytes(16_777_478_144)));
        assert!(machine.cores >= 1);
    }

    #[test]
    fn what_is_not_told_is_missing() {
        let root = tempfile::tempdir().unwrap();
        lay(
            root.path(),
            &[("proc/cpuinfo", "CPU part\t: 0xd40\n"), ("proc/meminfo", "MemTotal: lots\n")],
        );
        let machine = Machine::below(root.path());
        assert_eq!((machine.cpu, machine.memory), (None, None));
        assert_eq!(machine.os, std::env::consts::OS);
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let meter = CpuMeter::open(Path::new("/nowhere"));
        let before = meter.time().unwrap();
        let mut sum = 0_u64;
        while meter.time().unwrap() <= before {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
