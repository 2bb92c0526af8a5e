//! The GPU catalogue: `data/gpus.toml`, looked up by a device's own name or by what people type.

use super::error::HardwareError;
use super::gpu::Gpu;
use crate::units::{FlopsPerSecond, ParseError};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;

const FILE: &str = "data/gpus.toml";
const TEXT: &str = include_str!("../../data/gpus.toml");

/// Names nearer than this (Jaro-Winkler, 0 to 1) are worth suggesting.
const NEAR: f64 = 0.8;
/// A name this much less alike than the best one isn't suggested beside it.
const NEARLY: f64 = 0.03;
/// Suggestions at most.
const SUGGESTIONS: usize = 3;

/// The GPUs whose spec sheets are known.
#[derive(Debug, Clone)]
pub struct Catalogue {
    gpus: Vec<Gpu>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    gpu: Vec<RawGpu>,
}

/// A spec sheet as written: figures are texts with units.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGpu {
    id: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    device_names: Vec<String>,
    memory: String,
    bandwidth: String,
    bf16: Option<String>,
    fp16: Option<String>,
    fp8: Option<String>,
    fp4: Option<String>,
    tdp: Option<String>,
    source: String,
    date: Date,
}

impl Catalogue {
    /// The catalogue inside the program.
    ///
    /// # Errors
    /// [`HardwareError::Embedded`] if it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, HardwareError> {
        Self::parse(FILE, TEXT).map_err(|error| HardwareError::Embedded(Box::new(error)))
    }

    /// A catalogue from the text of a file.
    ///
    /// # Errors
    /// A text that isn't TOML of this shape, a figure without a unit or equal to zero, an empty
    /// source, or a name that two GPUs answer to.
    pub fn parse(file: &str, text: &str) -> Result<Self, HardwareError> {
        let raw: RawCatalogue = toml::from_str(text).map_err(|source| HardwareError::Toml {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let gpus =
            raw.gpu.into_iter().map(|gpu| checked(file, gpu)).collect::<Result<Vec<_>, _>>()?;
        unambiguous(file, gpus.iter().flat_map(|gpu| names(gpu).map(move |n| (typed(n), gpu))))?;
        let devices = |gpu: &'_ Gpu| gpu.device_names.clone().into_iter();
        unambiguous(file, gpus.iter().flat_map(|g| devices(g).map(move |n| (device(&n), g))))?;
        Ok(Self { gpus })
    }

    /// All GPUs, in the book's order.
    pub fn gpus(&self) -> &[Gpu] {
        &self.gpus
    }

    /// The GPU that NVML calls by this name.
    ///
    /// Exact but for case, spaces and a leading `NVIDIA`, which old drivers leave out. A laptop's
    /// variant, an export variant or a MIG slice is another device: `None`, never the nearest.
    pub fn by_device_name(&self, name: &str) -> Option<&Gpu> {
        let name = device(name);
        self.gpus.iter().find(|gpu| gpu.device_names.iter().any(|own| device(own) == name))
    }

    /// The GPU that a person means: its id, its name or an alias, case and punctuation aside.
    ///
    /// # Errors
    /// [`HardwareError::UnknownGpu`] with the nearest ids. `h100` alone is unknown, too: its forms
    /// differ in speed and price.
    pub fn by_name(&self, name: &str) -> Result<&Gpu, HardwareError> {
        let wanted = typed(name);
        let found = self.gpus.iter().find(|gpu| names(gpu).any(|own| typed(own) == wanted));
        found.ok_or_else(|| HardwareError::UnknownGpu {
            name: name.to_owned(),
            near: self.near(&wanted),
            known: self.gpus.iter().map(|gpu| gpu.id.clone()).collect(),
        })
    }

    /// Ids that begin with the wanted name, else the most alike.
    fn near(&self, wanted: &str) -> Vec<String> {
        let mut scored: Vec<(f64, &Gpu)> = self
            .gpus
            .iter()
            .map(|gpu| {
                let likeness = |own: &str| {
                    let own = typed(own);
                    // All forms of a chip that was named without its form are equally meant.
                    if !wanted.is_empty() && own.starts_with(wanted) {
                        1.0
                    } else {
                        strsim::jaro_winkler(&own, wanted)
                    }
                };
                (names(gpu).map(likeness).fold(0.0, f64::max), gpu)
            })
            .filter(|(likeness, _)| *likeness >= NEAR)
            .collect();
        // A stable sort: equals stay in the book's order.
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let best = scored.first().map_or(0.0, |(likeness, _)| *likeness);
        scored.retain(|(likeness, _)| *likeness >= best - NEARLY);
        scored.into_iter().take(SUGGESTIONS).map(|(_, gpu)| gpu.id.clone()).collect()
    }
}

/// Everything that a person may call a GPU.
fn names(gpu: &Gpu) -> impl Iterator<Item = &str> {
    [gpu.id.as_str(), gpu.name.as_str()].into_iter().chain(gpu.aliases.iter().map(String::as_str))
}

/// A typed name without case, spaces and punctuation: `H100 SXM` and `h100-sxm` are one.
fn typed(name: &str) -> String {
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = bare.to_ascii_lowercase();
    bare.strip_prefix("nvidia").or(bare.strip_prefix("amd")).map_or(bare.clone(), str::to_owned)
}

/// A device's name without case, spare spaces and the vendor.
fn device(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let mut words: Vec<&str> = lower.split_whitespace().collect();
    if words.first() == Some(&"nvidia") {
        words.remove(0);
    }
    words.join(" ")
}

/// That no two GPUs answer to one name.
fn unambiguous<'a>(
    file: &str,
    names: impl Iterator<Item = (String, &'a Gpu)>,
) -> Result<(), HardwareError> {
    let mut owners: HashMap<String, &Gpu> = HashMap::new();
    for (name, gpu) in names {
        match owners.get(&name) {
            Some(owner) if !std::ptr::eq(*owner, gpu) => {
                return Err(HardwareError::Ambiguous {
                    file: file.to_owned(),
                    name,
                    first: owner.id.clone(),
                    second: gpu.id.clone(),
                });
            }
            _ => owners.insert(name, gpu),
        };
    }
    Ok(())
}

/// A spec sheet with its figures read.
fn checked(file: &str, raw: RawGpu) -> Result<Gpu, HardwareError> {
    let empty = |field| HardwareError::Empty { file: file.to_owned(), gpu: raw.id.clone(), field };
    if raw.id.is_empty() {
        return Err(empty("id"));
    }
    if raw.source.trim().is_empty() {
        return Err(empty("source"));
    }
    let gpu = raw.id.as_str();
    let peak = |field, text: &Option<String>| -> Result<Option<FlopsPerSecond>, HardwareError> {
        text.as_deref().map(|text| quantity(file, gpu, field, text)).transpose()
    };
    let checked = Gpu {
        memory: quantity(file, gpu, "memory", &raw.memory)?,
        bandwidth: quantity(file, gpu, "bandwidth", &raw.bandwidth)?,
        bf16: peak("bf16", &raw.bf16)?,
        fp16: peak("fp16", &raw.fp16)?,
        fp8: peak("fp8", &raw.fp8)?,
        fp4: peak("fp4", &raw.fp4)?,
        tdp: raw.tdp.as_deref().map(|text| quantity(file, gpu, "tdp", text)).transpose()?,
        id: raw.id.clone(),
        name: raw.name,
        aliases: raw.aliases,
        device_names: raw.device_names,
        source: raw.source,
        date: raw.date,
    };
    // What divides must not be zero.
    if checked.memory.0 == 0 {
        return Err(empty("memory"));
    }
    if checked.bandwidth.0 <= 0.0 {
        return Err(empty("bandwidth"));
    }
    Ok(checked)
}

fn quantity<Q: FromStr<Err = ParseError>>(
    file: &str,
    gpu: &str,
    field: &'static str,
    text: &str,
) -> Result<Q, HardwareError> {
    text.parse().map_err(|source| HardwareError::Quantity {
        file: file.to_owned(),
        gpu: gpu.to_owned(),
        field,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Precision;
    use crate::hint::{Fault, Hint};
    use crate::units::{Bytes, BytesPerSecond};

    fn book() -> Catalogue {
        Catalogue::embedded().unwrap()
    }

    #[track_caller]
    fn device_is(name: &str, want: Option<&str>) {
        assert_eq!(book().by_device_name(name).map(|gpu| gpu.id.as_str()), want, "{name}");
    }

    #[test]
    fn devices_are_known_by_what_nvml_calls_them() {
        device_is("NVIDIA H100 80GB HBM3", Some("h100-sxm"));
        device_is("NVIDIA H100 PCIe", Some("h100-pcie"));
        device_is("NVIDIA H100 NVL", Some("h100-nvl"));
        device_is("NVIDIA H200", Some("h200-sxm"));
        device_is("NVIDIA B200", Some("b200"));
        device_is("NVIDIA A100-SXM4-80GB", Some("a100-sxm-80gb"));
        device_is("NVIDIA A100-SXM4-40GB", Some("a100-sxm-40gb"));
        device_is("NVIDIA A100 80GB PCIe", Some("a100-pcie-80gb"));
        device_is("NVIDIA L40S", Some("l40s"));
        device_is("NVIDIA L4", Some("l4"));
        device_is("NVIDIA GeForce RTX 4090", Some("rtx-4090"));
        device_is("Tesla T4", Some("t4"));
        device_is("Tesla V100-SXM2-16GB", Some("v100-sxm-16gb"));
    }

    #[test]
    fn drivers_differ_in_case_spaces_and_vendor() {
        device_is("A100-SXM4-80GB", Some("a100-sxm-80gb"));
        device_is("  nvidia  geforce rtx 4090 ", Some("rtx-4090"));
    }

    #[test]
    fn other_devices_are_unknown_not_near() {
        device_is("NVIDIA GeForce RTX 4090 Laptop GPU", None);
        device_is("NVIDIA GeForce RTX 4090 D", None);
        device_is("NVIDIA H100", None);
        device_is("NVIDIA H200 NVL", None);
        device_is("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None);
        device_is("NVIDIA L40", None);
        device_is("", None);
        device_is("NVIDIA", None);
    }

    #[track_caller]
    fn person_means(name: &str, want: &str) {
        assert_eq!(book().by_name(name).unwrap().id, want, "{name}");
    }

    #[test]
    fn people_write_names_in_many_ways() {
        person_means("h100-sxm", "h100-sxm");
        person_means("H100 SXM", "h100-sxm");
        person_means("NVIDIA H100 SXM", "h100-sxm");
        person_means("h100_sxm5", "h100-sxm");
        person_means("4090", "rtx-4090");
        person_means("mi300x", "mi300x");
        person_means("H200", "h200-sxm");
    }

    #[track_caller]
    fn unknown(name: &str, want: Option<&str>) {
        let error = book().by_name(name).unwrap_err();
        assert_eq!(error.to_string(), format!("no GPU `{name}` in the catalogue"));
        assert_eq!(error.hint().as_deref(), want);
        assert_eq!(error.fault(), Fault::Usage);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_ones() {
        unknown("h100-smx", Some("did you mean `h100-sxm`?"));
        // Form matters: 989 or 756 TFLOP/s.
        unknown("h100", Some("did you mean one of `h100-sxm`, `h100-pcie`, `h100-nvl`?"));
        unknown("rtx-4091", Some("did you mean `rtx-4090`?"));
    }

    #[test]
    fn a_name_near_nothing_gets_them_all() {
        for name in ["zzz", "", "nvidia"] {
            let hint = book().by_name(name).unwrap_err().hint().unwrap();
            assert!(hint.starts_with("it holds `h100-sxm`, `h100-pcie`, "), "{hint}");
            assert!(hint.ends_with("`mi355x`"), "{hint}");
        }
    }

    #[test]
    fn a_spec_sheet_is_read_with_its_units() {
        let book = book();
        let h100 = book.by_name("h100-sxm").unwrap();
        assert_eq!(h100.memory, Bytes(80 << 30));
        assert_eq!(h100.bandwidth, BytesPerSecond(3.35e12));
        assert_eq!(h100.peak(Precision::Bf16), Some(FlopsPerSecond(989e12)));
        assert_eq!(h100.peak(Precision::Fp8), Some(FlopsPerSecond(1979e12)));
        assert_eq!(h100.peak(Precision::Fp4), None);
        assert_eq!(h100.tdp, Some(crate::units::Watts(700.0)));
        // No bf16 on Turing; no clear source for an A10G's peak.
        assert_eq!(book.by_name("t4").unwrap().peak(Precision::Bf16), None);
        assert_eq!(book.by_name("a10g").unwrap().peak(Precision::Fp16), None);
    }

    #[test]
    fn lower_precision_is_never_slower() {
        for gpu in book().gpus() {
            let peaks = [Precision::Bf16, Precision::Fp8, Precision::Fp4].map(|p| gpu.peak(p));
            let known: Vec<f64> = peaks.into_iter().flatten().map(|peak| peak.0).collect();
            assert!(known.is_sorted(), "{}: {known:?}", gpu.id);
        }
    }

    const GOOD: &str = r#"
        [[gpu]]
        id = "a"
        name = "A"
        memory = "8 GiB"
        bandwidth = "100 GB/s"
        source = "a datasheet"
        date = "2026-11-22"
    "#;

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = Catalogue::parse("x.toml", text).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.fault(), Fault::Input);
    }

    #[test]
    fn a_broken_book_is_refused_and_the_place_named() {
        assert_eq!(Catalogue::parse("x.toml", GOOD).unwrap().gpus().len(), 1);
        refused(&GOOD.replace("100 GB/s", "100"), "`x.toml`, GPU `a`, `bandwidth`");
        refused(&GOOD.replace("100 GB/s", "0 GB/s"), "`bandwidth` is empty");
        refused(&GOOD.replace("8 GiB", "0 GiB"), "`memory` is empty");
        refused(&GOOD.replace("a datasheet", " "), "`source` is empty");
        refused(&GOOD.replace("source = \"a datasheet\"", ""), "missing field `source`");
        refused(&GOOD.replace("date = \"2026-11-22\"", ""), "missing field `date`");
        refused(&GOOD.replace("2026-11-22", "last week"), "`x.toml` is not a GPU catalogue");
        refused(&GOOD.replace("name", "nmae"), "unknown field `nmae`");
        let twin = GOOD.replace("id = \"a\"", "id = \"b\"");
        refused(&format!("{GOOD}{twin}"), "both `a` and `b` answer to `a`");
    }
}
