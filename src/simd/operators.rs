//! Arithmetic operators of lanes with lanes and numbers, and bit operators of masks; as macros, for both
//! types. No functions.

macro_rules! operators {
    ($name:ident $item:ident: $($operator:ident $method:ident $assign:ident $assign_method:ident)*) => {$(
        impl std::ops::$operator for $name {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self(std::ops::$operator::$method(self.0, other.0))
            }
        }
        impl std::ops::$operator<$item> for $name {
            type Output = Self;
            #[inline]
            fn $method(self, other: $item) -> Self {
                std::ops::$operator::$method(self, Self::splat(other))
            }
        }
        impl std::ops::$operator<$name> for $item {
            type Output = $name;
            #[inline]
            fn $method(self, other: $name) -> $name {
                std::ops::$operator::$method($name::splat(self), other)
            }
        }
        impl std::ops::$assign for $name {
            #[inline]
            fn $assign_method(&mut self, other: Self) {
                *self = std::ops::$operator::$method(*self, other);
            }
        }
        impl std::ops::$assign<$item> for $name {
            #[inline]
            fn $assign_method(&mut self, other: $item) {
                *self = std::ops::$operator::$method(*self, other);
            }
        }
    )*};
}

macro_rules! masks {
    ($mask:ident: $($operator:ident $method:ident)*) => {$(
        impl std::ops::$operator for $mask {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self(std::ops::$operator::$method(self.0, other.0))
            }
        }
    )*};
}

pub(super) use {masks, operators};
