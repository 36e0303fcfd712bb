//! What the user is told when a cell fails, as Jupyter errors: name, one line, and the text with
//! colours. Every text says what happened, where, what became of the variables, what to do.

use crate::runner::host::{End, Ended, Panic};
use ferrolab_base::frame::Outcome;
use ferrolab_engine::environment::{EnvironmentError, EnvironmentFault, loadable};
use ferrolab_engine::source::Place;
use ferrolab_engine::{Engine, Refused};
use ferrolab_jupyter::session::evaluator::CellError;
use ferrolab_system::limits;

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// An error of one line.
pub(crate) fn plain(name: &str, text: &str) -> CellError {
    CellError {
        name: name.to_owned(),
        value: first_line(text),
        traceback: vec![format!("{RED}{name}{RESET}{BOLD}: {}{RESET}", text.trim_end())],
    }
}

/// The environment could not be had.
pub(super) fn environment(error: &EnvironmentError) -> CellError {
    match error.kind {
        EnvironmentFault::Cancelled => interrupted("while the environment was prepared"),
        _ => plain("Environment", &error.to_string()),
    }
}

/// What a cell that fails leaves behind, usually.
pub(crate) const AS_BEFORE: &str = "variables are as they were before the cell";

/// The user interrupted before the cell's code ran.
pub(crate) fn interrupted(when: &str) -> CellError {
    plain("Interrupted", &format!("interrupted {when}; {AS_BEFORE}"))
}

/// The session ends while the cell runs.
pub(super) fn session_ended() -> CellError {
    plain("SessionEnded", &crate::walltime::why_the_session_ends())
}

/// Add what is known of the cause, when the error or what was `said` before it points to a limit of the
/// system or to a folder from which no code can be loaded.
pub(super) fn name_causes(error: &mut CellError, said: &str) {
    let text = format!("{}\n{}\n{said}", error.value, error.traceback.join("\n"));
    if text.contains("(ulimit -") || text.contains("noexec") {
        return;
    }
    let refusal = loadable::explain(&text);
    if let Some(refusal) = &refusal
        && text.contains("E0463")
    {
        // rustc's own words are about crates that are there.
        *error = plain("Environment", &format!("{}\n\nhelp: {}", refusal.message, refusal.help));
        return;
    }
    let refusal = refusal.map(|refusal| format!("{}\n{}", refusal.message, refusal.help));
    let Some(cause) = refusal.or_else(|| limits::explain(&text)) else { return };
    error.value = format!("{}; {}", error.value, first_line(&cause));
    error.traceback.push(format!("{BLUE}cause{RESET}: {cause}"));
}

/// The engine refused a cell.
pub(super) fn refused(refused: Refused) -> CellError {
    match refused {
        Refused::Errors(r) => CellError { name: r.name, value: r.value, traceback: vec![r.ansi] },
        Refused::Interrupted => interrupted("while it was compiled"),
        Refused::Unfit(text) => plain("Directive", &text),
        Refused::Broken(text) => plain("Engine", &text),
    }
}

/// The cell ran and failed.
pub(super) fn ended(engine: &Engine, ended: &Ended, panics: &[Panic], kept: &str) -> CellError {
    match &ended.end {
        End::Said(Outcome::Panicked) => panicked(engine, panics, kept),
        End::Said(Outcome::Failed { message, kind }) => {
            let short = ferrolab_engine::variables::short_type(kind);
            let mut error = plain(&short, message);
            error.value = first_line(message);
            let places: String = panics.iter().map(|panic| place(engine, panic)).collect();
            error.traceback = vec![
                format!("{RED}error{RESET}{BOLD}: the cell returned {short} from `?`{RESET}\n{message}{places}"),
                note(kept),
            ];
            error.traceback.retain(|t| !t.is_empty());
            error
        }
        End::Said(Outcome::Interrupted) => with_note(plain("Interrupted", "the cell was interrupted"), kept),
        End::Stopped => with_note(plain("Interrupted", "the cell did not look at the interrupt and was ended"), kept),
        End::Dismissed => session_ended(),
        End::Died(how) => with_note(plain("Crash", how), kept),
        End::Vanished(how) => with_note(
            plain("Crash", &format!("the runner was ended between cells: {how}")),
            "variables are as they were before the last cell that ran; this cell was not run",
        ),
        End::Said(Outcome::NotLoaded { message }) => {
            with_note(plain("Loader", &format!("the compiled cell cannot be loaded: {message}")), kept)
        }
        End::Said(Outcome::Ok | Outcome::Returned) => plain("Engine", "the cell ended well"),
    }
}

