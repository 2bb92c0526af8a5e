//! model-prices: USD per Mtok with a dated history for each service, and rules of peak hours beside.
//!
//! Invariant: a stretch of time begins wherever a price of any service, or a rule of hours, begins
//! or ends; inside it nothing changes. A service without rates isn't sold in that stretch.

use super::draft::{Per, always, blank};
use super::json::Json;
use super::{Draft, Format, Import, Snapshot};
use crate::prices::entry::{Ending, Entry};
use crate::prices::hours::{Hours, Window};
use crate::prices::rates::{Rates, TokenKind};
use crate::prices::schedule::{Schedule, Tier};
use crate::prices::tariff::{Service, Tariff, Variant};
use crate::units::{ListPrice, Tokens};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

pub(super) fn read(
    json: &Json,
    snapshot: &Snapshot,
    import: &mut Import,
) -> Result<Vec<Draft>, String> {
    let prices = json.get("prices").filter(|prices| matches!(prices, Json::Map(_)));
    let prices = prices.ok_or("`prices` is missing")?;
    for (field, value) in json.fields() {
        match field.as_str() {
            "prices" | "schedules" | "status" => {}
            "aliases" => {
                for (kind, _) in value.fields().iter().filter(|(kind, _)| kind != "models") {
                    import.passes_over(Format::ModelPrices, &format!("aliases.{kind}"));
                }
            }
            _ => import.passes_over(Format::ModelPrices, field),
        }
    }
    let rules = rules(json.get("schedules"))?;
    let mut drafts = Vec::new();
    for (provider, models) in prices.fields() {
        for (model, services) in models.fields() {
            let key = format!("{provider}/{model}");
            let rules = rules.iter().filter_map(|rule| rule.of(provider, model)).collect();
            let mut reading = Reading { import, snapshot, key: &key, rules };
            let draft = reading.entry(provider, model, services).map(|mut entry| {
                entry.ending = ending(json, provider, model);
                let names = json.get("aliases").and_then(|aliases| aliases.get("models"));
                let names = names.map_or(&[][..], Json::fields).iter();
                let own = names.filter(|(_, target)| target.text() == Some(key.as_str()));
                entry.aliases.extend(own.map(|(alias, _)| alias.clone()));
                entry
            });
            drafts.push((key, draft));
        }
    }
    Ok(drafts)
}

fn ending(json: &Json, provider: &str, model: &str) -> Option<Ending> {
    match json.get("status")?.get(provider)?.get(model)?.text()? {
        "removed" => Some(Ending::Removed),
        "deprecated" => Some(Ending::Deprecated),
        _ => None,
    }
}

/// Hours at which a provider's prices are multiplied.
struct Rule {
    provider: String,
    windows: Vec<Window>,
    /// By model, or of all: where there is no model.
    factors: Vec<(Option<String>, Decimal)>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A rule for one model.
struct Factor<'a> {
    rule: &'a Rule,
    factor: Decimal,
}

impl Rule {
    fn of(&self, provider: &str, model: &str) -> Option<Factor<'_>> {
        let mine = |of: &Option<String>| of.as_deref().is_none_or(|of| of == model);
        let (_, factor) = self.factors.iter().find(|(of, _)| mine(of))?;
        (self.provider == provider).then_some(Factor { rule: self, factor: *factor })
    }

    fn holds(&self, at: Option<Timestamp>) -> bool {
        let begun = self.from.is_none_or(|from| at.is_some_and(|at| from <= at));
        begun && self.until.is_none_or(|until| at.is_none_or(|at| at < until))
    }
}

fn rules(json: Option<&Json>) -> Result<Vec<Rule>, String> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let all = json.get("schedule").map_or(&[][..], Json::items);
    all.iter().map(|rule| self::rule(rule, json.get("holidays"))).collect()
}

