//! COST_MODEL.md's cases by hand, and what must always hold.

use super::share::{CachedBy, MixedBy, Shares, Sharing};
use super::*;
use crate::cost::paid::Paid;
use crate::cost::{CostAtLoad, MachinePrice};
use crate::record::builder::{RunBuilder, ms, request};
use crate::record::{Finish, Span};
use crate::summary::{Coefficient, Fit, Term, fit_requests, summarize};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HOUR: UsdPerHour = UsdPerHour(3.6);

#[expect(clippy::unnecessary_wraps, reason = "a kind of steps may have none")]
fn fit(terms: &[(Term, f64)]) -> Option<Fit> {
    let found = |(term, ms): &(Term, f64)| Coefficient { term: *term, time: Seconds(ms / 1e3) };
    let none = Ratio::of(0.0);
    Some(Fit {
        fitted: 1,
        held_out: 1,
        coefficients: terms.iter().map(found).collect(),
        undetermined: Vec::new(),
        error: none,
        held_out_error: none,
        held_out_median: none,
    })
}

fn step(length: f64, [p, a, ac, d, k]: [u64; 5]) -> Step {
    Step {
        span: Span { from: ms(0.0), to: ms(length) },
        prefill: Tokens(p),
        decode: u32::try_from(d).unwrap(),
        context: Tokens(a + k),
        prefill_context: Some(Tokens(a)),
        cached_context: Some(Tokens(ac)),
    }
}

/// Milliseconds of uncached, cached, output, and what told them.
#[track_caller]
fn check_shares(fit: &StepFit, others: &[Step], step: &Step, want: [f64; 3], by: MixedBy) {
    let all: Vec<Step> = others.iter().chain([step]).copied().collect();
    let alone = Alone::of(&all);
    let steps: Vec<&Step> = all.iter().collect();
    let sharing = Sharing::of(&steps, fit, &alone);
    assert_eq!(sharing.mixed_by(), Some(by));
    let Shares { uncached, cached, output } = sharing.shares(step).unwrap();
    for (got, want) in [uncached, cached, output].into_iter().zip(want) {
        assert!((got.0 * 1e3 - want).abs() < 1e-6, "{got} ≠ {want} ms");
    }
}

/// c0 = 10; 100 prompt tokens of 0.1 and 1,000 of context of 0.002 make 12; four sequences of 1 and
/// 400 of context of 0.005 make 6; 30 ms, so the residual is 2.
const MIXED: [(Term, f64); 5] = [
    (Term::Step, 10.0),
    (Term::Prompt, 0.1),
    (Term::PromptContext, 0.002),
    (Term::Sequence, 1.0),
    (Term::SequenceContext, 0.005),
];

fn fits() -> StepFit {
    let [c0, p, a, d, k] = MIXED;
    StepFit { prefill: fit(&[c0, p, a]), decode: fit(&[c0, d, k]), mixed: fit(&MIXED) }
}

/// COST_MODEL.md: (12 + 5) × 30/28 = 18.21 ms and (6 + 5) × 30/28 = 11.79 ms.
#[test]
fn a_mixed_step_by_its_fit() {
    let plain = step(30.0, [100, 1_000, 0, 4, 400]);
    let (prefill, decode) = (17.0 * 30.0 / 28.0, 11.0 * 30.0 / 28.0);
    assert_eq!(format!("{prefill:.2} {decode:.2}"), "18.21 11.79");
    check_shares(&fits(), &[], &plain, [prefill, 0.0, decode], MixedBy::Fit);
    // Half of the context was cached: 0.002 × 500 × 30/28.
    let half = step(30.0, [100, 1_000, 500, 4, 400]);
    let cached = 30.0 / 28.0;
    check_shares(&fits(), &[], &half, [prefill - cached, cached, decode], MixedBy::Fit);
}

/// Alone, prefill would take 22 ms and decoding 16: (22 + 30 - 16) / 2 = 18. Of prefill's 22 the
/// cached context is 1, so of its 18 it is 18/22.
#[test]
fn without_a_fit_of_mixed_steps_what_each_takes_alone_tells() {
    let fits = StepFit { mixed: None, ..fits() };
    let half = step(30.0, [100, 1_000, 500, 4, 400]);
    let cached = 18.0 / 22.0;
    check_shares(&fits, &[], &half, [18.0 - cached, cached, 12.0], MixedBy::PureFits);
}

