//! Judgements worked by hand.

use super::*;
use crate::cost::{Grain, Item, ToldBy};
use crate::hardware::Owned;
use crate::record::Finish;
use crate::record::builder::{RunBuilder, ms, request};
use crate::record::reading::{GpuInfo, GpuReading, Reading};
use crate::units::{Joules, Usd, UsdPerKwh, Watts};

fn judge(run: &Run) -> Judgement {
    judge_by(run, |assumptions| assumptions)
}

fn judge_as(run: &Run, force: bool) -> Judgement {
    judge_by(run, |assumptions| Assumptions { force, ..assumptions })
}

fn judge_by(run: &Run, change: impl FnOnce(Assumptions) -> Assumptions) -> Judgement {
    let books = Books {
        gpus: Catalogue::embedded().unwrap(),
        rentals: Rentals::embedded().unwrap(),
        prices: Book::embedded().unwrap(),
    };
    let today = jiff::civil::date(2026, 11, 22);
    let price = Some(MachinePrice::given(UsdPerHour(3.6)));
    Judgement::of(run, &books, &change(Assumptions { price, ..Assumptions::on(today) }))
}

/// `COST_MODEL.md`, section 3: 3.60 USD/h; 1,000 prompt tokens in 50 ms, 256 tokens of 10 ms each,
/// 0.1 s idle. Busy prices of 0.05 and 10 USD/Mtok, over an occupancy of 2.61 / 2.71.
fn worked() -> RunBuilder {
    let asked = request(100.0).prompt(1_000).token(60.0).tokens(255, 10.0).done(Finish::Length);
    let prompt =
        RunBuilder::measured(0.0, 2_710.0).request(asked).step((100.0, 150.0), 1_000, 0, 1);
    (0..256_u32).fold(prompt, |run, n| {
        let from = 150.0 + 10.0 * f64::from(n);
        run.step((from, from + 10.0), 0, 1, 1_001)
    })
}

#[test]
fn input_and_output_pay_for_all_the_time() {
    let judged = judge(&worked().build());
    let CostAtLoad { input, output, blended, .. } = judged.costs[0];
    let price = |cost: Option<Estimate<UsdPerMtok>>| cost.unwrap().value.0;
    assert!((price(input) - 0.05 * 2.71 / 2.61).abs() < 1e-9, "{input:?}");
    assert!((price(output) - 10.0 * 2.71 / 2.61).abs() < 1e-9, "{output:?}");
    // 0.001 USD/s × 2.71 s.
    let paid = 1_000.0 * price(input) + 256.0 * price(output);
    assert!((paid / 1e6 - 0.00271).abs() < 1e-12, "{paid}");
    assert!((1_256.0 * price(blended) / 1e6 - 0.00271).abs() < 1e-12, "{blended:?}");
    let busy = judged.while_busy.unwrap();
    assert!((price(busy.input) - 0.05).abs() < 1e-9 && (price(busy.output) - 10.0).abs() < 1e-9);
    let bill = judged.bill.as_ref().unwrap();
    let lines: Vec<_> = bill.lines.iter().map(|line| (line.item, line.cost.0)).collect();
    // 0.05, 2.56 and 0.1 s at 0.001 USD/s.
    let want = [(Item::UncachedInput, 5e-5), (Item::Output, 2.56e-3), (Item::Idle, 1e-4)];
    for ((item, cost), (item_wanted, wanted)) in lines.iter().zip(want) {
        assert!(*item == item_wanted && (cost - wanted).abs() < 1e-12, "{lines:?}");
    }
    assert_eq!((lines.len(), judged.cost_bounds), (3, None));
    assert!((bill.total.0 - 0.00271).abs() < 1e-12, "{bill:?}");
    // A tenth of the load is ten times the price, of each.
    assert!((price(judged.costs[2].input) / price(input) - 10.0).abs() < 1e-9);
}

