//! What APIs ask for the same traffic.
//!
//! Invariant: every request of the traffic is billed, at its own time, by the tariff of one day; a
//! token is read from a provider's cache only where the trace says that its prompt began so before and
//! the provider's own rules say that it is still kept. Guarded by the tests here, by hand.
//!
//! Assumed: the traffic begins at midnight UTC, and every tokenizer counts the trace's own tokens.
//! Deliberately absent: rate limits, latencies, and a guess at the cache of a provider whose rules
//! nobody has written down here: it reads nothing from one ([`Caching::Unknown`]).

use super::traffic::{Asked, Traffic};
use crate::prices::{BillError, Entry, Request, Tariff, TokenKind, Usage, bill_as_of};
use crate::units::{PicoUsd, Quantity, Ratio, Tokens, UsdPerMtok};
use crate::workload::reuse::{Keeping, Reused, Shelf};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Requests that are held at once while they are billed.
const BATCH: usize = 4_096;

/// What an API asks for the traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Api {
    /// The entry of the price book.
    pub entry: String,
    /// What people call the model.
    pub name: String,
    /// Which book says so, and of which day.
    pub source: String,
    /// The bill.
    pub total: PicoUsd,
    /// That over all tokens, of prompts and of output.
    pub per_token: UsdPerMtok,
    /// That over what a token costs on the machines; `None`: these cost nothing that could be told.
    pub over_own: Option<Ratio>,
    /// How its cache was counted.
    pub caching: Caching,
    /// Prompt tokens that were read from it.
    pub cached: Tokens,
}

/// How a provider's cache was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caching {
    /// By its rules, request by request.
    Simulated,
    /// By its rules it would cost more than it saves, so it is not asked for.
    NotWorthIt,
    /// Not at all: no two prompts are said to begin alike.
    NothingShared,
    /// Not at all: its rules are not known here.
    Unknown,
}

/// An entry that has no bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unbilled {
    /// The entry of the price book.
    pub entry: String,
    /// Why.
    pub reason: String,
}

/// APIs for the same traffic.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Apis {
    /// The cheapest first.
    pub billed: Vec<Api>,
    /// Those that can't be asked, or whose prices don't hold.
    pub unbilled: Vec<Unbilled>,
}

/// Bills the traffic at each of these entries, at the tariffs of a day. `own` is what a token costs on
/// the machines.
pub fn beside(traffic: &Traffic, entries: &[&Entry], day: Date, own: Option<UsdPerMtok>) -> Apis {
    let mut apis = Apis::default();
    for entry in entries {
        match Desk::of(entry, traffic, day).and_then(|desk| desk.api(own)) {
            Ok(api) => apis.billed.push(api),
            Err(reason) => apis.unbilled.push(Unbilled { entry: entry.id.clone(), reason }),
        }
    }
    apis.billed.sort_by(|one, other| {
        one.total.cmp(&other.total).then_with(|| one.entry.cmp(&other.entry))
    });
    apis
}

/// Where one entry's bill is written.
struct Desk<'a> {
    entry: &'a Entry,
    traffic: &'a Traffic,
    tariff: &'a Tariff,
    /// When the traffic begins.
    midnight: Timestamp,
    /// When the tariff holds: as the day ends, as the book's own figures do.
    as_of: Timestamp,
}

impl<'a> Desk<'a> {
    fn of(entry: &'a Entry, traffic: &'a Traffic, day: Date) -> Result<Self, String> {
        let out_of_time = |error: jiff::Error| error.to_string();
        let midnight = day.to_zoned(TimeZone::UTC).map_err(out_of_time)?.timestamp();
        let as_of = midnight + SignedDuration::new(86_399, 999_999_999);
        let tariff = entry.tariff_at(as_of).ok_or_else(|| format!("no tariff holds on {day}"))?;
        if !entry.is_sold(day) {
            return Err(format!("not sold any more on {day}"));
        }
        let long = |one: &&Asked| entry.context.is_some_and(|most| one.prompt + one.output > most);
        match (traffic.requests().iter().filter(long).count(), entry.context) {
            (count, Some(most)) if count > 0 => {
                Err(format!("{count} requests are longer than its context of {most}"))
            }
            _ => Ok(Self { entry, traffic, tariff, midnight, as_of }),
        }
    }

