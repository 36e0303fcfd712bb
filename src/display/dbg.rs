//! `dbg!` in cells, which names the user's place instead of one in generated text.

/// What `dbg!` in a cell becomes; its first argument is the place.
///
/// ```
/// let number = ferrolab::__dbg!("[3]:1:1", 2 + 3) * 2;
/// assert_eq!(number, 10);
/// assert_eq!(ferrolab::__dbg!("[3]:1:1", 1, "two"), (1, "two"));
/// ferrolab::__dbg!("[3]:1:1",);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __dbg {
    ($place:literal $(,)?) => {
        ::std::eprintln!("{}", $place)
    };
    ($place:literal, $value:expr $(,)?) => {
        match $value {
            value => {
                ::std::eprintln!("{} {} = {:#?}", $place, ::core::stringify!($value), &value);
                value
            }
        }
    };
    ($place:literal, $($value:expr),+ $(,)?) => {
        ($($crate::__dbg!($place, $value)),+,)
    };
}
