//! The pool of threads behind rayon in this process: rayon's global one, so that the thread of a cell is no
//! member of it, as `main` is none in a program, and whatever runs there runs in a cell.
//!
//! rayon keeps its global pool for ever, in a static that has one word, and a session cannot: `:threads` asks
//! for another, and a copy that took over has none of the threads. So the word is looked for, once, when the
//! runner starts (`place.rs`), and pools of ours are put in its place. Where it cannot be found, the thread of a cell
//! is a member of a pool of its own.
//!
//! Until a cell needs it there is no pool, and no second thread in this process: glibc's malloc takes locks once there
//! has been one. The program's `pthread_create` asks here first ([`ferrolab_rt_before_thread`]), so the pool is made
//! together with the first thread, whoever makes that: rayon, whose own attempt is refused and finds ours, or a cell.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use self::place::PoolStatics;
use super::{own, signals};

mod place;

const STACK: usize = 16 << 20;

/// What [`ferrolab_rt_before_thread`] does.
static STATE: AtomicU8 = AtomicU8::new(OFF);
/// Nothing: the pool is there, or it is not ours to make.
const OFF: u8 = 0;
/// There is no pool yet.
const WAITING: u8 = 1;
/// Rayon was told to make one, to be refused.
const ASKING: u8 = 2;

/// Threads that the pool has or will have.
static THREADS: AtomicUsize = AtomicUsize::new(1);
/// The place of rayon's global pool, when it was found.
static PLACE: OnceLock<PoolStatics> = OnceLock::new();
/// What is in that place, when it is one of ours.
static MADE: Mutex<Option<OurPool>> = Mutex::new(None);

/// A pool of ours.
struct OurPool {
    /// Dropping it ends its threads.
    pool: ManuallyDrop<ThreadPool>,
    /// How many of its threads have begun.
    begun: Arc<AtomicUsize>,
    threads: usize,
    /// The process that its threads are in.
    process: u32,
}

/// How long a thread may take to wake up.
const WAKING: Duration = Duration::from_millis(50);

/// The pool of this process.
pub(crate) struct Pool {
    probe: Option<Probe>,
}

/// Tells whether all threads of the pool are idle: each one counts itself when it has nothing else to do.
#[derive(Clone)]
pub(crate) struct Probe {
    arrived: Arc<AtomicUsize>,
    of: usize,
}

impl Probe {
    /// Has a thread something to do since before it was asked?
    fn is_unanswered(&self) -> bool {
        self.arrived.load(Ordering::Relaxed) < self.of
    }

    /// The same, but threads that only have to wake up, on a machine with other work, are given the time for it.
    pub(crate) fn stays_unanswered(&self) -> bool {
        let asked = Instant::now();
        while self.is_unanswered() && asked.elapsed() < WAKING {
            thread::sleep(Duration::from_millis(1));
        }
        self.is_unanswered()
    }
}

fn builder(threads: usize, begun: Arc<AtomicUsize>) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("worker {index}"))
        .start_handler(move |place| {
            own::worker(place);
            signals::install_for_this_thread();
            begun.fetch_add(1, Ordering::SeqCst);
        })
}

fn made() -> MutexGuard<'static, Option<OurPool>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many threads the pool will have, as long as there is none: then asking rayon would make it.
pub(crate) fn to_come() -> Option<usize> {
    (STATE.load(Ordering::SeqCst) == WAITING).then(|| THREADS.load(Ordering::SeqCst))
}

/// The program is about to make a thread; true when it must not. Not an API for notebooks.
///
/// It may be any thread that is about to, in any library, so nothing here waits for one that is made.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_before_thread() -> bool {
    let state = STATE.load(Ordering::SeqCst);
    let Some(place) = PLACE.get().filter(|_| state != OFF) else { return false };
    if state == ASKING || place.is_being_made() {
        return make(*place);
    }
    if STATE.compare_exchange(WAITING, ASKING, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        // A thread of the cell's own. The process has lost what we waited for, and from now on threads may use rayon at
        // the same time; so rayon is told to make its pool, which comes back here, and fails.
        drop(ThreadPoolBuilder::new().num_threads(1).build_global());
        STATE.store(OFF, Ordering::SeqCst);
    }
    false
}

