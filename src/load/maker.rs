//! Makes requests ahead of their time, on a thread of its own: a prompt takes time to make, and what
//! is due must not wait for the prompt of what is not.
//!
//! Invariant: sessions are made in the order of the plan, as many ahead as were asked for; a later turn
//! is made once what was said before it is known.

use super::error::DriverError;
use super::priority::step_back;
use crate::record::Moment;
use crate::target::{Prompt, Request};
use crate::workload::{Plan, Session, Turn};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::Scope;

/// What was said in a conversation before a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The whole prompt of the turn before: it holds what was said before that.
    pub prompt: Prompt,
    /// The answer to it.
    pub answer: Answer,
}

/// An answer, as far as the target tells it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Of an engine in this process: its tokens.
    Ids(Vec<u32>),
    /// Of a server: its text.
    Text(String),
}

/// Makes the request of a turn, after what was said before.
pub(super) type Make<'a> = dyn Fn(&Turn, Option<Past>) -> Request + Sync + 'a;

/// What the maker is to do next.
pub(super) enum Want {
    /// The first turn of the next session.
    Session,
    /// A later turn, due then.
    Turn { session: Arc<Session>, index: usize, past: Past, due: Moment },
}

/// A request, ready to be sent.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) session: Arc<Session>,
    /// Which of the session's turns.
    pub(super) index: usize,
    /// Of a later turn, when it is due.
    pub(super) due: Option<Moment>,
}

impl Made {
    /// Whether another turn follows.
    pub(super) fn has_next(&self) -> bool {
        self.index + 1 < self.session.turns.len()
    }
}

/// The way to the maker and back.
pub(super) struct Makes {
    wants: Sender<Want>,
    made: Receiver<Option<Made>>,
    over: bool,
    /// First turns that are wanted and not here yet.
    sessions: usize,
    /// Later turns, likewise.
    turns: usize,
}

impl Makes {
    /// Starts the maker, which ends when this is dropped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        plan: &'scope Plan,
        make: &'scope Make<'scope>,
    ) -> Result<Self, DriverError> {
        let (wants, wanted) = channel();
        let (to, made) = channel();
        std::thread::Builder::new()
            .name("maker".to_owned())
            .spawn_scoped(scope, move || {
                step_back();
                serve(plan.sessions(), make, &wanted, &to);
            })
            .map_err(|_| DriverError::NoMaker)?;
        Ok(Self { wants, made, over: false, sessions: 0, turns: 0 })
    }

    /// Has so many first turns made, or all that there are.
    ///
    /// # Errors
    /// Where the maker is gone.
    pub(super) fn first(&mut self, count: u32) -> Result<Vec<Made>, DriverError> {
        self.keep_ahead(0, count);
        let mut first = Vec::new();
        while self.sessions > 0 && !self.over {
            first.extend(self.wait()?);
        }
        Ok(first)
    }

    /// Asks for something. A maker that is gone is noticed where its work is missed.
    pub(super) fn want(&mut self, want: Want) {
        match want {
            Want::Session => self.sessions += 1,
            Want::Turn { .. } => self.turns += 1,
        }
        let _ = self.wants.send(want);
    }

    /// What is made next; `None`: there are no more sessions.
    ///
    /// # Errors
    /// Where the maker is gone.
    pub(super) fn wait(&mut self) -> Result<Option<Made>, DriverError> {
        let made = self.made.recv().map_err(|_| DriverError::NoMaker)?;
        Ok(self.here(made))
    }

    fn here(&mut self, made: Option<Made>) -> Option<Made> {
        match &made {
            Some(Made { due: Some(_), .. }) => self.turns -= 1,
            Some(Made { due: None, .. }) => self.sessions -= 1,
            None => self.over = true,
        }
        made
    }

    /// Has as many first turns made as are wanting, of which so many are at hand.
    pub(super) fn keep_ahead(&mut self, at_hand: usize, ahead: u32) {
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        while !self.over && at_hand + self.sessions < ahead {
            self.want(Want::Session);
        }
    }

    /// Whether a later turn is being made.
    pub(super) fn makes_turns(&self) -> bool {
        self.turns > 0
    }

    /// What was made and not taken yet.
    ///
    /// # Errors
    /// Where the maker is gone.
    pub(super) fn take(&mut self) -> Result<Vec<Made>, DriverError> {
        let mut all = Vec::new();
        loop {
            match self.made.try_recv() {
                Ok(made) => all.extend(self.here(made)),
                Err(TryRecvError::Empty) => return Ok(all),
                Err(TryRecvError::Disconnected) => return Err(DriverError::NoMaker),
            }
        }
    }

    /// Whether the plan has no more sessions.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

/// Does what is wanted until nobody wants anything more. `None` is handed over once where the plan has
/// no more sessions.
fn serve(
    sessions: impl Iterator<Item = Session>,
    make: &Make<'_>,
    wants: &Receiver<Want>,
    to: &Sender<Option<Made>>,
) {
    let mut sessions = sessions.filter(|session| !session.turns.is_empty()).fuse();
    let mut over = false;
    for want in wants {
        let made = match want {
            Want::Session => match sessions.next() {
                Some(session) => {
                    let request = make(&session.turns[0], None);
                    Some(Made { request, session: Arc::new(session), index: 0, due: None })
                }
                None if over => continue,
                None => {
                    over = true;
                    None
                }
            },
            Want::Turn { session, index, past, due } => {
                let request = make(&session.turns[index], Some(past));
                Some(Made { request, session, index, due: Some(due) })
            }
        };
        if to.send(made).is_err() {
            return;
        }
    }
}
