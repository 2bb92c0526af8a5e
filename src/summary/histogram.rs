//! Latencies as `HdrHistogram`s, for programs that read these.
//!
//! Invariant: every sample that the summary's percentiles rest on is in it, once, to three digits.
//! What is written is the library's V2 form with DEFLATE, which every `HdrHistogram` reads; values
//! are nanoseconds. An interval log (`HdrHistogram`'s own text form) holds the four, one behind the
//! other, each under its name.

use super::latency::LatencySamples;
use super::settle::Window;
use crate::hint::{Fault, Hint};
use crate::record::{Moment, Run, Span};
use crate::units::{Ratio, Seconds};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

/// Decimal digits that a value keeps.
const DIGITS: u8 = 3;

/// What an interval log divides its largest values by.
const NANOS_PER_MILLI: f64 = 1e6;

/// Lines for each halving of the distance to 100 %, as `HdrHistogram`'s own tools print them.
const LINES_PER_HALVING: u32 = 5;

/// The latencies of a run.
#[derive(Debug, Clone)]
pub struct Histograms {
    /// Time to first token.
    pub ttft: LatencyHistogram,
    /// Gaps between tokens after it.
    pub itl: LatencyHistogram,
    /// Time per output token after it, a sample a request.
    pub tpot: LatencyHistogram,
    /// From due (a closed loop: sent) to done.
    pub e2e: LatencyHistogram,
}

/// The samples of one latency.
#[derive(Debug, Clone)]
pub struct LatencyHistogram(Histogram<u64>);

/// A value that a share of the samples does not exceed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PercentileLine {
    /// The share.
    pub share: Ratio,
    /// The value.
    pub value: Seconds,
    /// How many samples do not exceed it.
    pub count: u64,
}

/// A histogram that could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// It could not be made.
    #[error("no histogram could be made: {0}")]
    Create(String),
    /// A sample is too large for it.
    #[error("a sample of {0} ns does not fit into a histogram")]
    Record(u64),
    /// It could not be written.
    #[error("a histogram could not be written: {0}")]
    Write(String),
}

impl Hint for HistogramError {
    fn hint(&self) -> Option<String> {
        None
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Record(_) => Fault::Input,
            Self::Create(_) | Self::Write(_) => Fault::Environment,
        }
    }
}

/// The histograms of the requests that were due in the measured time.
pub fn histograms(run: &Run) -> Result<Histograms, HistogramError> {
    let window = run.measured().map(|measured| Window::of(run, measured).span);
    let samples = LatencySamples::of(run, window);
    let of = |requests: &[Vec<Seconds>]| LatencyHistogram::of(requests.iter().flatten().copied());
    Ok(Histograms {
        ttft: of(&samples.ttft)?,
        itl: of(&samples.itl)?,
        tpot: of(&samples.tpot)?,
        e2e: of(&samples.e2e)?,
    })
}

impl Histograms {
    /// As an interval log of one interval, from the run's beginning on: values in nanoseconds, the
    /// largest beside them in milliseconds.
    pub fn interval_log(&self, window: Span) -> Result<Vec<u8>, HistogramError> {
        let mut log = Vec::new();
        let mut form = V2DeflateSerializer::new();
        let wrong = |error: &dyn std::fmt::Debug| HistogramError::Write(format!("{error:?}"));
        let mut writer = IntervalLogWriterBuilder::new()
            .add_comment("mtok: latencies in nanoseconds, the largest of each in milliseconds")
            .with_max_value_divisor(NANOS_PER_MILLI)
            .begin_log_with(&mut log, &mut form)
            .map_err(|error| wrong(&error))?;
        let (from, length) =
            (window.from.since(Moment::default()).to_std(), window.length().to_std());
        let named =
            [("ttft", &self.ttft), ("itl", &self.itl), ("tpot", &self.tpot), ("e2e", &self.e2e)];
        for (name, latency) in named {
            let written = writer.write_histogram(&latency.0, from, length, Tag::new(name));
            written.map_err(|error| wrong(&error))?;
        }
        Ok(log)
    }
}

