//! Closures between cells. One that uses no variables, or numbers that cannot change, or that borrows variables
//! of the session, is kept as its source: later cells make it again, so it is inlined as in one program, and what it
//! borrows is what the variables hold then. Any other is boxed (`boxed.rs`). What follows from which is
//! decided here; nothing is compiled. References are kept in the same way (`lent.rs`).

pub mod boxed;
pub mod explain;
pub mod lent;
pub mod looks;
pub mod remade;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::generate::{Generated, Omit};
use super::shelf::Hints;
use super::source::{Place, Source, identifier};
use super::split::{Binding, Split, words};
use super::variables::{Variable, Variables};
pub use boxed::{Boxed, Shape};
use lent::LentText;
use text::ClosureText;

/// Closures of more parameters are not asked for their types.
pub const PARAMETERS: usize = 6;

/// Longer arrays are borrowed, not copied.
const COPIED: usize = 64;

/// How a new variable is kept whose type has no name; learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// As its source, with copies of these variables.
    Copied(Vec<String>),
    /// As its source, unread: what it is called with in later cells tells its types.
    Unread,
    /// As its source, because it borrows.
    Lent,
    /// In another form.
    Boxed(Boxed),
    /// Not at all.
    Never,
}

impl Way {
    /// Grows from one try to the next.
    pub fn rank(&self) -> usize {
        match self {
            Self::Copied(_) | Self::Unread | Self::Lent => 1,
            Self::Boxed(boxed) => 2 + boxed.rank(),
            Self::Never => 100,
        }
    }
}

/// How far the types of closures are known that are written without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Typing {
    /// rustc finds them.
    #[default]
    Found,
    /// The cell's value is not shown, since rustc must know its type for that before it knows theirs: they are asked
    /// for.
    Asked,
    /// They are written, by name, as far as rustc told them.
    Told(BTreeMap<String, String>),
}

impl Typing {
    /// Grows from one try to the next.
    pub fn rank(&self) -> usize {
        match self {
            Self::Found => 0,
            Self::Asked => 1,
            Self::Told(_) => 2,
        }
    }

    /// What is told of a closure's types.
    pub fn of(&self, name: &str) -> Option<&str> {
        let Self::Told(types) = self else { return None };
        types.get(name).map(String::as_str)
    }
}

/// A closure as later cells make it.
#[derive(Debug, Default)]
pub struct Kept {
    /// An expression.
    pub code: Source,
    /// The type that its `let` says, for what borrows; empty where it says none.
    pub typed: Source,
    /// The variables that it borrows, by name and key; none when it stands for itself.
    pub borrowed: Vec<(String, u64)>,
    /// It may change, so it is there for one cell that mentions it.
    pub once: bool,
    /// Methods that it calls, for what borrows: they are to stay those that were looked at.
    pub calls: BTreeSet<String>,
    /// Cell, text and place of one whose types are not known yet.
    pub unread: Option<(u32, Arc<str>, ClosureText)>,
}

impl Kept {
    /// The words of its text.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        words(self.code.text()).chain(words(self.typed.text()))
    }

    /// Does its text stand at this place?
    pub fn is_at(&self, place: &Place) -> bool {
        self.code.has(place)
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        let texts = |kept: &Self| (kept.code.text().to_owned(), kept.typed.text().to_owned());
        texts(self) == texts(other) && self.borrowed == other.borrowed
    }
}

/// What is known while a cell is generated or entered.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The cell's parts.
    pub split: &'a Split,
    /// Those before the cell.
    pub variables: &'a Variables,
    /// What was learnt.
    pub omit: &'a Omit,
    /// What rustc said of the new ones' types, once it has.
    pub record: Option<&'a Hints>,
}

