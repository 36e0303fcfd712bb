//! Tasks of a graph on the threads of this process. What is ready waits in a list for each thread, from which others
//! take when theirs is empty; who finishes a task goes on with one that waited for it. There is no thread of its own: the
//! calling thread and jobs in rayon's pool are the workers, and one that finds nothing for a moment ends, so that its
//! thread is free for what tasks themselves run in parallel.

use super::node::{Needs, Node, State, Value, address};
use super::plan::Plan;
use super::{Left, Place, Watch};
use crate::error::{Error, ErrorKind};
use crate::par::{Par, Stop, without_bars};
use crate::progress::Outcome;
use crate::rt;
use rayon::Scope;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::arguments::Inputs;

/// How long a worker looks for work before it ends: beginning another costs a few microseconds.
const LINGER: Duration = Duration::from_micros(50);

/// The threads of this session, as a place.
#[derive(Debug)]
pub(crate) struct OnPool {
    pub(crate) par: Par,
}

impl Place for OnPool {
    fn run(&self, plan: &Plan<'_>, wanted: &[Arc<Node>]) -> Result<(), Error> {
        let watch = Watch::new(plan, wanted, self.par.shown());
        let running = Running::new(plan, &watch);
        running.go();
        match running.stop() {
            None => {
                watch.finish(Outcome::Done);
                Ok(())
            }
            Some(Failed { stop: Stop::Interrupted, .. }) => {
                watch.finish(Outcome::Interrupted);
                Stop::Interrupted.resume()
            }
            Some(Failed { at, stop: Stop::Panicked { message, .. } }) => {
                let error = failed(plan, at, wanted, ErrorKind::Panicked, &format!("panicked: {message}"));
                watch.finish(Outcome::Failed);
                Err(error)
            }
        }
    }

    fn fetch(&self, wanted: &[Arc<Node>]) -> Result<Vec<Left>, Error> {
        let left = |task: &Arc<Node>| {
            // SAFETY: the caller has handles of them, and the lock.
            let value = unsafe { task.value() };
            value.map(|value| Left::Here(address(value))).ok_or_else(|| lost(task))
        };
        wanted.iter().map(left).collect()
    }
}

fn lost(task: &Node) -> Error {
    Error::lost(format!("{} has no result: its graph ended early; compute it again", task.name()))
}

/// The error of a plan in which a task failed: who, why, and what of the wanted was not run for it. States follow.
pub(crate) fn failed(plan: &Plan<'_>, at: usize, wanted: &[Arc<Node>], kind: ErrorKind, why: &str) -> Error {
    plan.tasks[at].set_state(State::Failed);
    let mut skipped = plan.dependents(at).to_vec();
    while let Some(next) = skipped.pop() {
        let task = plan.tasks[next as usize];
        if task.state() == State::Waiting {
            task.set_state(State::Skipped);
            skipped.extend(plan.dependents(next as usize));
        }
    }
    let mut message = format!("{} {why}", plan.tasks[at].name());
    let without: Vec<&Arc<Node>> = wanted.iter().filter(|task| task.state() == State::Skipped).collect();
    match &without[..] {
        [] => {}
        [one] => message += &format!("; {} needs it and was not run", one.name()),
        [one, rest @ ..] => message += &format!("; {} and {} more need it and were not run", one.name(), rest.len()),
    }
    Error::new(kind, message)
}

/// Why a plan ended early: the task, and what it did.
struct Failed {
    at: usize,
    stop: Stop,
}

/// Tasks that are ready, for one worker; others take from it.
#[derive(Default)]
#[repr(align(128))]
struct Ready {
    tasks: Mutex<Vec<u32>>,
    /// About how many, for those who look.
    count: AtomicUsize,
}

