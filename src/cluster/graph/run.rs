//! One computation of a graph on a cluster: programs out, news of them in, until all are done. Results stay where they are.

use super::batches::{pilot, programs, remember};
use super::program::{From, Program, Step};
use super::{Freed, Kept, Part};
use crate::cluster::bridge::{Link, Message};
use crate::cluster::code;
use crate::cluster::open::Inner;
use crate::cluster::protocol::{Answer, Failure, ProgramHead, Request, Source};
use crate::cluster::run::{lane, print_lines, report, words_of};
use crate::executor::{Error, ErrorKind};
use crate::graph::node::{Kind, Needs, Node, State, address};
use crate::graph::plan::Plan;
use crate::graph::{Watch, failed};
use crate::value::Written;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Values that are larger than this, written, are sent apart from the programs that need them.
const LARGE: usize = 4096;
/// Threads that are assumed while there is no worker yet.
const ASSUMED: usize = 4;

/// A computation on its way.
pub(super) struct Run<'p> {
    cluster: Arc<Inner>,
    plan: &'p Plan<'p>,
    wanted: &'p [Arc<Node>],
    watch: &'p Watch,
    /// The user's name for the work.
    message: &'p str,
    link: Link,
    name: String,
    /// The table of code: each kind once, and its place.
    kinds: Vec<&'static Kind>,
    place: HashMap<*const Kind, u32>,
    freed: Arc<Freed>,
    /// Programs that were sent: for values that were given there are no tasks.
    sent: Vec<Sent>,
    /// Which value of which program each task's result is.
    located: Vec<Option<(u32, u32)>>,
    values: HashMap<*const Node, Given>,
    threads: usize,
    /// Programs that are not done.
    left: usize,
    written: Written,
}

/// A program that was sent.
struct Sent {
    tasks: Vec<u32>,
    /// Those whose results are left.
    outputs: Vec<u32>,
    done: bool,
}

/// A value that the graph was given, written once.
#[derive(Clone)]
enum Given {
    Small(Arc<[u8]>),
    Program(u32),
}

/// A name that no other computation has.
fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    format!("graph-{:x}{:x}{:x}", std::process::id(), now, NEXT.fetch_add(1, Ordering::Relaxed))
}

