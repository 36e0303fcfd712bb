//! How three ways to do the same are timed beside each other, compared, and told. What they do is in `main`.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What a result is compared by: a number that depends on all of it and on its order.
pub trait Mark {
    fn mark(&self) -> f64;
}

impl Mark for () {
    fn mark(&self) -> f64 {
        0.0
    }
}

impl Mark for f64 {
    fn mark(&self) -> f64 {
        *self
    }
}

impl Mark for u64 {
    fn mark(&self) -> f64 {
        *self as f64
    }
}

impl Mark for usize {
    fn mark(&self) -> f64 {
        *self as f64
    }
}

impl Mark for String {
    fn mark(&self) -> f64 {
        self.bytes().fold(0.0, |mark, byte| mark * 3.0 + f64::from(byte))
    }
}

impl<T: Mark> Mark for Option<T> {
    fn mark(&self) -> f64 {
        self.as_ref().map_or(-1.0, T::mark)
    }
}

impl<T: Mark> Mark for Vec<T> {
    fn mark(&self) -> f64 {
        self.iter().enumerate().map(|(i, x)| x.mark() * (1 + i % 97) as f64).sum()
    }
}

/// Time for the repetitions of a row.
const ENOUGH: Duration = Duration::from_secs(3);

/// A loop that is measured: the least time of one call so far.
struct Timed<F> {
    work: F,
    calls: u32,
    least: f64,
}

impl<T, F: FnMut() -> T> Timed<F> {
    fn new(work: F) -> Self {
        let mut timed = Timed { work, calls: 1, least: f64::INFINITY };
        // Short calls are timed several at once.
        while timed.run() < Duration::from_micros(200) {
            timed.calls *= 2;
        }
        timed.least = f64::INFINITY;
        timed
    }

    fn run(&mut self) -> Duration {
        let start = Instant::now();
        for _ in 0..self.calls {
            black_box((self.work)());
        }
        let elapsed = start.elapsed();
        self.least = self.least.min(elapsed.as_secs_f64() / f64::from(self.calls));
        elapsed
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

pub struct Report {
    pub only: Option<String>,
}

impl Report {
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    /// One row: `par`, rayon by hand, serial, per item.
    pub fn row<A: Mark, B: Mark, C: Mark>(
        &self,
        name: &str,
        items: usize,
        mut ours: impl FnMut() -> A,
        mut hand: impl FnMut() -> B,
        mut serial: impl FnMut() -> C,
    ) {
        if !self.wants(name) {
            return;
        }
        // one after the other, because two large results at once need not fit
        let mark = ours().mark();
        let by_hand = hand().mark();
        let in_turn = serial().mark();
        for other in [by_hand, in_turn] {
            assert!((other - mark).abs() <= 1e-9 * mark.abs(), "{name}: {other} is not {mark}");
        }
        let (mut ours, mut hand, mut serial) = (Timed::new(ours), Timed::new(hand), Timed::new(serial));
        let begin = Instant::now();
        let mut rounds = 0;
        // in turns, so that whatever else the machine does hits all three
        while rounds < 3 || (begin.elapsed() < ENOUGH && rounds < 200) {
            ours.run();
            hand.run();
            serial.run();
            rounds += 1;
        }
        let (ours, hand, serial) = (ours.least, hand.least, serial.least);
        println!(
            "{name:34} par {:>9} ({:>6.3} ns/item)  rayon {:>9} (par/rayon {:>5.2})  serial {:>9} (par/serial {:>5.2})",
            time(ours),
            ours * 1e9 / items as f64,
            time(hand),
            ours / hand,
            time(serial),
            ours / serial
        );
    }
}
