//! `mtok bench`: what is measured, which runs are made, and what to judge them by.

use super::content::Asking;
use super::load::{Answering, course, precision};
use super::subject::{Running, measured};
use super::{Failure, Judging};
use crate::cli::raw::{RawBench, RawSampling};
use crate::conduct::{Course, Remote};
use crate::engine::EngineChoice;
use crate::engine::sampler::{Sampler, SamplerParams};
use crate::hint::Fault;
use crate::model::Catalogue;
use crate::units::Ratio;
use std::num::NonZeroU32;

/// A benchmark.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    /// What is measured.
    pub(crate) subject: Subject,
    /// Which runs are made.
    pub(crate) course: Course,
    /// Within what the output rate is to be known.
    pub(crate) precision: Option<Ratio>,
    /// How tokens are chosen.
    pub(crate) sampling: SamplerParams,
    /// What to judge it by.
    pub(crate) judging: Judging,
}

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// A model in this process.
    Local {
        /// Its name, or its file's path.
        model: String,
        /// How it is run.
        running: Running,
    },
    /// A server.
    Remote(Box<Remote>),
}

impl TryFrom<RawBench> for Bench {
    type Error = Failure;

    fn try_from(raw: RawBench) -> Result<Self, Failure> {
        let asking = Asking::try_from(&raw.content)?;
        let running = Running::try_from(&raw.engine)?;
        let judging = Judging::try_from(raw.judging)?;
        let answering = match (&raw.server.target, running.engine) {
            (Some(_), _) => Answering::Server,
            (None, EngineChoice::Reference) => Answering::OneAtATime,
            (None, EngineChoice::Own) => Answering::Here,
        };
        let seed = raw.content.seed;
        let course = course(&raw.load, &asking, seed, judging.slo.as_ref(), answering)?;
        let subject = match &raw.server.target {
            Some(url) => {
                let remote = measured(url, raw.model.as_deref(), &raw.server, &raw.told)?;
                Subject::Remote(Box::new(remote))
            }
            None => Subject::Local {
                model: raw.model.unwrap_or_else(|| Catalogue::DEFAULT.to_owned()),
                running,
            },
        };
        Ok(Self {
            subject,
            course,
            precision: precision(&raw.load)?,
            sampling: sampling(&raw.sampling, seed)?,
            judging,
        })
    }
}

fn sampling(raw: &RawSampling, seed: u64) -> Result<SamplerParams, Failure> {
    let top_k = match raw.top_k {
        None => None,
        Some(k) => Some(NonZeroU32::new(k).ok_or_else(|| {
            let message = "`--top-k`: `0` leaves no token to choose";
            Failure::new(Fault::Usage, message).hint("leave the flag out to choose among all")
        })?),
    };
    let params = SamplerParams {
        temperature: raw.temperature,
        top_k,
        top_p: raw.top_p,
        min_p: raw.min_p,
        seed,
    };
    Sampler::new(params)?;
    Ok(params)
}
