//! Two runs side by side: which figures differ by more than their errors, and what else differs.
//!
//! Invariant: nothing is called better or worse unless the interval of the difference leaves out 0 and
//! both runs were made on machines of the same kind: another machine is another experiment. What was
//! asked of the two may differ (that is what a comparison is for); it is then named. Guarded by
//! `comparison/tests.rs`.

#[cfg(test)]
mod tests;

use super::Judgement;
use crate::record::{Header, Server};
use crate::summary::{Side, difference, side};
use crate::units::{Estimate, Quantity, Seconds, TokensPerSecond, UsdPerMtok};
use serde::Serialize;

/// Two runs, or the rungs of two ladders, beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differences {
    /// The form of this document: `mtok.diff/1`.
    pub schema: &'static str,
    /// Each pair.
    pub pairs: Vec<Comparison>,
    /// Runs, by their names, that have no counterpart under the same load.
    pub alone: Vec<String>,
}

/// Two runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first run's name.
    pub a: String,
    /// The second's.
    pub b: String,
    /// Under which load both were made, in words, where it is the same.
    pub load: Option<String>,
    /// Whether both were made on machines of the same kind. If not, nothing is better or worse.
    pub same_machine: bool,
    /// What differs between the two records.
    pub differs: Vec<Differs>,
    /// Rates: higher is better.
    pub rates: Vec<Change<TokensPerSecond>>,
    /// Latencies: lower is better.
    pub latencies: Vec<Change<Seconds>>,
    /// Prices at full load: lower is better.
    pub prices: Vec<Change<UsdPerMtok>>,
}

/// Something that is not the same in both records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differs {
    /// What: `engine`.
    pub what: &'static str,
    /// As the first has it; `None`: it doesn't say.
    pub a: Option<String>,
    /// As the second has it.
    pub b: Option<String>,
    /// It makes the machines different ones.
    pub machine: bool,
}

/// One figure of both runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change<Q> {
    /// Which: `output rate`.
    pub figure: &'static str,
    /// The first's.
    pub a: Option<Estimate<Q>>,
    /// The second's.
    pub b: Option<Estimate<Q>>,
    /// The second's less the first's.
    pub difference: Option<Estimate<Q>>,
    /// What that means.
    pub finding: Finding,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It may as well be none.
    Tie,
    /// The second is better.
    Better,
    /// The second is worse.
    Worse,
    /// A figure or its interval is missing.
    CantTell,
    /// The machines differ, so that it says nothing of what was run.
    OtherMachine,
}

impl Differences {
    /// Two runs.
    pub fn of_runs(a: &Judgement, b: &Judgement) -> Self {
        let pairs = vec![Comparison::of(a, b)];
        Self { schema: Self::SCHEMA, pairs, alone: Vec::new() }
    }

    /// The runs of two sweeps, each beside the one of the other that was made under the same load.
    pub fn of_sweeps(a: &[Judgement], b: &[Judgement]) -> Self {
        let mut rest: Vec<&Judgement> = b.iter().collect();
        let (mut pairs, mut alone) = (Vec::new(), Vec::new());
        for one in a {
            let same = |other: &&Judgement| load(&other.run) == load(&one.run);
            match rest.iter().position(same) {
                Some(index) => pairs.push(Comparison::of(one, rest.remove(index))),
                None => alone.push(one.run.id.clone()),
            }
        }
        alone.extend(rest.into_iter().map(|one| one.run.id.clone()));
        Self { schema: Self::SCHEMA, pairs, alone }
    }

    /// The form that this version writes.
    const SCHEMA: &str = "mtok.diff/1";
}

impl Comparison {
    /// Two runs, judged under the same assumptions.
    pub fn of(a: &Judgement, b: &Judgement) -> Self {
        let differs = differs(&a.run, &b.run);
        let same_machine = !differs.iter().any(|one| one.machine);
        let (one, other) = (&a.summary, &b.summary);
        let rate = |figure, a, b| Change::of(figure, (a, b), Good::High, same_machine);
        let time = |figure, a, b| Change::of(figure, (a, b), Good::Low, same_machine);
        let price = |figure, of: fn(&super::CostAtLoad) -> Option<Estimate<UsdPerMtok>>| {
            let full = |judgement: &Judgement| judgement.costs.first().and_then(of);
            Change::of(figure, (full(a), full(b)), Good::Low, same_machine)
        };
        Self {
            a: a.run.id.clone(),
            b: b.run.id.clone(),
            load: (load(&a.run) == load(&b.run)).then(|| load(&a.run)),
            same_machine,
            rates: vec![
                rate("input + output", one.total_rate, other.total_rate),
                rate("output", one.output_rate, other.output_rate),
                rate("prefill, while it runs", one.prefill_rate, other.prefill_rate),
                rate("decode, while it runs", one.decode_rate, other.decode_rate),
            ],
            latencies: vec![
                time("TTFT p50", one.ttft.p50, other.ttft.p50),
                time("TTFT p95", one.ttft.p95, other.ttft.p95),
                time("TTFT p99", one.ttft.p99, other.ttft.p99),
                time("ITL p50", one.itl.p50, other.itl.p50),
                time("ITL p99", one.itl.p99, other.itl.p99),
                time("TPOT p50", one.tpot.p50, other.tpot.p50),
                time("TPOT p95", one.tpot.p95, other.tpot.p95),
                time("E2E p50", one.e2e.p50, other.e2e.p50),
                time("E2E p95", one.e2e.p95, other.e2e.p95),
            ],
            prices: vec![
                price("blended", |cost| cost.blended),
                price("input", |cost| cost.input),
                price("output", |cost| cost.output),
            ],
            differs,
        }
    }
}

