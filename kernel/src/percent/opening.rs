//! What stands on the line that begins a cell, behind `// %%`: a title, the kind of the cell, and its metadata as
//! `key=value` or as JSON. Read and written as jupytext does it, whose rules these are; what a line cannot say so that it
//! is read again is left out, and named.

use serde_json::{Map, Value};

use super::python::{dumps, loads};

/// Under this key jupytext keeps what it cannot read.
const UNREADABLE: &str = "incorrectly_encoded_metadata";
/// What jupytext remembers of the layout of a text; never written on the line.
const LAYOUT: [&str; 5] =
    ["skipline", "noskipline", "cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker"];

/// The kinds that are named on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Markdown,
    Raw,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opening {
    pub(super) kind: Kind,
    /// `title` and `cell_depth` are part of it.
    pub(super) metadata: Map<String, Value>,
    /// Was the metadata one JSON object?
    pub(super) json: bool,
}

/// A line without anything.
pub(super) fn plain() -> Opening {
    Opening { kind: Kind::Code, metadata: Map::new(), json: false }
}

/// Reads what stands behind `%%`.
pub(super) fn read(text: &str) -> Opening {
    let (title, mut metadata, json) = title_and_metadata(text);
    let mut title = title.to_owned();
    let mut kind = None;
    for (word, named) in [("markdown", Kind::Markdown), ("raw", Kind::Raw), ("md", Kind::Markdown)] {
        let mark = format!("[{word}]");
        if title.contains(&mark) {
            title = title.replace(&mark, "").trim().to_owned();
            kind = Some(named);
            if word == "md" {
                metadata.insert("region_name".to_owned(), word.into());
            }
            break;
        }
    }
    if let Some(named) = metadata.shift_remove("cell_type") {
        kind = kind.or(match named.as_str() {
            Some("markdown") => Some(Kind::Markdown),
            Some("code") => Some(Kind::Code),
            _ => Some(Kind::Raw),
        });
    }
    let without = title.trim_start_matches('%');
    let depth = title.len() - without.len();
    if depth > 0 {
        metadata.insert("cell_depth".to_owned(), depth.into());
        title = without.trim().to_owned();
    }
    if !title.is_empty() {
        metadata.insert("title".to_owned(), title.into());
    }
    Opening { kind: kind.unwrap_or(Kind::Code), metadata, json }
}

/// What stands behind `%%` for this cell, and the keys that could not be written.
pub(super) fn write(opening: &Opening) -> (String, Vec<String>) {
    let mut wanted = opening.clone();
    LAYOUT.iter().for_each(|key| drop(wanted.metadata.shift_remove(*key)));
    let mut left_out = Vec::new();
    loop {
        // The nearest to what people write comes first.
        for (bare_title, bare_null) in [(true, true), (true, false), (false, true), (false, false)] {
            let text = Form { bare_title, bare_null, json: opening.json }.write(&wanted);
            let again = read(&text);
            if !text.contains(['\n', '\r']) && again.kind == wanted.kind && same(&again.metadata, &wanted.metadata) {
                return (text, left_out);
            }
        }
        let Some(key) = unwritable(&wanted) else { return (String::new(), left_out) };
        wanted.metadata.shift_remove(&key);
        left_out.push(key);
    }
}

/// A key that no form can hold; where only the sum of all cannot be held, the last.
fn unwritable(wanted: &Opening) -> Option<String> {
    let alone = |(key, value): &(&String, &Value)| {
        let metadata = Map::from_iter([((*key).clone(), (*value).clone())]);
        let one = Opening { kind: Kind::Code, metadata, json: wanted.json };
        let text = Form { bare_title: false, bare_null: false, json: wanted.json }.write(&one);
        !same(&read(&text).metadata, &one.metadata) || text.contains(['\n', '\r'])
    };
    wanted.metadata.iter().find(alone).or_else(|| wanted.metadata.iter().next_back()).map(|(key, _)| key.clone())
}

fn same(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| alike(value, other)))
}

/// Equal, but for the last digit of a number, which reading may change.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() && y.is_f64() => {
            let (x, y) = (x.as_f64().unwrap_or_default(), y.as_f64().unwrap_or_default());
            (x - y).abs() <= 1e-15 * x.abs()
        }
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| alike(x, y)),
        (Value::Object(x), Value::Object(y)) => same(x, y),
        _ => a == b,
    }
}

/// How a line is written.
struct Form {
    /// The title as it is, and not as `title="…"`.
    bare_title: bool,
    /// `.name` and not `.name=null`, where there is no value.
    bare_null: bool,
    json: bool,
}

impl Form {
    fn write(&self, opening: &Opening) -> String {
        let mut metadata = opening.metadata.clone();
        let mut words = Vec::new();
        if self.bare_title
            && let Some(Value::String(title)) = metadata.get("title").cloned()
        {
            metadata.shift_remove("title");
            words.push(title);
        }
        if let Some(depth) = metadata.get("cell_depth").and_then(Value::as_u64).filter(|depth| (1..64).contains(depth))
        {
            metadata.shift_remove("cell_depth");
            words.insert(0, "%".repeat(usize::try_from(depth).unwrap_or(1)));
        }
        let kind = match opening.kind {
            Kind::Code => None,
            Kind::Raw => Some("[raw]"),
            Kind::Markdown if metadata.get("region_name").is_some_and(|name| name == "md") => {
                metadata.shift_remove("region_name");
                Some("[md]")
            }
            Kind::Markdown => Some("[markdown]"),
        };
        words.extend(kind.map(str::to_owned));
        if self.json && !metadata.is_empty() {
            words.push(dumps(&Value::Object(metadata)));
        } else {
            words.extend(metadata.iter().map(|(key, value)| self.pair(key, value)));
        }
        let text = words.join(" ");
        match text.trim_start_matches('%') {
            // A line of marks alone begins no cell.
            "" if !text.is_empty() => format!("{text} "),
            "" => text,
            rest if rest.len() < text.len() => text,
            _ => format!(" {text}"),
        }
    }

