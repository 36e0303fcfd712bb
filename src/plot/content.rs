//! What a figure holds, behind a pointer, so that cells handle a word and no more.

use super::Plot;
use super::field::Field;
use super::input::Numbers;
use super::series::Series;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// All that is known of a figure. Not an API: [`Plot`] is.
#[derive(Debug, Clone, PartialEq)]
pub struct Inner {
    /// Heat maps, contours and pictures, behind the series.
    pub(super) fields: Vec<Field>,
    pub(super) series: Vec<Series>,
    /// What stands below bars and boxes.
    pub(super) names: Vec<String>,
    pub(super) notes: Vec<Note>,
    pub(super) title: String,
    pub(super) xlabel: String,
    pub(super) ylabel: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) size: (u32, u32),
    /// Groups of values on their way into boxes.
    pub(super) groups: Vec<Numbers>,
}

/// What the user asked of an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Axis {
    pub(super) log: bool,
    pub(super) date: bool,
    pub(super) limits: Option<(f64, f64)>,
}

/// What is drawn besides data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Note {
    AtX(f64),
    AtY(f64),
    AcrossX(f64, f64),
    AcrossY(f64, f64),
    Text(f64, f64, String),
}

impl Plot {
    pub(super) fn new(fields: Vec<Field>, series: Vec<Series>) -> Self {
        Self::of(Inner {
            fields,
            series,
            names: Vec::new(),
            notes: Vec::new(),
            title: String::new(),
            xlabel: String::new(),
            ylabel: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            size: (640, 400),
            groups: Vec::new(),
        })
    }

    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new())
    }

    fn of(inner: Inner) -> Self {
        Self { inner: ManuallyDrop::new(Box::new(inner)) }
    }

    /// One more name below the axis.
    pub(super) fn push_name(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    /// One more group of values.
    pub(super) fn push_group(&mut self, values: Numbers) {
        self.groups.push(values);
    }
}

impl Drop for Plot {
    fn drop(&mut self) {
        // SAFETY: the content is dropped here and nowhere else, and not used afterwards: nothing
        // runs after this but the end of the value.
        unsafe { ManuallyDrop::drop(&mut self.inner) }
    }
}

impl Clone for Plot {
    fn clone(&self) -> Self {
        Self::of((**self).clone())
    }
}

impl PartialEq for Plot {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[doc(hidden)]
impl Deref for Plot {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

#[doc(hidden)]
impl DerefMut for Plot {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}
