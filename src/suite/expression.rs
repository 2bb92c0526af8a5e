//! Small exact expressions: how a problem's answer follows from its numbers.
//!
//! Invariant: an expression has one value, an exact fraction, or an error that says why not;
//! nothing is rounded, and no text makes it panic or recurse without bound. Guarded by the tests
//! below, and by the brute force of the suite's own tests.

use super::rational::{Rational, gcd};
use std::collections::BTreeMap;

/// The most that parentheses and functions may be nested.
const DEPTH_MAX: u32 = 64;

/// Numbers by name.
pub(super) type Numbers = BTreeMap<String, Rational>;

/// What an expression comes to: `+ - * / % ^`, comparisons and `&& ||` (1 for true, 0 for false),
/// names, and the functions of [`call`].
pub(super) fn value(text: &str, numbers: &Numbers) -> Result<Rational, String> {
    let mut reader = Reader { rest: text, numbers, depth: 0 };
    let value = reader.either()?;
    match reader.rest.trim_start() {
        "" => Ok(value),
        rest => Err(format!("`{rest}` is left over")),
    }
}

/// Whether a condition holds.
pub(super) fn holds(text: &str, numbers: &Numbers) -> Result<bool, String> {
    Ok(value(text, numbers)? != Rational::ZERO)
}

struct Reader<'a> {
    rest: &'a str,
    numbers: &'a Numbers,
    depth: u32,
}

fn truth(is: bool) -> Rational {
    if is { Rational::ONE } else { Rational::ZERO }
}

fn fits(value: Option<Rational>, what: &str) -> Result<Rational, String> {
    value.ok_or_else(|| format!("`{what}` has no value that fits"))
}

