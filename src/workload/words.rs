//! What is sent, in words: for the head of a run record. Guarded by `plan::tests`.

use super::content::{Cache, Content, Conversation, Level, Mix, Text, Think, Turns};
use super::dataset::Dataset;

impl Content {
    /// What is sent, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Trace(trace) => trace.words(),
            Self::Dataset { data, cache, .. } => of_dataset(data, *cache),
            Self::Mix(mix) => of_mix(mix),
        }
    }
}

fn of_dataset(data: &Dataset, cache: Cache) -> String {
    let line = match cache {
        Cache::Bust => ", each begun with a line of its own",
        Cache::Warm => "",
    };
    let left_out = match data.left_out() {
        0 => String::new(),
        some => format!("; {some} entries left out"),
    };
    format!("{} conversations of a dataset{line}{left_out}", data.talks().len())
}

fn of_mix(mix: &Mix) -> String {
    let text = match mix.text {
        Text::Prose => "natural text",
        Text::RandomIds => "random token ids",
    };
    let same = match mix.cache {
        Cache::Bust => "",
        Cache::Warm => ", the same in all prompts",
    };
    let mut parts = vec![format!("{text}{same}")];
    parts.extend(mix.prefix.iter().enumerate().map(|(depth, level)| of_level(depth, level)));
    parts.extend(mix.conversation.as_ref().map(of_conversation));
    parts.join("; ")
}

fn of_level(depth: usize, level: &Level) -> String {
    let whose = if depth == 0 { "of all" } else { "of these" };
    let Level { share, tokens, groups } = level;
    let which = match groups {
        1 => "the same prefix".to_owned(),
        some => format!("one of {some} prefixes"),
    };
    format!("{share} {whose} begin with {which} of {} tokens", tokens.0)
}

fn of_conversation(conversation: &Conversation) -> String {
    let Conversation { turns, follow_up, think } = conversation;
    let turns = match turns {
        Turns::Fixed(turns) => format!("{turns} turns"),
        Turns::Uniform { min, max } => format!("{min} to {max} turns"),
        Turns::Geometric { mean, max } => format!("about {} turns, at most {max}", mean.get()),
    };
    let think = match think {
        Think::Fixed(time) if time.0 <= 0.0 => String::new(),
        Think::Fixed(time) => format!(", {time} to think"),
        Think::Exponential(mean) => format!(", about {mean} to think"),
    };
    format!("conversations of {turns}, {follow_up} tokens a follow-up{think}")
}
