//! Whether the sources can be reached at all, for a diagnosis.

use super::{HubSettings, PipSettings};
use crate::units::Seconds;
use std::process::Command;

/// Whether the hub's endpoint answers, whatever it answers; the reason why it doesn't.
pub fn hub_answers(settings: &HubSettings, patience: Seconds) -> Result<(), String> {
    if settings.offline {
        return Err("`HF_HUB_OFFLINE` forbids to ask".to_owned());
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(patience.to_std()))
        .http_status_as_error(false)
        .build()
        .into();
    match agent.head(&settings.endpoint).call() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`{}`: {error}", settings.endpoint)),
    }
}

/// The version of the user's pip; the reason why there is none.
pub fn pip_answers(settings: &PipSettings) -> Result<String, String> {
    let mut reason = "no Python is named".to_owned();
    for python in &settings.pythons {
        match Command::new(python).args(["-m", "pip", "--version"]).output() {
            Ok(output) if output.status.success() => {
                let said = String::from_utf8_lossy(&output.stdout);
                // `pip 23.2.1 from /where/it/is (python 3.11)`
                return Ok(said.split(" from ").next().unwrap_or_default().trim().to_owned());
            }
            Ok(output) => {
                String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut reason);
            }
            Err(error) => reason = format!("`{}`: {error}", python.to_string_lossy()),
        }
    }
    Err(reason)
}