/// In the middle of rayon's making its global pool, before it has a thread: makes ours and has rayon's refused. rayon then takes
/// what it finds in the place of the one that could not be made.
fn make(place: PoolStatics) -> bool {
    // The threads of this pool are not asked for.
    STATE.store(OFF, Ordering::SeqCst);
    let threads = THREADS.load(Ordering::SeqCst);
    let new = OurPool::new(threads).or_else(|error| {
        eprintln!("ferrolab runner: no pool of {threads} threads, work runs on one thread: {error}");
        OurPool::of_this_thread()
    });
    let Ok(new) = new else { return false };
    // SAFETY: rayon's attempt fails, because this function's answer has its first thread refused; the pool is
    // dropped by `resize` alone, after another one was put there.
    unsafe { place.put(&new.pool) };
    *made() = Some(new);
    true
}

impl OurPool {
    /// Does not wait for its threads.
    fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let begun = Arc::new(AtomicUsize::new(0));
        let pool = ManuallyDrop::new(builder(threads, begun.clone()).build()?);
        Ok(Self { pool, begun, threads, process: std::process::id() })
    }

    /// Where the system refuses threads.
    fn of_this_thread() -> Result<Self, ThreadPoolBuildError> {
        let pool = ManuallyDrop::new(ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?);
        Ok(Self { pool, begun: Arc::default(), threads: 0, process: std::process::id() })
    }
}

impl Pool {
    /// Prepares the pool, on the thread that cells will run on. It is made when it is needed, or now where nobody would
    /// tell of that.
    pub(crate) fn start(threads: usize) -> Self {
        THREADS.store(threads, Ordering::SeqCst);
        let now = || builder(threads, Arc::default());
        let is_there = |place: &PoolStatics| {
            let waits = place::in_a_child(|| comes_when_needed(*place));
            STATE.store(if waits { WAITING } else { OFF }, Ordering::SeqCst);
            waits || now().build_global().is_ok()
        };
        if let Some(place) = place::find().filter(is_there) {
            let _ = PLACE.set(place);
        } else if let Err(error) = now().use_current_thread().build().map(ManuallyDrop::new) {
            eprintln!("ferrolab runner: no thread pool, work runs on one thread: {error}");
            THREADS.store(1, Ordering::SeqCst);
        }
        Self { probe: None }
    }

    /// Another number of threads from now on; the former ones end when they have nothing to do. False when this
    /// process is bound to the number it began with.
    pub(crate) fn resize(&mut self, threads: usize) -> bool {
        if threads == THREADS.load(Ordering::SeqCst) {
            return true;
        }
        let Some(place) = PLACE.get() else { return false };
        if to_come().is_some() {
            THREADS.store(threads, Ordering::SeqCst);
            return true;
        }
        let former = made().take();
        if let Err(error) = self.replace(*place, threads) {
            eprintln!("no pool of {threads} threads: {error}; try fewer, or see `ulimit -u` and the limits of the job");
            *made() = former;
            return true;
        }
        if let Some(former) = former {
            drop(ManuallyDrop::into_inner(former.pool));
        }
        true
    }

    /// In a copy that took over: threads of its own, in the place of those that were not copied.
    pub(crate) fn renew(&mut self) {
        self.probe = None;
        let Some(place) = PLACE.get().filter(|_| to_come().is_none()) else { return };
        let former = made().take();
        match former {
            // Getting large data back took threads, and so the pool is made already.
            Some(new) if new.process == std::process::id() => return *made() = Some(new),
            // What its threads held when they were copied is in no state to be ended in order.
            Some(former) => std::mem::forget(former),
            None => {}
        }
        if let Err(error) = self.replace(*place, THREADS.load(Ordering::SeqCst)) {
            eprintln!("ferrolab runner: no thread pool: {error}");
        }
    }

