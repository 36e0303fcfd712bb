//! Who builds what, and where: the same set is built by one kernel while others wait for it, and different
//! sets are built at the same time, each in a target directory of its own. What they have in common is
//! built once all the same; that is `once`'s.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::error::EnvironmentError;
use super::lock::Guard;

/// So many builds of a shelf at a time; more would only take each other's memory.
const LANES: usize = 8;
const POLL: Duration = Duration::from_millis(100);
/// This often do those who wait hear of the progress.
const NEWS: Duration = Duration::from_millis(500);

/// What to show while nothing can be done.
pub(super) type Report<'a> = dyn FnMut(&str) + 'a;

/// The right to build one set.
pub(super) struct Turn {
    guard: Guard,
    /// What the builder is doing, for those who wait.
    news: PathBuf,
    told: Option<Instant>,
}

impl Turn {
    /// Wait until nobody else builds `key`. `what` names the set, for the user.
    pub(super) fn take(
        cache: &Cache,
        key: &str,
        what: &str,
        report: &mut Report<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Self, EnvironmentError> {
        let lock = cache.directory("locks")?.join(key);
        let news = lock.with_extension("now");
        let mut told: Option<Instant> = None;
        let mut waiting = || {
            if told.is_none_or(|at| at.elapsed() > NEWS) {
                told = Some(Instant::now());
                let now = fs::read_to_string(&news).map(|now| format!(": {}", now.trim())).unwrap_or_default();
                report(&format!("waiting: another kernel is building {what}{now}"));
            }
        };
        let guard = Guard::take(&lock, &mut waiting, cancelled)?;
        // A builder that was killed left it.
        drop(fs::remove_file(&news));
        Ok(Self { guard, news, told: None })
    }

    /// Tell those who wait how far it is, and that this builder is alive.
    pub(super) fn tell(&mut self, done: usize, total: usize, what: &str) {
        if self.told.is_some_and(|at| at.elapsed() < NEWS) {
            return;
        }
        self.told = Some(Instant::now());
        self.guard.touch();
        let count = if total == 0 { String::new() } else { format!("{done}/{total} ") };
        // Without it they still know for what they wait.
        drop(fs::write(&self.news, format!("{count}{what}")));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.news));
    }
}

/// A target directory that no other build uses now.
pub(super) struct Lane {
    guard: Guard,
    /// cargo's target directory.
    pub(super) directory: PathBuf,
}

impl Lane {
    /// The first that is free: its number says how many builds there are besides.
    pub(super) fn take(
        cache: &Cache,
        shelf: &str,
        report: &mut Report<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Self, EnvironmentError> {
        let (locks, targets) = (cache.directory("locks")?, cache.directory("target")?);
        loop {
            for number in 0..LANES {
                // Not a name that begins with another lane's: places are found in texts by it.
                let name = if number == 0 { shelf.to_owned() } else { format!("{number}-{shelf}") };
                if let Some(guard) = Guard::attempt(&locks.join(format!("lane-{name}")))? {
                    return Ok(Self { guard, directory: targets.join(name) });
                }
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(EnvironmentError::cancelled());
            }
            report(&format!("waiting: {LANES} other kernels are building other crates"));
            thread::sleep(POLL);
        }
    }

    /// Say that the holder is still at work.
    pub(super) fn touch(&self) {
        self.guard.touch();
    }
}

/// Where the results are that all lanes of a shelf share.
pub(super) fn store(cache: &Cache, shelf: &str) -> PathBuf {
    Path::join(cache.root(), "once").join(shelf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_sets_have_different_places_and_the_same_set_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(&folder.path().join("cache")).expect("a cache");
        let never = AtomicBool::new(false);
        let mut first = Turn::take(&cache, "aa", "rand", &mut |_| {}, &never).expect("free");
        let _other = Turn::take(&cache, "bb", "serde", &mut |_| {}, &never).expect("free");
        let one = Lane::take(&cache, "shelf", &mut |_| {}, &never).expect("free");
        let two = Lane::take(&cache, "shelf", &mut |_| {}, &never).expect("free");
        assert_ne!(one.directory, two.directory);
        first.tell(3, 9, "compiling rand v0.9.0");
        let stop = AtomicBool::new(true);
        let mut said = String::new();
        // The interrupt is there already, so it says nothing and goes.
        assert!(Turn::take(&cache, "aa", "rand", &mut |text| said = text.to_owned(), &stop).is_err());
        let asked = thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let (stop, mut said) = (AtomicBool::new(false), String::new());
                let waited = Turn::take(
                    &cache,
                    "aa",
                    "rand",
                    &mut |text| {
                        said = text.to_owned();
                        stop.store(true, Ordering::SeqCst);
                    },
                    &stop,
                );
                (waited.is_err(), said)
            });
            waiter.join().expect("no panic")
        });
        assert_eq!(asked, (true, "waiting: another kernel is building rand: 3/9 compiling rand v0.9.0".to_owned()));
        drop(first);
        assert!(Turn::take(&cache, "aa", "rand", &mut |_| {}, &never).is_ok());
    }
}
