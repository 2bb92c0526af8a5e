//! What a million tokens of a mix cost on the own machine, by what tells it.
//!
//! Invariant: prices are kept for an hour of 1 USD, so that repricing is a multiplication; a mix that
//! nothing tells has no price. Guarded by `tests::own`.

use super::{CompareError, Work};
use crate::cost::{
    Attributed, AttributionBounds, Blend, Books, Judgement, KindRates, Load, MachinePrice,
    OwnRates, PriceOrigin, cost,
};
use crate::estimate::{self, Calibration, Outlook, Traffic};
use crate::hardware::{RentalRange, Rentals};
use crate::prices::Book;
use crate::summary::Verdict;
use crate::units::{
    Estimate, Ratio, RequestsPerSecond, Tokens, TokensPerSecond, UsdPerHour, UsdPerMtok,
};
use jiff::civil::Date;
use serde::Serialize;

/// The hour that prices are kept for.
pub(super) const DOLLAR: UsdPerHour = UsdPerHour(1.0);

/// The own machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// What it is, in words.
    pub name: String,
    /// The price book's name of its model, where the book has it.
    pub family: Option<String>,
    /// All the model's parameters, where they are known.
    pub parameters: Option<u64>,
    /// What it costs by the hour.
    pub hour: MachinePrice,
    /// What such machines rent for; `None`: no book knows.
    pub offers: Option<Offers>,
    /// What its tokens cost at full load on an hour of 1 USD.
    pub told: Told,
    /// What must be known with the figures.
    pub cautions: Vec<String>,
}

/// What machines like the own one rent for, all GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Offers {
    /// The cheapest.
    pub low: UsdPerHour,
    /// The dearest.
    pub high: UsdPerHour,
    /// How many.
    pub count: usize,
    /// The oldest day among theirs.
    pub collected: Date,
}

/// What tells the price of a mix, on an hour of 1 USD.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Input, cached input and output have prices of their own.
    Kinds(OwnRates),
    /// Nothing tells input from output but bounds: the price of a mix lies between them.
    Bounds {
        /// The bounds.
        bounds: AttributionBounds,
        /// All tokens alike, as they were measured.
        flat: Estimate<UsdPerMtok>,
    },
    /// It was worked out for these mixes, and for no other.
    Mixes(Vec<AtMix>),
    /// A rate of all tokens, at whatever mix it is of.
    Flat(Estimate<UsdPerMtok>),
}

/// A price at a mix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtMix {
    /// Input tokens for each output token.
    pub input_per_output: Ratio,
    /// The price, on an hour of 1 USD.
    pub price: Estimate<UsdPerMtok>,
}

impl Offers {
    fn of(range: &RentalRange, gpus: u32) -> Self {
        let gpus = Ratio::of(f64::from(gpus));
        let (low, high) = (range.low * gpus, range.high * gpus);
        Self { low, high, count: range.offers, collected: range.collected }
    }
}

impl Own {
    /// A run that was measured.
    ///
    /// # Errors
    /// Where it is void, told no rate, or nobody says what its machine costs.
    pub fn of_run(judgement: &Judgement, books: &Books) -> Result<Self, CompareError> {
        let header = &judgement.run;
        let run = || header.id.clone();
        if judgement.summary.verdict == Verdict::Void {
            return Err(CompareError::Void { run: run() });
        }
        let machine = header.host.gpu.as_ref().unwrap_or(&header.host.cpu);
        let hour = judgement.price.clone();
        let hour = hour.ok_or_else(|| CompareError::Priceless { machine: machine.clone() })?;
        let rate = judgement.summary.total_rate.filter(|rate| rate.value.0 > 0.0);
        let flat = cost(DOLLAR, rate.ok_or_else(|| CompareError::Rateless { run: run() })?);
        let mut cautions = judgement.cautions.clone();
        let told = match &judgement.attributed {
            Some(Attributed::Told(told)) => OwnRates::of(told, DOLLAR).map(Told::Kinds),
            Some(Attributed::Bounds(bounds)) => Some(Told::Bounds { bounds: *bounds, flat }),
            None => None,
        };
        let told = told.unwrap_or(Told::Flat(flat));
        if judgement.summary.verdict != Verdict::Valid {
            cautions.push(format!("run {} is doubtful: `mtok runs show {0}` says why", header.id));
        }
        if let PriceOrigin::Example { note } = &hour.origin {
            cautions.push(note.clone());
        }
        let gpu = header.host.gpu.as_ref().and_then(|device| books.gpus.by_device_name(device));
        let range = gpu.and_then(|gpu| books.rentals.for_gpu(gpu));
        Ok(Self {
            name: format!("{} on {machine}, run {}", header.model.name, header.id),
            family: header.model.family.clone(),
            parameters: header.model.shape.as_ref().map(|shape| shape.parameters),
            offers: range.map(|range| Offers::of(&range, header.host.gpus.max(1))),
            hour,
            told,
            cautions,
        })
    }