impl Ready {
    fn tasks(&self) -> MutexGuard<'_, Vec<u32>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn push(&self, more: &[u32]) {
        let mut tasks = self.tasks();
        tasks.extend_from_slice(more);
        self.count.store(tasks.len(), Ordering::Relaxed);
    }

    fn pop(&self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let mut tasks = self.tasks();
        let last = tasks.pop();
        self.count.store(tasks.len(), Ordering::Relaxed);
        last
    }

    /// The older half of what is here: those lead to more work than the newest.
    fn steal(&self) -> Vec<u32> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut tasks = self.tasks();
        let half = tasks.len().div_ceil(2);
        let taken = tasks.drain(..half).collect();
        self.count.store(tasks.len(), Ordering::Relaxed);
        taken
    }
}

/// A plan that runs.
struct Running<'p> {
    plan: &'p Plan<'p>,
    watch: &'p Watch,
    /// For each task, how many that it needs have not finished.
    missing: Vec<AtomicU32>,
    ready: Vec<Ready>,
    /// Workers that do not run, by their numbers.
    resting: Mutex<Vec<usize>>,
    idle: AtomicUsize,
    stopped: AtomicBool,
    failed: Mutex<Option<Failed>>,
}

/// What a worker uses again from task to task.
#[derive(Default)]
struct Desk {
    inputs: Vec<*const ()>,
    ready: Vec<u32>,
}

impl<'p> Running<'p> {
    fn new(plan: &'p Plan<'p>, watch: &'p Watch) -> Self {
        let workers = rt::threads().clamp(1, plan.len().max(1));
        let running = Self {
            plan,
            watch,
            missing: plan.missing.iter().map(|count| AtomicU32::new(*count)).collect(),
            ready: (0..workers).map(|_| Ready::default()).collect(),
            resting: Mutex::new((1..workers).rev().collect()),
            idle: AtomicUsize::new(workers - 1),
            stopped: AtomicBool::new(false),
            failed: Mutex::new(None),
        };
        // Last in is first out: the first one that was found is the first to run.
        let first: Vec<u32> = plan.order.iter().rev().copied().filter(|at| plan.missing[*at as usize] == 0).collect();
        running.ready[0].push(&first);
        running
    }

    fn go(&self) {
        if self.ready.len() == 1 {
            return self.work(0, None);
        }
        rayon::in_place_scope(|scope| {
            self.wake(scope);
            self.work(0, Some(scope));
        });
    }

