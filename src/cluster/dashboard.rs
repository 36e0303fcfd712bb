//! What a cluster's dashboard is told: a look at a time, over a connection to the Dask client's process that lasts as long as a
//! cell. What the scheduler does for it is in `python/worker_board.py`, how it is drawn in [`crate::dashboard`].

use super::Cluster;
use super::bridge::Link;
use super::protocol::{Answer, Looked, Request};
use crate::dashboard::{About, Frame, Memory, Probe, SHARE, Share, TICK, open};
use crate::executor::Error;
use std::time::{Duration, Instant};

/// How long the last look of a cell is waited for, and the first one of a dashboard.
const LAST: Duration = Duration::from_millis(300);
const FIRST: Duration = Duration::from_secs(10);
/// A look that is asked for and not waited for.
const NOW: Duration = Duration::from_micros(100);

/// Dask's words for the states of tasks, and ours, in the order in which they are told.
const STATES: [(&str, &str); 6] = [
    ("processing", "on workers"),
    ("waiting", "waiting for others"),
    ("queued", "queued"),
    ("no-worker", "without a worker"),
    ("memory", "in memory"),
    ("erred", "failed"),
];

impl Cluster {
    /// Shows what the cluster does while cells run, here, in one element that changes at most four times a second: what each thread of
    /// the workers does (computing, waiting for data of others, for the disk), memory of each worker, bytes that moved,
    /// operations of this notebook, tasks by state. Its last frame stays in the notebook. Shown again, it goes on there.
    ///
    /// # Errors
    /// When the cluster is gone.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(2)?;
    /// cluster.dashboard()?;
    /// let a = cluster.array().random().seed(7).normal([20_000, 20_000]);
    /// println!("{}", (&a * &a).sum().compute()?); // it moves
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn dashboard(&self) -> Result<(), Error> {
        let about = About {
            key: self.id(),
            title: "Dask cluster".to_owned(),
            link: self.status()?.link(),
            memory: ["results", "else"],
        };
        let looking =
            Looking { cluster: self.id(), link: None, asked: Instant::now(), waits: false, pause: TICK, first: true };
        open(about, Box::new(looking)).map_err(Error::lost)
    }
}

/// Looks at a cluster.
struct Looking {
    cluster: String,
    link: Option<Link>,
    asked: Instant,
    /// An answer is to come.
    waits: bool,
    /// Time between two looks.
    pause: Duration,
    /// Nobody has seen anything yet.
    first: bool,
}

impl Looking {
    /// Asks for a look, unless an answer is to come.
    fn ask(&mut self) -> Result<(), Error> {
        if self.waits {
            return Ok(());
        }
        let request = match self.link {
            Some(_) => Request::Look,
            None => Request::Board { cluster: self.cluster.clone() },
        };
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::to_running().ok_or_else(|| Error::lost("the Dask client's process has ended"))?),
        };
        link.send(&request, &[])?;
        (self.waits, self.asked) = (true, Instant::now());
        Ok(())
    }

    fn answer(&mut self, patience: Duration) -> Result<Option<Frame>, Error> {
        let (true, Some(link)) = (self.waits, &mut self.link) else { return Ok(None) };
        match link.poll(patience)? {
            Some((Answer::Looked(looked), _)) => {
                self.waits = false;
                self.pause = TICK.max(Duration::from_secs_f64(looked.took.clamp(0.0, 60.0)) * SHARE);
                Ok(Some(frame(*looked)))
            }
            Some((Answer::Error(failure), _)) => Err(Error::new(failure.why, failure.message)),
            Some((other, _)) => Err(super::bridge::unexpected(&other)),
            None => Ok(None),
        }
    }

    fn turn(&mut self, last: bool) -> Result<Option<Frame>, Error> {
        if last && self.link.is_none() && !self.first {
            // A cell that was over before anybody asked.
            return Ok(None);
        }
        let frame = self.answer(NOW)?;
        let due = self.link.is_none() || self.asked.elapsed() >= self.pause;
        if last || due && frame.is_none() {
            self.ask()?;
        }
        if !last {
            return Ok(frame);
        }
        let patience = if std::mem::take(&mut self.first) { FIRST } else { LAST };
        let after = self.answer(patience)?;
        // Both count, but what is shown is the later one.
        Ok(match (frame, after) {
            (Some(before), Some(after)) => Some(joined(&before, after)),
            (before, after) => after.or(before),
        })
    }
}

impl Probe for Looking {
    fn begin(&mut self) {}

    fn look(&mut self, last: bool) -> Result<Option<Frame>, String> {
        self.turn(last).map_err(|e| e.message)
    }

    fn rest(&mut self) {
        // The other end forgets its board with it.
        (self.link, self.waits) = (None, false);
    }
}

/// Two frames as one: shares of both by their time, and all else as it is now.
fn joined(before: &Frame, after: Frame) -> Frame {
    let (a, b) = (before.seconds, after.seconds);
    let mean = |x: f64, y: f64| (x * a + y * b) / (a + b).max(1e-9);
    let lanes = after.lanes.iter().map(|share| match before.lanes.iter().find(|other| other.name == share.name) {
        Some(other) => Share {
            name: share.name.clone(),
            computing: mean(other.computing, share.computing),
            transferring: mean(other.transferring, share.transferring),
            spilling: mean(other.spilling, share.spilling),
        },
        None => share.clone(),
    });
    Frame { seconds: a + b, lanes: lanes.collect(), ..after }
}

fn frame(looked: Looked) -> Frame {
    let counted = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let lanes = looked.lanes.into_iter().map(|(name, computing, transferring, spilling)| Share {
        name,
        computing,
        transferring,
        spilling,
    });
    let memory = looked.memory.into_iter().map(|(name, managed, unmanaged, spilled, limit)| Memory {
        name,
        managed,
        unmanaged,
        spilled,
        limit,
    });
    let (of, each) = looked.lane_of;
    let lanes_are = match (of.as_str(), each) {
        ("thread", 1) => String::new(),
        ("worker", 1) => "a lane is all threads of a worker".to_owned(),
        (of, each) => format!("a lane is {}", counted(each, of)),
    };
    let memory_is = match looked.memory_of {
        1 => String::new(),
        each => format!("memory is that of {} in a row", counted(each, "worker")),
    };
    let (between, written, read) = looked.moved;
    let states = STATES.iter().filter_map(|(word, ours)| Some(((*ours).to_owned(), *looked.states.get(*word)?)));
    let mut states: Vec<(String, u64)> = states.collect();
    states.push(("done in this cell".to_owned(), looked.done));
    Frame {
        seconds: looked.seconds,
        place: format!("{}, {}", counted(looked.workers, "worker"), counted(looked.threads, "thread")),
        lanes: lanes.collect(),
        lanes_are,
        memory: memory.collect(),
        memory_is,
        moved: vec![("between workers", between), ("to their disks", written), ("back from disks", read)],
        states,
    }
}
