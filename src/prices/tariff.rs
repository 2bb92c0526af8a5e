//! What a provider charges for a model over one stretch of time.
//!
//! Invariant: of a tariff and a request's time, length and service, exactly one price for each kind
//! of token follows, by [`Tariff::schedule_at`] and [`Schedule::bands`]: the service's where it lists
//! the kind, else that of the hour, else the standard one; each of them by the prompt's length. A
//! tariff always has a source. Stacking is written out, never computed: where batch halves a cached
//! price the variant lists the halved price. Guarded by the tests here.

use super::hours::Hours;
use super::schedule::Schedule;
use super::terms::Terms;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A class of service that is sold at prices of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Service {
    /// Answered within a day, at a discount.
    Batch,
    /// Answered when there is room.
    Flex,
    /// Answered before others.
    Priority,
    /// Faster tokens.
    Fast,
    /// Another, by the book's own name.
    Other(String),
}

impl From<String> for Service {
    fn from(name: String) -> Self {
        match name.as_str() {
            "batch" => Self::Batch,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            "fast" => Self::Fast,
            _ => Self::Other(name),
        }
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.name().to_owned()
    }
}

impl Service {
    /// What it is called in a book, in flags and in every output.
    pub fn name(&self) -> &str {
        match self {
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
            Self::Other(name) => name,
        }
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What changes with a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The service.
    pub service: Service,
    /// Its prices, at every hour; kinds that it doesn't list are charged as without it.
    pub schedule: Schedule,
}

/// Which book says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The book: `genai-prices`.
    pub book: String,
    /// Its version.
    pub version: String,
    /// Its licence.
    pub licence: String,
    /// The day of the snapshot.
    pub date: Date,
    /// The model's key in it.
    pub key: String,
    /// Where the book has it from, or where the book is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Source {
    /// The book and its version: `litellm 1.109.1`.
    pub fn name(&self) -> String {
        format!("{} {}", self.book, self.version)
    }
}

/// What is charged from one instant to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// The first instant; `None`: the book knows of no beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant after it; `None`: the book knows of no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The standard prices.
    #[serde(default, skip_serializing_if = "Schedule::is_empty")]
    pub schedule: Schedule,
    /// Prices by the hour; the first that holds an instant decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Prices by service, each service once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// How it is counted.
    #[serde(default, skip_serializing_if = "Terms::is_default")]
    pub terms: Terms,
    /// Who says so.
    pub source: Source,
}

impl Tariff {
    /// Whether it is in force at an instant.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// The prices at a time and with a service, still by the prompt's length.
    pub fn schedule_at(&self, at: Timestamp, service: Option<&Service>) -> Schedule {
        let mut schedule = self.schedule.clone();
        if let Some(hours) = self.hours.iter().find(|hours| hours.hold(at)) {
            schedule = schedule.overlaid(&hours.schedule);
        }
        if let Some(variant) = self.variants.iter().find(|one| Some(&one.service) == service) {
            schedule = schedule.overlaid(&variant.schedule);
        }
        schedule
    }
}

#[cfg(test)]
mod tests {
    use super::super::billing::bill;
    use super::super::billing::tests::request;
    use super::super::hours::Window;
    use super::super::rates::{Rates, TokenKind};
    use super::super::schedule::Tier;
    use super::super::schedule::tests::band;
    use super::*;
    use crate::units::{ListPrice, Tokens};
    use jiff::civil::{date, time};

    fn rates(list: &[(TokenKind, &str)]) -> Rates {
        list.iter().map(|(kind, text)| (*kind, ListPrice(text.parse().unwrap()))).collect()
    }

    fn schedule(list: &[(TokenKind, &str)]) -> Schedule {
        Schedule { rates: rates(list), ..Schedule::default() }
    }

