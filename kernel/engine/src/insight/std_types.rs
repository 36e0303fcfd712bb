//! The methods of the standard types that cells use most, from `data/types.tsv`, which says how it is written and what it is
//! compared with. `chain.rs` follows the types, `inspect.rs` shows the words; nothing here reads a cell.

use super::types::{self, Ty};
use std::sync::LazyLock;

static TYPES: LazyLock<Vec<Std>> = LazyLock::new(|| read(include_str!("data/types.tsv")));

/// A standard type.
pub(super) struct Std {
    /// Its name, as [`Ty::name`] has it.
    pub(super) name: &'static str,
    /// Its parameters, in order, separated by commas.
    pub(super) params: &'static str,
    /// Its page under `https://doc.rust-lang.org/`.
    pub(super) page: &'static str,
    /// What it is.
    pub(super) about: &'static str,
    /// The type it dereferences to, in terms of its parameters; empty for none.
    pub(super) target: &'static str,
    methods: Vec<StdMethod>,
}

/// A method, associated function or constant of a standard type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StdMethod {
    /// `len(&self) -> usize`.
    pub(super) signature: &'static str,
    /// The type to go on with; empty where the signature says it.
    gives: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
}

impl StdMethod {
    pub(super) fn name(&self) -> &'static str {
        self.signature.split(['(', '<', ':']).next().unwrap_or_default()
    }

    pub(super) fn takes_self(&self) -> bool {
        let (arguments, _) = types::arguments(self.signature).unwrap_or_default();
        ["self", "&self", "&mut self", "&'a self"].iter().any(|s| arguments.starts_with(s))
    }

    /// What it returns, or is, in terms of the type's parameters.
    pub(super) fn output(&self) -> Ty {
        let said = if self.gives.is_empty() { types::output(self.signature) } else { self.gives };
        if said.is_empty() { Ty::named("tuple") } else { Ty::parse(said) }
    }
}

impl Std {
    pub(super) fn methods(&self) -> impl Iterator<Item = StdMethod> {
        self.methods.iter().copied()
    }

    pub(super) fn params(&self) -> Vec<&'static str> {
        self.params.split(',').filter(|p| !p.is_empty()).collect()
    }
}

/// The types of a table. A line that is none of its kinds is left out, which a test would tell.
fn read(table: &'static str) -> Vec<Std> {
    let mut types: Vec<Std> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["type", name, params, page, target, about] => {
                types.push(Std { name, params, page, about, target, methods: Vec::new() });
            }
            [signature, gives, about] => {
                let Some(last) = types.last_mut() else { continue };
                last.methods.push(StdMethod { signature, gives, about });
            }
            _ => {}
        }
    }
    types
}

/// All types of the table.
pub(super) fn all() -> impl Iterator<Item = &'static Std> {
    TYPES.iter()
}

/// The entry of a type by name.
pub(super) fn find(name: &str) -> Option<&'static Std> {
    let name = match name {
        "i8" | "i16" | "i32" | "i128" | "isize" => "i64",
        "u8" | "u16" | "u32" | "u128" | "usize" => "u64",
        "f32" => "f64",
        "RangeInclusive" | "RangeFrom" => "Range",
        "IntoIter"
        | "Iter"
        | "IterMut"
        | "Map"
        | "Filter"
        | "FilterMap"
        | "Enumerate"
        | "Zip"
        | "Rev"
        | "Take"
        | "Skip"
        | "Chain"
        | "Cycle"
        | "StepBy"
        | "Peekable"
        | "Chars"
        | "CharIndices"
        | "Bytes"
        | "Lines"
        | "Split"
        | "SplitWhitespace"
        | "Windows"
        | "Chunks"
        | "Repeat"
        | "Flatten"
        | "FlatMap"
        | "TakeWhile"
        | "SkipWhile"
        | "Cloned"
        | "Copied"
        | "Drain"
        | "Keys"
        | "Values"
        | "DoubleEndedIterator"
        | "ExactSizeIterator" => "Iterator",
        "RwLockReadGuard" | "RwLockWriteGuard" | "Ref" | "RefMut" => "MutexGuard",
        other => other,
    };
    all().find(|entry| entry.name == name)
}
