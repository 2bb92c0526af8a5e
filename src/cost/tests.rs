//! COST_MODEL.md's worked cases, by hand, and what must always hold.

use super::*;
use crate::record::{Peaks, Shape};
use crate::units::{
    Bytes, BytesPerSecond, Estimate, FlopsPerSecond, Ratio, Seconds, Tokens, TokensPerSecond, Usd,
    UsdPerHour, UsdPerMtok,
};
use proptest::prelude::*;

fn load(percent: f64) -> Load {
    Load::new(Ratio::percent(percent)).unwrap()
}

#[track_caller]
fn check_cost(percent: f64, want: &str) {
    let point = Estimate::bare(TokensPerSecond(185.0));
    let got = cost_at(UsdPerHour(2.5), point, load(percent)).value;
    assert_eq!(format!("{got:.6}"), format!("{want} USD/Mtok"));
}

#[test]
fn the_case_that_was_published_wrong() {
    check_cost(100.0, "3.753754");
    check_cost(30.0, "12.512513");
    check_cost(10.0, "37.537538");
}

#[test]
fn published_batched_rates_at_the_same_price() {
    // COST_MODEL.md: 1,070 to 15,220 tok/s are 0.65 to 0.046 USD/Mtok.
    for (rate, want) in [(1_070.0, "0.65"), (15_220.0, "0.05")] {
        let got = cost(UsdPerHour(2.5), Estimate::bare(TokensPerSecond(rate))).value;
        assert_eq!(format!("{got:.2}"), format!("{want} USD/Mtok"));
    }
}

#[test]
fn load_is_a_proper_share() {
    for percent in [0.0, -1.0, 100.1, f64::NAN] {
        assert!(Load::new(Ratio::percent(percent)).is_err(), "{percent}");
    }
    assert!("101%".parse::<Load>().is_err());
    assert_eq!("30%".parse::<Load>(), Ok(load(30.0)));
}

#[test]
fn the_interval_is_carried_and_lost_where_the_rate_may_be_nothing() {
    let rate = Estimate::within(TokensPerSecond(1_000.0), TokensPerSecond(100.0));
    let price = cost_at(UsdPerHour(3.6), rate, load(50.0));
    let (low, high) = price.interval.unwrap();
    // 3.6/3600/1100×1e6/0.5 and 3.6/3600/900×1e6/0.5
    assert!((low.0 - 1.818_181_8).abs() < 1e-6 && (high.0 - 2.222_222_2).abs() < 1e-6);
    let unsure = Estimate::within(TokensPerSecond(10.0), TokensPerSecond(10.0));
    assert_eq!(cost(UsdPerHour(3.6), unsure).interval, None);
}

#[track_caller]
fn check_bill(prices: (&str, &str), want: &str) {
    let budget = Budget { input: Tokens(10_000_000), output: Tokens(5_000_000) };
    let prices =
        TokenPrices { input: prices.0.parse().unwrap(), output: prices.1.parse().unwrap() };
    assert_eq!(budget.bill(prices), Some(want.parse().unwrap()));
}

#[test]
fn budgets_are_exact() {
    check_bill(("5e-8/tok", "5e-8/tok"), "0.75");
    check_bill(("5e-6/tok", "1.6e-5/tok"), "130.00");
    check_bill(("6e-8/tok", "2e-7/tok"), "1.60");
}

fn claim(figure: &str) -> Claim {
    Claim::new(figure.parse().unwrap()).unwrap()
}

fn slip_of(audit: &Audit) -> Option<Slip> {
    match audit.verdict {
        Verdict::Slipped { slip, .. } => Some(slip),
        _ => None,
    }
}

#[track_caller]
fn check_machine_claim(figure: &str, at: &[f64], want: Option<Slip>) -> Audit {
    let loads: Vec<Load> = at.iter().map(|percent| load(*percent)).collect();
    let full = UsdPerHour(2.5) / TokensPerSecond(185.0);
    let audit = audit_machine(claim(figure), full, &loads, None).unwrap();
    assert_eq!(slip_of(&audit), want, "{figure}: {audit:?}");
    audit
}

#[test]
fn the_published_prices_are_per_thousand() {
    let audit = check_machine_claim("0.0038", &[100.0, 30.0, 10.0], Some(Slip::PerThousand));
    assert_eq!(format!("{:.1}", audit.factor), "987.8");
    assert_eq!(audit.load, Some(load(100.0)));
    check_machine_claim("0.013", &[30.0], Some(Slip::PerThousand));
    check_machine_claim("0.038", &[10.0], Some(Slip::PerThousand));
}

