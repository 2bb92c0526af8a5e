//! What a page says, in order: of a run, and of a ladder.

use super::super::Table;
use super::super::bench::{self, head};
use super::super::figure::{NOTHING, estimate, seconds_or_nothing, thousands};
use super::super::{ladder, paid};
use super::{Figure, Page, Reason, Rung, Section, Tile, Verdict, charts, over_time, spreads};
use crate::cost::{CostAtLoad, Judgement, Ladder};
use crate::record::Header;
use crate::summary::Doubt;
use crate::units::{Estimate, Quantity, UsdPerMtok};

/// The page of one run.
pub(super) fn page_of_run(rungs: &[Rung]) -> Page {
    let Some(rung) = rungs.first() else { return empty(None) };
    let judgement = rung.judgement;
    let header = &judgement.run;
    let verdicts = judgement.slo.iter().map(|verdict| (header.workload.level(), verdict));
    Page {
        title: title(header),
        lead: vec![head(header), format!("{}, {}", header.workload.arrivals, bench::asked(header))],
        tiles: tiles(judgement),
        verdict: verdict(judgement),
        sections: vec![
            cost(judgement, Vec::new(), vec![ladder::objectives(verdicts)]),
            latency(
                spreads::spreads(rungs, None),
                vec![bench::speeds(judgement), bench::latencies(judgement)],
            ),
            time(rung, None),
            machine(rung, vec![ladder::roofline([(header.workload.level(), &judgement.roofline)])]),
            elsewhere(judgement),
        ],
        provenance: provenance(header),
        again: again(&header.id),
        made_by: made_by(header),
    }
}

/// The page of a ladder.
pub(super) fn page_of_ladder(judged: &Ladder, rungs: &[Rung]) -> Page {
    let Some(shown) = rungs.iter().find(|rung| rung.chosen).or(rungs.last()) else {
        return empty(judged.name.as_deref());
    };
    let header = &shown.judgement.run;
    let name = judged.name.as_deref().unwrap_or(&header.id);
    let slo = judged.slo.as_ref();
    let figures = charts::frontier(rungs).into_iter().chain(charts::price(rungs, slo)).collect();
    let verdicts = judged.rungs.iter().filter_map(|rung| Some((rung.level, rung.slo.as_ref()?)));
    let of_point = match judged.point {
        Some(_) => "the operating point",
        None => "the highest load: no operating point was chosen",
    };
    let which = format!("Of {of_point}, {}.", charts::load(shown));
    let steps = judged.rungs.iter().map(|rung| (rung.level, &rung.roofline));
    let mut verdict = verdict(shown.judgement);
    verdict.reasons.extend(
        ladder::doubts(judged)
            .into_iter()
            .map(|line| Reason { what: line.trim_start_matches("- ").to_owned(), advice: None }),
    );
    Page {
        title: title(header),
        lead: vec![
            head(header),
            format!("{} loads, {}", rungs.len(), bench::asked(header)),
            format!("The figures here are of {of_point}: {}.", charts::load(shown)),
        ],
        tiles: tiles(shown.judgement),
        verdict,
        sections: vec![
            Section {
                id: "ladder".into(),
                title: "Load by load".into(),
                words: vec![ladder::choice(judged)],
                figures,
                tables: vec![
                    ladder::speeds(&judged.rungs),
                    ladder::costs(&judged.rungs),
                    ladder::objectives(verdicts),
                ],
            },
            latency(spreads::spreads(rungs, slo), Vec::new()),
            cost(shown.judgement, vec![which.clone()], Vec::new()),
            time(shown, Some(which.clone())),
            machine(shown, vec![ladder::roofline(steps)]),
            elsewhere(shown.judgement),
        ],
        provenance: provenance(header),
        again: again(name),
        made_by: made_by(header),
    }
}

/// The page of a ladder of which nothing is on record.
fn empty(name: Option<&str>) -> Page {
    Page {
        title: format!("Ladder {}", name.unwrap_or(NOTHING)),
        lead: vec!["no rung is on record".to_owned()],
        tiles: Vec::new(),
        verdict: Verdict {
            class: "bad",
            word: "Nothing was measured.".to_owned(),
            reasons: Vec::new(),
        },
        sections: Vec::new(),
        provenance: Table::new("", &["", ""]),
        again: String::new(),
        made_by: String::new(),
    }
}

fn title(header: &Header) -> String {
    format!("What a million tokens cost: {}", bench::model_name(&header.model))
}

fn tiles(judgement: &Judgement) -> Vec<Tile> {
    let full = judgement.costs.first();
    let price = |name: &str, of: fn(&CostAtLoad) -> Option<Estimate<UsdPerMtok>>| Tile {
        name: name.to_owned(),
        value: full.and_then(of).map_or_else(|| NOTHING.to_owned(), estimate),
        unit: "USD/Mtok at full load".to_owned(),
    };
    let summary = &judgement.summary;
    let rate = summary.output_rate;
    let time = |name: &str, value: Option<Estimate<crate::units::Seconds>>| Tile {
        name: name.to_owned(),
        value: seconds_or_nothing(value),
        unit: "median".to_owned(),
    };
    vec![
        price("Input", |cost| cost.input),
        price("Output", |cost| cost.output),
        price("Blended", |cost| cost.blended),
        Tile {
            name: "Output rate".to_owned(),
            value: rate.map_or_else(|| NOTHING.to_owned(), estimate),
            unit: crate::units::TokensPerSecond::UNIT.to_owned(),
        },
        time("Time to first token", summary.ttft.p50),
        time("Per token after it", summary.tpot.p50),
    ]
}

