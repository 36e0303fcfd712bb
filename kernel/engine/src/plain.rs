//! Variables whose large data holds no pointers, by their types: vectors and arrays of numbers, and what is built of
//! them. The runner keeps such data out of its snapshots. A type that is not known is not one of them:
//! a wrong "yes" would let a restored variable point to nowhere, a wrong "no" costs time.

use syn::{Expr, Fields, GenericArgument, Item, Lit, PathArguments, Type, TypePath};

use super::Engine;
use super::compile::ITEMS_CRATE;
use super::items::Items;

/// Numbers and the like.
const NUMBERS: [&str; 18] = [
    "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "bool",
    "char", "Duration", "Instant",
];
/// What is as plain as its arguments are.
const WRAPPERS: [&str; 4] = ["Complex", "Wrapping", "Saturating", "Reverse"];
/// Definitions within definitions are followed so far.
const DEPTH: u8 = 6;

impl Engine {
    /// The variables that the last committed cell bound and whose large data is plain: name, key, levels (2 for
    /// vectors of vectors).
    pub fn newly_plain(&self) -> Vec<(String, u64, u8)> {
        let known = |name: &str, key| {
            let before = self.before.as_ref().and_then(|before| before.variables.get(name));
            before.is_some_and(|variable| variable.key == key)
        };
        let new = self.state.variables.iter().filter(|(name, variable)| !known(name, variable.key));
        let plain = |text: &str| levels(&syn::parse_str(text).ok()?, &self.state.items, DEPTH);
        new.filter_map(|(name, variable)| Some((name.clone(), variable.key, plain(&variable.type_text)?))).collect()
    }
}

/// How many vectors are around the plain data; none when there is other data or none of it.
fn levels(of: &Type, items: &Items, depth: u8) -> Option<u8> {
    let depth = depth.checked_sub(1)?;
    let Type::Path(path) = of else {
        return match of {
            Type::Tuple(parts) => owners(parts.elems.iter(), items, depth),
            Type::Paren(inner) => levels(&inner.elem, items, depth),
            Type::Group(inner) => levels(&inner.elem, items, depth),
            _ => None,
        };
    };
    let last = path.path.segments.last()?;
    let arguments = arguments(path);
    let name = last.ident.to_string();
    if is_item(path, items) {
        let fields = if arguments.is_empty() { fields_of(&name, items)? } else { return None };
        return owners(fields.iter(), items, depth);
    }
    match (name.as_str(), arguments.as_slice()) {
        ("String", []) => Some(1),
        ("Vec", [element]) => match levels(element, items, depth) {
            _ if is_plain(element, items, depth) => Some(1),
            Some(1) if is_vector(element) => Some(2),
            _ => None,
        },
        ("VecDeque", [element]) => is_plain(element, items, depth).then_some(1),
        // As structures of cells name ndarray's arrays.
        ("Array1" | "Array2" | "Array3" | "Array4" | "ArrayD", [element]) => {
            is_plain(element, items, depth).then_some(1)
        }
        ("Box", [Type::Slice(slice)]) => is_plain(&slice.elem, items, depth).then_some(1),
        ("Box", [inner]) => is_plain(inner, items, depth).then_some(1),
        // An owned array of ndarray: its buffer, its shape and strides, which are small or numbers.
        ("ArrayBase", [Type::Path(storage), ..]) if storage.path.segments.last()?.ident == "OwnedRepr" => {
            let stored = self::arguments(storage);
            (stored.len() == 1 && is_plain(&stored[0], items, depth)).then_some(1)
        }
        _ => None,
    }
}

fn is_vector(of: &Type) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Vec"))
}

/// Parts that stand side by side: each is plain itself or has plain data one level away.
fn owners<'a>(parts: impl Iterator<Item = &'a Type>, items: &Items, depth: u8) -> Option<u8> {
    let mut owns = false;
    for part in parts {
        match levels(part, items, depth) {
            Some(1) => owns = true,
            None if is_plain(part, items, depth) && has_all_bytes(part, items) => {}
            _ => return None,
        }
    }
    owns.then_some(1)
}

/// No part of it may be empty: an enum's other variants leave old bytes behind.
fn has_all_bytes(of: &Type, items: &Items) -> bool {
    match of {
        Type::Path(path) => !is_item(path, items),
        Type::Tuple(parts) => parts.elems.iter().all(|part| has_all_bytes(part, items)),
        Type::Array(array) => has_all_bytes(&array.elem, items),
        _ => false,
    }
}

/// Holds no pointer and nothing that is to be dropped.
fn is_plain(of: &Type, items: &Items, depth: u8) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match of {
        Type::Array(array) => {
            matches!(&array.len, Expr::Lit(l) if matches!(l.lit, Lit::Int(_))) && is_plain(&array.elem, items, depth)
        }
        Type::Tuple(parts) => parts.elems.iter().all(|part| is_plain(part, items, depth)),
        Type::Paren(inner) => is_plain(&inner.elem, items, depth),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return false };
            let (name, arguments) = (last.ident.to_string(), arguments(path));
            if is_item(path, items) {
                let fields = if arguments.is_empty() { fields_of(&name, items) } else { None };
                return fields.is_some_and(|fields| fields.iter().all(|field| is_plain(field, items, depth)));
            }
            if arguments.is_empty() {
                return NUMBERS.contains(&name.as_str());
            }
            (WRAPPERS.contains(&name.as_str()) || name == "Option")
                && arguments.iter().all(|a| is_plain(a, items, depth))
        }
        _ => false,
    }
}

