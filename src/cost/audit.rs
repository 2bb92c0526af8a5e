//! A list of published claims, each worked out again: COST_MODEL.md section 1.
//!
//! Invariant: a claim is audited against what *its own* inputs give, and one that lacks an input, or has
//! those of two kinds, is refused with its name: nothing is assumed. Every claim has a source and a day.
//! Guarded by the shipped list (`data/claims.toml`), whose known slips are all named in the test below.
//!
//! A claim is of a machine (`price`, `rate`, and where they were stated `load` and `gpus`) or of a bill
//! (`workload`, `token_price`). Without a load it is taken to be of full load.

use super::{Audit, Budget, Claim, ClaimError, Load, TokenPrices, audit_bill, audit_machine};
use crate::hint::{Fault, Hint};
use crate::units::{TokensPerSecond, UsdPerHour};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const FILE: &str = "data/claims.toml";
const TEXT: &str = include_str!("../../data/claims.toml");

/// Claims to be audited.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Vec<PublishedClaim>);

/// A claim, read.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedClaim {
    /// What the list calls it.
    pub id: String,
    /// What it says, in words.
    pub says: String,
    /// Where.
    pub source: String,
    /// The day on which it was read there.
    pub date: Date,
    claim: Claim,
    about: About,
}

/// What a claim is about.
#[derive(Debug, Clone, PartialEq)]
enum About {
    Machine { price: UsdPerHour, rate: TokensPerSecond, load: Load, gpus: Option<u32> },
    Bill { budget: Budget, prices: TokenPrices },
}

/// A claim beside what is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audited {
    /// What the list calls it.
    pub id: String,
    /// What it says.
    pub says: String,
    /// Where.
    pub source: String,
    /// The day on which it was read there.
    pub date: Date,
    /// The unit of claim and right value: `USD/Mtok`, or `USD` of a bill.
    pub unit: &'static str,
    /// The verdict.
    pub audit: Audit,
}

/// Why a list can't be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file isn't a list of claims.
    #[error("`{file}` is not a list of claims: {source}")]
    Toml {
        /// The file.
        file: String,
        /// What the reader of TOML found.
        source: Box<toml::de::Error>,
    },
    /// It holds none.
    #[error("`{file}` holds no claim")]
    Empty {
        /// The file.
        file: String,
    },
    /// A field that must say something is missing or empty.
    #[error("`{file}`, claim `{id}`: `{field}` is missing")]
    Missing {
        /// The file.
        file: String,
        /// The claim.
        id: String,
        /// The field.
        field: &'static str,
    },
    /// A field of a machine beside those of a bill.
    #[error("`{file}`, claim `{id}`: `{field}` has no place in a claim about a bill")]
    Both {
        /// The file.
        file: String,
        /// The claim.
        id: String,
        /// The field.
        field: &'static str,
    },
    /// A field that isn't what it should be.
    #[error("`{file}`, claim `{id}`, `{field}`: {problem}")]
    Field {
        /// The file.
        file: String,
        /// The claim.
        id: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The way out.
        hint: Option<String>,
    },
    /// A claim that can't be compared with anything.
    #[error("claim `{id}`: {source}")]
    Claim {
        /// The claim.
        id: String,
        /// Why.
        source: ClaimError,
    },
}

impl Hint for AuditError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Field { hint, .. } => hint.clone(),
            Self::Missing { .. } | Self::Both { .. } => Some(
                "a claim about a machine has `price` and `rate`, one about a bill `workload` and \
                 `token_price`; each has `id`, `claimed`, `says`, `source` and `date`"
                    .to_owned(),
            ),
            Self::Empty { .. } => Some("begin each with `[[claim]]`".to_owned()),
            Self::Toml { .. } | Self::Claim { .. } => None,
        }
    }

    fn fault(&self) -> Fault {
        Fault::Input
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaims {
    #[serde(default)]
    claim: Vec<RawClaim>,
}

/// A claim as written: figures are texts with units.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    id: String,
    says: String,
    source: String,
    date: Date,
    claimed: String,
    price: Option<String>,
    rate: Option<String>,
    load: Option<String>,
    gpus: Option<u32>,
    workload: Option<String>,
    token_price: Option<String>,
}

impl Claims {
    /// The claims inside the program: those of COST_MODEL.md section 1.
    ///
    /// # Errors
    /// None but of a broken list, which the tests rule out.
    pub fn example() -> Result<Self, AuditError> {
        Self::parse(FILE, TEXT)
    }

