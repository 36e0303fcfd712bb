//! A check that a text is one JSON document: serde_json reads it, and nothing is built. The frontend parses the
//! text; this only keeps a malformed one from making the whole output message malformed.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// `Err` with what is wrong, and the line and column where the text stops being JSON.
pub(crate) fn json(text: &str) -> serde_json::Result<()> {
    serde_json::from_str(text).map(|Read| ())
}

/// A value that was read and let go.
///
/// serde's `IgnoredAny` is not enough: serde_json passes over what it ignores, so that a document nested too deep, half
/// a surrogate pair or a number beyond `f64` would do here, and be refused by the kernel, which reads the text into
/// values.
struct Read;

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_str<E>(self, _: &str) -> Result<Read, E> {
        Ok(Read)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
        while let Some(Read) = items.next_element()? {}
        Ok(Read)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Read, A::Error> {
        while let Some((Read, Read)) = entries.next_entry()? {}
        Ok(Read)
    }
}
