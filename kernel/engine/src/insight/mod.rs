//! What a frontend asks while the user types: completions, descriptions, "is this a whole cell?".
//!
//! Pure functions over a snapshot of the session's [`Names`] and the text of the cell. No compiler
//! runs here and nothing is evaluated, so the answers come at once and while a cell runs; what the
//! tables and the text do not tell is not guessed.

mod chain;
mod code;
mod complete;
mod inspect;
mod is_complete;
mod items;
pub(super) mod lexer;
mod scope;
mod std_docs;
mod std_paths;
mod std_types;
#[cfg(test)]
mod tests;
mod types;

pub use complete::{Completions, complete};
pub use inspect::{Description, inspect};
pub use is_complete::{Completeness, first_code, is_complete, is_marked, is_statement_start};

/// The names of a session.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Variables that earlier cells left.
    pub variables: Vec<Variable>,
    /// Items of earlier cells.
    pub items: Vec<Item>,
    /// What is in every cell without being asked for: the helper crate's prelude.
    pub prelude: Vec<Item>,
    /// Crates that a path can start with.
    pub crates: Vec<String>,
    /// Directives, with their help.
    pub directives: Vec<Directive>,
}

/// A variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, as Rust.
    pub type_text: String,
}

/// A directive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directive {
    /// The word without its mark, such as `dep`; `%%time` keeps its marks, as it has no other.
    pub name: String,
    /// What it does, in Markdown.
    pub help: String,
}

/// An item, or a name that behaves as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
    /// How it is declared, without its body.
    pub signature: String,
    /// Its doc comment, Markdown.
    pub docs: String,
    /// Its whole text.
    pub source: String,
    /// The fields of a struct.
    pub fields: Vec<Variable>,
    /// The variants of an enum; the type is the payload as written, or empty.
    pub variants: Vec<Variable>,
    /// Methods and associated functions from its impl blocks, or a trait's own.
    pub methods: Vec<Method>,
    /// The names inside a module.
    pub members: Vec<Item>,
}

/// A method or an associated function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Its declaration: `fn area(&self) -> f64`.
    pub signature: String,
    /// Its doc comment.
    pub docs: String,
}

impl Method {
    /// Whether it is called with a dot.
    pub fn takes_self(&self) -> bool {
        let arguments = self.signature.split_once('(').map_or("", |(_, rest)| rest);
        let first = arguments.split([',', ')', ':']).next().unwrap_or_default();
        first.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "self")
    }
}

/// What an item is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ItemKind {
    /// A function.
    #[default]
    Function,
    /// A struct or union.
    Struct,
    /// An enum.
    Enum,
    /// A trait.
    Trait,
    /// A type alias.
    Type,
    /// A constant.
    Const,
    /// A static.
    Static,
    /// A macro.
    Macro,
    /// A module.
    Module,
    /// A name brought in by `use`.
    Import,
}

impl ItemKind {
    /// The word for it in completions.
    pub fn word(self) -> &'static str {
        match self {
            ItemKind::Function => "function",
            ItemKind::Struct => "struct",
            ItemKind::Enum => "enum",
            ItemKind::Trait => "trait",
            ItemKind::Type => "type",
            ItemKind::Const => "constant",
            ItemKind::Static => "static",
            ItemKind::Macro => "macro",
            ItemKind::Module => "module",
            ItemKind::Import => "import",
        }
    }
}

impl Names {
    /// An item by name: the session's own before the prelude's, and those before what is inside
    /// the prelude's modules, which values have as types without being named (`par::quiet()`).
    pub fn item(&self, name: &str) -> Option<&Item> {
        let inside = self.prelude.iter().flat_map(|module| &module.members);
        self.items.iter().rev().chain(&self.prelude).chain(inside).find(|item| item.name == name)
    }

    /// The type of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|v| v.name == name).map(|v| v.type_text.as_str())
    }
}

/// The byte offset of a cursor counted in Unicode code points; the text's end for one beyond it.
pub fn byte_offset(text: &str, cursor: usize) -> usize {
    text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at)
}

/// The code points before a byte offset.
pub fn code_points(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or_else(|| text.chars().count(), |before| before.chars().count())
}
