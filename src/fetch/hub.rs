//! Files from the Hugging Face hub or a mirror of it.
//!
//! hf-hub names things (URLs, the shared cache, the stored token); the transfer is ours, because
//! hf-hub 0.5 has no time-outs (an unreachable hub costs minutes, not seconds), appends whatever a
//! server sends to whatever it has, and panics on a redirect without a location.
//!
//! Invariant: bytes are only ever appended to bytes of the same version of the same file (the `ETag`
//! is kept beside them), at the offset that the server confirms.

use super::checksum::{CHUNK_BYTES, sha256_of};
use super::partial::Partial;
use super::{Delivered, Event, FetchError, Sha256, Stage, Wanted, Watch};
use crate::secret::Secret;
use crate::units::Bytes;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

/// A hub that is there answers within this; without a network the next source is tried after it.
const CONNECT: Duration = Duration::from_secs(5);
/// Patience with a server that has accepted the connection.
const ANSWER: Duration = Duration::from_secs(30);
/// Patience with a body that has stopped flowing.
const STALL: Duration = Duration::from_mins(1);
/// How often a broken transfer is taken up again within one run.
const ATTEMPTS: u32 = 4;
/// Redirects within the hub (a renamed repository).
const HOPS: u32 = 5;

/// A file in a repository of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFile {
    /// `owner/name`.
    pub repo: String,
    /// A branch, tag or commit.
    pub revision: String,
    /// The file's path in the repository.
    pub file: String,
}

/// Where the hub is and who asks.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// `https://huggingface.co` or a mirror, without a slash at the end.
    pub endpoint: String,
    /// Sent to the endpoint's own host alone.
    pub token: Option<Secret>,
    /// The cache that other tools fill; read, never written.
    pub cache: PathBuf,
    /// Never ask the network.
    pub offline: bool,
}

impl HubSettings {
    /// From `HF_ENDPOINT`, `HF_TOKEN` (or the token file under `HF_HOME`), `HF_HOME`, `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        let var = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let cache = hf_hub::Cache::from_env();
        let endpoint = var("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: var("HF_TOKEN").or_else(|| cache.token()).and_then(|text| Secret::new(&text)),
            cache: cache.path().clone(),
            offline: var("HF_HUB_OFFLINE")
                .is_some_and(|v| matches!(v.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")),
        }
    }
}

impl HubFile {
    fn repo(&self) -> hf_hub::Repo {
        hf_hub::Repo::with_revision(
            self.repo.clone(),
            hf_hub::RepoType::Model,
            self.revision.clone(),
        )
    }