impl Reader<'_> {
    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some(after) = rest.strip_prefix(token) else { return false };
        self.rest = after;
        true
    }

    fn first(&mut self, tokens: &[&'static str]) -> Option<&'static str> {
        tokens.iter().copied().find(|token| self.takes(token))
    }

    fn either(&mut self) -> Result<Rational, String> {
        let mut value = self.both()?;
        while self.takes("||") {
            let other = self.both()?;
            value = truth(value != Rational::ZERO || other != Rational::ZERO);
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Rational, String> {
        let mut value = self.comparison()?;
        while self.takes("&&") {
            let other = self.comparison()?;
            value = truth(value != Rational::ZERO && other != Rational::ZERO);
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Rational, String> {
        let value = self.sum()?;
        let Some(sign) = self.first(&["==", "!=", "<=", ">=", "<", ">"]) else { return Ok(value) };
        let other = self.sum()?;
        Ok(truth(match sign {
            "==" => value == other,
            "!=" => value != other,
            "<=" => value <= other,
            ">=" => value >= other,
            "<" => value < other,
            _ => value > other,
        }))
    }

    fn sum(&mut self) -> Result<Rational, String> {
        let mut value = self.product()?;
        while let Some(sign) = self.first(&["+", "-"]) {
            let other = self.product()?;
            value = fits(if sign == "+" { value.plus(other) } else { value.minus(other) }, sign)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Rational, String> {
        let mut value = self.power()?;
        while let Some(sign) = self.first(&["*", "/", "%"]) {
            let other = self.power()?;
            value = match sign {
                "*" => fits(value.times(other), sign)?,
                "/" => fits(value.by(other), sign)?,
                _ => {
                    let times = fits(value.by(other), sign)?.floor();
                    let whole = fits(other.times(Rational::whole(times)), sign)?;
                    fits(value.minus(whole), sign)?
                }
            };
        }
        Ok(value)
    }

    fn power(&mut self) -> Result<Rational, String> {
        let value = self.one()?;
        if !self.takes("^") {
            return Ok(value);
        }
        self.deeper()?;
        let exponent = whole(self.power()?, "^")?;
        self.depth -= 1;
        fits(value.power(exponent), "^")
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err("it is nested too deeply".to_owned()) } else { Ok(()) }
    }

    fn one(&mut self) -> Result<Rational, String> {
        self.deeper()?;
        let value = self.bare();
        self.depth -= 1;
        value
    }

    fn bare(&mut self) -> Result<Rational, String> {
        if self.takes("-") {
            return fits(self.one()?.negated(), "-");
        }
        if self.takes("(") {
            let value = self.either()?;
            return if self.takes(")") { Ok(value) } else { Err("a `)` is missing".to_owned()) };
        }
        self.rest = self.rest.trim_start();
        let length = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(length);
        if word.is_empty() {
            return Err(format!("`{}` is no number, name or function", self.rest));
        }
        self.rest = after;
        if let Ok(number) = word.parse() {
            return self.decimal(number);
        }
        if self.takes("(") {
            let mut given = Vec::new();
            while given.is_empty() || self.takes(",") {
                given.push(self.either()?);
            }
            let closed = self.takes(")");
            return if closed { call(word, &given) } else { Err(format!("`{word}(` has no end")) };
        }
        self.numbers.get(word).copied().ok_or_else(|| format!("there is no number `{word}`"))
    }
}

impl Reader<'_> {
    /// The digits behind a point, if there is one.
    fn decimal(&mut self, whole: i128) -> Result<Rational, String> {
        let value = Rational::whole(whole);
        let Some(after) = self.rest.strip_prefix('.') else { return Ok(value) };
        let length = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (written, rest) = after.split_at(length);
        self.rest = rest;
        let unit = Rational::new(1, 10).and_then(|tenth| tenth.power(i128::try_from(length).ok()?));
        let part = written.parse().ok().map(Rational::whole).zip(unit);
        let part = part.and_then(|(part, unit)| part.times(unit));
        fits(part.and_then(|part| value.plus(part)), written)
    }
}

fn whole(value: Rational, of: &str) -> Result<i128, String> {
    value.integer().ok_or_else(|| format!("`{of}` is of whole numbers, not of {value}"))
}

/// The functions: `gcd lcm choose fact min max abs floor ceil digits if`.
fn call(name: &str, given: &[Rational]) -> Result<Rational, String> {
    match (name, given) {
        ("abs", &[a]) => fits(a.size(), name),
        ("floor", &[a]) => Ok(Rational::whole(a.floor())),
        ("ceil", &[a]) => {
            let down = fits(a.negated(), name)?.floor();
            fits(Rational::whole(down).negated(), name)
        }
        ("min", &[a, b]) => Ok(a.min(b)),
        ("max", &[a, b]) => Ok(a.max(b)),
        ("if", &[condition, yes, no]) => Ok(if condition == Rational::ZERO { no } else { yes }),
        ("gcd", &[a, b]) => {
            let divisor = gcd(whole(a, name)?, whole(b, name)?).map(Rational::whole);
            fits(divisor, name)
        }
        ("lcm", &[a, b]) => {
            let divisor = gcd(whole(a, name)?, whole(b, name)?).map(Rational::whole);
            let product = a.times(b).and_then(Rational::size);
            fits(product.zip(divisor).and_then(|(product, divisor)| product.by(divisor)), name)
        }
        ("fact", &[a]) => {
            let number = whole(a, name)?;
            if !(0..=33).contains(&number) {
                return Err(format!("`fact` is of numbers from 0 to 33, not of {number}"));
            }
            Ok(Rational::whole((1..=number).product()))
        }
        ("choose", &[a, b]) => {
            let (of, taken) = (whole(a, name)?, whole(b, name)?);
            if !(0..=100).contains(&of) || !(0..=of).contains(&taken) {
                return Err(format!("`choose` is not of {of} and {taken}"));
            }
            (0..taken.min(of - taken)).try_fold(Rational::ONE, |so_far, i| {
                let factor = Rational::new(of - i, i + 1);
                fits(factor.and_then(|factor| so_far.times(factor)), name)
            })
        }
        ("digits", &[a]) => {
            let mut rest = whole(a, name)?.unsigned_abs();
            let mut sum = 0;
            while rest > 0 {
                sum += i128::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
            Ok(Rational::whole(sum))
        }
        _ => Err(format!("there is no function `{name}` of {} numbers", given.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let numbers = [("a", 7), ("b", 3)].map(|(n, v)| (n.to_owned(), Rational::whole(v)));
        let got = match value(text, &Numbers::from(numbers)) {
            Ok(value) => value.to_string(),
            Err(problem) => problem,
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn values() {
        check("1 + 2 * 3", "7");
        check("1.25 * 2 + 0.05", "51/20");
        check("(1 + 2) * 3", "9");
        check("a / b - 1", "4/3");
        check("-a % b", "2");
        check("2 ^ 3 ^ 2", "512");
        check("10 - 2 - 3", "5");
        check("a > b && b != 3 || a == 7", "1");
        check("if(a < b, 1, 0 - 2)", "-2");
        check("gcd(12, 18) + lcm(4, 6)", "18");
        check("choose(10, 3) + fact(5)", "240");
        check("choose(5, 0)", "1");
        check("floor(-a / 2) + ceil(a / 2)", "0");
        check("digits(1234)", "10");
        check("max(a, b) - min(a, b) + abs(0 - 1)", "5");
    }

    #[test]
    fn refusals() {
        check("c + 1", "there is no number `c`");
        check("1 +", "`` is no number, name or function");
        check("1 / 0", "`/` has no value that fits");
        check("1 % 0", "`%` has no value that fits");
        check("(1", "a `)` is missing");
        check("1 2", "`2` is left over");
        check("2 ^ (1/2)", "`^` is of whole numbers, not of 1/2");
        check("fact(40)", "`fact` is of numbers from 0 to 33, not of 40");
        check("sin(1)", "there is no function `sin` of 1 numbers");
        check(&"(".repeat(9_999), "it is nested too deeply");
        check(&"-".repeat(9_999), "it is nested too deeply");
        check("10 ^ 99", "`^` has no value that fits");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[-+*/%^()<>=&|!,a-c0-9 ]{0,40}") {
            let _ = value(&text, &Numbers::new());
        }
    }
}
