//! `mtok audit`: published claims, each worked out again.

use super::failure::Failure;
use super::output;
use super::raw::RawAudit;
use crate::cost::Claims;
use crate::hint::Fault;
use crate::report::{AuditReport, audit_document};

/// Audits a list and prints a verdict on each claim.
pub(crate) fn run(raw: &RawAudit) -> Result<(), Failure> {
    let claims = match &raw.claims {
        None => Claims::example()?,
        Some(path) => {
            let text = fs_err::read_to_string(path);
            let text = text.map_err(|error| Failure::new(Fault::Input, error.to_string()))?;
            Claims::parse(&path.display().to_string(), &text)?
        }
    };
    let report = AuditReport { schema: "mtok.claims/1", claims: claims.audit()? };
    output::print(raw.output.format(), &audit_document(&report), &report)
}
