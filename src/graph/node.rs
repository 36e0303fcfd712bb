//! A task of a graph without its types: what it calls, what it needs, what it left, and who still needs that. It
//! runs nothing.

use super::arguments::{Inputs, Needed};
use super::codec::Codec;
use crate::rt;
use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A value whose type is known to whoever made its task.
pub(crate) type Value = Box<dyn Any + Send + Sync>;

/// Where a value is: how tasks see those that they need.
pub(crate) fn address(value: &Value) -> *const () {
    std::ptr::from_ref(&**value).cast()
}

/// The code of a task: one for each closure, in the object that it was compiled into.
#[derive(Debug)]
#[repr(C)]
pub struct Kind {
    /// Calls the closure on values at these addresses, whose types are those it was compiled for. A value that a
    /// graph was given has none.
    pub(crate) call: Option<Call>,
    /// The name of the closure's type.
    pub(crate) name: fn() -> &'static str,
    /// How its result travels, and the value that it was given.
    pub(crate) result: Option<&'static Codec>,
    pub(crate) argument: Option<&'static Codec>,
    /// A function that returns this: it has a name in its object, by which it is found in one that was compiled for
    /// another processor.
    pub(crate) here: fn() -> &'static Kind,
}

/// See [`Kind::call`].
pub(crate) type Call = unsafe fn(Inputs<'_>) -> Value;

/// What a task is called on.
pub(crate) enum Needs {
    /// A value that came with it.
    Value(Value),
    /// What another task leaves.
    One(Arc<Node>),
    /// What others leave.
    Many(Box<Needed>),
}

impl Needs {
    /// The tasks whose results it needs.
    pub(crate) fn tasks(&self) -> &[Arc<Node>] {
        match self {
            Self::Value(_) => &[],
            Self::One(task) => std::slice::from_ref(task),
            Self::Many(needed) => &needed.tasks,
        }
    }

    /// How long the lists among them are.
    pub(crate) fn lists(&self) -> &[u32] {
        match self {
            Self::Many(needed) => &needed.lists,
            _ => &[],
        }
    }
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Waiting,
    Running,
    /// Its result is kept.
    Done,
    Failed,
    /// Something it needs failed.
    Skipped,
    /// It ran, and nothing needs its result any more, so that is not kept.
    Gone,
}

impl State {
    fn from(code: u8) -> Self {
        [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Skipped, Self::Gone][usize::from(code.min(5))]
    }
}

/// What a user said of a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) name: Option<Box<str>>,
    pub(crate) retries: u32,
}

/// A task of a graph.
pub(crate) struct Node {
    pub(crate) kind: &'static Kind,
    needs: Needs,
    /// Written by the one thread that ran the task, before the state says so; taken by whoever changes the state
    /// from done to another.
    result: UnsafeCell<Option<Value>>,
    said: Mutex<Option<Box<Said>>>,
    pub(crate) place: &'static Location<'static>,
    /// Handles, and tasks that are still to run and need its result. At 0 the result is dropped.
    users: AtomicU32,
    /// Where a plan has it; anything outside of one.
    pub(super) mark: AtomicU32,
    pub(crate) number: u32,
    state: AtomicU8,
    /// It counts as a user of what it needs.
    holds: AtomicBool,
}

// SAFETY: `result` is written by the thread that has claimed the task in the one plan that runs (a graph's lock lets
// one run at a time), and published by the store to `state`; it is taken by the one thread whose exchange of `state`
// succeeds, which happens only when nobody counts as its user, or under the same lock (`forget`). Whoever reads it is a
// user. The value itself is `Send` and `Sync`.
unsafe impl Sync for Node {}

impl Node {
    /// A task with one handle.
    pub(crate) fn new(kind: &'static Kind, needs: Needs, number: u32, place: &'static Location<'static>) -> Arc<Self> {
        needs.tasks().iter().for_each(|task| task.add_user());
        let state = if kind.call.is_none() { State::Done } else { State::Waiting };
        Arc::new(Self {
            kind,
            holds: AtomicBool::new(true),
            needs,
            result: UnsafeCell::new(None),
            said: Mutex::new(None),
            place,
            users: AtomicU32::new(1),
            mark: AtomicU32::new(0),
            number,
            state: AtomicU8::new(state as u8),
        })
    }

    /// A value that a graph was given: its result is always there.
    pub(crate) fn is_value(&self) -> bool {
        self.kind.call.is_none()
    }

    pub(crate) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// The tasks whose results it needs.
    pub(crate) fn tasks(&self) -> &[Arc<Self>] {
        self.needs.tasks()
    }

    pub(crate) fn state(&self) -> State {
        State::from(self.state.load(Ordering::Acquire))
    }

    /// Says how far a task is that has no result.
    pub(crate) fn set_state(&self, state: State) {
        debug_assert!(state != State::Done && !self.is_value());
        self.state.store(state as u8, Ordering::Release);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state() == State::Done
    }