    fn api(&self, own: Option<UsdPerMtok>) -> Result<Api, String> {
        let plain = self.total(|one| Reused { fresh: one.prompt, ..Reused::default() })?;
        let (total, caching, cached) = if !self.traffic.shares() {
            (plain, Caching::NothingShared, Tokens(0))
        } else if let Some(keeping) = self.keeping() {
            let (mut shelf, mut read) = (Shelf::new(keeping), Tokens(0));
            let with = self.total(|one| {
                let reused = shelf.ask(one.at, one.prompt, one.begins.iter().copied());
                read += reused.read;
                reused
            })?;
            if with <= plain {
                (with, Caching::Simulated, read)
            } else {
                (plain, Caching::NotWorthIt, Tokens(0))
            }
        } else {
            (plain, Caching::Unknown, Tokens(0))
        };
        let requests = self.traffic.requests().iter();
        let tokens: Tokens = requests.map(|one| one.prompt + one.output).sum();
        let per_token = total.estimate() / tokens;
        Ok(Api {
            entry: self.entry.id.clone(),
            name: self.entry.name.clone(),
            source: format!("{} of {}", self.tariff.source.name(), self.tariff.source.date),
            total,
            per_token,
            over_own: own.filter(|own| own.get() > 0.0).map(|own| per_token / own),
            caching,
            cached,
        })
    }

    /// The provider's rules, as far as they are known, with the book's own word on lengths.
    fn keeping(&self) -> Option<Keeping> {
        let rule = match self.entry.provider.as_str() {
            "openai" | "azure" => Keeping::OPENAI,
            "anthropic" => Keeping::ANTHROPIC_5M,
            "deepseek" => Keeping::DEEPSEEK,
            _ => return None,
        };
        let (minimum, step) = (self.tariff.terms.cache_minimum, self.tariff.terms.cache_step);
        let (minimum, step) = (minimum.unwrap_or(rule.minimum), step.unwrap_or(rule.step));
        Some(Keeping { minimum, step, ..rule })
    }

    /// The bill, where of each prompt so much is read, written and neither.
    fn total(&self, mut reused: impl FnMut(&Asked) -> Reused) -> Result<PicoUsd, String> {
        let mut total = PicoUsd::default();
        let mut batch = Vec::with_capacity(BATCH.min(self.traffic.requests().len()));
        for some in self.traffic.requests().chunks(BATCH) {
            batch.clear();
            for one in some {
                batch.push(self.request(one, reused(one))?);
            }
            let tariffs = std::slice::from_ref(self.tariff);
            let bill = bill_as_of(&self.entry.id, tariffs, self.as_of, &batch);
            total += bill.map_err(|error: BillError| error.to_string())?.total();
        }
        Ok(total)
    }

