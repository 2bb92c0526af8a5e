//! Where requests go: an engine in this process, or a server.

use super::{Failure, optional};
use crate::cli::raw::{Device, Endpoint, Engine, RawEngine, RawServer, RawServerTold};
use crate::conduct::Remote;
use crate::engine::{DeviceChoice, EngineChoice};
use crate::hint::Fault;
use crate::secret::Secret;
use crate::target::http::{self, HttpOptions, Patience, Protocol};
use crate::telemetry::scrape::MetricsAt;
use std::num::NonZeroU32;

/// Where a server's key is read from.
const KEY: &str = "MTOK_TARGET_KEY";

/// How a model is run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    /// Where.
    pub(crate) device: DeviceChoice,
    /// By what.
    pub(crate) engine: EngineChoice,
    /// On how many threads, where said.
    pub(crate) threads: Option<NonZeroU32>,
}

impl TryFrom<&RawEngine> for Running {
    type Error = Failure;

    fn try_from(raw: &RawEngine) -> Result<Self, Failure> {
        Ok(Self {
            device: match raw.device {
                Device::Auto => DeviceChoice::Auto,
                Device::Cpu => DeviceChoice::Cpu,
                Device::Cuda => DeviceChoice::Cuda,
            },
            engine: match raw.engine {
                Engine::Own => EngineChoice::Own,
                Engine::Reference => EngineChoice::Reference,
            },
            threads: threads(raw)?,
        })
    }
}

fn threads(raw: &RawEngine) -> Result<Option<NonZeroU32>, Failure> {
    let Some(threads) = raw.threads else { return Ok(None) };
    if raw.engine == Engine::Reference {
        let message = "`--threads` says nothing to the reference engine";
        return Err(Failure::new(Fault::Usage, message)
            .hint("its library looks at the environment: `RAYON_NUM_THREADS`"));
    }
    let none = || {
        Failure::new(Fault::Usage, "`--threads`: `0` threads compute nothing")
            .hint("leave the flag out for one thread a core")
    };
    NonZeroU32::new(threads).map(Some).ok_or_else(none)
}

/// The server at an address, asked for a model.
pub(super) fn remote(url: &str, model: Option<&str>, raw: &RawServer) -> Result<Remote, Failure> {
    let key = std::env::var(KEY).ok().as_deref().and_then(Secret::new);
    let mut patience = Patience::default();
    if let Some(first) = optional("--timeout", raw.timeout.as_deref())? {
        patience.first = first;
    }
    let options = HttpOptions {
        endpoint: match raw.endpoint {
            Endpoint::Chat => http::Endpoint::Chat,
            Endpoint::Completions => http::Endpoint::Completions,
        },
        model: model.map(str::to_owned),
        key,
        headers: raw.header.iter().map(|text| header(text)).collect::<Result<_, _>>()?,
        streaming: !raw.no_stream,
        protocol: if raw.http2 { Protocol::Http2 } else { Protocol::Negotiated },
        patience,
        ..HttpOptions::new(url)
    };
    Ok(Remote { options, tokenizer: None, metrics: Vec::new() })
}

/// The same, with what else tells of it.
pub(super) fn measured(
    url: &str,
    model: Option<&str>,
    raw: &RawServer,
    told: &RawServerTold,
) -> Result<Remote, Failure> {
    let remote = remote(url, model, raw)?;
    let mut metrics: Vec<_> = told.metrics.iter().cloned().map(MetricsAt::Url).collect();
    if metrics.is_empty() {
        let key = remote.options.key.clone();
        metrics.push(MetricsAt::Target { url: url.to_owned(), key });
    }
    Ok(Remote { tokenizer: told.tokenizer.clone(), metrics, ..remote })
}

/// `name: value`. What stands there may be secret, so an error doesn't show it.
fn header(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text.split_once(':').unwrap_or_default();
    if name.trim().is_empty() {
        let message = "`--header`: one of them has no name before a `:`";
        return Err(Failure::new(Fault::Usage, message).hint("write it like `name: value`"));
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