    fn pair(&self, key: &str, value: &Value) -> String {
        match value {
            Value::String(text) if key == UNREADABLE => text.clone(),
            Value::Null if self.bare_null && key.starts_with('.') => key.to_owned(),
            value => format!("{key}={}", dumps(value)),
        }
    }
}

fn title_and_metadata(text: &str) -> (&str, Map<String, Value>, bool) {
    let text = text.trim();
    let (brace, equals) = (text.find('{'), text.find('='));
    if let Some(brace) = brace.filter(|brace| equals.is_none_or(|equals| *brace < equals)) {
        let metadata = match loads(&text[brace..]) {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::from_iter([(UNREADABLE.to_owned(), text[brace..].into())]),
        };
        return (text[..brace].trim(), metadata, true);
    }
    let mut end = text.len();
    if let Some(equals) = equals {
        // the last word before the first `=` is a key
        end = text[..equals].trim_end_matches(' ').rfind(' ').map_or(0, |space| space + 1);
    }
    // and so are words that begin with a point
    loop {
        let before = text[..end].trim_end_matches(' ');
        let word = before.rfind(' ').map_or(0, |space| space + 1);
        let word_is_key = before[word..].starts_with('.');
        if !word_is_key {
            return (before, pairs(&text[before.len()..]), false);
        }
        end = word;
    }
}

/// Reads `key=value` from the right, where a value is all that can be read as one.
fn pairs(text: &str) -> Map<String, Value> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let word = rest.rfind(' ').map_or(0, |space| space + 1);
        if is_name(&rest[word..]) {
            found.push((rest[word..].to_owned(), Value::Null));
            rest = rest[..word].trim();
            continue;
        }
        let Some((key, value, begins)) = last_pair(rest) else {
            found.push((UNREADABLE.to_owned(), rest.into()));
            break;
        };
        found.push((key, value));
        rest = rest[..begins].trim();
    }
    found.into_iter().rev().collect()
}

/// The last pair of a text, and where it begins.
fn last_pair(text: &str) -> Option<(String, Value, usize)> {
    let mut end = text.len();
    while let Some(equals) = text[..end].rfind('=') {
        end = equals;
        let before = text[..equals].trim_end();
        let begins = before.rfind(' ').map_or(0, |space| space + 1);
        let key = before[begins..].trim();
        if is_key(key)
            && let Some(value) = loads(&text[equals + 1..])
        {
            return Some((key.to_owned(), value, begins));
        }
    }
    None
}

fn is_name(word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    word.starts_with(|c: char| part(c) && !c.is_ascii_digit()) && word.chars().all(part)
}

/// Can this be the key of a pair?
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.@/-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(kind: Kind, metadata: Value) -> (String, Vec<String>) {
        let Value::Object(metadata) = metadata else { panic!("{metadata} is no object") };
        write(&Opening { kind, metadata, json: false })
    }

    #[test]
    fn lines_are_read_as_jupytext_reads_them() {
        let cases = [
            (" A title", Kind::Code, json!({"title": "A title"})),
            (" [markdown]", Kind::Markdown, json!({})),
            (" [md] x=1", Kind::Markdown, json!({"x": 1, "region_name": "md"})),
            (" Title [raw] tags=[\"a\", \"b=c\"]", Kind::Raw, json!({"tags": ["a", "b=c"], "title": "Title"})),
            ("% deeper", Kind::Code, json!({"cell_depth": 1, "title": "deeper"})),
            (" tags=['a'] editable=False", Kind::Code, json!({"tags": ["a"], "editable": false})),
            (" T {\"a\": {\"b\": 1}}", Kind::Code, json!({"a": {"b": 1}, "title": "T"})),
            (" a.b/c-d=1 .cls", Kind::Code, json!({"a.b/c-d": 1, ".cls": null})),
            (
                " x=what is this",
                Kind::Code,
                json!({"incorrectly_encoded_metadata": "x=what", "is": null, "this": null}),
            ),
        ];
        for (text, kind, metadata) in cases {
            let read = read(text);
            assert_eq!((read.kind, Value::Object(read.metadata)), (kind, metadata), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cases = [
            (json!({"title": "Plain words"}), " Plain words"),
            (json!({"title": "a=b"}), " title=\"a=b\""),
            (json!({"title": " padded"}), " title=\" padded\""),
            (json!({"title": "two\nlines"}), " title=\"two\\nlines\""),
            (json!({"title": "x [raw]"}), " title=\"x [raw]\""),
            (json!({"title": 5, "none": null}), " title=5 none=null"),
            (json!({"cell_depth": 2, "title": "sub"}), "%% sub"),
            (json!({"tags": ["é"], "o": {"k": [1, 2]}}), " tags=[\"\\u00e9\"] o={\"k\": [1, 2]}"),
        ];
        for (metadata, text) in cases {
            assert_eq!(written(Kind::Code, metadata), (text.to_owned(), Vec::new()));
        }
        let (text, left_out) = written(Kind::Markdown, json!({"a key": 1, "kept": true, "lines_to_next_cell": 0}));
        assert_eq!((text.as_str(), left_out), (" [markdown] kept=true", vec!["a key".to_owned()]));
    }
}
