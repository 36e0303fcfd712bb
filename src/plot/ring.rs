//! Points on their way from the thread that pushes them to whoever paints: one writes, one at a
//! time reads, and neither waits for the other.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Points that wait at most.
const ROOM: usize = 1024;

#[derive(Debug, Default)]
struct Slot {
    series: AtomicU32,
    x: AtomicU64,
    y: AtomicU64,
}

/// Room for points. The numbers of points written and read count up for ever.
#[derive(Debug)]
pub(super) struct Ring {
    slots: Box<[Slot]>,
    written: AtomicUsize,
    read: AtomicUsize,
}

impl Ring {
    pub(super) fn new() -> Self {
        let slots = (0..ROOM).map(|_| Slot::default()).collect();
        Self { slots, written: AtomicUsize::new(0), read: AtomicUsize::new(0) }
    }

    /// Writes a point; false when there is no room. Only one thread at a time may write: with two,
    /// points would be lost, though nothing worse.
    pub(super) fn write(&self, series: u32, x: f64, y: f64) -> bool {
        let written = self.written.load(Ordering::Relaxed);
        // Acquire: the reader is done with a slot before it is written again.
        if written.wrapping_sub(self.read.load(Ordering::Acquire)) >= ROOM {
            return false;
        }
        let slot = &self.slots[written % ROOM];
        slot.series.store(series, Ordering::Relaxed);
        slot.x.store(x.to_bits(), Ordering::Relaxed);
        slot.y.store(y.to_bits(), Ordering::Relaxed);
        // Release: who sees the number sees the point.
        self.written.store(written.wrapping_add(1), Ordering::Release);
        true
    }

    /// Takes all points out, in their order. Only one thread at a time may read.
    pub(super) fn read(&self, mut take: impl FnMut(u32, f64, f64)) {
        let written = self.written.load(Ordering::Acquire);
        let mut read = self.read.load(Ordering::Relaxed);
        while read != written {
            let slot = &self.slots[read % ROOM];
            let bits = |value: &AtomicU64| f64::from_bits(value.load(Ordering::Relaxed));
            take(slot.series.load(Ordering::Relaxed), bits(&slot.x), bits(&slot.y));
            read = read.wrapping_add(1);
        }
        self.read.store(read, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written.load(Ordering::Acquire) == self.read.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_arrive_whole_and_in_order() {
        const N: u32 = 200_000;
        let ring = Ring::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..N {
                    while !ring.write(i % 7, f64::from(i), -f64::from(i)) {
                        std::thread::yield_now();
                    }
                }
            });
            let mut next = 0;
            while next < N {
                ring.read(|series, x, y| {
                    assert_eq!((series, x, y), (next % 7, f64::from(next), -f64::from(next)));
                    next += 1;
                });
                std::thread::yield_now();
            }
        });
        assert!(ring.is_empty());
        assert_eq!((0..ROOM + 1).filter(|_| ring.write(0, 0.0, 0.0)).count(), ROOM);
    }
}
