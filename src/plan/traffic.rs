//! What is asked for, and when: requests in the order of their times.
//!
//! Invariant: times never fall and the first is not before 0; every request has a token in and a
//! token out; what two prompts are said to share, they share from their beginnings on. A day that is
//! made of a shorter trace says so ([`Traffic::made_up`]).

use super::PlanError;
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};
use crate::workload::trace::Block;
use crate::workload::{Trace, mixed};
use serde::Serialize;
use std::sync::Arc;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// When.
    pub at: Seconds,
    /// Prompt tokens; at least 1.
    pub prompt: Tokens,
    /// Output tokens; at least 1.
    pub output: Tokens,
    /// What its prompt begins with, as far as others may begin so, too.
    pub begins: Arc<[Block]>,
}

/// Requests over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    requests: Arc<[Asked]>,
    /// The time that they are of: to the last of them, or as long as the day that was made.
    length: Seconds,
    made_up: Option<MadeUp>,
}

/// How a day was made of a shorter trace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MadeUp {
    /// The trace that was repeated.
    pub of: Seconds,
    /// How much more than the mean comes at the peak, and less twelve hours from it.
    pub swing: Ratio,
    /// When the peak is, from the beginning.
    pub peak: Seconds,
}

/// A day.
const DAY: Seconds = Seconds(86_400.0);

impl Traffic {
    /// The requests in the order of their times; those without a token in or out are left out.
    ///
    /// # Errors
    /// Where none is left.
    pub fn new(requests: impl IntoIterator<Item = Asked>) -> Result<Self, PlanError> {
        let can_be_asked =
            |one: &Asked| one.prompt > Tokens(0) && one.output > Tokens(0) && one.at.0.is_finite();
        let mut requests: Vec<Asked> = requests.into_iter().filter(can_be_asked).collect();
        requests.sort_by(|one, other| one.at.0.total_cmp(&other.at.0));
        let (Some(first), Some(last)) = (requests.first(), requests.last()) else {
            return Err(PlanError::NoTraffic);
        };
        let early = Seconds(first.at.0.min(0.0));
        let length = last.at - early;
        for request in &mut requests {
            request.at = request.at - early;
        }
        Ok(Self { requests: requests.into(), length, made_up: None })
    }

    /// A trace's requests.
    ///
    /// # Errors
    /// Where there are none.
    pub fn of_trace(trace: &Trace) -> Result<Self, PlanError> {
        Self::new(trace.requests().iter().map(|one| Asked {
            at: one.at,
            prompt: one.prompt,
            output: one.output,
            begins: one.blocks.to_vec().into(),
        }))
    }

    /// The same requests so many times as fast.
    ///
    /// # Errors
    /// Where the speed is none.
    pub fn faster(&self, speed: Ratio) -> Result<Self, PlanError> {
        if !(speed.get() > 0.0 && speed.get().is_finite()) {
            return Err(PlanError::NotPositive { what: "speed" });
        }
        let sooner = |one: &Asked| Asked { at: one.at / speed, ..one.clone() };
        Ok(Self {
            requests: self.requests.iter().map(sooner).collect(),
            length: self.length / speed,
            made_up: self.made_up,
        })
    }

    /// A day with a night in it: the trace over and over, its time stretched and squeezed so that the
    /// rate is the trace's own times 1 + `swing` × cos(2π (t - `peak`) / 24 h). What a prompt shares, it
    /// shares within one repetition.
    ///
    /// The trace doesn't say that its days are like that: the result is synthetic, and says so.
    ///
    /// # Errors
    /// Where the swing is no share, or the trace is too short to be repeated.
    pub fn over_a_day(&self, swing: Ratio, peak: Seconds) -> Result<Self, PlanError> {
        if !(0.0..=1.0).contains(&swing.get()) {
            return Err(PlanError::Share { what: "swing", value: swing });
        }
        // The gap between the last of one repetition and the first of the next is a mean one.
        let lap =
            Seconds(self.length.0 * (1.0 + 1.0 / (count(self.requests.len()) - 1.0).max(1.0)));
        if lap < Seconds(1.0) {
            return Err(PlanError::NotPositive { what: "the trace's length in whole seconds" });
        }
        let tide = Tide { swing, peak };
        let requests = (0_u64..).flat_map(|number| {
            self.requests.iter().map(move |one| {
                let at = Seconds(lap.0 * Tokens(number).get() + one.at.0);
                (number, at, one)
            })
        });
        let requests = requests.take_while(|(_, at, _)| *at < DAY).map(|(number, at, one)| {
            let block = |block: &Block| Block { id: apart(block.id, number), ..*block };
            Asked {
                at: tide.when(at),
                begins: one.begins.iter().map(block).collect(),
                ..one.clone()
            }
        });
        let day = Self::new(requests)?;
        let made_up = Some(MadeUp { of: self.length, swing, peak });
        Ok(Self { length: DAY, made_up, ..day })
    }

    /// The requests, in the order of their times.
    pub fn requests(&self) -> &[Asked] {
        &self.requests
    }

    /// The time that they are of.
    pub fn length(&self) -> Seconds {
        self.length
    }

    /// How it was made of something shorter; `None`: it is as recorded.
    pub fn made_up(&self) -> Option<MadeUp> {
        self.made_up
    }

    /// The mean rate. Of a time shorter than a second, that over a second.
    pub fn rate(&self) -> RequestsPerSecond {
        RequestsPerSecond(count(self.requests.len()) / self.length.0.max(1.0))
    }

    /// Whether any two prompts are said to begin alike.
    pub(super) fn shares(&self) -> bool {
        self.requests.iter().any(|one| !one.begins.is_empty())
    }
}

/// A block of another repetition is another block.
fn apart(id: u64, lap: u64) -> u64 {
    if lap == 0 { id } else { mixed(&[id, lap]) }
}

/// A number of things, for rates.
pub(super) fn count(of: usize) -> f64 {
    Tokens(of as u64).get()
}

/// The rate over a day, against its mean.
#[derive(Debug, Clone, Copy)]
struct Tide {
    swing: Ratio,
    peak: Seconds,
}

impl Tide {
    /// Requests by a moment, in seconds of the mean rate: the integral of the rate.
    fn by(self, at: Seconds) -> Seconds {
        let round = std::f64::consts::TAU / DAY.0;
        let wave = |t: f64| (round * (t - self.peak.0)).sin() / round;
        Seconds(at.0 + self.swing.get() * (wave(at.0) - wave(0.0)))
    }

    /// When as many have come: by halving, since the integral never falls. 2⁻⁵⁰ of a day is 80 ps.
    fn when(self, requests: Seconds) -> Seconds {
        let (mut early, mut late) = (0.0, DAY.0);
        for _ in 0..50 {
            let middle = f64::midpoint(early, late);
            *(if self.by(Seconds(middle)) < requests { &mut early } else { &mut late }) = middle;
        }
        Seconds(late)
    }
}
