//! Any server that speaks OpenAI's API.
//!
//! A request is made ready by whoever submits it, and handed to the worker of the least load: a
//! thread with a runtime and connections of its own (`worker`). What comes is stamped when the network
//! gives it, parsed (`sse`, `chunk`), judged (`answer`) and delivered (`flow`).
//!
//! Invariant: what is counted is what the server says, and what it doesn't say is unknown: a chunk is
//! no token, an answer in one piece has no first token. Failures have their kind, and none is
//! dropped. Guarded by `tests/http_target.rs`, which plays a server that does everything wrong.
//!
//! Deliberately absent: a second try. A request that was answered and failed is a failure; hiding it
//! would hide what its users see. (A connection that turns out to be closed before any of an answer
//! came is replaced, as browsers do it: servers close what they keep open without saying so.)

mod address;
mod answer;
mod body;
mod chunk;
mod client;
mod discover;
mod error;
mod exchange;
mod failure;
mod flow;
mod gauge;
mod options;
mod sse;
mod trouble;
mod worker;

pub use discover::{Discovery, Software};
pub use error::HttpError;
pub use options::{Endpoint, Extras, HttpOptions, Patience, Protocol, Recount};

use super::{Delivery, Prompt, Request, Target, TargetError};
use crate::clock::Clock;
use crate::record::{Failure, FailureKind, RequestId, Server};
use crate::secret::shown;
use crate::units::Seconds;
use address::Address;
use body::Form;
use flow::{Common, Flow};
use reqwest::{Body, Method};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use worker::{Ask, Job, Order, Reply, Wire, Worker, least_loaded};

/// Threads, unless more are asked for: each bears far more than the streams of one GPU.
const WORKERS_MAX: usize = 8;

/// How long a question that is no request for tokens may take.
const ASK: Seconds = Seconds(30.0);

/// A server that speaks OpenAI's API.
pub struct Http {
    address: Address,
    form: Form,
    discovery: Discovery,
    common: Arc<Common>,
    /// Not empty.
    workers: Vec<Worker>,
}

impl Http {
    /// Starts the workers, and asks the server what it is: which models it has, which software it
    /// runs. It isn't asked where options say both.
    ///
    /// # Errors
    /// Where the options make no sense, or the server can't be reached or doesn't say which model to
    /// ask for.
    pub fn open(options: &HttpOptions, clock: Arc<dyn Clock>) -> Result<Self, HttpError> {
        let address = Address::parse(&options.base_url)?;
        let secrets = client::secrets(options, &address);
        let common = Arc::new(Common { clock, secrets, recount: options.recount.clone() });
        let form = Form {
            endpoint: options.endpoint,
            model: options.model.clone().unwrap_or_default(),
            streaming: options.streaming,
            extras: options.extras.clone().unwrap_or_default(),
        };
        let workers = (0..workers(options))
            .map(|number| {
                let wire = Wire {
                    client: client::client(options, &address)?,
                    form: reqwest::Request::new(Method::POST, address.api(form.endpoint.path())),
                    streaming: form.streaming,
                    patience: options.patience,
                    common: Arc::clone(&common),
                };
                Worker::start(format!("http {number}"), wire).map_err(HttpError::Thread)
            })
            .collect::<Result<_, _>>()?;
        let discovery = Discovery::default();
        let mut http = Self { address, form, discovery, common, workers };
        if options.model.is_none() || options.extras.is_none() {
            let (model, discovery) = discover::discover(&http, options.model.as_deref())?;
            http.form.model = model;
            if options.extras.is_none() {
                http.form.extras = Extras::of(discovery.software);
            }
            http.discovery = discovery;
        }
        Ok(http)
    }

    /// What was found out about the server.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The model that is asked for.
    pub fn model(&self) -> &str {
        &self.form.model
    }

    /// What is sent beyond the API.
    pub fn extras(&self) -> &Extras {
        &self.form.extras
    }

    /// The server, for the head of a run record.
    pub fn server(&self) -> Server {
        self.address.server(self.form.endpoint)
    }

    fn is_openai(&self) -> bool {
        self.address.is_openai()
    }

    /// An address of the API without what may be secret.
    fn shown(&self, path: &str) -> String {
        shown(self.address.api(path).as_str())
    }

    fn get(&self, path: &str) -> Result<Reply, HttpError> {
        self.ask(reqwest::Request::new(Method::GET, self.address.api(path)))
    }

    fn get_root(&self, path: &str) -> Result<Reply, HttpError> {
        self.ask(reqwest::Request::new(Method::GET, self.address.root(path)))
    }

    fn post(&self, path: &str, body: Vec<u8>) -> Result<Reply, HttpError> {
        let mut request = reqwest::Request::new(Method::POST, self.address.api(path));
        *request.body_mut() = Some(Body::from(body));
        self.ask(request)
    }

    /// Asks something and waits for the answer.
    fn ask(&self, request: reqwest::Request) -> Result<Reply, HttpError> {
        let url = shown(request.url().as_str());
        let (reply, answer) = channel();
        let order = Order::Ask(Box::new(Ask { request, time_out: ASK.to_std(), reply }));
        let gone = || HttpError::Unreachable { url: url.clone(), reason: GONE.to_owned() };
        let worker = least_loaded(&self.workers).ok_or_else(gone)?;
        worker.order(order).map_err(|_| gone())?;
        let result = answer.recv().map_err(|_| gone())?;
        result.map_err(|Failure { kind, status, reason, .. }| match (status, kind) {
            (Some(status), _) => HttpError::Status { url, status, reason },
            (None, FailureKind::Malformed) => HttpError::Malformed { url, reason },
            (None, _) => HttpError::Unreachable { url, reason },
        })
    }
}

/// Why a worker takes no order.
const GONE: &str = "the client's thread has ended";

fn workers(options: &HttpOptions) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    options.workers.map_or(cores.min(WORKERS_MAX), NonZeroUsize::get)
}

impl Target for Http {
    fn submit(&self, request: Request, to: Sender<Delivery>) -> Result<(), TargetError> {
        let empty = match &request.prompt {
            Prompt::Ids(ids) => ids.is_empty(),
            Prompt::Text(text) => text.is_empty(),
            Prompt::Messages(messages) => messages.is_empty(),
        };
        if empty {
            return Err(TargetError::EmptyPrompt);
        }
        let body = self.form.body(&request)?;
        let stopped = || TargetError::Stopped { reason: GONE.to_owned() };
        let worker = least_loaded(&self.workers).ok_or_else(stopped)?;
        let Request { id, stop, keep_text, .. } = request;
        let flow = Flow::new(id, to, &self.common, stop.max_tokens, keep_text, worker.load());
        match worker.order(Order::Serve(Box::new(Job { flow, body }))) {
            Ok(()) => Ok(()),
            Err(order) => {
                if let Order::Serve(mut job) = order {
                    job.flow.disown();
                }
                Err(stopped())
            }
        }
    }

    fn cancel(&self, id: RequestId) {
        for worker in &self.workers {
            // One that has ended has ended its requests.
            let _ = worker.order(Order::Cancel(id));
        }
    }

    /// `vLLM 0.11.0 at http://127.0.0.1:8000/v1/chat/completions`.
    fn describe(&self) -> String {
        format!("{} at {}", self.discovery, self.shown(self.form.endpoint.path()))
    }
}
