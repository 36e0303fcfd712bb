//! What generated code needs to keep closures and iterators from one cell to the next: a closure's types
//! as rustc can print them, and forms of both that have a name. It holds no values.

use std::marker::PhantomData;

macro_rules! signatures {
    ($($name:ident: $($argument:ident)*, $call:literal;)*) => { $(
        #[doc = concat!("The types of a closure, as those of a function pointer: rustc prints them in a message.\n\n```\n", $call, "\n```")]
        pub fn $name<$($argument,)* R, F: FnOnce($($argument),*) -> R>(_: &F) -> PhantomData<fn($($argument),*) -> R> {
            PhantomData
        }
    )* };
}

signatures! {
    signature0: , "let types: std::marker::PhantomData<fn() -> u8> = ferrolab::rt::closure::signature0(&|| 1);";
    signature1: A, "let types: std::marker::PhantomData<fn(u8) -> u8> = ferrolab::rt::closure::signature1(&|a| a);";
    signature2: A B, "ferrolab::rt::closure::signature2(&|a: u8, b: u8| a + b);";
    signature3: A B C, "ferrolab::rt::closure::signature3(&|a: u8, _: (), _: char| a);";
    signature4: A B C D, "ferrolab::rt::closure::signature4(&|a: u8, _: u8, _: u8, _: u8| a);";
    signature5: A B C D E, "ferrolab::rt::closure::signature5(&|a: u8, _: u8, _: u8, _: u8, _: u8| a);";
    signature6: A B C D E G, "ferrolab::rt::closure::signature6(&|a: u8, _: u8, _: u8, _: u8, _: u8, _: u8| a);";
}

/// Gives a closure a place for the rest of the process, so that a reference to it, which can be copied as the closure
/// could, is its name. What can be copied has nothing to drop.
///
/// ```
/// let k = 2;
/// let twice: &'static dyn Fn(i32) -> i32 = ferrolab::rt::closure::leak(move |x| k * x);
/// assert_eq!((twice(3), [4].map(twice)), (6, [8]));
/// ```
pub fn leak<F: Copy>(closure: F) -> &'static F {
    Box::leak(Box::new(closure))
}

/// An iterator that goes both ways and knows how many items are left.
///
/// ```
/// use ferrolab::rt::closure::BothWays;
/// let steps: Box<dyn BothWays<Item = i32>> = Box::new([1, 2, 3].into_iter().map(|x| x * 2));
/// assert_eq!(steps.len(), 3);
/// assert_eq!(steps.rev().collect::<Vec<_>>(), [6, 4, 2]);
/// ```
pub trait BothWays: DoubleEndedIterator + ExactSizeIterator {}

impl<I: DoubleEndedIterator + ExactSizeIterator + ?Sized> BothWays for I {}
