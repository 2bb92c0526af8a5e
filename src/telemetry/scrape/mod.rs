//! Metrics that servers and DCGM's exporter tell over HTTP, beside what the client sees.
//!
//! Invariant: a page is read within [`TIMEOUT`] and [`PAGE_MAX`] or is an error; what it doesn't say
//! is `None`. Guarded by `tests` beside this file, against a small server.
//!
//! Deliberately absent: when to read, and what becomes of it: that is the sampler's affair.

mod dcgm;
mod dialect;
mod error;
mod page;
mod prometheus;
#[cfg(test)]
mod tests;

pub(super) use dcgm::Exported;
pub use dialect::Dialect;
pub use error::ScrapeError;

use crate::record::reading::ServerReading;
use crate::secret::{Secret, shown};
use crate::units::Bytes;
use page::Page;
use std::net::IpAddr;
use std::time::Duration;

/// How long a page may take, connection and all. A server under load answers late; one that takes
/// longer doesn't tell of this second any more.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// The longest page that is read. vLLM's are about 100 KiB an engine.
const PAGE_MAX: Bytes = Bytes(8 << 20);

/// Where a server's metrics may lie below its root. TensorRT-LLM answers on the first with JSON of
/// another kind. Source: `tensorrt_llm/serve/openai_server.py`.
const PATHS: [&str; 2] = ["/metrics", "/prometheus/metrics"];

/// Where metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAt {
    /// Somewhere on the server that is measured.
    Target {
        /// What requests are sent to: `http://host:8000/v1`.
        url: String,
        /// What it wants to see of its callers.
        key: Option<Secret>,
    },
    /// At this very URL: `http://host:9400/metrics`.
    Url(String),
}

/// What a page said.
#[derive(Debug, Clone, PartialEq)]
pub struct Scraped {
    /// Which server told it, if any did.
    pub dialect: Option<Dialect>,
    /// How the server stands.
    pub server: Option<ServerReading>,
    /// How the GPUs on it stand, if there are any.
    pub(super) gpus: Vec<Exported>,
}

impl Scraped {
    /// Reads a page's text.
    fn of(text: &str) -> Option<Self> {
        let page = Page::of(text);
        let dialect = Dialect::of(&page);
        let server = dialect.map(|dialect| dialect.read(&page));
        let gpus = dcgm::gpus(&page);
        (dialect.is_some() || !gpus.is_empty()).then_some(Self { dialect, server, gpus })
    }
}

/// One page that is read again and again, over a connection that is kept.
#[derive(Debug)]
pub struct Scraper {
    agent: ureq::Agent,
    url: String,
    key: Option<Secret>,
}

impl Scraper {
    /// Finds the page and reads it once.
    ///
    /// # Errors
    /// Where there is none that can be read. Of several places that were tried, the first one's reason.
    pub fn open(at: &MetricsAt) -> Result<(Self, Scraped), ScrapeError> {
        let mut first = None;
        for url in at.candidates()? {
            let key = match at {
                MetricsAt::Target { key, .. } => key.clone(),
                MetricsAt::Url(_) => None,
            };
            let scraper = Self { agent: agent(&url, TIMEOUT), url, key };
            match scraper.read() {
                Ok(scraped) => return Ok((scraper, scraped)),
                // Who doesn't answer here doesn't answer there.
                Err(error @ ScrapeError::Unreachable { .. }) => return Err(error),
                Err(error) => _ = first.get_or_insert(error),
            }
        }
        Err(first.unwrap_or(ScrapeError::Url { url: at.shown() }))
    }

    /// Reads the page.
    ///
    /// # Errors
    /// Where it doesn't come, not whole, or holds nothing that is known.
    pub fn read(&self) -> Result<Scraped, ScrapeError> {
        let unreachable = |error: &ureq::Error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                ScrapeError::Long { url: self.shown(), limit: PAGE_MAX }
            }
            error => ScrapeError::Unreachable { url: self.shown(), reason: error.to_string() },
        };
        let mut request = self.agent.get(&self.url).header("accept", "text/plain;version=0.0.4");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        let mut response = request.call().map_err(|error| unreachable(&error))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(ScrapeError::Status { url: self.shown(), status });
        }
        let body = response.body_mut().with_config().limit(PAGE_MAX.0).read_to_vec();
        let body = body.map_err(|error| unreachable(&error))?;
        // A label may hold anything; a byte that is no text is no reason to lose the rest.
        let text = String::from_utf8_lossy(&body);
        Scraped::of(&text).ok_or_else(|| ScrapeError::Unknown { url: self.shown() })
    }

    /// Where it reads, fit for a record.
    pub fn shown(&self) -> String {
        shown(&self.url)
    }
}

impl MetricsAt {
    /// The URLs to try, in this order.
    fn candidates(&self) -> Result<Vec<String>, ScrapeError> {
        let parts = |url: &str| {
            let (scheme, rest) = url.trim().split_once("://")?;
            let http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
            let authority = rest.split(['/', '?', '#']).next()?;
            (http && !authority.is_empty()).then(|| format!("{scheme}://{authority}"))
        };
        let (Self::Target { url, .. } | Self::Url(url)) = self;
        let root = parts(url).ok_or_else(|| ScrapeError::Url { url: self.shown() })?;
        Ok(match self {
            Self::Url(url) => vec![url.trim().to_owned()],
            Self::Target { .. } => PATHS.iter().map(|path| format!("{root}{path}")).collect(),
        })
    }

    fn shown(&self) -> String {
        let (Self::Target { url, .. } | Self::Url(url)) = self;
        shown(url)
    }
}

fn agent(url: &str, timeout: Duration) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .user_agent(concat!("mtok/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) {
        // No proxy reaches this machine's own loopback.
        config = config.proxy(None);
    }
    config.build().into()
}

fn is_loopback(url: &str) -> bool {
    let shown = shown(url);
    let authority = shown.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
