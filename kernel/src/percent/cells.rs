//! The cells of a text notebook, one way and the other: text cells as comments, code as it is, but for directives in
//! the first column, cells in other languages and cells that are not for this kind of file.

use serde_json::{Map, Value, json};

use super::filter::{self, Filter};
use super::lines::{Begins, begins, commented, fenced, guarded, is_directive, uncommented, unguarded};
use super::opening::{self, Kind, Opening, is_key};
use super::{lines_of, text_of};

/// Magics with which jupytext says that a cell is in another language.
const LANGUAGES: [&str; 54] = [
    "R",
    "bash",
    "sh",
    "python",
    "python2",
    "python3",
    "coconut",
    "javascript",
    "js",
    "perl",
    "html",
    "latex",
    "markdown",
    "pypy",
    "ruby",
    "script",
    "svg",
    "matlab",
    "octave",
    "idl",
    "robotframework",
    "sas",
    "spark",
    "sql",
    "cython",
    "haskell",
    "tcl",
    "gnuplot",
    "julia",
    "c++",
    "scheme",
    "clojure",
    "powershell",
    "q",
    "typescript",
    "scala",
    "csharp",
    "fsharp",
    "sos",
    "java",
    "groovy",
    "sage",
    "ocaml",
    "maxima",
    "stata",
    "jenner",
    "xonsh",
    "logtalk",
    "lua",
    "go",
    "c#",
    "f#",
    "cs",
    "fs",
];

/// What was read.
pub(super) struct Read {
    pub(super) cells: Vec<Value>,
    /// The keys that cells' metadata have.
    pub(super) keys: Map<String, Value>,
    /// Was all metadata written as JSON?
    pub(super) json: bool,
}

/// How the cells of a notebook are written.
pub(super) struct Options {
    filter: Option<Filter>,
    json: bool,
}

impl Options {
    pub(super) fn of(metadata: &Map<String, Value>) -> Self {
        let json = metadata.get("jupytext").and_then(|j| j.get("cell_metadata_json")) == Some(&Value::Bool(true));
        Self { filter: filter::of(metadata, "cell_metadata_filter"), json }
    }
}

/// Reads all cells.
pub(super) fn read(lines: &[&str]) -> Read {
    let mut read = Read { cells: Vec::new(), keys: Map::new(), json: false };
    let (mut with_pairs, mut at) = (false, 0);
    while at < lines.len() {
        let (opening, first) = match begins(lines[at]) {
            Some(Begins::Marked(options)) => (opening::read(options), at + 1),
            Some(Begins::Plain) => (opening::plain(), at + 1),
            None => (opening::plain(), at),
        };
        let next = next_cell(lines, first, &opening);
        read.json |= opening.json;
        with_pairs |= !opening.json
            && opening.metadata.keys().any(|key| !["title", "cell_depth", "region_name"].contains(&key.as_str()));
        read.keys.extend(opening.metadata.clone());
        read.cells.push(cell(opening, &lines[first..next], next == lines.len()));
        at = next;
    }
    read.json &= !with_pairs;
    read
}

/// Where the cell ends whose first line this is.
fn next_cell(lines: &[&str], first: usize, opening: &Opening) -> usize {
    let is_text = opening.kind != Kind::Code || !is_active("ipynb", &opening.metadata, true);
    let mut at = first;
    while at < lines.len() {
        // A block of Markdown may hold lines that begin cells elsewhere.
        if is_text && let Some(end) = fenced(lines, at) {
            at = end + 1;
            continue;
        }
        if begins(lines[at]).is_some() {
            break;
        }
        at += 1;
    }
    at
}

fn cell(opening: Opening, lines: &[&str], last: bool) -> Value {
    let Opening { kind, mut metadata, .. } = opening;
    // One blank line parts a cell from the next; the others are its own.
    let lines = match lines.split_last() {
        Some((&"", before)) if !last => before,
        _ if last => lines,
        _ => {
            metadata.insert("lines_to_next_cell".to_owned(), 0.into());
            lines
        }
    };
    let kind = match kind {
        Kind::Code if !is_active("ipynb", &metadata, true) => Kind::Raw,
        kind => kind,
    };
    let mut source = content(kind, &metadata, lines);
    if kind == Kind::Raw && metadata.get("active").is_some_and(|active| active == "") {
        metadata.shift_remove("active");
    }
    if let Some(language) =
        metadata.get("language").and_then(Value::as_str).map(str::to_owned).filter(|_| kind == Kind::Code)
        && LANGUAGES.contains(&language.as_str())
    {
        metadata.shift_remove("language");
        let mut magic = format!("%%{language}");
        if let Some(arguments) = metadata.shift_remove("magic_args") {
            magic = format!("{magic} {}", arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned));
        }
        source.insert(0, magic);
    }
    let source = lines_of(&source.join("\n"));
    match kind {
        Kind::Code => json!({
            "cell_type": "code", "execution_count": null, "id": "", "metadata": metadata, "outputs": [], "source": source,
        }),
        Kind::Markdown => json!({"cell_type": "markdown", "id": "", "metadata": metadata, "source": source}),
        Kind::Raw => json!({"cell_type": "raw", "id": "", "metadata": metadata, "source": source}),
    }
}

/// The lines of a cell as they are in the notebook.
fn content(kind: Kind, metadata: &Map<String, Value>, lines: &[&str]) -> Vec<String> {
    if is_commented(kind, metadata) {
        let inside = inside_fences(lines, kind);
        let line = |(line, inside): (&&str, bool)| {
            if inside { uncommented(line).to_owned() } else { uncommented(&unguarded(line)).to_owned() }
        };
        return lines.iter().zip(inside).map(line).collect();
    }
    let line = |line: &&str| if is_directive(line) { uncommented(line).to_owned() } else { unguarded(line) };
    lines.iter().map(line).collect()
}