impl<'p> Run<'p> {
    pub(super) fn open(
        cluster: &Arc<Inner>,
        plan: &'p Plan<'p>,
        wanted: &'p [Arc<Node>],
        watch: &'p Watch,
        message: &'p str,
    ) -> Result<Self, Error> {
        let (mut kinds, mut place): (Vec<&'static Kind>, HashMap<*const Kind, u32>) = Default::default();
        let needed = plan.tasks.iter().flat_map(|task| task.tasks());
        for task in plan.tasks.iter().copied().chain(needed) {
            place.entry(std::ptr::from_ref(task.kind)).or_insert_with(|| {
                kinds.push(task.kind);
                kinds.len() as u32 - 1
            });
        }
        let addresses: Vec<*const ()> = kinds.iter().map(|kind| kind.here as *const ()).collect();
        let (code, name) = (code::at(&addresses)?, new_name());
        let mut link = Link::open()?;
        let drawn = watch.draws();
        link.send(&Request::Graph { cluster: cluster.id.clone(), name: name.clone(), code, drawn }, &[])?;
        Ok(Self {
            cluster: Arc::clone(cluster),
            wanted,
            watch,
            message,
            link,
            name,
            kinds,
            place,
            freed: Arc::new(Mutex::new(Some(Vec::new()))),
            sent: Vec::new(),
            located: vec![None; plan.len()],
            values: HashMap::new(),
            threads: 0,
            left: 0,
            written: Written::default(),
            plan,
        })
    }

    /// Runs all of it.
    ///
    /// # Panics
    /// With the payload [`crate::rt::Interrupted`] when the user interrupts.
    pub(super) fn go(&mut self) -> Result<(), Error> {
        // How many threads there are decides how tasks are put together.
        let mut told = false;
        while !told {
            if let Some(message) = self.link.receive()? {
                told = matches!(message.0, Answer::Workers { .. });
                self.on_message(message)?;
            }
        }
        let first = pilot(self.plan, self.threads());
        let mut within = vec![false; self.plan.len()];
        if !first.is_empty() {
            first.iter().for_each(|at| within[*at as usize] = true);
            self.submit(&within)?;
            self.finish()?;
            self.learn()?;
        }
        within.iter_mut().for_each(|chosen| *chosen = !*chosen);
        self.submit(&within)?;
        self.finish()?;
        self.learn()
    }

    /// Threads of all workers; some when there are none yet.
    fn threads(&self) -> usize {
        if self.threads == 0 { ASSUMED } else { self.threads }
    }

    /// Waits until all that was sent is done.
    fn finish(&mut self) -> Result<(), Error> {
        while self.left > 0 {
            if let Some(message) = self.link.receive()? {
                self.on_message(message)?;
            }
            self.free()?;
        }
        Ok(())
    }

    /// Asks what tasks took.
    fn learn(&mut self) -> Result<(), Error> {
        self.link.send(&Request::Costs, &[])?;
        loop {
            match self.link.receive()? {
                Some((Answer::Costs { costs }, _)) => {
                    for (kind, cost) in self.kinds.iter().zip(costs.chunks_exact(3)) {
                        remember(kind, cost[0], cost[1], cost[2]);
                    }
                    return Ok(());
                }
                Some(message) => self.on_message(message)?,
                None => {}
            }
        }
    }

    /// Tells the bridge which results stay, whatever came of the computation.
    pub(super) fn leave(&mut self) {
        let freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let freed: HashSet<u32> = freed.into_iter().flatten().collect();
        let done = self.sent.iter().enumerate().filter(|(_, sent)| sent.done && !sent.outputs.is_empty());
        let kept = done.map(|(n, _)| n as u32).filter(|n| !freed.contains(n)).collect();
        self.link.leave(kept);
    }

    fn free(&mut self) -> Result<(), Error> {
        let mut freed = self.freed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(programs) = freed.as_mut().filter(|programs| !programs.is_empty()).map(std::mem::take) else {
            return Ok(());
        };
        drop(freed);
        for n in &programs {
            if let Some(sent) = self.sent.get_mut(*n as usize) {
                sent.outputs.clear();
            }
        }
        self.link.send(&Request::Free { programs }, &[])
    }

    /// Sends some tasks of the plan, which need only each other and what is done.
    fn submit(&mut self, within: &[bool]) -> Result<(), Error> {
        let (mut heads, mut body): (Vec<ProgramHead>, Vec<u8>) = Default::default();
        for tasks in programs(self.plan, within, self.threads()) {
            self.add(tasks, &mut heads, &mut body)?;
        }
        if heads.is_empty() {
            return Ok(());
        }
        self.link.send(&Request::Programs { programs: heads }, &body)
    }

    /// Writes a program, and what it takes.
    fn add(&mut self, tasks: Vec<u32>, heads: &mut Vec<ProgramHead>, body: &mut Vec<u8>) -> Result<(), Error> {
        let mut building = Building::default();
        for (n, at) in tasks.iter().enumerate() {
            building.steps.insert(*at, n as u32);
            let step = self.step(*at, &mut building, heads, body)?;
            building.program.steps.push(step);
        }
        let number = self.sent.len() as u32;
        let outputs = self.outputs(&tasks, &building.steps);
        for (slot, at) in outputs.iter().enumerate() {
            self.located[*at as usize] = Some((number, slot as u32));
            building.program.outputs.push(building.steps[at]);
        }
        let (program, takes) = (building.program.written()?, building.takes());
        heads.push((number, outputs.len() as u32, takes.len(), program.len(), Some(building.sources)));
        body.extend_from_slice(&takes);
        body.extend_from_slice(&program);
        self.sent.push(Sent { tasks, outputs, done: false });
        self.left += 1;
        Ok(())
    }

    /// The tasks of a program whose results somebody needs who is no task of it.
    fn outputs(&self, tasks: &[u32], steps: &HashMap<u32, u32>) -> Vec<u32> {
        let inside = |at: u32| self.plan.dependents(at as usize).iter().filter(|next| steps.contains_key(next)).count();
        tasks.iter().copied().filter(|at| self.plan.tasks[*at as usize].users() as usize > inside(*at)).collect()
    }

    fn step(
        &mut self,
        at: u32,
        building: &mut Building,
        heads: &mut Vec<ProgramHead>,
        body: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let task = self.plan.tasks[at as usize];
        let kind = self.kind(task);
        let mut inputs = Vec::with_capacity(task.tasks().len().max(1));
        if let Needs::Value(_) = task.needs() {
            let bytes = self.write(task)?;
            inputs.push(building.program.add_data(&bytes, kind));
        }
        for needed in task.tasks() {
            inputs.push(self.input(needed, building, heads, body)?);
        }
        let retries = task.said().retries;
        Ok(Step { task: at, kind, retries, inputs, lists: task.needs().lists().to_vec() })
    }

    fn kind(&self, task: &Node) -> u32 {
        self.place.get(&std::ptr::from_ref(task.kind)).copied().unwrap_or_default()
    }

    /// Where a step gets the result of another task.
    fn input(
        &mut self,
        needed: &Arc<Node>,
        building: &mut Building,
        heads: &mut Vec<ProgramHead>,
        body: &mut Vec<u8>,
    ) -> Result<From, Error> {
        let kind = self.kind(needed);
        if needed.is_value() {
            return match self.given(needed, heads, body)? {
                Given::Small(bytes) => Ok(building.program.add_data(&bytes, kind)),
                Given::Program(number) => Ok(building.piece(Source::Program(number), 0, kind)),
            };
        }
        if let Some(at) = self.plan.index(needed) {
            if let Some(step) = building.steps.get(&(at as u32)) {
                return Ok(From::Step(*step));
            }
            let (program, slot) = self.located[at].ok_or_else(|| lost(needed))?;
            return Ok(building.piece(Source::Program(program), slot, kind));
        }
        let part = Part::of(needed).ok_or_else(|| lost(needed))?;
        Ok(building.piece(Source::Key(part.kept.key.clone()), part.slot, kind))
    }

    /// A value that the graph was given: its bytes, or the program that stands for them.
    fn given(&mut self, task: &Arc<Node>, heads: &mut Vec<ProgramHead>, body: &mut Vec<u8>) -> Result<Given, Error> {
        if let Some(given) = self.values.get(&Arc::as_ptr(task)) {
            return Ok(given.clone());
        }
        let bytes = self.write(task)?;
        let given = if bytes.len() <= LARGE {
            Given::Small(bytes.into())
        } else {
            let number = self.sent.len() as u32;
            heads.push((number, 1, 0, bytes.len(), None));
            body.extend_from_slice(&bytes);
            self.sent.push(Sent { tasks: Vec::new(), outputs: Vec::new(), done: false });
            self.left += 1;
            Given::Program(number)
        };
        self.values.insert(Arc::as_ptr(task), given.clone());
        Ok(given)
    }

    /// The value that a task has from the notebook.
    fn write(&mut self, task: &Node) -> Result<Vec<u8>, Error> {
        let (Needs::Value(value), Some(codec)) = (task.needs(), task.kind.argument) else {
            return Err(Error::refused(format!("{} is a task of threads", task.name())));
        };
        // SAFETY: the kind is that of the value, as they were made together.
        let written = unsafe { (codec.write)(address(value), &mut self.written) };
        written.map_err(|e| Error::unsendable(format!("the value of {} cannot be sent: {e}", task.name())))?;
        Ok(self.written.take_bytes())
    }

    fn on_message(&mut self, (answer, _): Message) -> Result<(), Error> {
        match answer {
            Answer::Done { n, .. } => self.on_done(n as u32),
            Answer::Running { programs } => self.on_running(&programs),
            Answer::Failed { n, failure } => {
                self.drain();
                return Err(self.failure(n as u32, failure));
            }
            Answer::Error(failure) => return Err(crate::cluster::run::failed(failure, 0)),
            Answer::Workers { threads, lanes, words, queue } => {
                self.threads = threads;
                let told = words_of(self.message, lanes.len(), words, &queue);
                self.watch.set_workers(told, lanes.into_iter().map(lane).collect());
            }
            Answer::Lines { worker, lines, more } => print_lines(&worker, &lines, more),
            Answer::News { text } => eprintln!("{text}"),
            _ => {}
        }
        Ok(())
    }

    fn on_running(&self, programs: &[u32]) {
        for sent in programs.iter().filter_map(|n| self.sent.get(*n as usize)).filter(|sent| !sent.done) {
            let waiting = sent.tasks.iter().map(|at| self.plan.tasks[*at as usize]);
            waiting.filter(|task| task.state() == State::Waiting).for_each(|task| task.set_state(State::Running));
        }
    }

    fn on_done(&mut self, number: u32) {
        let Some(sent) = self.sent.get_mut(number as usize).filter(|sent| !sent.done) else { return };
        sent.done = true;
        self.left -= 1;
        let key = format!("{}-{number}", self.name);
        let kept = Arc::new(Kept { cluster: Arc::clone(&self.cluster), key, number, run: Arc::clone(&self.freed) });
        // In the order of the tasks.
        let mut outputs = sent.outputs.iter().enumerate().peekable();
        for at in &sent.tasks {
            let task = self.plan.tasks[*at as usize];
            if let Some((slot, _)) = outputs.next_if(|(_, output)| *output == at) {
                // SAFETY: a program is done once, and each task is in one.
                unsafe { task.finish(Part::value(&kept, slot as u32)) };
            } else {
                task.pass();
            }
        }
        self.watch.add(sent.tasks.len() as u64);
    }

    /// Takes in what is known to be done, before the computation is given up.
    fn drain(&mut self) {
        while let Ok(Some((answer, _))) = self.link.receive() {
            if let Answer::Done { n, .. } = answer {
                self.on_done(n as u32);
            }
        }
    }

    /// An error in terms of tasks.
    fn failure(&self, number: u32, failure: Failure) -> Error {
        let first = self.sent.get(number as usize).and_then(|sent| sent.tasks.first()).copied();
        let at = failure.panic.as_ref().map(|panic| panic.task as u32).or(first);
        let Some(at) = at.filter(|at| (*at as usize) < self.plan.len()) else {
            return crate::cluster::run::failed(failure, 0);
        };
        let why = match (&failure.panic, failure.why) {
            (Some(panic), _) if panic.unwritable => format!("has a result that cannot be sent: {}", failure.message),
            (Some(_), _) => format!("panicked: {}", failure.message),
            (None, ErrorKind::Killed) => {
                let rest = failure.message.strip_prefix("a task ").unwrap_or(&failure.message);
                match self.sent.get(number as usize).map_or(1, |sent| sent.tasks.len()) {
                    0 | 1 => rest.to_owned(),
                    n => format!("or one of {} that ran together with it {rest}", n - 1),
                }
            }
            (None, _) => {
                let mut error = Error::new(failure.why, failure.message);
                error.worker = failure.worker;
                return error;
            }
        };
        let mut error = failed(self.plan, at as usize, self.wanted, failure.why, &why);
        if let Some(panic) = failure.panic.filter(|panic| !panic.unwritable) {
            report(&panic, failure.worker.as_deref().unwrap_or("worker"));
        }
        error.worker = failure.worker;
        error
    }
}

fn lost(task: &Node) -> Error {
    Error::lost(format!("{} has no result: forget it, and compute again", task.name()))
}

/// A program that is being written.
#[derive(Default)]
struct Building {
    program: Program,
    /// Steps by their tasks.
    steps: HashMap<u32, u32>,
    sources: Vec<Source>,
    known: HashMap<Source, u32>,
    /// Which value of which source each piece is.
    pieces: Vec<(u32, u32)>,
    placed: HashMap<(u32, u32), u32>,
}

impl Building {
    fn piece(&mut self, source: Source, slot: u32, kind: u32) -> From {
        let from = *self.known.entry(source.clone()).or_insert_with(|| {
            self.sources.push(source);
            self.sources.len() as u32 - 1
        });
        let at = *self.placed.entry((from, slot)).or_insert_with(|| {
            self.pieces.push((from, slot));
            self.pieces.len() as u32 - 1
        });
        From::Piece { at, kind }
    }

    /// What Python hands in, as it reads it.
    fn takes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(from, slot)| [*from, *slot]).flat_map(u32::to_ne_bytes).collect()
    }
}
