//! What `mtok cost` prints.

use super::figure::{estimate, significant};
use super::hour::owned_words;
use super::{Document, Table};
use crate::cost::{
    Audit, Budget, Load, MachinePrice, OwnedHour, PriceOrigin, RentalBill, TokenPrices, Verdict,
};
use crate::units::{Estimate, TokensPerSecond, UsdPerHour, UsdPerMtok};
use rust_decimal::Decimal;
use serde::Serialize;

/// The calculator's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostReport {
    /// The form of this document: `mtok.cost/1`.
    pub schema: &'static str,
    /// The cost of tokens on a machine, where a price and a rate were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineCosts>,
    /// The bill of a budget, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<BudgetBill>,
    /// What became of the claim, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
}

/// The cost of tokens on a machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MachineCosts {
    /// The price that was divided: as given, or with billing and start-up in it.
    pub price: UsdPerHour,
    /// The rate at the operating point.
    pub rate: Estimate<TokensPerSecond>,
    /// The rental that the price comes from, where one was described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rental: Option<RentalBill>,
    /// The owned machine that the price comes from, where one was described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owned: Option<OwnedHour>,
    /// The cost at each load.
    pub costs: Vec<LoadCost>,
}

impl MachineCosts {
    /// At a machine's price.
    pub fn of(price: &MachinePrice, rate: Estimate<TokensPerSecond>, costs: Vec<LoadCost>) -> Self {
        let rental = price.sitting.map(|sitting| sitting.bill);
        let owned = match price.origin {
            PriceOrigin::Owned(owned) => Some(owned),
            _ => None,
        };
        Self { price: price.usd_per_hour, rate, rental, owned, costs }
    }
}

/// What a million tokens cost where the mean rate is this share of the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LoadCost {
    /// The load.
    pub load: Load,
    /// The cost.
    pub cost: Estimate<UsdPerMtok>,
}

/// A budget and its bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetBill {
    /// The tokens.
    pub budget: Budget,
    /// The prices.
    pub prices: TokenPrices,
    /// The bill in USD, exact.
    pub usd: Decimal,
}

/// The result in words and tables.
pub fn cost_document(report: &CostReport) -> Document {
    let mut document = Document::default();
    if let Some(machine) = &report.machine {
        machine_costs(&mut document, machine);
    }
    if let Some(bill) = &report.bill {
        budget_bill(&mut document, bill);
    }
    if let Some(found) = &report.audit {
        document.words(audit_words(found));
    }
    document
}

fn machine_costs(document: &mut Document, machine: &MachineCosts) {
    if let Some(bill) = &machine.rental {
        document.words(format!(
            "billed {:.2} h, {:.2} USD, of which {:.2} h can deliver tokens: {:.4}",
            bill.billed.0 / 3_600.0,
            bill.total.0,
            bill.usable.0 / 3_600.0,
            bill.effective,
        ));
    }
    if let Some(owned) = &machine.owned {
        document.words(owned_words(owned));
    }
    let mut table = Table::new("", &["load", "USD/Mtok"]);
    for LoadCost { load, cost } in &machine.costs {
        // A rate stated without an error is taken as exact, so its quotient is printed as one.
        let figure = match cost.interval {
            Some(_) => estimate(*cost),
            None if cost.value.0 < 1e-3 => significant(cost.value.0, 4),
            None => format!("{:.6}", cost.value.0),
        };
        table.row([load.to_string(), figure]);
    }
    document.table(table);
}

fn budget_bill(document: &mut Document, bill: &BudgetBill) {
    let mut table = Table::new("", &["", "tokens", "USD/Mtok", "USD"]);
    let line = |tokens, price: crate::units::ListPrice| {
        price.bill(tokens).map_or_else(String::new, dollars)
    };
    let BudgetBill { budget, prices, usd } = bill;
    let cells = |name: &str, tokens: crate::units::Tokens, price: crate::units::ListPrice| {
        [
            name.to_owned(),
            super::figure::thousands(tokens.0),
            price.0.normalize().to_string(),
            line(tokens, price),
        ]
    };
    table.row(cells("input", budget.input, prices.input));
    table.row(cells("output", budget.output, prices.output));
    table.row([
        "together".to_owned(),
        super::figure::thousands((budget.input + budget.output).0),
        String::new(),
        dollars(*usd),
    ]);
    document.table(table);
}

/// Dollars and cents; more decimals where there are fractions of a cent.
fn dollars(amount: Decimal) -> String {
    let normal = amount.normalize();
    if normal.scale() < 2 { format!("{amount:.2}") } else { normal.to_string() }
}

fn audit_words(audit: &Audit) -> String {
    let at = audit.load.map_or_else(String::new, |load| format!(" at {load} load"));
    let claim = audit.claim.figure();
    let right = significant(audit.right, 7);
    match &audit.verdict {
        Verdict::Right => format!("claim {claim}: right{at} ({right})"),
        Verdict::Slipped { slip, slipped, others } => {
            let mut words = format!(
                "claim {claim}: {}; right is {right}{at}\n\
                 this is {}: the right figure with that slip is {}, which prints as {claim}",
                direction(audit),
                slip.words(),
                significant(*slipped, 4),
            );
            for other in others {
                words.push_str("\nor it is ");
                words.push_str(&other.words());
            }
            words
        }
        Verdict::Unexplained => format!(
            "claim {claim}: {}; right is {right}{at}\nno single slip known here explains it",
            direction(audit)
        ),
    }
}

fn direction(audit: &Audit) -> String {
    let side = if audit.too_low { "too low" } else { "too high" };
    format!("{side}, off by a factor {}", significant(audit.factor, 4))
}
