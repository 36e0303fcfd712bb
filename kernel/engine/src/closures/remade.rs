//! The text of a closure for later cells: the user's own, with the types that it had, copies of what it uses, and
//! the closures that it calls.

use std::ops::Range;
use std::sync::Arc;

use super::super::diagnose::shorten;
use super::super::shelf::Hints;
use super::super::source::{Source, identifier};
use super::text::ClosureText;
use super::{Form, Inner, Kept, Known, Lent, Way};

/// Closures within closures, each written out, are kept up to this many bytes.
const LONGEST: usize = 1 << 16;

/// A cell that has been compiled.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    /// Its number.
    pub number: u32,
    /// Its text.
    pub text: &'a Arc<str>,
    /// What rustc said of it.
    pub record: &'a Hints,
    /// The first key of its bindings.
    pub key_base: u64,
}

/// A closure's types as rustc has printed them.
#[derive(Default)]
pub struct Types {
    parameters: Vec<String>,
    value: String,
}

impl Cell<'_> {
    /// The closure of a form, and its type for people.
    pub fn keep(&self, known: &Known<'_>, form: &Form<'_>) -> Option<(Arc<Kept>, String)> {
        match form {
            Form::Same(kept) => Some(((*kept).clone(), "closure".to_owned())),
            Form::Lent(lent) => self.keep_lent(known, lent),
            Form::Open { written, of, borrowed } => {
                let types = self.types(*of);
                let mut kept = Kept::default();
                remake((self.number, self.text), written, &types, false, &mut kept.code);
                if known.omit.ways.get(&known.split.bindings[*of].name) == Some(&Way::Unread) {
                    kept.unread = Some((self.number, self.text.clone(), (*written).clone()));
                }
                for name in borrowed {
                    kept.borrowed.push((name.clone(), self.key_of(known, name, known.split.bindings[*of].offset)?));
                }
                Some((Arc::new(kept), head(self.text, written, &types)))
            }
            Form::Closed { written, of, copies, inner } => {
                let types = self.types(*of);
                let mut kept = Kept::default();
                let block = !(copies.is_empty() && inner.is_empty());
                if block {
                    kept.code.push("{ ");
                }
                for (at, name) in copies.iter().enumerate() {
                    let type_text = known.copy_type(name, known.split.bindings[*of].offset)?;
                    let key = self.key_base.wrapping_add(copy_key(*of, at));
                    let slot = copy_slot(&known.split.bindings[*of].name, name);
                    let name = identifier(name);
                    let peek =
                        format!("let {name}: {type_text} = unsafe {{ ::ferrolab::rt::peek({slot:?}, {key:#x}) }}; ");
                    kept.code.push(&peek);
                }
                for (name, inner) in inner {
                    let inner = match inner {
                        Inner::Session(variable) => variable.kept.clone()?,
                        Inner::Here(index) => self.keep(known, &known.form(*index)?)?.0,
                    };
                    kept.code.push(&format!("let mut {} = ", identifier(name)));
                    kept.code.push_source(&inner.code);
                    kept.code.push("; ");
                }
                remake((self.number, self.text), written, &types, block, &mut kept.code);
                if known.omit.ways.get(&known.split.bindings[*of].name) == Some(&Way::Unread) && !block {
                    kept.unread = Some((self.number, self.text.clone(), (*written).clone()));
                }
                if block {
                    kept.code.push(" }");
                }
                if kept.code.text().len() > LONGEST {
                    return None;
                }
                Some((Arc::new(kept), head(self.text, written, &types)))
            }
        }
    }

    /// The text of what only borrows: that of one name of several is a block.
    fn keep_lent(&self, known: &Known<'_>, lent: &Lent<'_>) -> Option<(Arc<Kept>, String)> {
        let binding = &known.split.bindings[lent.of];
        let calls = lent.written.members.clone();
        let mut kept = Kept { once: binding.mutable, calls, ..Kept::default() };
        let user =
            |range: &Range<usize>, to: &mut Source| to.push_user(self.number, range.start, &self.text[range.clone()]);
        match &lent.written.pattern {
            None => {
                user(&lent.written.value, &mut kept.code);
                lent.written.typed.iter().for_each(|range| user(range, &mut kept.typed));
            }
            Some(pattern) => {
                kept.code.push("{ let ");
                user(pattern, &mut kept.code);
                kept.code.push(": ");
                match &lent.written.typed {
                    Some(range) => user(range, &mut kept.code),
                    None => kept.code.push("_"),
                }
                kept.code.push(" = ");
                user(&lent.written.value, &mut kept.code);
                kept.code.push(&format!("; {} }}", identifier(&binding.name)));
            }
        }
        for name in &lent.borrowed {
            kept.borrowed.push((name.clone(), self.key_of(known, name, binding.offset)?));
        }
        let type_text = self.record.types.iter().find(|(at, _)| *at == lent.of).map(|(_, text)| text.clone());
        Some((Arc::new(kept), type_text.unwrap_or_else(|| "reference".to_owned())))
    }

    fn types(&self, index: usize) -> Types {
        let found = self.record.signatures.iter().find(|(at, _)| *at == index);
        found.and_then(|(_, text)| Types::read(text)).unwrap_or_default()
    }

    fn key_of(&self, known: &Known<'_>, name: &str, at: usize) -> Option<u64> {
        match known.capture(name, at)? {
            super::Capture::Session(variable) => Some(variable.key),
            super::Capture::Here(index, _) => Some(self.key_base.wrapping_add(index as u64)),
            super::Capture::Hidden => None,
        }
    }
}

