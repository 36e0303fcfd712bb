//! Values whose types have no name, in forms that have one: a reference to a closure that can be copied, boxed closures,
//! iterators and futures, function pointers. Which form fits is learnt from rustc, the strongest first.

use serde::{Deserialize, Serialize};

use super::super::diagnose::{self, Diagnostic, TypeKind};
use super::super::generate::{Generated, Omit, Role};
use super::super::source::Source;
use super::super::split::Binding;
use super::Way;
use super::text::ClosureText;

/// Another form of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boxed {
    /// What it is.
    pub shape: Shape,
    /// It is `Send`.
    pub send: bool,
    /// It is `Sync`.
    pub sync: bool,
    /// A closure that is made to take over what it uses, which has no name any more.
    #[serde(default)]
    pub moves: bool,
}

/// What it is in that form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// A reference for the rest of the process, to a closure that can be copied.
    Leaked(String),
    /// A boxed closure, by its types.
    Fn(String),
    /// One that changes what it has captured.
    FnMut(String),
    /// One that is called once.
    FnOnce(String),
    /// A function pointer of this type.
    Pointer(String),
    /// A boxed iterator that goes both ways and knows its length.
    BothWays,
    /// One that goes both ways.
    DoubleEnded,
    /// One that goes forwards.
    Iterator,
    /// A boxed and pinned future.
    Future,
    /// Any other trait object.
    Dyn(String),
}

impl Boxed {
    /// The form to try first, for a type as rustc prints it.
    pub fn first(binding: &Binding, raw: Option<&str>, text: &str, generated: &Source) -> Option<Self> {
        let closure = |written: &ClosureText| Shape::Leaked(types(written, text));
        let kind = raw.map(diagnose::classify);
        let shape = match (&binding.closure, kind?) {
            (Some(written), TypeKind::Closure) if !written.waits => closure(written),
            (None, TypeKind::Closure) => Shape::Leaked(elsewhere(raw?, generated)?),
            (_, TypeKind::FnItem { signature }) => Shape::Pointer(signature),
            (_, TypeKind::LazyIterator) => Shape::BothWays,
            (_, TypeKind::Future) => Shape::Future,
            (_, TypeKind::Opaque { .. }) => opaque(raw?)?,
            _ => return None,
        };
        Some(Self { shape, send: true, sync: true, moves: false })
    }

    /// A closure that uses what later bindings of its cell hide.
    pub(super) fn hidden(written: &ClosureText, text: &str) -> Self {
        Self { shape: Shape::Leaked(types(written, text)), send: true, sync: true, moves: true }
    }

    pub(super) fn rank(&self) -> usize {
        let shape = match &self.shape {
            Shape::Leaked(_) | Shape::BothWays | Shape::Pointer(_) | Shape::Future | Shape::Dyn(_) => 0,
            Shape::Fn(_) | Shape::DoubleEnded => 1,
            Shape::FnMut(_) | Shape::Iterator => 2,
            Shape::FnOnce(_) => 3,
        };
        shape + usize::from(!self.send) + usize::from(!self.sync)
    }

    /// The type and the expression that gives it.
    pub fn code(&self, value: &str) -> (String, String) {
        let auto = format!("{}{}", if self.send { " + Send" } else { "" }, if self.sync { " + Sync" } else { "" });
        let boxed = |object: &str| {
            (format!("::std::boxed::Box<dyn {object}{auto}>"), format!("::std::boxed::Box::new({value})"))
        };
        match &self.shape {
            Shape::Leaked(types) => (
                format!("&'static (dyn ::core::ops::Fn{types}{auto})"),
                format!("::ferrolab::rt::closure::leak({value})"),
            ),
            Shape::Fn(types) => boxed(&format!("::core::ops::Fn{types}")),
            Shape::FnMut(types) => boxed(&format!("::core::ops::FnMut{types}")),
            Shape::FnOnce(types) => boxed(&format!("::core::ops::FnOnce{types}")),
            Shape::Pointer(signature) => (signature.clone(), value.to_owned()),
            Shape::BothWays => boxed("::ferrolab::rt::closure::BothWays<Item = _>"),
            Shape::DoubleEnded => boxed("::core::iter::DoubleEndedIterator<Item = _>"),
            Shape::Iterator => boxed("::core::iter::Iterator<Item = _>"),
            Shape::Future => (
                format!("::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = _>{auto}>>"),
                format!("::std::boxed::Box::pin({value})"),
            ),
            Shape::Dyn(bounds) => boxed(bounds),
        }
    }