/// Does all of a cell stand in comments?
fn is_commented(kind: Kind, metadata: &Map<String, Value>) -> bool {
    let ours = metadata.get("language").and_then(Value::as_str).is_none_or(|l| l.eq_ignore_ascii_case("rust"));
    match kind {
        Kind::Markdown => true,
        Kind::Raw => !is_active("rs", metadata, false),
        Kind::Code => !is_active("rs", metadata, ours),
    }
}

/// Is a cell for files of this kind? Its metadata may say for which it is.
fn is_active(extension: &str, metadata: &Map<String, Value>, usual: bool) -> bool {
    if metadata.get("run_control").and_then(|control| control.get("frozen")) == Some(&Value::Bool(true)) {
        return extension == "ipynb";
    }
    let tags = metadata.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if let Some(tag) = tags.into_iter().find(|tag| tag.starts_with("active-")) {
        return tag.split('-').any(|part| part == extension);
    }
    match metadata.get("active").and_then(Value::as_str) {
        Some(active) => active.split(['.', ',']).any(|part| part == extension),
        None => usual,
    }
}

/// Writes a cell and the blank line behind it.
pub(super) fn write(
    cell: &Value,
    number: usize,
    last: bool,
    options: &Options,
    out: &mut Vec<String>,
    left_out: &mut Vec<String>,
) {
    let mut leave_out = |what: &str| left_out.push(format!("cell {number}: {what}"));
    let kind = match cell["cell_type"].as_str() {
        Some("code") => Kind::Code,
        Some("markdown") => Kind::Markdown,
        _ => Kind::Raw,
    };
    if cell["attachments"].as_object().is_some_and(|files| !files.is_empty()) {
        leave_out("its attachments");
    }
    let whole = cell["metadata"].as_object().cloned().unwrap_or_default();
    let mut metadata = filter::cell(&whole, options.filter.as_ref());
    let unfit = |(key, value): &(&String, &Value)| {
        !is_key(key) || key.as_str() == "cell_type" || key.as_str() == "language" && is_magic(value)
    };
    let unfit: Vec<String> = metadata.iter().filter(unfit).map(|(key, _)| key.clone()).collect();
    unfit.iter().for_each(|key| drop(metadata.shift_remove(key)));
    let source = cell.get("source").and_then(text_of).unwrap_or_default();
    let mut lines: Vec<&str> = source.split('\n').collect();
    if kind == Kind::Code
        && let Some((language, arguments)) = language_of(lines[0])
    {
        lines.remove(0);
        if let Some(arguments) = arguments {
            metadata.insert("magic_args".to_owned(), arguments.into());
        }
        metadata.insert("language".to_owned(), language.into());
    }
    let lines = if is_commented(kind, &metadata) { in_comments(&lines, kind) } else { as_code(&lines) };
    let (options, unwritable) = opening::write(&Opening { kind: told(kind, &metadata), metadata, json: options.json });
    for key in unfit.iter().chain(&unwritable) {
        leave_out(&format!("`{key}` of its metadata"));
    }
    let indent = lines.first().map_or("", |line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    let indent = if lines.first().is_some_and(|line| line.trim().is_empty()) { "" } else { indent };
    out.push(format!("{indent}// %%{options}"));
    out.extend(lines);
    if !last && whole.get("lines_to_next_cell") != Some(&json!(0)) {
        out.push(String::new());
    }
}

/// A raw cell that says for which files it is needs no other word.
fn told(kind: Kind, metadata: &Map<String, Value>) -> Kind {
    let says = metadata.get("active").is_some_and(|active| active != "") && !is_active("ipynb", metadata, true);
    if kind == Kind::Raw && says { Kind::Code } else { kind }
}

fn is_magic(value: &Value) -> bool {
    value.as_str().is_none_or(|language| LANGUAGES.contains(&language) || language.eq_ignore_ascii_case("rust"))
}

/// The language of a cell and what stands behind it, when its first line names one.
fn language_of(line: &str) -> Option<(&str, Option<&str>)> {
    let magic = line.strip_prefix("%%")?;
    let (language, arguments) = match magic.split_once(' ') {
        // A space at the end would be lost.
        Some((_, "")) => return None,
        Some((language, arguments)) => (language, Some(arguments)),
        None => (magic, None),
    };
    LANGUAGES.contains(&language).then_some((language, arguments))
}

/// Which lines are inside a block of Markdown, where nothing begins a cell; in code there are no such blocks.
fn inside_fences<T: AsRef<str>>(lines: &[T], kind: Kind) -> Vec<bool> {
    let mut inside = vec![false; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        let end = if kind == Kind::Code { None } else { fenced(lines, at) };
        if let Some(end) = end {
            inside[at..=end].fill(true);
        }
        at = end.unwrap_or(at) + 1;
    }
    inside
}

fn in_comments(lines: &[&str], kind: Kind) -> Vec<String> {
    let plain: Vec<String> = lines.iter().map(|line| commented(line)).collect();
    let inside = inside_fences(&plain, kind);
    plain.into_iter().zip(inside).map(|(line, inside)| if inside { line } else { guarded(line) }).collect()
}

fn as_code(lines: &[&str]) -> Vec<String> {
    if *lines == [""] {
        return Vec::new();
    }
    let line = |line: &&str| if is_directive(line) { commented(line) } else { guarded((*line).to_owned()) };
    lines.iter().map(line).collect()
}
