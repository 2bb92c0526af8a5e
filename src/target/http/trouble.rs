//! Errors, which servers write as they like: a message alone or an object with one, a code that is a
//! number here and a word there.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// An error that a server tells.
#[derive(Debug, Default)]
pub(super) struct Trouble<'a> {
    message: Option<Loose<'a>>,
    code: Option<Loose<'a>>,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(message: Option<Loose<'a>>, code: Option<Loose<'a>>) -> Self {
        Self { message, code }
    }

    /// What the server says.
    pub(super) fn message(&self) -> Option<&str> {
        match &self.message {
            Some(Loose::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The HTTP status that it would have answered with, had it not begun to answer.
    pub(super) fn status(&self) -> Option<u16> {
        let number = match self.code.as_ref()? {
            Loose::Number(number) => u16::try_from(*number).ok(),
            Loose::Text(text) => text.parse().ok(),
            Loose::Other => None,
        };
        number.filter(|number| (400..600).contains(number))
    }
}

/// A message alone, or an object with one.
impl<'de: 'a, 'a> Deserialize<'de> for Trouble<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields<'a> {
            #[serde(borrow)]
            message: Option<Loose<'a>>,
            #[serde(borrow)]
            code: Option<Loose<'a>>,
        }
        struct Either<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Either<'a> {
            type Value = Trouble<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an error's message, or an object that holds it")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Trouble<'a>, E> {
                Ok(Trouble { message: Some(Loose::Text(Cow::Borrowed(text))), code: None })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Trouble<'a>, E> {
                Ok(Trouble { message: Some(Loose::Text(Cow::Owned(text.to_owned()))), code: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Trouble<'a>, A::Error> {
                let fields =
                    Fields::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Trouble { message: fields.message, code: fields.code })
            }
        }
        from.deserialize_any(Either(PhantomData))
    }
}

/// Text, a number, or something else that doesn't matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loose<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number that is not negative.
    Number(u64),
    /// Anything else.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any(PhantomData))
    }
}

struct Any<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for Any<'a> {
    type Value = Loose<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose<'a>, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose<'a>, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Loose<'a>, E> {
        Ok(Loose::Number(number))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Loose<'a>, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Loose<'a>, E> {
        Ok(Loose::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Loose<'a>, E> {
        Ok(Loose::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<'a>, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose<'a>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}