    fn request(&self, asked: &Asked, reused: Reused) -> Result<Request, String> {
        let usage = Usage::default()
            .with(TokenKind::Input, reused.fresh)
            .with(TokenKind::CachedInput, reused.read)
            .with(TokenKind::CacheWrite, reused.written)
            .with(TokenKind::Output, asked.output);
        let since = SignedDuration::try_from_secs_f64(asked.at.0);
        let at = since.and_then(|since| self.midnight.checked_add(since));
        Ok(Request::new(at.map_err(|error| error.to_string())?, usage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::Book;
    use crate::units::Seconds;
    use crate::workload::trace::Block;

    fn asked(at: f64, prompt: u64, output: u64, shared: u64) -> Asked {
        let begins = (shared > 0).then_some(Block { id: 7, tokens: Tokens(shared) });
        Asked {
            at: Seconds(at),
            prompt: Tokens(prompt),
            output: Tokens(output),
            begins: begins.into_iter().collect(),
        }
    }

    /// An entry that asks 1 USD for a million tokens in, 0.1 cached, 1.25 written, 4 out.
    fn entry(provider: &str, more: &str) -> Entry {
        let text = format!(
            r#"{{"id":"{provider}/m","provider":"{provider}","model":"m","name":"M"{more},"tariffs":
            [{{"schedule":{{"rates":{{"input":"1","cached_input":"0.1","cache_write":"1.25",
            "output":"4"}}}},"source":{{"book":"b","version":"1","licence":"MIT",
            "date":"2026-01-01","key":"m"}}}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[track_caller]
    fn check(requests: &[Asked], entry: &Entry, total: i128, caching: Caching, cached: u64) {
        let traffic = Traffic::new(requests.iter().cloned()).unwrap();
        let day = jiff::civil::date(2026, 11, 20);
        let apis = beside(&traffic, &[entry], day, Some(UsdPerMtok(2.0)));
        let [api] = apis.billed.as_slice() else { panic!("{apis:?}") };
        assert_eq!((api.total.0, api.caching, api.cached.0), (total, caching, cached), "{api:?}");
    }

    /// Two prompts of 2,048 that begin with the same 1,024, answers of 100 tokens; by hand, in
    /// picodollars: a million of them is a token at 1 USD/Mtok.
    #[test]
    fn a_provider_is_billed_by_its_own_cache() {
        const M: i128 = 1_000_000;
        let alone = [asked(0.0, 2_048, 100, 0), asked(10.0, 2_048, 100, 0)];
        let alike = [asked(0.0, 2_048, 100, 1_024), asked(10.0, 2_048, 100, 1_024)];
        let late = [asked(0.0, 2_048, 100, 1_024), asked(301.0, 2_048, 100, 1_024)];
        let plain = (2 * 2_048 + 2 * 400) * M;
        check(&alone, &entry("openai", ""), plain, Caching::NothingShared, 0);
        check(&alike, &entry("nobody", ""), plain, Caching::Unknown, 0);
        // 2,048 written, then 1,024 read and 1,024 written: 2560 + 102.4 + 1280 + 800 < 4896.
        let with = 2_560 * M + 102_400_000 + 1_280 * M + 800 * M;
        check(&alike, &entry("anthropic", ""), with, Caching::Simulated, 1_024);
        // Forgotten after five minutes: writing twice costs more than not asking for it.
        check(&late, &entry("anthropic", ""), plain, Caching::NotWorthIt, 0);
    }

    /// 1,000 tokens in and 100 out, before and in the dear hours, from half past midnight: 0.135 and
    /// 0.55 USD/Mtok, then 0.27 and 1.10. By hand, 190 and 380 microdollars.
    #[test]
    fn each_request_is_billed_at_its_own_time() {
        let book = Book::embedded().unwrap();
        let entry = book.get("deepseek/deepseek-chat").unwrap();
        check(&[asked(0.0, 1_000, 100, 0)], entry, 190_000_000, Caching::NothingShared, 0);
        let both = [asked(0.0, 1_000, 100, 0), asked(1_800.0, 1_000, 100, 0)];
        check(&both, entry, 570_000_000, Caching::NothingShared, 0);
    }

    #[test]
    fn what_cannot_be_asked_has_no_bill() {
        let traffic = Traffic::new([asked(0.0, 2_000, 100, 0)]).unwrap();
        let short = entry("a", r#","context":2099"#);
        let ended = entry("b", r#","ends":"2026-11-20""#);
        let fine = entry("c", r#","context":2100"#);
        let day = jiff::civil::date(2026, 11, 20);
        let apis = beside(&traffic, &[&short, &ended, &fine], day, None);
        let reasons: Vec<&str> = apis.unbilled.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "1 requests are longer than its context of 2099 tok",
                "not sold any more on 2026-11-20"
            ]
        );
        assert_eq!(apis.billed.len(), 1);
        assert_eq!(apis.billed[0].over_own, None);
    }

    /// 2,000 × 0.05 + 100 × 0.08 USD/Mtok: 108 microdollars over 2,100 tokens.
    #[test]
    fn the_books_own_entry() {
        let book = Book::embedded().unwrap();
        let traffic = Traffic::new([asked(0.0, 2_000, 100, 0)]).unwrap();
        let groq = book.get("groq/llama-3.1-8b-instant").unwrap();
        let day = jiff::civil::date(2026, 11, 20);
        let apis = beside(&traffic, &[groq], day, Some(UsdPerMtok(0.108 / 2.1)));
        assert_eq!(apis.billed[0].total, PicoUsd(108_000_000));
        let over = apis.billed[0].over_own.unwrap().get();
        assert!((over - 1.0).abs() < 1e-12, "{over}");
    }
}
