//! Values as Python writes them on one line: JSON with spaces and without letters beyond ASCII, and, when reading, the
//! quotes and words of Python's own literals.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Serializer, Value};

/// A value as `json.dumps` writes it.
pub(super) fn dumps(value: &Value) -> String {
    let mut bytes = Vec::new();
    // Writing JSON values into memory has nothing that could fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value that JSON or Python can read; none when this is neither.
pub(super) fn loads(text: &str) -> Option<Value> {
    let text = text.trim();
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&as_json(text)?).ok())
}

/// A literal of Python's as JSON: other quotes, other words, tuples as lists.
fn as_json(text: &str) -> Option<String> {
    let mut json = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' | '"' => {
                let length = quoted(rest, first)?;
                let inner = &rest[1..length - 1];
                // `\'` is nothing in JSON, and `"` has to be escaped there.
                let inner =
                    if first == '\'' { inner.replace("\\'", "'").replace('"', "\\\"") } else { inner.to_owned() };
                json.push_str(&format!("\"{inner}\""));
                length
            }
            '(' | ')' => {
                json.push(if first == '(' { '[' } else { ']' });
                1
            }
            c if c.is_alphabetic() => {
                let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                json.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    // the exponent of a number, or nothing that Python would read
                    other => other,
                });
                word.len()
            }
            other => {
                json.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    Some(json)
}

/// Bytes of the string at the beginning of a text, with its quotes.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    let ends = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    ends.map(|(at, _)| at + 1)
}

/// `{"a": 1, "b": [1, 2]}`
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if c.is_ascii() {
                writer.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_does() {
        let value = json!({"a": [1, -2.5, "é😀\n\""], "b": {}, "c": null});
        let text = "{\"a\": [1, -2.5, \"\\u00e9\\ud83d\\ude00\\n\\\"\"], \"b\": {}, \"c\": null}";
        assert_eq!(dumps(&value), text);
        assert_eq!(loads(text), Some(value));
    }

    #[test]
    fn literals_of_python_are_read() {
        assert_eq!(loads("['a', \"b'c\", 'd\"e', 'f\\'g']"), Some(json!(["a", "b'c", "d\"e", "f'g"])));
        assert_eq!(loads("{'x': True, 'y': (1, None)}"), Some(json!({"x": true, "y": [1, null]})));
        for bad in ["", "'open", "hide", "1 2", "a b"] {
            assert_eq!(loads(bad), None, "{bad}");
        }
    }
}
