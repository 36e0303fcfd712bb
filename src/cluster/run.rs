//! One run of many calls: batches out, results in, a bar that moves, interrupts. Nothing here is
//! generic; what batches hold is its caller's business.

use super::bridge::{Link, Message};
use super::bytes::Bytes;
use super::code::Code;
use super::protocol::{Answer, Failure, Panic, QueuedJob, Request, WorkerLane};
use super::schedule::Schedule;
use crate::executor::Error;
use crate::frame::Frame;
use crate::progress::{Lane, Outcome, State, called};
use crate::rt;
use crate::value::{Fault, Written};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// How a run looks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Appearance {
    pub(crate) quiet: bool,
    pub(crate) message: String,
}

/// What is to be run where.
pub(crate) struct Run<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) appearance: &'a Appearance,
    pub(crate) tasks: usize,
    /// Batches start at multiples of this.
    pub(crate) grain: usize,
    /// Its first place is the shim that is called.
    pub(crate) code: Code,
    /// Parameters that all calls share, written.
    pub(crate) params: Vec<u8>,
}

/// Writes the input of some tasks.
pub(crate) type Write<'a> = &'a dyn Fn(Range<usize>, &mut Written) -> Result<(), Fault>;
/// Reads one result off the front of those of a batch.
pub(crate) type Read<'a> = &'a mut dyn FnMut(&mut &[u8]) -> Result<(), Fault>;

/// The results of some tasks, as they were written.
struct Part {
    tasks: Range<usize>,
    bytes: Bytes,
}

/// A number of tasks that can be counted.
#[inline(never)]
pub(crate) fn countable(tasks: usize) -> Result<usize, Error> {
    if tasks == usize::MAX { Err(Error::refused("too many tasks")) } else { Ok(tasks) }
}

impl Run<'_> {
    /// Runs all tasks, and has their results read in order: one for each `grain` of a batch.
    ///
    /// # Panics
    /// With the payload [`rt::Interrupted`] when the user interrupts.
    pub(crate) fn go(&self, write: Write<'_>, read: Read<'_>) -> Result<(), Error> {
        if countable(self.tasks)? == 0 {
            return Ok(());
        }
        let mut underway = Underway {
            link: Link::open()?,
            schedule: Schedule::new(self.tasks, self.grain),
            grain: self.grain,
            flying: HashMap::new(),
            number: 0,
            written: Written::default(),
            parts: BTreeMap::new(),
            next: 0,
            bar: Painted::new(self.appearance, self.tasks as u64),
        };
        underway.link.send(&self.request(), &self.params)?;
        while !underway.schedule.is_done() {
            underway.send_batches(write)?;
            if let Some(message) = underway.link.receive()? {
                underway.on_message(message)?;
            }
            // Batches first, so that nobody waits while results are read.
            underway.send_batches(write)?;
            underway.read_parts(read)?;
        }
        underway.link.send(&Request::End, &[])?;
        underway.bar.finish(Outcome::Done);
        Ok(())
    }

    fn request(&self) -> Request {
        let name: String = self.appearance.message.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        // Few, stable prefixes: the dashboard groups tasks by them.
        let prefix = if name.is_empty() { "map".to_owned() } else { name.to_lowercase() };
        Request::Run {
            cluster: self.cluster.to_owned(),
            code: self.code.clone(),
            prefix,
            params_id: identity(&self.params),
        }
    }
}

/// Parameters that are equal byte by byte are one (FNV-1a with the length).
pub(crate) fn identity(bytes: &[u8]) -> u64 {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64, hash)
}

/// A run on its way.
struct Underway {
    link: Link,
    schedule: Schedule,
    /// Tasks that have one result together.
    grain: usize,
    flying: HashMap<u64, Range<usize>>,
    number: u64,
    /// The batch that is being written; kept for what was learnt of its types.
    written: Written,
    /// Results that came before those of earlier tasks, by their first task.
    parts: BTreeMap<usize, Part>,
    /// The first task whose result has not been read.
    next: usize,
    bar: Painted,
}

impl Underway {
    fn send_batches(&mut self, write: Write<'_>) -> Result<(), Error> {
        while let Some(tasks) = self.schedule.next() {
            self.written.clear();
            write(tasks.clone(), &mut self.written).map_err(|e| unwritable(&e))?;
            let batch = Request::Batch { n: self.number, backlog: self.schedule.seconds_left() };
            self.link.send(&batch, self.written.as_bytes())?;
            self.flying.insert(self.number, tasks);
            self.number += 1;
        }
        Ok(())
    }

    /// Reads what has come without a gap: what cannot be read is known when it comes, not at the end.
    fn read_parts(&mut self, read: &mut dyn FnMut(&mut &[u8]) -> Result<(), Fault>) -> Result<(), Error> {
        while let Some(part) = self.parts.remove(&self.next) {
            let mut bytes = &part.bytes[..];
            for _ in 0..part.tasks.len().div_ceil(self.grain) {
                read(&mut bytes).map_err(|e| unreadable(&e))?;
            }
            self.next = part.tasks.end;
        }
        Ok(())
    }

