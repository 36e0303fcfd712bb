//! Tasks of Dask's for one computation of arrays, on one connection to the Dask client's process: sent, followed until they are done,
//! what they have left fetched or kept. When the connection closes without a word, all of it goes.

use super::task::ArrayTask;
use crate::array::wire::Codes;
use crate::cluster::Cluster;
use crate::cluster::bridge::{Link, Message};
use crate::cluster::bytes::Bytes;
use crate::cluster::code;
use crate::cluster::protocol::{Answer, Failure, ProgramHead, Request, Source};
use crate::cluster::run::{Painted, failed, print_lines};
use crate::executor::{Error, ErrorKind};
use crate::progress::{Outcome, called};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of programs that are sent in one message, about.
const MESSAGE: usize = 16 << 20;

/// The tasks of one computation.
pub(super) struct Programs {
    link: Link,
    /// What keys of results begin with.
    pub(super) name: Arc<str>,
    next: u32,
    heads: Vec<ProgramHead>,
    body: Vec<u8>,
    /// Those that are not done, and for how many tasks of a pass each stands.
    flying: HashMap<u32, u64>,
    /// Those that nobody waits for any more.
    given_up: HashSet<u32>,
    bar: Option<Painted>,
    /// What the work is called when it fails.
    what: String,
}

/// A name that no other computation has.
fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    format!("array-{:x}{:x}{:x}", std::process::id(), now, NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Programs {
    pub(super) fn open(cluster: &Cluster, codes: &Codes) -> Result<Self, Error> {
        let (code, name) = (code::at(&codes.addresses)?, new_name());
        let mut link = Link::open()?;
        let request = Request::Graph { cluster: cluster.id(), name: name.clone(), code, drawn: false };
        link.send(&request, &[])?;
        let (heads, body, flying) = (Vec::new(), Vec::new(), HashMap::new());
        Ok(Self {
            link,
            name: name.into(),
            next: 0,
            heads,
            body,
            flying,
            given_up: HashSet::new(),
            bar: None,
            what: String::new(),
        })
    }

    /// What follows is called so, and is so many tasks of a pass.
    pub(super) fn begin(&mut self, cluster: &Cluster, what: String, tasks: u64) {
        self.bar = Some(called(&what, || Painted::new(&cluster.appearance, tasks)));
        self.what = what;
    }

    /// A value that tasks read; its number.
    pub(super) fn value(&mut self, bytes: &[u8]) -> Result<u32, Error> {
        let number = self.number();
        self.heads.push((number, 1, 0, bytes.len(), None));
        self.body.extend_from_slice(bytes);
        self.flying.insert(number, 0);
        self.send_some()?;
        Ok(number)
    }

    /// A task that leaves so many values, and gets pieces of these sources in order; its number.
    pub(super) fn task(
        &mut self,
        task: &ArrayTask,
        outputs: u32,
        pieces: &[(Source, u32)],
        stands_for: u64,
    ) -> Result<u32, Error> {
        let number = self.number();
        let (mut sources, mut known): (Vec<Source>, HashMap<&Source, u32>) = Default::default();
        let mut takes: Vec<u8> = Vec::with_capacity(8 * pieces.len());
        for (source, slot) in pieces {
            let from = *known.entry(source).or_insert_with(|| {
                sources.push(source.clone());
                sources.len() as u32 - 1
            });
            [from, *slot].iter().for_each(|number| takes.extend_from_slice(&number.to_ne_bytes()));
        }
        let program = task.written()?;
        self.heads.push((number, outputs, takes.len(), program.len(), Some(sources)));
        self.body.extend_from_slice(&takes);
        self.body.extend_from_slice(&program);
        self.flying.insert(number, stands_for);
        self.send_some()?;
        Ok(number)
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn send_some(&mut self) -> Result<(), Error> {
        if self.body.len() >= MESSAGE { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Error> {
        if self.heads.is_empty() {
            return Ok(());
        }
        let programs = std::mem::take(&mut self.heads);
        self.link.send(&Request::Programs { programs }, &self.body)?;
        self.body.clear();
        Ok(())
    }

    /// Waits until all that was sent is done.
    ///
    /// # Panics
    /// With the payload [`crate::rt::Interrupted`] when the user interrupts.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.send()?;
        while !self.flying.is_empty() {
            if let Some(message) = self.link.receive()? {
                self.on_message(message)?;
            }
        }
        if let Some(mut bar) = self.bar.take() {
            bar.finish(Outcome::Done);
        }
        Ok(())
    }

    fn on_message(&mut self, (answer, _): Message) -> Result<(), Error> {
        match answer {
            Answer::Done { n, .. } => {
                if let (Some(tasks), Some(bar)) = (self.flying.remove(&(n as u32)), &mut self.bar) {
                    bar.on_done(tasks);
                }
            }
            Answer::Failed { n, .. } if self.given_up.contains(&(n as u32)) => {}
            Answer::Failed { failure, .. } => return Err(self.failure(failure)),
            Answer::Error(failure) => return Err(failed(failure, 0)),
            Answer::Workers { lanes, words, queue, .. } => {
                if let Some(bar) = &mut self.bar {
                    bar.on_workers(lanes, words, &queue);
                }
            }
            Answer::Lines { worker, lines, more } => print_lines(&worker, &lines, more),
            Answer::News { text } => eprintln!("{text}"),
            _ => {}
        }
        Ok(())
    }

    /// An error in terms of arrays: what a closure did names its element itself.
    fn failure(&self, failure: Failure) -> Error {
        let why = failure.why;
        let mut error = failed(failure, 0);
        error.task = None;
        if why == ErrorKind::Killed {
            error.message = format!("{}: {}", self.what, error.message);
        }
        error
    }

    /// Nobody waits for what was sent.
    pub(super) fn abandon(&mut self) {
        self.given_up.extend(self.flying.drain().map(|(number, _)| number));
        self.bar = None;
    }

    /// Values that are there, as bytes one after the other; how long each is.
    pub(super) fn fetch(&mut self, values: Vec<(u32, u32)>) -> Result<(Vec<usize>, Bytes), Error> {
        self.link.send(&Request::Fetch { values }, &[])?;
        loop {
            match self.link.receive()? {
                Some((Answer::Values { values }, bytes)) => {
                    return Ok((values.into_iter().map(|(length, _)| length).collect(), bytes));
                }
                Some(message) => self.on_message(message)?,
                None => {}
            }
        }
    }

    /// Nobody needs what these have left any more.
    pub(super) fn free(&mut self, programs: Vec<u32>) -> Result<(), Error> {
        if programs.is_empty() { Ok(()) } else { self.link.send(&Request::Free { programs }, &[]) }
    }

    /// It is over: what these have left stays, all else goes.
    pub(super) fn leave(&mut self, kept: Vec<u32>) {
        self.bar = None;
        self.link.leave(kept);
    }
}
