//! Exact fractions: what a problem's numbers and a reply's numbers are compared as.
//!
//! Invariant: a value is in lowest terms with a positive denominator, so that equal values are equal
//! fields; what does not fit is `None`, never a wrapped or rounded number. Guarded by the tests
//! below.

use std::cmp::Ordering;
use std::fmt;

/// A fraction of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rational {
    over: i128,
    under: i128,
}

impl Rational {
    /// Nothing.
    pub const ZERO: Self = Self::whole(0);
    /// One.
    pub const ONE: Self = Self::whole(1);

    /// A whole number.
    pub const fn whole(number: i128) -> Self {
        Self { over: number, under: 1 }
    }

    /// `over / under`, where that is a number and fits.
    pub fn new(over: i128, under: i128) -> Option<Self> {
        let divisor = gcd(over, under)?;
        if under == 0 || divisor == 0 {
            return None;
        }
        let sign = if under < 0 { -1 } else { 1 };
        Some(Self {
            over: (over / divisor).checked_mul(sign)?,
            under: (under / divisor).checked_mul(sign)?,
        })
    }

    /// Its whole number, where it is one.
    pub fn integer(self) -> Option<i128> {
        (self.under == 1).then_some(self.over)
    }

    /// Numerator and denominator in lowest terms, the latter above 0.
    pub fn parts(self) -> (i128, i128) {
        (self.over, self.under)
    }

    /// The sum, where it fits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.over.checked_mul(other.under)?;
        let right = other.over.checked_mul(self.under)?;
        Self::new(left.checked_add(right)?, self.under.checked_mul(other.under)?)
    }

    /// The same with the other sign.
    pub fn negated(self) -> Option<Self> {
        Some(Self { over: self.over.checked_neg()?, under: self.under })
    }

    /// The difference, where it fits.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated()?)
    }

    /// The product, where it fits.
    pub fn times(self, other: Self) -> Option<Self> {
        // Across first, so that what cancels cannot overflow.
        let left = Self::new(self.over, other.under)?;
        let right = Self::new(other.over, self.under)?;
        Self::new(left.over.checked_mul(right.over)?, left.under.checked_mul(right.under)?)
    }

    /// The quotient, where there is one.
    pub fn by(self, other: Self) -> Option<Self> {
        self.times(Self::new(other.under, other.over)?)
    }

    /// A whole power, where it fits.
    pub fn power(self, exponent: i128) -> Option<Self> {
        let base = if exponent < 0 { Self::ONE.by(self)? } else { self };
        let exponent = u32::try_from(exponent.unsigned_abs()).ok()?;
        Some(Self {
            over: base.over.checked_pow(exponent)?,
            under: base.under.checked_pow(exponent)?,
        })
    }

    /// The whole number at or below.
    pub fn floor(self) -> i128 {
        self.over.div_euclid(self.under)
    }

    /// Its size without its sign.
    pub fn size(self) -> Option<Self> {
        if self.over < 0 { self.negated() } else { Some(self) }
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rational {
    fn cmp(&self, other: &Self) -> Ordering {
        // As continued fractions, whose terms always fit: whole parts first, then the reciprocals
        // of the rests, the other way round.
        let (mut a, mut b) = (*self, *other);
        let mut turned = false;
        loop {
            let (whole, another) = (a.floor(), b.floor());
            let (rest, its) = (a.over.rem_euclid(a.under), b.over.rem_euclid(b.under));
            let order = match whole.cmp(&another) {
                Ordering::Equal if rest == 0 || its == 0 => rest.cmp(&its),
                Ordering::Equal => {
                    (a, b) =
                        (Self { over: a.under, under: rest }, Self { over: b.under, under: its });
                    turned = !turned;
                    continue;
                }
                unequal => unequal,
            };
            return if turned { order.reverse() } else { order };
        }
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.integer() {
            Some(whole) => write!(f, "{whole}"),
            None => write!(f, "{}/{}", self.over, self.under),
        }
    }
}

/// The greatest common divisor, not below 0, where it fits.
pub(super) fn gcd(a: i128, b: i128) -> Option<i128> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(over: i128, under: i128) -> Rational {
        Rational::new(over, under).unwrap()
    }

    #[test]
    fn lowest_terms() {
        assert_eq!(of(6, -4), of(-3, 2));
        assert_eq!(of(0, -7), Rational::ZERO);
        assert_eq!(of(6, 4).to_string(), "3/2");
        assert_eq!(of(-8, 4).to_string(), "-2");
        assert_eq!(Rational::new(1, 0), None);
        assert_eq!(Rational::new(0, 0), None);
    }

    #[test]
    fn arithmetic() {
        assert_eq!(of(1, 2).plus(of(1, 3)), Some(of(5, 6)));
        assert_eq!(of(1, 2).minus(of(1, 3)), Some(of(1, 6)));
        assert_eq!(of(2, 3).times(of(9, 4)), Some(of(3, 2)));
        assert_eq!(of(2, 3).by(of(4, 9)), Some(of(3, 2)));
        assert_eq!(of(2, 3).power(-2), Some(of(9, 4)));
        assert_eq!(Rational::whole(i128::MAX).plus(Rational::ONE), None);
        assert_eq!(of(1, 2).by(Rational::ZERO), None);
        assert_eq!(of(-7, 2).floor(), -4);
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_products(a in -999_i128..999, b in 1_i128..99, c in -999_i128..999, d in 1_i128..99) {
            prop_assert_eq!(of(a, b).cmp(&of(c, d)), (a * d).cmp(&(c * b)));
        }

        #[test]
        fn extremes_compare(a in any::<i128>(), b in any::<i128>(), c in any::<i128>(), d in any::<i128>()) {
            if let (Some(one), Some(other)) = (Rational::new(a, b), Rational::new(c, d)) {
                prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
                let _ = (one.plus(other), one.times(other), one.by(other), one.power(3));
            }
        }
    }
}