impl LatencyHistogram {
    /// A histogram of samples.
    pub fn of(samples: impl IntoIterator<Item = Seconds>) -> Result<Self, HistogramError> {
        let mut histogram =
            Histogram::new(DIGITS).map_err(|error| HistogramError::Create(format!("{error:?}")))?;
        histogram.auto(true);
        for sample in samples {
            let nanos = u64::try_from(sample.to_std().as_nanos()).unwrap_or(u64::MAX);
            histogram.record(nanos).map_err(|_| HistogramError::Record(nanos))?;
        }
        Ok(Self(histogram))
    }

    /// How many samples it has.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The percentiles, closer together towards 100 %; none of no samples.
    pub fn percentiles(&self) -> Vec<PercentileLine> {
        let lines = self.0.iter_quantiles(LINES_PER_HALVING).map(|line| PercentileLine {
            share: Ratio::of(line.quantile_iterated_to()),
            value: Seconds::from_nanos(line.value_iterated_to()),
            count: self.0.count_between(0, line.value_iterated_to()),
        });
        if self.0.is_empty() { Vec::new() } else { lines.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Finish;
    use crate::record::builder::{RunBuilder, ms, request};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    fn of(millis: &[f64]) -> LatencyHistogram {
        LatencyHistogram::of(millis.iter().map(|ms| Seconds(ms / 1e3))).unwrap()
    }

    /// Read back by the library: 1 to 100 ms, each within a thousandth.
    #[test]
    fn what_is_written_is_read_back() {
        let millis: Vec<f64> = (1..=100).map(f64::from).collect();
        let one = || of(&[1.0]);
        let all = Histograms { ttft: of(&millis), itl: one(), tpot: one(), e2e: of(&[]) };
        let log = all.interval_log(Span { from: ms(2_000.0), to: ms(12_000.0) }).unwrap();
        let entries: Vec<_> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
        let found: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                LogEntry::Interval(found) => Some(found),
                _ => None,
            })
            .collect();
        let names: Vec<_> = found.iter().map(|one| one.tag().unwrap().as_str()).collect();
        assert_eq!(names, ["ttft", "itl", "tpot", "e2e"]);
        assert!(found.iter().all(|one| one.start_timestamp().as_secs() == 2));
        assert!(found.iter().all(|one| one.duration().as_secs() == 10));
        assert!((found[0].max() - 100.0).abs() < 0.1, "{}", found[0].max());
        let bytes = STANDARD.decode(found[0].encoded_histogram()).unwrap();
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.len(), 100);
        for (quantile, want) in [(0.5, 50e6), (0.9, 90e6), (1.0, 100e6)] {
            let got = Seconds::from_nanos(read.value_at_quantile(quantile)).0 * 1e9;
            assert!((got / want - 1.0).abs() < 1e-3, "{got} ≠ {want}");
        }
    }

    #[test]
    fn percentiles_end_with_all() {
        let lines = of(&[1.0, 2.0, 3.0, 1_000.0]).percentiles();
        let last = lines.last().unwrap();
        assert_eq!((last.share, last.count), (Ratio::ONE, 4));
        assert!((last.value.0 - 1.0).abs() < 1e-3);
        assert!(lines.windows(2).all(|pair| pair[0].count <= pair[1].count));
        assert_eq!(of(&[]).percentiles(), []);
    }

    /// Due in the measured time: two requests of three tokens.
    #[test]
    fn a_runs_histograms_hold_what_its_percentiles_hold() {
        let three = |due| request(due).token(30.0).tokens(2, 10.0).done(Finish::Length);
        let run = RunBuilder::measured(100.0, 300.0)
            .request(three(0.0))
            .request(three(100.0))
            .request(three(200.0))
            .build();
        let got = histograms(&run).unwrap();
        let counts = [&got.ttft, &got.itl, &got.tpot, &got.e2e].map(LatencyHistogram::count);
        assert_eq!(counts, [2, 4, 2, 2]);
    }
}