    pub(crate) fn users(&self) -> u32 {
        self.users.load(Ordering::SeqCst)
    }

    pub(crate) fn add_user(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A handle was dropped, or a task ran that needed the result.
    pub(crate) fn lose_user(&self) {
        if self.users.fetch_sub(1, Ordering::SeqCst) == 1 {
            drop(self.take(State::Gone));
        }
    }

    /// Counts as a user of what it needs, until it is done.
    pub(crate) fn hold(&self) {
        if !self.holds.swap(true, Ordering::Relaxed) {
            self.tasks().iter().for_each(|task| task.add_user());
        }
    }

    fn release(&self) {
        if self.holds.swap(false, Ordering::Relaxed) {
            self.tasks().iter().for_each(|task| task.lose_user());
        }
    }

    /// Keeps the result, unless nobody needs it, and lets go of what it was made of.
    ///
    /// # Safety
    /// The caller has claimed the task in the plan that runs: no other thread sets its result.
    pub(crate) unsafe fn finish(&self, value: Value) {
        // SAFETY: nobody reads or takes it while the state is not done, and nobody else writes, by the caller's promise.
        unsafe { *self.result.get() = Some(value) };
        self.state.store(State::Done as u8, Ordering::SeqCst);
        self.release();
        if self.users.load(Ordering::SeqCst) == 0 {
            drop(self.take(State::Gone));
        }
    }

    /// It ran elsewhere, as a part of something, and its result went on from there.
    pub(crate) fn pass(&self) {
        self.set_state(State::Gone);
        self.release();
    }

    /// Takes the result, if it is there. Not that of a value that was given.
    pub(crate) fn take(&self, then: State) -> Option<Value> {
        if self.is_value() {
            return None;
        }
        // Only one thread gets past this, and it has what was written before the state became done.
        self.state.compare_exchange(State::Done as u8, then as u8, Ordering::SeqCst, Ordering::SeqCst).ok()?;
        // SAFETY: the exchange made this thread its owner; the next writer is a plan, which runs what is not done.
        unsafe { (*self.result.get()).take() }
    }

    /// What a done task left.
    ///
    /// # Safety
    /// The task is done, and the caller is one of its users, or runs under its graph's lock for a task that is, for as
    /// long as it uses the value.
    pub(crate) unsafe fn value(&self) -> Option<&Value> {
        if let (true, Needs::Value(value)) = (self.is_value(), &self.needs) {
            return Some(value);
        }
        // SAFETY: by the caller's promise nobody takes or writes it.
        unsafe { (*self.result.get()).as_ref() }
    }

    /// What the user said of it.
    pub(crate) fn said(&self) -> Said {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.as_deref().cloned().unwrap_or_default()
    }

    pub(crate) fn say(&self, change: impl FnOnce(&mut Said)) {
        change(self.said.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
    }

    /// Its name: the user's, else that of its function, else its place in the source.
    pub(crate) fn label(&self) -> String {
        if let Some(name) = self.said().name {
            return name.into();
        }
        if self.is_value() {
            return "value".to_owned();
        }
        function((self.kind.name)()).map_or_else(|| self.line(), str::to_owned)
    }

    /// Its line in the source.
    pub(crate) fn line(&self) -> String {
        rt::place(self.place)
    }

    /// How an error names it.
    pub(crate) fn name(&self) -> String {
        let (label, line) = (self.label(), self.line());
        if label == line { format!("task {} of {line}", self.number) } else { format!("task `{label}` of {line}") }
    }
}

/// A function's own name, of a type's; closures have none.
fn function(name: &str) -> Option<&str> {
    let path = name.split('<').next()?;
    let last = path.rsplit("::").next()?;
    (!name.contains("{{closure}}") && !last.is_empty()).then_some(last)
}

impl Drop for Node {
    /// Without recursion: a chain may be a million tasks long.
    fn drop(&mut self) {
        self.release();
        let mut rest = Vec::new();
        take_tasks(&mut self.needs, &mut rest);
        while let Some(task) = rest.pop() {
            if let Some(mut last) = Arc::into_inner(task) {
                last.release();
                take_tasks(&mut last.needs, &mut rest);
            }
        }
    }
}

fn take_tasks(needs: &mut Needs, into: &mut Vec<Arc<Node>>) {
    match std::mem::replace(needs, Needs::Many(Box::default())) {
        Needs::Value(_) => {}
        Needs::One(task) => into.push(task),
        Needs::Many(needed) => into.extend(needed.tasks),
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.label(), self.state())
    }
}

#[cfg(test)]
mod tests {
    use super::function;

    #[test]
    fn functions_have_names_and_closures_have_none() {
        assert_eq!(function("cells::count"), Some("count"));
        assert_eq!(function("cells::deep::count<u64>"), Some("count"));
        assert_eq!(function("cells::__ferrolab_cell::{{closure}}"), None);
    }
}
