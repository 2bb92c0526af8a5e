//! The threads that send and receive.
//!
//! Each has a runtime, a client and a pool of connections of its own, so that nothing that is done
//! for a chunk waits for another thread. It takes orders from a channel; what comes is delivered for
//! all its requests together, a few times in a tenth of a second, so that whoever takes it is woken
//! seldom. The end of a request is delivered at once.

use super::exchange::{Held, exchange};
use super::failure::{Stage, of_client, of_status};
use super::flow::{Common, Flow};
use super::options::Patience;
use crate::record::{Failure, FailureKind, Finish, RequestId};
use crate::units::Seconds;
use reqwest::{Body, Client, Request};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

/// How long what came may lie here undelivered. A run that is killed loses no more than this and what
/// its journal holds back.
pub(super) const FLUSH: Duration = Duration::from_millis(40);

/// The most of an answer to a question, rather than a request for tokens.
const REPLY_BYTES_MAX: usize = 8 << 20;

/// What a worker is told to do.
pub(super) enum Order {
    /// Send a request for tokens.
    Serve(Box<Job>),
    /// Give one up.
    Cancel(RequestId),
    /// Ask something else.
    Ask(Box<Ask>),
}

/// A request for tokens.
pub(super) struct Job {
    pub(super) flow: Flow,
    pub(super) body: Vec<u8>,
}

/// A question and where its answer goes.
pub(super) struct Ask {
    pub(super) request: Request,
    pub(super) time_out: Duration,
    pub(super) reply: mpsc::Sender<Result<Reply, Failure>>,
}

/// An answer to a question.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    /// The `Server` header.
    pub(super) server: Option<String>,
}

/// What a worker works with.
pub(super) struct Wire {
    pub(super) client: Client,
    /// Every request for tokens but its body.
    pub(super) form: Request,
    pub(super) streaming: bool,
    pub(super) patience: Patience,
    pub(super) common: Arc<Common>,
}

/// A thread that sends and receives.
pub(super) struct Worker {
    orders: Option<UnboundedSender<Order>>,
    load: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts one.
    ///
    /// # Errors
    /// Where the system gives no thread, or no means to wait for a network.
    pub(super) fn start(name: String, wire: Wire) -> std::io::Result<Self> {
        let (orders, inbox) = unbounded_channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let mut runtime = Builder::new_current_thread();
            match runtime.enable_io().enable_time().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(serve(wire, inbox));
                    // A name that is being looked up is not waited for.
                    runtime.shutdown_background();
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        })?;
        // A thread that ends without a word has panicked.
        started.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))?;
        Ok(Self { orders: Some(orders), load: Arc::default(), thread: Some(thread) })
    }

    /// Its requests that have not ended.
    pub(super) fn load(&self) -> &Arc<AtomicUsize> {
        &self.load
    }

    /// Hands over an order, or gives it back where the thread has ended.
    pub(super) fn order(&self, order: Order) -> Result<(), Order> {
        match &self.orders {
            Some(orders) => orders.send(order).map_err(|refused| refused.0),
            None => Err(order),
        }
    }
}

/// What is under way is cancelled.
impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Its requests have ended by themselves if it panicked.
            let _ = thread.join();
        }
    }
}

/// The worker of the least load.
pub(super) fn least_loaded(workers: &[Worker]) -> Option<&Worker> {
    workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed))
}

/// A request that has not ended, as far as the worker knows.
struct Active {
    flow: Rc<RefCell<Flow>>,
    task: AbortHandle,
}

async fn serve(wire: Wire, mut inbox: UnboundedReceiver<Order>) {
    let wire = Rc::new(wire);
    let mut active: Vec<Active> = Vec::new();
    let mut tick = tokio::time::interval(FLUSH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            order = inbox.recv() => match order {
                Some(Order::Serve(job)) => active.extend(begin(&wire, *job)),
                Some(Order::Cancel(id)) => {
                    for it in active.iter().filter(|it| it.flow.borrow().id == id) {
                        give_up(it, Finish::Cancelled);
                    }
                }
                Some(Order::Ask(ask)) => {
                    let wire = Rc::clone(&wire);
                    tokio::task::spawn_local(async move { answer(&wire, *ask).await });
                }
                None => break,
            },
            _ = tick.tick(), if !active.is_empty() => look_after(&wire, &mut active),
        }
    }
    for it in &active {
        give_up(it, Finish::Cancelled);
    }
}

fn begin(wire: &Rc<Wire>, job: Job) -> Option<Active> {
    let Job { mut flow, body } = job;
    let Some(mut request) = wire.form.try_clone() else {
        flow.fail(Failure::new(FailureKind::Malformed, "the request can't be made"));
        return None;
    };
    *request.body_mut() = Some(Body::from(body));
    let flow = Rc::new(RefCell::new(flow));
    let held = Held::new(&flow);
    let task = tokio::task::spawn_local(exchange(Rc::clone(wire), request, held));
    Some(Active { flow, task: task.abort_handle() })
}

/// Delivers what came, gives up what was silent for too long, forgets what has ended.
fn look_after(wire: &Wire, active: &mut Vec<Active>) {
    active.retain(|it| !it.flow.borrow().is_over());
    let now = wire.common.clock.now();
    for it in active {
        let mut flow = it.flow.borrow_mut();
        let listens = flow.flush();
        let silence = flow.silence(now);
        drop(flow);
        if !listens {
            give_up(it, Finish::Cancelled);
        } else if let Some((silence, answered)) = silence {
            let Patience { first, silence: next, .. } = wire.patience;
            let patience = if answered { next } else { first };
            if silence > patience {
                give_up(it, Finish::Failed(silent(patience, answered)));
            }
        }
    }
}

fn silent(patience: Seconds, answered: bool) -> Failure {
    let what = if answered { "the answer stopped: nothing" } else { "nothing" };
    Failure::new(FailureKind::TimeOut, format!("{what} came for {patience}"))
}

/// Ends a request now; its task goes with the connection.
fn give_up(it: &Active, finish: Finish) {
    it.flow.borrow_mut().end(finish);
    it.task.abort();
}

/// Asks, and hands the answer over. Where nobody waits for it any more, nobody misses it.
async fn answer(wire: &Wire, ask: Ask) {
    let Ask { request, time_out, reply } = ask;
    let late = || Failure::new(FailureKind::TimeOut, "no answer came in time");
    let result = tokio::time::timeout(time_out, inquire(wire, request)).await;
    let _ = reply.send(result.unwrap_or_else(|_| Err(late())));
}

async fn inquire(wire: &Wire, request: Request) -> Result<Reply, Failure> {
    let secrets = &wire.common.secrets;
    let sent = wire.client.execute(request).await;
    let mut response = sent.map_err(|error| of_client(error, Stage::Asking, secrets))?;
    let server = response.headers().get(reqwest::header::SERVER);
    let server = server.and_then(|name| name.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| of_client(error, Stage::Reading, secrets))? {
            Some(bytes) => body.extend_from_slice(&bytes),
            None => break,
        }
        if body.len() > REPLY_BYTES_MAX {
            return Err(Failure::new(FailureKind::Malformed, "the answer is too long"));
        }
    }
    if response.status().is_success() {
        Ok(Reply { body, server })
    } else {
        Err(of_status(response.status(), response.headers(), &body, secrets))
    }
}
