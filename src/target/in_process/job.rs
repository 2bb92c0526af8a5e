//! One request under way: its tokens, and what decides and tells which come next.

use super::prefix::Prefix;
use super::tokens;
use crate::engine::Detokenize;
use crate::engine::logprobs::Logprobs;
use crate::engine::sampler::Sampler;
use crate::engine::stop::Stop;
use crate::record::{Finish, Moment, RequestId, Usage};
use crate::schedule::{Arrival, BlockHash, SeqId};
use crate::target::{Delivery, Prompt, Request, TargetError, What};
use crate::units::Tokens;
use std::sync::mpsc::Sender;

/// A request with all that was checked and made when it was accepted.
pub(super) struct Job {
    pub(super) id: RequestId,
    /// The prompt and what was sampled.
    pub(super) tokens: Vec<u32>,
    prompt: usize,
    /// Output tokens that were told.
    told: u64,
    /// Prompt tokens that the prefix cache had when it was first read.
    cached: Option<Tokens>,
    /// `None`: its blocks are not shared.
    prefix: Option<Prefix>,
    sampler: Sampler,
    stop: Stop,
    text: Option<Box<dyn Detokenize>>,
    logprobs: Option<u8>,
    to: Sender<Delivery>,
}

/// What came of a row of logits.
pub(super) struct Chosen {
    what: What,
    pub(super) finish: Option<Finish>,
}

/// Nobody reads a request's deliveries any more.
pub(super) struct Unwanted;

impl Job {
    /// A job, and what the scheduler has to know of it. Blocks of `block_size` tokens are shared.
    ///
    /// # Errors
    /// Where sampling or stop rules make no sense.
    pub(super) fn new(
        request: Request,
        eos: &[u32],
        block_size: Option<u32>,
        to: Sender<Delivery>,
    ) -> Result<(Self, Arrival), TargetError> {
        let Request { id, prompt, sampling, stop, text, logprobs, priority, .. } = request;
        let Prompt::Ids(tokens) = prompt else { return Err(TargetError::NoIds) };
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let mut prefix = block_size.map(Prefix::new);
        let arrival = Arrival {
            id: sequence(id),
            prompt: count(tokens.len() as u64),
            output_max: count(stop.max_tokens.0),
            priority,
            prefix: prefix.as_mut().map(|prefix| prefix.seal(&tokens)).unwrap_or_default(),
        };
        let (sampler, stop) = (Sampler::new(sampling)?, Stop::new(stop, eos)?);
        let prompt = tokens.len();
        let (told, cached) = (0, None);
        Ok((
            Self { id, tokens, prompt, told, cached, prefix, sampler, stop, text, logprobs, to },
            arrival,
        ))
    }

    /// Chooses the next token: with it, what is to be said of it, and whether it is the last.
    ///
    /// # Errors
    /// What the sampler or the tokenizer says.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Result<Chosen, String> {
        let token = self.sampler.next(logits).map_err(|error| error.to_string())?;
        let logprobs = self.logprobs.and_then(|most| Logprobs::of(logits, token, most));
        self.tokens.push(token);
        let (text, finish) = self.judge(token)?;
        Ok(Chosen {
            what: What::Token { id: token, text, logprobs: logprobs.map(Box::new) },
            finish,
        })
    }

    /// Prompt tokens that the prefix cache had, as far as that was told.
    pub(super) fn cached(&self) -> Tokens {
        self.cached.unwrap_or_default()
    }

    /// The text that goes out with a token, and whether the sequence ends with it.
    fn judge(&mut self, token: u32) -> Result<(Option<String>, Option<Finish>), String> {
        let by_token = self.stop.token(token);
        let Some(text) = &mut self.text else { return Ok((None, by_token)) };
        // A token that stops is not part of the answer.
        let piece = match by_token {
            Some(Finish::Stop) => String::new(),
            _ => text.push(token).map_err(|error| error.to_string())?,
        };
        let (mut out, found) = self.stop.text(&piece);
        let finish = if found { Some(Finish::Stop) } else { by_token };
        if finish.is_some() {
            out += &self.stop.end(&text.finish());
        }
        Ok((Some(out), finish))
    }

    /// The hash of the block that the last token filled, if it did.
    pub(super) fn sealed(&mut self) -> Option<BlockHash> {
        self.prefix.as_mut()?.seal(&self.tokens).pop()
    }

    /// Tells what was chosen.
    ///
    /// # Errors
    /// Where the receiver is gone.
    pub(super) fn tell(&mut self, chosen: Chosen, at: Moment) -> Result<(), Unwanted> {
        self.told += 1;
        self.deliver(chosen.what, at)
    }

    /// Tells that it was accepted. That nobody reads is noticed with the first token.
    pub(super) fn tell_sent(&self, at: Moment) {
        let _ = self.deliver(What::Sent, at);
    }

    /// Tells that a part of the prompt was read.
    ///
    /// # Errors
    /// Where the receiver is gone.
    pub(super) fn tell_read(&mut self, read: u32, cached: u32, at: Moment) -> Result<(), Unwanted> {
        let (tokens, cached) = (Tokens(read.into()), Tokens(cached.into()));
        self.cached.get_or_insert(cached);
        self.deliver(What::Read { tokens, cached }, at)
    }

    /// Its prompt's tokens, and the output tokens that were told so far.
    pub(super) fn counts(&self) -> (Tokens, Tokens) {
        (tokens(self.prompt), Tokens(self.told))
    }

    /// Tells its end. A receiver that is gone wants no end either.
    pub(super) fn done(self, finish: Finish, at: Moment) {
        let usage = Usage {
            prompt: Some(tokens(self.prompt)),
            cached: self.cached,
            output: Some(Tokens(self.told)),
            ..Usage::default()
        };
        let _ = self.deliver(What::Done { finish, usage, said: None }, at);
    }

    fn deliver(&self, what: What, at: Moment) -> Result<(), Unwanted> {
        self.to.send(Delivery { id: self.id, at, what }).map_err(|_| Unwanted)
    }
}

/// A request's number as the scheduler knows it.
pub(super) fn sequence(id: RequestId) -> SeqId {
    SeqId(id.0.into())
}