/// What a name in a closure stands for.
enum Capture<'a> {
    Session(&'a Variable),
    Here(usize, &'a Binding),
    /// A binding of this cell that has no name any more.
    Hidden,
}

/// How a closure is made again.
pub enum Form<'a> {
    /// It is another one's.
    Same(&'a Arc<Kept>),
    /// It stands for itself, with copies and with other closures in it.
    Closed {
        /// The closure.
        written: &'a ClosureText,
        /// The binding it stands in.
        of: usize,
        /// Variables that it copies.
        copies: Vec<String>,
        /// Closures that it calls.
        inner: Vec<(String, Inner<'a>)>,
    },
    /// It borrows these.
    Open {
        /// The closure.
        written: &'a ClosureText,
        /// The binding it stands in.
        of: usize,
        /// Variables that it borrows.
        borrowed: Vec<String>,
    },
    /// It is no closure, and borrows.
    Lent(Lent<'a>),
}

/// What only borrows, as it is made again.
pub struct Lent<'a> {
    /// Its `let`.
    pub written: &'a LentText,
    /// The binding.
    pub of: usize,
    /// Variables that it borrows.
    pub borrowed: Vec<String>,
}

/// A closure that another one calls.
pub enum Inner<'a> {
    /// One of an earlier cell.
    Session(&'a Variable),
    /// A binding of this cell.
    Here(usize),
}

impl<'a> Known<'a> {
    /// How the binding is kept as source; none when it is not.
    pub fn form(&self, index: usize) -> Option<Form<'a>> {
        self.form_within(index, self.split.bindings.len())
    }

    fn form_within(&self, index: usize, depth: usize) -> Option<Form<'a>> {
        let depth = depth.checked_sub(1)?;
        let binding = self.split.bindings.get(index)?;
        let way = self.omit.ways.get(&binding.name);
        if matches!(way, Some(Way::Boxed(_) | Way::Never)) {
            return None;
        }
        if let Some(other) = &binding.alias {
            return match self.capture(other, binding.offset)? {
                Capture::Session(variable) => variable.kept.as_ref().map(Form::Same),
                Capture::Here(index, _) => self.form_within(index, depth),
                Capture::Hidden => None,
            };
        }
        if way == Some(&Way::Lent) {
            return self.lent(index).map(Form::Lent);
        }
        let written = binding.closure.as_ref().filter(|written| written.whole && !written.lasting)?;
        let (mut copies, mut inner, mut borrowed, mut borrows) = (Vec::new(), Vec::new(), Vec::new(), false);
        let mut names: Vec<&String> = written.free.iter().collect();
        names.sort();
        for name in names {
            let Some(capture) = self.capture(name, binding.offset) else { continue };
            borrowed.push(name.clone());
            let type_text = match capture {
                Capture::Hidden => return None,
                Capture::Session(variable) if let Some(kept) = &variable.kept => {
                    borrows |= !kept.borrowed.is_empty();
                    inner.push((name.clone(), Inner::Session(variable)));
                    continue;
                }
                Capture::Here(other, of) if of.closure.is_some() || of.alias.is_some() || self.is_lent(of) => {
                    match self.form_within(other, depth) {
                        Some(Form::Open { .. } | Form::Lent(_)) => borrows = true,
                        Some(Form::Same(kept)) => borrows |= !kept.borrowed.is_empty(),
                        Some(Form::Closed { .. }) => {}
                        None => borrows = true,
                    }
                    inner.push((name.clone(), Inner::Here(other)));
                    continue;
                }
                Capture::Session(variable) => Some((variable.type_text.as_str(), variable.mutable)),
                Capture::Here(other, of) => self.type_of(other).map(|text| (text, of.mutable)),
            };
            let learnt = matches!(way, Some(Way::Copied(names)) if names.contains(name));
            let fixed = |mutable: bool| !binding.mutable && (written.moves || !mutable);
            let unread = matches!(way, Some(Way::Unread));
            if learnt || !unread && type_text.is_some_and(|(text, mutable)| is_copied(text) && fixed(mutable)) {
                copies.push(name.clone());
            } else {
                borrows = true;
            }
        }
        if !borrows {
            return Some(Form::Closed { written, of: index, copies, inner });
        }
        let stays = |name: &String| self.stays(name, binding.offset);
        let open = !written.moves && borrowed.iter().all(stays);
        open.then_some(Form::Open { written, of: index, borrowed })
    }

    /// Is it kept as what only borrows?
    fn is_lent(&self, binding: &Binding) -> bool {
        self.omit.ways.get(&binding.name) == Some(&Way::Lent)
    }

    /// How a binding is made again that only borrows; none where that could be something else, or what it borrows is not
    /// there when the cell has ended.
    pub fn lent(&self, index: usize) -> Option<Lent<'a>> {
        let binding = self.split.bindings.get(index)?;
        // One that may change is as it was made until the first cell that mentions it.
        let written = binding.lent.as_ref().filter(|_| !binding.mutable || binding.unused)?;
        let mut borrowed = Vec::new();
        for name in &written.free {
            // What is no variable is an item.
            let Some(capture) = self.capture(name, binding.offset) else { continue };
            let changes = match capture {
                Capture::Hidden => return None,
                Capture::Session(variable) => variable.mutable,
                Capture::Here(_, of) => of.mutable,
            };
            if changes && written.fixed.contains(name) || !self.stays(name, binding.offset) {
                return None;
            }
            borrowed.push(name.clone());
        }
        (!borrowed.is_empty()).then_some(Lent { written, of: index, borrowed })
    }

    /// The bindings of the cell that only borrow, as far as that is all that they do: `alone` says whether what they name
    /// is nobody's own.
    pub fn all_lent(&self, alone: impl Fn(&LentText) -> bool) -> BTreeSet<String> {
        let found = (0..self.split.bindings.len()).filter_map(|index| self.lent(index));
        found.filter(|lent| alone(lent.written)).map(|lent| self.split.bindings[lent.of].name.clone()).collect()
    }

    /// What can be said before the first compilation: a closure that uses a variable which a later binding of the cell
    /// hides can have it for itself.
    pub fn given(&self, text: &str) -> BTreeMap<String, Way> {
        let mut ways = BTreeMap::new();
        for binding in &self.split.bindings {
            let Some(written) = binding.closure.as_ref().filter(|w| w.whole && w.alone && !w.moves && !w.waits) else {
                continue;
            };
            let captures = written.free.iter().filter_map(|name| self.capture(name, binding.offset));
            let captures: Vec<Capture<'_>> = captures.collect();
            let own = |capture: &Capture<'_>| match capture {
                Capture::Hidden => true,
                Capture::Session(v) => match &v.kept {
                    Some(kept) => kept.borrowed.is_empty(),
                    None => !v.mutable && is_copied(&v.type_text),
                },
                Capture::Here(..) => false,
            };
            if captures.iter().any(|c| matches!(c, Capture::Hidden)) && captures.iter().all(own) {
                ways.insert(binding.name.clone(), Way::Boxed(Boxed::hidden(written, text)));
            }
        }
        ways
    }

    /// What a name stands for at a place of the cell; none when it is no variable.
    fn capture(&self, name: &str, at: usize) -> Option<Capture<'a>> {
        let bound = self.split.bound.iter().rev().find(|(bound, offset)| bound == name && *offset < at);
        let Some((_, offset)) = bound else { return self.variables.get(name).map(Capture::Session) };
        let here = self.split.bindings.iter().position(|b| b.offset == *offset);
        Some(here.map_or(Capture::Hidden, |index| Capture::Here(index, &self.split.bindings[index])))
    }

    fn type_of(&self, index: usize) -> Option<&'a str> {
        let types = &self.record?.types;
        types.iter().find(|(at, _)| *at == index).map(|(_, text)| text.as_str())
    }

    /// Is the variable still there, under its name, when the cell has ended?
    fn stays(&self, name: &str, at: usize) -> bool {
        let rebound = self.split.bound.iter().any(|(bound, offset)| bound == name && *offset >= at);
        let lost = self.omit.moved.contains(name) || self.omit.unkept.contains_key(name);
        if rebound || lost {
            return false;
        }
        match self.capture(name, at) {
            Some(Capture::Here(index, binding)) => {
                let lent = self.is_lent(binding);
                let keeps =
                    lent || binding.closure.is_some() || binding.alias.is_some() || self.type_of(index).is_some();
                self.record.is_none() || keeps
            }
            Some(Capture::Session(_)) => true,
            _ => false,
        }
    }

    /// After a compilation: what should be kept in another way than it was.
    pub fn improve(&self, text: &str, generated: &Generated) -> Vec<(String, Way)> {
        let mut better = Vec::new();
        for (index, binding) in self.split.bindings.iter().enumerate() {
            let name = &binding.name;
            let way = self.omit.ways.get(name);
            if self.omit.unkept.contains_key(name) || matches!(way, Some(Way::Boxed(_) | Way::Never | Way::Unread)) {
                continue;
            }
            // rustc lets it into the store, but the variable that it points to moves.
            let points = || self.type_of(index).is_some_and(|of| of.starts_with('*'));
            if way.is_none() && generated.lent.contains(name) && points() && self.lent(index).is_some() {
                better.push((name.clone(), Way::Lent));
                continue;
            }
            match self.form(index) {
                Some(Form::Closed { copies, of, .. }) if of == index => {
                    let before = Known { record: None, ..*self };
                    let had = matches!(before.form(index), Some(Form::Closed { copies: had, .. }) if had == copies);
                    let way_is = Way::Copied(copies.clone());
                    if !had && way != Some(&way_is) {
                        better.push((name.clone(), Way::Copied(copies)));
                    }
                }
                Some(_) => {}
                // What it borrows has turned out not to stay.
                None if way == Some(&Way::Lent) => better.push((name.clone(), Way::Never)),
                None => {
                    let raw = self.record.and_then(|r| r.unnamed.iter().find(|(at, _)| *at == index));
                    let boxed = Boxed::first(binding, raw.map(|(_, raw)| raw.as_str()), text, &generated.source);
                    better.extend(boxed.map(|boxed| (name.clone(), Way::Boxed(boxed))));
                }
            }
        }
        better
    }

    /// How rustc is asked for a closure's types; none when it is not asked.
    pub fn question(&self, index: usize) -> Option<String> {
        let binding = &self.split.bindings[index];
        question(&binding.name, binding.closure.as_ref()?)
    }

    /// The statement is not compiled: its closure is read where it is called.
    pub fn is_unread(&self, statement: &std::ops::Range<usize>) -> bool {
        let unread = |b: &Binding| matches!(self.omit.ways.get(&b.name), Some(Way::Unread));
        self.split.bindings.iter().any(|b| statement.contains(&b.offset) && unread(b))
    }
}

