//! Workloads by the names that users know.
//!
//! Invariant: a preset says whose it is and how old. What somebody else published is as published;
//! what is ours says so. Guarded by the tests below.

use super::content::{Conversation, Level, Mix, Text, Think, Turns};
use super::error::SpecError;
use crate::record::Lengths;
use crate::units::{Ratio, Seconds, Tokens};

/// A workload with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// People who talk with an assistant.
    Chat,
    /// Questions with retrieved documents before them.
    Rag,
    /// Completions in an editor.
    Code,
    /// A coding agent: many turns over a context that grows.
    Agent,
    /// Artificial Analysis' system load test.
    Aa1k,
    /// `InferenceX` (was `InferenceMAX`), 1k in, 1k out.
    InferenceX1k1k,
    /// The same, 1k in, 8k out.
    InferenceX1k8k,
    /// The same, 8k in, 1k out.
    InferenceX8k1k,
}

/// What a preset sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// What is sent.
    pub mix: Mix,
    /// Requests in flight, point by point; empty: the preset says nothing of load.
    pub ladder: &'static [u32],
    /// How long each point is measured; `None`: the preset says nothing of time.
    pub measure: Option<Seconds>,
    /// Whose it is, and from when.
    pub source: &'static str,
}

/// 1, 2, 4 … 64, then in steps of 64; the rule is to go on until throughput no longer rises, so
/// whoever climbs it stops there.
const AA_LADDER: &[u32] =
    &[1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896, 960];

/// Below this likeness two names have nothing to do with each other.
const LIKE: f64 = 0.8;

const INFERENCE_X_LADDER: &[u32] = &[4, 8, 16, 32, 64];

impl Preset {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Chat,
        Self::Rag,
        Self::Code,
        Self::Agent,
        Self::Aa1k,
        Self::InferenceX1k1k,
        Self::InferenceX1k8k,
        Self::InferenceX8k1k,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Rag => "rag",
            Self::Code => "code",
            Self::Agent => "agent",
            Self::Aa1k => "aa-1k",
            Self::InferenceX1k1k => "inferencex-1k1k",
            Self::InferenceX1k8k => "inferencex-1k8k",
            Self::InferenceX8k1k => "inferencex-8k1k",
        }
    }

    /// What it sets.
    pub fn shape(self) -> Shape {
        match self {
            Self::Chat => Shape {
                // Mean and standard deviation of the logarithms: exp(6.633) and 0.985 of prompts,
                // exp(5.019) and 0.859 of outputs; the means come to 1,235 and 219, those of the
                // trace are 1,155 and 211.
                mix: Mix::plain(lognormal(760, 0.985, 14_050), lognormal(151, 0.859, 1_000)),
                ladder: &[],
                measure: None,
                source: "fitted to Azure's LLM inference trace of conversations, 2023-11-16",
            },
            Self::Rag => Shape {
                mix: Mix {
                    prefix: vec![level(500, 1, 1.0), level(2_000, 50, 0.3)],
                    ..Mix::plain(uniform(2_000, 5_000), lognormal(250, 0.6, 1_024))
                },
                ladder: &[],
                measure: None,
                source: "ours, 2026-11-22: instructions that all share, five to ten passages of 500 \
                         tokens, a popular document before 30 % of the questions",
            },
            Self::Code => Shape {
                // Medians 1,500 and 13, means 2,048 and 28: sigma = sqrt(2 ln(mean / median)).
                mix: Mix::plain(lognormal(1_500, 0.789, 7_500), lognormal(13, 1.239, 2_000)),
                ladder: &[],
                measure: None,
                source: "medians and means of Azure's LLM inference trace of code completions, \
                         2023-11-16, as Patel et al., Splitwise, ISCA 2024, describe it",
            },
            Self::Agent => Shape {
                mix: Mix {
                    prefix: vec![level(4_000, 1, 1.0)],
                    conversation: Some(Conversation {
                        turns: Turns::Uniform { min: 5, max: 15 },
                        follow_up: lognormal(860, 1.0, 4_000),
                        think: Think::Fixed(Seconds(1.0)),
                    }),
                    ..Mix::plain(lognormal(2_000, 0.7, 4_000), lognormal(220, 1.0, 1_000))
                },
                ladder: &[],
                measure: None,
                source: "medians of what a step appends and gives (860, and 180 to 250 tokens) from \
                         TraceLab's coding agents, University of Washington, 2026; 5 to 15 turns, \
                         so that contexts stay near 20k, and a second for a tool to run, are ours",
            },
            Self::Aa1k => Shape {
                mix: Mix::plain(fixed(1_000), fixed(1_000)),
                ladder: AA_LADDER,
                measure: Some(Seconds(180.0)),
                source: "Artificial Analysis, System & Hardware Benchmarking Methodology, read \
                         2026-11-22",
            },
            Self::InferenceX1k1k => inference_x(1_024, 1_024),
            Self::InferenceX1k8k => inference_x(1_024, 8_192),
            Self::InferenceX8k1k => inference_x(8_192, 1_024),
        }
    }
}

