//! The user's interrupt, asked for now and then while a figure of many points is drawn. What is drawn
//! and when is known elsewhere.

use crate::rt;
use std::cell::Cell;

thread_local! {
    /// A drawing on this thread goes on when the user interrupts.
    static DEAF: Cell<bool> = const { Cell::new(false) };
}

/// Unwinds when the user interrupted the cell that draws a figure: drawings of many points call it
/// now and then. Not within [`ignored`].
pub(super) fn check() {
    if !DEAF.get() {
        rt::check_interrupt();
    }
}

/// [`check`] for each of so many points.
#[inline]
pub(super) fn check_at(point: usize) {
    if point.is_multiple_of(1 << 16) {
        check();
    }
}

/// Draws to the end whatever the user does: the last state of a live figure is to be seen.
pub(super) fn ignored<T>(draw: impl FnOnce() -> T) -> T {
    /// Hears again when it is dropped, so that a drawing that panics leaves no deaf thread behind.
    struct Ears;
    impl Drop for Ears {
        fn drop(&mut self) {
            DEAF.set(false);
        }
    }
    DEAF.set(true);
    let _ears = Ears;
    draw()
}
