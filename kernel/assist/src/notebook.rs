//! The tool `notebook`: cells of a notebook file, read and edited. It runs nothing, and knows no protocol.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Books;

/// Characters of a cell that `read` shows when it shows all.
const GLANCE: usize = 400;

/// Does what the arguments say; what came of it, or what is wrong with them.
pub(crate) fn act(books: &dyn Books, path: &Path, arguments: &Map<String, Value>) -> Result<String, String> {
    let mut book = books.read(path)?;
    let index = arguments.get("index").and_then(Value::as_u64).map(|index| index as usize);
    let action = arguments.get("action").and_then(Value::as_str).unwrap_or_default();
    if action == "read" {
        return shown(&cells(&mut book)?.clone(), index);
    }
    let source = arguments.get("source").and_then(Value::as_str);
    let cells = cells(&mut book)?;
    let count = cells.len();
    let there = |index: Option<usize>| match index {
        Some(index) if index < count => Ok(index),
        Some(index) => Err(format!("there is no cell {index}; there are {count}, from 0 on")),
        None => Err(format!("`{action}` needs `index`: which cell")),
    };
    let told = match action {
        "insert" => {
            let source = source.ok_or("`insert` needs `source`: the text of the new cell")?;
            let at = index.unwrap_or(count).min(count);
            let kind = arguments.get("kind").and_then(Value::as_str).unwrap_or("code");
            let id = free_id(cells);
            cells.insert(at, cell(kind, source, id)?);
            format!("cell {at} is new")
        }
        "edit" => {
            let at = there(index)?;
            let source = source.ok_or("`edit` needs `source`: the new text of the cell")?;
            cells[at]["source"] = lines(source);
            if cells[at]["cell_type"] == "code" {
                // What it showed belongs to the old text.
                cells[at]["outputs"] = json!([]);
                cells[at]["execution_count"] = Value::Null;
            }
            format!("cell {at} has another text")
        }
        "move" => {
            let at = there(index)?;
            let to = arguments.get("to").and_then(Value::as_u64).ok_or("`move` needs `to`: where the cell goes")?;
            let to = (to as usize).min(count - 1);
            let moved = cells.remove(at);
            cells.insert(to, moved);
            format!("cell {at} is cell {to} now")
        }
        "delete" => {
            let at = there(index)?;
            cells.remove(at);
            format!("cell {at} is gone; {} are left", count - 1)
        }
        other => return Err(format!("`{other}` is none of read, insert, edit, move, delete")),
    };
    books.write(path, &book)?;
    Ok(format!("{told}; {} is written", path.display()))
}

fn cells(book: &mut Map<String, Value>) -> Result<&mut Vec<Value>, String> {
    book.get_mut("cells").and_then(Value::as_array_mut).ok_or_else(|| "the notebook has no cells".to_owned())
}

fn shown(cells: &[Value], index: Option<usize>) -> Result<String, String> {
    let one = |(index, cell): (usize, &Value), most: usize| {
        let source = text(&cell["source"]);
        let cut: String = source.chars().take(most).collect();
        let more = if cut.len() < source.len() { "\n[cut; read this cell alone for all of it]" } else { "" };
        let outputs = cell["outputs"].as_array().map_or(0, Vec::len);
        let outputs = if outputs > 0 { format!(", {outputs} outputs") } else { String::new() };
        format!("[{index}] {}{outputs}\n{cut}{more}\n", cell["cell_type"].as_str().unwrap_or("cell"))
    };
    match index {
        None => Ok(cells.iter().enumerate().map(|cell| one(cell, GLANCE)).collect::<Vec<_>>().join("\n")),
        Some(index) => {
            let cell =
                cells.get(index).ok_or_else(|| format!("there is no cell {index}; there are {}", cells.len()))?;
            Ok(one((index, cell), usize::MAX))
        }
    }
}

fn text(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn lines(text: &str) -> Value {
    text.split_inclusive('\n').map(Value::from).collect()
}

fn cell(kind: &str, source: &str, id: String) -> Result<Value, String> {
    let source = lines(source);
    match kind {
        "code" => Ok(json!({
            "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source,
        })),
        "markdown" => Ok(json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": source})),
        other => Err(format!("`{other}` is no kind of cell; there are code and markdown")),
    }
}

fn free_id(cells: &[Value]) -> String {
    let taken = |id: &str| cells.iter().any(|cell| cell["id"] == id);
    (cells.len()..).map(|number| format!("cell-{number}")).find(|id| !taken(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    struct One(Mutex<Map<String, Value>>);

    impl Books for One {
        fn read(&self, _: &Path) -> Result<Map<String, Value>, String> {
            Ok(self.0.lock().expect("no panic before").clone())
        }
        fn write(&self, _: &Path, notebook: &Map<String, Value>) -> Result<(), String> {
            *self.0.lock().expect("no panic before") = notebook.clone();
            Ok(())
        }
    }

    #[test]
    fn cells_are_edited() {
        let book = json!({"cells": [{"cell_type": "code", "source": ["a\n", "b"], "outputs": [1], "id": "cell-1"}]});
        let book = One(Mutex::new(book.as_object().expect("an object").clone()));
        let act = |arguments: Value| act(&book, Path::new("a.ipynb"), arguments.as_object().expect("an object"));
        assert_eq!(act(json!({"action": "read"})).as_deref(), Ok("[0] code, 1 outputs\na\nb\n"));
        act(json!({"action": "insert", "source": "c"})).expect("inserted");
        act(json!({"action": "edit", "index": 0, "source": "d"})).expect("edited");
        act(json!({"action": "insert", "index": 0, "source": "# T", "kind": "markdown"})).expect("inserted");
        act(json!({"action": "move", "index": 2, "to": 0})).expect("moved");
        let all = act(json!({"action": "read"})).expect("read");
        assert_eq!(all, "[0] code\nc\n\n[1] markdown\n# T\n\n[2] code\nd\n");
        act(json!({"action": "delete", "index": 1})).expect("deleted");
        for wrong in
            [json!({"action": "delete", "index": 2}), json!({"action": "edit", "index": 0}), json!({"action": "burn"})]
        {
            assert!(act(wrong).is_err());
        }
    }
}