#[test]
fn each_slip_is_named() {
    check_machine_claim("3.75", &[100.0], None);
    check_machine_claim("3.753754", &[100.0], None);
    check_machine_claim("0.000003754", &[100.0], Some(Slip::PerToken));
    check_machine_claim("13513.5", &[100.0], Some(Slip::HourForSecond));
    check_machine_claim("0.00104", &[100.0], Some(Slip::SecondForHour));
    check_machine_claim("0.469", &[100.0], Some(Slip::GpuForNode(8)));
    check_machine_claim("30.03", &[100.0], Some(Slip::NodeForGpu(8)));
    check_machine_claim("3.75", &[30.0], Some(Slip::LoadForgotten));
    check_machine_claim("41.7", &[30.0], Some(Slip::LoadTwice));
    check_machine_claim("375.4", &[100.0], Some(Slip::Cents));
    check_machine_claim("0.2664", &[100.0], Some(Slip::Inverted));
    let off = check_machine_claim("5.00", &[100.0], None);
    assert_eq!(off.verdict, Verdict::Unexplained);
}

#[test]
fn a_claim_that_is_right_at_any_load_is_right() {
    let audit = check_machine_claim("12.51", &[100.0, 30.0], None);
    assert_eq!((audit.verdict, audit.load), (Verdict::Right, Some(load(30.0))));
}

#[track_caller]
fn check_bill_claim(figure: &str, prices: (&str, &str), want: Option<Slip>) {
    let budget = Budget { input: Tokens(10_000_000), output: Tokens(5_000_000) };
    let prices =
        TokenPrices { input: prices.0.parse().unwrap(), output: prices.1.parse().unwrap() };
    let audit = audit_bill(claim(figure), budget, prices).unwrap();
    assert_eq!(slip_of(&audit), want, "{figure}: {audit:?}");
}

#[test]
fn published_bills() {
    let (distill, vision, coder) =
        (("5e-8/tok", "5e-8/tok"), ("5e-6/tok", "1.6e-5/tok"), ("6e-8/tok", "2e-7/tok"));
    check_bill_claim("0.75", distill, None);
    check_bill_claim("5", distill, None);
    check_bill_claim("0.13", vision, Some(Slip::BillOfThousands));
    check_bill_claim("160", vision, Some(Slip::InputAtOutputPrice));
    check_bill_claim("0.0016", coder, Some(Slip::BillOfThousands));
    check_bill_claim("0.60", coder, Some(Slip::InputOnly));
}

#[track_caller]
fn check_rental(grain: Grain, rented: Seconds, start_up: Seconds, want: (f64, f64)) {
    let rental =
        Rental { machine: UsdPerHour(3.6), beside: UsdPerHour(0.0), rented, start_up, grain };
    let bill = rental.bill().unwrap();
    assert!((bill.total.0 - want.0).abs() < 1e-9, "{bill:?}");
    assert!((bill.effective.0 - want.1).abs() < 1e-9, "{bill:?}");
}

#[test]
fn grains_round_up_and_start_up_is_paid() {
    // 90 minutes of which 6 are start-up, 3.60 USD/h: 5.40 USD over 84 minutes.
    check_rental(Grain::Second, Seconds(5_400.0), Seconds(360.0), (5.4, 5.4 / 1.4));
    check_rental(Grain::Minute, Seconds(5_400.0), Seconds(360.0), (5.4, 5.4 / 1.4));
    check_rental(Grain::Hour, Seconds(5_400.0), Seconds(360.0), (7.2, 7.2 / 1.4));
    check_rental(Grain::Minute, Seconds(61.0), Seconds(0.0), (0.12, 0.12 / 61.0 * 3_600.0));
    let rental = Rental {
        machine: UsdPerHour(1.0),
        beside: UsdPerHour(0.5),
        rented: Seconds(3_600.0),
        start_up: Seconds(0.0),
        grain: Grain::Hour,
    };
    assert_eq!(rental.bill().unwrap().total, Usd(1.5));
    assert_eq!(Rental { start_up: Seconds(3_600.0), ..rental }.bill(), None);
}

/// 8B parameters in 16 bits, as COST_MODEL.md section 1 speaks of it: 16 GB read a step.
fn eight_billion() -> Shape {
    Shape {
        architecture: "llama".into(),
        quantization: "BF16".into(),
        parameters: 8_000_000_000,
        active_parameters: 8_000_000_000,
        weights: Bytes(16_000_000_000),
        weights_read: Bytes(16_000_000_000),
        layers: 32,
        width: 4_096,
        heads: 32,
        kv_heads: 8,
        head_size: 128,
        vocabulary: 128_256,
        context: Tokens(131_072),
    }
}

fn h100() -> Peaks {
    Peaks {
        bandwidth: BytesPerSecond(3.35e12),
        arithmetic: FlopsPerSecond(989e12),
        source: "spec sheet".into(),
    }
}

#[test]
fn one_stream_of_eight_billion_on_an_h100_decodes_at_most_209_a_second() {
    let step = Work::of_step(&eight_billion(), Tokens(1), Tokens(0), Tokens(0), Tokens(1));
    let rate = Tokens(1) / step.least_time(&h100());
    assert_eq!(format!("{rate:.0}"), "209 tok/s");
}

