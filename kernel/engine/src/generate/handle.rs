//! The lines around a cell's statements that handle variables: those of earlier cells come from the store and go back,
//! new ones tell their types and are kept. Each line is remembered, so that an error in it can be acted on.

use std::collections::HashSet;
use std::ops::Range;

use super::super::closures::{self, Form, Known, Typing, Way, remade};
use super::super::source::identifier;
use super::super::split::Binding;
use super::super::variables::Variable;
use super::{Body, Handling, Role, from_paths};

impl<'a> Body<'a> {
    pub(super) fn take_variables(&mut self) {
        for (name, variable) in self.scope.variables.wanted(self.split).into_iter().filter(|(_, v)| v.kept.is_none()) {
            self.bind(variable, name);
            let type_text = from_paths(&variable.type_text, &self.known, self.uses.has_globs());
            let take = format!(": {type_text} = unsafe {{ ::ferrolab::rt::take({name:?}, {:#x}) }};\n", variable.key);
            self.source.push(&take);
            self.taken.push(name.clone());
        }
    }

    fn bind(&mut self, variable: &Variable, name: &str) {
        self.source.push(if variable.mutable { "let mut " } else { "let " });
        // The name is the user's own, so that rustc's advice points at the first binding.
        self.source.push_user(variable.place.0, variable.place.1, name);
    }

    /// Makes again what is kept as source. It stands among the statements, where a borrow ends with its last use.
    pub(super) fn make_kept(&mut self) {
        for (name, variable) in self.scope.variables.wanted(self.split) {
            let Some(kept) = &variable.kept else { continue };
            self.bind(variable, name);
            if !kept.typed.text().is_empty() {
                self.source.push(": ");
                self.source.push_source(&kept.typed);
            }
            self.source.push(" = ");
            // Names in its text mean what they meant in its own cell.
            let older = self.scope.items.imports_lost_since(variable.era);
            if !older.is_empty() {
                self.source.push("{ ");
                let none = HashSet::new();
                older.iter().for_each(|pick| self.scope.items.push_import(pick, &none, &mut self.source));
            }
            self.push_kept(name, kept);
            self.source.push(if older.is_empty() { ";\n" } else { " };\n" });
            self.ask_again(name, kept);
        }
    }

    /// A closure of an earlier cell.
    fn push_kept(&mut self, name: &str, kept: &closures::Kept) {
        let types = self.omit.typing.of(name).and_then(remade::Types::read);
        match (&kept.unread, types) {
            (Some((number, text, written)), Some(types)) => {
                remade::remake((*number, text), written, &types, false, &mut self.source);
            }
            _ => self.source.push_source(&kept.code),
        }
    }

    /// Asks for the types of a closure that no cell before has called.
    fn ask_again(&mut self, name: &str, kept: &closures::Kept) {
        let unread = kept.unread.as_ref().filter(|_| self.omit.typing == Typing::Asked);
        if let Some(question) = unread.and_then(|(_, _, written)| closures::question(name, written)) {
            self.handle(name, Role::AskAgain, &question);
        }
    }

    /// Each new binding of a statement tells its type through rustc's lint, and at once: at the end of the cell it
    /// may have been moved, or what it borrows from may have changed.
    pub(super) fn ask(&mut self, statement: &Range<usize>) {
        let (split, closures) = (self.split, self.closures());
        let here = |b: &Binding| b.given && statement.contains(&b.offset);
        for (index, Binding { name, .. }) in split.bindings.iter().enumerate().filter(|(_, b)| here(b)) {
            // The cell itself moves it: there is nothing to ask about.
            let moved = self.omit.unkept.get(name).is_some_and(String::is_empty);
            if moved || self.omit.unasked.contains(name) {
                continue;
            }
            let form = closures.form(index);
            if matches!(form, None | Some(Form::Lent(_))) {
                // Another form of it is asked for its type where it is put.
                if !matches!(self.omit.ways.get(name), Some(Way::Boxed(_))) {
                    self.handle(name, Role::Ask, &format!("::core::mem::drop(&{});\n", identifier(name)));
                }
                continue;
            }
            if let Some(question) = closures.question(index) {
                self.handle(name, Role::Ask, &question);
            }
            if let Some(Form::Closed { copies, of, .. }) = form
                && of == index
            {
                for (at, copied) in copies.iter().enumerate() {
                    self.source.push(&format!("let __ferrolab_copy_{index}_{at} = {};\n", identifier(copied)));
                }
            }
        }
    }

