//! Comparing kinds of plots that are only known by what they do, since figures can be compared.

use std::any::Any;

/// Every type that can be compared has it.
pub(super) trait Alike: Any {
    /// Is the other of the same type, and equal?
    fn alike(&self, other: &dyn Any) -> bool;
}

impl<T: PartialEq + Any> Alike for T {
    fn alike(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>() == Some(self)
    }
}
