//! Results in the order of their tasks, in memory that is taken once: what is generic here is compiled
//! with each cell, and a growing `Vec` alone is a tenth of one. What results are, it does not know.

use std::alloc::{Layout, alloc, handle_alloc_error};

/// An empty vector with room for `count` items.
pub(crate) fn room<T>(count: usize) -> Vec<T> {
    // SAFETY: the memory has the layout of `count` values of T from the allocator that Vec uses;
    // where nothing was allocated, the pointer is aligned and capacity or size is 0.
    unsafe { Vec::from_raw_parts(allocate(count, size_of::<T>(), align_of::<T>()).cast(), 0, count) }
}

#[inline(never)]
fn allocate(count: usize, size: usize, align: usize) -> *mut u8 {
    let layout = count.checked_mul(size).and_then(|size| Layout::from_size_align(size, align).ok());
    let Some(layout) = layout else { panic!("more results than memory has addresses") };
    if layout.size() == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    // SAFETY: the layout is not empty.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

/// Adds to a vector from [`room`], which does not grow.
pub(crate) fn add<T>(to: &mut Vec<T>, value: T) {
    let at = to.len();
    if at == to.capacity() {
        full();
    }
    // SAFETY: there is room for one more behind the last item.
    unsafe {
        to.as_mut_ptr().add(at).write(value);
        to.set_len(at + 1);
    }
}

#[cold]
#[inline(never)]
fn full() -> ! {
    panic!("more results than tasks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_room() {
        let mut some = room::<String>(2);
        add(&mut some, "a".to_owned());
        add(&mut some, "b".to_owned());
        assert_eq!(some, ["a", "b"]);
        assert!(room::<u64>(0).is_empty() && room::<()>(5).is_empty());
        let mut units = room::<()>(3);
        add(&mut units, ());
        assert_eq!(units.len(), 1);
        let full = std::panic::catch_unwind(|| add(&mut room::<u8>(0), 1));
        assert!(full.is_err());
    }
}
