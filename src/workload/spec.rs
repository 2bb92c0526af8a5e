//! How lengths, turns, thinking, prefixes and arrivals are written.
//!
//! | what | forms |
//! | --- | --- |
//! | lengths | `128`, `100..200` (each as likely), `lognormal:MEDIAN,SIGMA,MAX` |
//! | turns | `3`, `2..6`, `geometric:MEAN,MAX` |
//! | thinking | `10s`, `exponential:10s` |
//! | prefixes | `TOKENS[xGROUPS][@SHARE]`, from the root of their tree, with commas: `500,2000x20@50%` |
//! | arrivals | `constant`, `poisson`, `gamma:CV` |
//! | times as much | `2`, `0.5`, `50%` |
//!
//! Invariant: what is read can be drawn: nothing is 0, upside down, or longer than any context.
//! Guarded by the tests below.

use super::content::{Level, Think, Turns};
use super::error::SpecError;
use crate::record::{Arrivals, Lengths};
use crate::units::{Ratio, RequestsPerSecond, Seconds, Tokens};

/// Longer than any model's context; a prompt of so many would not fit into memory as text.
pub(super) const TOKENS_MAX: Tokens = Tokens(10_000_000);
/// More turns than any conversation needs.
const TURNS_MAX: u32 = 1_000;
/// More groups than any cache holds.
const GROUPS_MAX: u32 = 1_000_000;
/// A wider lognormal is all very short and very long.
const SIGMA_MAX: f64 = 5.0;

const LENGTHS: &str = "`128`, `100..200` or `lognormal:800,0.7,4096` (median, sigma, most)";
const TURNS: &str = "`3`, `2..6` or `geometric:4,20` (mean, most)";
const THINK: &str = "`10s` or `exponential:10s`";
const PREFIX: &str = "`512`, or `500,2000x20@50%`: 500 tokens of all, then for half of them one of \
                      20 texts of 2,000";
const PROCESS: &str = "`poisson`, `constant` or `gamma:2`";
const TIMES: &str = "`2`, `0.5` or `50%`";

/// Reads lengths.
///
/// # Errors
/// Where the text has none of the forms, or describes what can't be drawn.
pub fn lengths(text: &str) -> Result<Lengths, SpecError> {
    let tokens = |part: &str| {
        let tokens: Tokens = part.trim().parse()?;
        let problem = match tokens {
            Tokens(0) => "a length of 0 tokens can't be measured",
            _ if tokens > TOKENS_MAX => "no context is longer than 10M tokens",
            _ => return Ok(tokens),
        };
        Err(SpecError::Value { text: text.to_owned(), problem, examples: LENGTHS })
    };
    if let Some(parts) = text.trim().strip_prefix("lognormal:") {
        let [median, sigma, max] =
            parts_of(parts).ok_or_else(|| form("a lognormal", text, LENGTHS))?;
        let (median, sigma, max) = (tokens(median)?, times(sigma)?, tokens(max)?);
        let wrong =
            |problem| SpecError::Value { text: text.to_owned(), problem, examples: LENGTHS };
        if max < median {
            return Err(wrong("the most is below the median"));
        }
        if !(0.0..=SIGMA_MAX).contains(&sigma.get()) {
            return Err(wrong("sigma, the logarithm's standard deviation, is from 0 to 5"));
        }
        return Ok(Lengths::Lognormal { median, sigma, max });
    }
    if let Some((min, max)) = text.split_once("..") {
        let (min, max) = (tokens(min)?, tokens(max)?);
        if min > max {
            let problem = "the range is upside down";
            return Err(SpecError::Value { text: text.to_owned(), problem, examples: LENGTHS });
        }
        return Ok(Lengths::Uniform { min, max });
    }
    if text.contains(':') {
        return Err(form("a distribution of lengths", text, LENGTHS));
    }
    Ok(Lengths::Fixed { tokens: tokens(text)? })
}

