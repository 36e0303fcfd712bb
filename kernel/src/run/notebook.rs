//! A notebook file: reading it with clear refusals, putting outputs in, writing it back with
//! everything in it that is not understood here. nbformat 4 only, and texts that stand for it (`percent`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value, json};

use super::parameters::{self, Given};
use crate::percent;
pub(super) use crate::percent::{lines_of, text_of};

/// A notebook, whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notebook {
    root: Map<String, Value>,
}

/// Why a cell does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// It is text.
    Markdown,
    /// It is raw, empty, or tagged `skip-execution`; Jupyter's own tools skip those too.
    Other,
}

/// What a run needs to know of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellSource {
    /// Its text.
    pub(super) source: String,
    /// Set when it does not run.
    pub(super) skip: Option<Skip>,
    /// Whether its author expects it to fail (tag `raises-exception`).
    pub(super) may_fail: bool,
}

/// When a cell ran.
#[derive(Debug, Clone)]
pub(super) struct Times {
    /// Start, as [`super::clock::now`] writes it.
    pub(super) started: String,
    /// End, likewise.
    pub(super) ended: String,
    /// Between them, by the monotonic clock.
    pub(super) elapsed: Duration,
}

/// Is this the name of a notebook as text?
pub(crate) fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

impl Notebook {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it and what to do, for the user.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let at = path.display();
        let bytes = fs::read(path).map_err(|e| format!("{at}: {e}"))?;
        Self::of_bytes(path, bytes).map_err(|problem| format!("{at}: {problem}"))
    }

    /// What a file of this name holds.
    ///
    /// # Errors
    /// What is wrong with it and what to do, without the file's name.
    pub(super) fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, String> {
        if is_text(path) { Self::parse_text(bytes) } else { Self::parse(&bytes) }
    }

    /// A Rust file with `// %%` between its cells.
    fn parse_text(bytes: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8(bytes).map_err(|e| format!("not text in UTF-8: {e}"))?;
        let notebook = Self { root: percent::read(&text)? };
        notebook.check()?;
        Ok(notebook)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err("the file is empty, not a notebook".to_owned());
        }
        let root: Value = serde_json::from_slice(bytes).map_err(|e| {
            let conflict = bytes.windows(8).any(|w| w == b"<<<<<<< ");
            let cause = if conflict { "; it holds merge conflict markers" } else { "" };
            format!("not a notebook: not JSON ({e}){cause}")
        })?;
        let Value::Object(root) = root else {
            return Err("not a notebook: not a JSON object".to_owned());
        };
        let notebook = Self { root };
        notebook.check()?;
        Ok(notebook)
    }

    fn check(&self) -> Result<(), String> {
        match self.root.get("nbformat").and_then(Value::as_u64) {
            None => return Err("not a notebook: it has no \"nbformat\"".to_owned()),
            Some(4) => {}
            Some(old @ ..4) => {
                return Err(format!(
                    "this notebook has the old format {old}; upgrade it by opening and saving it in \
                     JupyterLab, or with\n  jupyter nbconvert --to notebook --nbformat 4 \
                     --output NEW.ipynb OLD.ipynb"
                ));
            }
            Some(new) => {
                return Err(format!("this notebook has format {new}; only format 4 is understood"));
            }
        }
        let Some(cells) = self.root.get("cells").and_then(Value::as_array) else {
            return Err("not a notebook: it has no list of \"cells\"".to_owned());
        };
        for (index, cell) in cells.iter().enumerate() {
            let kind = cell.get("cell_type").and_then(Value::as_str);
            if kind.is_none() || cell.get("source").and_then(text_of).is_none() {
                return Err(format!("cell {} has no type or no source", index + 1));
            }
        }
        match self.language() {
            Some(other) if !other.eq_ignore_ascii_case("rust") => Err(format!(
                "this notebook is written in {other}, not Rust (its metadata says so); run it with\n  \
                 jupyter nbconvert --to notebook --execute NOTEBOOK"
            )),
            _ => Ok(()),
        }
    }

    /// The language the metadata names, if any.
    fn language(&self) -> Option<&str> {
        let metadata = self.root.get("metadata")?;
        let kernel = &metadata["kernelspec"];
        kernel["language"]
            .as_str()
            .or_else(|| metadata["language_info"]["name"].as_str())
            .or_else(|| kernel["name"].as_str().filter(|name| name.starts_with("python")))
    }

    /// Was it written for evcxr's kernel?
    pub(super) fn is_of_evcxr(&self) -> bool {
        let name = self.metadata()["kernelspec"]["name"].as_str();
        name.is_some_and(|name| ["rust", "evcxr"].contains(&name))
    }

    /// Puts a cell with other values behind the one tagged `parameters`, in the place of an earlier run's.
    ///
    /// # Errors
    /// What does not fit, for the user.
    pub(super) fn inject(&mut self, given: &[(String, Given)]) -> Result<(), String> {
        let tagged = |cell: &Value, tag: &str| {
            cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == tag))
        };
        let minor = self.root.get("nbformat_minor").and_then(Value::as_u64).unwrap_or(0);
        let cells = self.root.get_mut("cells").and_then(Value::as_array_mut);
        let cells = cells.ok_or("not a notebook: it has no list of \"cells\"")?;
        let Some(at) = cells.iter().position(|cell| cell["cell_type"] == "code" && tagged(cell, "parameters")) else {
            return Err("no cell is tagged `parameters`, so there is nothing to set; tag the cell that binds the \
                        parameters (in JupyterLab: the gears at the top right, Cell Tags)"
                .to_owned());
        };
        let source = cells[at].get("source").and_then(text_of).unwrap_or_default();
        let text = parameters::injected(&source, given)?;
        let mut cell = json!({
            "cell_type": "code",
            "execution_count": null,
            "metadata": {"tags": ["injected-parameters"]},
            "outputs": [],
            "source": lines_of(&text),
        });
        if minor >= 5 {
            cell["id"] = "injected-parameters".into();
        }
        cells.retain(|cell| !tagged(cell, "injected-parameters"));
        let at = cells.iter().position(|cell| tagged(cell, "parameters")).unwrap_or(at);
        cells.insert(at + 1, cell);
        Ok(())
    }

    /// Every cell, in order.
    pub(super) fn cells(&self) -> Vec<CellSource> {
        let cells = self.values().iter();
        cells
            .map(|cell| {
                let source = cell.get("source").and_then(text_of).unwrap_or_default();
                let tags = cell["metadata"]["tags"].as_array();
                let tagged = |tag: &str| tags.is_some_and(|tags| tags.iter().any(|t| t == tag));
                let skip = match cell["cell_type"].as_str() {
                    Some("code") if !source.trim().is_empty() && !tagged("skip-execution") => None,
                    Some("markdown") => Some(Skip::Markdown),
                    _ => Some(Skip::Other),
                };
                CellSource { source, skip, may_fail: tagged("raises-exception") }
            })
            .collect()
    }

    /// The cells as they are in the file.
    pub(super) fn values(&self) -> &[Value] {
        let cells = self.root.get("cells").and_then(Value::as_array);
        cells.map_or(&[], Vec::as_slice)
    }

    /// All of it.
    pub(crate) fn root(&self) -> &Map<String, Value> {
        &self.root
    }

    /// The notebook's metadata.
    pub(super) fn metadata(&self) -> &Value {
        self.root.get("metadata").unwrap_or(&Value::Null)
    }

    /// Forgets what earlier runs put into code cells: a page that shows old results below a new
    /// error would mislead. Says who runs it where the metadata does not.
    pub(super) fn clear_outputs(&mut self) {
        let metadata = self.root.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata
                .entry("kernelspec")
                .or_insert_with(|| json!({"display_name": "Rust (Ferrolab)", "language": "rust", "name": "ferrolab"}));
            metadata.entry("language_info").or_insert_with(|| {
                json!({
                    "name": "rust",
                    "file_extension": ".rs",
                    "mimetype": "text/rust",
                    "codemirror_mode": "rust",
                    "pygments_lexer": "rust",
                })
            });
        }
        let cells = self.root.get_mut("cells").and_then(Value::as_array_mut);
        for cell in cells.into_iter().flatten().filter(|c| c["cell_type"] == "code") {
            cell["outputs"] = json!([]);
            cell["execution_count"] = Value::Null;
            if let Some(metadata) = cell["metadata"].as_object_mut() {
                metadata.shift_remove("execution");
            }
        }
    }

    /// Notes that a cell ran.
    pub(super) fn set_executed(&mut self, index: usize, number: u32, times: &Times) {
        let Some(cell) = self.cell_mut(index) else {
            return;
        };
        cell.insert("execution_count".to_owned(), number.into());
        let metadata = cell.entry("metadata").or_insert_with(|| json!({}));
        if metadata.is_object() {
            metadata["execution"] = json!({
                "iopub.execute_input": times.started,
                "iopub.status.busy": times.started,
                "iopub.status.idle": times.ended,
                "shell.execute_reply": times.ended,
            });
        }
    }

    /// Replaces a cell's outputs.
    pub(super) fn set_outputs(&mut self, index: usize, outputs: Vec<Value>) {
        if let Some(cell) = self.cell_mut(index) {
            cell.insert("outputs".to_owned(), Value::Array(outputs));
        }
    }

    fn cell_mut(&mut self, index: usize) -> Option<&mut Map<String, Value>> {
        let cells = self.root.get_mut("cells")?.as_array_mut()?;
        cells.get_mut(index)?.as_object_mut()
    }

    /// The file's bytes, laid out as nbformat does it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        bytes_of(&self.root)
    }
}