    pub(super) fn closures(&self) -> Known<'a> {
        Known { split: self.split, variables: self.scope.variables, omit: self.omit, record: None }
    }

    /// What a closure that is kept as source has copied.
    fn put_copies(&mut self, index: usize, name: &str) -> bool {
        let Some(form) = self.closures().form(index) else { return false };
        let Form::Closed { copies, of, .. } = form else { return true };
        if of != index || self.omit.ways.get(name) == Some(&Way::Unread) {
            return true;
        }
        for (at, copied) in copies.iter().enumerate() {
            let (slot, key) = (remade::copy_slot(name, copied), remade::copy_key(index, at));
            self.source.push(&format!(
                "::ferrolab::rt::put_copy({slot:?}, __FERROLAB_KEY.wrapping_add({key}), __ferrolab_copy_{index}_{at});\n"
            ));
        }
        true
    }

    /// Each new binding moves into the store.
    pub(super) fn put_bindings(&mut self) {
        let split = self.split;
        // Newest first: an earlier binding may still be borrowed by a later one.
        for (index, Binding { name, given, .. }) in split.bindings.iter().enumerate().rev() {
            let value = identifier(name);
            if self.omit.late.contains(name) {
                continue;
            }
            if self.omit.unkept.contains_key(name) {
                if self.omit.ended.contains(name) {
                    self.source.push(&format!("{{ let _ended = {value}; }}\n"));
                }
                continue;
            }
            if self.put_copies(index, name) {
                continue;
            }
            if let Some(Way::Boxed(boxed)) = self.omit.ways.get(name) {
                let (type_text, made) = boxed.code(value);
                let type_text = from_paths(&type_text, &self.known, self.uses.has_globs());
                let code = format!(
                    "let __ferrolab_kept: {type_text} = {made}; ::core::mem::drop(&__ferrolab_kept); \
                     ::ferrolab::rt::put({name:?}, __FERROLAB_KEY.wrapping_add({index}), __ferrolab_kept);\n"
                );
                self.handle(name, Role::Put, &code);
                continue;
            }
            let ask = if *given { String::new() } else { format!("::core::mem::drop(&{value}); ") };
            let code = format!("{ask}::ferrolab::rt::put({name:?}, __FERROLAB_KEY.wrapping_add({index}), {value});\n");
            self.handle(name, Role::Put, &code);
        }
    }

    pub(super) fn put_back(&mut self) {
        for name in self.taken.clone() {
            if self.omit.moved.contains(&name) {
                continue;
            }
            let key = self.scope.variables.get(&name).map_or(0, |v| v.key);
            let rebound = self.split.bindings.iter().any(|b| b.name == name) && !self.omit.unkept.contains_key(&name);
            // A new binding of the same name has already taken the place.
            let condition = if rebound { "if !__ferrolab_ok " } else { "" };
            let put = format!("{condition}{{ ::ferrolab::rt::put({name:?}, {key:#x}, {}); }}\n", identifier(&name));
            self.handle(&name, Role::Back, &put);
        }
    }

    fn handle(&mut self, name: &str, role: Role, code: &str) {
        let start = self.source.text().len();
        self.source.push(code);
        let range = start..self.source.text().len();
        self.handling.push(Handling { range, name: name.to_owned(), role });
    }
}
