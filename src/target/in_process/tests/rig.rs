//! A model that adds, in a paged cache of its own: what it says depends on what lies in the blocks.

use super::*;
use crate::clock::FakeClock;
use crate::engine::sampler::SamplerParams;
use crate::engine::stop::StopRules;
use crate::engine::{Detokenize, EngineError, Logits, Piece};
use crate::target::What;
use crate::units::Seconds;
use std::sync::mpsc::{Receiver, channel};

pub(super) const VOCABULARY: u32 = 18;
pub(super) const CONTEXT: usize = 2_000;
/// Ends a sequence.
pub(super) const EOS: u32 = 7;
/// Make the model panic, fail, give no number, and lose a row.
pub(super) const PANIC: u32 = 14;
pub(super) const FAIL: u32 = 15;
pub(super) const NAN: u32 = 16;
pub(super) const LOSE: u32 = 17;

/// The next token is the sum of all so far, in 1..14; each token takes a millisecond.
struct Adder {
    capacity: Capacity,
    /// The token in each place of each block.
    cache: Vec<Vec<Option<u32>>>,
    clock: Arc<FakeClock>,
    /// One message lets one step through; without a sender all pass.
    gate: Option<Receiver<()>>,
    /// Told of each step that begins, with its pieces.
    begun: Sender<usize>,
}

/// The token that follows.
pub(super) fn next(tokens: &[u32]) -> u32 {
    tokens.iter().sum::<u32>() % 13 + 1
}

/// What follows a prompt when nothing else is asked for.
pub(super) fn alone(prompt: &[u32], output: usize) -> Vec<u32> {
    let mut tokens = prompt.to_vec();
    for _ in 0..output {
        tokens.push(next(&tokens));
    }
    tokens.split_off(prompt.len())
}

impl Adder {
    /// Writes a piece and reads its sequence back, from its beginning.
    fn sequence(&mut self, piece: &Piece<'_>) -> Vec<u32> {
        let size = self.capacity.block_size as usize;
        let place = |at: usize| (piece.blocks[at / size] as usize, at % size);
        for (&token, at) in piece.tokens.iter().zip(piece.start..) {
            let (block, slot) = place(at);
            self.cache[block][slot] = Some(token);
        }
        let all = 0..piece.start + piece.tokens.len();
        let read = |at| {
            let (block, slot) = place(at);
            self.cache[block][slot].expect("a place that was never written is read")
        };
        all.map(read).collect()
    }
}

impl Engine for Adder {
    fn step(&mut self, pieces: &[Piece<'_>]) -> Result<Logits, EngineError> {
        let _ = self.begun.send(pieces.len());
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        let has = |token| pieces.iter().any(|piece| piece.tokens.contains(&token));
        assert!(!has(PANIC), "a token that panics");
        if has(FAIL) {
            return Err(EngineError::Position { tokens: 0, position: 0, held: 0 });
        }
        let mut logits = Logits { numbers: Vec::new(), vocabulary: VOCABULARY as usize };
        for piece in pieces {
            let tokens = self.sequence(piece);
            let millis = u32::try_from(piece.tokens.len()).unwrap();
            self.clock.advance(Seconds(f64::from(millis) * 1e-3));
            let logit = |id| match id {
                _ if tokens.contains(&NAN) => f32::NAN,
                PANIC.. => f32::NEG_INFINITY,
                id if id == next(&tokens) => 2.0,
                _ => 0.0,
            };
            if piece.logits && !has(LOSE) {
                logits.numbers.extend((0..VOCABULARY).map(logit));
            }
        }
        Ok(logits)
    }

    fn copy_blocks(&mut self, copies: &[(u32, u32)]) -> Result<(), EngineError> {
        for &(from, to) in copies {
            self.cache[to as usize] = self.cache[from as usize].clone();
        }
        Ok(())
    }

    fn capacity(&self) -> Capacity {
        self.capacity
    }

    fn describe(&self) -> String {
        "an adder".to_owned()
    }
}

/// Token 3 is `d`, …; token 13 is half a character.
pub(super) struct Letters {
    half: bool,
}

pub(super) fn letters() -> Box<dyn Detokenize> {
    Box::new(Letters { half: false })
}

impl Detokenize for Letters {
    fn push(&mut self, token: u32) -> Result<String, EngineError> {
        self.half = token == 13;
        let letter = char::from(b'a' + u8::try_from(token).unwrap());
        Ok(if self.half { String::new() } else { letter.to_string() })
    }

    fn finish(&mut self) -> String {
        if self.half { "\u{fffd}".to_owned() } else { String::new() }
    }
}

/// One sequence at a time.
pub(super) const ONE: Capacity = Capacity {
    vocabulary: VOCABULARY as usize,
    context: CONTEXT,
    blocks: 500,
    block_size: 4,
    sequences: 1,
    step_tokens: 512,
};
pub(super) const MANY: Capacity = Capacity { sequences: 8, ..ONE };

/// A target, the gate of its engine, and word of each step that the engine begins.
pub(super) struct Rig {
    pub(super) target: InProcess,
    pub(super) begun: Receiver<usize>,
}

pub(super) fn rig(capacity: Capacity, gate: Option<Receiver<()>>, serving: Serving) -> Rig {
    let clock = Arc::new(FakeClock::default());
    let cache = vec![vec![None; capacity.block_size as usize]; capacity.blocks as usize];
    let (begun_to, begun) = channel();
    let engine = Adder { capacity, cache, clock: Arc::clone(&clock), gate, begun: begun_to };
    let target = InProcess::start(Box::new(engine), vec![EOS], clock, serving).unwrap();
    Rig { target, begun }
}

pub(super) fn start(capacity: Capacity) -> InProcess {
    rig(capacity, None, Serving::default()).target
}

pub(super) fn request(id: u32, prompt: &[u32], output: u64) -> Request {
    let stop = StopRules::exactly(Tokens(output));
    Request::new(RequestId(id), prompt.to_vec(), SamplerParams::GREEDY, stop)
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<u32> {
    let id = |one: &Delivery| match one.what {
        What::Token { id, .. } => Some(id),
        _ => None,
    };
    deliveries.iter().filter_map(id).collect()
}

pub(super) fn text(deliveries: &[Delivery]) -> String {
    let text = |one: &Delivery| match &one.what {
        What::Token { text, .. } => text.clone(),
        _ => None,
    };
    deliveries.iter().filter_map(text).collect()
}

/// How it ended, with what count; checks that it ended once, and last.
#[track_caller]
pub(super) fn end(deliveries: &[Delivery]) -> (Finish, u64) {
    let is_done = |one: &&Delivery| matches!(one.what, What::Done { .. });
    assert_eq!(deliveries.iter().filter(is_done).count(), 1, "{deliveries:?}");
    match &deliveries.last().unwrap().what {
        What::Done { finish, usage, .. } => {
            let output = usage.output.unwrap();
            assert_eq!(output.0, ids(deliveries).len() as u64);
            (finish.clone(), output.0)
        }
        other => panic!("{other:?} after the end"),
    }
}

/// Sends a request; what comes of it can be read from what is returned.
pub(super) fn send(target: &InProcess, request: Request) -> Receiver<Delivery> {
    let (to, from) = channel();
    target.submit(request, to).unwrap();
    from
}

/// Serves one request alone.
pub(super) fn serve(target: &InProcess, request: Request) -> Vec<Delivery> {
    send(target, request).iter().collect()
}
