//! Comparisons of judgements whose figures are set by hand.

use super::*;
use crate::cost::{Assumptions, Books, MachinePrice};
use crate::record::builder::{RunBuilder, request};
use crate::record::{Arrivals, Finish};
use crate::units::{RequestsPerSecond, UsdPerHour};

fn judged(change: impl FnOnce(&mut Header)) -> Judgement {
    let books = Books {
        gpus: crate::hardware::Catalogue::embedded().unwrap(),
        rentals: crate::hardware::Rentals::embedded().unwrap(),
        prices: crate::prices::Book::embedded().unwrap(),
    };
    let today = jiff::civil::date(2026, 11, 22);
    let price = Some(MachinePrice::given(UsdPerHour(3.6)));
    let assumptions = Assumptions { price, ..Assumptions::on(today) };
    let asked = request(100.0).tokens(5, 10.0).done(Finish::Length);
    let run = RunBuilder::measured(0.0, 1_000.0).request(asked).head(change).build();
    Judgement::of(&run, &books, &assumptions)
}

/// A judgement with this rate and this median of the time to first token, each with a half-width.
fn with(change: impl FnOnce(&mut Header), rate: (f64, f64), ttft: (f64, f64)) -> Judgement {
    let mut judgement = judged(change);
    judgement.summary.total_rate =
        Some(Estimate::within(TokensPerSecond(rate.0), TokensPerSecond(rate.1)));
    judgement.summary.ttft.p50 = Some(Estimate::within(Seconds(ttft.0), Seconds(ttft.1)));
    judgement
}

fn findings(comparison: &Comparison) -> (Finding, Finding) {
    (comparison.rates[0].finding, comparison.latencies[0].finding)
}

#[track_caller]
fn check(rate: (f64, f64), ttft: (f64, f64), want: (Finding, Finding)) {
    let a = with(|_| {}, (100.0, 3.0), (0.100, 0.003));
    let b = with(|_| {}, rate, ttft);
    assert_eq!(findings(&Comparison::of(&a, &b)), want);
}

/// 3 and 4 make 5: a difference of 6 is seen, one of 4 is not.
#[test]
fn what_is_within_both_errors_is_a_tie() {
    use Finding::{Better, Tie, Worse};
    check((106.0, 4.0), (0.106, 0.004), (Better, Worse));
    check((94.0, 4.0), (0.094, 0.004), (Worse, Better));
    check((104.0, 4.0), (0.096, 0.004), (Tie, Tie));
}

#[test]
fn a_figure_without_an_interval_tells_nothing() {
    let (a, mut b) =
        (with(|_| {}, (100.0, 3.0), (0.1, 0.003)), with(|_| {}, (200.0, 3.0), (0.2, 0.003)));
    b.summary.total_rate = Some(Estimate::bare(TokensPerSecond(200.0)));
    b.summary.ttft.p50 = None;
    assert_eq!(findings(&Comparison::of(&a, &b)), (Finding::CantTell, Finding::CantTell));
}

#[test]
fn nothing_is_better_on_another_machine() {
    for change in [
        |head: &mut Header| head.host.cpu = "another processor".to_owned(),
        |head: &mut Header| head.host.cores = 64,
        |head: &mut Header| head.host.gpu = Some("NVIDIA H100 80GB HBM3".to_owned()),
        |head: &mut Header| head.server = Some(server("https://far.example:443/v1", false)),
    ] {
        let a = with(|_| {}, (100.0, 3.0), (0.1, 0.003));
        let b = with(change, (200.0, 3.0), (0.01, 0.003));
        let comparison = Comparison::of(&a, &b);
        assert!(!comparison.same_machine && comparison.differs[0].machine);
        assert_eq!(findings(&comparison), (Finding::OtherMachine, Finding::OtherMachine));
    }
}

fn server(url: &str, local: bool) -> Server {
    Server { url: url.to_owned(), endpoint: "/completions".to_owned(), local }
}

#[track_caller]
fn check_servers(a: (&str, bool), b: (&str, bool), same: bool) {
    let of = |(url, local): (&str, bool)| judged(|head| head.server = Some(server(url, local)));
    assert_eq!(Comparison::of(&of(a), &of(b)).same_machine, same, "{a:?} {b:?}");
}

/// Two servers on one machine are what one wants to compare.
#[test]
fn servers_are_told_apart_by_their_hosts() {
    check_servers(("http://127.0.0.1:8000", true), ("http://127.0.0.1:8001", true), true);
    check_servers(("http://a.example:8000", false), ("http://a.example:8001/v1", false), true);
    check_servers(("http://[::1]:8000", false), ("http://[::2]:8000", false), false);
    check_servers(("http://a.example", false), ("http://b.example", false), false);
    check_servers(("http://127.0.0.1:8000", true), ("http://b.example", false), false);
}

#[test]
fn what_was_asked_differs_by_name() {
    let other = |head: &mut Header| {
        head.engine = "another engine".to_owned();
        head.workload.seed = 7;
    };
    let comparison = Comparison::of(&judged(|_| {}), &judged(other));
    let named: Vec<_> = comparison.differs.iter().map(|one| one.what).collect();
    assert_eq!(named, ["engine", "seed"]);
    assert_eq!(comparison.differs[1].b.as_deref(), Some("7"));
    assert!(comparison.same_machine);
}

#[test]
fn rungs_meet_those_of_their_own_load() {
    let rung = |id: &str, in_flight| {
        judged(|head| {
            head.id = id.to_owned();
            head.workload.arrivals = Arrivals::Closed { in_flight };
        })
    };
    let open = |id: &str| {
        judged(|head| {
            head.id = id.to_owned();
            head.workload.arrivals = Arrivals::Poisson { rate: RequestsPerSecond(4.0) };
        })
    };
    let (a, b) =
        ([rung("a1", 1), rung("a4", 4), open("ap")], [rung("b4", 4), rung("b8", 8), open("bp")]);
    let got = Differences::of_sweeps(&a, &b);
    let pairs: Vec<_> = got.pairs.iter().map(|pair| (pair.a.as_str(), pair.b.as_str())).collect();
    assert_eq!(pairs, [("a4", "b4"), ("ap", "bp")]);
    assert_eq!(got.alone, ["a1", "b8"]);
}