/// 200 prompt tokens alone took 40 ms, four sequences 16: (20 + 30 - 16) / 2 = 17. A fit whose prompts
/// can't be told from its steps is none.
#[test]
fn without_fits_of_pure_steps_their_means_tell() {
    let others = [step(40.0, [200, 900, 0, 0, 0]), step(16.0, [0, 0, 0, 4, 90])];
    let mixed = step(30.0, [100, 1_000, 0, 4, 400]);
    let none = StepFit { prefill: None, decode: None, mixed: None };
    check_shares(&none, &others, &mixed, [17.0, 0.0, 13.0], MixedBy::PureMeans);
    let one_length = fit(&[(Term::Step, 10.0), (Term::PromptContext, 0.1)]);
    let poor = StepFit { prefill: one_length.clone(), mixed: one_length, decode: None };
    check_shares(&poor, &others, &mixed, [17.0, 0.0, 13.0], MixedBy::PureMeans);
}

/// A pure step is its kind's, all of it: 25 ms where the fit says 22; the cached context's 1 ms grows
/// with it.
#[test]
fn a_pure_step_is_its_kinds() {
    let cached = 25.0 / 22.0;
    let read = step(25.0, [100, 1_000, 500, 0, 0]);
    check_shares(&fits(), &[], &read, [25.0 - cached, cached, 0.0], MixedBy::NoneSeen);
    let written = step(7.0, [0, 0, 0, 4, 400]);
    check_shares(&fits(), &[], &written, [0.0, 0.0, 7.0], MixedBy::NoneSeen);
}

/// COST_MODEL.md, section 3, first case.
fn worked() -> Run {
    let asked = request(100.0).prompt(1_000).token(60.0).tokens(255, 10.0).done(Finish::Length);
    let prompt =
        RunBuilder::measured(0.0, 2_710.0).request(asked).step((100.0, 150.0), 1_000, 0, 500_500);
    let run = (0..256_u32).fold(prompt, |run, n| {
        let from = 150.0 + 10.0 * f64::from(n);
        run.step((from, from + 10.0), 0, 1, 1_001 + u64::from(n))
    });
    let mut run = run.build();
    for step in &mut run.steps {
        step.cached_context = Some(Tokens(0));
    }
    run
}

#[track_caller]
fn told(run: &Run, evidence: Evidence<'_>) -> Attribution {
    match attribute(run, evidence) {
        Some(Attributed::Told(told)) => *told,
        other => panic!("{other:?}"),
    }
}

fn busy(price: &PriceOfKind) -> f64 {
    price.busy.unwrap().value.0
}

fn at_load(price: &PriceOfKind) -> Option<f64> {
    price.at_load.map(|price| price.value.0)
}

#[test]
fn fifty_milliseconds_of_prompt_and_256_tokens_of_ten() {
    let found = told(&worked(), Evidence::default());
    assert_eq!(format!("{:.1}", found.uncached.share), "1.9%");
    let occupancy = found.occupancy.unwrap().get();
    assert!((occupancy - 2.61 / 2.71).abs() < 1e-12, "{occupancy}");
    let prices = found.prices(HOUR, Load::FULL);
    assert!((busy(&prices.uncached) - 0.05).abs() < 1e-9, "{prices:?}");
    assert!((busy(&prices.output) - 10.0).abs() < 1e-9, "{prices:?}");
    assert!((at_load(&prices.output).unwrap() - 10.0 * 2.71 / 2.61).abs() < 1e-9, "{prices:?}");
    assert_eq!((found.cached.tokens, prices.cached.busy), (Tokens(0), None));
    // One request is no round of six: nothing is known of the error.
    assert_eq!(found.output.busy.unwrap().interval, None);
    let third = found.prices(HOUR, Load::new(Ratio::percent(30.0)).unwrap());
    let ratio = at_load(&third.output).unwrap() / at_load(&prices.output).unwrap();
    assert!((ratio - 1.0 / 0.3).abs() < 1e-9);
}

/// Coefficients in milliseconds, as of `MIXED`.
const TRUTH: [f64; 5] = [10.0, 0.1, 0.002, 1.0, 0.005];

