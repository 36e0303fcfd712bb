//! `ferrolab convert`: a notebook to Rust text, and Rust text to a notebook. Which file becomes which, and what of an
//! older one is kept; how text and notebook say the same is the business of `percent`.

mod update;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value};

use crate::percent;
use crate::run::files;
use crate::run::notebook::{Notebook, bytes_of, is_text};

/// Exit status when there was nothing that could be converted, as for `ferrolab run`.
const UNUSABLE: u8 = 2;

/// What `convert` is to do.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write; `None` for one beside it, `-` for standard output.
    pub output: Option<PathBuf>,
    /// Keep what the notebook that is there has, and a text cannot hold.
    pub update: bool,
    /// Replace the file that is there.
    pub overwrite: bool,
}

impl ConvertOptions {
    /// The options the command line names.
    pub fn from_args(args: &crate::cli::ConvertArgs) -> Self {
        Self { input: args.input.clone(), output: args.output.clone(), update: args.update, overwrite: args.overwrite }
    }
}

/// Where the result goes.
enum Target {
    Stdout,
    File(PathBuf),
}

/// Converts a file. Status: 0 when it was written, 2 when it was not.
pub fn convert(options: &ConvertOptions) -> ExitCode {
    match converted(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("ferrolab: {problem}");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn converted(options: &ConvertOptions) -> Result<(), String> {
    let to_text = !is_text(&options.input);
    let target = target(options, to_text)?;
    let notebook = Notebook::read(&options.input)?;
    let bytes = if to_text { text(&notebook, &options.input) } else { book(&notebook, &target, options.update)? };
    match target {
        Target::Stdout => io::stdout().write_all(&bytes).map_err(|e| format!("standard output: {e}")),
        Target::File(path) => {
            files::write(&path, &bytes)?;
            println!("wrote {}", path.display());
            Ok(())
        }
    }
}

/// Decides where the result goes.
fn target(options: &ConvertOptions, to_text: bool) -> Result<Target, String> {
    let (from, to) = if to_text { ("ipynb", "rs") } else { ("rs", "ipynb") };
    let shown = options.input.display();
    if options.input.extension().is_none_or(|extension| extension != from) {
        return Err(format!("{shown}: convert makes a .rs of an .ipynb, and an .ipynb of a .rs; this is neither"));
    }
    let path = match &options.output {
        Some(path) if path == Path::new("-") => return Ok(Target::Stdout),
        Some(path) if path.is_dir() => path.join(options.input.with_extension(to).file_name().unwrap_or_default()),
        Some(path) => path.clone(),
        None => options.input.with_extension(to),
    };
    if path.extension().is_none_or(|extension| extension != to) {
        return Err(format!("{}: what is made of {shown} is a .{to}; name it so", path.display()));
    }
    if options.update && to_text {
        return Err("--update is for notebooks: a text has nothing that the notebook has not".to_owned());
    }
    if path.exists() && !options.update && !options.overwrite {
        let keep = if to_text { "" } else { "--update keeps its outputs, ids and attachments, " };
        return Err(format!("{} is there already; {keep}--overwrite replaces it", path.display()));
    }
    Ok(Target::File(path))
}

/// A notebook as text; what has no place in it is told.
fn text(notebook: &Notebook, input: &Path) -> Vec<u8> {
    let written = percent::write(notebook.root());
    if !written.left_out.is_empty() {
        eprintln!("ferrolab: a text has no place for");
        written.left_out.iter().for_each(|what| eprintln!("  {what}"));
        eprintln!("they stay in {0}: `ferrolab convert --update` of the text to {0} keeps them", input.display());
    }
    written.text.into_bytes()
}

/// A text as a notebook, with what the older one has besides.
fn book(notebook: &Notebook, target: &Target, update: bool) -> Result<Vec<u8>, String> {
    let mut root = notebook.root().clone();
    if let Target::File(path) = target
        && update
        && fs::exists(path).map_err(|e| format!("{}: {e}", path.display()))?
    {
        update::keep(Notebook::read(path)?.root(), &mut root);
    }
    Ok(bytes_of(&sorted(root)))
}

/// In the order of keys in which Jupyter writes notebooks.
fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, ordered(value))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.into_iter().collect()
}

fn ordered(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(items) => items.into_iter().map(ordered).collect(),
        other => other,
    }
}
