//! A family of problems, as its file holds it.
//!
//! Invariant: a family that was read can be drawn: each problem has been, once, so no text names a
//! value that is not there and no answer is without a grader. A problem's stream has the problem's
//! name, so what is asked beside it changes nothing. Guarded by `tests`.

use super::answer::RawAnswer;
use super::draw::{Draw, Wrong, drawn, filled, shuffled, stream};
use super::error::SuiteError;
use super::instance::{FewShot, Instance, Kind, Message};
use crate::units::Tokens;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Problems of one sort, and how they are asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// What it asks for, in a few words.
    pub title: String,
    /// What is said before each question.
    system: String,
    /// The most output of an answer, reasoning included.
    max_output: u64,
    /// Questions with answers, for base models.
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(rename = "problem")]
    problems: Vec<Problem>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    ask: String,
    answer: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    id: String,
    source: String,
    licence: String,
    ask: String,
    #[serde(default)]
    draw: BTreeMap<String, Draw>,
    #[serde(default, rename = "where")]
    conditions: Vec<String>,
    answer: RawAnswer,
    /// Instances of each seed.
    #[serde(default = "one")]
    draws: u32,
    variant: Option<Variant>,
}

fn one() -> u32 {
    1
}

/// What differs; what is not given is the base problem's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    ask: Option<String>,
    draw: Option<BTreeMap<String, Draw>>,
    #[serde(rename = "where")]
    conditions: Option<Vec<String>>,
    answer: Option<RawAnswer>,
}

/// One side of a pair.
struct Side<'a> {
    ask: &'a str,
    draw: &'a BTreeMap<String, Draw>,
    conditions: &'a [String],
    answer: &'a RawAnswer,
}

impl Problem {
    fn base(&self) -> Side<'_> {
        Side {
            ask: &self.ask,
            draw: &self.draw,
            conditions: &self.conditions,
            answer: &self.answer,
        }
    }

    fn varied(&self) -> Option<Side<'_>> {
        self.variant.as_ref().map(|variant| Side {
            ask: variant.ask.as_deref().unwrap_or(&self.ask),
            draw: variant.draw.as_ref().unwrap_or(&self.draw),
            conditions: variant.conditions.as_deref().unwrap_or(&self.conditions),
            answer: variant.answer.as_ref().unwrap_or(&self.answer),
        })
    }
}

impl Family {
    /// Reads a family and draws each of its problems once.
    ///
    /// # Errors
    /// Names file, problem, field and value.
    pub fn parse(file: &str, text: &str) -> Result<Self, SuiteError> {
        let family: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
            SuiteError::Form {
                file: file.to_owned(),
                line: before.matches('\n').count() + 1,
                problem: error.message().to_owned(),
            }
        })?;
        if family.problems.is_empty() {
            return Err(SuiteError::Empty { file: file.to_owned() });
        }
        let mut known = BTreeSet::new();
        for problem in &family.problems {
            let fault = |(field, value, why): Wrong| SuiteError::Problem {
                file: file.to_owned(),
                problem: problem.id.clone(),
                field,
                value,
                why,
            };
            if !known.insert(&problem.id) {
                return Err(fault((
                    "id".to_owned(),
                    problem.id.clone(),
                    "it is there twice".to_owned(),
                )));
            }
            for (field, value) in [("source", &problem.source), ("licence", &problem.licence)] {
                if value.trim().is_empty() {
                    return Err(fault((field.to_owned(), String::new(), "it is empty".to_owned())));
                }
            }
            family.draw(problem, 0, 0).map_err(fault)?;
        }
        Ok(family)
    }

    /// So many problems, each with its variant: all once, then again those that are drawn often.
    pub(super) fn instances(
        &self,
        seed: u64,
        limit: Option<usize>,
    ) -> Result<Vec<Instance>, Wrong> {
        let rounds = self.problems.iter().map(|problem| problem.draws).max().unwrap_or(0);
        let mut found = Vec::new();
        let all =
            (0..rounds).flat_map(|round| self.problems.iter().map(move |problem| (round, problem)));
        for (round, problem) in
            all.filter(|(round, problem)| *round < problem.draws).take(limit.unwrap_or(usize::MAX))
        {
            found.extend(self.draw(problem, seed, round)?);
        }
        Ok(found)
    }

    /// How many problems there are, and how many of them have a variant.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.problems.len(),
            self.problems.iter().filter(|problem| problem.variant.is_some()).count(),
        )
    }

    fn draw(&self, problem: &Problem, seed: u64, round: u32) -> Result<Vec<Instance>, Wrong> {
        let suffix = if round == 0 { String::new() } else { format!("#{}", round + 1) };
        let of = format!("{}/{}{suffix}", self.name, problem.id);
        let mut made =
            vec![self.instance(problem, &problem.base(), of.clone(), Kind::Base, seed)?];
        if let Some(side) = problem.varied() {
            let id = format!("{}/{}+variant{suffix}", self.name, problem.id);
            let in_variant = |(field, value, why)| (format!("variant.{field}"), value, why);
            let made_one = self.instance(problem, &side, id, Kind::Variant { of }, seed);
            made.push(made_one.map_err(in_variant)?);
        }
        Ok(made)
    }

    fn instance(
        &self,
        problem: &Problem,
        side: &Side,
        id: String,
        kind: Kind,
        seed: u64,
    ) -> Result<Instance, Wrong> {
        let mut draw = stream(seed, &id);
        let values = drawn(side.draw, side.conditions, &mut draw)?;
        let ask = filled(side.ask, &values);
        let mut ask = ask.map_err(|why| ("ask".to_owned(), side.ask.to_owned(), why))?;
        let (grader, options) =
            side.answer.grader(&values, &mut |options| shuffled(&mut draw, options))?;
        ask.push_str(&options);
        let message = |role: &str, content: &str| Message {
            role: role.to_owned(),
            content: content.to_owned(),
        };
        Ok(Instance {
            few_shot: self.few_shot(&ask),
            messages: vec![message("system", &self.system), message("user", &ask)],
            id,
            family: self.name.clone(),
            kind,
            grader,
            max_output: Tokens(self.max_output),
            source: problem.source.clone(),
            licence: Some(problem.licence.clone()),
        })
    }

    fn few_shot(&self, ask: &str) -> Option<FewShot> {
        if self.examples.is_empty() {
            return None;
        }
        let shown: Vec<String> = self
            .examples
            .iter()
            .map(|example| format!("Question: {}\nAnswer: {}\n\n", example.ask, example.answer))
            .collect();
        let shown = shown.concat();
        let text = format!("{shown}Question: {ask}\nAnswer:");
        Some(FewShot { text, stop: vec!["\nQuestion:".to_owned(), "\n\n".to_owned()] })
    }

    /// The answers of its examples, for whoever checks them.
    #[cfg(test)]
    pub(super) fn examples(&self) -> Vec<(&str, &str)> {
        self.examples
            .iter()
            .map(|example| (example.ask.as_str(), example.answer.as_str()))
            .collect()
    }
}
