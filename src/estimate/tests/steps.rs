//! Steps and predictions worked by hand, and ladders.

use super::{calibration, near, traffic, with};
use crate::estimate::step::Step;
use crate::estimate::{
    Basis, Calibration, EstimateError, Limit, Term, Weights, ladder, powers_of_two, predict,
};
use crate::hint::Hint;
use crate::units::UsdPerHour;

/// Llama 3.1 8B, 16 bits, an H100, one sequence of 1 prompt token and 2 of output. Per layer
/// 4,096 × 128 × 2 × (32 + 8) + 3 × 4,096 × 14,336 = 218,103,808 parameters; the head is
/// 128,256 × 4,096. Two bytes each, and two positions of 131,072 bytes in the cache:
/// 15,009,316,864 + 262,144 bytes at 3.35 TB/s.
#[test]
fn a_step_of_one_sequence() {
    with(("llama-3.1-8b", Weights::Bf16), ("h100-sxm", 1), |deployment| {
        let step = Step::of(deployment, traffic(1, 2), 1.0).unwrap();
        near(step.floor.memory.0, 15_009_579_008.0 / 3.35e12, 1e-9);
        near(step.floor.time().0, step.floor.memory.0, 1e-12);
        // 1.5 tokens through 32 layers and 1.5 through the head, two operations a parameter; 1 × 2
        // positions seen by the token, half of 1 by the half token of prompt: 4 × 4,096 × 32 each.
        let flops = 2.0 * 1.5 * (32.0 * 218_103_808.0 + 525_336_576.0)
            + 4.0 * 4_096.0 * 32.0 * (2.0 + 0.25);
        near(step.floor.arithmetic.0, flops / 989e12, 1e-9);
        near(step.loads[0], 32.0, 1e-12);
        near(step.loads[1], 1.0, 1e-12);
        near(step.loads[2], 4.0 * 128_256.0 / 3.35e12, 1e-12);
        near(step.loads[3], 32.0 * (1.0 - (-0.5_f64).exp()), 1e-12);
        assert!(step.loads[4..].iter().all(|load| load.abs() < 1e-15), "{:?}", step.loads);
    });
}

/// Two GPUs read half of the weights each; keys of 8 heads can be divided among 8 GPUs, not 16; what a
/// latent model caches can't be divided.
#[test]
fn what_gpus_share() {
    let memory = |model: &str, gpus: u32, batch: f64| {
        with((model, Weights::Bf16), ("b200", gpus), |deployment| {
            Step::of(deployment, traffic(10_000, 2), batch).unwrap().floor.memory.0
        })
    };
    near(memory("llama-3.1-8b", 2, 64.0), memory("llama-3.1-8b", 1, 64.0) / 2.0, 1e-6);
    let cache = |model: &str, gpus: u32| memory(model, gpus, 2e6) - memory(model, gpus, 1e6);
    near(cache("llama-3.1-8b", 16), cache("llama-3.1-8b", 8), 1e-6);
    near(cache("deepseek-v3", 8), cache("deepseek-v3", 1), 1e-3);
}

