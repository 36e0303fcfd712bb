//! Notebooks as text, in jupytext's `rs:percent`: a Rust file whose cells begin with `// %%`. It makes the JSON of a
//! notebook of such a text, and a text of a notebook's JSON, and knows no files. What jupytext loses on the way there
//! and back (a cell's last line end, lines that look like the beginning of a cell) is kept here, in a form that jupytext
//! reads without harm.

mod cells;
mod filter;
mod header;
mod lines;
mod opening;
mod python;
#[cfg(test)]
mod tests;
mod yaml;

use serde_json::{Map, Value, json};

/// A notebook's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What has no place in it, a sentence each.
    pub left_out: Vec<String>,
}

/// The notebook that a text stands for, as nbformat 4.5 has it, without outputs.
///
/// # Errors
/// What is wrong with its header, for the user.
pub fn read(text: &str) -> Result<Map<String, Value>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = lines::with_plain_ends(text);
    let all: Vec<&str> = lines::of(&text);
    let mut found = header::read(&all)?;
    let read = cells::read(all.get(found.lines..).unwrap_or_default());
    let mut metadata = header::metadata_of_notebook(found.metadata.take(), &read);
    found.with_above(&mut metadata);
    let mut cells: Vec<Value> = found.front.into_iter().collect();
    cells.extend(read.cells);
    name_cells(&mut cells);
    let mut notebook = Map::new();
    notebook.insert("cells".to_owned(), Value::Array(cells));
    notebook.insert("metadata".to_owned(), Value::Object(metadata));
    notebook.insert("nbformat".to_owned(), json!(4));
    notebook.insert("nbformat_minor".to_owned(), json!(5));
    Ok(notebook)
}

/// The text that stands for a notebook; outputs, ids and counts are no part of it.
pub fn write(notebook: &Map<String, Value>) -> Written {
    let empty = Map::new();
    let metadata = notebook.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let cells = notebook.get("cells").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (front, cells) = header::front_of(cells);
    let mut left_out = Vec::new();
    let before = usize::from(front.is_some());
    let mut out = header::write(metadata, front);
    let options = cells::Options::of(metadata);
    for (index, cell) in cells.iter().enumerate() {
        let number = index + 1 + before;
        cells::write(cell, number, index + 1 == cells.len(), &options, &mut out, &mut left_out);
    }
    Written { text: out.iter().map(|line| format!("{line}\n")).collect(), left_out }
}

/// The keys of a notebook's metadata that its text keeps.
pub fn keeps(metadata: &Map<String, Value>) -> Map<String, Value> {
    filter::notebook(metadata)
}

/// The keys of a cell's metadata that the text of this notebook keeps.
pub fn keeps_of_cell(metadata: &Map<String, Value>, cell: &Map<String, Value>) -> Map<String, Value> {
    filter::cell(cell, filter::of(metadata, "cell_metadata_filter").as_ref())
}

/// nbformat's multi-line strings: one string, or a list of them to join.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The list form of a text, which version control can compare line by line.
pub fn lines_of(text: &str) -> Value {
    text.split_inclusive('\n').map(Value::from).collect()
}

/// Gives every cell an id that depends on what is in it, so that the same text is the same notebook.
fn name_cells(cells: &mut [Value]) {
    let mut seen: Vec<String> = Vec::new();
    for cell in cells {
        let source = format!("{}{}", cell["cell_type"], cell["source"]);
        let mut salt = 0_u64;
        let id = loop {
            let id = format!("{:08x}", hash(&source, salt) as u32);
            if !seen.contains(&id) {
                break id;
            }
            salt += 1;
        };
        seen.push(id.clone());
        cell["id"] = id.into();
    }
}

/// FNV-1a: what it gives never changes.
fn hash(text: &str, salt: u64) -> u64 {
    let bytes = text.bytes().chain(salt.to_le_bytes());
    let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    mixed ^ (mixed >> 32)
}
