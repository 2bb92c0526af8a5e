//! Own over API, over load × cache hits × mix.
//!
//! Invariant: every load, hit rate and mix that the user asked for is a point of it; a mix that nothing
//! tells is left out, and one that it tells is `cost::surface`'s own figure. An API stands there by its
//! list prices: what writing into its cache costs, tiers and minimums are the bill's. Guarded by
//! `tests::the_surface_holds_the_table`.

use super::own::{Own, Told};
use crate::cost::{Blend, KindRates, Load, SurfacePoint, surface};
use crate::prices::Figures;
use crate::units::Ratio;
use serde::Serialize;

/// Loads that every surface has, in percent.
const LOADS: [f64; 6] = [100.0, 70.0, 50.0, 30.0, 20.0, 10.0];
/// Shares of the input that are cached, in percent.
const HITS: [f64; 3] = [0.0, 50.0, 90.0];
/// Input tokens for each output token.
const MIXES: [f64; 4] = [1.0, 3.0, 10.0, 30.0];

/// The surface beside one API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Surface {
    /// The entry of the price book.
    pub entry: String,
    /// A point for each load, hit rate and mix: load by load from the highest on, then hit rate by hit
    /// rate, then mix by mix from the lowest on.
    pub points: Vec<SurfacePoint>,
}

/// Where the surface has points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pub(super) loads: Vec<Load>,
    pub(super) blends: Vec<Blend>,
}

/// The mixes that an estimate is to be made for, beside the work's own.
pub(super) fn mixes(work: Blend) -> Vec<Ratio> {
    let own = work.input_per_output().get();
    let swing = super::swing::mixes(work).map(|(low, high)| [low, high]);
    let swing = swing.into_iter().flatten();
    MIXES
        .into_iter()
        .map(Ratio::of)
        .chain(swing)
        .filter(|mix| (mix.get() - own).abs() > 1e-9 * own)
        .collect()
}

impl Grid {
    /// Around the work's mix, as far as the own machine tells.
    pub(super) fn of(own: &Own, work: Blend, asked: &[Load]) -> Self {
        let usual = LOADS.into_iter().filter_map(|percent| Load::new(Ratio::percent(percent)).ok());
        let mut loads: Vec<Load> = usual.chain(asked.iter().copied()).collect();
        loads.sort_by(|a, b| b.share().get().total_cmp(&a.share().get()));
        loads.dedup();
        let blend = own.blend(work);
        let usual = |values: &[f64], mine: Ratio| {
            let mut all: Vec<f64> = values.iter().copied().chain([mine.get()]).collect();
            all.sort_by(f64::total_cmp);
            all.dedup_by(|a, b| (*a - *b).abs() <= 1e-9 * b.abs());
            all.into_iter().map(Ratio::of).collect::<Vec<_>>()
        };
        let shares = HITS.map(|percent| Ratio::percent(percent).get());
        // Without a price for cached input there is no telling what hits would save.
        let hits = if own.tells_cached() { &shares[..] } else { &[] };
        // A rate is of the mix that it was measured at.
        let mixes = if matches!(own.told, Told::Flat(_)) { &[][..] } else { &MIXES[..] };
        let (hits, mixes) = (usual(hits, blend.hit_rate()), usual(mixes, blend.input_per_output()));
        let blends =
            hits.iter().flat_map(|hit| mixes.iter().filter_map(move |mix| Blend::new(*mix, *hit)));
        let blends = blends.filter(|blend| own.full(*blend).is_some()).collect();
        Self { loads, blends }
    }

    /// The surface beside an API's list prices.
    pub(super) fn beside(&self, own: &Own, entry: &str, list: Figures) -> Surface {
        let api = KindRates::of_list(list.input, list.cached_input, list.output);
        let points = surface(|blend| own.full(blend), &api, &self.loads, &self.blends);
        Surface { entry: entry.to_owned(), points }
    }
}