    /// Half price by night, a tier above 1,000, and a batch that lists no price for the cache.
    fn tariff() -> Tariff {
        use TokenKind::{CachedInput, Input, Output};
        let tier = |text| vec![Tier { above: Tokens(1_000), rates: rates(&[(Input, text)]) }];
        Tariff {
            from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            until: Some("2026-02-01T00:00:00Z".parse().unwrap()),
            schedule: Schedule {
                tiers: tier("4"),
                ..schedule(&[(Input, "2"), (CachedInput, "0.2"), (Output, "8")])
            },
            hours: vec![Hours {
                windows: vec![Window::daily(time(22, 0, 0, 0), time(6, 0, 0, 0))],
                schedule: Schedule {
                    tiers: tier("2"),
                    ..schedule(&[(Input, "1"), (CachedInput, "0.1"), (Output, "4")])
                },
            }],
            variants: vec![Variant {
                service: Service::Batch,
                schedule: schedule(&[(Input, "0.9"), (Output, "3.6")]),
            }],
            terms: Terms::default(),
            source: Source {
                book: "b".to_owned(),
                version: "1".to_owned(),
                licence: "MIT".to_owned(),
                date: date(2026, 1, 1),
                key: "k".to_owned(),
                url: None,
            },
        }
    }

    #[track_caller]
    fn check(at: &str, prompt: u64, service: Option<&Service>, want: [&str; 3]) {
        let schedule = tariff().schedule_at(at.parse().unwrap(), service);
        let rates = band(&schedule, prompt).rates;
        let got = [TokenKind::Input, TokenKind::CachedInput, TokenKind::Output]
            .map(|kind| rates.get(kind).unwrap().0.to_string());
        assert_eq!(got, want, "{at}, {prompt}, {service:?}");
    }

    #[test]
    fn service_before_hour_before_standard() {
        let (noon, night) = ("2026-01-10T12:00:00Z", "2026-01-10T23:00:00Z");
        check(noon, 1_000, None, ["2", "0.2", "8"]);
        check(noon, 1_001, None, ["4", "0.2", "8"]);
        check(night, 1_000, None, ["1", "0.1", "4"]);
        check(night, 1_001, None, ["2", "0.1", "4"]);
        // The batch lists input at every length, and nothing of the cache.
        check(noon, 1_001, Some(&Service::Batch), ["0.9", "0.2", "3.6"]);
        check(night, 1_001, Some(&Service::Batch), ["0.9", "0.1", "3.6"]);
        // What isn't sold changes nothing, and isn't said to have.
        check(noon, 1_000, Some(&Service::Flex), ["2", "0.2", "8"]);
        let mut flex = request(noon, &[(TokenKind::Input, 1)]);
        flex.service = Some(Service::Flex);
        let bill = bill("e", &[tariff()], [&flex]).unwrap();
        let part = bill.parts().next().unwrap();
        assert_eq!((part.service, part.hours, part.above), (None, None, None));
    }

    #[test]
    fn the_last_instant_is_outside() {
        let holds = |at: &str| tariff().holds(at.parse().unwrap());
        assert!(!holds("2025-12-31T23:59:59.999Z"));
        assert!(holds("2026-01-01T00:00:00Z"));
        assert!(holds("2026-01-31T23:59:59.999Z"));
        assert!(!holds("2026-02-01T00:00:00Z"));
        let always = Tariff { from: None, until: None, ..tariff() };
        assert!(always.holds(Timestamp::MIN) && always.holds(Timestamp::MAX));
    }

    #[test]
    fn a_tariff_reads_back_what_it_writes() {
        let text = serde_json::to_string(&tariff()).unwrap();
        assert_eq!(serde_json::from_str::<Tariff>(&text).unwrap(), tariff());
        assert!(text.contains(r#""service":"batch""#), "{text}");
        let unknown = text.replace(r#""hours":"#, r#""ours":"#);
        assert!(serde_json::from_str::<Tariff>(&unknown).is_err());
    }

    #[test]
    fn services_keep_their_names() {
        for name in ["batch", "flex", "priority", "fast", "route=mistral/eu"] {
            assert_eq!(Service::from(name.to_owned()).name(), name);
        }
    }
}