/// `layer` alone, 1 ms: 32 layers take 32 ms beside the roofline.
#[test]
fn parts_add_up_to_the_gap() {
    let text = "[[calibration]]\nsource = \"x\"\ndate = \"2026-02-16\"\ngpus = [\"h100-sxm\"]\n\
        layer = 0.001\nsequence = 0.0\nsampling = 0.0\nprompt = 0.0\neight_bit = 0.0\npeer = 0.0\n\
        routing = 0.0\ndense = [0.5, 2.0]\nexperts = [1.0, 1.0]\ndense_elsewhere = [0.25, 4.0]\n\
        experts_elsewhere = [1.0, 1.0]\n";
    let calibration = Calibration::parse("x.toml", text).unwrap();
    with(("llama-3.1-8b", Weights::Bf16), ("h100-sxm", 1), |deployment| {
        let got = predict(deployment, traffic(1, 2), 1, &calibration).unwrap();
        assert_eq!((got.limit, got.basis), (Limit::Memory, Basis::Measured));
        assert_eq!(got.parts.len(), 2);
        assert_eq!((got.parts[0].term, got.parts[1].term), (None, Some(Term::Layer)));
        near(got.parts[1].time.0, 0.032, 1e-9);
        near(got.gap.value.0, got.parts.iter().map(|part| part.time.0).sum(), 1e-12);
        near(got.output_rate.value.0, 1.0 / got.gap.value.0, 1e-12);
        near(got.total_rate.value.0, 1.5 * got.output_rate.value.0, 1e-12);
        let (low, high) = got.output_rate.interval.unwrap();
        near(low.0, 0.5 * got.output_rate.value.0, 1e-12);
        near(high.0, 2.0 * got.output_rate.value.0, 1e-12);
    });
    // Another GPU, and a format that was never measured.
    with(("llama-3.1-8b", Weights::Bf16), ("a100-sxm", 1), |deployment| {
        let got = predict(deployment, traffic(1, 2), 1, &calibration).unwrap();
        assert_eq!(got.basis, Basis::Elsewhere);
        near(got.output_rate.interval.unwrap().0.0, 0.25 * got.output_rate.value.0, 1e-12);
    });
    with(("llama-3.1-8b", Weights::Int4), ("h100-sxm", 1), |deployment| {
        let got = predict(deployment, traffic(1, 2), 1, &calibration).unwrap();
        assert_eq!(got.basis, Basis::Elsewhere);
    });
}

#[test]
fn questions_without_an_answer() {
    let ask = |on: &str, gpus: u32, prompt: u64, output: u64, batch: u32| {
        with(("llama-3.1-8b", Weights::Bf16), (on, gpus), |deployment| {
            predict(deployment, traffic(prompt, output), batch, &calibration())
                .unwrap_err()
                .to_string()
        })
    };
    assert_eq!(ask("h100-sxm", 0, 1, 1, 1), "`gpus` is 0");
    assert_eq!(ask("h100-sxm", 1, 1, 0, 1), "`output` is 0");
    assert_eq!(ask("h100-sxm", 1, 1, 1, 0), "`batch` is 0");
    assert_eq!(ask("a10g", 1, 1, 1, 1), "no peak arithmetic of GPU `a10g` is known");
    let long = ask("h100-sxm", 1, 200_000, 1, 1);
    assert_eq!(long, "prompt and output are 200001 tokens, and `llama-3.1-8b` was made for 131072");
    assert!(matches!("fp5".parse::<Weights>(), Err(e @ EstimateError::UnknownFormat { .. })
        if e.hint().is_some()));
}

/// A price is the hour over the rate; what doesn't fit has none.
#[test]
fn a_ladder_has_prices_where_it_fits() {
    with(("llama-3.1-70b", Weights::Bf16), ("h100-sxm", 2), |deployment| {
        let made = |price| {
            ladder(deployment, traffic(100, 100), &[1, 100_000], price, &calibration()).unwrap()
        };
        let got = made(Some(UsdPerHour(7.2)));
        let one = got.rungs[0].outcome.as_ref().unwrap();
        let costs = one.costs.unwrap();
        // 7.2 USD/h is 0.002 USD/s.
        near(costs.output_only.value.0, 2_000.0 / one.prediction.output_rate.value.0, 1e-9);
        near(costs.blended.value.0, costs.output_only.value.0 / 2.0, 1e-9);
        assert!(costs.blended_floor <= costs.blended.interval.unwrap().0);
        assert!(got.rungs[1].outcome.is_none() && got.rungs[1].memory.misfit.is_some());
        assert_eq!(got.cheapest().unwrap().batch, 1);
        // Nobody says what they cost: there is a rate and no price.
        let unpriced = made(None);
        assert_eq!(unpriced.cheapest().unwrap().outcome.as_ref().unwrap().costs, None);
    });
    assert_eq!(powers_of_two(0), [1]);
    assert_eq!(powers_of_two(8), [1, 2, 4, 8]);
    assert_eq!(powers_of_two(11), [1, 2, 4, 8, 11]);
}
