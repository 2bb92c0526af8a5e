//! Whether a question is asked again after a try that failed, and what a try's counts are worth.

use crate::record::{FailureKind, Finish, Usage};
use crate::units::{Seconds, Tokens};
use std::num::NonZeroU32;

/// The first wait before another try, where nobody says how long; doubled each time.
const WAIT: Seconds = Seconds(1.0);

/// No wait is longer, whatever a server asks for.
const WAIT_MAX: Seconds = Seconds(60.0);

/// A part that is said to be more than its whole says nothing: it is not of it.
pub(super) fn sound(usage: Usage) -> Usage {
    let within = |part: Option<Tokens>, whole: Option<Tokens>| {
        part.filter(|part| whole.is_none_or(|whole| *part <= whole))
    };
    Usage {
        cached: within(usage.cached, usage.prompt),
        reasoning: within(usage.reasoning, usage.output),
        ..usage
    }
}

/// How long to wait before another try; `None`: it ended well, or would fail again, or was tried enough.
pub(super) fn retry(finish: &Finish, before: usize, most: NonZeroU32) -> Option<Seconds> {
    let Finish::Failed(failure) = finish else { return None };
    let done = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
    let passing = match failure.kind {
        FailureKind::Connect
        | FailureKind::TimeOut
        | FailureKind::RateLimited
        | FailureKind::Server
        | FailureKind::BrokenStream => true,
        FailureKind::Engine | FailureKind::Refused | FailureKind::Malformed => false,
    };
    if !passing || done >= most.get() {
        return None;
    }
    let doubled = Seconds(WAIT.0 * f64::from(1_u32 << (done - 1).min(6)));
    let wait = failure.retry_after.unwrap_or(doubled);
    Some(if wait > WAIT_MAX { WAIT_MAX } else { wait })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Failure;

    #[test]
    fn only_what_passes_is_tried_again() {
        let most = NonZeroU32::new(3).unwrap();
        let failed = |kind, retry_after| {
            Finish::Failed(Failure { kind, status: None, retry_after, reason: String::new() })
        };
        let limited = |after: Option<f64>| failed(FailureKind::RateLimited, after.map(Seconds));
        for (finish, before, want) in [
            (Finish::Stop, 0, None),
            (Finish::Length, 0, None),
            (failed(FailureKind::Refused, None), 0, None),
            (failed(FailureKind::Server, None), 0, Some(1.0)),
            (failed(FailureKind::Server, None), 1, Some(2.0)),
            (failed(FailureKind::Server, None), 2, None),
            (limited(Some(7.0)), 0, Some(7.0)),
            (limited(Some(3_600.0)), 0, Some(60.0)),
        ] {
            let wait = retry(&finish, before, most);
            assert_eq!(wait.map(|wait| wait.0), want, "{finish:?} after {before}");
        }
    }
}
