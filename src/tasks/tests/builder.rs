//! Records of attempts made up for tests.

use crate::cost::{Load, OwnRates};
use crate::record::attempts::{Attempt, Attempts, Cut, Head, Try, Verdict};
use crate::record::{Finish, Model, Usage};
use crate::tasks::{Contestant, Judging, Price, TaskTable};
use crate::units::{Estimate, Ratio, Seconds, Tokens, UsdPerMtok};

/// When everything here happened.
pub(crate) fn noon() -> jiff::Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A record in the making: of three repeats, in the family `f`, each prompt of 100 tokens.
pub(crate) struct Made(Attempts);

impl Made {
    pub(crate) fn new(model: &str) -> Self {
        let head = Head {
            schema: Head::SCHEMA.to_owned(),
            started: noon(),
            mtok: "0.0.0".to_owned(),
            suite: "own".to_owned(),
            suite_version: "1".to_owned(),
            seed: 7,
            temperature: Ratio::of(0.0),
            repeats: 3,
            model: Model { name: model.to_owned(), family: None, sha256: None, shape: None },
            target: "in this process".to_owned(),
            cut: None,
        };
        Self(Attempts { head, attempts: Vec::new(), whole: 0, torn: 0 })
    }

    /// An attempt at an original.
    pub(crate) fn attempt(
        mut self,
        task: &str,
        repeat: u32,
        verdict: Verdict,
        tokens: u64,
    ) -> Self {
        let usage =
            Usage { prompt: Some(Tokens(100)), output: Some(Tokens(tokens)), ..Usage::default() };
        self.0.attempts.push(Attempt {
            task: task.to_owned(),
            family: "f".to_owned(),
            variant_of: None,
            repeat,
            verdict,
            answer: None,
            tries: vec![Try {
                at: noon(),
                took: Seconds(1.0),
                first_token: None,
                finish: Finish::Stop,
                finish_reason: None,
                usage,
            }],
            prompt_characters: 400,
            reply_characters: 4 * tokens,
            judge: None,
        });
        self
    }

    /// An attempt at a variant.
    pub(crate) fn variant(
        self,
        of: &str,
        task: &str,
        repeat: u32,
        verdict: Verdict,
        tokens: u64,
    ) -> Self {
        self.attempt(task, repeat, verdict, tokens)
            .change(|attempt| attempt.variant_of = Some(of.to_owned()))
    }

    /// The last attempt, changed.
    pub(crate) fn change(mut self, change: impl FnOnce(&mut Attempt)) -> Self {
        if let Some(last) = self.0.attempts.last_mut() {
            change(last);
        }
        self
    }

    /// The head, changed.
    pub(crate) fn head(mut self, change: impl FnOnce(&mut Head)) -> Self {
        change(&mut self.0.head);
        self
    }

    /// A text that all are given.
    pub(crate) fn cut(self, characters: u64, tokens: u64) -> Self {
        let cut = Cut { text: "a text".to_owned(), characters, tokens: Tokens(tokens) };
        self.head(|head| head.cut = Some(cut))
    }

    pub(crate) fn build(self) -> Attempts {
        self.0
    }
}

/// Under its model's own name.
pub(crate) fn by<'a>(attempts: &'a Attempts, price: Option<Price<'a>>) -> Contestant<'a> {
    Contestant { name: attempts.head.model.name.clone(), attempts, price, judge: None }
}

/// An own machine at full load, in USD/Mtok of input, cached or not, and of output, without error.
pub(crate) fn own(input: f64, output: f64) -> Price<'static> {
    let exact = |price| Estimate::within(UsdPerMtok(price), UsdPerMtok(0.0));
    let rates =
        OwnRates { uncached: exact(input), cached: Some(exact(input)), output: exact(output) };
    Price::Own { machine: "a machine".to_owned(), rates, load: Load::FULL }
}

pub(crate) fn judged(contestants: &[Contestant<'_>]) -> TaskTable {
    TaskTable::of(contestants, &Judging::default()).unwrap()
}

/// The table as it is written.
pub(crate) fn table(contestants: &[Contestant<'_>]) -> String {
    serde_json::to_string_pretty(&judged(contestants)).unwrap()
}

#[track_caller]
pub(crate) fn near(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-9 * want.abs().max(1e-3), "{got} ≠ {want}");
}
