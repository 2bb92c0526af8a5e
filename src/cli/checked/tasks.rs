//! What is to be asked of whom, and what it is paid at.

use super::judging::in_a_folder;
use super::subject::{Running, remote};
use super::{Failure, value};
use crate::cli::raw::{RawQuestions, RawTaskPrices, RawTasks};
use crate::conduct::{Manner, Remote};
use crate::cost::Load;
use crate::engine::sampler::{Sampler, SamplerParams};
use crate::hint::Fault;
use crate::model::Catalogue;
use crate::units::{Tokens, UsdPerHour};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// What is to be asked of whom, and what it is paid at.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    /// Who answers.
    pub(crate) who: Who,
    /// What is asked.
    pub(crate) what: What,
    /// How.
    pub(crate) manner: Manner,
    /// The most output tokens of an answer, where said.
    pub(crate) max_output: Option<Tokens>,
    /// How often each.
    pub(crate) repeats: u32,
    /// What problems are drawn from.
    pub(crate) seed: u64,
    /// What it is paid at.
    pub(crate) paid: Paid,
    /// The models whose fewest tokens are the measure of all; none: all of them.
    pub(crate) reference: Vec<String>,
    /// Where to write the page, where one is wanted.
    pub(crate) report: Option<PathBuf>,
}

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Models in this process, one after the other.
    Local {
        /// Their names, or their files' paths.
        models: Vec<String>,
        /// How they are run.
        running: Running,
        /// The record that is gone on with.
        resume: Option<String>,
    },
    /// A server.
    Remote {
        /// The server.
        remote: Box<Remote>,
        /// The record that is gone on with.
        resume: Option<String>,
    },
    /// Nobody: these are on record.
    Recorded(Vec<String>),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Families of the suite inside the program; none named: all.
    Suite {
        /// Their names.
        families: Vec<String>,
        /// The most problems of each.
        limit: Option<usize>,
    },
    /// A file's.
    File {
        /// The file.
        path: PathBuf,
        /// The most problems.
        limit: Option<usize>,
    },
}

/// What it is paid at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Paid {
    /// An hour of the machine; `None`: nobody says.
    Hour {
        /// What it costs.
        price: Option<UsdPerHour>,
        /// The share of it that is put to use.
        load: Load,
    },
    /// Entries of the price book: one for each model, or one for all.
    Apis(Vec<String>),
}

impl TryFrom<RawTasks> for Tasks {
    type Error = Failure;

    fn try_from(raw: RawTasks) -> Result<Self, Failure> {
        let running = Running::try_from(&raw.engine)?;
        let RawQuestions { temperature, seed, .. } = raw.what;
        let sampling = SamplerParams { temperature, seed, ..SamplerParams::GREEDY };
        Sampler::new(sampling)?;
        let (at_once, tries) = (raw.who.concurrency, raw.who.tries);
        let resume = raw.who.resume;
        let who = match (&raw.server.target, raw.who.model) {
            _ if !raw.who.from.is_empty() => Who::Recorded(raw.who.from),
            (Some(url), models) => {
                if let [_, other, ..] = models.as_slice() {
                    let message = format!("`--model`: `{other}`: a server is asked for one model");
                    return Err(Failure::new(Fault::Usage, message).hint(
                        "ask it for each in a command of its own, then lay them side by side: \
                         `mtok tasks --from RECORD --from RECORD`",
                    ));
                }
                let model = models.first().map(String::as_str);
                let remote = Box::new(remote(url, model, &raw.server)?);
                Who::Remote { remote, resume }
            }
            (None, models) if models.is_empty() => {
                let models = vec![Catalogue::DEFAULT.to_owned()];
                Who::Local { models, running, resume }
            }
            (None, models) => Who::Local { models, running, resume },
        };
        Ok(Self {
            who,
            repeats: raw.what.repeats.get(),
            max_output: raw.what.max_output.map(|most| Tokens(most.get().into())),
            what: what(raw.what),
            manner: Manner { at_once, sampling, tries },
            seed,
            paid: paid(&raw.paid)?,
            reference: raw.paid.reference,
            report: raw.paid.report.map(in_a_folder).transpose()?,
        })
    }
}

fn what(raw: RawQuestions) -> What {
    let limit = raw.limit.map(NonZeroU32::get).and_then(|limit| usize::try_from(limit).ok());
    match raw.file {
        Some(path) => What::File { path, limit },
        None => What::Suite { families: raw.families, limit },
    }
}

fn paid(raw: &RawTaskPrices) -> Result<Paid, Failure> {
    if !raw.api.is_empty() {
        return Ok(Paid::Apis(raw.api.clone()));
    }
    let price = super::optional("--price", raw.price.as_deref())?;
    Ok(Paid::Hour { price, load: value("--load", &raw.load)? })
}
