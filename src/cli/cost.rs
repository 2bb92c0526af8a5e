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
        Asked::Machine { price, rental, rate, loads, gpus } => {
            // `checked` has seen to it that some of the rented time is usable.
            let rental = rental.and_then(crate::cost::Rental::bill);
            let price = rental.map_or(*price, |bill| bill.effective);
            let at = |load: &Load| LoadCost { load: *load, cost: cost_at(price, *rate, *load) };
            let costs = loads.iter().map(at).collect();
            if let Some(claim) = cost.claim {
                report.audit = Some(audit_machine(claim, price / rate.value, loads, *gpus)?);
            }
            report.machine = Some(MachineCosts { price, rate: *rate, rental, costs });
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
