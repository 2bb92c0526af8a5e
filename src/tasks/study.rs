//! A published study of completion tokens, with our definition of token efficiency.
//!
//! The study gives of each model the mean completion tokens and the solved rate in each domain. Our
//! overhead of a model in a domain is those tokens over the fewest of any model that solved something
//! there. What is published of open models beside closed ones follows from the overheads: the fewest
//! are the same in both, and cancel.
//!
//! ```text
//! open over closed      = mean of the open models' overheads / mean of the closed ones'
//! largest open one      = the largest overhead of an open model / the median of the closed ones'
//! ```
//!
//! Every model counts once, whatever its rate. Guarded by the test below, on the study's own figures.

use super::number;
use crate::hint::{Fault, Hint};
use crate::units::{MeanTokens, Ratio};

/// Models in domains.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The domains, in the file's order.
    pub domains: Vec<String>,
    /// The models, in the file's order.
    pub models: Vec<StudyModel>,
}

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyModel {
    /// Its name.
    pub name: String,
    /// Whether its weights can be had.
    pub open_weights: bool,
    /// Of each domain its mean completion tokens and its solved rate.
    pub means: Vec<(MeanTokens, Ratio)>,
}

/// Open models beside closed ones in a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The domain.
    pub domain: String,
    /// How many open models there are.
    pub open: u64,
    /// How many closed ones.
    pub closed: u64,
    /// The open models' mean overhead over the closed ones'.
    pub open_over_closed: Ratio,
    /// The open model that uses the most.
    pub most: String,
    /// Its overhead over the median of the closed models'.
    pub most_over_closed_median: Ratio,
}

/// Why a study can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// It is no CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("column `{0}` is missing")]
    Column(String),
    /// A field is none of its kind.
    #[error("row {row}: `{column}` is `{value}`")]
    Field {
        /// Counted from 1, the head left out.
        row: usize,
        /// The column.
        column: String,
        /// What it holds.
        value: String,
    },
}

impl Hint for StudyError {
    fn fault(&self) -> Fault {
        Fault::Input
    }
}

/// How the columns of a domain end.
const MEAN: &str = "_mean_tok";
const SUCCESS: &str = "_success";

