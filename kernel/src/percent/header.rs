//! What stands above the first cell: `#!`, an encoding, and the notebook's metadata as YAML in comments; and the raw cell
//! that is front matter.

use serde_json::{Map, Value, json};

use super::cells::Read;
use super::lines::{begins, commented, uncommented};
use super::{filter, lines_of, text_of, yaml};

/// What was found above the cells.
pub(super) struct Found {
    /// How many lines it takes.
    pub(super) lines: usize,
    /// The notebook's metadata; none when the text has no header for it.
    pub(super) metadata: Option<Map<String, Value>>,
    /// Other front matter, which is a raw cell.
    pub(super) front: Option<Value>,
    /// What jupytext keeps of the lines above the header.
    above: Map<String, Value>,
}

/// How a text names what it is.
fn representation() -> Value {
    json!({"extension": ".rs", "format_name": "percent", "format_version": "1.3"})
}

/// Reads it.
///
/// # Errors
/// When it is no YAML, or no mapping.
pub(super) fn read(lines: &[&str]) -> Result<Found, String> {
    let (mut at, above) = above_header(lines);
    let mut found = Found { lines: at, metadata: None, front: None, above };
    if let Some(end) = end_of_header(&lines[at..]) {
        let inside: Vec<&str> = lines[at + 1..at + end].iter().map(|line| uncommented(line)).collect();
        let (jupyter, front) = sections(&inside);
        if !jupyter.is_empty() {
            found.metadata = Some(metadata(&jupyter, at + 2)?);
        }
        if !front.is_empty() {
            found.front = Some(front_cell(&front));
        }
        at += end + 1;
    }
    // Blank lines before the first cell are no cell.
    let blank = lines[at..].iter().take_while(|line| line.trim().is_empty()).count();
    if lines.get(at + blank).is_none_or(|line| begins(line).is_some()) {
        at += blank;
    } else if at > found.lines && blank > 0 {
        at += 1;
    }
    found.lines = at;
    Ok(found)
}

/// `#!…` and `// -*- coding: utf-8 -*-`.
fn above_header(lines: &[&str]) -> (usize, Map<String, Value>) {
    let mut above = Map::new();
    let mut at = 0;
    // `#![…]` is an attribute.
    if let Some(program) = lines.first().and_then(|line| line.strip_prefix("#!"))
        && !program.trim_start().starts_with('[')
    {
        // Before a line's end that `\r` would be a part of it, and at the text's end it is none of a program's name.
        above.insert("executable".to_owned(), program.trim_end_matches('\r').into());
        at = 1;
    }
    if let Some(line) = lines.get(at).filter(|line| names_encoding(line)) {
        above.insert("encoding".to_owned(), (*line).into());
        at += 1;
    }
    (at, above)
}

/// `coding: utf-8` or `coding=utf-8` in a comment.
fn names_encoding(line: &str) -> bool {
    let behind = line.strip_prefix("//").and_then(|rest| rest.split_once("coding")).map(|(_, behind)| behind);
    behind.and_then(|rest| rest.strip_prefix([':', '='])).is_some_and(|rest| rest.trim_start().starts_with("utf-8"))
}

fn is_fence(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty())
}

/// The index of the line that ends the header which begins at the first of these.
fn end_of_header(lines: &[&str]) -> Option<usize> {
    let comment = |line: &&&str| line.starts_with("//");
    if !lines.first().filter(comment).is_some_and(|line| is_fence(uncommented(line))) {
        return None;
    }
    let inside = lines[1..].iter().take_while(comment);
    inside.zip(1..).find(|(line, _)| is_fence(uncommented(line))).map(|(_, index)| index)
}

fn is_jupyter(line: &str) -> bool {
    line.strip_prefix("jupyter").is_some_and(|rest| rest.trim() == ":")
}

/// The lines of `jupyter:`, and the others.
fn sections<'a>(lines: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut jupyter, mut front) = (Vec::new(), Vec::new());
    let mut inside = false;
    for line in lines {
        if is_jupyter(line) {
            inside = true;
        } else if !line.is_empty() && !line.starts_with(char::is_whitespace) {
            inside = false;
        }
        if inside { jupyter.push(*line) } else { front.push(*line) }
    }
    (jupyter, front)
}

fn metadata(lines: &[&str], first: usize) -> Result<Map<String, Value>, String> {
    let read = yaml::read(&lines.join("\n"))
        .map_err(|e| format!("the header, which begins at line {first}, is no YAML: {e}; mend it, or remove it"))?;
    match read.get("jupyter") {
        Some(Value::Object(metadata)) => Ok(metadata.clone()),
        Some(Value::Null) => Ok(Map::new()),
        _ => Err(format!(
            "the header, which begins at line {first}, has no keys below `jupyter:`; mend it, or remove it"
        )),
    }
}

fn front_cell(lines: &[&str]) -> Value {
    let source = format!("---\n{}\n---", lines.join("\n"));
    json!({"cell_type": "raw", "id": "", "metadata": {}, "source": lines_of(&source)})
}