/// Which way is better.
#[derive(Clone, Copy)]
enum Good {
    High,
    Low,
}

impl<Q: Quantity> Change<Q> {
    fn of(
        figure: &'static str,
        (a, b): (Option<Estimate<Q>>, Option<Estimate<Q>>),
        good: Good,
        same_machine: bool,
    ) -> Self {
        let difference = a.zip(b).map(|(a, b)| difference(a, b));
        let finding = match (difference.map(side), good) {
            (None | Some(Side::Unknown), _) => Finding::CantTell,
            _ if !same_machine => Finding::OtherMachine,
            (Some(Side::Tie), _) => Finding::Tie,
            (Some(Side::Higher), Good::High) | (Some(Side::Lower), Good::Low) => Finding::Better,
            (Some(Side::Higher), Good::Low) | (Some(Side::Lower), Good::High) => Finding::Worse,
        };
        Self { figure, a, b, difference, finding }
    }
}

/// The load of a run, in words.
fn load(run: &Header) -> String {
    match run.workload.cap {
        Some(cap) => format!("{}, at most {cap} in flight", run.workload.arrivals),
        None => run.workload.arrivals.to_string(),
    }
}

/// What a record says of something; `None`: it doesn't.
type Said<'a> = &'a dyn Fn(&Header) -> Option<String>;

/// What differs between two records, the machine first.
fn differs(a: &Header, b: &Header) -> Vec<Differs> {
    let mut found = machine(a, b);
    let memory = |run: &Header| run.host.memory.map(|bytes| format!("{bytes:.1}"));
    let hash = |run: &Header| run.model.sha256.clone();
    let stored = |run: &Header| run.model.shape.as_ref().map(|shape| shape.quantization.clone());
    let server = |run: &Header| {
        run.server.as_ref().map(|server| format!("{}{}", server.url, server.endpoint))
    };
    let peaks = |run: &Header| run.peaks.as_ref().map(|peaks| peaks.source.clone());
    let words: [(&'static str, Said); 17] = [
        ("operating system", &|run| Some(run.host.os.clone())),
        ("memory", &memory),
        ("GPU driver", &|run| run.telemetry.driver.clone()),
        ("peaks", &peaks),
        ("model", &|run| Some(run.model.name.clone())),
        ("weights stored as", &stored),
        ("checksum of the weights", &hash),
        ("engine", &|run| Some(run.engine.clone())),
        ("server", &server),
        ("load", &|run| Some(load(run))),
        ("prompt tokens", &|run| Some(run.workload.prompt.to_string())),
        ("output tokens", &|run| Some(run.workload.output.to_string())),
        ("prompts", &|run| Some(run.workload.text.clone())),
        ("sampling", &|run| Some(run.workload.sampling.clone())),
        ("seed", &|run| Some(run.workload.seed.to_string())),
        ("time measured", &|run| Some(run.workload.measure.to_string())),
        ("mtok", &|run| Some(run.mtok.clone())),
    ];
    let pairs = words.into_iter().map(|(what, of)| (what, of(a), of(b)));
    let other = pairs.filter(|(_, a, b)| a != b);
    found.extend(other.map(|(what, a, b)| Differs { what, a, b, machine: false }));
    found
}

/// What makes the machines that did the work different ones. A server elsewhere is on its own machine,
/// of which only the address is known; and how fast its answers come depends on where they are read.
fn machine(a: &Header, b: &Header) -> Vec<Differs> {
    let gpus = |run: &Header| run.host.gpus.to_string();
    let words: [(&'static str, Option<String>, Option<String>); 5] = [
        ("processor", Some(a.host.cpu.clone()), Some(b.host.cpu.clone())),
        ("cores", Some(a.host.cores.to_string()), Some(b.host.cores.to_string())),
        ("GPU", a.host.gpu.clone(), b.host.gpu.clone()),
        ("GPUs in the machine", Some(gpus(a)), Some(gpus(b))),
        ("server's machine", elsewhere(a.server.as_ref()), elsewhere(b.server.as_ref())),
    ];
    let other = words.into_iter().filter(|(_, a, b)| a != b);
    other.map(|(what, a, b)| Differs { what, a, b, machine: true }).collect()
}

/// The address of a server that is not on the machine of the record.
fn elsewhere(server: Option<&Server>) -> Option<String> {
    let server = server.filter(|server| !server.local)?;
    let behind = server.url.split_once("://").map_or(server.url.as_str(), |(_, rest)| rest);
    let authority = behind.split('/').next().unwrap_or(behind);
    // An IPv6 address has colons of its own, inside brackets.
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    Some(name.to_owned())
}
