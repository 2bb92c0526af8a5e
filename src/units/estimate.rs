//! A value and the interval it lies in.

use super::Quantity;
use serde::{Deserialize, Serialize};

/// A measured or derived value with its 95 % interval, where the data bear one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate<Q> {
    /// The value.
    pub value: Q,
    /// The 95 % interval `(low, high)`; `None` where there was too little to tell, or nothing was measured.
    pub interval: Option<(Q, Q)>,
}

impl<Q: Quantity> Estimate<Q> {
    /// A value with nothing known of its error.
    pub fn bare(value: Q) -> Self {
        Self { value, interval: None }
    }

    /// A value known within a half-width.
    pub fn within(value: Q, half_width: Q) -> Self {
        let (v, h) = (value.get(), half_width.get());
        Self { value, interval: Some((Q::of(v - h), Q::of(v + h))) }
    }

    /// Carries the interval through a monotone function, whichever way it runs.
    ///
    /// For a monotone function the image of a 95 % interval is a 95 % interval, exactly; no
    /// linearisation is needed. The order of the ends follows from the values.
    pub fn map<R: Quantity>(self, function: impl Fn(Q) -> R) -> Estimate<R> {
        let ends = self.interval.map(|(low, high)| (function(low), function(high)));
        let ordered = ends.map(|(a, b)| if a <= b { (a, b) } else { (b, a) });
        Estimate { value: function(self.value), interval: ordered }
    }
}
