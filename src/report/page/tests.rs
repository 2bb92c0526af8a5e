//! Pages of made-up runs: a ladder with the noise, the stalls and the names of real ones.

use super::*;
use crate::cost::{Assumptions, Books, MachinePrice};
use crate::hardware::{Catalogue, Rentals};
use crate::prices::Book;
use crate::record::builder::{RunBuilder, ms, request};
use crate::record::reading::{GpuInfo, GpuReading, Reading, ServerReading, Throttle};
use crate::record::{Failure, FailureKind, Finish, Phase, Sweep};
use crate::units::{Joules, Ratio, Seconds, UsdPerHour, Watts};

/// Numbers from 0 to 1 that look drawn: the fractional parts of multiples of the golden ratio.
fn noise(n: u32) -> f64 {
    (f64::from(n) * 0.618_033_988_749_895).fract()
}

/// A rung: so many in flight for 6 s, a token every so many milliseconds, some of them late.
fn rung(index: u32, in_flight: u32, gap: f64) -> Run {
    let mut run = RunBuilder::new()
        .phase(0.0, Phase::WarmUp)
        .phase(1_000.0, Phase::Measure)
        .phase(7_000.0, Phase::Drain)
        .in_flight(in_flight);
    let mut seen = 0;
    for place in 0..in_flight {
        let mut at = 3.0 * f64::from(place);
        while at < 7_000.0 {
            seen += 1;
            let wait = 18.0 + 6.0 * f64::from(in_flight) * (0.4 + noise(seen * 7));
            let mut asked = request(at).slip(0.02).prompt(128).token(wait);
            at += wait;
            for token in 0..63 {
                let late = if noise(seen * 131 + token) > 0.995 { 6.0 } else { 1.0 };
                let took = gap * late * (0.85 + 0.3 * noise(seen * 64 + token));
                asked = asked.token(took);
                at += took;
            }
            let finish = match noise(seen * 17) {
                n if n > 0.997 => {
                    Finish::Failed(Failure::new(FailureKind::Server, "<b>no & \"more\"</b>"))
                }
                _ => Finish::Length,
            };
            run = run.request(asked.done(finish));
        }
    }
    let mut run = run.build();
    run.header.id = format!("20261122T10000{index}-x");
    run.header.model.name = "a <model> & \"more\"".to_owned();
    run.header.sweep =
        Some(Sweep { name: "20261122T100001-x-ladder".to_owned(), index, of: Some(6) });
    machine(&mut run, in_flight);
    run
}

/// A GPU that is read every 100 ms, is lost for a second, and is throttled for half of one.
fn machine(run: &mut Run, in_flight: u32) {
    run.header.host.gpu = Some("NVIDIA H100 80GB HBM3".to_owned());
    run.header.host.gpus = 1;
    run.header.telemetry.period = Seconds(0.1);
    run.header.telemetry.sources = vec!["nvml 580.65".to_owned()];
    run.header.telemetry.gpus =
        vec![GpuInfo { name: "NVIDIA H100 80GB HBM3".to_owned(), ..GpuInfo::default() }];
    for n in 0..80_u32 {
        let lost = (30..40).contains(&n);
        let busy = (0.3 + 0.1 * f64::from(in_flight).log2() + 0.1 * noise(n)).min(1.0);
        let gpu = GpuReading {
            busy: Some(Ratio::of(busy)),
            power: Some(Watts(200.0 + 400.0 * busy)),
            energy: Some(Joules(1_000.0 + 50.0 * f64::from(n))),
            sm_clock_mhz: Some(if (50..55).contains(&n) { 1_200 } else { 1_980 }),
            throttle: Some(if (50..55).contains(&n) {
                vec![Throttle::SwPowerCap]
            } else {
                Vec::new()
            }),
            ..GpuReading::default()
        };
        run.readings.push(Reading {
            at: ms(100.0 * f64::from(n)),
            cpu_time: Some(Seconds(0.02 * f64::from(n))),
            gpus: if lost { Vec::new() } else { vec![gpu] },
            server: Some(ServerReading {
                running: Some(in_flight),
                waiting: Some(n % 3),
                kv_used: Some(Ratio::of(0.01 * f64::from(n))),
                ..ServerReading::default()
            }),
            ..Reading::default()
        });
    }
}

