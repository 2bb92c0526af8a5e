//! Random numbers, arrays with guards around them, and a comparison that no NaN gets past.

use std::fmt::Debug;

use half::f16;

/// Random numbers from a seed: `SplitMix64`, by its three constants.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Numbers between -`reach` and `reach`.
    pub(crate) fn floats(&mut self, count: usize, reach: f32) -> Vec<f32> {
        let mut one = || {
            #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
            let unit = (self.next() >> 40) as f32 / (1_u64 << 24) as f32;
            (2.0 * unit - 1.0) * reach
        };
        (0..count).map(|_| one()).collect()
    }

    /// The numbers below `count`, in some order.
    pub(crate) fn order(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<_> = (0..count).collect();
        for i in (1..order.len()).rev() {
            let other = self.next() % (i as u64 + 1);
            order.swap(i, usize::try_from(other).unwrap());
        }
        order
    }
}

/// What an array that a kernel writes holds.
pub(crate) trait Number: Copy + Debug {
    /// What stands where nothing was written; a NaN.
    const UNTOUCHED: Self;
    fn is_untouched(self) -> bool;
    fn of(number: f32) -> Self;
    fn value(self) -> f32;
    /// How far a rounding to this type takes a number, relative to it.
    const ROUNDING: f64;
}

impl Number for f32 {
    const UNTOUCHED: Self = Self::from_bits(0x7fc0_beef);
    const ROUNDING: f64 = 0.0;
    fn is_untouched(self) -> bool {
        self.to_bits() == Self::UNTOUCHED.to_bits()
    }
    fn of(number: f32) -> Self {
        number
    }
    fn value(self) -> f32 {
        self
    }
}

impl Number for f16 {
    const UNTOUCHED: Self = Self::from_bits(0x7eef);
    // Half of a unit in the last of 11 places.
    const ROUNDING: f64 = 0.000_49;
    fn is_untouched(self) -> bool {
        self.to_bits() == Self::UNTOUCHED.to_bits()
    }
    fn of(number: f32) -> Self {
        Self::from_f32(number)
    }
    fn value(self) -> f32 {
        self.to_f32()
    }
}

/// An array in memory, between two stretches that nobody may write; what is read there is NaN.
pub(crate) struct Guarded<T>(Vec<T>);

const GUARD: usize = 1024;

impl<T: Number> Guarded<T> {
    pub(crate) fn new(numbers: &[f32]) -> Self {
        let guard = [T::UNTOUCHED; GUARD];
        let inside: Vec<_> = numbers.iter().map(|&number| T::of(number)).collect();
        Self([&guard[..], &inside, &guard].concat())
    }

    /// `count` numbers that are yet to be written.
    pub(crate) fn untouched(count: usize) -> Self {
        Self(vec![T::UNTOUCHED; count + 2 * GUARD])
    }

    pub(crate) fn address(&mut self) -> u64 {
        self.0[GUARD..].as_mut_ptr() as u64
    }

    pub(crate) fn inside(&self) -> &[T] {
        &self.0[GUARD..self.0.len() - GUARD]
    }

    pub(crate) fn values(&self) -> Vec<f32> {
        self.inside().iter().map(|number| number.value()).collect()
    }

    /// `Err` where a guard was written.
    pub(crate) fn intact(&self) -> Result<(), String> {
        let (before, after) = (&self.0[..GUARD], &self.0[self.0.len() - GUARD..]);
        match before.iter().chain(after).position(|number| !number.is_untouched()) {
            Some(place) => Err(format!("wrote beside an array (guard {place})")),
            None => Ok(()),
        }
    }
}

/// `Err` at the first number that is farther from the wanted one than `slack`, relative to it where
/// that is above 1, or isn't a number.
pub(crate) fn close(got: &[f32], want: &[f32], slack: f64) -> Result<(), String> {
    if got.len() != want.len() {
        return Err(format!("{} numbers instead of {}", got.len(), want.len()));
    }
    for (place, (&got, &want)) in got.iter().zip(want).enumerate() {
        let far = f64::from(got) - f64::from(want);
        // Not `far.abs() > …`: that is false for a NaN, and so is a largest distance by `max`.
        let near = far.abs() <= slack * f64::from(want).abs().max(1.0);
        if !near {
            return Err(format!("number {place} is {got} instead of {want}"));
        }
    }
    Ok(())
}

#[test]
fn no_nan_is_close_to_anything() {
    assert!(close(&[1.0, 2.0], &[1.0, 2.0], 0.0).is_ok());
    for (got, want) in [(f32::NAN, 1.0), (1.0, f32::NAN), (f32::NAN, f32::NAN), (1.5, 1.0)] {
        assert!(close(&[0.0, got], &[0.0, want], 0.1).is_err(), "{got} for {want}");
    }
    assert!(close(&[1.0], &[1.0, 1.0], 1.0).is_err());
}

#[test]
fn a_guard_notices_one_write() {
    let mut array = Guarded::<f16>::new(&[1.0, 2.0]);
    assert_eq!((array.values(), array.intact()), (vec![1.0, 2.0], Ok(())));
    array.0[GUARD + 2] = f16::ZERO;
    assert!(array.intact().is_err());
}
