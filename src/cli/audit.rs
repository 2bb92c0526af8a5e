//! `mtok audit`: published claims, each worked out again.

use super::failure::Failure;
use super::input::read;
use super::output;
use super::raw::RawAudit;
use crate::cost::Claims;
use crate::report::{AuditReport, audit_document};

/// Audits a list and prints a verdict on each claim.
pub(crate) fn run(raw: &RawAudit) -> Result<(), Failure> {
    let claims = match &raw.claims {
        None => Claims::example()?,
        Some(path) => Claims::parse(&path.display().to_string(), &read(path)?)?,
    };
    let report = AuditReport { schema: "mtok.claims/1", claims: claims.audit()? };
    output::print(raw.output.format(), &audit_document(&report), &report)
}
