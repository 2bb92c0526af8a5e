//! The energy counters of Intel's and AMD's CPU packages (RAPL), as Linux shows them.
//!
//! Linux: `Documentation/power/powercap/powercap.rst`. A counter in microjoules that falls back to
//! zero past `max_energy_range_uj`, which at 200 W happens every 20 minutes or so. Since 2020 the
//! files are readable by root alone (CVE-2020-8694), so this is often missing.
//!
//! Invariant: the sum never falls and counts no joule twice: zones within a package and `psys`, which
//! holds the packages, are left out; a reading in which one package fails is no reading.

use crate::units::Joules;
use std::path::{Path, PathBuf};

/// The machine's packages, and what they have used since this was opened.
#[derive(Debug)]
pub(super) struct Rapl {
    packages: Vec<Package>,
    microjoules: u64,
}

#[derive(Debug)]
struct Package {
    counter: PathBuf,
    /// The counter falls to zero past this.
    range: u64,
    last: u64,
}

impl Rapl {
    /// The packages below `root`; `None` where there are none, or where one can't be read.
    pub(super) fn open(root: &Path) -> Option<Self> {
        let zones = fs_err::read_dir(root.join("sys/class/powercap")).ok()?;
        let mut packages = Vec::new();
        for zone in zones {
            let zone = zone.ok()?;
            // `intel-rapl:0` is a package, `intel-rapl:0:1` a part of one.
            let top = zone
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix("intel-rapl:")?.parse::<u32>().ok())
                .is_some();
            let name = fs_err::read_to_string(zone.path().join("name")).unwrap_or_default();
            if top && name.starts_with("package") {
                packages.push(Package::open(&zone.path())?);
            }
        }
        (!packages.is_empty()).then_some(Self { packages, microjoules: 0 })
    }

    pub(super) fn packages(&self) -> usize {
        self.packages.len()
    }

    /// What all packages have used since this was opened.
    pub(super) fn energy(&mut self) -> Option<Joules> {
        let counters: Option<Vec<u64>> =
            self.packages.iter().map(|package| number(&package.counter)).collect();
        for (package, now) in self.packages.iter_mut().zip(counters?) {
            self.microjoules = self.microjoules.saturating_add(package.advance(now));
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 microjoules are 2.5 MWh")]
        Some(Joules(self.microjoules as f64 / 1e6))
    }
}

impl Package {
    fn open(zone: &Path) -> Option<Self> {
        let counter = zone.join("energy_uj");
        let range = number(&zone.join("max_energy_range_uj"))?;
        let last = number(&counter)?;
        Some(Self { counter, range, last })
    }

    /// What was used since the reading before.
    fn advance(&mut self, now: u64) -> u64 {
        let used = match now.checked_sub(self.last) {
            Some(used) => used,
            // Once round: the rest up to the range, and what has come since.
            None => self.range.saturating_sub(self.last).saturating_add(now),
        };
        self.last = now;
        used
    }
}

fn number(path: &Path) -> Option<u64> {
    fs_err::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(root: &Path, name: &str, called: &str, microjoules: u64) -> PathBuf {
        let zone = root.join("sys/class/powercap").join(name);
        fs_err::create_dir_all(&zone).unwrap();
        fs_err::write(zone.join("name"), called).unwrap();
        fs_err::write(zone.join("max_energy_range_uj"), "262143328850\n").unwrap();
        set(&zone, microjoules);
        zone
    }

    fn set(zone: &Path, microjoules: u64) {
        fs_err::write(zone.join("energy_uj"), format!("{microjoules}\n")).unwrap();
    }

    #[test]
    fn packages_add_up_and_their_parts_do_not() {
        let root = tempfile::tempdir().unwrap();
        let first = zone(root.path(), "intel-rapl:0", "package-0\n", 1_000_000);
        let second = zone(root.path(), "intel-rapl:1", "package-1\n", 5_000_000);
        let core = zone(root.path(), "intel-rapl:0:0", "core\n", 0);
        let psys = zone(root.path(), "intel-rapl:2", "psys\n", 0);
        let mut rapl = Rapl::open(root.path()).unwrap();
        assert_eq!((rapl.packages(), rapl.energy()), (2, Some(Joules(0.0))));
        set(&first, 3_500_000);
        set(&second, 6_000_000);
        set(&core, 900_000_000);
        set(&psys, 900_000_000);
        assert_eq!(rapl.energy(), Some(Joules(3.5)));
    }

    #[test]
    fn a_counter_that_wraps_goes_on() {
        let root = tempfile::tempdir().unwrap();
        // 0.328850 J before the range's end, then 2 J past it.
        let package = zone(root.path(), "intel-rapl:0", "package-0\n", 262_143_000_000);
        let mut rapl = Rapl::open(root.path()).unwrap();
        set(&package, 2_000_000);
        assert_eq!(rapl.energy(), Some(Joules(2.328_850)));
        set(&package, 3_000_000);
        assert_eq!(rapl.energy(), Some(Joules(3.328_850)));
    }

    #[test]
    fn a_package_that_fails_makes_no_reading() {
        let root = tempfile::tempdir().unwrap();
        let first = zone(root.path(), "intel-rapl:0", "package-0\n", 0);
        let second = zone(root.path(), "intel-rapl:1", "package-1\n", 0);
        let mut rapl = Rapl::open(root.path()).unwrap();
        set(&first, 1_000_000);
        fs_err::write(second.join("energy_uj"), "").unwrap();
        assert_eq!(rapl.energy(), None);
        set(&second, 2_000_000);
        assert_eq!(rapl.energy(), Some(Joules(3.0)));
    }

    #[test]
    fn no_packages_no_energy() {
        let root = tempfile::tempdir().unwrap();
        assert!(Rapl::open(root.path()).is_none());
        fs_err::create_dir_all(root.path().join("sys/class/powercap")).unwrap();
        assert!(Rapl::open(root.path()).is_none());
    }
}