/// A closed loop of one: each request's prompt is read while another sequence decodes, then so many
/// steps decode. Times are the truth's, with an even error of up to so much to either side. Some
/// prompts are cached in part.
fn simulated(seed: u64, requests: u32, error: f64) -> Run {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut run = RunBuilder::measured(0.0, 1e9);
    let (mut at, mut cached) = (0.0, Vec::new());
    let mut contexts = Vec::new();
    for n in 0..requests {
        let (prompt, found) = (chance.random_range(40..400_u64), chance.random_range(0..2_u64));
        let found = found * prompt / 3;
        let read = prompt - found;
        let (a, ac) = (read * found + read * (read + 1) / 2, read * found);
        let mut asked = request(at).prompt(prompt);
        let start = at;
        for m in 0..chance.random_range(4..12_u64) {
            let d = chance.random_range(1..6_u64);
            let k = d * chance.random_range(50..900_u64);
            // One prompt in four is read alone.
            let (p, a, ac) = if m == 0 { (read, a, ac) } else { (0, 0, 0) };
            let (d, k) = if m == 0 && n % 4 == 0 { (0, 0) } else { (d, k) };
            let row = [1, p, a, d, k].map(|count| Tokens(count).get());
            let time: f64 = row.iter().zip(TRUTH).map(|(x, c)| x * c).sum();
            let time = time * (1.0 + error * chance.random_range(-1.0..1.0));
            run = run.step((at, at + time), p, u32::try_from(d).unwrap(), a + k);
            contexts.push((a, ac));
            at += time;
            let since = at - start - asked_for(&asked, start);
            asked = asked.token(since);
        }
        run = run.request(asked.done(Finish::Length));
        cached.push(found);
        at += 3.0;
    }
    let mut run = run.build();
    for (step, (a, ac)) in run.steps.iter_mut().zip(contexts) {
        step.prefill_context = Some(Tokens(a));
        step.cached_context = Some(Tokens(ac));
    }
    for (request, cached) in run.requests.iter_mut().zip(cached) {
        request.done.as_mut().unwrap().usage.cached = Some(Tokens(cached));
    }
    run
}

/// Milliseconds from a start to a request's last token.
fn asked_for(asked: &crate::record::builder::RequestBuilder, start: f64) -> f64 {
    asked.last().map_or(0.0, |at| at.since(ms(start)).0 * 1e3)
}

/// What the prices make of the window's tokens, beside its bill.
fn paid(found: &Attribution) -> (f64, f64) {
    let prices = found.prices(HOUR, Load::FULL);
    let kinds = [
        (found.uncached, prices.uncached),
        (found.cached, prices.cached),
        (found.output, prices.output),
    ];
    let paid = kinds
        .iter()
        .map(|(part, price)| price.at_load.map_or(0.0, |price| (price.value * part.tokens).0));
    (paid.sum(), (HOUR * found.window).0)
}

/// Without errors the shares are the truth's own, worked from its coefficients step by step.
#[test]
fn shares_are_those_that_the_steps_were_made_of() {
    let run = simulated(1, 200, 0.0);
    let found = told(&run, Evidence::default());
    let by =
        ToldBy::Steps { mixed: MixedBy::Fit, cached: CachedBy::Fit, fit_of_another_run: false };
    assert_eq!(found.told_by, by);
    let window = SteadyWork::of(&run).unwrap().span;
    let (mut cached, mut output) = (0.0, 0.0);
    for step in run.steps.iter().filter(|step| window.overlap(step.span).is_some()) {
        let [c0, _, a, d, k] = TRUTH;
        cached += a * step.cached_context.unwrap().get();
        if step.decode > 0 {
            let context = step.context.get() - step.prefill_context.unwrap().get();
            let half = if step.prefill > Tokens(0) { 0.5 } else { 1.0 };
            output += c0 * half + d * f64::from(step.decode) + k * context;
        }
    }
    assert!((found.cached.time.0 * 1e3 / cached - 1.0).abs() < 1e-3, "{found:?} {cached}");
    assert!((found.output.time.0 * 1e3 / output - 1.0).abs() < 1e-3, "{found:?} {output}");
    let (paid, bill) = paid(&found);
    assert!((paid / bill - 1.0).abs() < 1e-9, "{paid} ≠ {bill}");
}

