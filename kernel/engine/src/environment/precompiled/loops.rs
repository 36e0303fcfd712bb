//! What cells that loop with `rayon` would otherwise compile each time: the part of a parallel loop that
//! does not depend on its closures (queues, latches, stealing), and sorts of the usual types. Not a
//! part of the kernel: its text is compiled against the environment's `rayon`, and nothing in it is
//! ever called.

use rayon::prelude::*;

pub fn join() {
    // No loop: what turns an index of a range into its item is rayon's own closure, which would be
    // called from here instead of inlined there (measured: twelve times slower).
    rayon::join(|| (), || ());
    rayon::scope(|scope| scope.spawn(|_| ()));
}

macro_rules! sorts {
    ($($name:ident: $of:ty;)*) => {$(
        pub fn $name(v: &mut Vec<$of>) {
            v.par_sort();
            v.par_sort_unstable();
        }
    )*};
}

sorts! {
    i32s: i32;
    i64s: i64;
    u32s: u32;
    u64s: u64;
    usizes: usize;
    strings: String;
}