/// Half of the prompt was in a cache that was to hold nothing.
#[test]
fn a_void_run_has_no_cost_unless_one_is_demanded() {
    let mut run = worked().build();
    run.requests[0].done.as_mut().unwrap().usage.cached = Some(Tokens(500));
    let judged = judge(&run);
    assert_eq!((judged.summary.verdict, judged.forced), (Verdict::Void, false));
    assert_eq!((judged.costs.len(), judged.while_busy, judged.cost_bounds), (0, None, None));
    assert_eq!(judged.bill, None);
    let forced = judge_as(&run, true);
    assert!(forced.forced && forced.costs[0].output.is_some() && forced.bill.is_some());
}

#[test]
fn without_steps_nothing_tells_input_from_output() {
    let mut run = worked().build();
    run.steps.clear();
    let judged = judge(&run);
    let CostAtLoad { input, output, blended, .. } = judged.costs[0];
    assert!(input.is_none() && output.is_none() && blended.is_some());
    // All of 0.00271 USD to 1,000 tokens of input, or to 256 of output; or none of it.
    let bounds = judged.cost_bounds.unwrap();
    for (ends, most) in [(bounds.input, 2.71), (bounds.output, 0.00271 / 256e-6)] {
        let (low, high) = ends.unwrap();
        assert!(low == UsdPerMtok(0.0) && (high.0 - most).abs() < 1e-9, "{bounds:?}");
    }
    assert_eq!((judged.while_busy, judged.bill.unwrap().lines.len()), (None, 1));
}

/// 3.60 USD/h for 90 s, billed 2 minutes: 0.12 USD over 60 s after start-up, 7.20 USD/h. Every token costs
/// twice as much, and the bill is the sitting's: 30 s of start-up, 2.71 s that were measured, 30 s rounded
/// up, and the rest.
#[test]
fn a_sitting_is_paid_for_whole() {
    let sitting = Sitting {
        beside: UsdPerHour(0.0),
        rented: Seconds(90.0),
        start_up: Seconds(30.0),
        grain: Grain::Minute,
    };
    let judged = judge_by(&worked().build(), |by| Assumptions { sitting: Some(sitting), ..by });
    let price = judged.price.unwrap();
    assert!((price.usd_per_hour.0 - 7.2).abs() < 1e-9, "{price:?}");
    let output = judged.costs[0].output.unwrap().value.0;
    assert!((output - 20.0 * 2.71 / 2.61).abs() < 1e-9, "{output}");
    let bill = judged.bill.unwrap();
    let of = |item| bill.lines.iter().find(|line| line.item == item).unwrap().cost.0;
    let wanted = [(Item::StartUp, 0.03), (Item::NotMeasured, 0.05729), (Item::RoundedUp, 0.03)];
    for (item, cost) in wanted {
        assert!((of(item) - cost).abs() < 1e-9, "{bill:?}");
    }
    assert!((bill.total.0 - 0.12).abs() < 1e-12 && judged.cautions.len() == 1, "{bill:?}");

    // Less rented than measured: no bill, and why.
    let short = Sitting { rented: Seconds(31.0), ..sitting };
    let judged = judge_by(&worked().build(), |by| Assumptions { sitting: Some(short), ..by });
    assert_eq!(judged.bill, None);
    assert!(judged.cautions.iter().any(|words| words.contains("only `31 s` rented")));
}

/// 35,040 USD over 35,040 hours, and 2 kW × 1.3 at 0.10 USD/kWh: 1.26 USD/h.
#[test]
fn a_machine_of_ones_own_has_its_hour() {
    let machine = Owned {
        purchase: Usd(35_040.0),
        resale: Usd(0.0),
        life: "4y".parse().unwrap(),
        power: Watts(2_000.0),
        pue: Ratio::of(1.3),
        electricity: UsdPerKwh(0.1),
        hosting: UsdPerHour(0.0),
        cost_of_capital: Ratio::of(0.0),
    };
    let price = MachinePrice::owned(machine).unwrap();
    assert!(price.is_owned());
    let judged = judge_by(&worked().build(), |by| Assumptions { price: Some(price), ..by });
    let output = judged.costs[0].output.unwrap().value.0;
    assert!((output - 10.0 * 1.26 / 3.6 * 2.71 / 2.61).abs() < 1e-9, "{output}");
}

