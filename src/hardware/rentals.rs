//! What GPUs rent for: `data/rentals.csv`, one line an offer, and the range over the offers.
//!
//! A survey of 2026-05-24 (tardellirs/gpu-pricing, MIT), single GPUs only, each offer with its page.
//! `data/make_rentals.py` says what it leaves out. A range is over offers, not a forecast.

use super::error::HardwareError;
use super::gpu::Gpu;
use crate::units::UsdPerHour;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

const FILE: &str = "data/rentals.csv";
const TEXT: &str = include_str!("../../data/rentals.csv");

/// How a machine is rented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Kept as long as it is paid for.
    OnDemand,
    /// May be taken away, or let by auction.
    Spot,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OnDemand => "on demand",
            Self::Spot => "spot",
        })
    }
}

/// One offer of one GPU.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The GPU's id in the catalogue.
    pub gpu: String,
    /// How it is rented.
    pub kind: Kind,
    /// The provider's own word for the kind: `secure`, `community`.
    pub tier: String,
    /// Who offers it.
    pub provider: String,
    /// What one GPU costs.
    #[serde(rename = "usd_hour")]
    pub price: UsdPerHour,
    /// The day the price was read.
    pub collected: Date,
    /// The page it was read from.
    pub source_url: String,
    /// What the provider's page calls the GPU.
    pub listed_as: String,
}

/// What one GPU rents for, over all offers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct RentalRange {
    /// How it is rented.
    pub kind: Kind,
    /// The cheapest offer.
    pub low: UsdPerHour,
    /// The middle offer, or the mean of the middle two.
    pub median: UsdPerHour,
    /// The dearest offer.
    pub high: UsdPerHour,
    /// How many offers.
    pub offers: usize,
    /// The oldest day among theirs.
    pub collected: Date,
    /// Their pages, each once, in alphabetical order.
    pub sources: Vec<String>,
}

/// What one provider asks for one GPU, over its offers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderRange {
    /// Who.
    pub provider: String,
    /// The range.
    pub range: RentalRange,
}

/// Rental offers.
#[derive(Debug, Clone)]
pub struct Rentals {
    offers: Vec<Offer>,
}

impl Rentals {
    /// The offers inside the program.
    ///
    /// # Errors
    /// [`HardwareError::Embedded`] if the table is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, HardwareError> {
        Self::parse(FILE, TEXT).map_err(|error| HardwareError::Embedded(Box::new(error)))
    }

    /// Offers from the text of a file: CSV with a heading.
    ///
    /// # Errors
    /// A line that isn't an offer, or a price that isn't a positive number.
    pub fn parse(file: &str, text: &str) -> Result<Self, HardwareError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let offers: Vec<Offer> = reader
            .deserialize()
            .collect::<Result<_, _>>()
            .map_err(|source| HardwareError::Csv { file: file.to_owned(), source })?;
        match offers.iter().find(|offer| !(offer.price.0.is_finite() && offer.price.0 > 0.0)) {
            Some(bad) => Err(HardwareError::NotAPrice {
                file: file.to_owned(),
                provider: bad.provider.clone(),
                gpu: bad.gpu.clone(),
                value: bad.price.0,
            }),
            None => Ok(Self { offers }),
        }
    }

    /// All offers, in the table's order.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// What a GPU rents for on demand; `None` where nobody in the survey offers it.
    pub fn for_gpu(&self, gpu: &Gpu) -> Option<RentalRange> {
        self.range(gpu, Kind::OnDemand)
    }

    /// What a GPU rents for in one kind; `None` where nobody in the survey offers it.
    pub fn range(&self, gpu: &Gpu, kind: Kind) -> Option<RentalRange> {
        range(kind, &self.of(gpu, kind).collect::<Vec<_>>())
    }

    /// What a GPU rents for by provider and kind, the cheapest median first.
    pub fn by_provider(&self, gpu: &Gpu) -> Vec<ProviderRange> {
        let of_kind = |kind: Kind| {
            let mut by_provider: BTreeMap<&str, Vec<&Offer>> = BTreeMap::new();
            for offer in self.of(gpu, kind) {
                by_provider.entry(&offer.provider).or_default().push(offer);
            }
            by_provider.into_iter().filter_map(move |(provider, offers)| {
                let range = range(kind, &offers)?;
                Some(ProviderRange { provider: provider.to_owned(), range })
            })
        };
        let mut ranges: Vec<_> =
            [Kind::OnDemand, Kind::Spot].into_iter().flat_map(of_kind).collect();
        // A stable sort: equals stay in the order of the kinds, then of the names.
        ranges.sort_by(|a, b| a.range.median.0.total_cmp(&b.range.median.0));
        ranges
    }

    fn of<'a>(&'a self, gpu: &'a Gpu, kind: Kind) -> impl Iterator<Item = &'a Offer> {
        self.offers.iter().filter(move |offer| offer.gpu == gpu.id && offer.kind == kind)
    }
}