/// Reads how many turns a conversation has.
///
/// # Errors
/// As [`lengths`].
pub fn turns(text: &str) -> Result<Turns, SpecError> {
    let wrong = |problem| SpecError::Value { text: text.to_owned(), problem, examples: TURNS };
    let number = |part: &str| match part.trim().parse::<u32>() {
        Ok(0) => Err(wrong("a conversation has at least 1 turn")),
        Ok(turns) if turns > TURNS_MAX => Err(wrong("a conversation has at most 1,000 turns")),
        Ok(turns) => Ok(turns),
        Err(_) => Err(form("a number of turns", text, TURNS)),
    };
    if let Some(parts) = text.trim().strip_prefix("geometric:") {
        let [mean, max] = parts_of(parts).ok_or_else(|| form("a number of turns", text, TURNS))?;
        let (mean, max) = (times(mean)?, number(max)?);
        if mean.get() < 1.0 || mean.get() > f64::from(max) {
            return Err(wrong("the mean is from 1 to the most"));
        }
        return Ok(Turns::Geometric { mean, max });
    }
    if let Some((min, max)) = text.split_once("..") {
        let (min, max) = (number(min)?, number(max)?);
        return if min > max {
            Err(wrong("the range is upside down"))
        } else {
            Ok(Turns::Uniform { min, max })
        };
    }
    number(text).map(Turns::Fixed)
}

/// Reads how long users think.
///
/// # Errors
/// As [`lengths`].
pub fn think(text: &str) -> Result<Think, SpecError> {
    if let Some(mean) = text.trim().strip_prefix("exponential:") {
        return Ok(Think::Exponential(mean.trim().parse::<Seconds>()?));
    }
    if text.contains(':') {
        return Err(form("a time to think", text, THINK));
    }
    Ok(Think::Fixed(text.trim().parse()?))
}

/// Reads a tree of shared prefixes.
///
/// # Errors
/// As [`lengths`].
pub fn prefix(text: &str) -> Result<Vec<Level>, SpecError> {
    text.split(',').map(|level| one_level(text, level.trim())).collect()
}

fn one_level(text: &str, level: &str) -> Result<Level, SpecError> {
    let wrong = |problem| SpecError::Value { text: text.to_owned(), problem, examples: PREFIX };
    let (level, share) = match level.split_once('@') {
        Some((level, share)) => (level, times(share)?),
        None => (level, Ratio::ONE),
    };
    let (tokens, groups) = match level.split_once('x') {
        Some((tokens, groups)) => {
            let groups =
                groups.trim().parse().map_err(|_| form("a shared prefix", text, PREFIX))?;
            (tokens, groups)
        }
        None => (level, 1),
    };
    let tokens: Tokens = tokens.trim().parse()?;
    if !(1..=TOKENS_MAX.0).contains(&tokens.0) {
        return Err(wrong("a prefix has from 1 to 10M tokens"));
    }
    if !(1..=GROUPS_MAX).contains(&groups) {
        return Err(wrong("there are from 1 to 1,000,000 groups"));
    }
    if !share.is_proper_share() {
        return Err(wrong("a share is above 0 and at most 100%"));
    }
    Ok(Level { share, tokens, groups })
}

/// Reads the process of an open loop's arrivals.
///
/// # Errors
/// As [`lengths`].
pub fn process(text: &str, rate: RequestsPerSecond) -> Result<Arrivals, SpecError> {
    let wrong = |text: String, problem| SpecError::Value { text, problem, examples: PROCESS };
    if !(rate.0.is_finite() && rate.0 > 0.0) {
        return Err(wrong(rate.to_string(), "at this rate nothing ever arrives"));
    }
    match text.trim() {
        "constant" => Ok(Arrivals::Constant { rate }),
        "poisson" => Ok(Arrivals::Poisson { rate }),
        other => {
            let cv =
                other.strip_prefix("gamma:").ok_or_else(|| form("a process", text, PROCESS))?;
            let cv = times(cv)?;
            if cv.get() > 100.0 {
                return Err(wrong(text.to_owned(), "a CV above 100 leaves gaps of hours"));
            }
            Ok(Arrivals::Gamma { rate, cv })
        }
    }
}

/// Reads how many times one thing is another: a plain number, or percent.
///
/// # Errors
/// Where it is no number, or negative.
pub fn times(text: &str) -> Result<Ratio, SpecError> {
    let bare = text.trim();
    if bare.ends_with('%') {
        return Ok(bare.parse()?);
    }
    match bare.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(Ratio::of(number)),
        _ => Err(form("a number of times", text, TIMES)),
    }
}

fn parts_of<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split(',').map(str::trim).collect::<Vec<_>>().try_into().ok()
}

