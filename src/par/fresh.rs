//! Memory that a loop is the first to write to. The system hands it out page by page, by a fault at the first write to each, which
//! takes as long as writing the page; asked for many pages at once, it does so in three quarters of the time. That is asked
//! here, just before a part is written; nothing depends on the answer.

use std::ops::Range;

/// Results of fewer bytes come from memory that the process has already, as a rule.
const LARGE: usize = 8 << 20;
/// So many bytes are asked for at once, and then written.
const PART: usize = 4 << 20;
/// For fewer the question takes longer than the faults.
const SMALL: usize = 128 << 10;
/// `MADV_POPULATE_WRITE`, since Linux 5.14; older systems refuse it, and pages come as they are written.
#[cfg(target_os = "linux")]
const POPULATE_WRITE: i32 = 23;

/// Where a loop writes the result of each index.
#[derive(Clone, Copy)]
pub(super) struct Fresh {
    at: usize,
    /// Bytes of one result; 0 when nothing is to be asked for.
    item: usize,
}

impl Fresh {
    /// A loop that writes to no memory of its own.
    pub(super) const NONE: Self = Self { at: 0, item: 0 };

    /// The memory of `len` results that nobody has written to.
    pub(super) fn of<T>(at: *mut T, len: usize) -> Self {
        let item = size_of::<T>();
        if item.saturating_mul(len) < LARGE { Self::NONE } else { Self { at: at.addr(), item } }
    }

    /// The first part of a range that is asked for and written before the next is; it ends at a multiple of `grain`.
    pub(super) fn first_part(self, range: &Range<usize>, grain: usize) -> Range<usize> {
        if self.item == 0 {
            return range.clone();
        }
        let most = (PART / self.item).max(1).next_multiple_of(grain);
        range.start..range.end.min(range.start.saturating_add(most))
    }

    /// Asks for the memory of these results.
    pub(super) fn ready(self, range: &Range<usize>) {
        if self.item > 0 {
            ready(self.at + range.start * self.item, range.len() * self.item);
        }
    }
}

/// Asks the system for the pages of memory that is about to be written for the first time: `bytes` from the address `at` on.
pub(crate) fn ready(at: usize, bytes: usize) {
    #[cfg(target_os = "linux")]
    if bytes >= SMALL {
        // whole pages, since an address has to be one's beginning; the other half of one has an owner that has it already
        let start = at.next_multiple_of(4096);
        let length = (at + bytes).saturating_sub(start);
        // SAFETY: pages that are there stay as they are, and others are filled with zeros, as by a read; the call fails where
        // there is no such memory.
        unsafe { libc::madvise(std::ptr::without_provenance_mut(start), length, POPULATE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (at, bytes, SMALL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_range_follow_each_other_and_begin_at_multiples() {
        let mut room = Vec::<[f64; 3]>::with_capacity(3_000_000);
        let fresh = Fresh::of(room.as_mut_ptr(), 3_000_000);
        let (mut left, mut parts) = (160..2_999_999, 0);
        while !left.is_empty() {
            let part = fresh.first_part(&left, 16);
            assert!(part.start == left.start && !part.is_empty() && part.start.is_multiple_of(16));
            fresh.ready(&part);
            (left.start, parts) = (part.end, parts + 1);
        }
        assert_eq!(parts, (2_999_839usize).div_ceil((PART / 24).next_multiple_of(16)));
        assert_eq!(Fresh::of(room.as_mut_ptr(), 10).first_part(&(3..9), 4), 3..9);
    }

    #[test]
    fn memory_that_holds_something_keeps_it() {
        let mut bytes = vec![7u8; 1 << 20];
        ready(bytes.as_mut_ptr().addr() + 5, bytes.len() - 5);
        assert!(bytes.iter().all(|b| *b == 7));
    }
}