/// A notebook's bytes, laid out as nbformat does it.
pub(crate) fn bytes_of(root: &Map<String, Value>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b" ");
    let mut serializer = Serializer::with_formatter(&mut bytes, formatter);
    // Writing JSON values into memory has nothing that could fail.
    let _ = serde::Serialize::serialize(root, &mut serializer);
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Notebook::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_cannot_run_is_refused_with_advice() {
        assert!(problem(" ").contains("empty"));
        assert!(problem("# hello").contains("not JSON"));
        assert!(problem("{\n<<<<<<< HEAD\n").contains("merge conflict"));
        assert!(problem("[]").contains("not a JSON object"));
        assert!(problem("{}").contains("nbformat"));
        assert!(problem(r#"{"nbformat":3,"worksheets":[]}"#).contains("--nbformat 4"));
        assert!(problem(r#"{"nbformat":5,"cells":[]}"#).contains("format 5"));
        assert!(problem(r#"{"nbformat":4,"cells":[{"cell_type":"code"}]}"#).contains("cell 1"));
        let python = r#"{"nbformat":4,"cells":[],"metadata":{"kernelspec":{"language":"python"}}}"#;
        assert!(problem(python).contains("written in python"));
    }

    #[test]
    fn what_is_not_understood_survives_in_order() {
        let text = r#"{"z":1,"cells":[{"source":"1","x":{"b":2,"a":1.0},"cell_type":"code"}],"nbformat":4,"metadata":{"kernelspec":{},"language_info":{}}}"#;
        let notebook = Notebook::parse(text.as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&notebook.to_bytes()).unwrap();
        assert_eq!(written.to_string(), text);
        assert!(notebook.to_bytes().starts_with(b"{\n \"z\": 1,\n"));
    }

    #[test]
    fn tags_and_blank_cells_are_seen() {
        let text = r#"{"nbformat":4,"metadata":{},"cells":[
            {"cell_type":"code","source":["a\n","b"],"metadata":{"tags":["raises-exception"]}},
            {"cell_type":"code","source":" \n","metadata":{}},
            {"cell_type":"code","source":"x","metadata":{"tags":["skip-execution"]}},
            {"cell_type":"markdown","source":"x"},{"cell_type":"raw","source":"x"}]}"#;
        let cells = Notebook::parse(text.as_bytes()).unwrap().cells();
        assert_eq!(cells[0].source, "a\nb");
        assert!(cells[0].may_fail && cells[0].skip.is_none());
        let skipped: Vec<_> = cells[1..].iter().map(|cell| cell.skip).collect();
        let other = Some(Skip::Other);
        assert_eq!(skipped, [other, other, Some(Skip::Markdown), other]);
    }
}
