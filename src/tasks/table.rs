//! Models side by side: what the command prints, all of it.
//!
//! Invariant: one suite, one version, one seed, or there is no table; names are the table's own, so one
//! record may stand in it twice, at two prices. Guarded by `tests`.

use super::compare::{Compared, frontier};
use super::cut::CutLine;
use super::price::Price;
use super::row::Row;
use super::sheet::Sheet;
use super::tokens::fewest;
use crate::hint::{Fault, Hint};
use crate::record::attempts::{Attempt, Attempts, Verdict};
use crate::units::{Ratio, Usd};
use serde::Serialize;
use std::collections::BTreeSet;

/// A model with its attempts and what its tokens are paid at.
#[derive(Debug, Clone)]
pub struct Contestant<'a> {
    /// What it is called in the table; no other may be called so.
    pub name: String,
    /// What it did.
    pub attempts: &'a Attempts,
    /// What its tokens cost; `None`: nobody says.
    pub price: Option<Price<'a>>,
    /// What the tokens of a model cost that was asked for verdicts.
    pub judge: Option<Price<'a>>,
}

/// How to judge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judging {
    /// Of the bootstrap.
    pub seed: u64,
    /// The models, by name, whose fewest tokens are the measure of all; none named: all of them.
    pub reference: Vec<String>,
}

/// Models at tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskTable {
    /// What was asked.
    pub suite: SuiteLine,
    /// The reference set of token efficiency.
    pub reference: Vec<String>,
    /// Who was asked, in the order in which they were named.
    pub models: Vec<ModelLine>,
    /// Family by family, in the order of their names.
    pub families: Vec<FamilyTable>,
    /// All families together: every attempt counts the same.
    pub all: FamilyTable,
}

/// The suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuiteLine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its tasks were drawn with.
    pub seed: u64,
}

/// One model, whatever the tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelLine {
    /// What it is called in the table.
    pub name: String,
    /// What it is.
    pub model: String,
    /// What ran it.
    pub target: String,
    /// What its tokens are paid at, in words; `None`: nobody says.
    pub price: Option<String>,
    /// Whether the prices' own error is known, or they have none, and is in the intervals of costs.
    pub price_error_known: bool,
    /// The sampler's temperature.
    pub temperature: Ratio,
    /// How often each task was to be tried.
    pub repeats: u32,
    /// Attempts on record.
    pub attempts: u64,
    /// Attempts that are missing, of all tasks that any of the models attempted.
    pub missing: u64,
    /// Attempts whose verdict a model was asked for.
    pub judged: u64,
    /// What that cost, which is in no other figure; `None`: there were none, or nobody gave a price.
    pub judging: Option<Usd>,
    /// How its tokenizer cuts text.
    pub characters: CutLine,
}

/// A family of tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyTable {
    /// Its name; `None`: all families together.
    pub family: Option<String>,
    /// A row a model that attempted any of it.
    pub rows: Vec<Row>,
    /// Each model against each after it.
    pub compared: Vec<Compared>,
}

/// How many attempts were found to be what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct VerdictCounts {
    /// The answer was right.
    pub solved: u64,
    /// The answer was wrong.
    pub wrong: u64,
    /// The reply had no answer in it.
    pub no_answer: u64,
    /// The model would not answer.
    pub refused: u64,
    /// The reply was cut off.
    pub truncated: u64,
    /// No try came to an end.
    pub failed: u64,
}

impl VerdictCounts {
    pub(super) fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            *match verdict {
                Verdict::Solved => &mut counts.solved,
                Verdict::Wrong => &mut counts.wrong,
                Verdict::NoAnswer => &mut counts.no_answer,
                Verdict::Refused => &mut counts.refused,
                Verdict::Truncated => &mut counts.truncated,
                Verdict::Failed => &mut counts.failed,
            } += 1;
        }
        counts
    }
}

/// Why there is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// There are no records.
    #[error("no record of attempts was given")]
    Nothing,
    /// Two have one name.
    #[error("two of the models are called `{0}`")]
    Name(String),
    /// They attempted something else.
    #[error("`{name}`: its {field} is `{found}`, that of `{first}` `{wanted}`")]
    Suite {
        /// Who.
        name: String,
        /// What differs.
        field: &'static str,
        /// What it is there.
        found: String,
        /// The first model.
        first: String,
        /// What it is there.
        wanted: String,
    },
    /// The reference set names none of them.
    #[error("the reference set names `{0}`, which is none of the models")]
    Reference(String),
}

impl Hint for TaskError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Suite { .. } => Some("figures of different tasks can't be compared".to_owned()),
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Suite { .. } => Fault::Input,
            _ => Fault::Usage,
        }
    }
}