/// A range ratio of 0.8: lengths from 80 % of the nominal one, rounded down, up to it, each as
/// likely. Prompts are random ids, and the model may not stop by itself.
fn inference_x(prompt: u64, output: u64) -> Shape {
    let range = |nominal: u64| uniform(nominal * 8 / 10, nominal);
    Shape {
        mix: Mix { text: Text::RandomIds, ..Mix::plain(range(prompt), range(output)) },
        ladder: INFERENCE_X_LADDER,
        measure: None,
        source: "InferenceX (was InferenceMAX), benchmark client configuration in its README, read \
                 2026-11-22",
    }
}

const fn fixed(tokens: u64) -> Lengths {
    Lengths::Fixed { tokens: Tokens(tokens) }
}

const fn uniform(min: u64, max: u64) -> Lengths {
    Lengths::Uniform { min: Tokens(min), max: Tokens(max) }
}

fn lognormal(median: u64, sigma: f64, max: u64) -> Lengths {
    Lengths::Lognormal { median: Tokens(median), sigma: Ratio::of(sigma), max: Tokens(max) }
}

fn level(tokens: u64, groups: u32, share: f64) -> Level {
    Level { share: Ratio::of(share), tokens: Tokens(tokens), groups }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Preset {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        if let Some(preset) = Self::ALL.into_iter().find(|preset| preset.name() == name) {
            return Ok(preset);
        }
        let likeness = |preset: &Self| strsim::jaro_winkler(&name, preset.name());
        let nearest = Self::ALL
            .into_iter()
            .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
            .filter(|preset| likeness(preset) >= LIKE)
            .map(Self::name);
        let all = Self::ALL.map(|preset| format!("`{preset}`")).join(", ");
        Err(SpecError::Preset { name: text.to_owned(), nearest, all })
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::{Cache, Sizes};
    use super::*;
    use crate::hint::Hint;

    #[test]
    fn a_name_is_read_back() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert_eq!(" Chat ".parse(), Ok(Preset::Chat));
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        let check = |text: &str, want: &str| {
            let error = text.parse::<Preset>().unwrap_err();
            assert_eq!(error.to_string(), format!("there is no preset `{text}`"));
            let hint = error.hint().unwrap();
            assert!(hint.starts_with(want), "{hint}");
            assert!(hint.contains("`inferencex-8k1k`"), "{hint}");
        };
        check("chatt", "did you mean `chat`?");
        check("aa1k", "did you mean `aa-1k`?");
        check("inferencex-1k2k", "did you mean `inferencex-1k");
        check("summaries", "there are `chat`");
    }

    #[test]
    fn published_lengths_are_as_published() {
        let check = |preset: Preset, prompt: &str, output: &str, ladder: &[u32]| {
            let shape = preset.shape();
            let Sizes::Apart { prompt: got, output: out } = shape.mix.sizes else { panic!() };
            assert_eq!((got.to_string().as_str(), out.to_string().as_str()), (prompt, output));
            assert_eq!(&shape.ladder[..ladder.len()], ladder);
        };
        check(Preset::Aa1k, "1000", "1000", &[1, 2, 4, 8, 16, 32, 64, 128, 192]);
        check(Preset::InferenceX1k1k, "819 to 1024", "819 to 1024", &[4, 8, 16, 32, 64]);
        check(Preset::InferenceX1k8k, "819 to 1024", "6553 to 8192", &[4, 8, 16, 32, 64]);
        check(Preset::InferenceX8k1k, "6553 to 8192", "819 to 1024", &[4, 8, 16, 32, 64]);
        assert_eq!(Preset::Aa1k.shape().measure, Some(Seconds(180.0)));
    }

    #[test]
    fn every_preset_has_a_year_and_lets_no_cache_help() {
        for preset in Preset::ALL {
            let shape = preset.shape();
            assert!(shape.source.contains("20"), "{preset}: {}", shape.source);
            assert_eq!(shape.mix.cache, Cache::Bust);
        }
    }
}
