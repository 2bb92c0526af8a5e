//! The shell: flags, commands, exit codes.
//!
//! Data to stdout, talk to stderr. `raw` mirrors the flags, `checked` owns every rule between them,
//! and each command is a file that receives only checked values. No arithmetic on measurements.

mod audit;
mod bench;
mod bill;
mod books;
mod checked;
mod compare;
mod cost;
mod doctor;
mod estimate;
mod failure;
mod gpus;
mod home;
mod input;
mod interrupt;
mod models;
mod output;
mod plan;
mod prices;
mod progress;
mod raw;
mod reconcile;
mod runs;
mod tasks;
mod weights;

use clap::Parser;
use failure::Failure;
use raw::{Command, Raw};
use std::process::ExitCode;

/// Runs the program on the process's own arguments.
pub fn main() -> ExitCode {
    let raw = match Raw::try_parse() {
        Ok(raw) => raw,
        Err(error) => {
            // Help and version come by this way too, and are no failures.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    match run(raw.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.fault().into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Cost(raw) => {
            let format = raw.output.format();
            cost::run(&checked::Cost::try_from(raw)?, format)
        }
        Command::Bench(raw) => {
            let format = raw.output.format();
            bench::run(&checked::Bench::try_from(*raw)?, format)
        }
        Command::Estimate(raw) => {
            let format = raw.output.format();
            estimate::run(&checked::Estimate::try_from(*raw)?, format)
        }
        Command::Plan(raw) => {
            let format = raw.output.format();
            plan::run(&checked::Plan::try_from(*raw)?, format)
        }
        Command::Compare(raw) => {
            let format = raw.output.format();
            compare::run(&checked::Compare::try_from(*raw)?, format)
        }
        Command::Tasks(raw) => {
            let format = raw.output.format();
            tasks::run(&checked::Tasks::try_from(*raw)?, format)
        }
        Command::Audit(raw) => audit::run(&raw),
        Command::Gpus(raw) => gpus::run(raw),
        Command::Models(raw) => models::run(raw),
        Command::Prices(raw) => prices::run(raw),
        Command::Bill(raw) => {
            let format = raw.output.format();
            bill::run(&checked::Bill::try_from(raw)?, format)
        }
        Command::Reconcile(raw) => reconcile::run(&raw, raw.output.format()),
        Command::Runs(raw) => runs::run(raw),
        Command::Doctor(raw) => doctor::run(raw.output.format()),
    }
}