/// What a run is said to cost is each kind's own price: they pay for the window, at any load.
#[test]
fn a_runs_costs_are_the_prices_of_its_kinds() {
    let run = simulated(1, 200, 0.0);
    let found = told(&run, Evidence::default());
    let told = Attributed::Told(Box::new(found.clone()));
    let paid = Paid::of(&MachinePrice::given(HOUR), &summarize(&run), Some(&told), &[]);
    assert!(found.cached.time.0 > 0.01 * found.window.0, "{found:?}");
    for CostAtLoad { load, input, cached, output, .. } in paid.costs {
        let kinds = [(input, &found.uncached), (cached, &found.cached), (output, &found.output)];
        let all: f64 = kinds.iter().map(|(cost, part)| (cost.unwrap().value * part.tokens).0).sum();
        let bill = (HOUR * found.window).0 / load.share().get();
        assert!((all / bill - 1.0).abs() < 1e-9, "{all} ≠ {bill}");
    }
    let busy = paid.while_busy.unwrap();
    let busy = [busy.input, busy.cached, busy.output].map(|cost| cost.unwrap().value);
    let parts = [&found.uncached, &found.cached, &found.output];
    for (cost, part) in busy.into_iter().zip(parts) {
        let paid = (cost * part.tokens).0;
        assert!((paid / (HOUR * part.time).0 - 1.0).abs() < 1e-9, "{paid}: {part:?}");
    }
}

#[test]
fn time_of_cached_tokens_that_nobody_counts_stays_with_the_uncached() {
    let mut run = simulated(2, 60, 0.0);
    let all = told(&run, Evidence::default());
    run.requests.iter_mut().for_each(|one| one.done.as_mut().unwrap().usage.cached = None);
    let found = told(&run, Evidence::default());
    assert!(matches!(found.told_by, ToldBy::Steps { cached: CachedBy::Untold, .. }));
    assert_eq!(found.prices(HOUR, Load::FULL).cached.at_load, None);
    let input = all.uncached.time + all.cached.time;
    assert!((found.uncached.time.0 - input.0).abs() < 1e-9);
    let (paid, bill) = paid(&found);
    assert!((paid / bill - 1.0).abs() < 1e-9, "{paid} ≠ {bill}");
}

/// Of 200 simulated runs of 60 requests, whose steps err by up to 20 %, the intervals hold what the
/// truth gives for ever so many requests in about 95 of 100; one that has no interval doesn't.
#[test]
fn intervals_cover_the_truth() {
    let long = told(&simulated(99, 6_000, 0.0), Evidence::default());
    let truth = [long.uncached, long.cached, long.output].map(|part| part.busy.unwrap().value.0);
    let mut held = [0_u32; 3];
    for seed in 0..200 {
        let found = told(&simulated(1_000 + seed, 60, 0.2), Evidence::default());
        let parts = [found.uncached, found.cached, found.output];
        for ((part, truth), held) in parts.iter().zip(truth).zip(&mut held) {
            let interval = part.busy.unwrap().interval;
            *held +=
                u32::from(interval.is_some_and(|(low, high)| low.0 <= truth && truth <= high.0));
        }
    }
    assert!(held.iter().all(|held| (180..=199).contains(held)), "{held:?}");
}

/// All steps are mixed: nothing says whose they are.
#[test]
fn where_nothing_tells_there_are_bounds() {
    let run = (0..20_u32).fold(RunBuilder::measured(0.0, 200.0), |run, n| {
        let at = 10.0 * f64::from(n);
        let asked = request(at).prompt(30).tokens(2, 5.0).done(Finish::Length);
        run.request(asked).step((at, at + 8.0), 30, 2, 999)
    });
    let Some(Attributed::Bounds(bounds)) = attribute(&run.build(), Evidence::default()) else {
        panic!("told")
    };
    assert_eq!(bounds.untold, Untold::MixedSteps);
    // 0.2 s of 0.001 USD/s for 600 prompt tokens, or for 40 of output.
    let (low, high) = bounds.input.prices(HOUR, Load::FULL).unwrap();
    assert!(low.0.abs() < 1e-9 && (high.0 - 2e-4 / 600.0 * 1e6).abs() < 1e-9, "{bounds:?}");
    let (low, high) = bounds.output.prices(HOUR, Load::FULL).unwrap();
    assert!(low.0.abs() < 1e-9 && (high.0 - 2e-4 / 40.0 * 1e6).abs() < 1e-9, "{bounds:?}");
}

/// One at a time; prompts of 100 to 1,000 tokens take 10 ms and 0.1 a token, answers 5 ms a token.
fn served() -> Run {
    let mut run = RunBuilder::measured(0.0, 1e9);
    let mut at = 0.0;
    for n in 0..40_u32 {
        let prompt = 100 + 37 * u64::from(n % 25);
        let first = 10.0 + 0.1 * Tokens(prompt).get();
        let asked = request(at).prompt(prompt).token(first).tokens(9, 5.0);
        run = run.request(asked.done(Finish::Length));
        at += first + 45.0;
    }
    run.build()
}

