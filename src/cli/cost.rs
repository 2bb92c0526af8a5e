//! `mtok cost`: the calculator, and the audit of a published figure.

use super::checked::{Asked, Cost};
use super::failure::Failure;
use super::output;
use super::raw::Format;
use crate::cost::{Load, audit_bill, audit_machine, cost_at};
use crate::hint::Fault;
use crate::report::{BudgetBill, CostReport, LoadCost, MachineCosts, cost_document};

/// Works it out and prints it.
pub(crate) fn run(cost: &Cost, format: Format) -> Result<(), Failure> {
    let mut report = CostReport { schema: "mtok.cost/1", machine: None, bill: None, audit: None };
    match &cost.asked {
        Asked::Machine { price: hour, rate, loads, gpus } => {
            let price = hour.usd_per_hour;
            let at = |load: &Load| LoadCost { load: *load, cost: cost_at(price, *rate, *load) };
            let costs: Vec<LoadCost> = loads.iter().map(at).collect();
            if costs.iter().any(|row| !row.cost.value.0.is_finite()) {
                let message = "`--price` over `--rate` is out of the range that can be printed";
                return Err(Failure::new(Fault::Usage, message));
            }
            if let Some(claim) = cost.claim {
                report.audit = Some(audit_machine(claim, price / rate.value, loads, *gpus)?);
            }
            report.machine = Some(MachineCosts::of(hour, *rate, costs));
        }
        Asked::Bill { budget, prices } => {
            let usd = budget.bill(*prices).ok_or_else(|| {
                Failure::new(
                    Fault::Usage,
                    "`--workload`: the bill has more digits than can be held",
                )
            })?;
            if let Some(claim) = cost.claim {
                report.audit = Some(audit_bill(claim, *budget, *prices)?);
            }
            report.bill = Some(BudgetBill { budget: *budget, prices: *prices, usd });
        }
    }
    output::print(format, &cost_document(&report), &report)
}
