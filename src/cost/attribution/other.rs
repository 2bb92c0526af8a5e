//! What other runs tell of the judged run's time: a probe, made to vary what the judged run held still.
//!
//! Invariant: only runs of the same model, by the same engine, on the same machine tell of each other;
//! which they were is part of the result. Guarded by the runs below.

use crate::hint::{Fault, Hint};
use crate::record::{Header, Run, Step};
use crate::summary::{RequestFit, StepFit, fit_requests};
use serde::Serialize;

/// What other runs tell of the time that each kind of token takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherRuns {
    /// Their names.
    pub runs: Vec<String>,
    /// Their engine's steps; `None`: they are a server's.
    pub steps: Option<StepFit>,
    /// Their requests; `None`: they are of an engine whose steps are seen.
    pub requests: Option<RequestFit>,
}

/// Why runs tell nothing of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtherRunsError {
    /// They were made of something else.
    #[error("run `{run}` has another {what} (`{theirs}`) than the run that is judged (`{judged}`)")]
    OfAnother {
        /// The run.
        run: String,
        /// What differs.
        what: &'static str,
        /// The run's.
        theirs: String,
        /// That of the run that is judged.
        judged: String,
    },
    /// They lack what a fit needs.
    #[error("{} can't be told what {what} take", listed(runs))]
    TellNothing {
        /// The runs.
        runs: Vec<String>,
        /// What they have too little of.
        what: &'static str,
    },
}

fn listed(runs: &[String]) -> String {
    match runs {
        [] => "from no run".to_owned(),
        [run] => format!("from run `{run}`"),
        [first, more @ ..] => format!("from run `{first}` and {} more", more.len()),
    }
}

impl Hint for OtherRunsError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::OfAnother { .. } => {
                    "a probe is a run of the same model, by the same engine, on the same machine"
                }
                Self::TellNothing { .. } => {
                    "a probe varies lengths and loads, one request at a time among them: \
                     `mtok bench … --concurrency 1,4,16 --prompt-tokens 50..2000`"
                }
            }
            .to_owned(),
        )
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }
}

impl OtherRuns {
    /// What these runs tell of one that has this head.
    ///
    /// # Errors
    /// Where one of them is of something else, or all of them together lack what a fit needs.
    pub fn of(runs: &[Run], judged: &Header) -> Result<Self, OtherRunsError> {
        for run in runs {
            alike(&run.header, judged)?;
        }
        let names: Vec<String> = runs.iter().map(|run| run.header.id.clone()).collect();
        let nothing = |what| OtherRunsError::TellNothing { runs: names.clone(), what };
        if judged.server.is_some() {
            let fit = fit_requests(&runs.iter().collect::<Vec<_>>());
            match (&fit.prefill, &fit.decode) {
                (None, _) => return Err(nothing("prompts")),
                (_, None) => return Err(nothing("answers")),
                _ => {}
            }
            return Ok(Self { runs: names, steps: None, requests: Some(fit) });
        }
        let steps: Vec<&Step> = runs.iter().flat_map(measured).collect();
        let fit = StepFit::of(&steps);
        if fit.prefill.is_none() && fit.decode.is_none() && fit.mixed.is_none() {
            return Err(nothing("steps"));
        }
        Ok(Self { runs: names, steps: Some(fit), requests: None })
    }
}

/// The steps that lie in a run's measured time.
fn measured(run: &Run) -> impl Iterator<Item = &Step> {
    let window = run.measured();
    run.steps.iter().filter(move |step| {
        window.is_some_and(|window| window.from <= step.span.from && step.span.to <= window.to)
    })
}

/// That two runs are of one model, by one engine, on one machine, as far as their heads say.
fn alike(run: &Header, judged: &Header) -> Result<(), OtherRunsError> {
    for (theirs, own) in facts(run).into_iter().zip(facts(judged)) {
        let ((what, theirs), (_, judged)) = (theirs, own);
        if theirs != judged {
            return Err(OtherRunsError::OfAnother { run: run.id.clone(), what, theirs, judged });
        }
    }
    Ok(())
}

/// What two runs must have in common to tell of each other.
fn facts(head: &Header) -> [(&'static str, String); 3] {
    let stored = head.model.shape.as_ref().map(|shape| format!(", {}", shape.quantization));
    let place = match &head.server {
        // Of a server elsewhere the host is the client's.
        Some(server) if !server.local => server.url.clone(),
        _ => head.host.gpu.clone().unwrap_or_else(|| head.host.cpu.clone()),
    };
    [
        ("model", format!("{}{}", head.model.name, stored.unwrap_or_default())),
        ("engine", head.engine.clone()),
        ("machine", place),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::builder::{RunBuilder, request};
    use crate::record::{Finish, Server};
    use crate::summary::Term;
    use crate::units::Tokens;

    /// Thirty requests one after the other: 10 ms and 0.1 ms for each prompt token until the first
    /// token, then 4 more of 20 ms each.
    fn served(lengths: impl Fn(u64) -> u64) -> Run {
        let local = Server { url: "http://a".to_owned(), endpoint: "/v1".to_owned(), local: false };
        let mut run = RunBuilder::measured(0.0, 60_000.0).head(|head| head.server = Some(local));
        for n in 0..30_u64 {
            let prompt = lengths(n);
            let asked = request(100.0 + 1_000.0 * Tokens(n).get()).prompt(prompt);
            let answered = asked.token(10.0 + 0.1 * Tokens(prompt).get()).tokens(4, 20.0);
            run = run.request(answered.done(Finish::Length));
        }
        run.build()
    }

    #[test]
    fn a_probe_of_a_server_tells_what_prompts_take() {
        let run = served(|n| 50 + 10 * n);
        let told = OtherRuns::of(std::slice::from_ref(&run), &run.header).unwrap();
        let fit = told.requests.unwrap().prefill.unwrap();
        let each = fit.time(Term::Prompt).unwrap().0;
        assert!((each - 1e-4).abs() < 1e-6, "{fit:?}");
        assert_eq!((told.steps, told.runs), (None, vec![run.header.id.clone()]));
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Header), want: &str) {
        let judged = served(|n| 50 + 10 * n).header;
        let mut other = served(|n| 50 + 10 * n);
        change(&mut other.header);
        let error = OtherRuns::of(&[other], &judged).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn what_is_of_something_else_tells_nothing() {
        refused(|head| head.model.name = "other".to_owned(), "has another model (`other");
        refused(|head| head.engine = "vLLM".to_owned(), "has another engine (`vLLM`)");
        refused(
            |head| head.server.as_mut().unwrap().url = "http://b".to_owned(),
            "another machine",
        );
        let judged = served(|n| 50 + 10 * n).header;
        let mut few = served(|n| 50 + 10 * n);
        few.requests.truncate(3);
        let error = OtherRuns::of(&[few], &judged).unwrap_err().to_string();
        assert!(error.ends_with("can't be told what prompts take"), "{error}");
        assert!(OtherRuns::of(&[], &judged).unwrap_err().to_string().starts_with("from no run"));
    }
}
