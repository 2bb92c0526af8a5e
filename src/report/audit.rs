//! What `mtok audit` prints.

use super::figure::significant;
use super::{Document, Table};
use crate::cost::{Audit, Audited, Verdict};
use serde::Serialize;

/// A list of claims, audited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditReport {
    /// The form of this document: `mtok.claims/1`.
    pub schema: &'static str,
    /// Each claim with its verdict, in the list's order.
    pub claims: Vec<Audited>,
}

/// The claims in a table, and where each was published.
pub fn audit_document(report: &AuditReport) -> Document {
    let columns = ["claim", "claimed", "right", "unit", "off by", "verdict"];
    let mut table = Table::new("", &columns);
    for Audited { id, unit, audit, .. } in &report.claims {
        table.row([
            id.clone(),
            audit.claim.figure().to_string(),
            significant(audit.right, 7),
            (*unit).to_owned(),
            off_by(audit),
            verdict(&audit.verdict),
        ]);
    }
    let mut document = Document::default();
    document.table(table);
    let said = |claim: &Audited| {
        let Audited { id, says, source, date, .. } = claim;
        format!("{id}: {says} ({source}, read {date})")
    };
    document.words(report.claims.iter().map(said).collect::<Vec<_>>().join("\n"));
    let right = report.claims.iter().filter(|claim| claim.audit.verdict == Verdict::Right).count();
    document.words(format!("{right} of {} claims are right.", report.claims.len()));
    document
}

/// By what factor, and on which side.
fn off_by(audit: &Audit) -> String {
    if audit.verdict == Verdict::Right {
        return String::new();
    }
    let side = if audit.too_low { "too low" } else { "too high" };
    format!("{}, {side}", significant(audit.factor, 4))
}

/// The slip's name first, then how it makes the claim.
fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Right => "right".to_owned(),
        Verdict::Unexplained => "no single slip known here explains it".to_owned(),
        Verdict::Slipped { slip, slipped, others } => {
            let first = format!("{} ({})", slip.words(), significant(*slipped, 4));
            let others = others.iter().copied().map(crate::cost::Slip::words);
            std::iter::once(first).chain(others).collect::<Vec<_>>().join("; or ")
        }
    }
}
