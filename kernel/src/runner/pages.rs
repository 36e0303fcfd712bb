//! Huge pages for large blocks, where this machine fills them faster than usual ones: that differs from machine to
//! machine by factors in both directions (measured), so it is tried once in a runner's life, at the first block
//! for which it matters. Where the system uses huge pages by itself, or never, there is nothing to do.

use std::fs;
use std::ptr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Blocks from this size on are worth the advice.
const WORTH: usize = 4 << 20;
/// And from this size on, worth the trial.
const WORTH_TRYING: usize = 64 << 20;
/// Bytes that are filled in a trial.
const TRIAL: usize = 8 << 20;
/// Trials of each kind; the fastest counts.
const TRIALS: usize = 3;
/// Huge pages must take less than this part of the time of usual ones.
const FASTER: f64 = 0.8;
/// Size of a huge page.
const HUGE: usize = 2 << 20;

static HUGE_PAGES: OnceLock<bool> = OnceLock::new();

/// Asks for huge pages for a new block, when they serve it.
pub(super) fn advise(address: usize, length: usize) {
    if length < WORTH {
        return;
    }
    let serve = match HUGE_PAGES.get() {
        Some(serve) => *serve,
        None if length < WORTH_TRYING => return,
        None => *HUGE_PAGES.get_or_init(try_them),
    };
    if serve {
        let start = address.next_multiple_of(4096);
        let whole = (address + length).saturating_sub(start) & !4095;
        // SAFETY: it changes what pages the block is made of, not what is in it.
        unsafe { libc::madvise(ptr::without_provenance_mut(start), whole, libc::MADV_HUGEPAGE) };
    }
}

fn try_them() -> bool {
    let asked_for = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")
        .is_ok_and(|modes| modes.contains("[madvise]"));
    if !asked_for {
        return false;
    }
    let least = |huge: bool| (0..TRIALS).filter_map(|_| fill(huge)).min();
    matches!((least(true), least(false)), (Some(huge), Some(usual)) if huge.as_secs_f64() < FASTER * usual.as_secs_f64())
}

/// How long it takes to fill fresh memory.
fn fill(huge: bool) -> Option<Duration> {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping of our own, written within its bounds and given back.
    unsafe {
        let memory = libc::mmap(ptr::null_mut(), TRIAL + HUGE, rights, flags, -1, 0);
        if memory == libc::MAP_FAILED {
            return None;
        }
        let start = memory.byte_add((memory as usize).next_multiple_of(HUGE) - memory as usize);
        libc::madvise(start, TRIAL, if huge { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE });
        let begin = Instant::now();
        ptr::write_bytes(start.cast::<u8>(), 1, TRIAL);
        std::hint::black_box(start);
        let took = begin.elapsed();
        libc::munmap(memory, TRIAL + HUGE);
        Some(took)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn filling_takes_time_and_gives_memory_back() {
        assert!(super::fill(false).is_some_and(|t| !t.is_zero()));
        assert!(super::fill(true).is_some_and(|t| !t.is_zero()));
    }
}