    /// Claims from the text of a file.
    ///
    /// # Errors
    /// A text that isn't TOML of this shape, a figure without a unit, an input that is missing.
    pub fn parse(file: &str, text: &str) -> Result<Self, AuditError> {
        let raw: RawClaims = toml::from_str(text).map_err(|source| AuditError::Toml {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        if raw.claim.is_empty() {
            return Err(AuditError::Empty { file: file.to_owned() });
        }
        let read = |raw: RawClaim| Reader { file, id: raw.id.clone() }.claim(raw);
        raw.claim.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The claims, in the list's order.
    pub fn claims(&self) -> &[PublishedClaim] {
        &self.0
    }

    /// A verdict on each.
    ///
    /// # Errors
    /// A claim whose right value is nothing or out of range.
    pub fn audit(&self) -> Result<Vec<Audited>, AuditError> {
        self.0.iter().map(PublishedClaim::audit).collect()
    }
}

impl PublishedClaim {
    fn audit(&self) -> Result<Audited, AuditError> {
        let (unit, audit) = match self.about {
            About::Machine { price, rate, load, gpus } => {
                ("USD/Mtok", audit_machine(self.claim, price / rate, &[load], gpus))
            }
            About::Bill { budget, prices } => ("USD", audit_bill(self.claim, budget, prices)),
        };
        let audit = audit.map_err(|source| AuditError::Claim { id: self.id.clone(), source })?;
        let Self { id, says, source, date, .. } = self.clone();
        Ok(Audited { id, says, source, date, unit, audit })
    }
}

/// Reads the fields of one claim, naming it where one is wrong.
struct Reader<'a> {
    file: &'a str,
    id: String,
}

impl Reader<'_> {
    fn claim(&self, raw: RawClaim) -> Result<PublishedClaim, AuditError> {
        for (field, text) in [("id", &raw.id), ("says", &raw.says), ("source", &raw.source)] {
            if text.trim().is_empty() {
                return Err(self.missing(field));
            }
        }
        let of_bill = raw.workload.is_some() || raw.token_price.is_some();
        let about = if of_bill { self.bill(&raw)? } else { self.machine(&raw)? };
        let claim = match about {
            About::Machine { .. } => Claim::price(self.value("claimed", &raw.claimed)?),
            About::Bill { .. } => Claim::bill(&raw.claimed),
        };
        let claim = claim.map_err(|source| match source {
            ClaimError::NotMoney(_) => self.field("claimed", source.to_string(), source.hint()),
            source => AuditError::Claim { id: self.id.clone(), source },
        })?;
        let RawClaim { id, says, source, date, .. } = raw;
        Ok(PublishedClaim { id, says, source, date, claim, about })
    }

    fn machine(&self, raw: &RawClaim) -> Result<About, AuditError> {
        let price: UsdPerHour = self.needed("price", raw.price.as_deref())?;
        let rate: TokensPerSecond = self.needed("rate", raw.rate.as_deref())?;
        let load = raw.load.as_deref().map(|text| self.value("load", text)).transpose()?;
        if raw.gpus == Some(0) {
            return Err(self.field("gpus", "`0` is not a number of GPUs".to_owned(), None));
        }
        Ok(About::Machine { price, rate, load: load.unwrap_or(Load::FULL), gpus: raw.gpus })
    }

    fn bill(&self, raw: &RawClaim) -> Result<About, AuditError> {
        let of_machine = [
            ("price", raw.price.is_some()),
            ("rate", raw.rate.is_some()),
            ("load", raw.load.is_some()),
            ("gpus", raw.gpus.is_some()),
        ];
        if let Some((field, _)) = of_machine.into_iter().find(|(_, given)| *given) {
            let (file, id) = (self.file.to_owned(), self.id.clone());
            return Err(AuditError::Both { file, id, field });
        }
        let (input, output) = self.pair("workload", raw.workload.as_deref(), "10M:5M")?;
        let budget = Budget { input, output };
        let example = "5e-6/tok:1.6e-5/tok";
        let (input, output) = self.pair("token_price", raw.token_price.as_deref(), example)?;
        Ok(About::Bill { budget, prices: TokenPrices { input, output } })
    }

    fn needed<Q>(&self, field: &'static str, text: Option<&str>) -> Result<Q, AuditError>
    where
        Q: FromStr<Err: Hint>,
    {
        self.value(field, text.ok_or_else(|| self.missing(field))?)
    }

    /// Input's and output's, `input:output`.
    fn pair<Q>(
        &self,
        field: &'static str,
        text: Option<&str>,
        example: &str,
    ) -> Result<(Q, Q), AuditError>
    where
        Q: FromStr<Err: Hint>,
    {
        let text = text.ok_or_else(|| self.missing(field))?;
        let (input, output) = text.split_once(':').ok_or_else(|| {
            let hint = format!("write input's and output's like `{example}`");
            self.field(field, format!("`{text}` is not two figures"), Some(hint))
        })?;
        Ok((self.value(field, input)?, self.value(field, output)?))
    }

    fn value<Q>(&self, field: &'static str, text: &str) -> Result<Q, AuditError>
    where
        Q: FromStr<Err: Hint>,
    {
        text.parse().map_err(|error: Q::Err| self.field(field, error.to_string(), error.hint()))
    }

    fn missing(&self, field: &'static str) -> AuditError {
        AuditError::Missing { file: self.file.to_owned(), id: self.id.clone(), field }
    }

    fn field(&self, field: &'static str, problem: String, hint: Option<String>) -> AuditError {
        let (file, id) = (self.file.to_owned(), self.id.clone());
        AuditError::Field { file, id, field, problem, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Slip, Verdict};

    /// All claims of COST_MODEL.md section 1: the right value, worked there by hand, and the slip.
    #[test]
    fn every_known_slip_of_the_shipped_list_is_named() {
        let audited = Claims::example().unwrap().audit().unwrap();
        let found: Vec<_> = audited
            .iter()
            .map(|claim| {
                let slip = match &claim.audit.verdict {
                    Verdict::Right => "right".to_owned(),
                    Verdict::Slipped { slip, .. } => format!("{slip:?}"),
                    Verdict::Unexplained => "unexplained".to_owned(),
                };
                (claim.id.as_str(), format!("{:.6} {}", claim.audit.right, claim.unit), slip)
            })
            .collect();
        let thousand = format!("{:?}", Slip::PerThousand);
        let bill = format!("{:?}", Slip::BillOfThousands);
        let want = [
            ("full-load", "3.753754 USD/Mtok", thousand.as_str()),
            ("load-of-30", "12.512513 USD/Mtok", &thousand),
            ("load-of-10", "37.537538 USD/Mtok", &thousand),
            ("distill-table", "0.750000 USD", "right"),
            // No single slip makes 5 of 0.75: it is what the output tokens are, in millions.
            ("distill-summary", "0.750000 USD", "unexplained"),
            ("vision-table", "130.000000 USD", &bill),
            ("vision-summary", "130.000000 USD", "InputAtOutputPrice"),
            ("coder-table", "1.600000 USD", &bill),
            ("coder-summary", "1.600000 USD", "InputOnly"),
        ];
        let found: Vec<_> =
            found.iter().map(|(id, right, slip)| (*id, right.as_str(), slip.as_str())).collect();
        assert_eq!(found, want);
    }

    const MACHINE: &str = r#"
        [[claim]]
        id = "a"
        says = "words"
        source = "a page"
        date = "2026-11-22"
        claimed = "0.469/Mtok"
        price = "2.50/h"
        rate = "185tok/s"
        gpus = 8
    "#;

    #[test]
    fn a_claim_of_ones_own() {
        let audited = Claims::parse("x.toml", MACHINE).unwrap().audit().unwrap();
        let verdict = &audited[0].audit.verdict;
        assert!(
            matches!(verdict, Verdict::Slipped { slip: Slip::GpuForNode(8), .. }),
            "{verdict:?}"
        );
        assert_eq!(audited[0].audit.load, Some(Load::FULL));
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = match Claims::parse("x.toml", text) {
            Ok(claims) => claims.audit().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains(want), "{error}");
        assert_eq!(error.fault(), Fault::Input);
    }

    #[test]
    fn a_claim_that_lacks_something_is_refused_by_name() {
        refused("", "`x.toml` holds no claim");
        refused("claim = 3", "`x.toml` is not a list of claims");
        refused(&MACHINE.replace("rate = \"185tok/s\"", ""), "claim `a`: `rate` is missing");
        refused(&MACHINE.replace("words", " "), "claim `a`: `says` is missing");
        refused(
            &MACHINE.replace("185tok/s", "185"),
            "claim `a`, `rate`: `185` is not a token rate",
        );
        refused(&MACHINE.replace("185tok/s", "0tok/s"), "claim `a`: the right value is out of");
        refused(&MACHINE.replace("0.469/Mtok", "0/Mtok"), "claim `a`: `0` is not a claim");
        refused(&MACHINE.replace("gpus = 8", "gpus = 0"), "claim `a`, `gpus`: `0`");
        refused(&MACHINE.replace("gpus = 8", "load = \"130%\""), "claim `a`, `load`: `130%`");
        refused(
            &MACHINE.replace("gpus = 8", "workload = \"10M:5M\""),
            "claim `a`: `price` has no place in a claim about a bill",
        );
        let bill = MACHINE
            .replace("price = \"2.50/h\"", "workload = \"10M\"")
            .replace("rate = \"185tok/s\"", "token_price = \"1/Mtok:2/Mtok\"")
            .replace("gpus = 8", "");
        refused(&bill, "claim `a`, `workload`: `10M` is not two figures");
        let bill = bill.replace("10M", "10M:5M");
        refused(&bill, "claim `a`, `claimed`: `0.469/Mtok` is not an amount of money");
        let exact = bill.replace("0.469/Mtok", "20 USD");
        let audited = Claims::parse("x.toml", &exact).unwrap().audit().unwrap();
        assert_eq!((&audited[0].audit.verdict, audited[0].unit), (&Verdict::Right, "USD"));
    }
}
