//! The HTTP client, as a meter needs it: no pointers followed, nothing asked twice, no delay before
//! small packets.

use super::address::Address;
use super::error::HttpError;
use super::options::{HttpOptions, Protocol};
use crate::secret::Secrets;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, redirect};
use std::sync::Once;
use std::time::Duration;

/// A connection that nobody uses is kept for less than servers keep it (uvicorn, beneath vLLM and
/// `SGLang`, 5 s), so that no request is sent on one that is being closed.
const IDLE: Duration = Duration::from_secs(4);

/// A client for each worker, all of one making.
pub(super) fn client(options: &HttpOptions, address: &Address) -> Result<Client, HttpError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // One that is installed already serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = Client::builder()
        .user_agent(concat!("mtok/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(options)?)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(usize::MAX)
        .connect_timeout(options.patience.connect.to_std());
    builder = match options.protocol {
        Protocol::Negotiated => builder,
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_prior_knowledge(),
    };
    // A proxy elsewhere would look for a local server on its own machine.
    if address.is_local() {
        builder = builder.no_proxy();
    }
    builder = if address.is_secure() {
        builder.tls_certs_merge(certificates(options)?)
    } else {
        // No server's certificate will be seen: the system's need not be read.
        builder.tls_certs_only([])
    };
    builder.build().map_err(|error| HttpError::Client(said(&error)))
}

fn certificates(options: &HttpOptions) -> Result<Vec<Certificate>, HttpError> {
    let read = |pem: &Vec<u8>| Certificate::from_pem_bundle(pem);
    let wrong = |error: reqwest::Error| HttpError::Certificate(said(&error));
    let bundles = options.certificates.iter().map(read).collect::<Result<Vec<_>, _>>();
    let certificates: Vec<_> = bundles.map_err(wrong)?.into_iter().flatten().collect();
    if certificates.is_empty() && !options.certificates.is_empty() {
        return Err(HttpError::Certificate("it holds none".to_owned()));
    }
    Ok(certificates)
}

fn headers(options: &HttpOptions) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = &options.key {
        let value = HeaderValue::try_from(format!("Bearer {}", key.expose()));
        headers.insert(AUTHORIZATION, hidden(value.map_err(|_| HttpError::Key)?));
    }
    for (name, value) in &options.headers {
        let wrong = || HttpError::Header(name.clone());
        let key = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?;
        headers.insert(key, hidden(value));
    }
    Ok(headers)
}

fn hidden(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// What no message may repeat.
pub(super) fn secrets(options: &HttpOptions, address: &Address) -> Secrets {
    let mut secrets = Secrets::default();
    if let Some(key) = &options.key {
        secrets.add(key.expose());
    }
    if let Some(password) = address.password() {
        secrets.add(password);
    }
    for (_, value) in &options.headers {
        // The word before says what kind of key it is.
        secrets.add(value.strip_prefix("Bearer ").unwrap_or(value));
    }
    secrets
}

fn said(error: &reqwest::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
