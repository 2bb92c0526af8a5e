//! A server that stands still for a while, and what its clients should see of it: pure arithmetic.
//!
//! A server has a time of its own, which stands still in a stall. A request that comes in a stall
//! begins at its end, and what was left of one that ran is left at its end. All times are
//! nanoseconds, counted from one origin.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The server stands still in `[at, at + length)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    /// When it begins.
    pub(crate) at: u64,
    /// How long it is.
    pub(crate) length: u64,
}

/// What the server's own time shows; `stalls` in order, apart.
pub(crate) fn server_time(stalls: &[Stall], wall: u64) -> u64 {
    let stood: u64 =
        stalls.iter().map(|stall| wall.saturating_sub(stall.at).min(stall.length)).sum();
    wall - stood
}

/// When the server's own time shows this; of the moments of a stall, its end.
pub(crate) fn wall_time(stalls: &[Stall], server: u64) -> u64 {
    let mut wall = server;
    for stall in stalls {
        if wall >= stall.at {
            wall += stall.length;
        }
    }
    wall
}

/// A request as a faultless client would measure it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truth {
    /// When it was to be sent.
    pub(crate) due: u64,
    /// When there was a place in flight for it.
    pub(crate) sent: u64,
    /// When its first token came.
    pub(crate) first: u64,
    /// When its last token came.
    pub(crate) end: u64,
}

impl Truth {
    /// Time to first token, from when it was due.
    pub(crate) fn ttft(&self) -> u64 {
        self.first - self.due
    }
}

/// What becomes of requests that are due at these moments, in order, where a request takes `ttft` of
/// the server's time to its first token and `length` to its last, and at most `cap` are in flight:
/// the others wait at the client, first come, first served.
pub(crate) fn truth(
    due: &[u64],
    stalls: &[Stall],
    ttft: u64,
    length: u64,
    cap: Option<usize>,
) -> Vec<Truth> {
    let mut ends = BinaryHeap::new();
    let mut truths = Vec::with_capacity(due.len());
    for &due in due {
        let mut sent = due;
        if cap.is_some_and(|cap| ends.len() >= cap.max(1))
            && let Some(Reverse(end)) = ends.pop()
        {
            sent = due.max(end);
        }
        let start = server_time(stalls, sent);
        let first = wall_time(stalls, start + ttft);
        let end = wall_time(stalls, start + length);
        ends.push(Reverse(end));
        truths.push(Truth { due, sent, first, end });
    }
    truths
}

/// When requests are due that come at a constant rate, from the origin on.
pub(crate) fn constant(per_second: u64, count: u64) -> Vec<u64> {
    (0..count).map(|index| index * 1_000_000_000 / per_second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const STALL: [Stall; 1] = [Stall { at: 100 * MS, length: 1_000 * MS }];

    #[track_caller]
    fn check_times(wall_ms: u64, server_ms: u64) {
        assert_eq!(server_time(&STALL, wall_ms * MS), server_ms * MS, "at {wall_ms} ms");
    }

    #[test]
    fn the_servers_time_stands_still_in_a_stall() {
        check_times(99, 99);
        check_times(100, 100);
        check_times(600, 100);
        check_times(1_100, 100);
        check_times(1_101, 101);
    }

    #[test]
    fn what_is_due_in_a_stall_comes_at_its_end() {
        assert_eq!(wall_time(&STALL, 99 * MS), 99 * MS);
        assert_eq!(wall_time(&STALL, 100 * MS), 1_100 * MS);
        assert_eq!(wall_time(&STALL, 130 * MS), 1_130 * MS);
    }

    #[test]
    fn two_stalls_add_up() {
        let two = [Stall { at: 100, length: 50 }, Stall { at: 200, length: 30 }];
        // 100 + 50 + the 50 between them, and then the second stall before it goes on.
        for (server, wall) in [(99, 99), (100, 150), (149, 199), (150, 230), (160, 240)] {
            assert_eq!(wall_time(&two, server), wall);
            assert_eq!(server_time(&two, wall), server);
        }
    }

    #[track_caller]
    fn check(due_ms: &[u64], cap: Option<usize>, ttft_ms: &[u64]) {
        let due: Vec<_> = due_ms.iter().map(|ms| ms * MS).collect();
        let got: Vec<_> = truth(&due, &STALL, 50 * MS, 200 * MS, cap)
            .iter()
            .map(|truth| truth.ttft() / MS)
            .collect();
        assert_eq!(got, ttft_ms, "due at {due_ms:?}, {cap:?} in flight");
    }

    #[test]
    fn without_a_cap_each_waits_for_the_end_of_the_stall() {
        // Due at 50: its token is due at 100, in the stall. Due at 70 it has 20 ms left at its end.
        check(
            &[0, 49, 50, 70, 100, 600, 1_099, 1_100],
            None,
            &[50, 50, 1_050, 1_050, 1_050, 550, 51, 50],
        );
    }

    #[test]
    fn at_the_cap_they_also_wait_for_a_place() {
        // The first is done at 1,200, the second (150 + 50 ms before the stall) at 1,150 + 100 = 1,250;
        // the third gets the first's place at 1,200 and its token at 1,250, the fourth the second's.
        check(&[0, 50, 150, 400], Some(2), &[50, 1_050, 1_100, 900]);
    }

    #[test]
    fn a_cap_that_is_never_reached_changes_nothing() {
        let due = constant(20, 400);
        let open = truth(&due, &STALL, 50 * MS, 545 * MS, None);
        assert_eq!(truth(&due, &STALL, 50 * MS, 545 * MS, Some(400)), open);
        assert!(open.iter().all(|truth| truth.sent == truth.due));
    }

    #[test]
    fn twenty_a_second_for_twenty_seconds_with_a_stall_of_one() {
        // The stall begins at 5.025 s: 20 requests come in it, the first with 0.975 s to its end, and
        // the one of 5.000 s has 25 ms of its 50 left: from there to the end of the stall 1,025, and 25.
        let due = constant(20, 400);
        let stall = [Stall { at: 5_025 * MS, length: 1_000 * MS }];
        let mut ttft: Vec<_> = truth(&due, &stall, 50 * MS, 545 * MS, None)
            .iter()
            .map(|truth| truth.ttft() / MS)
            .collect();
        ttft.sort_unstable_by_key(|&ttft| Reverse(ttft));
        let in_stall = (0..20).map(|index| 975 - 50 * index + 50);
        let want: Vec<_> = std::iter::once(1_050).chain(in_stall).collect();
        assert_eq!(ttft[..21], want);
        assert!(ttft[21..].iter().all(|&ttft| ttft == 50));
    }
}