#[test]
fn a_server_has_bounds_until_it_is_probed() {
    let run = served();
    let Some(Attributed::Bounds(bounds)) = attribute(&run, Evidence::default()) else {
        panic!("told")
    };
    assert_eq!((bounds.untold, bounds.input.least), (Untold::NoProbe, Seconds(0.0)));
    assert_eq!(bounds.output.most, bounds.window);
    let probe = fit_requests(&[&run]);
    let found = told(&run, Evidence { requests: Some(&probe), ..Evidence::default() });
    assert_eq!(found.told_by, ToldBy::Probe { cached: CachedBy::Untold });
    // A prompt's own time, and 50 ms for ten tokens by the fit (nine gaps of 5 ms were seen), scaled
    // down to the time that there was.
    let prompts: f64 = run.requests.iter().map(|one| 0.01 + 1e-4 * one.prompt.get()).sum();
    let raw = prompts + 40.0 * 0.05;
    let want = prompts / raw * found.window.0;
    assert!((found.uncached.time.0 / want - 1.0).abs() < 1e-3, "{found:?} {want}");
    assert_eq!((found.occupancy, found.output.busy), (None, None));
    let (paid, bill) = paid(&found);
    assert!((paid / bill - 1.0).abs() < 1e-9, "{paid} ≠ {bill}");
}

#[test]
fn a_probe_at_one_load_says_nothing_of_others() {
    let probe = fit_requests(&[&served()]);
    let pairs = (0..20_u32).fold(RunBuilder::measured(0.0, 1e9).in_flight(2), |run, n| {
        let at = 100.0 * f64::from(n);
        let one = || request(at).prompt(200).token(30.0).tokens(9, 5.0).done(Finish::Length);
        run.request(one()).request(one())
    });
    let evidence = Evidence { requests: Some(&probe), ..Evidence::default() };
    let Some(Attributed::Bounds(bounds)) = attribute(&pairs.build(), evidence) else {
        panic!("told")
    };
    assert_eq!(bounds.untold, Untold::PoorProbe);
}

proptest! {
    /// Whatever a step was and whatever a fit says: its shares are its time, and none is negative.
    #[test]
    fn shares_of_a_step_add_up(
        length in 0.001..1e4f64, counts in prop::array::uniform5(0u64..5_000),
        found in prop::array::uniform5(0.0..20.0f64), basis in 0..3u8,
    ) {
        let [p, a, ac, d, k] = counts;
        let step = step(length, [p, a, ac.min(a), d % 64, k]);
        let terms: Vec<_> = MIXED.iter().zip(found).map(|((term, _), c)| (*term, c)).collect();
        let all = StepFit {
            prefill: fit(&terms[..3]),
            decode: fit(&[terms[0], terms[3], terms[4]]),
            mixed: fit(&terms),
        };
        let fits = match basis {
            0 => all,
            1 => StepFit { mixed: None, ..all },
            _ => StepFit { prefill: None, decode: None, mixed: None },
        };
        let others = [self::step(9.0, [10, 55, 0, 0, 0]), self::step(7.0, [0, 0, 0, 3, 99])];
        let steps: Vec<&Step> = others.iter().chain([&step]).collect();
        let alone = Alone::of(&others);
        let shares = Sharing::of(&steps, &fits, &alone).shares(&step).unwrap();
        prop_assert!((shares.sum().0 - step.length().0).abs() <= 1e-12 * length);
        prop_assert!([shares.uncached, shares.cached, shares.output].iter().all(|part| part.0 >= 0.0));
    }

    /// Tokens times prices are the window's bill, whoever was charged; at half the load each is twice as
    /// dear.
    #[test]
    fn the_prices_pay_for_the_time(seed in 0u64..1_000, requests in 3u32..30, error in 0.0..0.5f64) {
        let found = told(&simulated(seed, requests, error), Evidence::default());
        let (paid, bill) = paid(&found);
        prop_assert!((paid / bill - 1.0).abs() < 1e-9, "{} ≠ {}", paid, bill);
        let shares = [found.uncached, found.cached, found.output].map(|part| part.share.get());
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let half = found.prices(HOUR, Load::new(Ratio::percent(50.0)).unwrap());
        let full = found.prices(HOUR, Load::FULL);
        for (half, full) in [(half.uncached, full.uncached), (half.output, full.output)] {
            prop_assert!(at_load(&half) >= at_load(&full));
        }
    }
}