    fn url(&self, endpoint: &str) -> String {
        let repo = self.repo();
        format!("{endpoint}/{}/resolve/{}/{}", repo.url(), repo.url_revision(), self.file)
    }
}

/// What the hub says about a file before sending it.
struct Head {
    etag: String,
    bytes: Option<Bytes>,
    /// Large files have their SHA-256 as their `ETag`.
    sha256: Option<Sha256>,
}

/// Brings the file into the partial file: from the shared cache if it is there, else by HTTP.
pub(super) fn download(
    file: &HubFile,
    wanted: &Wanted,
    partial: &Partial,
    settings: &HubSettings,
    watch: &mut dyn Watch,
) -> Result<Delivered, FetchError> {
    if let Some(cached) = in_cache(file, wanted, settings, watch)? {
        return from_cache(&cached, partial, watch);
    }
    let url = file.url(&settings.endpoint);
    if settings.offline {
        let reason = "`HF_HUB_OFFLINE` is set".to_owned();
        return Err(FetchError::Unreachable { url, reason });
    }
    let client = Client::new(settings);
    let head = client.head(&url)?;
    if let (Some(want), Some(got)) = (wanted.sha256, head.sha256)
        && want != got
    {
        return Err(FetchError::OtherFile { url, want, got });
    }
    let total = head.bytes.or(wanted.bytes);
    let origin = format!("{}@{}/{} {}", file.repo, file.revision, file.file, head.etag);
    let mut failed = 0;
    loop {
        let (_, before) = partial.resume(&origin)?;
        match client.body(&url, &origin, total, partial, watch) {
            Ok(()) => break,
            Err(error @ FetchError::Unreachable { .. }) => {
                let (_, after) = partial.resume(&origin)?;
                // Only a transfer that moves deserves patience.
                failed += 1;
                if failed == ATTEMPTS || after <= before {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Delivered { sha256_stated: head.sha256, bytes_stated: total })
}

/// The file in the shared cache, unless it is another version than the one that is wanted.
fn in_cache(
    file: &HubFile,
    wanted: &Wanted,
    settings: &HubSettings,
    watch: &mut dyn Watch,
) -> Result<Option<PathBuf>, FetchError> {
    let cache = hf_hub::Cache::new(settings.cache.clone());
    let Some(cached) = cache.repo(file.repo()).get(&file.file) else { return Ok(None) };
    let length = Bytes(fs_err::metadata(&cached)?.len());
    if wanted.bytes.is_some_and(|want| want != length) {
        return Ok(None);
    }
    match wanted.sha256 {
        Some(want) if sha256_of(&cached, watch)? != want => Ok(None),
        _ => Ok(Some(cached)),
    }
}

fn from_cache(
    cached: &std::path::Path,
    partial: &Partial,
    watch: &mut dyn Watch,
) -> Result<Delivered, FetchError> {
    let mut from = fs_err::File::open(cached)?;
    let total = Bytes(from.metadata()?.len());
    let mut to = partial.restart(&format!("cache {}", cached.display()))?;
    pour(&mut from, &mut to, Bytes(0), Some(total), Stage::Assembling, watch)
        .map_err(|end| end.into_error(&cached.display().to_string()))?;
    Ok(Delivered { sha256_stated: None, bytes_stated: Some(total) })
}

struct Client<'a> {
    agent: ureq::Agent,
    settings: &'a HubSettings,
}

impl<'a> Client<'a> {
    fn new(settings: &'a HubSettings) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(STALL))
            .http_status_as_error(false)
            .redirect_auth_headers(ureq::config::RedirectAuthHeaders::SameHost)
            .user_agent(concat!("mtok/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Self { agent, settings }
    }

    fn authorise<T>(&self, request: ureq::RequestBuilder<T>) -> ureq::RequestBuilder<T> {
        match &self.settings.token {
            Some(token) => request.header("authorization", format!("Bearer {}", token.expose())),
            None => request,
        }
    }

    /// Asks what the file is. The hub's own answer carries it; the redirect to where the bytes are
    /// is not followed, one within the hub (no host, or the same) is.
    fn head(&self, url: &str) -> Result<Head, FetchError> {
        let mut at = url.to_owned();
        for _ in 0..HOPS {
            let request = self.authorise(self.agent.head(&at));
            let response = request
                .config()
                .max_redirects(0)
                .build()
                .call()
                .map_err(|error| unreachable(url, &error))?;
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
            let status = response.status();
            if let (true, Some(path)) =
                (status.is_redirection(), header("location").filter(|to| to.starts_with('/')))
            {
                at = format!("{}{path}", self.settings.endpoint);
                continue;
            }
            if !status.is_success() && !status.is_redirection() {
                return Err(FetchError::Status { url: url.to_owned(), status: status.as_u16() });
            }
            let linked = header("x-linked-etag");
            let etag = linked.or(header("etag")).unwrap_or_default();
            let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
            let length = header("x-linked-size")
                .or(header("content-length").filter(|_| status.is_success()));
            return Ok(Head {
                bytes: length.and_then(|text| text.parse().ok()).map(Bytes),
                sha256: etag.parse().ok(),
                etag,
            });
        }
        Err(FetchError::Protocol {
            url: url.to_owned(),
            what: "it redirects in circles".to_owned(),
        })
    }

    /// Sends what is missing to the end of the partial file, or all of it where the server can't
    /// send a part.
    fn body(
        &self,
        url: &str,
        origin: &str,
        total: Option<Bytes>,
        partial: &Partial,
        watch: &mut dyn Watch,
    ) -> Result<(), FetchError> {
        let (mut file, have) = partial.resume(origin)?;
        if total.is_some_and(|total| have == total) {
            return Ok(());
        }
        let resuming = have > Bytes(0) && total.is_none_or(|total| have < total);
        if !resuming {
            file = partial.restart(origin)?;
        }
        let mut request = self.authorise(self.agent.get(url));
        if resuming {
            request = request.header("range", format!("bytes={}-", have.0));
        }
        let response = request.call().map_err(|error| unreachable(url, &error))?;
        let start = match response.status().as_u16() {
            200 => {
                if resuming {
                    file = partial.restart(origin)?;
                }
                Bytes(0)
            }
            206 if resuming && starts_at(&response, have) => have,
            206 | 416 => {
                // Nothing can be appended to what is here; the next try starts afresh.
                partial.restart(origin)?;
                let what = format!("it can't go on at byte {}", have.0);
                return Err(FetchError::Protocol { url: url.to_owned(), what });
            }
            status => return Err(FetchError::Status { url: url.to_owned(), status }),
        };
        let mut body = response.into_body().into_reader();
        pour(&mut body, &mut file, start, total, Stage::Downloading, watch)
            .map_err(|end| end.into_error(url))
    }
}

/// Whether `Content-Range: bytes 100-199/200` starts at `at`.
fn starts_at(response: &ureq::http::Response<ureq::Body>, at: Bytes) -> bool {
    response
        .headers()
        .get("content-range")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes "))
        .and_then(|value| value.split_once('-'))
        .is_some_and(|(start, _)| start.parse() == Ok(at.0))
}

/// Why a flow of bytes ended early.
enum End {
    Source(String),
    Disk(std::io::Error),
    TooLong,
    Interrupted,
}

impl End {
    fn into_error(self, url: &str) -> FetchError {
        let url = url.to_owned();
        match self {
            Self::Source(reason) => FetchError::Unreachable { url, reason },
            Self::Disk(error) => FetchError::Io(error),
            Self::TooLong => {
                FetchError::Protocol { url, what: "it sends more than the file holds".to_owned() }
            }
            Self::Interrupted => FetchError::Interrupted,
        }
    }
}

/// Copies to the end of `from`, never past `total`, telling how far it is.
fn pour(
    from: &mut impl Read,
    to: &mut fs_err::File,
    start: Bytes,
    total: Option<Bytes>,
    stage: Stage,
    watch: &mut dyn Watch,
) -> Result<(), End> {
    let mut done = start;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut buffer).map_err(|error| End::Source(error.to_string()))?;
        if count == 0 {
            return match total {
                Some(total) if done < total => {
                    Err(End::Source(format!("it ended after {} of {} bytes", done.0, total.0)))
                }
                _ => Ok(()),
            };
        }
        done += Bytes(count as u64);
        if total.is_some_and(|total| done > total) {
            return Err(End::TooLong);
        }
        to.write_all(&buffer[..count]).map_err(End::Disk)?;
        if watch.on(Event::Progress { stage, done, total }).is_break() {
            return Err(End::Interrupted);
        }
    }
}

fn unreachable(url: &str, error: &ureq::Error) -> FetchError {
    FetchError::Unreachable { url: url.to_owned(), reason: error.to_string() }
}
