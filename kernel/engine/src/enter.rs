//! What a compiled cell does to the session's variables once it has run to its end: which it binds, by which types or
//! as which source, which it moves, and which last for the cell only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::build::Body;
use super::closures::remade::{Cell, Types, head, remake};
use super::closures::{Kept, Known};
use super::diagnose;
use super::late;
use super::split::{Binding, Split};
use super::variables::{Variable, Variables};

/// A compiled cell.
pub(super) struct CompiledCell<'a> {
    pub(super) built: &'a Body,
    pub(super) split: &'a Split,
    pub(super) number: u32,
    pub(super) text: &'a Arc<str>,
    pub(super) era: u64,
}

impl CompiledCell<'_> {
    /// Does the `let` of a pointer take an address?
    fn points_to_variables(&self, binding: &Binding) -> bool {
        let statement = self.split.statements.iter().find(|range| range.contains(&binding.offset));
        let text = statement.map_or("", |range| &self.text[range.clone()]);
        ["&", "addr_of", "as_ptr", "as_mut_ptr"].iter().any(|taken| text.contains(taken))
    }

    /// Enters it. Returns names whose values the store must drop.
    pub(super) fn note_variables(&self, variables: &mut Variables, notes: &mut Vec<String>) -> Vec<String> {
        let Body { generated, record, omit, .. } = self.built;
        let before = variables.clone();
        let known = Known { split: self.split, variables: &before, omit, record: Some(record) };
        let cell = Cell { number: self.number, text: self.text, record, key_base: generated.key_base };
        for name in &omit.moved {
            variables.mark_moved(name, self.number);
        }
        for (name, _) in before.wanted(self.split).iter().filter(|(_, v)| v.kept.as_ref().is_some_and(|k| k.once)) {
            variables.mark_gone(name, diagnose::advice::used(name, self.number));
        }
        for (name, variable) in before.iter() {
            let (Some(kept), Some(types)) = (&variable.kept, omit.typing.of(name).and_then(Types::read)) else {
                continue;
            };
            let Some((number, text, written)) = &kept.unread else { continue };
            // What it is called with first decides its types, as in one program.
            let mut told = Kept { borrowed: kept.borrowed.clone(), ..Kept::default() };
            remake((*number, text), written, &types, false, &mut told.code);
            let type_text = head(text, written, &types);
            variables.insert(name.clone(), Variable { type_text, kept: Some(Arc::new(told)), ..variable.clone() });
        }
        let types: BTreeMap<usize, &String> = record.types.iter().map(|(i, t)| (*i, t)).collect();
        let advice: HashMap<&str, &str> = record.unkept.iter().map(|(n, a)| (n.as_str(), a.as_str())).collect();
        let mut drop = Vec::new();
        for (index, binding) in self.split.bindings.iter().enumerate() {
            let name = &binding.name;
            if omit.late.contains(name) {
                if variables.remove(name) {
                    drop.push(name.clone());
                }
                continue;
            }
            if let Some(said) = omit.unkept.get(name) {
                // A variable of this name from an earlier cell is shadowed, as in any Rust scope.
                if variables.mark_moved(name, self.number) {
                    drop.push(name.clone());
                }
                if !said.is_empty() {
                    let closure = binding.closure.as_ref().is_some_and(|c| !c.waits);
                    let said = match closure {
                        true => diagnose::advice::unboxed(name),
                        false => advice.get(name.as_str()).copied().unwrap_or(said).to_owned(),
                    };
                    if binding.unused {
                        notes.push(format!("`{name}` lasts for this cell only. {said}"));
                    }
                    variables.mark_unkept(name, &said);
                }
                continue;
            }
            let kept = known.form(index).and_then(|form| cell.keep(&known, &form));
            let (type_text, kept) = match (kept, types.get(&index)) {
                (Some((kept, type_text)), _) => {
                    // What an earlier cell has kept under the name ends.
                    drop.push(name.clone());
                    (type_text, Some(kept))
                }
                (None, Some(type_text)) => ((*type_text).clone(), None),
                (None, None) => {
                    let said = advice.get(name.as_str()).copied();
                    let said = said.unwrap_or("its type has no name that a later cell could use");
                    variables.mark_unkept(name, said);
                    drop.push(name.clone());
                    if binding.unused {
                        notes.push(format!("`{name}` lasts for this cell only. {said}"));
                    }
                    continue;
                }
            };
            if kept.is_none() && type_text.starts_with('*') && self.points_to_variables(binding) {
                notes.push(format!(
                    "`{name}` is a raw pointer to what may be a variable, and variables move when a cell ends: make it again where it is used, or point into a `Box` or a `Vec`"
                ));
            }
            let variable = Variable {
                type_text,
                mutable: binding.mutable,
                key: generated.key_base.wrapping_add(index as u64),
                place: (self.number, binding.offset),
                kept,
                era: self.era,
            };
            variables.insert(name.clone(), variable);
        }
        for late in late::of(self.split, omit, self.number, self.text) {
            notes.push(late.told());
            variables.wait(late);
        }
        drop
    }
}
