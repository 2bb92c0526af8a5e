//! Whether the target did the work that was asked for, and counts it as we do.

use super::{Found, share, succeeded};
use crate::record::{Request, Run};
use crate::summary::doubt::Doubt;
use crate::summary::server::Compared;
use crate::summary::tokens::{output, seen, tells_chunks};
use crate::units::Tokens;

/// A prefix cache may have this much more of the input than was planned: templates are shared.
const UNPLANNED_HITS: f64 = 0.01;

/// Outputs of other lengths change the mix; fewer than this share don't by as much as a rate errs.
const LENGTHS_SHARE: f64 = 0.01;

/// Two counts of the same tokens may differ by so much before one of them is doubted.
const COUNTS_SHARE: f64 = 0.01;

pub(super) fn restarted(found: &Found) -> Option<Doubt> {
    found.server.filter(|server| server.restarted).map(|_| Doubt::Restarted)
}

/// By the requests' own usage, where the target tells it; else by its counters.
pub(super) fn cache_warm(run: &Run, due: &[&Request], found: &Found) -> Option<Doubt> {
    let told = due.iter().filter_map(|request| {
        let cached = request.done.as_ref()?.usage.cached?;
        Some((cached, request.prompt))
    });
    let (cached, prompt) =
        told.fold((Tokens(0), Tokens(0)), |sum, request| (sum.0 + request.0, sum.1 + request.1));
    let by_requests = (prompt > Tokens(0)).then(|| cached / prompt);
    let hits = by_requests.or_else(|| found.server?.prefix_hits)?;
    let planned = run.header.workload.shared;
    let warm = hits.get() > planned.get() + UNPLANNED_HITS;
    warm.then_some(Doubt::CacheWarm { hits, planned })
}

pub(super) fn not_alone(found: &Found) -> Option<Doubt> {
    let Compared { server, ours } = found.server?.output_tokens?;
    let more = server.get() > ours.get() * (1.0 + COUNTS_SHARE);
    more.then_some(Doubt::NotAlone { server, ours })
}

pub(super) fn lengths(due: &[&Request]) -> Option<Doubt> {
    let ended = succeeded(due);
    let others = ended.iter().filter(|request| output(request) != request.planned).count();
    let tokens: Tokens = ended.iter().map(|request| output(request)).sum();
    let mean = Tokens(tokens.0.checked_div(ended.len() as u64)?);
    let share = share(others, ended.len());
    (share.get() > LENGTHS_SHARE).then_some(Doubt::LengthsNotAsPlanned { share, mean })
}

pub(super) fn not_counted(due: &[&Request]) -> Option<Doubt> {
    let ended = succeeded(due);
    let untold = |request: &&&Request| {
        let counted = request.done.as_ref().is_some_and(|done| done.usage.output.is_some());
        !counted && !tells_chunks(request)
    };
    let untold = ended.iter().filter(untold).count();
    (untold > 0).then(|| Doubt::NotCounted { share: share(untold, ended.len()) })
}

pub(super) fn tokenizer(due: &[&Request]) -> Option<Doubt> {
    let both = succeeded(due).into_iter().filter_map(|request| {
        let usage = request.done.as_ref()?.usage;
        Some((usage.output?, usage.recounted?))
    });
    let (counted, recounted) =
        both.fold((Tokens(0), Tokens(0)), |sum, request| (sum.0 + request.0, sum.1 + request.1));
    let apart = counted.0.abs_diff(recounted.0);
    let differ = Tokens(apart).get() > COUNTS_SHARE * counted.get();
    differ.then_some(Doubt::TokenizerDisagrees { counted, recounted })
}

/// Where the target says how many tokens each chunk holds, and they add up, all is known.
pub(super) fn chunks(due: &[&Request]) -> Option<Doubt> {
    let ended = succeeded(due);
    ended.iter().any(|request| output(request) != seen(request)).then(|| Doubt::CountsDisagree {
        counted: ended.iter().map(|request| output(request)).sum(),
        seen: ended.iter().map(|request| seen(request)).sum(),
    })
}
