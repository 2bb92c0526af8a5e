//! How tokenizers cut text, and what a million characters cost.
//!
//! Tokens are not comparable between models, characters are. On the same text, without a chat's
//! template, a tokenizer's characters per token are its own; over the tasks' prompts and replies they
//! are what was billed, templates and all.
//!
//! Invariant: total over total; what was not counted is `None`. Guarded by `tests`.

use super::price::Price;
use crate::record::attempts::{Attempt, Attempts};
use crate::units::{CharactersPerToken, Estimate, Tokens, TokensPerCharacter, UsdPerMchar};
use serde::Serialize;

/// How a model's tokenizer cuts text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutLine {
    /// The text that all models were given, by name; `None`: this one was given none.
    pub text: Option<String>,
    /// Its characters per token.
    pub same_text: Option<CharactersPerToken>,
    /// The prompts' characters over their billed tokens, a chat's template among these.
    pub prompts: Option<CharactersPerToken>,
    /// The replies' characters over their billed tokens, reasoning left out.
    pub replies: Option<CharactersPerToken>,
    /// What the tokens of a million characters of that text cost as fresh input.
    pub input: Option<Estimate<UsdPerMchar>>,
    /// The same as output.
    pub output: Option<Estimate<UsdPerMchar>>,
}

impl CutLine {
    pub(super) fn of(attempts: &Attempts, price: Option<&Price<'_>>) -> Self {
        let cut = attempts.head.cut.as_ref();
        let same_text = cut.and_then(|cut| held(cut.characters, cut.tokens));
        let day = attempts.head.started.to_zoned(jiff::tz::TimeZone::UTC).date();
        let priced =
            same_text.map(TokensPerCharacter::from).zip(price.and_then(|it| it.of_kinds(day)));
        let of = |count: fn(&Attempt) -> Option<(u64, Tokens)>| {
            let counted = attempts.attempts.iter().filter_map(count);
            let (characters, tokens): (Vec<u64>, Vec<Tokens>) = counted.unzip();
            held(characters.into_iter().sum(), tokens.into_iter().sum())
        };
        Self {
            text: cut.map(|cut| cut.text.clone()),
            same_text,
            prompts: of(|one| Some((one.prompt_characters, one.last()?.usage.prompt?))),
            replies: of(|one| {
                let usage = one.last()?.usage;
                let said = usage.output?.0.saturating_sub(usage.reasoning.unwrap_or_default().0);
                Some((one.reply_characters, Tokens(said)))
            }),
            input: priced.map(|(cut, (input, _))| input.map(|price| price * cut)),
            output: priced.map(|(cut, (_, output))| output.map(|price| price * cut)),
        }
    }
}

/// Characters over tokens; `None` where there are none of one.
fn held(characters: u64, tokens: Tokens) -> Option<CharactersPerToken> {
    let some = characters > 0 && tokens > Tokens(0);
    some.then(|| CharactersPerToken(Tokens(characters).get() / tokens.get()))
}