fn rule(json: &Json, holidays: Option<&Json>) -> Result<Rule, String> {
    let bad = |what: &str| format!("`schedules.schedule`: {what}");
    let kind = if json.get("peak_hours_utc").is_some() { "peak" } else { "off_peak" };
    for (field, _) in json.fields() {
        let own = field.starts_with(kind) || RULE.contains(&field.as_str());
        if !own {
            return Err(bad(&format!("`{field}` has no meaning here")));
        }
    }
    let factor = |json: &Json| json.number().map(|number| number.value);
    let factors = match json.get(&format!("{kind}_multiplier")) {
        Some(Json::Map(models)) => models
            .iter()
            .map(|(model, value)| Some((Some(model.clone()), factor(value)?)))
            .collect::<Option<Vec<_>>>(),
        Some(one) => factor(one).map(|factor| vec![(None, factor)]),
        None => None,
    };
    let calendar = json.get("holidays").and_then(Json::text);
    let calendar = calendar.map(|name| holidays.and_then(|all| all.get(name)).ok_or(name));
    let calendar = calendar.transpose().map_err(|name| bad(&format!("no holidays `{name}`")))?;
    let except = calendar.and_then(|c| c.get("dates")).map_or(&[][..], Json::items);
    let except = except.iter().map(|date| date.text()?.parse().ok()).collect::<Option<Vec<Date>>>();
    let offset = calendar.and_then(|calendar| calendar.get("utc_offset_hours"));
    let offset = offset.map_or(Some(0), |hours| i8::try_from(hours.whole()?).ok());
    let weekdays = json.get("weekdays_only") == Some(&Json::Bool(true));
    let hours = json.get(&format!("{kind}_hours_utc")).map_or(&[][..], Json::items);
    let window = |pair: &Json| {
        let [from, until] = [0, 1].map(|i| pair.items().get(i)?.text()?.parse().ok());
        let days = if weekdays { (1..=5).collect() } else { Vec::new() };
        let (except, day_offset_hours) = (except.clone()?, offset?);
        Some(Window { from: from?, until: until?, days, except, day_offset_hours })
    };
    let windows = hours.iter().map(window).collect::<Option<Vec<_>>>();
    Ok(Rule {
        provider: json.get("provider").and_then(Json::text).unwrap_or_default().to_owned(),
        windows: windows.filter(|w| !w.is_empty()).ok_or_else(|| bad("hours that are none"))?,
        factors: factors.ok_or_else(|| bad("a multiplier that is none"))?,
        from: instant(json.get("valid_from"))?,
        until: instant(json.get("valid_until"))?,
    })
}

const RULE: &[&str] = &[
    "provider",
    "source",
    "note",
    "terms",
    "holidays",
    "weekdays_only",
    "valid_from",
    "valid_until",
];

fn instant(json: Option<&Json>) -> Result<Option<Timestamp>, String> {
    match json {
        None | Some(Json::Null) => Ok(None),
        Some(json) => {
            let instant = json.text().and_then(|text| text.parse().ok());
            instant.map(Some).ok_or_else(|| format!("`{}` is not an instant", json.shown()))
        }
    }
}

/// What a service costs from an instant on; `None`: it isn't sold.
struct Step {
    from: Option<Timestamp>,
    sold: Option<(Schedule, Option<String>)>,
}

struct Reading<'a> {
    import: &'a mut Import,
    snapshot: &'a Snapshot,
    key: &'a str,
    rules: Vec<Factor<'a>>,
}