const SLO: &str = "ttft.p95=200ms,tpot.p90=14ms,e2e=2s";

fn ladder() -> (Ladder, Vec<(Judgement, Run)>) {
    let books = Books {
        gpus: Catalogue::embedded().unwrap(),
        rentals: Rentals::embedded().unwrap(),
        prices: Book::embedded().unwrap(),
    };
    let slo: Option<crate::cost::Slo> = Some(SLO.parse().unwrap());
    let today = jiff::civil::date(2026, 11, 22);
    let price = Some(MachinePrice::given(UsdPerHour(2.5)));
    let assumptions = Assumptions { price, slo: slo.clone(), ..Assumptions::on(today) };
    let rungs = [(1, 6.0), (2, 6.4), (4, 7.1), (8, 9.0), (16, 13.5), (32, 25.0)];
    let runs: Vec<Run> =
        (1..).zip(rungs).map(|(index, (in_flight, gap))| rung(index, in_flight, gap)).collect();
    let judged: Vec<_> =
        runs.into_iter().map(|run| (Judgement::of(&run, &books, &assumptions), run)).collect();
    let ladder = Ladder::of(slo, judged.iter().map(|(judgement, _)| judgement.clone()).collect());
    (ladder, judged)
}

fn pages() -> [(&'static str, String); 2] {
    let (ladder, judged) = ladder();
    let pairs: Vec<_> = judged.iter().map(|(judgement, run)| (judgement.clone(), run)).collect();
    let (judgement, run) = &judged[3];
    [("ladder", ladder_page(&ladder, &pairs).unwrap()), ("run", run_page(judgement, run).unwrap())]
}

/// The opened elements that are not closed, in order; panics where one is closed that was not open.
/// Attributes have to be quoted and text escaped for this to come to an end without complaint.
fn unclosed(svg: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "`>` in text: {text}");
        let references = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        for part in text.match_indices('&').map(|(at, _)| &text[at..]) {
            assert!(references.iter().any(|known| part.starts_with(known)), "a bare &: {part}");
        }
        let end = rest[start..].find('>').unwrap() + start;
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_ref(), Some(&name), "closed where it is not open");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    open
}

fn plots(page: &str) -> Vec<&str> {
    page.split("<svg").skip(1).map(|part| part.split("</svg>").next().unwrap()).collect()
}