impl<'a> Known<'a> {
    fn copy_type(&self, name: &str, at: usize) -> Option<&'a str> {
        match self.capture(name, at)? {
            super::Capture::Session(variable) => Some(&variable.type_text),
            super::Capture::Here(index, _) => self.type_of(index),
            super::Capture::Hidden => None,
        }
    }
}

/// The user's text, with types where none are written.
pub fn remake((number, text): (u32, &str), written: &ClosureText, types: &Types, moves: bool, code: &mut Source) {
    let mut at = written.range.start;
    let mut copy = |to: usize, code: &mut Source| {
        code.push_user(number, at, &text[at..to]);
        at = to;
    };
    if moves && !written.moves {
        copy(written.bar, code);
        code.push("move ");
    }
    for (parameter, type_text) in written.parameters.iter().zip(&types.parameters) {
        if parameter.typed.is_none() && is_plain(type_text) {
            copy(parameter.range.end, code);
            code.push(&format!(": {type_text}"));
        }
    }
    if written.value.is_none() && !written.waits && is_plain(&types.value) {
        copy(written.head, code);
        code.push(&format!(" -> {} {{", types.value));
        copy(written.range.end, code);
        code.push(" }");
        return;
    }
    copy(written.range.end, code);
}

/// Its type for people.
pub fn head(text: &str, written: &ClosureText, types: &Types) -> String {
    let parameters = written.parameters.iter().enumerate().map(|(at, parameter)| {
        let text = &text[parameter.range.clone()];
        match types.parameters.get(at).filter(|_| parameter.typed.is_none()) {
            Some(of) => format!("{text}: {}", shorten(of)),
            None => text.to_owned(),
        }
    });
    let parameters: Vec<String> = parameters.collect();
    let value = match &written.value {
        Some(range) => &text[range.clone()],
        None => &types.value,
    };
    let value = if value.is_empty() || value == "()" || value.contains('{') {
        String::new()
    } else {
        format!(" -> {}", shorten(value))
    };
    let waits = if written.waits { "async " } else { "" };
    format!("{waits}closure |{}|{value}", parameters.join(", "))
}

/// The name under which a closure's copy of a variable is kept.
pub fn copy_slot(closure: &str, name: &str) -> String {
    format!("{closure}.{name}")
}

/// What is added to a cell's keys for it; bindings have the first of them.
pub fn copy_key(closure: usize, at: usize) -> u64 {
    (closure as u64 + 1) * 100_000 + at as u64
}

impl Types {
    /// From `std::marker::PhantomData<fn(f64) -> f64>`.
    pub fn read(text: &str) -> Option<Self> {
        let pointer = text.split_once('<')?.1.strip_suffix('>')?;
        if pointer.contains('{') {
            return None;
        }
        let parsed: syn::TypeBareFn = syn::parse_str(pointer).ok()?;
        let part = |of: &syn::Type| pointer[syn::spanned::Spanned::span(of).byte_range()].to_owned();
        let value = match &parsed.output {
            syn::ReturnType::Default => "()".to_owned(),
            syn::ReturnType::Type(_, of) => part(of),
        };
        let types = Self { parameters: parsed.inputs.iter().map(|input| part(&input.ty)).collect(), value };
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(types)
    }
}

/// Can the type be written in another cell, and does it mean the same there? A reference may have been of one lifetime
/// or of any.
fn is_plain(text: &str) -> bool {
    let unlike = ["&", "'", "{", "impl ", "dyn ", "cells::", "_ferrolab"];
    !text.is_empty() && text != "!" && !unlike.iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::super::super::split::split;
    use super::*;
    use crate::cfg::Cfg;

    fn remade(text: &str, signature: &str, moves: bool) -> (String, String) {
        let split = split(text, &Cfg::default()).expect("the cell parses");
        let written = split.bindings[0].closure.as_ref().expect("a closure");
        let mut record = Hints::default();
        record.signatures.push((0, signature.to_owned()));
        let shared = Arc::from(text);
        let cell = Cell { number: 1, text: &shared, record: &record, key_base: 7 };
        let mut code = Source::default();
        remake((1, text), written, &cell.types(0), moves, &mut code);
        (code.text().to_owned(), head(text, written, &cell.types(0)))
    }

    #[test]
    fn types_are_written_where_there_are_none() {
        let (code, head) =
            remade("let f = |x, (a, b), y: u8| x * a;", "PhantomData<fn(f64, (f64, i32), u8) -> f64>", true);
        assert_eq!(code, "move |x: f64, (a, b): (f64, i32), y: u8| -> f64 { x * a }");
        assert_eq!(head, "closure |x: f64, (a, b): (f64, i32), y: u8| -> f64");
        let (code, head) = remade("let f = |s| s;", "PhantomData<fn(&str) -> &str>", false);
        assert_eq!((code.as_str(), head.as_str()), ("|s| s", "closure |s: &str| -> &str"));
        let (code, _) =
            remade("let f = async |x: u8| x;", "PhantomData<fn(u8) -> {async closure body@a.rs:1:1}>", true);
        assert_eq!(code, "async move |x: u8| x");
        assert_eq!(remade("let f = || {};", "PhantomData<fn()>", false).0, "|| -> () { {} }");
    }
}
