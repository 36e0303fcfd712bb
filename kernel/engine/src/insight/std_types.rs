//! The methods of the standard types that cells use most: one line each, signature and, after two
//! dashes, what it does. A table of facts; `chain.rs` follows the types, `inspect.rs` shows the words.

mod collections;
mod core_types;
mod iterators;
mod numbers;
mod strings;

use super::types::Ty;

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
    /// Its methods, then its associated functions: those without `self`.
    pub(super) methods: &'static [&'static str],
}

/// A method or associated function of a standard type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StdMethod {
    /// `len(&self) -> usize`.
    pub(super) signature: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
}

impl StdMethod {
    fn read(line: &'static str) -> StdMethod {
        let (signature, about) = line.split_once(" -- ").unwrap_or((line, ""));
        StdMethod { signature, about }
    }

    pub(super) fn name(&self) -> &'static str {
        self.signature.split(['(', '<', ':']).next().unwrap_or_default()
    }

    pub(super) fn takes_self(&self) -> bool {
        let arguments = self.signature.split_once('(').map_or("", |(_, rest)| rest);
        ["self", "&self", "&mut self"].iter().any(|s| arguments.starts_with(s))
    }

    /// What it returns, in terms of the type's parameters.
    pub(super) fn output(&self) -> Ty {
        self.signature.rsplit_once(") -> ").map_or_else(|| Ty::named("tuple"), |(_, output)| Ty::parse(output))
    }
}

impl Std {
    pub(super) fn methods(&self) -> impl Iterator<Item = StdMethod> {
        self.methods.iter().map(|line| StdMethod::read(line))
    }

    pub(super) fn params(&self) -> Vec<&'static str> {
        self.params.split(',').filter(|p| !p.is_empty()).collect()
    }
}

/// All types of the tables.
pub(super) fn all() -> impl Iterator<Item = &'static Std> {
    strings::TYPES
        .iter()
        .chain(collections::TYPES)
        .chain(core_types::TYPES)
        .chain(iterators::TYPES)
        .chain(numbers::TYPES)
}

/// The entry of a type by name.
pub(super) fn find(name: &str) -> Option<&'static Std> {
    let name = match name {
        "i8" | "i16" | "i32" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "i64",
        "f32" => "f64",
        "BTreeSet" => "HashSet",
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