    fn replace(&mut self, place: PoolStatics, threads: usize) -> Result<(), ThreadPoolBuildError> {
        let new = OurPool::new(threads)?;
        // SAFETY: rayon's own attempt to make its pool is over, whatever came of it. The pool is dropped by `resize`
        // alone, after another one was put there. No call of rayon's that began on a thread of no pool runs now, but those of threads
        // that a cell left behind.
        unsafe { place.put(&new.pool) };
        *made() = Some(new);
        THREADS.store(threads, Ordering::SeqCst);
        self.probe = None;
        Ok(())
    }

    /// Between cells: a pool that was just made is whole before anybody looks at this process's threads.
    pub(crate) fn wait_until_begun(&self) {
        let asked = Instant::now();
        let is_whole = || made().as_ref().is_none_or(|made| made.begun.load(Ordering::SeqCst) >= made.threads);
        while !is_whole() && asked.elapsed() < Duration::from_millis(100) {
            thread::sleep(Duration::from_micros(50));
        }
    }

    /// After a cell in which threads of the pool did something: asks them to count themselves.
    pub(crate) fn ask_whether_idle(&mut self) {
        if PLACE.get().is_none() || to_come().is_some() || self.is_busy() {
            return;
        }
        let arrived = Arc::new(AtomicUsize::new(0));
        self.probe = Some(Probe { arrived: arrived.clone(), of: rayon::current_num_threads() });
        // Threads prefer what is broadcast to what waits for any of them; so they are asked by a task that comes
        // after all that waits now.
        rayon::spawn(move || {
            rayon::spawn_broadcast(move |_| {
                arrived.fetch_add(1, Ordering::Relaxed);
            });
        });
    }

    /// Does a thread of the pool run a task that an earlier cell began?
    pub(crate) fn is_busy(&self) -> bool {
        self.unanswered().is_some()
    }

    /// What such a task has not answered yet: while this very probe is unanswered, the task runs.
    pub(crate) fn unanswered(&self) -> Option<Probe> {
        self.probe.clone().filter(Probe::is_unanswered)
    }
}

/// In a child: is the pool that rayon finds ours, when it makes its own?
fn comes_when_needed(place: PoolStatics) -> bool {
    const FEW: usize = 3;
    THREADS.store(FEW, Ordering::SeqCst);
    let _ = PLACE.set(place);
    STATE.store(WAITING, Ordering::SeqCst);
    let ours = rayon::broadcast(|_| thread::current().name().is_some_and(|name| name.starts_with("worker ")));
    ours.len() == FEW && ours.into_iter().all(|ours| ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    // In a process of its own: rayon's global pool is one per process.
    #[test]
    fn the_global_pool_can_be_exchanged() {
        if std::env::var_os("FERROLAB_POOL_TEST").is_none() {
            let me = std::env::current_exe().expect("this test");
            let name = "rt::pool::tests::the_global_pool_can_be_exchanged";
            let child = std::process::Command::new(me).args([name, "--exact"]).env("FERROLAB_POOL_TEST", "1").output();
            let child = child.expect("it runs");
            return assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        }
        let mut pool = Pool::start(2);
        assert_eq!(
            (PLACE.get().is_some(), to_come(), rayon::current_num_threads(), rayon::current_thread_index()),
            // Nobody tells of threads in this program, so the pool is there at once.
            (true, None, 2, None)
        );
        assert!(pool.resize(3));
        let names = rayon::broadcast(|_| std::thread::current().name().map(str::to_owned));
        assert_eq!(names.len(), 3);
        pool.renew();
        pool.ask_whether_idle();
        while pool.is_busy() {
            std::thread::yield_now();
        }
        let (end, wait) = std::sync::mpsc::channel::<()>();
        rayon::spawn(move || assert!(wait.recv().is_err()));
        pool.ask_whether_idle();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(pool.is_busy(), "a task waits");
        drop(end);
        while pool.is_busy() {
            std::thread::yield_now();
        }
        assert_eq!(rayon::join(|| 1, || 2), (1, 2));
    }
}
