//! What a directive is: its names, its help, how it is written, and what it does. Each is defined in a file of
//! this room and listed in `table.rs`; everything else that knows directives (the reader of cells, `:help`,
//! completion, "is this a whole cell?", the documentation) takes them from there.

use std::sync::Arc;

use crate::evaluate::{DirectEvaluator, errors};
use ferrolab_engine::measured::Measure;
use ferrolab_jupyter::session::evaluator::{CellError, Display, Sink, Stream};

/// How doing a directive ended.
pub(super) type Done = Result<(), CellError>;

/// A directive.
pub(super) struct Definition {
    /// Its names without the mark, ours first; `%%name` keeps its marks.
    pub(super) names: &'static [&'static str],
    /// How it is written, in a line.
    pub(super) usage: &'static str,
    /// What it does, in Markdown.
    pub(super) help: &'static str,
    /// Which engines have it.
    pub(super) engines: Engines,
    /// How it is read and done.
    pub(super) form: Form,
}

/// The engines that have a directive.
#[derive(PartialEq, Eq)]
pub(super) enum Engines {
    /// Ferrolab's own alone: evcxr's refuses it.
    Own,
    /// Ferrolab's own, and evcxr's, where evcxr itself does it under these names.
    Evcxr(&'static [&'static str]),
    /// Both, and on evcxr's the kernel does it, too.
    Every,
}

impl Engines {
    /// What help adds for a directive that not all have.
    pub(super) fn limits(&self) -> &'static str {
        match self {
            Self::Own => " Not on the evcxr engine.",
            Self::Evcxr(_) | Self::Every => "",
        }
    }
}

/// How a directive is read, and what does it.
pub(super) enum Form {
    /// `:name` and `%name`, with nothing behind.
    Alone(fn(&mut DirectEvaluator, &Arc<dyn Sink>) -> Done),
    /// `:name rest` and `%name rest`.
    Line(fn(&mut DirectEvaluator, &str, &Arc<dyn Sink>) -> Done),
    /// `:dep …`, whose lines are done together and before any code.
    Dependency,
    /// `%name [options] code`: reads the rest of the line; where the code begins in it, and what is done with it.
    Code(fn(&str) -> Result<(Magic, usize), CellError>),
    /// `%%name rest` above Rust. The number is where `rest` stands in the cell.
    Cell(fn(&str, usize) -> Result<Magic, CellError>),
    /// `%%name rest` above text that is no Rust.
    Raw(Raw),
    /// `!` and `?`, which are marks themselves.
    Mark,
    /// Ends the session.
    Quit,
}

/// What takes the rest of a cell as text.
pub(super) struct Raw {
    /// Is what stands behind the name good?
    pub(super) check: fn(&str) -> Done,
    /// Does it: what stands behind the name, and the text below.
    pub(super) act: fn(&mut DirectEvaluator, &str, &str, &Arc<dyn Sink>) -> Done,
}

/// What wraps the code of a cell, or of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Magic {
    /// `%%time`, `%time`.
    Time,
    /// `%%capture [name]`.
    Capture(Option<String>),
    /// `%%timeit`, `%timeit`, `%%scaling` and `%%bench`.
    Measured(Measure),
    /// `%%check`, `:check`.
    Check,
}

/// An error that is about a directive.
pub(super) fn wrong(text: &str) -> CellError {
    errors::plain("Directive", text)
}

/// Prints.
pub(super) fn say(sink: &Arc<dyn Sink>, text: &str) -> Done {
    sink.stream(Stream::Stdout, text);
    Ok(())
}

/// A display of these representations.
pub(super) fn bundle(data: &[(&str, &str)]) -> Display {
    Display { data: data.iter().map(|(m, t)| ((*m).to_owned(), (*t).into())).collect(), ..Display::default() }
}

/// A switch.
pub(super) fn on_off(text: &str, name: &str) -> Result<bool, CellError> {
    match text {
        "on" | "1" | "true" | "yes" => Ok(true),
        "off" | "0" | "false" | "no" => Ok(false),
        _ => Err(wrong(&format!(":{name} takes on or off"))),
    }
}