/// What speaks against a run, as the terminal says it.
fn verdict(judgement: &Judgement) -> Verdict {
    let doubts = &judgement.summary.doubts;
    let reason = |doubt: &Doubt| Reason { what: doubt.to_string(), advice: Some(doubt.advice()) };
    let mut reasons: Vec<Reason> = doubts.iter().map(reason).collect();
    let cautions = judgement.cautions.iter();
    reasons.extend(cautions.map(|caution| Reason { what: caution.clone(), advice: None }));
    let (class, word) = bench::verdict_words(judgement);
    Verdict { class, word, reasons }
}

fn cost(judgement: &Judgement, mut words: Vec<String>, tables: Vec<Table>) -> Section {
    words.push(bench::price_words(judgement));
    words.extend(paid::told_words(judgement));
    words.extend(bench::floor_words(judgement));
    words.extend(judgement.emission.as_ref().map(super::super::hour::emission_words));
    Section {
        id: "cost".into(),
        title: "Cost".into(),
        words,
        figures: [charts::price_by_load(judgement), charts::waterfall(judgement)]
            .into_iter()
            .flatten()
            .collect(),
        tables: std::iter::once(paid::costs(judgement)).chain(tables).filter(filled).collect(),
    }
}

fn latency(figures: Vec<Figure>, tables: Vec<Table>) -> Section {
    let words = "How latencies are spread over the requests that were due in the measured time. A curve \
                 that goes up late and far to the right has a long tail.";
    Section {
        id: "latency".into(),
        title: "Latency".into(),
        words: vec![words.to_owned()],
        figures,
        tables,
    }
}

fn time(rung: &Rung, which: Option<String>) -> Section {
    Section {
        id: "time".into(),
        title: "Over time".into(),
        words: which.into_iter().collect(),
        figures: over_time::over_time(rung),
        tables: Vec::new(),
    }
}

fn machine(rung: &Rung, tables: Vec<Table>) -> Section {
    let machine = bench::machine(rung.judgement);
    let tables = std::iter::once(machine).chain(tables).filter(filled);
    Section {
        id: "machine".into(),
        title: "Machine".into(),
        words: bench::efficiency_words(rung.judgement),
        figures: over_time::machine(rung),
        tables: tables.collect(),
    }
}

fn elsewhere(judgement: &Judgement) -> Section {
    Section {
        id: "beside".into(),
        title: "Beside APIs".into(),
        words: bench::beside_words(judgement),
        figures: Vec::new(),
        tables: vec![bench::beside(judgement)].into_iter().filter(filled).collect(),
    }
}

fn filled(table: &Table) -> bool {
    !table.is_empty()
}

/// Everything that a reader needs to make the run again, and to know what it was made on.
fn provenance(header: &Header) -> Table {
    let mut table = Table::new("", &["", ""]);
    let mut row = |what: &str, value: Option<String>| {
        table.row([what.to_owned(), value.unwrap_or_else(|| NOTHING.to_owned())]);
    };
    let Header { host, model, workload, telemetry, .. } = header;
    row("run", Some(header.id.clone()));
    row("part of", header.sweep.as_ref().map(ToString::to_string));
    row("began", Some(header.started.to_string()));
    row("mtok", Some(header.mtok.clone()));
    row("record's form", Some(header.schema.clone()));
    row("operating system", Some(host.os.clone()));
    row("processor", Some(format!("{}, {} cores", host.cpu, host.cores)));
    row("memory", host.memory.map(|bytes| format!("{bytes:.1}")));
    row("GPU", host.gpu.as_ref().map(|gpu| format!("{gpu}, one of {}", host.gpus)));
    row(
        "GPU driver, CUDA",
        telemetry
            .driver
            .as_ref()
            .map(|driver| format!("{driver}, {}", telemetry.cuda.as_deref().unwrap_or(NOTHING))),
    );
    row("model", Some(bench::model_name(model)));
    row("sha256 of its weights", model.sha256.clone());
    row("parameters", model.shape.as_ref().map(|shape| thousands(shape.parameters)));
    row("engine", Some(header.engine.clone()));
    let server = header.server.as_ref();
    row(
        "server",
        server.map(|server| {
            let place = if server.local { "on this machine" } else { "elsewhere" };
            format!("{}{}, {place}", server.url, server.endpoint)
        }),
    );
    row("workload", workload.name.clone());
    row("arrivals", Some(workload.arrivals.to_string()));
    row("most in flight", workload.cap.map(|cap| cap.to_string()));
    row("prompt tokens", Some(workload.prompt.to_string()));
    row("output tokens", Some(workload.output.to_string()));
    row("prompts", Some(workload.text.clone()));
    row("sampling", Some(workload.sampling.clone()));
    row("seed", Some(workload.seed.to_string()));
    row("to be measured", Some(workload.measure.to_string()));
    row("peaks", header.peaks.as_ref().map(|peaks| peaks.source.clone()));
    let sources = (!telemetry.sources.is_empty()).then(|| telemetry.sources.join(", "));
    row("telemetry", sources.map(|sources| format!("{sources}, every {}", telemetry.period)));
    row("not found", (!telemetry.missing.is_empty()).then(|| telemetry.missing.join(", ")));
    table
}

fn again(name: &str) -> String {
    format!(
        "These figures follow from the record of run {name} alone. To judge it again, at what you pay: \
         `mtok runs show {name} --price 2.50/h --report run.html`"
    )
}

fn made_by(header: &Header) -> String {
    format!(
        "Measured with mtok {}, judged with mtok {}. This page asks for nothing from the network.",
        header.mtok,
        env!("CARGO_PKG_VERSION")
    )
}
