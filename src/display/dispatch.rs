//! What generated code calls for the trailing expression of a cell.
//!
//! The choice between a type's own `evcxr_display`, our [`Display`], `Debug` and "nothing known"
//! is made by method resolution on references ("autoref specialisation"), so that no type fails
//! to compile, and ends in a trait object, so that a cell holds almost no code for it. Not an API
//! for notebooks.

use super::debug::{List, list_text};
use super::{Display, debug_text};
use crate::rt;
use ferrolab_base::text::short_type;
use std::fmt::Debug;

/// What is known of a value.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// It implements [`Display`].
    Display(&'a dyn Display),
    /// It is a list of values that implement `Debug`.
    List(&'a dyn List),
    /// It implements `Debug`; with its type's name.
    Debug(&'a dyn Debug, &'static str),
    /// Only its type's name.
    Nothing(&'static str),
}

/// Carries a reference through method resolution, and one to it: what has no size of its own (`v[..3]`,
/// `*boxed`) is shown as what points to it.
#[derive(Debug)]
pub struct Value<'a, T: ?Sized>(pub &'a T, pub &'a &'a T);

/// First choice.
pub trait ViaDisplay<'a> {
    /// See [`Known`].
    fn known(&self) -> Known<'a>;
}
impl<'a, T: Display> ViaDisplay<'a> for &&&&Value<'a, T> {
    #[inline]
    fn known(&self) -> Known<'a> {
        Known::Display(self.0)
    }
}

/// Second choice: lists show their ends, at a cost that does not grow with their length.
pub trait ViaList<'a> {
    /// See [`Known`].
    fn known(&self) -> Known<'a>;
}
macro_rules! lists {
    ($([$($g:tt)*] $list:ty;)*) => {$(
        impl<'a, T: Debug, $($g)*> ViaList<'a> for &&&Value<'a, $list> {
            #[inline]
            fn known(&self) -> Known<'a> {
                Known::List(self.0)
            }
        }
    )*};
}
lists! {
    [] Vec<T>;
    [] &'a Vec<T>;
    [] &'a mut Vec<T>;
    [] &'a [T];
    [] &'a mut [T];
    [] Box<[T]>;
    [const N: usize] [T; N];
    [const N: usize] &'a [T; N];
}

impl<'a, T: Debug> ViaList<'a> for &&&Value<'a, [T]> {
    #[inline]
    fn known(&self) -> Known<'a> {
        Known::List(self.1)
    }
}

/// Third choice.
pub trait ViaDebug<'a> {
    /// See [`Known`].
    fn known(&self) -> Known<'a>;
}
impl<'a, T: Debug> ViaDebug<'a> for &&Value<'a, T> {
    #[inline]
    fn known(&self) -> Known<'a> {
        Known::Debug(self.0, std::any::type_name::<T>())
    }
}

/// Fourth choice: what has no size.
pub trait ViaUnsized<'a> {
    /// See [`Known`].
    fn known(&self) -> Known<'a>;
}
impl<'a, T: Debug + ?Sized> ViaUnsized<'a> for &Value<'a, T> {
    #[inline]
    fn known(&self) -> Known<'a> {
        Known::Debug(self.1, std::any::type_name::<T>())
    }
}

/// Last choice.
pub trait ViaNothing<'a> {
    /// See [`Known`].
    fn known(&self) -> Known<'a>;
}
impl<'a, T: ?Sized> ViaNothing<'a> for Value<'a, T> {
    #[inline]
    fn known(&self) -> Known<'a> {
        Known::Nothing(std::any::type_name::<T>())
    }
}

/// What [`NoEvcxr::evcxr_display`] returns, to be told from what a type's own method returns.
#[derive(Debug, Clone, Copy)]
pub struct Absent;

/// Gives every type an `evcxr_display` that an inherent one takes precedence over. Not on evcxr, where
/// rustc would recommend it, and evcxr take that for the user's mistake.
#[cfg(not(feature = "for-evcxr"))]
pub trait NoEvcxr {
    /// Does nothing.
    #[inline]
    fn evcxr_display(&self) -> Absent {
        Absent
    }
}
#[cfg(not(feature = "for-evcxr"))]
impl<T: ?Sized> NoEvcxr for T {}

/// True when the value came from [`NoEvcxr`].
#[inline]
pub fn absent<R>(_: &R) -> bool {
    std::any::type_name::<R>() == std::any::type_name::<Absent>()
}

/// Shows the value as the cell's result; the unit value shows nothing.
pub fn result(value: Known<'_>) {
    match value {
        Known::Display(value) => rt::show_result(value.mime_bundle(), &value.metadata()),
        Known::List(value) => plain(list_text(value)),
        Known::Debug(_, "()") => {}
        Known::Debug(value, _) => plain(debug_text(value)),
        Known::Nothing(name) => plain(unknown(name)),
    }
}

fn plain(text: String) {
    rt::show_result(vec![("text/plain".to_owned(), text.into_bytes())], "");
}

pub(super) fn unknown(name: &str) -> String {
    if name.contains("{{closure}}") {
        return "a closure".to_owned();
    }
    let name = short_type(name);
    format!(
        "a value of type `{name}`, which has no text form. Put `#[derive(Debug)]` on the type, \
         or implement `display::Display` for it."
    )
}

/// Shows a trailing expression: `evcxr_display` when its type has one, then
/// [`Display`], then `Debug`; a value with none of them is named. The expression is evaluated
/// once and, when it is a place, borrowed and not moved.
///
/// ```
/// let name = String::from("x");
/// ferrolab::__display_result!(name);
/// drop(name);
/// ferrolab::__display_result!(1 + 1);
/// ferrolab::__display_result!(|| 1);
/// ferrolab::__display_result!("parts"[..2]);
/// ```
#[macro_export]
macro_rules! __display_result {
    ($value:expr) => {
        match &$value {
            value => {
                #[allow(unused_imports)]
                use $crate::display::dispatch::{NoEvcxr, ViaDebug, ViaDisplay, ViaList, ViaNothing, ViaUnsized};
                #[allow(clippy::let_unit_value)]
                let shown = (*value).evcxr_display();
                if $crate::display::dispatch::absent(&shown) {
                    $crate::display::dispatch::result((&&&&&$crate::display::dispatch::Value(value, &value)).known());
                }
            }
        }
    };
}