#[test]
fn a_large_batch_is_bound_by_arithmetic() {
    // 2 × 8e9 × 1024 / 989e12 = 16.57 ms, against 16e9 / 3.35e12 = 4.78 ms of memory.
    let step = Work::of_step(&eight_billion(), Tokens(1_024), Tokens(0), Tokens(0), Tokens(1_024));
    assert!((step.least_time(&h100()).0 - 0.016_566).abs() < 1e-6);
    let mfu = step.mfu(Seconds(0.033_132), &h100()).unwrap();
    assert_eq!(format!("{mfu:.0}"), "50%");
    assert_eq!(step.mfu(Seconds(0.0), &h100()), None);
}

#[test]
fn a_prompt_needs_the_head_once() {
    // 2 × ((8e9 - 128,256 × 4,096) × 1,024 + 128,256 × 4,096), without attention.
    let prompt = Work::of_step(&eight_billion(), Tokens(1_024), Tokens(0), Tokens(0), Tokens(1));
    assert!((prompt.flops.0 - 1.530_916_14e13).abs() < 1e7, "{}", prompt.flops);
}

#[test]
fn a_damaged_record_has_no_floor_that_overflows() {
    let most = Tokens(u64::MAX);
    for (prompt, output) in [(most, Tokens(1)), (Tokens(1), most), (most, most)] {
        let _ = bound(UsdPerHour(2.5), &eight_billion(), &h100(), u32::MAX, prompt, output);
    }
}

#[test]
fn the_cache_of_llama_8b_grows_by_128_kib_a_token() {
    assert_eq!(cache_per_token(&eight_billion()), Bytes(128 * 1_024));
}

#[test]
fn the_floor_of_one_stream() {
    // 128 steps of 16e9 / 3.35e12 s: the prompt's pass, bound by memory too, and 127 decodes; the
    // cache of 64 tokens adds 64 × 131,072 B to each of these.
    let floor =
        bound(UsdPerHour(2.5), &eight_billion(), &h100(), 1, Tokens(1), Tokens(128)).unwrap();
    let decode = (16e9 + 65.0 * 131_072.0) / 3.35e12;
    let want = 2.5 / 3_600.0 * (16e9 / 3.35e12 + 127.0 * decode) / 128.0 * 1e6;
    assert!((floor.output_only.0 - want).abs() < 1e-9, "{floor:?} {want}");
    assert!(floor.blended < floor.output_only);
    assert_eq!(bound(UsdPerHour(2.5), &eight_billion(), &h100(), 1, Tokens(1), Tokens(0)), None);
}

proptest! {
    #[test]
    fn more_load_is_never_dearer(
        price in 0.01..100.0f64, rate in 0.1..1e5f64, low in 0.01..1.0f64, more in 0.0..1.0f64,
    ) {
        let at = |share| {
            let load = Load::new(Ratio::of(share)).unwrap();
            cost_at(UsdPerHour(price), Estimate::bare(TokensPerSecond(rate)), load).value
        };
        prop_assert!(at(low + (1.0 - low) * more) <= at(low));
    }

    #[test]
    fn an_interval_holds_its_value(
        price in 0.01..100.0f64, rate in 1.0..1e5f64, error in 0.0..0.99f64, share in 0.01..1.0f64,
    ) {
        let point = Estimate::within(TokensPerSecond(rate), TokensPerSecond(rate * error));
        let got = cost_at(UsdPerHour(price), point, Load::new(Ratio::of(share)).unwrap());
        let (low, high) = got.interval.unwrap();
        prop_assert!(low <= got.value && got.value <= high);
    }

    #[test]
    fn the_right_figure_is_always_right(price in 0.1..100.0f64, rate in 1.0..1e4f64, digits in 3u32..8) {
        let right = UsdPerHour(price) / TokensPerSecond(rate);
        let printed = format!("{:.*}", digits as usize, right.0);
        prop_assume!(printed.parse::<f64>().unwrap() > 0.0);
        let audit = audit_machine(claim(&printed), right, &[Load::FULL], None).unwrap();
        prop_assert_eq!(audit.verdict, Verdict::Right);
    }

    #[test]
    fn a_floor_falls_with_batch_and_is_never_free(batch in 1u32..64, prompt in 1u64..4_096, output in 1u64..1_024) {
        let floor = |batch| {
            bound(UsdPerHour(2.5), &eight_billion(), &h100(), batch, Tokens(prompt), Tokens(output)).unwrap()
        };
        prop_assert!(floor(batch + 1).blended <= floor(batch).blended * Ratio::of(1.0 + 1e-12));
        prop_assert!(floor(batch).blended > UsdPerMtok(0.0));
    }
}