    /// A machine of which a rate of all tokens is known.
    pub fn of_rate(hour: UsdPerHour, rate: Estimate<TokensPerSecond>) -> Self {
        let name = format!("a machine of {} tok/s", rate.value.0);
        Self {
            name,
            family: None,
            parameters: None,
            hour: MachinePrice::given(hour),
            offers: None,
            told: Told::Flat(cost(DOLLAR, rate)),
            cautions: Vec::new(),
        }
    }

    /// A deployment that nobody has rented, at the traffic of the question, which is of this mix, and at
    /// other mixes of as many tokens.
    ///
    /// # Errors
    /// Where the question has no answer, nothing fits, or nobody says what the GPUs cost.
    pub fn of_estimate(
        question: &estimate::Question<'_>,
        mix: Ratio,
        others: &[Ratio],
        calibration: &Calibration,
        rentals: &Rentals,
        book: &Book,
    ) -> Result<Self, CompareError> {
        let deployment = &question.deployment;
        let (model, gpu, gpus) = (deployment.model, deployment.gpu, deployment.gpus);
        let at = |traffic: Traffic| {
            let question = estimate::Question { traffic, ..question.clone() };
            let outlook = Outlook::of(&question, calibration, rentals, book)?;
            let why = if question.at_most.is_some() { "keeps to the limit" } else { "fits" };
            let none = || {
                let (model, gpu) = (model.id.clone(), gpu.id.clone());
                CompareError::NoBatch { model, gpus, gpu, why }
            };
            let batch = outlook.chosen().ok_or_else(none)?;
            let rung = outlook.rungs.iter().find(|judged| judged.rung.batch == batch);
            let outcome = rung.and_then(|judged| judged.rung.outcome.as_ref()).ok_or_else(none)?;
            let price = cost(DOLLAR, outcome.prediction.total_rate);
            Ok::<_, CompareError>((price, batch, outlook))
        };
        let (price, batch, outlook) = at(question.traffic)?;
        let mut points = vec![AtMix { input_per_output: mix, price }];
        for mix in others {
            // A mix of which nothing fits has no price; the workload's own has one.
            match at(other(question.traffic, *mix)) {
                Ok((price, ..)) => points.push(AtMix { input_per_output: *mix, price }),
                Err(CompareError::NoBatch { .. } | CompareError::Estimate(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let priceless = || CompareError::Priceless { machine: gpu.name.clone() };
        let range = rentals.for_gpu(gpu);
        Ok(Self {
            name: format!("{} on {gpus} × {}, estimated, {batch} at once", outlook.asked, gpu.name),
            family: estimate::family(book, question.asked, model).map(str::to_owned),
            parameters: Some(model.published),
            hour: outlook.price.clone().ok_or_else(priceless)?,
            offers: range.map(|range| Offers::of(&range, gpus)),
            told: Told::Mixes(points),
            cautions: outlook.cautions.clone(),
        })
    }

    /// A million tokens of a mix at full load; `None`: nothing tells this mix.
    pub fn full(&self, blend: Blend) -> Option<Estimate<UsdPerMtok>> {
        let hour = self.hour.usd_per_hour / DOLLAR;
        self.told.at_one_dollar(blend).map(|price| price.map(|price| price * hour))
    }

    /// How many tokens of a mix it delivers a second at full load.
    pub fn rate(&self, blend: Blend) -> Option<Estimate<TokensPerSecond>> {
        self.told.at_one_dollar(blend).map(|price| price.map(|price| DOLLAR / price))
    }

    /// The prices of kinds at full load, where they are told.
    pub fn kinds(&self) -> Option<OwnRates> {
        let hour = self.hour.usd_per_hour / DOLLAR;
        let times = |price: Estimate<UsdPerMtok>| price.map(|price: UsdPerMtok| price * hour);
        match &self.told {
            Told::Kinds(rates) => Some(OwnRates {
                uncached: times(rates.uncached),
                cached: rates.cached.map(times),
                output: times(rates.output),
            }),
            _ => None,
        }
    }

    /// Whether cached input has a price of its own.
    pub fn tells_cached(&self) -> bool {
        matches!(&self.told, Told::Kinds(rates) if rates.cached.is_some())
    }

    /// A workload's mix as it is priced here: without a price for cached input all of it is computed; a
    /// rate is of whatever mix there was.
    pub fn blend(&self, work: Blend) -> Blend {
        if self.tells_cached() || matches!(self.told, Told::Flat(_)) {
            return work;
        }
        Blend::new(work.input_per_output(), Ratio::of(0.0)).unwrap_or(work)
    }
}

impl Told {
    /// A million tokens of a mix at full load, on an hour of 1 USD.
    pub(super) fn at_one_dollar(&self, blend: Blend) -> Option<Estimate<UsdPerMtok>> {
        match self {
            Self::Kinds(rates) => rates.blended(blend),
            Self::Bounds { bounds, flat } => between(bounds, *flat, blend),
            Self::Mixes(points) => {
                let wanted = blend.input_per_output().get();
                let is = |at: &&AtMix| (at.input_per_output.get() - wanted).abs() <= 1e-9 * wanted;
                points.iter().find(is).map(|at| at.price)
            }
            Self::Flat(price) => Some(*price),
        }
    }
}

/// The price of a mix where the time's split is known within bounds: it is a straight line in the split,
/// so its ends are the prices at the bounds. Its value is that of all tokens alike, which is one of the
/// splits.
fn between(
    bounds: &AttributionBounds,
    flat: Estimate<UsdPerMtok>,
    blend: Blend,
) -> Option<Estimate<UsdPerMtok>> {
    let (input_least, input_most) = bounds.input.prices(DOLLAR, Load::FULL)?;
    let (output_least, output_most) = bounds.output.prices(DOLLAR, Load::FULL)?;
    let at = |input: UsdPerMtok, output: UsdPerMtok| {
        KindRates { uncached: input, cached: input, output }.blended(blend)
    };
    let (one, other) = (at(input_least, output_most), at(input_most, output_least));
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    // The rate's own error comes on top.
    let (below, above) = flat
        .interval
        .map_or((Ratio::ONE, Ratio::ONE), |(low, high)| (low / flat.value, high / flat.value));
    let value = UsdPerMtok(flat.value.0.max(low.0).min(high.0));
    Some(Estimate { value, interval: Some((low * below, high * above)) })
}

/// As many tokens at another mix.
fn other(traffic: Traffic, input_per_output: Ratio) -> Traffic {
    let all = traffic.prompt + traffic.output;
    let output = all.scaled(1.0 / (1.0 + input_per_output.get())).max(Tokens(1));
    Traffic { prompt: Tokens(all.0.saturating_sub(output.0)), output }
}

impl Own {
    /// Work of which nobody says how often it comes, as near together as this machine takes it at full
    /// load: what caches of APIs find may depend on it.
    ///
    /// # Errors
    /// Where the machine has no rate at the work's mix.
    pub fn paced(&self, work: Work) -> Result<Work, CompareError> {
        if !work.depends_on_rate() {
            return Ok(work);
        }
        let rate = work.blend().and_then(|blend| self.rate(self.blend(blend)));
        let rate = rate.ok_or(CompareError::OutOfRange { what: "the own rate" })?;
        let requests = RequestsPerSecond(rate.value.0 / work.mean());
        work.at_rate(requests, false)
    }
}
