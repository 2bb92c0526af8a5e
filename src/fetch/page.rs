//! A page over HTTPS, asked for again only if it is another by now.
//!
//! Invariant: what is kept is a whole body beside the `ETag` and the address that it came with; both
//! are written under another name and renamed, the body first and its `ETag` taken away before, so
//! an `ETag` never stands beside another body. Guarded by the tests here.

use super::FetchError;
use crate::secret::shown;
use crate::units::{Bytes, Seconds};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The largest page that is read: the largest book is 3 MB.
const BODY_MAX: Bytes = Bytes(64 << 20);

/// A page as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its text.
    pub text: String,
    /// Whether the server said that what was kept is still what it has.
    pub unchanged: bool,
}

/// What is kept beside a body.
#[derive(Debug, Serialize, Deserialize)]
struct Beside {
    url: String,
    etag: String,
}

/// Sees that the page is in `folder` as it is now, and reads it.
///
/// Only `https`, and `http` to this machine: prices that somebody changed on the way are no prices.
///
/// # Errors
/// An address that may not be asked, a server that doesn't answer or not with a text, a folder that
/// can't be written.
pub fn page(url: &str, folder: &Path, patience: Seconds) -> Result<Page, FetchError> {
    if !may_be_asked(url) {
        let what = "only `https` addresses without a password are asked".to_owned();
        return Err(FetchError::Protocol { url: shown(url), what });
    }
    let kept = Kept::of(url, folder);
    let etag = kept.etag(url);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(patience.to_std()))
        .http_status_as_error(false)
        .https_only(url.starts_with("https://"))
        .user_agent(concat!("mtok/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.get(url).header("accept", "application/json");
    if let Some(etag) = &etag {
        request = request.header("if-none-match", etag);
    }
    let unreachable = |error: &ureq::Error| FetchError::Unreachable {
        url: url.to_owned(),
        reason: error.to_string(),
    };
    let mut response = request.call().map_err(|error| unreachable(&error))?;
    let status = response.status().as_u16();
    if status == 304 && etag.is_some() {
        let text = fs_err::read_to_string(&kept.body)?;
        return Ok(Page { text, unchanged: true });
    }
    if status != 200 {
        return Err(FetchError::Status { url: url.to_owned(), status });
    }
    let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
    let etag = etag.map(str::to_owned);
    let body = response.body_mut().with_config().limit(BODY_MAX.0).read_to_vec();
    let body = body.map_err(|error| unreachable(&error))?;
    let text = String::from_utf8(body).map_err(|_| FetchError::Protocol {
        url: url.to_owned(),
        what: "its body is not UTF-8".to_owned(),
    })?;
    kept.keep(url, &text, etag)?;
    Ok(Page { text, unchanged: false })
}

/// Whether an address is one of `https`, or of this machine, and holds no password.
fn may_be_asked(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return false };
    let local = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let secret = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") => !secret && uri.host().is_some(),
        Some("http") => !secret && local,
        _ => false,
    }
}

/// Where a page is kept.
struct Kept {
    folder: PathBuf,
    body: PathBuf,
    beside: PathBuf,
}

impl Kept {
    fn of(url: &str, folder: &Path) -> Self {
        let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
        let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        // Two addresses of one name take each other's place; the address that is kept says whose.
        let name: String = bare.chars().map(safe).take(120).collect();
        Self {
            body: folder.join(format!("{name}.body")),
            beside: folder.join(format!("{name}.etag")),
            folder: folder.to_owned(),
        }
    }

    /// The `ETag` of what is kept of this address.
    fn etag(&self, url: &str) -> Option<String> {
        let text = fs_err::read_to_string(&self.beside).ok().filter(|_| self.body.is_file())?;
        let beside: Beside = serde_json::from_str(&text).ok()?;
        // What can't stand in a header was not written by us.
        let sound = beside.etag.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        (beside.url == url && sound).then_some(beside.etag)
    }

    fn keep(&self, url: &str, text: &str, etag: Option<String>) -> std::io::Result<()> {
        fs_err::create_dir_all(&self.folder)?;
        match fs_err::remove_file(&self.beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        replace(&self.body, text)?;
        let Some(etag) = etag else { return Ok(()) };
        let beside = serde_json::to_string(&Beside { url: url.to_owned(), etag })?;
        replace(&self.beside, &beside)
    }
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Where the folder can't be written.
pub fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut file = fs_err::File::create(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        let may = ["https://models.dev/api.json", "http://127.0.0.1:8080/x", "http://localhost/x"];
        let not = [
            "http://models.dev/api.json",
            "ftp://127.0.0.1/x",
            "file:///etc/passwd",
            "https://user:secret@models.dev/api.json",
            "http://127.0.0.1.example.org/x",
            "models.dev/api.json",
            "https://",
            "",
        ];
        assert_eq!(may.map(may_be_asked), [true; 3]);
        assert_eq!(not.map(may_be_asked), [false; 8]);
        assert_eq!(shown(not[3]), "https://models.dev/api.json");
    }

    #[test]
    fn an_etag_is_only_that_of_its_own_address() {
        let folder = std::env::temp_dir().join(format!("mtok-page-{}", std::process::id()));
        let (url, twin) = ("https://x.org/a?b", "https://x.org/a/b");
        let kept = Kept::of(url, &folder);
        kept.keep(url, "body", Some("\"1\"".to_owned())).unwrap();
        assert_eq!(kept.etag(url).as_deref(), Some("\"1\""));
        assert_eq!(Kept::of(twin, &folder).etag(twin), None);
        // A body without an ETag takes the old one's away.
        kept.keep(url, "other", None).unwrap();
        assert_eq!(kept.etag(url), None);
        kept.keep(url, "body", Some("line\nbreak".to_owned())).unwrap();
        assert_eq!(kept.etag(url), None);
        fs_err::remove_dir_all(&folder).unwrap();
    }
}
