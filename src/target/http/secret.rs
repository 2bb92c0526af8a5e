//! A key that does not print.
//!
//! Invariant: its text leaves only as a request's header. Servers repeat keys in their errors, so what
//! they say is passed through [`Secrets::out_of`] before anybody reads it.

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

    pub(super) fn expose(&self) -> &str {
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
pub(super) struct Secrets(Vec<Secret>);

impl Secrets {
    pub(super) fn add(&mut self, text: &str) {
        self.0.extend(Secret::new(text).filter(|secret| secret.0.len() >= SECRET_BYTES_MIN));
    }

    /// The text without them.
    pub(super) fn out_of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&secret.0, "***"))
    }
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
}
