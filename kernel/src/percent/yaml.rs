//! YAML of a header: reading it into JSON, and writing JSON as PyYAML's `safe_dump` lays it out, so that jupytext and this
//! program write the same header. Of YAML it writes block style only.

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// Reads one document.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|e| e.to_string())?;
    Ok(documents.into_iter().next().map_or(Value::Null, value))
}

fn value(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Real(text) => number(&text).unwrap_or_else(|| text.into()),
        Yaml::Integer(number) => number.into(),
        Yaml::String(text) => text.into(),
        Yaml::Boolean(truth) => truth.into(),
        Yaml::Array(items) => items.into_iter().map(value).collect(),
        Yaml::Hash(entries) => Value::Object(entries.into_iter().map(|(k, v)| (key(k), value(v))).collect()),
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}

/// JSON has no infinite numbers.
fn number(text: &str) -> Option<Value> {
    serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn key(yaml: Yaml) -> String {
    match value(yaml) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The lines of a mapping, its keys in order.
pub(super) fn write(map: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    mapping(map, "", &mut lines);
    lines
}

fn mapping(map: &Map<String, Value>, indent: &str, lines: &mut Vec<String>) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    for (key, value) in entries {
        let key = string(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                lines.push(format!("{indent}{key}:"));
                mapping(inner, &format!("{indent}  "), lines);
            }
            Value::Array(items) if !items.is_empty() => {
                lines.push(format!("{indent}{key}:"));
                sequence(items, indent, lines);
            }
            value => lines.push(format!("{indent}{key}: {}", scalar(value))),
        }
    }
}

fn sequence(items: &[Value], indent: &str, lines: &mut Vec<String>) {
    for item in items {
        let begins = lines.len();
        let inside = format!("{indent}  ");
        match item {
            Value::Object(inner) if !inner.is_empty() => mapping(inner, &inside, lines),
            Value::Array(items) if !items.is_empty() => sequence(items, &inside, lines),
            value => lines.push(format!("{inside}{}", scalar(value))),
        }
        // What stands in a sequence begins on the line of its mark.
        if let Some(first) = lines.get_mut(begins) {
            first.replace_range(indent.len()..indent.len() + 2, "- ");
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Number(number) if number.is_f64() => float(&number.to_string()),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// YAML 1.1 wants a point in a number with an exponent, and the exponent's sign.
fn float(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn string(text: &str) -> String {
    if text.chars().any(|c| !(' '..='~').contains(&c)) {
        return format!("\"{}\"", text.chars().map(escaped).collect::<String>());
    }
    if is_plain(text) && !means_something_else(text) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\0' => "\\0".to_owned(),
        ' '..='~' => c.to_string(),
        c if (c as u32) < 0x100 => format!("\\x{:02X}", c as u32),
        c if (c as u32) < 0x1_0000 => format!("\\u{:04X}", c as u32),
        c => format!("\\U{:08X}", c as u32),
    }
}

/// Can it stand without quotes?
fn is_plain(text: &str) -> bool {
    let second = text.chars().nth(1);
    let marks = |c: char| "#,[]{}&*!|>'\"%@`".contains(c);
    let marks_before_space = |c: char| "-?:".contains(c) && second.is_none_or(|c| c == ' ');
    !text.is_empty()
        && text.trim() == text
        && !text.starts_with(|c| marks(c) || marks_before_space(c))
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
}

/// Would it be read as something else than a text, by this or that version of YAML?
fn means_something_else(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    if WORDS.contains(&text.to_lowercase().as_str()) || ["=", "<<"].contains(&text) {
        // PyYAML takes one letter as a text.
        return !["y", "n"].contains(&text.to_lowercase().as_str());
    }
    let number = text.trim_start_matches(['+', '-']);
    if ["inf", "nan"].contains(&number.trim_start_matches('.').to_lowercase().as_str()) {
        return number.starts_with('.');
    }
    let begins = number.starts_with(|c: char| c.is_ascii_digit())
        || number.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // A version with two points is none; a date is, and a time.
    begins
        && number.matches('.').count() < 2
        && number.chars().all(|c| c.is_ascii_hexdigit() || "_.:+-xoTtZ ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn headers_are_laid_out_as_pyyaml_does() {
        let header = json!({
            "jupytext": {"text_representation": {"format_version": "1.3", "jupytext_version": "1.19.6"}},
            "list": [1, "a: b", {"y": [true, null], "x": {}}, ["s", 1.5e300]],
            "empty": [], "é": "l\n2", "it's": "it's", "yes": "no", "date": "2024-01-01",
        });
        let lines = write(header.as_object().expect("an object"));
        let wanted = "date: '2024-01-01'\nempty: []\nit's: it's\njupytext:\n  text_representation:\n    format_version: '1.3'\n    \
             jupytext_version: 1.19.6\nlist:\n- 1\n- 'a: b'\n- x: {}\n  y:\n  - true\n  - null\n- - s\n  - 1.5e+300\n'yes': 'no'\n\
             \"\\xE9\": \"l\\n2\"";
        assert_eq!(lines.join("\n"), wanted);
        assert_eq!(read(&lines.join("\n")), Ok(header));
        assert!(read("a: [1").is_err());
    }

    #[test]
    fn every_text_is_a_text_again() {
        for text in [
            "",
            " ",
            "-",
            "- a",
            "?x",
            ":",
            "a:",
            "#",
            "a #b",
            "null",
            "NaN",
            ".nan",
            "1e5",
            "0x1F",
            "0o7",
            "1_000",
            "12:30",
            "+.5",
            "---",
            "'",
            "\"",
            "\\",
            "\u{7f}😀\u{85}",
            "{a",
            "%",
            "y",
            "1.2.3",
            "=",
            "~",
        ] {
            let map = Map::from_iter([("k".to_owned(), Value::from(text))]);
            assert_eq!(read(&write(&map).join("\n")), Ok(Value::Object(map)), "{text:?}");
        }
    }
}