    fn on_message(&mut self, (answer, bytes): Message) -> Result<(), Error> {
        match answer {
            Answer::Done { n, seconds, .. } => {
                let Some(tasks) = self.flying.remove(&n) else { return Ok(()) };
                self.schedule.on_done(tasks.len(), seconds);
                self.bar.on_done(tasks.len() as u64);
                self.parts.insert(tasks.start, Part { tasks, bytes });
            }
            Answer::Failed { n, failure } => {
                return Err(failed(failure, self.flying.remove(&n).map_or(0, |tasks| tasks.start)));
            }
            Answer::Workers { threads, lanes, words, queue } => {
                self.schedule.set_threads(threads);
                self.bar.on_workers(lanes, words, &queue);
            }
            Answer::Lines { worker, lines, more } => print_lines(&worker, &lines, more),
            Answer::News { text } => eprintln!("{text}"),
            Answer::Error(failure) => return Err(failed(failure, 0)),
            _ => {}
        }
        Ok(())
    }
}

fn unwritable(error: &Fault) -> Error {
    Error::unsendable(format!("a task cannot be sent: {error}"))
}

fn unreadable(error: &Fault) -> Error {
    Error::unsendable(format!("a result cannot be read: {error}"))
}

/// Why a batch failed, whose first task is `first`, or an operation.
pub(crate) fn failed(failure: Failure, first: usize) -> Error {
    let mut error = Error::new(failure.why, failure.message);
    error.worker = failure.worker;
    let Some(panic) = failure.panic else { return error };
    let task = first + panic.task as usize;
    if panic.unwritable {
        error.message = format!("the result of task {task} cannot be sent: {}", error.message);
        return error;
    }
    error.task = Some(task);
    report(&panic, error.worker.as_deref().unwrap_or("worker"));
    error
}

/// The kernel hears of a panic there as of one here, with its place in a cell.
pub(super) fn report(panic: &Panic, worker: &str) {
    if let Some(channel) = rt::channel::get() {
        channel.send(&Frame::Panic {
            message: panic.message.clone(),
            file: panic.file.clone(),
            line: panic.line,
            column: panic.column,
            thread: worker.to_owned(),
            backtrace: String::new(),
        });
    }
}

pub(super) fn print_lines(worker: &str, lines: &[String], more: bool) {
    for line in lines {
        println!("[{worker}] {line}");
    }
    if more {
        println!("[{worker}] … more lines are in the worker's log: cluster.logs()");
    }
}

/// The bar of a run; ends as the run does.
pub(super) struct Painted {
    state: Option<Arc<State>>,
    message: String,
    /// Calls of batches that came back, and what the bar shows: it may be ahead, by calls inside
    /// batches that still run.
    done: u64,
    shown: u64,
}

impl Painted {
    pub(super) fn new(appearance: &Appearance, tasks: u64) -> Self {
        let what = if appearance.message.is_empty() { "calls" } else { &appearance.message };
        let state = (!appearance.quiet).then(|| called(what, || State::automatic(tasks, &appearance.message)));
        Self { state, message: appearance.message.clone(), done: 0, shown: 0 }
    }

    pub(super) fn on_done(&mut self, calls: u64) {
        self.done += calls;
        self.show(self.done);
    }

    fn show(&mut self, calls: u64) {
        if let Some(state) = &self.state
            && calls > self.shown
        {
            state.add(calls - self.shown);
            self.shown = calls;
        }
    }

    pub(super) fn on_workers(&mut self, lanes: Vec<WorkerLane>, told: Vec<String>, queue: &[QueuedJob]) {
        let inside: u64 = lanes.iter().map(|lane| lane.done).sum();
        self.show(inside.min(self.state.as_ref().and_then(|s| s.total()).unwrap_or(0)));
        let Some(state) = &self.state else { return };
        state.set_message(words_of(&self.message, lanes.len(), told, queue));
        state.set_workers(lanes.into_iter().map(lane).collect());
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        if let Some(state) = self.state.take() {
            state.finish(outcome);
        }
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        self.finish(if rt::interrupted() { Outcome::Interrupted } else { Outcome::Failed });
    }
}

/// What a bar says of the work and its workers.
pub(super) fn words_of(message: &str, workers: usize, told: Vec<String>, queue: &[QueuedJob]) -> String {
    let place = if workers == 0 { waiting(queue) } else { counted(workers as u64, "worker") };
    let mut words = vec![message.to_owned(), place];
    words.extend(told);
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

pub(super) fn lane(told: WorkerLane) -> Lane {
    Lane { name: told.name, done: told.done, note: told.note }
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What the work waits for while there is no worker.
pub(crate) fn waiting(queue: &[QueuedJob]) -> String {
    let one = |job: &QueuedJob| {
        let when = if job.start.is_empty() { String::new() } else { format!(", starts about {}", job.start) };
        format!("job {} is {} ({}{when})", job.job, job.state.to_lowercase(), job.reason)
    };
    let jobs: Vec<String> = queue.iter().map(one).collect();
    if jobs.is_empty() { "waiting for workers".to_owned() } else { format!("waiting for workers: {}", jobs.join("; ")) }
}
