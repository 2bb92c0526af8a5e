//! Tasks with known answers, and the graders that tell whether a reply is one.
//!
//! Invariant: the same seed gives the same instances, whatever other families are asked for and
//! however many of each; no answer needs a judgement. What a reply costs, who gave it and how is
//! none of this room's: it sees words alone. Guarded by `tests`.
//!
//! Deliberately absent: clocks, sockets, prices, tokenizers, and files: problems are parsed from text
//! that somebody else read, or that is part of the program (`tasks/`).

mod answer;
mod draw;
mod error;
mod expression;
mod family;
pub mod grade;
mod instance;
pub mod load;
mod rational;

pub use error::SuiteError;
pub use family::Family;
pub use grade::{Grader, Lack, Reply, Verdict};
pub use instance::{FewShot, Form, Instance, Kind, Message};
pub use rational::Rational;

use std::sync::{Arc, OnceLock};

macro_rules! embedded {
    ($($file:literal),* $(,)?) => {
        &[$((concat!("tasks/", $file), include_str!(concat!("../../tasks/", $file)))),*]
    };
}

/// The families inside the program, in the order in which they are shown.
const FILES: &[(&str, &str)] = embedded![
    "knowledge.toml",
    "mathematics.toml",
    "logic.toml",
    "arithmetic.toml",
    "copying.toml",
    "extraction.toml",
    "entailment.toml",
    "format.toml",
];

/// How alike names must be to be offered, by Jaro and Winkler's measure, where 1 is the same.
const ALIKE: f64 = 0.75;

/// The version of the families inside the program: figures of two can't be laid side by side.
pub const VERSION: &str = "1";

/// The families that models of a few hundred million parameters solve something of. The others take long
/// answers, of which such models seldom find the end.
pub const FOR_SMALL_MODELS: [&str; 6] =
    ["knowledge", "arithmetic", "copying", "extraction", "entailment", "format"];

/// A model below this many parameters is a small one.
pub const SMALL_MODEL: u64 = 1_000_000_000;

/// Families of problems. Copies share them.
#[derive(Debug, Clone)]
pub struct Suite {
    families: Arc<[Family]>,
}

impl Suite {
    /// The suite inside the program; read once.
    ///
    /// # Errors
    /// If it is broken, which the tests rule out.
    pub fn embedded() -> Result<Self, SuiteError> {
        static SUITE: OnceLock<Suite> = OnceLock::new();
        if let Some(suite) = SUITE.get() {
            return Ok(suite.clone());
        }
        let suite = Self::parse(FILES)?;
        Ok(SUITE.get_or_init(|| suite).clone())
    }

    /// Families from their files: names and texts.
    ///
    /// # Errors
    /// Names file, problem, field and value.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, SuiteError> {
        let families: Vec<Family> =
            files.iter().map(|(file, text)| Family::parse(file, text)).collect::<Result<_, _>>()?;
        Ok(Self { families: families.into() })
    }

    /// All families, in their order.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The instances of a seed: of these families (of all where none is named), of each at most so
    /// many problems, each with its variant. A family that is named twice comes once.
    ///
    /// # Errors
    /// [`SuiteError::Family`] for a name that no family has.
    pub fn instances<S: AsRef<str>>(
        &self,
        seed: u64,
        families: &[S],
        limit: Option<usize>,
    ) -> Result<Vec<Instance>, SuiteError> {
        for name in families {
            self.known(name.as_ref())?;
        }
        let wanted = |family: &&Family| {
            families.is_empty() || families.iter().any(|name| name.as_ref() == family.name)
        };
        let mut found = Vec::new();
        for family in self.families.iter().filter(wanted) {
            let drawn = family.instances(seed, limit);
            found.extend(drawn.map_err(|(field, value, why)| SuiteError::Problem {
                file: format!("tasks/{}.toml", family.name),
                problem: format!("of seed {seed}"),
                field,
                value,
                why,
            })?);
        }
        Ok(found)
    }

    fn known(&self, name: &str) -> Result<(), SuiteError> {
        let all: Vec<&str> = self.families.iter().map(|family| family.name.as_str()).collect();
        if all.contains(&name) {
            return Ok(());
        }
        let alike = |other: &&str| strsim::jaro_winkler(name, other);
        let nearest = all.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        Err(SuiteError::Family {
            name: name.to_owned(),
            nearest: nearest.filter(|near| alike(near) >= ALIKE).map(str::to_owned),
            all: all.join(", "),
        })
    }
}

#[cfg(test)]
mod tests;
