//! `ferrolab mcp` and `ferrolab assist`: what assistants need of this program besides the server itself: notebooks as files,
//! and the file with instructions in a project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value};

use crate::percent;
use crate::run::files;
use crate::run::notebook::{Notebook, bytes_of, is_text};
use ferrolab_assist::{Attach, Books, Options};

/// Where the instructions begin in a file that has others, too, and where they end.
const BEGINS: &str = "<!-- ferrolab: begin -->";
const ENDS: &str = "<!-- ferrolab: end -->";
const INSTRUCTIONS: &str = include_str!("AGENTS.md");

/// Notebooks of both forms.
struct Files;

impl Books for Files {
    fn read(&self, path: &Path) -> Result<Map<String, Value>, String> {
        Ok(Notebook::read(path)?.root().clone())
    }

    fn write(&self, path: &Path, notebook: &Map<String, Value>) -> Result<(), String> {
        let bytes = if is_text(path) { percent::write(notebook).text.into_bytes() } else { bytes_of(notebook) };
        files::write(path, &bytes)
    }
}

/// `ferrolab mcp`: serves until standard input ends. Status: 0 then, 1 when there is no session.
pub fn serve(args: &crate::cli::McpArgs) -> ExitCode {
    let attach = match (&args.kernel, &args.notebook) {
        (Some(file), _) => Attach::Connection(file.clone()),
        (None, Some(notebook)) if !args.own => Attach::Notebook(notebook.clone()),
        _ => Attach::Own,
    };
    let served = crate::executable().and_then(|executable| {
        ferrolab_assist::serve(Options { attach, notebook: args.notebook.clone(), executable, books: Box::new(Files) })
    });
    told("mcp", served)
}

/// `ferrolab assist --init`: writes the instructions. Status: 1 when the file cannot be written.
pub fn init(args: &crate::cli::AssistArgs) -> ExitCode {
    let path = args.directory.clone().unwrap_or_else(|| PathBuf::from(".")).join("AGENTS.md");
    told("assist", write_instructions(&path).map(|()| println!("wrote {}", path.display())))
}

fn told(verb: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("ferrolab {verb}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the instructions into a file: in the place of older ones, behind what others have written.
fn write_instructions(path: &Path) -> Result<(), String> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    files::write(path, with_instructions(&before).as_bytes())
}

fn with_instructions(before: &str) -> String {
    let ours = format!("{BEGINS}\n{INSTRUCTIONS}{ENDS}\n");
    let older =
        before.find(BEGINS).and_then(|begins| Some((begins, begins + before[begins..].find(ENDS)? + ENDS.len())));
    match older {
        Some((begins, ends)) => format!("{}{ours}{}", &before[..begins], before[ends..].trim_start_matches('\n')),
        None if before.trim().is_empty() => ours,
        None => format!("{}\n\n{ours}", before.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays() {
        let first = with_instructions("# Project\n\nOurs.\n");
        assert!(
            first.starts_with("# Project\n\nOurs.\n\n<!-- ferrolab: begin -->\n") && first.contains("`check` finds")
        );
        assert_eq!(with_instructions(&first), first, "once");
        let older = first.replace("`check` finds", "an older text");
        assert_eq!(with_instructions(&format!("{older}\nMore.\n")), format!("{first}More.\n"));
    }
}