impl TaskTable {
    /// Lays models side by side.
    ///
    /// # Errors
    /// Where there are none, two have one name, they attempted different suites, or the reference set
    /// names one that isn't there.
    pub fn of(contestants: &[Contestant<'_>], judging: &Judging) -> Result<Self, TaskError> {
        let first = contestants.first().ok_or(TaskError::Nothing)?;
        check(first, contestants, judging)?;
        let head = &first.attempts.head;
        let attempts = || contestants.iter().flat_map(|one| &one.attempts.attempts);
        let families: BTreeSet<&str> = attempts().map(|one| one.family.as_str()).collect();
        let tasks: BTreeSet<&str> = attempts().map(|one| one.task.as_str()).collect();
        let family = |name: Option<&str>| FamilyTable::of(contestants, name, judging);
        let reference = contestants.iter().map(|one| &one.name);
        let reference = reference.filter(|name| judging.refers_to(name)).cloned().collect();
        Ok(Self {
            suite: SuiteLine {
                name: head.suite.clone(),
                version: head.suite_version.clone(),
                seed: head.seed,
            },
            reference,
            models: contestants.iter().map(|one| ModelLine::of(one, tasks.len() as u64)).collect(),
            families: families.into_iter().map(|name| family(Some(name))).collect(),
            all: family(None),
        })
    }
}

impl Judging {
    fn refers_to(&self, name: &String) -> bool {
        self.reference.is_empty() || self.reference.contains(name)
    }
}

fn check(
    first: &Contestant<'_>,
    contestants: &[Contestant<'_>],
    judging: &Judging,
) -> Result<(), TaskError> {
    let mut names = BTreeSet::new();
    for Contestant { name, attempts, .. } in contestants {
        if !names.insert(name.as_str()) {
            return Err(TaskError::Name(name.clone()));
        }
        let fields = |of: &Attempts| {
            let head = &of.head;
            [
                ("suite", head.suite.clone()),
                ("suite's version", head.suite_version.clone()),
                ("seed", head.seed.to_string()),
            ]
        };
        let mut both = fields(attempts).into_iter().zip(fields(first.attempts));
        if let Some(((field, found), (_, wanted))) = both.find(|(own, its)| own != its) {
            let (name, first) = (name.clone(), first.name.clone());
            return Err(TaskError::Suite { name, field, found, first, wanted });
        }
    }
    let unknown = judging.reference.iter().find(|name| !names.contains(name.as_str()));
    unknown.map_or(Ok(()), |name| Err(TaskError::Reference(name.clone())))
}

impl ModelLine {
    fn of(contestant: &Contestant<'_>, tasks: u64) -> Self {
        let Contestant { name, attempts, price, judge } = contestant;
        let head = &attempts.head;
        let judged: Vec<&Attempt> =
            attempts.attempts.iter().filter(|one| one.judge.is_some()).collect();
        let judging = judge.as_ref().filter(|_| !judged.is_empty()).and_then(|price| {
            let calls: Result<Vec<Usd>, _> = judged.iter().map(|one| price.judging(one)).collect();
            calls.ok().map(|calls| calls.into_iter().sum())
        });
        let count = attempts.attempts.len() as u64;
        Self {
            name: name.clone(),
            model: head.model.name.clone(),
            target: head.target.clone(),
            price: price.as_ref().map(Price::words),
            price_error_known: price.as_ref().is_some_and(Price::is_sure),
            temperature: head.temperature,
            repeats: head.repeats,
            attempts: count,
            missing: (tasks * u64::from(head.repeats)).saturating_sub(count),
            judged: judged.len() as u64,
            judging,
            characters: CutLine::of(attempts, price.as_ref()),
        }
    }
}

impl FamilyTable {
    fn of(contestants: &[Contestant<'_>], family: Option<&str>, judging: &Judging) -> Self {
        let wanted = |attempt: &Attempt| family.is_none_or(|family| attempt.family == family);
        let sheets: Vec<(&Contestant<'_>, Sheet<'_>)> = contestants
            .iter()
            .map(|one| (one, Sheet::of(&one.attempts.attempts, one.price.as_ref(), wanted)))
            .collect();
        let measure =
            fewest(sheets.iter().filter(|(one, _)| judging.refers_to(&one.name)).map(|(_, it)| it));
        let mut rows: Vec<Row> = sheets
            .iter()
            .filter_map(|(one, sheet)| {
                let is_bill = one.price.as_ref().is_some_and(Price::is_bill);
                Row::of(&one.name, sheet, is_bill, &measure, judging.seed)
            })
            .collect();
        let points: Vec<_> = rows
            .iter()
            .map(|row| Some((row.solved.value, row.cost.as_ref()?.per_attempt.value)))
            .collect();
        for (row, is_on_it) in rows.iter_mut().zip(frontier(&points)) {
            row.frontier = is_on_it;
        }
        let mut compared = Vec::new();
        for (index, (one, mine)) in sheets.iter().enumerate() {
            for (other, theirs) in &sheets[index + 1..] {
                let pair = ((one.name.as_str(), mine), (other.name.as_str(), theirs));
                compared.push(Compared::of(pair.0, pair.1, judging.seed));
            }
        }
        Self { family: family.map(str::to_owned), rows, compared }
    }
}
