//! From what a user types to what is asked for.

use super::error::HttpError;
use super::options::Endpoint;
use crate::record::Server;
use crate::secret::shown;
use reqwest::Url;

/// Where a server's API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Up to the API's version: `http://host/v1`.
    api: Url,
}

impl Address {
    /// Reads an address with or without the API's version, or that of an endpoint.
    pub(super) fn parse(text: &str) -> Result<Self, HttpError> {
        let text = text.trim();
        let wrong =
            |reason: &str| HttpError::Address { address: shown(text), reason: reason.to_owned() };
        if !text.contains("://") {
            return Err(wrong("it doesn't begin with `http://` or `https://`"));
        }
        let mut api = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(api.scheme(), "http" | "https") {
            return Err(wrong("it doesn't begin with `http://` or `https://`"));
        }
        api.set_fragment(None);
        let path = api.path().trim_end_matches('/');
        let endpoints = [Endpoint::Chat.path(), Endpoint::Completions.path()];
        let path = endpoints.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let path =
            if path.split('/').any(is_version) { path.to_owned() } else { format!("{path}/v1") };
        api.set_path(&path);
        Ok(Self { api })
    }

    /// Something of the API: `/models`.
    pub(super) fn api(&self, path: &str) -> Url {
        let mut url = self.api.clone();
        url.set_path(&format!("{}{path}", self.api.path()));
        url
    }

    /// Something beside the API: `/version`.
    pub(super) fn root(&self, path: &str) -> Url {
        let mut url = self.api.clone();
        let before: Vec<_> =
            self.api.path().split('/').take_while(|part| !is_version(part)).collect();
        url.set_path(&format!("{}{path}", before.join("/")));
        url
    }

    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        let host = self.api.host_str().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        literal.map_or(host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
    }

    pub(super) fn is_secure(&self) -> bool {
        self.api.scheme() == "https"
    }

    /// Whether it is OpenAI's own.
    pub(super) fn is_openai(&self) -> bool {
        self.api.host_str() == Some("api.openai.com")
    }

    /// The password in it, which is not to be repeated.
    pub(super) fn password(&self) -> Option<&str> {
        self.api.password()
    }

    /// For the head of a record.
    pub(super) fn server(&self, endpoint: Endpoint) -> Server {
        let mut base = self.api.clone();
        base.set_path("");
        Server {
            url: shown(base.as_str()).trim_end_matches('/').to_owned(),
            endpoint: self.api(endpoint.path()).path().to_owned(),
            local: self.is_local(),
        }
    }
}

/// `v1`, `v2`, `v1beta`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, chat: &str, root: &str) {
        let read = Address::parse(address).unwrap();
        assert_eq!(read.api(Endpoint::Chat.path()).as_str(), chat, "{address}");
        assert_eq!(read.root("/version").as_str(), root, "{address}");
    }

    #[test]
    fn paths_are_joined() {
        let (chat, root) = ("http://h:8000/v1/chat/completions", "http://h:8000/version");
        check("http://h:8000", chat, root);
        check("http://h:8000/", chat, root);
        check("http://h:8000/v1", chat, root);
        check(" http://h:8000/v1/ ", chat, root);
        check("http://h:8000/v1/chat/completions", chat, root);
        check("http://h:8000/v1/completions", chat, root);
        check(
            "https://o.ai/api/v1",
            "https://o.ai/api/v1/chat/completions",
            "https://o.ai/api/version",
        );
        check("http://h/llm", "http://h/llm/v1/chat/completions", "http://h/llm/version");
        check(
            "https://g.com/v1beta/openai/",
            "https://g.com/v1beta/openai/chat/completions",
            "https://g.com/version",
        );
        check(
            "http://h/v1?api-version=2",
            "http://h/v1/chat/completions?api-version=2",
            "http://h/version?api-version=2",
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost:8000", "h", "ftp://h/", "http://", "http://:80"] {
            assert!(matches!(Address::parse(text), Err(HttpError::Address { .. })), "{text}");
        }
    }

    #[test]
    fn a_record_gets_no_secret() {
        let address = Address::parse("https://me:hidden@h:8443/x/v1?key=hidden").unwrap();
        let server = address.server(Endpoint::Completions);
        let (url, endpoint) = ("https://h:8443".to_owned(), "/x/v1/completions".to_owned());
        assert_eq!(server, Server { url, endpoint, local: false });
        assert_eq!(shown("me:hidden@h"), "h");
        assert_eq!(shown("http://me:hidden@h/"), "http://h/");
    }

    #[test]
    fn this_machine_is_known() {
        for (text, local) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:80", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_local(), local, "{text}");
        }
    }
}