/// The range over offers of one kind; `None` over none.
fn range(kind: Kind, offers: &[&Offer]) -> Option<RentalRange> {
    let mut prices: Vec<f64> = offers.iter().map(|offer| offer.price.0).collect();
    prices.sort_by(f64::total_cmp);
    let (&low, &high) = prices.first().zip(prices.last())?;
    let middle = prices.len() / 2;
    let median = if prices.len().is_multiple_of(2) {
        f64::midpoint(prices[middle - 1], prices[middle])
    } else {
        prices[middle]
    };
    let mut sources: Vec<String> = offers.iter().map(|o| o.source_url.clone()).collect();
    sources.sort();
    sources.dedup();
    Some(RentalRange {
        kind,
        low: UsdPerHour(low),
        median: UsdPerHour(median),
        high: UsdPerHour(high),
        offers: offers.len(),
        collected: offers.iter().map(|offer| offer.collected).min()?,
        sources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Catalogue;
    use crate::hint::{Fault, Hint};
    use jiff::civil::date;

    const HEAD: &str = "gpu,kind,tier,provider,usd_hour,collected,source_url,listed_as\n";

    fn gpu(id: &str) -> Gpu {
        Catalogue::embedded().unwrap().by_name(id).unwrap().clone()
    }

    /// An offer a line: kind, price, date, page.
    fn table(offers: &[(&str, &str, &str, &str)]) -> Rentals {
        let lines: Vec<String> = offers
            .iter()
            .map(|(kind, price, day, url)| format!("l4,{kind},t,p,{price},{day},{url},L4"))
            .collect();
        Rentals::parse("x.csv", &format!("{HEAD}{}", lines.join("\n"))).unwrap()
    }

    #[track_caller]
    fn median_is(prices: &[&str], want: f64) {
        let offers: Vec<_> =
            prices.iter().map(|price| ("on-demand", *price, "2026-05-24", "u")).collect();
        let range = table(&offers).for_gpu(&gpu("l4")).unwrap();
        assert!((range.median.0 - want).abs() < 1e-12, "{prices:?}: {range:?}");
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        median_is(&["3"], 3.0);
        median_is(&["9", "1"], 5.0);
        median_is(&["9", "1", "2"], 2.0);
        median_is(&["10", "9", "1", "2"], 5.5);
    }

    #[test]
    fn kinds_are_apart_the_oldest_day_counts_and_each_page_is_named_once() {
        let rentals = table(&[
            ("on-demand", "2", "2026-05-24", "b"),
            ("on-demand", "1", "2026-05-20", "b"),
            ("spot", "0.5", "2026-01-01", "c"),
            ("on-demand", "3", "2026-05-25", "a"),
        ]);
        let on_demand = RentalRange {
            kind: Kind::OnDemand,
            low: UsdPerHour(1.0),
            median: UsdPerHour(2.0),
            high: UsdPerHour(3.0),
            offers: 3,
            collected: date(2026, 5, 20),
            sources: vec!["a".to_owned(), "b".to_owned()],
        };
        assert_eq!(rentals.for_gpu(&gpu("l4")), Some(on_demand));
        let spot = rentals.range(&gpu("l4"), Kind::Spot).unwrap();
        assert_eq!((spot.offers, spot.high), (1, UsdPerHour(0.5)));
    }

    /// Two tiers of one provider are one range of it; the cheapest comes first, whatever its kind.
    #[test]
    fn providers_are_apart() {
        let line = |kind, tier, provider, price| {
            format!("l4,{kind},{tier},{provider},{price},2026-05-24,u,L4")
        };
        let lines = [
            line("on-demand", "secure", "a", 3),
            line("on-demand", "community", "a", 1),
            line("spot", "spot", "a", 0),
            line("on-demand", "t", "b", 1),
        ];
        let lines = lines.join("\n").replace(",0,2026", ",0.5,2026");
        let rentals = Rentals::parse("x.csv", &format!("{HEAD}{lines}")).unwrap();
        let found = rentals.by_provider(&gpu("l4"));
        let rows: Vec<_> = found
            .iter()
            .map(|of| (of.provider.as_str(), of.range.kind, of.range.median.0, of.range.offers))
            .collect();
        let want = [
            ("a", Kind::Spot, 0.5, 1),
            ("b", Kind::OnDemand, 1.0, 1),
            ("a", Kind::OnDemand, 2.0, 2),
        ];
        assert_eq!(rows, want);
        assert_eq!(rentals.by_provider(&gpu("t4")), []);
    }

    #[test]
    fn no_offer_is_no_range() {
        assert_eq!(table(&[]).for_gpu(&gpu("l4")), None);
        assert_eq!(Rentals::embedded().unwrap().for_gpu(&gpu("a10g")), None);
    }

    /// The survey's fourteen H100 SXM on demand, sorted by hand: 1.49 1.92 2.25 2.27 2.29 2.40 2.59
    /// 2.69 2.69 3.29 3.39 3.83 4.29 4.76.
    #[test]
    fn an_h100_rents_for_what_the_survey_says() {
        let range = Rentals::embedded().unwrap().for_gpu(&gpu("h100-sxm")).unwrap();
        assert_eq!((range.low, range.high, range.offers), (UsdPerHour(1.49), UsdPerHour(4.76), 14));
        assert!((range.median.0 - 2.64).abs() < 1e-12, "{range:?}");
        assert!(range.low <= range.median && range.median <= range.high);
        assert_eq!(range.collected, date(2026, 5, 24));
        assert!(range.sources.contains(&"https://lambda.ai/pricing".to_owned()));
    }

    #[test]
    fn every_offer_has_a_page_and_is_of_a_gpu_in_the_catalogue() {
        let catalogue = Catalogue::embedded().unwrap();
        let rentals = Rentals::embedded().unwrap();
        assert!(rentals.offers().len() > 100);
        for offer in rentals.offers() {
            assert!(catalogue.gpus().iter().any(|gpu| gpu.id == offer.gpu), "{offer:?}");
            assert!(offer.source_url.starts_with("https://"), "{offer:?}");
        }
    }

    /// The survey's oddity: one provider's spot rows stood above its on-demand prices.
    #[test]
    fn no_provider_asks_more_for_spot_than_on_demand() {
        let rentals = Rentals::embedded().unwrap();
        for spot in rentals.offers().iter().filter(|offer| offer.kind == Kind::Spot) {
            let same = |o: &&Offer| o.gpu == spot.gpu && o.provider == spot.provider;
            let dearest = rentals
                .offers()
                .iter()
                .filter(|offer| offer.kind == Kind::OnDemand)
                .filter(same)
                .map(|offer| offer.price.0)
                .reduce(f64::max);
            assert!(dearest.is_none_or(|dearest| spot.price.0 <= dearest), "{spot:?}");
        }
    }

    #[track_caller]
    fn refused(line: &str, want: &str) {
        let error = Rentals::parse("x.csv", &format!("{HEAD}{line}")).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.fault(), Fault::Input);
    }

    #[test]
    fn a_broken_line_is_refused_and_named() {
        refused("l4,on-demand,t,p,-1,2026-05-24,u,L4", "`p`'s `l4`: `-1` USD/h is not a price");
        refused("l4,on-demand,t,p,0,2026-05-24,u,L4", "is not a price");
        refused("l4,on-demand,t,p,NaN,2026-05-24,u,L4", "is not a price");
        refused("l4,forever,t,p,1,2026-05-24,u,L4", "unknown variant `forever`");
        refused("l4,on-demand,t,p,1,yesterday,u,L4", "line: 2");
        refused("l4,on-demand,t,p,1", "line: 2");
    }
}
