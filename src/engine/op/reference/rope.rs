//! The rotary embedding: which numbers of a head turn together, and how.

use super::norm::narrow;
use crate::model::spec::Pairs;

/// The two numbers of pair `p` out of `pairs`.
fn pair(how: Pairs, p: usize, pairs: usize) -> (usize, usize) {
    match how {
        Pairs::Halves => (p, p + pairs),
        Pairs::Adjacent => (2 * p, 2 * p + 1),
    }
}

/// Turns each pair of a head by the angle whose cosine and sine are given, one for each pair; the
/// numbers beyond `2 * cosines.len()` stay.
///
/// # Panics
/// Where there are not as many sines as cosines, or more than pairs.
pub fn rotate(head: &mut [f32], how: Pairs, cosines: &[f32], sines: &[f32]) {
    assert_eq!(cosines.len(), sines.len(), "an angle has both");
    for (p, (&cosine, &sine)) in cosines.iter().zip(sines).enumerate() {
        let (i, j) = pair(how, p, cosines.len());
        let (a, b) = (f64::from(head[i]), f64::from(head[j]));
        let (cosine, sine) = (f64::from(cosine), f64::from(sine));
        head[i] = narrow(a * cosine - b * sine);
        head[j] = narrow(a * sine + b * cosine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter turn for the first pair, none for the second, and a number that isn't turned.
    #[track_caller]
    fn check(how: Pairs, want: [f32; 5]) {
        let mut head = [1.0, 2.0, 3.0, 4.0, 5.0];
        rotate(&mut head, how, &[0.0, 1.0], &[1.0, 0.0]);
        assert!(head.iter().eq(&want), "{head:?} instead of {want:?}");
    }

    #[test]
    fn pairs_turn_together() {
        check(Pairs::Halves, [-3.0, 2.0, 1.0, 4.0, 5.0]);
        check(Pairs::Adjacent, [-2.0, 1.0, 3.0, 4.0, 5.0]);
    }
}
