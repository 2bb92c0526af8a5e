//! Failures by kind: what the network says, what a status says.
//!
//! Invariant: nothing that a server says gets into a record unbounded, or with our key in it.

use super::chunk::{Chunk, Weight};
use crate::clock::wall;
use crate::record::{Failure, FailureKind};
use crate::secret::Secrets;
use crate::units::Seconds;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use std::error::Error;

/// How much of what a server says is kept.
const REASON_CHARS_MAX: usize = 300;

/// One line of bounded length, without secrets.
pub(super) fn reason(text: &str, secrets: &Secrets) -> String {
    let text = secrets.out_of(text);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(REASON_CHARS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// Where an exchange was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No answer had begun.
    Asking,
    /// The answer had begun.
    Reading,
}

/// What the HTTP client says.
pub(super) fn of_client(error: reqwest::Error, stage: Stage, secrets: &Secrets) -> Failure {
    let error = error.without_url();
    let kind = if error.is_timeout() {
        FailureKind::TimeOut
    } else if error.is_connect() {
        FailureKind::Connect
    } else if is_malformed(&error) {
        FailureKind::Malformed
    } else {
        // A connection that ends before its answer has begun is the same: nothing can be asked twice.
        FailureKind::BrokenStream
    };
    let mut text = match stage {
        Stage::Asking if kind == FailureKind::Connect => String::new(),
        Stage::Asking => "no answer came".to_owned(),
        Stage::Reading => "the answer broke off".to_owned(),
    };
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Many causes repeat the one below them.
        if !text.contains(&said) {
            let joint = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{joint}{said}");
        }
        cause = error.source();
    }
    if text.is_empty() {
        text = error.to_string();
    }
    Failure::new(kind, reason(&text, secrets))
}

/// Whether the connection was closed before anything of an answer came. The client tells it in words
/// alone, or by these input and output errors.
pub(super) fn was_closed(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let broken = matches!(
            io,
            Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
        );
        if broken || error.to_string() == "connection closed before message completed" {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether what came is no HTTP. The client tells it in words alone: its errors of this kind begin so
/// or are input and output errors of these kinds.
fn is_malformed(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(io, Some(std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData))
            || error.to_string().starts_with("invalid HTTP")
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A status that is no success, and the beginning of what came with it.
pub(super) fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &Secrets,
) -> Failure {
    let kind = match status.as_u16() {
        429 => FailureKind::RateLimited,
        400..500 => FailureKind::Refused,
        500.. => FailureKind::Server,
        _ => FailureKind::Malformed,
    };
    let text = if status.is_redirection() {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        format!("the server points to `{to}`, and requests that are measured follow no pointers")
    } else {
        message(body).unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason").to_owned())
    };
    Failure {
        kind,
        status: Some(status.as_u16()),
        retry_after: retry_after(headers),
        reason: reason(&text, secrets),
    }
}

/// What a body of an error says: the message in it, or all of it where it is plain text.
pub(super) fn message(body: &[u8]) -> Option<String> {
    /// `FastAPI`'s own errors.
    #[derive(serde::Deserialize)]
    struct Detail {
        detail: serde_json::Value,
    }
    if let Some(message) = message_of_error(body) {
        return Some(message);
    }
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Detail>(&text) {
        Ok(Detail { detail: serde_json::Value::String(text) }) => return Some(text),
        Ok(Detail { detail }) => return Some(detail.to_string()),
        Err(_) => {}
    }
    let text = text.trim();
    // A page for people says nothing in its first 300 characters.
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

/// The message of an error in the API's form.
pub(super) fn message_of_error(body: &[u8]) -> Option<String> {
    let mut chunk = serde_json::from_slice::<Chunk<Weight>>(body).ok()?;
    chunk.trouble()?.message().map(str::to_owned)
}

/// How long to wait: seconds, or a date to wait for (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Seconds> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Seconds(f64::from(seconds)));
    }
    let date = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let until = date(text)?;
    // By the server's own clock, where it tells what that shows.
    let now = headers.get(DATE).and_then(|now| now.to_str().ok()).and_then(date);
    Some(time_from(now.unwrap_or_else(wall), until))
}

fn time_from(now: Timestamp, until: Timestamp) -> Seconds {
    Seconds(until.duration_since(now).as_secs_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], want: Option<Seconds>) {
        let headers = headers.iter().map(|&(name, value)| {
            (name.parse().unwrap(), reqwest::header::HeaderValue::from_static(value))
        });
        assert_eq!(retry_after(&headers.collect()), want);
    }

    #[test]
    fn how_long_to_wait_is_seconds_or_a_date() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(&[], None);
        check(&[("retry-after", "120")], Some(Seconds(120.0)));
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], Some(Seconds(30.0)));
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"), date], Some(Seconds(0.0)));
        // Long past by any clock.
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], Some(Seconds(0.0)));
    }

    #[test]
    fn an_error_says_what_it_says() {
        for (body, want) in [
            (r#"{"error":{"message":"too long","type":"x","code":400}}"#, Some("too long")),
            (r#"{"error":"too long"}"#, Some("too long")),
            (r#"{"object":"error","message":"too long","code":40303}"#, Some("too long")),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (r#"{"detail":[{"loc":1}]}"#, Some(r#"[{"loc":1}]"#)),
            ("overloaded\n", Some("overloaded")),
            ("<html><body>502</body></html>", None),
            ("", None),
        ] {
            assert_eq!(message(body.as_bytes()).as_deref(), want, "{body}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let long = reason(&"é \n".repeat(400), &Secrets::default());
        assert_eq!(long.chars().count(), REASON_CHARS_MAX + 1);
        assert!(!long.contains('\n'));
    }
}