/// How rustc is asked for the types of a closure; none when it has too many parameters.
pub fn question(name: &str, written: &ClosureText) -> Option<String> {
    let (count, name) = (written.parameters.len(), identifier(name));
    (count <= PARAMETERS).then(|| format!("::core::mem::drop(&::ferrolab::rt::closure::signature{count}(&{name}));\n"))
}

/// Is a value of this type copied, without anything in it that could change?
fn is_copied(type_text: &str) -> bool {
    syn::parse_str(type_text).is_ok_and(|of| copied(&of))
}

fn copied(of: &syn::Type) -> bool {
    const PLAIN: [&str; 17] = [
        "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "bool",
        "char", "str",
    ];
    match of {
        syn::Type::Path(path) => path.path.get_ident().is_some_and(|name| PLAIN.iter().any(|plain| name == plain)),
        syn::Type::Reference(reference) => reference.mutability.is_none() && copied(&reference.elem),
        syn::Type::Slice(slice) => copied(&slice.elem),
        syn::Type::Array(array) => is_short(&array.len) && copied(&array.elem),
        syn::Type::Tuple(parts) => parts.elems.iter().all(copied),
        syn::Type::BareFn(_) => true,
        syn::Type::Paren(inner) => copied(&inner.elem),
        _ => false,
    }
}

fn is_short(length: &syn::Expr) -> bool {
    let syn::Expr::Lit(literal) = length else { return false };
    matches!(&literal.lit, syn::Lit::Int(n) if n.base10_parse::<usize>().is_ok_and(|n| n <= COPIED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_is_copied() {
        for text in ["f64", "(usize, [u8; 3])", "&'static str", "fn(f64) -> f64", "&'static [f64]"] {
            assert!(is_copied(text), "{text}");
        }
        for text in [
            "std::vec::Vec<f64>",
            "std::cell::Cell<u8>",
            "&'static mut u8",
            "&'static std::cell::Cell<u8>",
            "[f64; 1000]",
        ] {
            assert!(!is_copied(text), "{text}");
        }
    }
}
