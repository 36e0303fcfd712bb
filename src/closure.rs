//! Closures that capture nothing, and so have no bytes: what runs them elsewhere knows their type alone.

/// Does not compile when a closure captures something. It stands in each public function, because
/// rustc names the call that it was compiled for, and that has to be the user's.
macro_rules! captures_nothing {
    ($f:ident: $F:ty) => {
        $crate::closure::captures_nothing!(
            $f: $F,
            "a closure for the cluster cannot use variables of the notebook, nor of a function around it: pass them with `map_with(&value, tasks, |value, task| …)`"
        )
    };
    ($f:ident: $F:ty, $advice:literal) => {{
        let _ = $f;
        const { assert!(size_of::<$F>() == 0, $advice) };
    }};
}
pub(crate) use captures_nothing;

/// A value of a type that has one value without bytes: a function, or a closure that captures
/// nothing.
pub(crate) fn conjure<F: Copy + 'static>() -> F {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: reading a type without bytes reads nothing, from any aligned pointer that is not null;
    // F is Copy, so another value of it may be made from one, and the notebook had one when it asked
    // for code that calls it.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}
