//! What lanes did so far: a strip of buckets for each, which become longer when there are too many. So a strip of any
//! length of time has a bounded number of them.

use super::frame::Share;

/// Buckets of a strip, at most.
pub(super) const BUCKETS: usize = 120;
/// Lanes that are remembered: those that are there, and some that are gone.
const LANES: usize = 48;
/// Seconds of a bucket in the beginning.
const SHORTEST: f64 = 0.25;

/// Seconds of each sort in a bucket.
type Sums = [f32; 3];

/// Strips of lanes, all over the same time.
#[derive(Debug)]
pub(super) struct History {
    pub(super) lanes: Vec<Lane>,
    /// Seconds of each bucket.
    pub(super) spans: Vec<f32>,
    /// Seconds that a bucket takes before the next one begins.
    step: f64,
    /// Lanes that went and are not remembered.
    pub(super) lost: usize,
}

/// A strip.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) sums: Vec<Sums>,
    /// It was in the last frame.
    pub(super) there: bool,
}

impl Lane {
    /// The shares of a bucket.
    pub(super) fn shares(&self, bucket: usize, spans: &[f32]) -> Sums {
        let span = spans.get(bucket).copied().unwrap_or(0.0).max(1e-9);
        self.sums.get(bucket).map_or([0.0; 3], |sums| sums.map(|seconds| (seconds / span).clamp(0.0, 1.0)))
    }
}

impl Default for History {
    fn default() -> Self {
        Self { lanes: Vec::new(), spans: Vec::new(), step: SHORTEST, lost: 0 }
    }
}

impl History {
    /// Takes in what lanes did for so many seconds.
    pub(super) fn add(&mut self, seconds: f64, shares: &[Share]) {
        // A stopped process may have been away for hours: nobody knows what was then, so it is one long bucket.
        if seconds <= 0.0 || !seconds.is_finite() {
            return;
        }
        if self.spans.last().is_none_or(|span| f64::from(*span) >= self.step * 0.999) {
            if self.spans.len() == BUCKETS {
                self.halve();
            }
            self.spans.push(0.0);
        }
        let bucket = self.spans.len() - 1;
        self.spans[bucket] += seconds as f32;
        self.lanes.iter_mut().for_each(|lane| lane.there = false);
        for share in shares {
            let lane = self.lane(&share.name);
            lane.there = true;
            lane.sums.resize(bucket + 1, [0.0; 3]);
            let told = [share.computing, share.transferring, share.spilling];
            lane.sums[bucket].iter_mut().zip(told).for_each(|(sum, share)| *sum += (share * seconds) as f32);
        }
        while self.lanes.len() > LANES {
            let Some(gone) = self.lanes.iter().position(|lane| !lane.there) else { break };
            self.lanes.remove(gone);
            self.lost += 1;
        }
    }

    fn lane(&mut self, name: &str) -> &mut Lane {
        let at = self.lanes.iter().position(|lane| lane.name == name).unwrap_or_else(|| {
            self.lanes.push(Lane { name: name.to_owned(), sums: Vec::new(), there: true });
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    /// Makes one bucket of two.
    fn halve(&mut self) {
        self.step *= 2.0;
        self.spans = self.spans.chunks(2).map(|pair| pair.iter().sum()).collect();
        for lane in &mut self.lanes {
            let joined = lane
                .sums
                .chunks(2)
                .map(|pair| pair.iter().fold([0.0; 3], |sum, one| [sum[0] + one[0], sum[1] + one[1], sum[2] + one[2]]));
            lane.sums = joined.collect();
        }
    }

    /// Seconds in all.
    pub(super) fn seconds(&self) -> f64 {
        self.spans.iter().map(|span| f64::from(*span)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str, computing: f64) -> Share {
        Share { name: name.to_owned(), computing, ..Share::default() }
    }

    #[test]
    fn a_day_fits_and_nothing_of_it_is_lost() {
        let mut history = History::default();
        for i in 0..345_600 {
            history.add(0.25, &[share("all", 1.0), share("half", f64::from(i % 2))]);
        }
        assert!(history.spans.len() <= BUCKETS && history.spans.len() > BUCKETS / 2);
        assert!((history.seconds() - 86_400.0).abs() < 30.0, "{}", history.seconds());
        let history = &history;
        let of = |lane: usize| (0..history.spans.len()).map(move |b| history.lanes[lane].shares(b, &history.spans)[0]);
        assert!(of(0).all(|share| share > 0.99) && of(1).all(|share| (share - 0.5).abs() < 0.01));
    }

    #[test]
    fn lanes_that_come_and_go_keep_their_place_in_time() {
        let mut history = History::default();
        history.add(0.25, &[share("first", 1.0)]);
        history.add(0.25, &[share("second", 0.5)]);
        assert_eq!(history.lanes.iter().map(|lane| lane.there).collect::<Vec<_>>(), [false, true]);
        assert_eq!(history.lanes[1].shares(0, &history.spans)[0], 0.0);
        assert_eq!(history.lanes[1].shares(1, &history.spans)[0], 0.5);
        (0..1000).for_each(|i| history.add(0.25, &[share(&format!("worker {i}"), 1.0)]));
        assert_eq!((history.lanes.len(), history.lost), (LANES, 1002 - LANES));
        history.add(f64::NAN, &[]);
        assert!(history.seconds().is_finite());
    }
}
