//! The modules of the standard library that cells use most: a line each for what they hold. A
//! letter says what it is: f(unction), s(truct), e(num), t(rait), m(odule), c(onstant), x (macro),
//! y (type alias).

mod table;

use table::MODULES;

/// A name in a standard module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StdName {
    /// The module, such as `std::fs`.
    pub(super) module: &'static str,
    /// The letter of its kind.
    pub(super) kind: char,
    /// Its name.
    pub(super) name: &'static str,
    /// For functions, from the parenthesis on.
    pub(super) signature: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
}

impl StdName {
    fn read(module: &'static str, line: &'static str) -> Option<StdName> {
        let kind = line.chars().next()?;
        let (declaration, about) = line.get(2..)?.split_once(" -- ").unwrap_or((line.get(2..)?, ""));
        let end = declaration.find('(').unwrap_or(declaration.len());
        let (name, signature) = declaration.split_at(end);
        Some(StdName { module, kind, name, signature, about })
    }

    /// The kind in a word.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            'f' => "function",
            's' => "struct",
            'e' => "enum",
            't' => "trait",
            'm' => "module",
            'c' => "constant",
            'x' => "macro",
            _ => "type",
        }
    }

    /// Its page.
    pub(super) fn page(&self) -> String {
        let base = self.module.replace("::", "/");
        let file = match self.kind {
            'f' => format!("fn.{}.html", self.name),
            's' => format!("struct.{}.html", self.name),
            'e' => format!("enum.{}.html", self.name),
            't' => format!("trait.{}.html", self.name),
            'm' => format!("{}/index.html", self.name),
            'c' => format!("constant.{}.html", self.name),
            'x' => format!("macro.{}.html", self.name),
            _ => format!("type.{}.html", self.name),
        };
        format!("{base}/{file}")
    }
}

/// What a module holds; the path may start with `core` or `alloc` for `std`, or be the module's
/// last name alone, as after a `use`.
pub(super) fn members(path: &str) -> Vec<StdName> {
    let path = path.trim_start_matches("::");
    let full = match path.split_once("::") {
        Some(("core" | "alloc", rest)) => format!("std::{rest}"),
        None if path == "core" || path == "alloc" => "std".to_owned(),
        _ => path.to_owned(),
    };
    let exact = MODULES.iter().find(|(module, _)| *module == full);
    let suffix = format!("::{full}");
    let found = exact.or_else(|| MODULES.iter().find(|(module, _)| module.ends_with(&suffix)));
    let Some((module, lines)) = found else {
        return Vec::new();
    };
    lines.iter().filter_map(|line| StdName::read(module, line)).collect()
}

/// Every entry with a name.
pub(super) fn find(name: &str) -> impl Iterator<Item = StdName> {
    let entries = MODULES.iter().flat_map(|(module, lines)| lines.iter().filter_map(|l| StdName::read(module, l)));
    entries.filter(move |entry| entry.name == name)
}