#[test]
fn plots_are_well_formed_and_speak() {
    for (name, page) in pages() {
        let plots = plots(&page);
        assert!(plots.len() >= 12, "{name}: {} plots", plots.len());
        let mut ids = Vec::new();
        for plot in plots {
            assert_eq!(unclosed(&format!("<svg{plot}</svg>")), Vec::<String>::new());
            assert!(
                plot.contains("role=\"img\"")
                    && plot.contains("<title id=")
                    && plot.contains("<desc id=")
            );
            let words = plot.split("<desc id=").nth(1).unwrap();
            assert!(words.split('>').nth(1).unwrap().len() > 20, "a plot without words: {words}");
            ids.extend(
                plot.split("id=\"").skip(1).map(|part| part.split('"').next().unwrap().to_owned()),
            );
            for bad in ["NaN", "inf"] {
                assert!(!plot.contains(bad), "{bad} in {plot}");
            }
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: an id twice");
    }
}

#[test]
fn a_page_asks_for_nothing() {
    for (name, page) in pages() {
        let page = page.to_lowercase();
        for way in [
            "<script", "<iframe", "<img", "@import", "url(", "srcset", " src=", "http://",
            "https://",
        ] {
            assert!(!page.contains(way), "{name}: {way}");
        }
        let links: Vec<_> =
            page.split("href=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
        assert!(links.iter().all(|link| link.starts_with('#') || *link == "data:,"), "{links:?}");
        for link in links.iter().filter_map(|link| link.strip_prefix('#')) {
            assert!(page.contains(&format!("id=\"{link}\"")), "nothing is called {link}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn names_from_outside_are_no_markup() {
    for (_, page) in pages() {
        assert!(!page.contains("<model>") && page.contains("a &lt;model&gt; &amp;"));
    }
}

/// The headline, the ladder's tables and the latencies' are the judgement's own figures.
#[test]
fn figures_are_those_of_the_judgement() {
    use crate::report::figure::{brief_or_nothing, brief_seconds, estimate, estimate_or_nothing};
    let (ladder, judged) = ladder();
    let pairs: Vec<_> = judged.iter().map(|(judgement, run)| (judgement.clone(), run)).collect();
    let page = ladder_page(&ladder, &pairs).unwrap();
    let point = ladder.point.as_ref().unwrap();
    let full = point.costs.first().unwrap();
    for value in [full.blended, full.output_only] {
        assert!(page.contains(&estimate(value.unwrap())));
    }
    assert!(page.contains(&estimate_or_nothing(point.summary.output_rate)));
    for (judgement, _) in &pairs {
        let cell = |text: String| assert!(page.contains(&format!("<td>{text}</td>")), "{text}");
        cell(brief_or_nothing(judgement.summary.total_rate));
        cell(brief_or_nothing(judgement.costs[0].blended));
        cell(brief_seconds(judgement.summary.itl.p50));
        for doubt in judgement.summary.doubts.iter().take(1) {
            assert!(
                page.contains(&doubt.to_string().replace('`', ""))
                    || judgement.run.id != point.run.id
            );
        }
    }
    // What was not measured has a dash, and is no bar and no point.
    assert!(full.input.is_none() && page.contains("<div class=\"value\">—</div>"));
    assert!(!page.contains("input at 100%"));
}

#[test]
fn a_page_is_small() {
    for (name, page) in pages() {
        assert!(page.len() < 2 << 20, "{name}: {} bytes", page.len());
    }
}

/// 20,000 requests of 200 tokens: what is drawn doesn't grow with the run.
#[test]
fn the_page_of_a_long_run_is_small_too() {
    let (_, judged) = ladder();
    let (judgement, mut run) = judged.into_iter().last().unwrap();
    let tokens =
        |n: u32| (0..200).map(|token| ms(f64::from(n) * 5.0 + f64::from(token) * 20.0)).collect();
    let model = run.requests[0].clone();
    run.requests = (0..20_000)
        .map(|n| crate::record::Request { chunks: tokens(n), ..model.clone() })
        .collect();
    run.readings = (0..20_000)
        .map(|n| {
            let mut reading = run.readings[n % 30].clone();
            reading.at = ms(5.0 * f64::from(u32::try_from(n).unwrap()));
            reading
        })
        .collect();
    run.last = ms(104_000.0);
    let page = run_page(&judgement, &run).unwrap();
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}

#[test]
fn a_run_of_nothing_still_has_a_page() {
    let (_, judged) = ladder();
    let (_, run) = &judged[0];
    let bare = Run {
        requests: Vec::new(),
        readings: Vec::new(),
        phases: Vec::new(),
        last: ms(0.0),
        ..run.clone()
    };
    let books = Books {
        gpus: Catalogue::embedded().unwrap(),
        rentals: Rentals::embedded().unwrap(),
        prices: Book::embedded().unwrap(),
    };
    let today = jiff::civil::date(2026, 11, 22);
    let judgement = Judgement::of(&bare, &books, &Assumptions::on(today));
    let page = run_page(&judgement, &bare).unwrap();
    assert!(page.contains("nothing was measured") && page.contains("verdict bad"));
    let ladder = Ladder::of(None, Vec::new());
    assert!(ladder_page(&ladder, &[]).unwrap().contains("no rung is on record"));
}