fn with_note(mut error: CellError, kept: &str) -> CellError {
    if !kept.is_empty() {
        error.value = format!("{}; {kept}", error.value);
        error.traceback.push(note(kept));
    }
    error
}

pub(super) fn note(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{BLUE}note{RESET}: {text}") }
}

fn panicked(engine: &Engine, panics: &[Panic], kept: &str) -> CellError {
    let Some((panic, earlier)) = panics.split_last() else {
        return with_note(plain("panic", "the cell panicked without a message"), kept);
    };
    let mut text = format!("{RED}panic{RESET}{BOLD}: {}{RESET}", panic.message);
    text.push_str(&place(engine, panic));
    let frames = backtrace(engine, &panic.backtrace);
    if !frames.is_empty() {
        text.push_str(&format!("\n{BLUE}called from{RESET}: {}", frames.join(" ← ")));
    }
    let mut traceback = vec![text];
    // What a thread of the user's own said first explains the `unwrap` of its `join`; workers of
    // the pool all say the same.
    let own = earlier.iter().filter(|p| !p.thread.starts_with("worker"));
    traceback.extend(own.map(|p| format!("{BLUE}before that{RESET}: {}", thread_panic(engine, p))));
    if !kept.is_empty() {
        traceback.push(note(kept));
    }
    CellError { name: "panic".to_owned(), value: first_line(&panic.message), traceback }
}

/// Does the error with which a cell ended say what panicked? One of a graph does.
pub(super) fn tells_of(ended: &Ended, panic: &Panic) -> bool {
    let End::Said(Outcome::Failed { message, .. }) = &ended.end else { return false };
    message.contains(&format!("panicked: {}", panic.message))
}

/// A panic that is not the cell's end, as Rust prints it.
pub(super) fn thread_panic(engine: &Engine, panic: &Panic) -> String {
    let thread = if panic.thread.is_empty() { "<unnamed>" } else { &panic.thread };
    format!("thread '{thread}' panicked: {}{}", panic.message, place(engine, panic))
}

fn place(engine: &Engine, panic: &Panic) -> String {
    let (file, line, column) = &panic.place;
    match engine.locate(file, *line, *column) {
        Some((place, line, column)) => snippet(engine, &place, line, column),
        None if !file.is_empty() => format!("\n {BLUE}-->{RESET} {file}:{line}:{column}"),
        None => String::new(),
    }
}

/// The first line, without escape sequences and other control characters.
fn first_line(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.lines().next().unwrap_or("").chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // A control sequence ends with a letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            plain.push(c);
        }
    }
    plain
}

/// The line of the cell, in rustc's look.
fn snippet(engine: &Engine, place: &Place, line: usize, column: usize) -> String {
    let text = engine.cell_text(place.cell).and_then(|t| t.lines().nth(line - 1)).unwrap_or("");
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let mark = " ".repeat(text.chars().take(column - 1).map(|c| if c == '\t' { 4 } else { 1 }).sum());
    let text = text.replace('\t', "    ");
    format!(
        "\n{gap}{BLUE}-->{RESET} {}:{line}:{column}\n{gap} {BLUE}|{RESET}\n{BLUE}{number} |{RESET} {text}\n{gap} {BLUE}|{RESET} {mark}{RED}^{RESET}",
        engine.cell_name(place.cell)
    )
}

/// The user's functions in a backtrace, innermost first, without the cell itself.
fn backtrace(engine: &Engine, frames: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for frame in frames.lines() {
        let mut parts = frame.split('\t');
        let (name, file, line) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        if name.contains("__ferrolab_cell") {
            continue;
        }
        let short = name.split("::h").next().unwrap_or(name).replace("cells::", "");
        let place = line.parse().ok().and_then(|line| engine.locate(file, line, 1));
        let shown = match place {
            Some((place, line, _)) => format!("{short} {}:{line}", engine.cell_name(place.cell)),
            None => short,
        };
        if names.last() != Some(&shown) {
            names.push(shown);
        }
    }
    names
}
