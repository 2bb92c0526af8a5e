//! What the machine said of itself while it worked. What it did not say is `None`, never zero.

use super::Moment;
use crate::units::{Bytes, Joules, Ratio, Seconds, Tokens, Watts};
use serde::{Deserialize, Serialize};

/// One sample of the machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// Time that this process has spent on all cores since it started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_time: Option<Seconds>,
    /// Energy of the CPU packages since the run began (RAPL).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_energy: Option<Joules>,
    /// Each GPU, by its index.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gpus: Vec<GpuReading>,
    /// What the server, or the engine in this process, says of itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<ServerReading>,
}

/// One sample of a server's own metrics. Counters count from the server's start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerReading {
    /// Requests that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u32>,
    /// Requests that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u32>,
    /// Share of the KV cache in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_used: Option<Ratio>,
    /// Counter: prompt tokens that were looked up in the prefix cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_queried: Option<Tokens>,
    /// Counter: of these, those that it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_hit: Option<Tokens>,
    /// Counter: places lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preemptions: Option<u64>,
    /// Counter: prompt tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<Tokens>,
    /// Counter: output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<Tokens>,
    /// Counter: requests that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// When the server's process started, in seconds since 1970, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Seconds>,
}

/// One sample of a GPU.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuReading {
    /// Its index, as NVML counts.
    pub index: u32,
    /// Share of time in which a kernel ran: what nvidia-smi calls utilization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<Ratio>,
    /// Share of time in which memory was read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_busy: Option<Ratio>,
    /// Memory in use, by anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used: Option<Bytes>,
    /// Power drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<Watts>,
    /// The energy counter: since the driver was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<Joules>,
    /// Clock of the multiprocessors in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sm_clock_mhz: Option<u32>,
    /// Clock of the memory in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_clock_mhz: Option<u32>,
    /// Temperature in degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<u32>,
    /// Why the clocks are held down; an empty list: nothing holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Vec<Throttle>>,
    /// This process's share of the multiprocessors' time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_busy: Option<Ratio>,
    /// Hardware counters (GPM), on Hopper and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpm: Option<Gpm>,
}

/// GPM's shares since the reading before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpm {
    /// Multiprocessors with anything to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sm: Option<Ratio>,
    /// Warps resident of those possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<Ratio>,
    /// Tensor cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<Ratio>,
    /// Memory bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dram: Option<Ratio>,
}

/// What holds a GPU's clocks down, by NVML's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// Nothing to do: not a throttling.
    GpuIdle,
    /// Clocks set by the user or an application: a setting, not a throttling.
    ApplicationsClocksSetting,
    /// The power limit, by software.
    SwPowerCap,
    /// Hardware slowdown: heat, power brake or both.
    HwSlowdown,
    /// Held to the slowest of a sync group.
    SyncBoost,
    /// Heat, by software.
    SwThermalSlowdown,
    /// Heat, by hardware.
    HwThermalSlowdown,
    /// Power brake from outside the card.
    HwPowerBrakeSlowdown,
    /// The display's clocks.
    DisplayClockSetting,
    /// A reason that this version doesn't know, by its bit's number.
    #[serde(untagged, with = "other")]
    Other(u8),
}

/// `other_9` for bit 9: a word, as the known reasons are.
mod other {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
    pub(super) fn serialize<S: Serializer>(bit: &u8, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("other_{bit}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
        let word = String::deserialize(from)?;
        let bit = word.strip_prefix("other_").and_then(|bit| bit.parse().ok());
        bit.ok_or_else(|| D::Error::custom(format_args!("no reason to hold clocks: `{word}`")))
    }
}

impl Throttle {
    /// Whether the clocks are lower than the owner chose: by power, by heat or by a slower neighbour.
    ///
    /// An idle GPU lowers its clocks because it has nothing to do; the settings are the owner's own
    /// choice. A reason that is not known is taken for a throttling: better a doubt too many. Source:
    /// `nvmlClocksEventReasons` in NVIDIA's NVML API reference.
    pub fn slows(self) -> bool {
        match self {
            Self::GpuIdle | Self::ApplicationsClocksSetting | Self::DisplayClockSetting => false,
            Self::SwPowerCap
            | Self::HwSlowdown
            | Self::SyncBoost
            | Self::SwThermalSlowdown
            | Self::HwThermalSlowdown
            | Self::HwPowerBrakeSlowdown
            | Self::Other(_) => true,
        }
    }
}

/// A time in which the machine could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it was noticed.
    pub at: Moment,
    /// What could not be read: `gpu 0`.
    pub source: String,
    /// What the source said.
    pub reason: String,
}

impl Gap {
    /// This GPU could not be read.
    pub fn of_gpu(at: Moment, index: u32, reason: String) -> Self {
        Self { at, source: format!("gpu {index}"), reason }
    }

    /// Whether it was this GPU.
    pub fn is_of_gpu(&self, index: u32) -> bool {
        self.source.strip_prefix("gpu ").and_then(|number| number.parse().ok()) == Some(index)
    }
}

/// What the machine can tell of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TelemetryInfo {
    /// Where readings come from: `nvml 13.580.65.06`, `process CPU time`, `RAPL`.
    pub sources: Vec<String>,
    /// The time between readings.
    pub period: Seconds,
    /// The GPU driver's version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub driver: Option<String>,
    /// The CUDA version that the driver supports.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cuda: Option<String>,
    /// The GPUs that were seen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gpus: Vec<GpuInfo>,
    /// What was looked for and not found, in words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing: Vec<String>,
}

/// A GPU that was seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GpuInfo {
    /// Its index, as NVML counts.
    pub index: u32,
    /// Its name: `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Its identifier.
    pub uuid: String,
    /// Its memory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<Bytes>,
    /// Whether it is cut into instances (MIG); utilization of the whole card is then unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mig: Option<bool>,
    /// Whether it has hardware counters (GPM).
    #[serde(default)]
    pub gpm: bool,
    /// How often it is read, where that is not as often as the rest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub period: Option<Seconds>,
    /// What it, its driver or its cut into instances doesn't give: `energy`, `process share`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lacks: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reason: Throttle, word: &str) {
        let json = format!("\"{word}\"");
        assert_eq!(serde_json::to_string(&reason).unwrap(), json);
        assert_eq!(serde_json::from_str::<Throttle>(&json).unwrap(), reason);
    }

    #[test]
    fn a_reason_is_one_word_known_or_not() {
        check(Throttle::SwPowerCap, "sw_power_cap");
        check(Throttle::HwThermalSlowdown, "hw_thermal_slowdown");
        check(Throttle::Other(9), "other_9");
        check(Throttle::Other(63), "other_63");
    }

    #[test]
    fn what_is_no_reason_is_refused() {
        for word in ["", "other", "other_", "other_256", "other_-1", "heat"] {
            assert!(serde_json::from_str::<Throttle>(&format!("\"{word}\"")).is_err(), "{word}");
        }
    }
}