/// Which run told stands with the result.
#[test]
fn another_run_may_tell_the_kinds_apart() {
    let run = worked().build();
    let other = OtherRuns::of(std::slice::from_ref(&run), &run.header).unwrap();
    let judged = judge_by(&run, |by| Assumptions { probe: Some(other), ..by });
    assert_eq!(judged.probe.unwrap().runs, std::slice::from_ref(&run.header.id));
    let Some(Attributed::Told(told)) = judged.attributed else { panic!("nothing is told") };
    let ToldBy::Steps { fit_of_another_run, .. } = told.told_by else { panic!("{told:?}") };
    assert!(fit_of_another_run);
}

/// A GPU that is read at 5 %, beside a process that works on one of two cores.
fn read_beside_a_gpu(used: Option<&str>) -> Judgement {
    let mut run = worked().head(|head| head.host.gpu = used.map(str::to_owned)).build();
    run.header.telemetry.gpus.push(GpuInfo::default());
    run.header.telemetry.period = Seconds(0.1);
    run.readings.extend((0..28).map(|n| Reading {
        at: ms(100.0 * f64::from(n)),
        cpu_time: Some(Seconds(0.1 * f64::from(n))),
        gpus: vec![GpuReading { busy: Some(Ratio::of(0.05)), ..GpuReading::default() }],
        ..Reading::default()
    }));
    judge(&run)
}

/// Ten watts counted over all the time; 1,256 tokens in 2.71 s are 0.021576 J each. At 1.3 of PUE and
/// 400 g/kWh a million of them are 3.1166 g, and at 0.10 USD/kWh 0.00077914 USD.
#[test]
fn counted_energy_has_its_emission() {
    let mut run = worked().head(|head| head.host.gpu = Some("a GPU".to_owned())).build();
    run.header.telemetry.gpus.push(GpuInfo::default());
    run.header.telemetry.period = Seconds(0.1);
    run.readings.extend((0..28).map(|n| {
        let counted = GpuReading { energy: Some(Joules(f64::from(n))), ..GpuReading::default() };
        Reading { at: ms(100.0 * f64::from(n)), gpus: vec![counted], ..Reading::default() }
    }));
    let machine = Owned {
        purchase: Usd(1.0),
        resale: Usd(0.0),
        life: Seconds::YEAR,
        power: Watts(10.0),
        pue: Ratio::of(1.3),
        electricity: UsdPerKwh(0.1),
        hosting: UsdPerHour(0.0),
        cost_of_capital: Ratio::of(0.0),
    };
    let (price, grid) = (Some(MachinePrice::owned(machine).unwrap()), Some(GramsPerKwh(400.0)));
    let judged = judge_by(&run, |by| Assumptions { price, grid, ..by });
    let found = judged.emission.unwrap();
    assert_eq!(found.of, crate::cost::Counted::Gpus);
    assert!((found.tokens.measured.0 - 0.021_576).abs() < 1e-6, "{found:?}");
    assert!((found.tokens.emission.unwrap().0 - 3.1166).abs() < 1e-3, "{found:?}");
    assert!((found.tokens.cost.unwrap().0 - 0.000_779_14).abs() < 1e-7, "{found:?}");
    // Nothing counted, nothing told, and that is said.
    run.readings.clear();
    let judged = judge_by(&run, |by| Assumptions { grid, ..by });
    assert!(judged.emission.is_none());
    assert!(judged.cautions.iter().any(|words| words.contains("no energy was measured")));
}

#[test]
fn a_gpu_that_stands_by_says_nothing_of_a_run_on_the_cpu() {
    let busy = |judged: &Judgement| format!("{:.0}", judged.busy().unwrap());
    assert_eq!(busy(&read_beside_a_gpu(None)), "50%");
    assert_eq!(busy(&read_beside_a_gpu(Some("a GPU"))), "5%");
}
