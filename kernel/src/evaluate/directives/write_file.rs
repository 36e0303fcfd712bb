//! `%%writefile`: the rest of the cell becomes a file.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, Raw, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const WRITEFILE: Definition = Definition {
    names: &["%%writefile"],
    usage: "%%writefile [-a] PATH",
    help: "Write the rest of the cell to a file (`-a` appends).",
    engines: Engines::Own,
    form: Form::Raw(Raw { check, act: DirectEvaluator::on_write_file }),
};

impl DirectEvaluator {
    fn on_write_file(&mut self, rest: &str, text: &str, sink: &Arc<dyn Sink>) -> Done {
        let (append, path) = target(rest);
        write_file(path, append, text, sink)
    }
}

/// `-a` and the path.
fn target(rest: &str) -> (bool, &str) {
    match rest.strip_prefix("-a ") {
        Some(path) => (true, path.trim()),
        None => (false, rest),
    }
}

fn check(rest: &str) -> Done {
    if target(rest).1.is_empty() {
        return Err(wrong("%%writefile needs a path: `%%writefile data.csv`"));
    }
    Ok(())
}

fn write_file(path: &str, append: bool, text: &str, sink: &Arc<dyn Sink>) -> Done {
    let existed = Path::new(path).exists();
    let mut options = fs::OpenOptions::new();
    options.create(true).append(append).write(true).truncate(!append);
    let done = options.open(path).and_then(|mut f| f.write_all(text.as_bytes()));
    done.map_err(|e| wrong(&format!("cannot write {path}: {e}")))?;
    let how = match (append, existed) {
        (true, _) => "Appending to",
        (false, true) => "Overwriting",
        (false, false) => "Writing",
    };
    say(sink, &format!("{how} {path}\n"))
}
