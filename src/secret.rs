//! Keys that do not print, and addresses without what is secret in them.
//!
//! Invariant: a key's text leaves only through [`Secret::expose`], which is for a request's header, and
//! an address is shown without user, password and query whether or not it is one. Servers repeat keys
//! in their errors, so what they say is passed through [`Secrets::out_of`] before anybody reads it.
//! Guarded by the tests below.

use std::fmt;

/// A key; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The key, unless the text is blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Its text, for a request's header.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Texts shorter than this are no secrets, and would be found anywhere.
const SECRET_BYTES_MIN: usize = 6;

/// What must not be repeated.
#[derive(Debug, Default, Clone)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// One more, unless it is too short to be one.
    pub fn add(&mut self, text: &str) {
        self.0.extend(Secret::new(text).filter(|secret| secret.0.len() >= SECRET_BYTES_MIN));
    }

    /// The text without them.
    pub fn out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&secret.0, "***"))
    }
}

/// An address without what may be secret in it: user, password, query, fragment.
///
/// Of what is no address, where nobody can say what is its host, only what follows the last `@`.
pub fn shown(address: &str) -> String {
    let address = address.trim();
    let bare = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    if let Some((scheme, rest)) = address.split_once("://") {
        let (authority, path) = rest.split_at(rest.find(ENDS).unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) && is_host(host) {
            return format!("{scheme}://{host}{}", bare(path));
        }
    }
    bare(address.rsplit_once('@').map_or(address, |(_, after)| after))
}

/// What an authority ends at: what seems to be its host may be a part of a password that has one.
const ENDS: [char; 4] = ['/', '\\', '?', '#'];

/// Whether what follows a host's colon is a port.
fn is_host(host: &str) -> bool {
    let after_literal = host.rsplit_once(']').map_or(host, |(_, after)| after);
    let port = after_literal.split_once(':').map_or("", |(_, port)| port);
    port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new(" sk-12345678\n").unwrap();
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "sk-12345678");
        assert_eq!(Secret::new(" \n"), None);
    }

    #[test]
    fn what_a_server_repeats_is_taken_out() {
        let mut secrets = Secrets::default();
        secrets.add("sk-12345678");
        secrets.add("v1");
        let said = secrets.out_of("no key `sk-12345678` in v1");
        assert_eq!(said, "no key `***` in v1");
    }

    #[track_caller]
    fn check(address: &str, want: &str) {
        assert_eq!(shown(address), want, "{address}");
    }

    #[test]
    fn an_address_is_shown_without_what_is_secret() {
        check("http://h", "http://h");
        check("http://me:hidden@h/", "http://h/");
        check("https://hidden@h/x", "https://h/x");
        check("http://me:hidden@h:8000/metrics?token=hidden#x", "http://h:8000/metrics");
        check(" http://me:hidden@[::1]:80/x?hidden ", "http://[::1]:80/x");
        check("http://me:hidden@[::1]?hidden", "http://[::1]");
        check("http://h/@x/y", "http://h/@x/y");
        check("ftp://me:hidden@h/metrics", "ftp://h/metrics");
    }

    #[test]
    fn what_is_no_address_shows_no_password() {
        check("", "");
        check("h:8000", "h:8000");
        check("http:///v1", "http:///v1");
        check("me:hidden@h", "h");
        check("me:hidden@h:9400/metrics?token=hidden", "h:9400/metrics");
        check("h:9400/metrics?token=hidden", "h:9400/metrics");
        check("http://me:hid/den@h/x", "h/x");
        check("http://me:hid?den@h/x", "h/x");
        check("http://me:hid#den@h/x", "h/x");
        check("me:hid://den@h/x", "h/x");
        check("http://me:hidden@h:port/x?key=hidden", "h:port/x");
    }
}
