//! What a loop's body cost the last time, so that the next loop of the same code starts right: tiny
//! ones stay on the calling thread, others begin with ranges of the right length. Only hints: a wrong
//! one costs time, never a result.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Loops remembered at a time; one that meets another's place takes it.
const PLACES: usize = 512;
/// Bits of an entry that hold the cost; the others say whose it is.
const COST: u32 = 28;
/// Costs are kept in this fraction of a nanosecond.
const FINE: u64 = 16;

static TABLE: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];

/// The code of one loop, by the address of its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site(u64);

impl Site {
    pub(super) fn new(address: usize) -> Self {
        // Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, section 6.4).
        Self((address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn place(self) -> &'static AtomicU64 {
        &TABLE[(self.0 >> 32) as usize % PLACES]
    }

    /// The time of one item, if this loop has run before.
    pub(super) fn cost(self) -> Option<Cost> {
        let entry = self.place().load(Ordering::Relaxed);
        let mine = (entry ^ (self.0 << COST)) >> COST == 0;
        mine.then_some(Cost(entry & ((1 << COST) - 1)))
    }

    /// Remembers that `items` took `time` on one thread.
    pub(super) fn remember(self, time: Duration, items: usize) {
        self.place().store((self.0 << COST) | Cost::of(time, items).0, Ordering::Relaxed);
    }
}

/// The time of one item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost(u64);

impl Cost {
    pub(super) fn of(time: Duration, items: usize) -> Self {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let cost = nanoseconds.saturating_mul(FINE) / (items as u64).max(1);
        Self(cost.clamp(1, (1 << COST) - 1))
    }

    /// Do so many items take no longer than `time`?
    pub(super) fn fits(self, items: usize, time: Duration) -> bool {
        self.0.saturating_mul(items as u64) <= time.as_nanos() as u64 * FINE
    }

    /// How many items take about `time`; at least one.
    pub(super) fn items_in(self, time: Duration) -> usize {
        (time.as_nanos() as u64 * FINE / self.0).max(1) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, Site};
    use std::time::Duration;

    #[test]
    fn a_site_knows_its_own_cost_only() {
        let (here, there) = (Site::new(0x5555_0000_1234), Site::new(0x5555_0000_5678));
        here.remember(Duration::from_micros(3), 1000);
        let known = here.cost().map(|c| c.items_in(Duration::from_micros(3)));
        assert!(known.is_some_and(|n| (990..=1100).contains(&n)), "{known:?}");
        assert!(there.cost().is_none());
        let three_nanoseconds = Cost::of(Duration::from_micros(3), 1000);
        assert!(three_nanoseconds.fits(1000, Duration::from_micros(3)));
        assert!(
            !three_nanoseconds.fits(1001, Duration::from_micros(3))
                && !three_nanoseconds.fits(usize::MAX, Duration::from_secs(1))
        );
        assert_eq!(Cost::of(Duration::from_secs(3600), 1).items_in(Duration::from_millis(1)), 1);
        assert!(Cost::of(Duration::ZERO, usize::MAX).items_in(Duration::from_nanos(1)) >= 1);
    }
}
