//! A target at a server, and what it delivers.

use crate::server::Server;
use mtok::clock::{Clock, FakeClock};
use mtok::engine::sampler::SamplerParams;
use mtok::engine::stop::StopRules;
use mtok::record::{Failure, Finish, Moment, RequestId, Usage};
use mtok::target::http::{Extras, Http, HttpOptions};
use mtok::target::{Delivery, Prompt, Request, Target, What};
use mtok::units::Tokens;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Options that ask the server nothing beforehand.
pub(crate) fn options(server: &Server) -> HttpOptions {
    HttpOptions {
        model: Some("m".to_owned()),
        extras: Some(Extras { include_usage: true, ..Extras::default() }),
        workers: NonZeroUsize::new(1),
        ..HttpOptions::new(&server.url)
    }
}

/// A request for some text, of at most so many tokens.
pub(crate) fn request(id: u32, prompt: impl Into<Prompt>, output: u64) -> Request {
    let stop = StopRules::at_most(Tokens(output));
    Request::of(RequestId(id), prompt.into(), Tokens(1), SamplerParams::GREEDY, stop)
}

pub(crate) fn text(text: &str) -> Prompt {
    Prompt::Text(text.to_owned())
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Moment,
    /// When each chunk came.
    pub(crate) chunks: Vec<Moment>,
    /// What the chunks hold, where every delivery told.
    pub(crate) counts: Option<Vec<u32>>,
    pub(crate) done: Moment,
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
    pub(crate) text: Option<String>,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn failure(&self) -> &Failure {
        let Finish::Failed(failure) = &self.finish else { panic!("no failure: {self:?}") };
        failure
    }
}

/// A clock on which every look takes a second.
#[derive(Default)]
pub(crate) struct Looks(AtomicU64);

impl Clock for Looks {
    fn now(&self) -> Moment {
        Moment(self.0.fetch_add(1_000_000_000, Ordering::SeqCst))
    }

    fn sleep_until(&self, _: Moment) {}
}

/// A target and its inbox.
pub(crate) struct Rig {
    pub(crate) http: Http,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) to: Sender<Delivery>,
    pub(crate) inbox: Receiver<Delivery>,
}

impl Rig {
    pub(crate) fn at(server: &Server) -> Self {
        Self::with(&options(server))
    }

    pub(crate) fn with(options: &HttpOptions) -> Self {
        let clock = Arc::new(FakeClock::default());
        let theirs: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let http = Http::open(options, theirs).unwrap();
        let (to, inbox) = channel();
        Self { http, clock, to, inbox }
    }

    pub(crate) fn submit(&self, request: Request) {
        self.http.submit(request, self.to.clone()).unwrap();
    }

    /// Sends one request and waits for its end.
    pub(crate) fn ask(&self, request: Request) -> Outcome {
        let id = request.id;
        self.submit(request);
        self.outcome(id)
    }

    /// Waits for the end of a request that is alone.
    #[track_caller]
    pub(crate) fn outcome(&self, id: RequestId) -> Outcome {
        let mut deliveries = Vec::new();
        loop {
            let delivery = self.inbox.recv_timeout(PATIENCE).expect("a delivery in time");
            assert_eq!(delivery.id, id);
            let over = matches!(delivery.what, What::Done { .. });
            deliveries.push(delivery);
            if over {
                return outcome(deliveries);
            }
        }
    }
}

/// The deliveries of one request, which must be in order and whole.
#[track_caller]
pub(crate) fn outcome(deliveries: Vec<Delivery>) -> Outcome {
    let mut deliveries = deliveries.into_iter();
    let first = deliveries.next().expect("a delivery");
    assert_eq!(first.what, What::Sent, "the first delivery");
    let (mut chunks, mut counts, mut told) = (Vec::new(), Vec::new(), true);
    while let Some(Delivery { at: when, what, .. }) = deliveries.next() {
        match what {
            What::Chunks { at, counts: here } => {
                assert_eq!(at.last(), Some(&when));
                chunks.extend(at);
                told &= here.is_some();
                counts.extend(here.unwrap_or_default());
            }
            What::Done { finish, usage, said } => {
                let text = said.map(|said| said.text);
                assert_eq!(deliveries.next(), None, "something after the end");
                assert!(
                    chunks.is_sorted() && chunks.iter().all(|at| first.at <= *at && *at <= when)
                );
                let counts = told.then_some(counts);
                return Outcome { sent: first.at, chunks, counts, done: when, finish, usage, text };
            }
            other => panic!("{other:?} of a server"),
        }
    }
    panic!("no end");
}
