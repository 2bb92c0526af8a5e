//! One request and its answer, over the wire.

use super::failure::{Stage, of_client, of_status, was_closed};
use super::flow::Flow;
use super::worker::Wire;
use crate::record::{Failure, FailureKind, Finish};
use crate::secret::Secrets;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Request, Response};
use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

/// How much of an error's body is read.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// How much of an answer in one piece is read: far above any output.
const WHOLE_BYTES_MAX: usize = 64 << 20;

/// So many connections that were kept may turn out to be closed before a request counts as failed.
const STALE_MAX: u32 = 2;

/// How long the last bytes of a stream are waited for, after the mark of its end: they give the
/// connection back. The end has its moment already.
const LAST: Duration = Duration::from_millis(20);

/// A flow in a task's hands: ends with the task, also where the task is dropped or panics.
pub(super) struct Held(Rc<RefCell<Flow>>);

impl Held {
    pub(super) fn new(flow: &Rc<RefCell<Flow>>) -> Self {
        Self(Rc::clone(flow))
    }

    /// Never across an `await`: the worker looks at the flow then.
    fn flow(&self) -> RefMut<'_, Flow> {
        self.0.borrow_mut()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Borrowed only while a panic comes up from within it; then the flow ends where it is dropped.
        if let Ok(mut flow) = self.0.try_borrow_mut()
            && !flow.is_over()
        {
            flow.end(if std::thread::panicking() {
                let reason = "the client's task panicked";
                Finish::Failed(Failure::new(FailureKind::BrokenStream, reason))
            } else {
                Finish::Cancelled
            });
        }
    }
}

/// Sends a request and sees its answer to the end.
pub(super) async fn exchange(wire: Rc<Wire>, request: Request, held: Held) {
    let (streaming, secrets) = (wire.streaming, &wire.common.secrets);
    let mut response = match ask(&wire, request, &held).await {
        Ok(response) => response,
        Err(error) => {
            let failure = of_client(error, Stage::Asking, secrets);
            return held.flow().fail(failure);
        }
    };
    held.flow().hear();
    if !response.status().is_success() {
        let (status, headers) = (response.status(), response.headers().clone());
        // What can't be read of an error doesn't change the status.
        let (body, _) = piece(&mut response, ERROR_BYTES_MAX).await;
        let failure = of_status(status, &headers, &body, secrets);
        return held.flow().fail(failure);
    }
    if streaming && !is_json(&response) {
        stream(response, &held, secrets).await;
    } else {
        whole(response, streaming, &held, secrets).await;
    }
}

/// Asks, and again on another connection where one that was kept open turns out to be closed. Some
/// servers (cpp-httplib's, llama.cpp's among them) close a connection after a stream without saying
/// so, and the next request meets the end of the one before. Time goes on meanwhile.
async fn ask(wire: &Wire, mut request: Request, held: &Held) -> reqwest::Result<Response> {
    // What copies take is no time of the server's.
    let copies: Vec<Request> = (0..STALE_MAX).filter_map(|_| request.try_clone()).collect();
    held.flow().send();
    for again in copies {
        match wire.client.execute(request).await {
            Err(error) if was_closed(&error) => request = again,
            answered => return answered,
        }
    }
    wire.client.execute(request).await
}

async fn stream(mut response: Response, held: &Held, secrets: &Secrets) {
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                let end = held.flow().take(&bytes);
                if let Some(at) = end {
                    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
                    // Whether it came in time or not: the answer is complete.
                    let _ = tokio::time::timeout(LAST, rest).await;
                    return held.flow().close(at);
                }
            }
            Ok(None) => return held.flow().take_end(),
            Err(error) => {
                return held.flow().fail(of_client(error, Stage::Reading, secrets));
            }
        }
    }
}

async fn whole(mut response: Response, streaming: bool, held: &Held, secrets: &Secrets) {
    let status = response.status().as_u16();
    let (body, end) = piece(&mut response, WHOLE_BYTES_MAX).await;
    let malformed = |reason: &str| Failure {
        status: Some(status),
        ..Failure::new(FailureKind::Malformed, reason)
    };
    let mut flow = held.flow();
    match end {
        End::Broken(error) => flow.fail(of_client(error, Stage::Reading, secrets)),
        End::TooLong => flow.fail(malformed("the answer is longer than any answer")),
        // An error in the place of a stream is told as one.
        End::Whole if streaming && super::failure::message_of_error(&body).is_none() => {
            flow.fail(malformed("the answer came in one piece, where a stream was asked for"));
        }
        End::Whole => flow.take_whole(&body),
    }
}

/// How a body ended.
enum End {
    Whole,
    TooLong,
    Broken(reqwest::Error),
}

/// A body, or its beginning.
async fn piece(response: &mut Response, most: usize) -> (Vec<u8>, End) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Ok(None) => return (body, End::Whole),
            Err(error) => return (body, End::Broken(error)),
        }
        if body.len() > most {
            return (body, End::TooLong);
        }
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().starts_with("application/json"))
}
