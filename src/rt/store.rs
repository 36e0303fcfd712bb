//! The variables between cells. Each is a heap block with the key of its type; generated code
//! takes those a cell mentions into locals and puts them back. The store knows no names of types
//! beyond their keys and runs no code of a cell but destructors.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::reach;

/// One variable's place.
struct Slot {
    block: NonNull<u8>,
    layout: Layout,
    /// What the engine calls this type; equal keys mean equal layout.
    key: u64,
    drop: unsafe fn(*mut u8),
    /// 1 when its large data holds no pointers, 2 when that of the vectors in it does not; else 0.
    levels: u8,
    /// False while a cell has the value in a local.
    full: bool,
}

// SAFETY: a slot is only touched by the thread that runs cells; the mutex below hands it from one
// such thread to the next when the pool is rebuilt.
unsafe impl Send for Slot {}

static STORE: Mutex<Option<HashMap<String, Slot>>> = Mutex::new(None);

fn slots() -> MutexGuard<'static, Option<HashMap<String, Slot>>> {
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves a variable out of the store.
///
/// # Safety
/// `T` is the type that `key` stands for: the engine hashes the type's full text and every
/// definition it depends on into the key.
///
/// # Panics
/// When there is no such variable of that key, which means that kernel and runner disagree.
pub unsafe fn take<T>(name: &str, key: u64) -> T {
    let block = vacate(name, key);
    // SAFETY: the block holds a T by the caller's promise, and is now marked empty, so nobody
    // reads or drops it again before the next `put`.
    unsafe { block.cast::<T>().read() }
}

fn vacate(name: &str, key: u64) -> NonNull<u8> {
    let mut slots = slots();
    let slot = slots.as_mut().and_then(|s| s.get_mut(name));
    match slot {
        Some(slot) if slot.key == key && slot.full => {
            slot.full = false;
            slot.block
        }
        Some(slot) => panic!(
            "ferrolab: variable `{name}` is not what the kernel takes it for (key {:x}, wanted {key:x}, full {}); please report this",
            slot.key, slot.full
        ),
        None => panic!("ferrolab: variable `{name}` is not in the runner; please report this"),
    }
}

/// Keeps what a closure of that name and key has captured by copy. Its place is its own, so that a later closure of the
/// same name, which other closures do not call, leaves it as it is; these bytes are never freed.
pub fn put_copy<T: Copy + 'static>(name: &str, key: u64, value: T) {
    put(&copy_name(name, key), key, value);
}

#[inline(never)]
fn copy_name(name: &str, key: u64) -> String {
    format!("{name}#{key:x}")
}

/// What [`put_copy`] kept.
///
/// # Safety
/// As for [`take`].
///
/// # Panics
/// As [`take`] does.
pub unsafe fn peek<T: Copy>(name: &str, key: u64) -> T {
    let slots = slots();
    let slot = slots.as_ref().and_then(|slots| slots.get(&copy_name(name, key)));
    let slot = slot.filter(|slot| slot.key == key && slot.full);
    let Some(slot) = slot else { panic!("ferrolab: `{name}` is not in the runner; please report this") };
    // SAFETY: the block holds a T by the caller's promise; it is full, and the lock keeps it so. A T that can be
    // copied is valid in both places.
    unsafe { slot.block.cast::<T>().read() }
}

/// Moves a variable into the store, dropping what was there under its name.
pub fn put<T: 'static>(name: &str, key: u64, value: T) {
    unsafe fn drop_block<T>(block: *mut u8) {
        // SAFETY: called once, on a full block that `put::<T>` filled.
        unsafe { ptr::drop_in_place(block.cast::<T>()) }
    }
    let value = ManuallyDrop::new(value);
    let from: *const T = &*value;
    // SAFETY: `value` is never dropped or used again, so its bytes move into the block.
    unsafe { fill(name, key, from.cast(), Layout::new::<T>(), drop_block::<T>) }
}

/// # Safety
/// `from` points to a value of the layout that is moved out by this call.
unsafe fn fill(name: &str, key: u64, from: *const u8, layout: Layout, drop: unsafe fn(*mut u8)) {
    let old = {
        let mut slots = slots();
        let slots = slots.get_or_insert_default();
        match slots.get_mut(name) {
            // The usual case: the value comes back to where it was.
            Some(slot) if slot.layout == layout && !slot.full => {
                // SAFETY: same layout, and the block is empty.
                unsafe { ptr::copy_nonoverlapping(from, slot.block.as_ptr(), layout.size()) };
                if slot.key != key {
                    slot.levels = 0;
                }
                slot.key = key;
                slot.drop = drop;
                slot.full = true;
                return;
            }
            _ => {
                let block = allocate(layout);
                // SAFETY: a fresh block of this layout.
                unsafe { ptr::copy_nonoverlapping(from, block.as_ptr(), layout.size()) };
                slots.insert(name.to_owned(), Slot { block, layout, key, drop, levels: 0, full: true })
            }
        }
    };
    // Outside the lock: a destructor may do anything, taking variables included.
    if let Some(old) = old {
        discard(old);
    }
}