    /// The next form to try after what rustc said of this one; none when there is none.
    fn after(&self, said: &Diagnostic) -> Option<Self> {
        let (message, mut next) = (&said.message, self.clone());
        let shape = match &self.shape {
            Shape::Leaked(t) | Shape::Fn(t) | Shape::FnMut(t) | Shape::FnOnce(t) if said.code() == "E0525" => {
                match message.contains("only implements `FnOnce`") {
                    true => Shape::FnOnce(t.clone()),
                    false => Shape::FnMut(t.clone()),
                }
            }
            _ if message.contains("cannot be shared between threads safely") => {
                next.sync = false;
                return Some(next);
            }
            _ if message.contains("cannot be sent between threads safely") => {
                next.send = false;
                return Some(next);
            }
            Shape::Leaked(types) if message.contains("marker::Copy` is not satisfied") => Shape::Fn(types.clone()),
            Shape::BothWays | Shape::DoubleEnded if said.code() == "E0277" => {
                let notes = said.children.iter().map(|c| c.message.as_str());
                let mut texts =
                    notes.chain([message.as_str()]).chain(said.spans.iter().filter_map(|s| s.label.as_deref()));
                let one_way = texts.any(|t| {
                    let wants = t.contains("to implement `std::iter::DoubleEndedIterator`");
                    wants || t.contains("DoubleEndedIterator` is not ")
                });
                if one_way { Shape::Iterator } else { Shape::DoubleEnded }
            }
            _ => return None,
        };
        next.shape = shape;
        Some(next)
    }
}

/// A closure's types as far as they are written, as they stand after `Fn`.
fn types(written: &ClosureText, text: &str) -> String {
    let parameters = written.parameters.iter().map(|p| p.typed.as_ref().map_or("_", |range| &text[range.clone()]));
    let value = written.value.as_ref().map_or("_", |range| &text[range.clone()]);
    format!("({}) -> {value}", parameters.collect::<Vec<_>>().join(", "))
}

/// The types of a closure that another one has made, from the place in its type's name: `{closure@cell.rs:3:9: 3:21}`.
fn elsewhere(raw: &str, generated: &Source) -> Option<String> {
    let (from, to) = raw.strip_prefix("{closure@")?.strip_suffix('}')?.rsplit_once(": ")?;
    let offset = |place: &str| {
        let mut parts = place.rsplit(':').map(str::parse);
        let (column, line) = (parts.next()?.ok()?, parts.next()?.ok()?);
        generated.offset_of(line, column)
    };
    let head = generated.text().get(offset(from)?..offset(to)?)?;
    let text = format!("{head} {{}}");
    let written = syn::parse_str(&text).ok().and_then(|expression| ClosureText::of(&expression));
    let types = written.filter(|written| !written.waits).map(|written| types(&written, &text));
    proc_macro2::extra::invalidate_current_thread_spans();
    types
}

/// The form of a value of which only traits are known.
fn opaque(raw: &str) -> Option<Shape> {
    let bounds = raw.trim().strip_prefix("impl ")?;
    let bounds = bounds.split(" + use<").next().unwrap_or(bounds);
    let parts: Vec<&str> =
        bounds.split(" + ").filter(|part| !part.ends_with("marker::Send") && !part.ends_with("marker::Sync")).collect();
    let named = |name: &str| parts.iter().any(|part| part.contains(name));
    if named("Iterator<Item") {
        return Some(Shape::BothWays);
    }
    let open = bounds.contains('\'') || bounds.contains('{') || bounds.contains("impl ");
    (!open && !parts.is_empty()).then(|| Shape::Dyn(parts.join(" + ")))
}

/// Reads why forms did not fit. True when another one can be tried.
pub fn learn(diagnostics: &[Diagnostic], generated: &Generated, omit: &mut Omit) -> bool {
    let mut learnt = false;
    for handling in generated.handling.iter().filter(|h| h.role == Role::Put) {
        let Some(Way::Boxed(before)) = omit.ways.get(&handling.name) else { continue };
        let about = |d: &&Diagnostic| {
            let within = |s: &diagnose::Span| handling.range.start <= s.byte_start && s.byte_end <= handling.range.end;
            d.is_error() && (d.spans.iter().any(within) || d.children.iter().flat_map(|c| &c.spans).any(within))
        };
        let (mut next, before) = (before.clone(), before.clone());
        let mut wrong = false;
        for said in diagnostics.iter().filter(about) {
            wrong = true;
            next = next.after(said).unwrap_or(next);
        }
        if !wrong {
            continue;
        }
        learnt = true;
        let name = handling.name.clone();
        if next == before {
            omit.unkept.insert(name.clone(), diagnose::advice::unboxed(&name));
            omit.ways.insert(name, Way::Never);
        } else {
            omit.ways.insert(name, Way::Boxed(next));
        }
    }
    learnt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_found_where_it_stands() {
        let mut source = Source::default();
        source.push("fn f() {\n  let add = |n: i32| move |x: i32, _| -> i32 { x + n };\n}");
        assert_eq!(elsewhere("{closure@a1.rs:2:22: 2:45}", &source), Some("(i32, _) -> i32".into()));
        assert_eq!(elsewhere("{closure@a1.rs:9:1: 9:2}", &source), None);
    }

    #[test]
    fn opaque_values_have_a_form() {
        assert_eq!(opaque("impl Fn(i32) -> i32"), Some(Shape::Dyn("Fn(i32) -> i32".into())));
        assert_eq!(opaque("impl (Fn(f64) -> f64) + std::marker::Send"), Some(Shape::Dyn("(Fn(f64) -> f64)".into())));
        assert_eq!(opaque("impl std::iter::Iterator<Item = u8>"), Some(Shape::BothWays));
        assert_eq!(opaque("impl std::fmt::Debug + 'a"), None);
    }
}
