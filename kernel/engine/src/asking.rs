//! The type of what a cell shows, where rustc wants to know it before it has decided: `par::sum(&[1.0, 2.0])`
//! becomes an `f64` at the end of the function only, and a block that panics has no type at all. Then the
//! value is bound instead of shown, a lint tells its type, and the cell is compiled once more with that.

use serde::{Deserialize, Serialize};

use super::diagnose::{Diagnostic, TypeKind, classify};
use super::split::Split;

/// What is known of the type of a cell's last expression.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// Nothing, and nothing is needed.
    #[default]
    Inferred,
    /// It is asked for: bound, not shown. That is all there is to do where it never has a value.
    Asked,
    /// This one.
    Is(String),
    /// It cannot be told; rustc has explained why.
    Unknown,
}

impl Shown {
    /// The answer that a compilation gave, when there is something to show.
    pub fn answered(said: Option<&str>) -> Option<Self> {
        match said? {
            "!" | "()" => None,
            text => match classify(text) {
                TypeKind::Nameable(text) => Some(Self::Is(text)),
                _ => None,
            },
        }
    }
}

/// Does rustc want to know nothing but types, in a cell that shows something?
pub(super) fn wants_type(diagnostics: &[Diagnostic], split: &Split) -> bool {
    let mut errors = diagnostics.iter().filter(|d| d.is_error() && !d.spans.is_empty()).peekable();
    split.trailing.is_some() && split.measure.is_none() && errors.peek().is_some() && errors.all(wants_annotation)
}

/// Is it about a type that nothing decides?
pub(super) fn wants_annotation(error: &Diagnostic) -> bool {
    ["E0282", "E0283", "E0284"].contains(&error.code())
}