fn allocate(layout: Layout) -> NonNull<u8> {
    if layout.size() == 0 {
        return dangling(layout);
    }
    // SAFETY: the size is not zero.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| std::alloc::handle_alloc_error(layout))
}

fn dangling(layout: Layout) -> NonNull<u8> {
    // SAFETY: an alignment is never zero.
    unsafe { NonNull::new_unchecked(ptr::without_provenance_mut(layout.align())) }
}

fn discard(slot: Slot) {
    if slot.full {
        // SAFETY: the block is full and this is its only owner now.
        unsafe { (slot.drop)(slot.block.as_ptr()) };
    }
    if slot.layout.size() > 0 {
        // SAFETY: allocated by `allocate` with this layout.
        unsafe { dealloc(slot.block.as_ptr(), slot.layout) };
    }
}

/// Drops variables; names that are not there are ignored.
pub fn drop_named(names: &[String]) {
    for name in names {
        let slot = slots().as_mut().and_then(|s| s.remove(name));
        if let Some(slot) = slot {
            discard(slot);
        }
    }
}

/// Removes variables whose value a cell took and did not bring back, and names them.
pub fn sweep() -> Vec<String> {
    let mut lost = Vec::new();
    if let Some(slots) = slots().as_mut() {
        slots.retain(|name, slot| {
            if !slot.full {
                lost.push(name.clone());
                if slot.layout.size() > 0 {
                    // SAFETY: allocated by `allocate` with this layout; its value has moved away.
                    unsafe { dealloc(slot.block.as_ptr(), slot.layout) };
                }
            }
            slot.full
        });
    }
    lost.sort();
    lost
}

/// The large data of these variables holds no pointers: see [`Command::Plain`](crate::frame::Command::Plain).
pub fn note_plain(variables: &[(String, u64, u8)]) {
    let mut slots = slots();
    let Some(slots) = slots.as_mut() else { return };
    for (name, key, levels) in variables {
        if let Some(slot) = slots.get_mut(name).filter(|slot| slot.key == *key) {
            slot.levels = *levels;
        }
    }
}

/// Variables with large blocks of plain data, and the addresses of those.
pub(crate) fn large_data() -> Vec<(String, Vec<usize>)> {
    let slots = slots();
    let plain = slots.iter().flatten().filter(|(_, slot)| slot.full && slot.levels > 0 && slot.layout.size() >= 8);
    let found = plain.map(|(name, slot)| {
        (name.clone(), reach::blocks(slot.block.as_ptr() as usize, slot.layout.size(), slot.levels))
    });
    let mut found: Vec<_> = found.filter(|(_, blocks)| !blocks.is_empty()).collect();
    found.sort();
    found
}

/// Size of a variable's own block in bytes.
pub fn size_of(name: &str) -> Option<u64> {
    slots().as_ref()?.get(name).map(|slot| slot.layout.size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    // One test: the store is one per process.
    #[test]
    fn variables_move_in_and_out_and_are_dropped_once() {
        let counted = Rc::new(());
        put("a", 1, counted.clone());
        assert_eq!(Rc::strong_count(&counted), 2);
        // SAFETY: `a` was put with this type under this key.
        let a: Rc<()> = unsafe { take("a", 1) };
        put("a", 1, a);
        assert_eq!(Rc::strong_count(&counted), 2);
        put("a", 2, 7_u8);
        assert_eq!(Rc::strong_count(&counted), 1);
        put_copy("k", 4, 2.5_f64);
        put_copy("k", 5, 7_u8);
        // SAFETY: the first `k` was put with this type under this key.
        assert_eq!(unsafe { (peek::<f64>("k", 4), peek::<f64>("k", 4)) }, (2.5, 2.5));
        put("unit", 3, ());
        // SAFETY: put with this type under this key.
        unsafe { take::<()>("unit", 3) };
        assert_eq!(sweep(), ["unit"]);
        drop_named(&["a".into(), "none".into()]);
        assert_eq!(size_of("a"), None);
    }
}