fn form(what: &'static str, text: &str, examples: &'static str) -> SpecError {
    SpecError::Form { what, text: text.to_owned(), examples }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lognormal(median: u64, sigma: f64, max: u64) -> Lengths {
        Lengths::Lognormal { median: Tokens(median), sigma: Ratio::of(sigma), max: Tokens(max) }
    }

    fn uniform(min: u64, max: u64) -> Lengths {
        Lengths::Uniform { min: Tokens(min), max: Tokens(max) }
    }

    #[test]
    fn lengths_are_read() {
        let check = |text, want| assert_eq!(lengths(text), Ok(want), "{text}");
        check("128", Lengths::Fixed { tokens: Tokens(128) });
        check("1k", Lengths::Fixed { tokens: Tokens(1_000) });
        check("100..200", uniform(100, 200));
        check(" 1k .. 8k ", uniform(1_000, 8_000));
        check("lognormal:800,0.7,4096", lognormal(800, 0.7, 4_096));
        check("lognormal: 1k, 70%, 4k", lognormal(1_000, 0.7, 4_000));
    }

    #[test]
    fn turns_are_read() {
        let check = |text, want| assert_eq!(turns(text), Ok(want), "{text}");
        check("3", Turns::Fixed(3));
        check("2..6", Turns::Uniform { min: 2, max: 6 });
        check("geometric:4,20", Turns::Geometric { mean: Ratio::of(4.0), max: 20 });
    }

    #[test]
    fn thinking_is_read() {
        assert_eq!(think("10s"), Ok(Think::Fixed(Seconds(10.0))));
        assert_eq!(think("exponential:500ms"), Ok(Think::Exponential(Seconds(0.5))));
    }

    #[test]
    fn prefixes_are_read() {
        let level = |tokens, groups, share| Level { share, tokens: Tokens(tokens), groups };
        assert_eq!(prefix("512"), Ok(vec![level(512, 1, Ratio::ONE)]));
        assert_eq!(
            prefix("500, 2kx20@50%"),
            Ok(vec![level(500, 1, Ratio::ONE), level(2_000, 20, Ratio::of(0.5))])
        );
        assert_eq!(prefix("500@0.25"), Ok(vec![level(500, 1, Ratio::of(0.25))]));
    }

    #[test]
    fn arrivals_are_read() {
        let rate = RequestsPerSecond(2.5);
        assert_eq!(process("poisson", rate), Ok(Arrivals::Poisson { rate }));
        assert_eq!(process("constant", rate), Ok(Arrivals::Constant { rate }));
        assert_eq!(process("gamma:2", rate), Ok(Arrivals::Gamma { rate, cv: Ratio::of(2.0) }));
    }

    #[track_caller]
    fn fails<T: std::fmt::Debug>(result: Result<T, SpecError>, want: &str) {
        assert_eq!(result.unwrap_err().to_string(), want);
    }

    #[test]
    fn what_can_not_be_drawn_is_refused() {
        fails(lengths("0"), "`0`: a length of 0 tokens can't be measured");
        fails(lengths("5..0"), "`5..0`: a length of 0 tokens can't be measured");
        fails(lengths("20M"), "`20M`: no context is longer than 10M tokens");
        fails(lengths("5..3"), "`5..3`: the range is upside down");
        fails(lengths("lognormal:9,1,3"), "`lognormal:9,1,3`: the most is below the median");
        fails(lengths("lognormal:9,1"), "`lognormal:9,1` is not a lognormal");
        fails(
            lengths("lognormal:9,7,30"),
            "`lognormal:9,7,30`: sigma, the logarithm's standard deviation, is from 0 to 5",
        );
        fails(lengths("lognormal:9,x,30"), "`x` is not a number of times");
        fails(lengths("normal:9,2"), "`normal:9,2` is not a distribution of lengths");
        fails(lengths("many"), "`many` is not a number of tokens: it does not start with a number");
        fails(turns("0"), "`0`: a conversation has at least 1 turn");
        fails(turns("5..2"), "`5..2`: the range is upside down");
        fails(turns("two"), "`two` is not a number of turns");
        fails(turns("geometric:9,3"), "`geometric:9,3`: the mean is from 1 to the most");
        fails(think("uniform:3s"), "`uniform:3s` is not a time to think");
        fails(prefix("512x0"), "`512x0`: there are from 1 to 1,000,000 groups");
        fails(prefix("512@0%"), "`512@0%`: a share is above 0 and at most 100%");
        fails(prefix("512@120%"), "`512@120%`: a share is above 0 and at most 100%");
        fails(prefix("0"), "`0`: a prefix has from 1 to 10M tokens");
        let rate = RequestsPerSecond(1.0);
        fails(process("bursty", rate), "`bursty` is not a process");
        fails(process("gamma:-1", rate), "`-1` is not a number of times");
        fails(
            process("poisson", RequestsPerSecond(0.0)),
            "`0 requests/s`: at this rate nothing ever arrives",
        );
        fails(times("NaN"), "`NaN` is not a number of times");
    }
}