/// Defined by a cell: by its path, or by its name alone, as the crate that defines it and other cells' definitions
/// say it. A name that a cell defined is that cell's, whatever else has it.
fn is_item(path: &TypePath, items: &Items) -> bool {
    let segments = &path.path.segments;
    let Some(first) = segments.first().map(|first| first.ident.to_string()) else { return false };
    if segments.len() == 1 { items.defines(&first) } else { first == ITEMS_CRATE }
}

fn arguments(path: &TypePath) -> Vec<Type> {
    let Some(PathArguments::AngleBracketed(list)) = path.path.segments.last().map(|last| &last.arguments) else {
        return Vec::new();
    };
    let types = list.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(of) => Some(of.clone()),
        _ => None,
    });
    types.collect()
}

/// The types of the fields of a structure that a cell defined, of which there is one.
fn fields_of(name: &str, items: &Items) -> Option<Vec<Type>> {
    let texts = items.each().filter(|(_, text)| text.contains(name)).filter_map(|(_, text)| syn::parse_str(text).ok());
    let mut found = texts.filter_map(|item| match item {
        Item::Struct(s) if s.ident == name && s.generics.params.is_empty() => Some(s.fields),
        _ => None,
    });
    let fields = found.next()?;
    if found.next().is_some() {
        return None;
    }
    match fields {
        Fields::Named(named) => Some(named.named.into_iter().map(|f| f.ty).collect()),
        Fields::Unnamed(unnamed) => Some(unnamed.unnamed.into_iter().map(|f| f.ty).collect()),
        Fields::Unit => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cfg::Cfg;
    use super::super::split::split;
    use super::*;
    use std::sync::Arc;

    fn of(text: &str, cells: &[&str]) -> Option<u8> {
        let mut items = Items::default();
        for (n, cell) in cells.iter().enumerate() {
            let text: Arc<str> = (*cell).into();
            items.add(n as u32 + 1, &text, &split(cell, &Cfg::default()).expect("it parses"));
        }
        levels(&syn::parse_str(text).expect("a type"), &items, DEPTH)
    }

    #[test]
    fn numbers_in_vectors_and_arrays_are_plain() {
        for text in [
            "std::vec::Vec<f64>",
            "std::vec::Vec<[f32; 3]>",
            "std::vec::Vec<std::option::Option<u8>>",
            "std::vec::Vec<num_complex::Complex<f64>>",
            "std::boxed::Box<[i32]>",
            "std::string::String",
            "ndarray::ArrayBase<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>",
            "(std::vec::Vec<f64>, usize, std::vec::Vec<u8>)",
        ] {
            assert_eq!(of(text, &[]), Some(1), "{text}");
        }
        assert_eq!(of("std::vec::Vec<std::vec::Vec<f64>>", &[]), Some(2));
    }

    #[test]
    fn what_points_somewhere_is_not() {
        for text in [
            "f64",
            "std::vec::Vec<std::string::String>",
            "std::vec::Vec<&'static str>",
            "std::vec::Vec<std::boxed::Box<f64>>",
            "std::vec::Vec<std::vec::Vec<std::string::String>>",
            "std::option::Option<std::vec::Vec<f64>>",
            "std::collections::HashMap<u64, f64>",
            "std::vec::Vec<fn()>",
            "std::sync::Arc<std::vec::Vec<f64>>",
            "(std::vec::Vec<std::string::String>, std::vec::Vec<f64>)",
        ] {
            assert_eq!(of(text, &[]), None, "{text}");
        }
        assert_eq!(of("(std::vec::Vec<std::vec::Vec<f64>>, std::vec::Vec<f64>)", &[]), None, "two levels beside one");
    }

    #[test]
    fn structures_of_cells_are_what_their_fields_are() {
        let cells = ["struct Point { x: f64, y: f64 }", "struct Grid { data: Vec<f64>, rows: usize }"];
        assert_eq!(of("std::vec::Vec<cells::Point>", &cells), Some(1));
        assert_eq!(of("cells::Grid", &cells), Some(1));
        assert_eq!(of("Grid", &cells), Some(1), "as its own crate calls it");
        assert_eq!(of("cells::Point", &cells), None);
        assert_eq!(of("cells::Grid", &["struct Grid { data: Vec<String>, rows: usize }"]), None);
        assert_eq!(of("cells::Grid", &["struct Vec<T>(Box<T>);", "struct Grid { data: Vec<f64> }"]), None);
        assert_eq!(of("cells::Grid", &["enum Grid { A(Vec<f64>), B }"]), None);
        assert_eq!(of("cells::Grid", &["struct Grid { data: Option<Vec<f64>>, rows: usize }"]), None);
    }
}