/// The notebook's metadata: what the header says, and what the way back needs.
pub(super) fn metadata_of_notebook(found: Option<Map<String, Value>>, read: &Read) -> Map<String, Value> {
    let Some(mut metadata) = found else {
        // Hidden from the text, which had no header and gets none.
        let mut metadata = Map::new();
        metadata.insert("kernelspec".to_owned(), kernelspec());
        metadata.insert("jupytext".to_owned(), json!({"notebook_metadata_filter": "-all"}));
        note_json(&mut metadata, read);
        return metadata;
    };
    if metadata.get("jupytext").is_some_and(|j| j.get("text_representation") == Some(&representation())) {
        jupytext(&mut metadata).shift_remove("text_representation");
        if jupytext(&mut metadata).is_empty() {
            metadata.shift_remove("jupytext");
        }
    }
    let kept = filter::notebook(&metadata);
    let more: Vec<String> = metadata.keys().filter(|key| !kept.contains_key(*key)).cloned().collect();
    widen(&mut metadata, "notebook_metadata_filter", &more);
    if let Some(of_cells) = filter::of(&metadata, "cell_metadata_filter") {
        let kept = filter::cell(&read.keys, Some(&of_cells));
        let more: Vec<String> = read.keys.keys().filter(|key| !kept.contains_key(*key)).cloned().collect();
        widen(&mut metadata, "cell_metadata_filter", &more);
    }
    note_json(&mut metadata, read);
    metadata
}

/// What opens a notebook that came without a kernel.
fn kernelspec() -> Value {
    json!({"display_name": "Rust (Ferrolab)", "language": "rust", "name": "ferrolab"})
}

fn jupytext(metadata: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let section = metadata.entry("jupytext").or_insert_with(|| json!({}));
    if !section.is_object() {
        *section = json!({});
    }
    match section {
        Value::Object(section) => section,
        _ => unreachable!("it was made an object above"),
    }
}

fn note_json(metadata: &mut Map<String, Value>, read: &Read) {
    if read.json {
        jupytext(metadata).insert("cell_metadata_json".to_owned(), true.into());
    }
}

/// Adds names to a filter, so that they are not lost on the way back.
fn widen(metadata: &mut Map<String, Value>, filter: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let section = jupytext(metadata);
    let before = section.get(filter).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let all: Vec<String> = names.iter().cloned().chain(before).collect();
    section.insert(filter.to_owned(), all.join(",").into());
}

/// Front matter at the head of the cells, and the cells behind it.
pub(super) fn front_of(cells: &[Value]) -> (Option<Vec<String>>, &[Value]) {
    match cells.split_first().and_then(|(first, rest)| Some((front_matter(first)?, rest))) {
        Some((front, rest)) => (Some(front), rest),
        None => (None, cells),
    }
}

fn front_matter(cell: &Value) -> Option<Vec<String>> {
    let bare = cell["metadata"].as_object().is_none_or(Map::is_empty) && cell.get("attachments").is_none();
    let source = cell.get("source").and_then(text_of).filter(|_| bare && cell["cell_type"] == "raw")?;
    let inside = source.strip_prefix("---\n")?.strip_suffix("\n---")?;
    let lines: Vec<String> = inside.split('\n').map(str::to_owned).collect();
    let fits = |line: &String| !is_fence(line) && !is_jupyter(line) && !line.contains('\r');
    lines.iter().all(fits).then_some(lines)
}

/// The lines above the first cell.
pub(super) fn write(metadata: &Map<String, Value>, front: Option<Vec<String>>) -> Vec<String> {
    let mut metadata = metadata.clone();
    let mut out = Vec::new();
    let section = jupytext(&mut metadata);
    if let Some(program) = section.shift_remove("executable").as_ref().and_then(Value::as_str) {
        out.push(format!("#!{program}"));
    }
    if let Some(line) = section.shift_remove("encoding").as_ref().and_then(Value::as_str) {
        out.push(line.to_owned());
    }
    if section.get("main_language").is_some_and(|language| language == "rust") {
        section.shift_remove("main_language");
    }
    let known = section.get("text_representation").filter(|r| r["extension"] == ".rs" && r["format_name"] == "percent");
    let known = known.cloned().unwrap_or_else(representation);
    section.insert("text_representation".to_owned(), known);
    let kept = filter::notebook(&metadata);
    let mut header = front.unwrap_or_default();
    if !kept.is_empty() {
        header.extend(yaml::write(&Map::from_iter([("jupyter".to_owned(), Value::Object(kept))])));
    }
    if !header.is_empty() {
        out.push(commented("---"));
        out.extend(header.iter().map(|line| commented(line)));
        out.extend([commented("---"), String::new()]);
    }
    out
}

impl Found {
    /// What stood above the header belongs to jupytext's own section.
    pub(super) fn with_above(&mut self, metadata: &mut Map<String, Value>) {
        if !self.above.is_empty() {
            jupytext(metadata).append(&mut self.above);
        }
    }
}
