//! The one thread that paints all bars, alive only while there are bars to paint; and the list of
//! blocks they stand in.
//!
//! The runner forks between cells, and a fork copies no threads: so nothing here assumes that the
//! thread it started still lives. The registry carries the process id it belongs to and is
//! started afresh in another process.

use super::block::Block;
use super::state::{Outcome, State};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two paints.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// The thread waits this long for new bars, so that a loop of short parallel calls does not start
/// one each.
const LINGER: u32 = 3;
/// After so many displays in one cell, new bars stand in the last one.
const MOST_BLOCKS: usize = 40;

/// Something that is painted while a cell runs, and is no bar: at most ten times a second it is asked to. It may be asked
/// on any thread, and once more when the cell has ended.
pub(crate) trait Painted: Send + Sync {
    fn sample(&self, now: Instant);
    /// A cell has ended: it is asked once more, on the thread of the cell.
    fn settle(&self, now: Instant) {
        self.sample(now);
    }
    /// Is there anything to paint, now or later?
    fn is_alive(&self) -> bool;
}

struct Registry {
    process: u32,
    /// Blocks with something to paint, oldest first.
    blocks: Vec<Arc<Block>>,
    /// Other things that change while a cell runs.
    pictures: Vec<Arc<dyn Painted>>,
    /// Where the next bar stands if something in it runs.
    current: Option<Arc<Block>>,
    /// Blocks of this cell.
    made: usize,
    thread: Option<JoinHandle<()>>,
    /// Counts up when the thread should end.
    stop: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    process: 0,
    blocks: Vec::new(),
    pictures: Vec::new(),
    current: None,
    made: 0,
    thread: None,
    stop: 0,
});
static WAKE: Condvar = Condvar::new();
/// Process in which the thread runs, 0 when it does not: a cheap look for [`ensure`].
static RUNNING: AtomicU32 = AtomicU32::new(0);

fn registry() -> MutexGuard<'static, Registry> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if registry.process != process {
        // Another process's threads are not ours to join, and its bars may never move here.
        if let Some(thread) = registry.thread.take() {
            std::mem::forget(thread);
        }
        registry.process = process;
        registry.blocks.clear();
        registry.pictures.clear();
        registry.current = None;
        RUNNING.store(0, Ordering::Relaxed);
    }
    registry
}

impl Registry {
    fn all(&self) -> (Vec<Arc<Block>>, Vec<Arc<dyn Painted>>) {
        (self.blocks.clone(), self.pictures.clone())
    }

    fn forget_the_dead(&mut self) {
        self.blocks.retain(|block| block.is_alive());
        self.pictures.retain(|picture| picture.is_alive());
    }

    /// The block a new bar stands in: that of the bar around it, else the last one while anything
    /// in it runs, else a new one.
    fn block_for(&mut self, bar: &State) -> Arc<Block> {
        let around = self.blocks.iter().find(|block| bar.parent() != 0 && block.holds(bar.parent()));
        if let Some(block) = around {
            return Arc::clone(block);
        }
        if let Some(block) = &self.current
            && (block.is_running() || self.made >= MOST_BLOCKS)
        {
            return Arc::clone(block);
        }
        self.made += 1;
        let block = Arc::new(Block::default());
        self.current = Some(Arc::clone(&block));
        block
    }
}

/// Paints a bar from now on.
pub(super) fn watch(bar: &Arc<State>) {
    // Outside a notebook nothing is painted.
    if !crate::rt::attached() {
        return;
    }
    let mut registry = registry();
    let block = match bar.block.get() {
        Some(block) => Arc::clone(block),
        None => {
            let block = registry.block_for(bar);
            block.join(bar);
            // Only this call sets it: the bar has just been made.
            let _ = bar.block.set(Arc::clone(&block));
            block
        }
    };
    if !registry.blocks.iter().any(|b| Arc::ptr_eq(b, &block)) {
        registry.blocks.push(block);
    }
    start(&mut registry);
}

/// Paints something from now on, until it is not alive. What outlives its cell is given here again when another one begins.
pub(crate) fn paint(picture: Arc<dyn Painted>) {
    let mut registry = registry();
    if !registry.pictures.iter().any(|known| Arc::ptr_eq(known, &picture)) {
        registry.pictures.push(picture);
    }
    start(&mut registry);
}

/// The bars that run now and stand below no other.
pub(crate) fn works() -> Vec<Arc<State>> {
    let (blocks, _) = registry().all();
    blocks.iter().flat_map(|block| block.running()).filter(|bar| bar.parent() == 0).collect()
}

/// Paints a block again, if need be; the last paint of its bars is to come.
pub(super) fn keep(block: &Arc<Block>) {
    let mut registry = registry();
    if !registry.blocks.iter().any(|b| Arc::ptr_eq(b, block)) {
        registry.blocks.push(Arc::clone(block));
    }
}

/// Paints a bar again that outlived the cell it was made in.
pub(super) fn ensure(bar: &Arc<State>) {
    if RUNNING.load(Ordering::Relaxed) == 0 && bar.outcome() == Outcome::Running {
        watch(bar);
    }
}

/// Does the painting thread run?
pub(super) fn is_running() -> bool {
    RUNNING.load(Ordering::Relaxed) == std::process::id()
}

/// Ends the painting thread and waits for it, and paints all bars. The runner calls this after a
/// cell and before it forks; bars that are still in use are painted again as soon as they move,
/// where they stand.
///
/// ```
/// ferrolab::progress::settle();
/// ```
pub fn settle() {
    let thread = {
        let mut registry = registry();
        registry.stop += 1;
        RUNNING.store(0, Ordering::Relaxed);
        registry.thread.take()
    };
    WAKE.notify_all();
    if let Some(thread) = thread {
        // It only fails when painting panicked, which the panic hook has reported.
        let _ = thread.join();
    }
    let (blocks, pictures) = registry().all();
    blocks.iter().for_each(|block| block.sample(Instant::now()));
    pictures.iter().for_each(|picture| picture.settle(Instant::now()));
    let mut registry = registry();
    registry.current = None;
    registry.made = 0;
    registry.forget_the_dead();
}

fn start(registry: &mut Registry) {
    if registry.thread.as_ref().is_some_and(|t| !t.is_finished()) && RUNNING.load(Ordering::Relaxed) != 0 {
        return;
    }
    let generation = registry.stop;
    let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || run(generation));
    // Without a thread the bars are painted when they finish.
    registry.thread = thread.ok();
    if registry.thread.is_some() {
        RUNNING.store(std::process::id(), Ordering::Relaxed);
    }
}

fn run(generation: u64) {
    crate::rt::own::thread();
    let mut idle = 0;
    let mut next = Instant::now() + TICK;
    let mut registry = registry();
    loop {
        let wait = next.saturating_duration_since(Instant::now());
        (registry, _) = WAKE.wait_timeout(registry, wait).unwrap_or_else(PoisonError::into_inner);
        if registry.stop != generation {
            return;
        }
        if Instant::now() < next {
            continue;
        }
        registry.forget_the_dead();
        idle = if registry.blocks.is_empty() && registry.pictures.is_empty() { idle + 1 } else { 0 };
        if idle > LINGER {
            RUNNING.store(0, Ordering::Relaxed);
            return;
        }
        let (blocks, pictures) = registry.all();
        drop(registry);
        let now = Instant::now();
        blocks.iter().for_each(|block| block.sample(now));
        pictures.iter().for_each(|picture| picture.sample(now));
        next = Instant::now() + TICK;
        registry = self::registry();
    }
}
