//! The modules of the standard library that cells use most: a line each for what they hold, from `data/modules.tsv`, which says
//! how it is written and what it is compared with. Methods of types are `std_types.rs`.

use super::types::{self, Ty};
use std::sync::LazyLock;

static MODULES: LazyLock<Vec<Module>> = LazyLock::new(|| read(include_str!("data/modules.tsv")));

struct Module {
    path: &'static str,
    names: Vec<StdName>,
}

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
    /// For functions, the type to go on with; empty where the signature says it.
    gives: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
}

impl StdName {
    /// The kind in a word.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            'f' => "function",
            's' => "struct",
            'e' => "enum",
            't' => "trait",
            'm' => "module",
            'c' => "constant",
            'v' => "variant",
            _ => "type",
        }
    }

    /// What a function returns.
    pub(super) fn output(&self) -> Ty {
        Ty::parse(if self.gives.is_empty() { types::output(self.signature) } else { self.gives })
    }

    /// Its page.
    pub(super) fn page(&self) -> String {
        if self.kind == 'v'
            && let Some((module, of)) = self.module.rsplit_once("::")
        {
            return format!("{}/enum.{of}.html#variant.{}", module.replace("::", "/"), self.name);
        }
        let base = self.module.replace("::", "/");
        let file = match self.kind {
            'f' => format!("fn.{}.html", self.name),
            's' => format!("struct.{}.html", self.name),
            'e' => format!("enum.{}.html", self.name),
            't' => format!("trait.{}.html", self.name),
            'm' => format!("{}/index.html", self.name),
            'c' => format!("constant.{}.html", self.name),
            _ => format!("type.{}.html", self.name),
        };
        format!("{base}/{file}")
    }
}

/// What a module holds; the path may start with `core` or `alloc` for `std`, or be the module's
/// last name alone, as after a `use`.
pub(super) fn members(path: &str) -> &'static [StdName] {
    let path = path.trim_start_matches("::");
    let full = match path.split_once("::") {
        Some(("core" | "alloc", rest)) => format!("std::{rest}"),
        None if path == "core" || path == "alloc" => "std".to_owned(),
        _ => path.to_owned(),
    };
    let exact = MODULES.iter().find(|module| module.path == full);
    let suffix = format!("::{full}");
    let found = exact.or_else(|| MODULES.iter().find(|module| module.path.ends_with(&suffix)));
    found.map_or(&[], |module| &module.names)
}

/// Every entry with a name.
pub(super) fn find(name: &str) -> impl Iterator<Item = &'static StdName> {
    MODULES.iter().flat_map(|module| &module.names).filter(move |entry| entry.name == name)
}

/// The modules of a table. A line that is none of its kinds is left out, which a test would tell.
fn read(table: &'static str) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["module", path] => modules.push(Module { path, names: Vec::new() }),
            [kind, declaration, gives, about] => {
                let (Some(kind), Some(last)) = (kind.chars().next(), modules.last_mut()) else { continue };
                let (name, signature) = declaration.split_at(declaration.find(['(', '<']).unwrap_or(declaration.len()));
                last.names.push(StdName { module: last.path, kind, name, signature, gives, about });
            }
            _ => {}
        }
    }
    modules
}