impl Study {
    /// Reads columns `model`, `open_weights` (`True` or `False`) and, of each domain, `…_mean_tok` and
    /// `…_success`.
    ///
    /// # Errors
    /// Where a column is missing or a field is none of its kind.
    pub fn parse(text: &str) -> Result<Self, StudyError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers()?.clone();
        let place = |name: &str| {
            let found = columns.iter().position(|column| column == name);
            found.ok_or_else(|| StudyError::Column(name.to_owned()))
        };
        let domains: Vec<String> = columns
            .iter()
            .filter_map(|column| column.strip_suffix(MEAN))
            .map(str::to_owned)
            .collect();
        let (name_at, open_at) = (place("model")?, place("open_weights")?);
        let places: Vec<(usize, usize)> = domains
            .iter()
            .map(|domain| {
                Ok((place(&format!("{domain}{MEAN}"))?, place(&format!("{domain}{SUCCESS}"))?))
            })
            .collect::<Result<_, StudyError>>()?;
        let mut models = Vec::new();
        for (row, record) in (1..).zip(reader.records()) {
            let record = record?;
            let field = |at: usize| record.get(at).unwrap_or_default();
            let wrong = |at: usize| StudyError::Field {
                row,
                column: columns.get(at).unwrap_or_default().to_owned(),
                value: field(at).to_owned(),
            };
            let figure = |at: usize| {
                let figure = field(at).parse::<f64>().ok();
                figure.filter(|it| it.is_finite() && *it >= 0.0).ok_or_else(|| wrong(at))
            };
            let open_weights = match field(open_at) {
                "True" => true,
                "False" => false,
                _ => return Err(wrong(open_at)),
            };
            let means = places
                .iter()
                .map(|(mean, success)| {
                    Ok((MeanTokens(figure(*mean)?), Ratio::of(figure(*success)?)))
                })
                .collect::<Result<_, StudyError>>()?;
            models.push(StudyModel { name: field(name_at).to_owned(), open_weights, means });
        }
        Ok(Self { domains, models })
    }

    /// Of each model its overhead in a domain; none where it solved nothing there.
    fn overheads(&self, domain: usize) -> Vec<(&StudyModel, f64)> {
        let solved: Vec<_> = self
            .models
            .iter()
            .filter_map(|model| {
                let (tokens, rate) = model.means.get(domain)?;
                (rate.get() > 0.0 && tokens.0 > 0.0).then_some((model, tokens.0))
            })
            .collect();
        let fewest = solved.iter().map(|(_, tokens)| *tokens).fold(f64::INFINITY, f64::min);
        solved.into_iter().map(|(model, tokens)| (model, tokens / fewest)).collect()
    }

    /// Open models beside closed ones, domain by domain; a domain in which one side solved nothing is
    /// left out.
    pub fn gaps(&self) -> Vec<Gap> {
        let gap = |(domain, name): (usize, &String)| {
            let overheads = self.overheads(domain);
            let of = |open: bool| {
                let side = overheads.iter().filter(|(model, _)| model.open_weights == open);
                let mut side: Vec<f64> = side.map(|(_, overhead)| *overhead).collect();
                side.sort_unstable_by(f64::total_cmp);
                side
            };
            let (open, closed) = (of(true), of(false));
            let mean = |side: &[f64]| side.iter().sum::<f64>() / number(side.len());
            let open_ones = overheads.iter().filter(|(model, _)| model.open_weights);
            let (most, overhead) = open_ones.max_by(|one, other| one.1.total_cmp(&other.1))?;
            let median = median(&closed)?;
            Some(Gap {
                domain: name.clone(),
                open: open.len() as u64,
                closed: closed.len() as u64,
                open_over_closed: Ratio::of(mean(&open) / mean(&closed)),
                most: most.name.clone(),
                most_over_closed_median: Ratio::of(overhead / median),
            })
        };
        self.domains.iter().enumerate().filter_map(gap).collect()
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(*sorted.get(last / 2)?, *sorted.get(last - last / 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str =
        include_str!("../../tests/fixtures/token_efficiency/lrm-summary-2025-08.csv");

    /// The thirteen rows with open weights beside the ten without; each mean is a plain mean of the
    /// rows' mean tokens. Knowledge: 460.31 / 174.2; its closed median is (108 + 135) / 2 = 121.5, and
    /// Magistral Medium's mean 1,053.
    #[test]
    fn the_published_ratios() {
        let study = Study::parse(PUBLISHED).unwrap();
        let gaps = study.gaps();
        let told: Vec<_> = gaps
            .iter()
            .map(|gap| (gap.domain.as_str(), format!("{:.2}", gap.open_over_closed.get())))
            .collect();
        let want = [("knowledge", "2.64"), ("logic", "1.57"), ("math", "1.81")];
        assert_eq!(told, want.map(|(domain, ratio)| (domain, ratio.to_owned())));
        assert!(gaps.iter().all(|gap| (gap.open, gap.closed) == (13, 10)));
        let knowledge = &gaps[0];
        assert_eq!(knowledge.most, "magistral-medium-2506-thinking");
        assert_eq!(format!("{:.1}", knowledge.most_over_closed_median.get()), "8.7");
        // The measure is Claude Opus 4's 85 tokens.
        let opus = study.overheads(0)[0];
        assert_eq!(opus.0.name, "claude-opus-4");
        assert!((opus.1 - 1.0).abs() < 1e-12);
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = Study::parse(text).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }

    #[test]
    fn what_is_no_study_is_named() {
        refused("model,a_mean_tok,a_success\nx,1,1\n", "column `open_weights` is missing");
        refused("model,open_weights,a_mean_tok\n", "column `a_success` is missing");
        let with = |row: &str| format!("model,open_weights,a_mean_tok,a_success\n{row}\n");
        refused(&with("x,yes,1,1"), "row 1: `open_weights` is `yes`");
        refused(&with("x,True,NaN,1"), "row 1: `a_mean_tok` is `NaN`");
        refused(&with("x,True,1"), "found record with 3 fields");
        assert_eq!(Study::parse(&with("x,True,1,0")).unwrap().gaps(), []);
    }
}
