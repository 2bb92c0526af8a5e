//! Which book a text is.
//!
//! Invariant: a form is recognised by being read: it is the only one whose reader takes an entry.
//! Guarded by the tests here, and on whole snapshots by `tests/price_books.rs`.

use super::{Format, Import, ImportError, Snapshot, parsed};

impl Format {
    /// Reads a book of a form that nobody named; `file` is what errors call it. `snapshot` makes
    /// what is said of the edition once the form is known.
    ///
    /// # Errors
    /// A text that isn't JSON, that no reader takes an entry of, or that several do.
    pub fn recognise(
        file: &str,
        text: &str,
        snapshot: impl Fn(Self) -> Snapshot,
    ) -> Result<(Self, Import), ImportError> {
        let json = parsed(file, text)?;
        let mut taken = Vec::new();
        for form in Self::ALL {
            // What isn't of a form's shape isn't that form.
            if let Ok(import) = form.taken(&json, &snapshot(form))
                && !import.entries.is_empty()
            {
                taken.push((form, import));
            }
        }
        let as_what = taken.iter().map(|(form, _)| form.name()).collect();
        match (taken.pop(), taken.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(ImportError::Unrecognised { file: file.to_owned(), as_what }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn recognise(text: &str) -> Result<Format, ImportError> {
        let of = |form| Snapshot::of(form, "1", date(2026, 11, 1));
        Format::recognise("x.json", text, of).map(|(form, _)| form)
    }

    #[test]
    fn each_book_is_known_by_its_own_shape() {
        let litellm = r#"{"m": {"litellm_provider": "p", "input_cost_per_token": 1e-6,
            "output_cost_per_token": 2e-6}}"#;
        assert_eq!(recognise(litellm).unwrap(), Format::Litellm);
        let genai =
            r#"[{"id":"p","models":[{"id":"m","prices":{"input_mtok":1,"output_mtok":2}}]}]"#;
        assert_eq!(recognise(genai).unwrap(), Format::GenaiPrices);
        let models_dev = include_str!("../../../tests/fixtures/prices/models-dev.json");
        assert_eq!(recognise(models_dev).unwrap(), Format::ModelsDev);
        let openrouter = r#"{"data":[{"id":"p/m","name":"M","pricing":{"prompt":"0.000001","completion":"0.000002"}}]}"#;
        assert_eq!(recognise(openrouter).unwrap(), Format::Openrouter);
        let model_prices = r#"{"prices":{"p":{"m":{"standard":[{"start":null,
            "rates":{"input":1,"output":2}}]}}},"aliases":{"models":{"n":"p/m"}}}"#;
        assert_eq!(recognise(model_prices).unwrap(), Format::ModelPrices);
    }

    #[test]
    fn what_is_no_book_is_named() {
        for text in ["{}", "[]", "null", "7", r#"{"a":{"b":1}}"#] {
            let error = recognise(text).unwrap_err().to_string();
            assert_eq!(error, "`x.json` reads as no book that is known", "{text}");
        }
        assert!(recognise("{").unwrap_err().to_string().starts_with("`x.json` is not JSON: "));
    }
}