impl Reading<'_> {
    fn entry(&mut self, provider: &str, model: &str, json: &Json) -> Result<Entry, String> {
        let mut entry = blank(provider, model, None);
        let mut services: Vec<(&str, Vec<Step>)> = Vec::new();
        for (service, history) in json.fields() {
            let steps = history.items().iter().map(|step| self.step(step));
            services.push((service, steps.collect::<Result<_, _>>()?));
        }
        entry.tariffs = self.timeline(&services)?;
        Ok(entry)
    }

    fn step(&mut self, json: &Json) -> Result<Step, String> {
        for (field, _) in json.fields() {
            if !matches!(field.as_str(), "rates" | "start") {
                self.import.passes_over(Format::ModelPrices, field);
            }
        }
        let rates = json.get("rates").filter(|rates| **rates != Json::Null);
        let sold = rates.map(|rates| {
            let url = rates.get("source").and_then(Json::text).map(str::to_owned);
            Ok::<_, String>((self.schedule(rates)?, url))
        });
        Ok(Step { from: instant(json.get("start"))?, sold: sold.transpose()? })
    }

    fn schedule(&mut self, json: &Json) -> Result<Schedule, String> {
        let mut schedule = Schedule { rates: self.rates(json, None)?, ..Schedule::default() };
        for tier in json.get("tiers").map_or(&[][..], Json::items) {
            let above = tier.get("above").and_then(Json::whole);
            let above = above.ok_or("`tiers`: one without `above`")?;
            let rates = self.rates(tier, json.get("cache_write_1h_multiple"))?;
            schedule.tiers.push(Tier { above: Tokens(above), rates });
        }
        schedule.tiers.sort_by_key(|tier| tier.above);
        Ok(schedule)
    }

    /// The rates of a base or a tier; writing for an hour is a multiple of the input's price.
    fn rates(&mut self, json: &Json, hour: Option<&Json>) -> Result<Rates, String> {
        let mut rates = Rates::default();
        for (field, value) in json.fields() {
            let kind = match field.as_str() {
                "input" => TokenKind::Input,
                "output" => TokenKind::Output,
                "cache_read" => TokenKind::CachedInput,
                "cache_write" => TokenKind::CacheWrite,
                "tiers" | "above" | "source" | "cache_write_1h_multiple" => continue,
                _ => {
                    self.import.passes_over(Format::ModelPrices, field);
                    continue;
                }
            };
            rates.set(kind, self.import.price(field, value, Per::Million)?);
        }
        if let Some(multiple) = json.get("cache_write_1h_multiple").or(hour)
            && let Some(ListPrice(input)) = rates.get(TokenKind::Input)
        {
            let factor = self.import.amount("cache_write_1h_multiple", multiple, Per::One)?;
            rates.set(TokenKind::CacheWrite1h, times(ListPrice(input), factor)?);
        }
        Ok(rates)
    }

    fn timeline(&self, services: &[(&str, Vec<Step>)]) -> Result<Vec<Tariff>, String> {
        let steps = services.iter().flat_map(|(_, steps)| steps).map(|step| step.from);
        let rules = self.rules.iter().flat_map(|factor| [factor.rule.from, factor.rule.until]);
        let mut starts: Vec<_> = steps.chain(rules.flatten().map(Some)).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut tariffs = Vec::new();
        for (index, start) in starts.iter().enumerate() {
            let at = |steps: &[Step]| {
                let begun = steps.iter().rfind(|step| step.from <= *start);
                begun.and_then(|step| step.sold.clone())
            };
            let standard = services.iter().find(|(service, _)| *service == "standard");
            let Some((schedule, url)) = standard.and_then(|(_, steps)| at(steps)) else {
                continue;
            };
            let mut tariff = always(self.snapshot, self.key, url.as_deref());
            (tariff.from, tariff.until) = (*start, starts.get(index + 1).copied().flatten());
            for Factor { rule, factor } in self.rules.iter().filter(|f| f.rule.holds(*start)) {
                let schedule = scaled(&schedule, *factor)?;
                tariff.hours.push(Hours { windows: rule.windows.clone(), schedule });
            }
            tariff.schedule = schedule;
            for (service, steps) in services.iter().filter(|(name, _)| *name != "standard") {
                if let Some((schedule, _)) = at(steps) {
                    let service = Service::from((*service).to_owned());
                    tariff.variants.push(Variant { service, schedule });
                }
            }
            tariffs.push(tariff);
        }
        Ok(tariffs)
    }
}

fn times(price: ListPrice, factor: Decimal) -> Result<ListPrice, String> {
    let product = price.0.checked_mul(factor).ok_or("a price times its factor is too large")?;
    Ok(ListPrice(product.normalize()))
}

/// Every price of a schedule, multiplied.
fn scaled(schedule: &Schedule, factor: Decimal) -> Result<Schedule, String> {
    let rates = |rates: &Rates| -> Result<Rates, String> {
        rates.iter().map(|(kind, price)| Ok((kind, times(price, factor)?))).collect()
    };
    let tiers = schedule
        .tiers
        .iter()
        .map(|tier| Ok::<_, String>(Tier { above: tier.above, rates: rates(&tier.rates)? }));
    Ok(Schedule {
        rates: rates(&schedule.rates)?,
        tiers: tiers.collect::<Result<_, _>>()?,
        ..schedule.clone()
    })
}
