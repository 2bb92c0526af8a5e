//! What can be wrong with a file of problems, or with what is asked of the suite.
//!
//! Facts name file, place, field and value; the advice is in the hints.

use crate::hint::{Fault, Hint};
use std::path::Path;

/// Problems that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// A file isn't in its form.
    #[error("`{file}`, line {line}: {problem}")]
    Form {
        /// The file.
        file: String,
        /// Where in it, from 1.
        line: usize,
        /// What the parser found.
        problem: String,
    },
    /// A field of a line isn't what it should be.
    #[error("`{file}`, line {line}, `{field}`: `{value}`: {problem}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The field.
        field: String,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A field of a family's problem isn't what it should be.
    #[error("`{file}`, problem `{problem}`, `{field}`: `{value}`: {why}")]
    Problem {
        /// The file.
        file: String,
        /// Which problem.
        problem: String,
        /// The field.
        field: String,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are no problems in it.
    #[error("`{file}`: there are no problems in it")]
    Empty {
        /// The file.
        file: String,
    },
    /// There is no family of this name.
    #[error("there is no family `{name}`")]
    Family {
        /// What was asked for.
        name: String,
        /// The one whose name is nearest, where one is near.
        nearest: Option<String>,
        /// Those that there are.
        all: String,
    },
}

impl Hint for SuiteError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Family { nearest: Some(nearest), all, .. } => {
                Some(format!("did you mean `{nearest}`? There are {all}"))
            }
            Self::Family { nearest: None, all, .. } => Some(format!("there are {all}")),
            Self::Form { file, .. } | Self::Line { file, .. } | Self::Empty { file }
                if Path::new(file).extension().is_none_or(|kind| kind != "toml") =>
            {
                Some(
                    "write one object a line: {\"question\": \"…\", \"answer\": {\"number\": 42}}; \
                     GSM8K's {\"question\", \"answer\": \"… #### 42\"} and MMLU's CSV (question, \
                     A, B, C, D, answer) are read too; docs/TASKS.md has all forms"
                        .to_owned(),
                )
            }
            _ => None,
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Family { .. } => Fault::Usage,
            _ => Fault::Input,
        }
    }
}
