//! The roofline: no software is faster than the hardware. COST_MODEL.md section 8.
//!
//! `t_step >= max(FLOPs / peak FLOP/s, bytes that must move / peak bandwidth)`. What is counted is
//! what no implementation can avoid (each weight read once a step, each cached key and value read
//! once a sequence, two FLOPs a parameter and token), so the floor errs on the low side and a
//! measured price beneath it means that something is broken.

use crate::record::{Peaks, Shape};
use crate::units::{Bytes, Flops, Ratio, Seconds, Tokens, TokensPerSecond, UsdPerHour, UsdPerMtok};
use serde::Serialize;

/// Bytes of a cached key or value: 16 bits. Engines that cache in 8 bits exist and could go lower;
/// none that is measured here does.
const CACHE_ELEMENT: u64 = 2;

/// What a forward pass must do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Work {
    /// Arithmetic.
    pub flops: Flops,
    /// Memory traffic.
    pub bytes: Bytes,
}

impl Work {
    /// One step: `tokens` new tokens over all sequences, which attend to `context` positions,
    /// summed over the tokens, of which `cached` must be read from the cache; the head is needed
    /// for `logits` of them: the last of each prompt, and every decoded one.
    pub fn of_step(
        shape: &Shape,
        tokens: Tokens,
        context: Tokens,
        cached: Tokens,
        logits: Tokens,
    ) -> Self {
        Self::of_steps(shape, 1, tokens, context, cached, logits)
    }

    /// The same summed over many steps, each of which reads the weights once.
    pub fn of_steps(
        shape: &Shape,
        steps: u64,
        tokens: Tokens,
        context: Tokens,
        cached: Tokens,
        logits: Tokens,
    ) -> Self {
        // A token multiplies with every active parameter (a multiply-add is two operations), but
        // with the head's only where its logits are wanted; its queries with the keys and the
        // values of every position in its context.
        let head = Tokens(u64::from(shape.vocabulary) * u64::from(shape.width)).get();
        let body = (Tokens(shape.active_parameters).get() - head).max(0.0);
        let dense = 2.0 * (body * tokens.get() + head * logits.get());
        let query = f64::from(shape.heads) * f64::from(shape.head_size);
        let attention = 4.0 * f64::from(shape.layers) * query * context.get();
        let weights = shape.weights_read.0.saturating_mul(steps);
        let cache = cache_per_token(shape).0.saturating_mul(cached.0);
        Self { flops: Flops(dense + attention), bytes: Bytes(weights) + Bytes(cache) }
    }

    /// The least time that this can take on a machine.
    pub fn least_time(self, peaks: &Peaks) -> Seconds {
        let (compute, memory) = (self.flops / peaks.arithmetic, self.bytes / peaks.bandwidth);
        if compute > memory { compute } else { memory }
    }

    /// Model FLOP utilization: the share of peak arithmetic that useful work took.
    pub fn mfu(self, time: Seconds, peaks: &Peaks) -> Option<Ratio> {
        earned(self.flops / time / peaks.arithmetic)
    }

    /// Model bandwidth utilization: the share of peak bandwidth that useful work took.
    pub fn mbu(self, time: Seconds, peaks: &Peaks) -> Option<Ratio> {
        earned(self.bytes / time / peaks.bandwidth)
    }
}

/// Bytes that the cache grows by with every token.
pub fn cache_per_token(shape: &Shape) -> Bytes {
    let head = u64::from(shape.kv_heads) * u64::from(shape.head_size);
    Bytes(2 * u64::from(shape.layers) * head * CACHE_ELEMENT)
}

/// A share, where it is a number: peaks of zero or a time of zero give none.
fn earned(share: Ratio) -> Option<Ratio> {
    share.get().is_finite().then_some(share)
}

/// The floor of a price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bound {
    /// The highest rate of input and output tokens together.
    pub total_rate: TokensPerSecond,
    /// The highest rate of output tokens.
    pub output_rate: TokensPerSecond,
    /// The floor, the hour charged to input and output alike.
    pub blended: UsdPerMtok,
    /// The floor, the hour charged to output alone.
    pub output_only: UsdPerMtok,
}

/// The floor for requests of one length, `batch` of them decoded at once, on a machine.
///
/// One batch is `batch` prompts computed in one pass, then `output - 1` steps that decode all
/// of them (the first token falls out of the prompt's pass). `None` for a workload without tokens.
pub fn bound(
    price: UsdPerHour,
    shape: &Shape,
    peaks: &Peaks,
    batch: u32,
    prompt: Tokens,
    output: Tokens,
) -> Option<Bound> {
    let batch = u64::from(batch.max(1));
    if output.0 == 0 {
        return None;
    }
    // Numbers of a record, which may be damaged: nothing may overflow.
    let each = |tokens: u64| Tokens(tokens.saturating_mul(batch));
    let attended = each(prompt.0.saturating_mul(prompt.0.saturating_add(1)) / 2);
    let prefill =
        Work::of_step(shape, each(prompt.0), attended, Tokens(0), Tokens(batch)).least_time(peaks);
    let steps = output.0 - 1;
    // Work grows linearly with the context, and max(linear, linear) is convex: the step at the mean
    // context takes at most the mean step's time, so this stays a floor.
    let context = each((prompt + Tokens(output.0 / 2)).0);
    let step =
        Work::of_step(shape, Tokens(batch), context, context, Tokens(batch)).least_time(peaks);
    let time = Seconds(prefill.0 + Tokens(steps).get() * step.0);
    let output_rate = each(output.0) / time;
    let total_rate = each((prompt + output).0) / time;
    (time.0 > 0.0 && time.0.is_finite()).then(|| Bound {
        total_rate,
        output_rate,
        blended: price / total_rate,
        output_only: price / output_rate,
    })
}