    fn stop(&self) -> Option<Failed> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Begins another worker when there is one to begin.
    fn wake<'s>(&'s self, scope: &Scope<'s>) {
        if self.idle.load(Ordering::SeqCst) == 0 {
            return;
        }
        if let Some(worker) = self.start() {
            scope.spawn(move |scope| self.work(worker, Some(scope)));
        }
    }

    fn start(&self) -> Option<usize> {
        let worker = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        self.idle.fetch_sub(1, Ordering::SeqCst);
        Some(worker)
    }

    fn rest(&self, worker: usize) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        self.idle.fetch_add(1, Ordering::SeqCst);
    }

    fn work<'s>(&'s self, worker: usize, scope: Option<&Scope<'s>>) {
        without_bars(|| {
            let (mut worker, mut desk) = (worker, Desk::default());
            loop {
                while let Some(first) = self.next(worker) {
                    let mut next = Some(first);
                    while let Some(at) = next {
                        if self.is_over() {
                            break;
                        }
                        next = self.one(at as usize, worker, scope, &mut desk);
                    }
                    if self.is_over() {
                        break;
                    }
                }
                self.rest(worker);
                // What came in while this one gave up was meant for whoever looks.
                if self.is_over() || self.ready.iter().all(Ready::is_empty) {
                    return;
                }
                let Some(again) = self.start() else { return };
                worker = again;
            }
        });
    }

    /// A task that is ready: the worker's newest, else another's oldest, else one that comes in a moment.
    fn next(&self, worker: usize) -> Option<u32> {
        let mut began: Option<Instant> = None;
        loop {
            if let Some(own) = self.ready[worker].pop() {
                return Some(own);
            }
            for other in 1..self.ready.len() {
                let mut taken = self.ready[(worker + other) % self.ready.len()].steal();
                if let Some(last) = taken.pop() {
                    if !taken.is_empty() {
                        self.ready[worker].push(&taken);
                    }
                    return Some(last);
                }
            }
            let alone = self.idle.load(Ordering::Relaxed) + 1 >= self.ready.len();
            if alone || self.is_over() || began.get_or_insert_with(Instant::now).elapsed() > LINGER {
                return None;
            }
            std::hint::spin_loop();
        }
    }

    fn is_over(&self) -> bool {
        if self.stopped.load(Ordering::Relaxed) {
            return true;
        }
        if rt::interrupted() {
            self.fail(Failed { at: 0, stop: Stop::Interrupted });
            return true;
        }
        false
    }

    #[cold]
    fn fail(&self, with: Failed) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopped.store(true, Ordering::Relaxed);
        let number = |failed: &Failed| self.plan.tasks[failed.at].number;
        let replace = match (&*failed, &with.stop) {
            (None, _) => true,
            // The user's interrupt is what ends the cell; of several that panicked, the one that was made first is told of.
            (Some(Failed { stop: Stop::Interrupted, .. }), _) => false,
            (Some(_), Stop::Interrupted) => true,
            (Some(before), _) => number(&with) < number(before),
        };
        if replace {
            *failed = Some(with);
        }
    }

    /// Runs a task; one of those that waited for it and are ready now.
    fn one<'s>(&'s self, at: usize, worker: usize, scope: Option<&Scope<'s>>, desk: &mut Desk) -> Option<u32> {
        let task = self.plan.tasks[at];
        task.set_state(State::Running);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let value = self.call(task, &mut desk.inputs);
            // SAFETY: this worker has taken the task, and each is ready once in a plan.
            value.map(|value| unsafe { task.finish(value) })
        }));
        match ran {
            Ok(Ok(())) => self.watch.add(1),
            Ok(Err(stop)) => {
                task.set_state(State::Waiting);
                self.fail(Failed { at, stop });
                return None;
            }
            // A value that panics when it is dropped.
            Err(payload) => {
                self.fail(Failed { at, stop: Stop::from_payload(&*payload, 0) });
                return None;
            }
        }
        desk.ready.clear();
        for next in self.plan.dependents(at) {
            // The last of those it needs, on whichever thread, has seen what the others left.
            if self.missing[*next as usize].fetch_sub(1, Ordering::AcqRel) == 1 {
                desk.ready.push(*next);
            }
        }
        let (first, others) = desk.ready.split_first()?;
        if !others.is_empty() {
            self.ready[worker].push(others);
            if let Some(scope) = scope {
                self.wake(scope);
            }
        }
        Some(*first)
    }

    /// Calls a task on what it needs, again while it may be tried again.
    fn call(&self, task: &Node, inputs: &mut Vec<*const ()>) -> Result<Value, Stop> {
        inputs.clear();
        match task.needs() {
            Needs::Value(value) => inputs.push(address(value)),
            // SAFETY: what a task needs is done when the task is ready, and the task is its user until it has run.
            needs => inputs.extend(needs.tasks().iter().filter_map(|needed| unsafe { needed.value() }.map(address))),
        }
        let Some(call) = task.kind.call else { return Err(no_code()) };
        let mut tries = 0;
        loop {
            let at = Inputs { at: inputs, lists: task.needs().lists() };
            // SAFETY: the results are of the types that the code was compiled for: both come from the handles that the task
            // was made with.
            let payload = match catch_unwind(AssertUnwindSafe(|| unsafe { call(at) })) {
                Ok(value) => return Ok(value),
                Err(payload) => payload,
            };
            tries += 1;
            if tries > task.said().retries || payload.is::<rt::Interrupted>() || rt::interrupted() {
                return Err(stop(&*payload, tries));
            }
        }
    }
}

fn no_code() -> Stop {
    Stop::Panicked { task: 0, message: "a value that a graph was given is not run".to_owned() }
}

#[cold]
fn stop(payload: &(dyn Any + Send), tries: u32) -> Stop {
    match Stop::from_payload(payload, 0) {
        Stop::Panicked { task, message } if tries > 1 => {
            Stop::Panicked { task, message: format!("{message} (tried {tries} times)") }
        }
        stop => stop,
    }
}
