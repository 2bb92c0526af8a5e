//! What comes of one request, from its acceptance to its end.
//!
//! Invariant: its consumer gets one `Sent` first and one `Done` last, whatever becomes of the request:
//! [`Flow::end`] is the only way to a `Done`, it works once, and dropping the flow calls it. So a task
//! that panics, is given up, or never begins still ends its request. Guarded by the property test in
//! `tests/http_target/hail.rs`.
//!
//! What comes is delivered at most every [`super::worker::FLUSH`]; between, a chunk costs one look at
//! the clock and one number in a buffer that is there; `tests/http_allocations.rs` counts what is
//! allocated.

use super::answer::{Answer, Batch, Closed, Keep};
use super::failure::reason;
use super::options::Recount;
use crate::clock::Clock;
use crate::record::{Failure, FailureKind, Finish, Moment, RequestId};
use crate::secret::Secrets;
use crate::target::{Delivery, What};
use crate::units::{Seconds, Tokens};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

/// Chunks that a flow has room for from the beginning: more than come between two deliveries.
const CHUNKS: usize = 256;

/// What all flows of a target share.
pub(super) struct Common {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secrets: Secrets,
    pub(super) recount: Option<Recount>,
}

/// A request under way.
pub(super) struct Flow {
    pub(super) id: RequestId,
    to: Sender<Delivery>,
    common: Arc<Common>,
    /// Output tokens asked for.
    asked: Tokens,
    /// When it was sent; taken once that is delivered.
    sent: Option<Moment>,
    told: bool,
    /// When anything came last, or it was sent.
    heard: Moment,
    /// Whether anything came.
    answered: bool,
    batch: Batch,
    answer: Answer,
    over: bool,
    /// The requests of its worker.
    load: Arc<AtomicUsize>,
}

impl Flow {
    /// Begins one; counts as its worker's load until it ends.
    pub(super) fn new(
        id: RequestId,
        to: Sender<Delivery>,
        common: &Arc<Common>,
        asked: Tokens,
        keep_text: bool,
        load: &Arc<AtomicUsize>,
    ) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        let keep = Keep { answer: keep_text, output: common.recount.is_some() };
        let batch = Batch { at: Vec::with_capacity(CHUNKS), counts: Vec::with_capacity(CHUNKS) };
        Self {
            id,
            to,
            common: Arc::clone(common),
            asked,
            sent: None,
            told: false,
            heard: Moment::default(),
            answered: false,
            batch,
            answer: Answer::new(keep),
            over: false,
            load: Arc::clone(load),
        }
    }

    /// It goes out now.
    pub(super) fn send(&mut self) {
        let now = self.common.clock.now();
        self.sent = Some(now);
        self.heard = now;
    }

    /// The head of an answer came.
    pub(super) fn hear(&mut self) {
        self.heard = self.common.clock.now();
        self.answered = true;
    }

    /// Bytes of a stream came, now. With the moment of its end, where they hold it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Moment> {
        let now = self.common.clock.now();
        self.heard = now;
        self.answer.feed(bytes, now, &mut self.batch).then_some(now)
    }

    /// The stream ended without a mark of its end.
    pub(super) fn take_end(&mut self) {
        let now = self.common.clock.now();
        self.answer.finish(now, &mut self.batch);
        self.close(now);
    }

    /// The answer came, in one piece.
    pub(super) fn take_whole(&mut self, body: &[u8]) {
        let now = self.common.clock.now();
        self.answer.whole(body);
        self.close(now);
    }

    /// Delivers what came. False: nobody listens.
    pub(super) fn flush(&mut self) -> bool {
        if self.over {
            return true;
        }
        let mut listens = true;
        if let Some(at) = self.sent.take() {
            self.told = true;
            listens = self.tell(at, What::Sent);
        }
        if let Some(&last) = self.batch.at.last() {
            let Batch { at, counts } = &mut self.batch;
            // Copies of the right size: the buffers stay, with their room.
            let counted = (counts.len() == at.len()).then(|| counts.clone());
            let what = What::Chunks { at: at.clone(), counts: counted };
            at.clear();
            counts.clear();
            listens &= self.tell(last, what);
        }
        listens
    }

    /// How long it has been silent, and whether it has answered before.
    pub(super) fn silence(&self, now: Moment) -> Option<(Seconds, bool)> {
        let waits = !self.over && (self.told || self.sent.is_some());
        waits.then(|| (now.since(self.heard), self.answered))
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Ends it as the answer says.
    pub(super) fn close(&mut self, at: Moment) {
        let closed = self.answer.close(self.asked);
        self.end_with(at, closed);
    }

    /// Ends it in a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.end(Finish::Failed(failure));
    }

    /// Ends it now, however far it has come; only the first end counts.
    pub(super) fn end(&mut self, finish: Finish) {
        let at = self.common.clock.now();
        let closed = Closed { finish, ..self.answer.close(self.asked) };
        self.end_with(at, closed);
    }

    fn end_with(&mut self, at: Moment, closed: Closed) {
        if self.over {
            return;
        }
        if !self.told {
            // One that ends before it could be sent has no better moment.
            self.sent.get_or_insert(at);
        }
        self.flush();
        self.over = true;
        self.load.fetch_sub(1, Ordering::Relaxed);
        let Closed { mut finish, mut usage, said, output } = closed;
        if let Finish::Failed(failure) = &mut finish {
            failure.reason = reason(&failure.reason, &self.common.secrets);
        }
        if let (Some(recount), Some(output)) = (&self.common.recount, output) {
            // It is not ours: where it panics, the request ends all the same, uncounted.
            let counted = catch_unwind(AssertUnwindSafe(|| recount(&output)));
            usage.recounted = counted.unwrap_or_default();
        }
        self.tell(at, What::Done { finish, usage, said });
    }

    /// Forgets it without a word: it was never accepted.
    pub(super) fn disown(&mut self) {
        if !self.over {
            self.over = true;
            self.load.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn tell(&self, at: Moment, what: What) -> bool {
        self.to.send(Delivery { id: self.id, at, what }).is_ok()
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.end(if std::thread::panicking() {
            let reason = "the client's task panicked";
            Finish::Failed(Failure::new(FailureKind::BrokenStream, reason))
        } else {
            Finish::Cancelled
        });
    }
}
