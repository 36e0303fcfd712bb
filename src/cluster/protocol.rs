//! What a notebook and its Dask client's process say to each other, as types: `python/protocol.py` has the same
//! ones, and `messages.json` an example of each, which the tests of both sides read. It sends nothing.
//!
//! A message is one of these as JSON, and bytes beside it: parameters, the items of a batch, results.

use super::code::Code;
use crate::executor::ErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a notebook asks for. All but the first name the cluster that they are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request {
    /// A cluster, which lives as long as this process until it is kept.
    Open {
        ask: Ask,
        process: u32,
        needs: Needs,
    },
    /// The cell that made the cluster has succeeded.
    Keep {
        cluster: String,
    },
    /// Batches of one closure follow on this connection; the parameters of all are beside it.
    Run {
        cluster: String,
        code: Code,
        prefix: String,
        params_id: u64,
    },
    /// The items of some tasks are beside it.
    Batch {
        n: u64,
        /// Thread seconds of work left, as far as is known: adaptive scaling sees only what was sent, and most calls were not.
        backlog: f64,
    },
    /// A run has all its results.
    End,
    /// One call, whose result stays on the workers. It gets the bytes beside it, and the results of these futures.
    Submit {
        cluster: String,
        code: Code,
        after: Vec<String>,
    },
    /// Programs of a graph follow on this connection; keys of their results begin with the name.
    Graph {
        cluster: String,
        name: String,
        code: Code,
        /// Each program that begins is to be told of.
        drawn: bool,
    },
    /// Programs that are ready to be sent, and what they need; what each takes and does is beside it, in this order.
    Programs {
        programs: Vec<ProgramHead>,
    },
    /// Nobody needs the results of these programs any more.
    Free {
        programs: Vec<u32>,
    },
    /// Values that programs of the graph have left, by program and place; they are answered in this order.
    Fetch {
        values: Vec<(u32, u32)>,
    },
    /// What tasks of the graph took so far.
    Costs,
    /// The results of these programs stay; all else of the graph goes, and what still runs is stopped.
    Leave {
        kept: Vec<u32>,
    },
    /// The code that was wanted, or why there is none.
    Compiled {
        code: Option<Code>,
        problem: String,
    },
    /// Results of a graph's tasks: key, and which of the values that are there.
    Gather {
        cluster: String,
        parts: Vec<(String, u32)>,
    },
    /// What a future has become.
    Result {
        cluster: String,
        key: String,
    },
    /// How far these futures are.
    States {
        cluster: String,
        keys: Vec<String>,
    },
    /// Nobody needs these futures any more; those that run are stopped when they are cancelled.
    Release {
        cluster: String,
        keys: Vec<String>,
        cancel: bool,
    },
    Publish {
        cluster: String,
        key: String,
        name: String,
    },
    /// The parts of an array, by key and place, row after row of its chunks; these are the lengths of chunks for each axis, and
    /// numpy's name of what they are of.
    PublishArray {
        cluster: String,
        name: String,
        dtype: String,
        chunks: Vec<Vec<usize>>,
        parts: Vec<(String, u32)>,
    },
    /// The parts of an array that somebody has published are wanted here.
    Dataset {
        cluster: String,
        name: String,
        dtype: String,
    },
    Status {
        cluster: String,
    },
    /// In workers, or in nodes where each job is one.
    Scale {
        cluster: String,
        workers: usize,
    },
    Adapt {
        cluster: String,
        minimum: usize,
        maximum: usize,
    },
    /// Until there are so many workers.
    Wait {
        cluster: String,
        workers: usize,
    },
    Logs {
        cluster: String,
    },
    Close {
        cluster: String,
    },
    /// What the cluster does is asked for on this connection: now, and by each [`Request::Look`].
    Board {
        cluster: String,
    },
    Look,
}

/// A program of a graph: its number, how many values it leaves, bytes of what it takes, bytes of itself, and whose results it
/// takes; none for a value that was given.
pub(crate) type ProgramHead = (u32, u32, usize, usize, Option<Vec<Source>>);

/// Who has a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Source {
    /// A program of this computation.
    Program(u32),
    /// One of an earlier one, by its key.
    Key(String),
}

/// Which cluster, and how to come by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Ask {
    Local {
        workers: usize,
        security: Option<Tls>,
    },
    /// Jobs of a batch system, by its name.
    Jobs {
        system: String,
        options: Box<JobOptions>,
    },
    Address {
        address: String,
        security: Option<Tls>,
    },
    File {
        path: PathBuf,
        security: Option<Tls>,
    },
    /// What a Python function returns; modules are looked for in the directory too.
    Client {
        function: String,
        directory: Option<PathBuf>,
    },
}

/// What Dask's `Security` is made of: names and files, or true for `temporary`.
pub(crate) type Tls = Map<String, Value>;

/// What every worker has to have: features, and the libraries that code from here is linked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Needs {
    pub(crate) features: Vec<String>,
    pub(crate) libraries: Vec<PathBuf>,
}

/// What is asked of a batch system; in whose words is its own business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobOptions {
    /// Each is a job of its own.
    pub(crate) nodes: usize,
    /// Worker processes on each node, which share its cores.
    pub(crate) tasks: usize,
    pub(crate) cores: usize,
    pub(crate) partition: String,
    pub(crate) account: String,
    pub(crate) memory: String,
    pub(crate) walltime: String,
    pub(crate) directives: Vec<String>,
    pub(crate) modules: Vec<String>,
    pub(crate) prologue: Vec<String>,
    pub(crate) interface: String,
    pub(crate) scheduler_interface: String,
    pub(crate) local_directory: String,
    pub(crate) log_directory: String,
    pub(crate) python: String,
    pub(crate) security: Option<Tls>,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            nodes: 1,
            tasks: 1,
            cores: 1,
            partition: String::new(),
            account: String::new(),
            memory: String::new(),
            walltime: String::new(),
            directives: Vec::new(),
            modules: Vec::new(),
            prologue: Vec::new(),
            interface: String::new(),
            scheduler_interface: String::new(),
            local_directory: String::new(),
            log_directory: String::new(),
            python: String::new(),
            security: None,
        }
    }
}

/// What the Dask client's process says: one answer to most requests, any number to those that last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done.
    Ok,
    /// It is not done; nothing follows.
    Error(Failure),
    /// What is being waited for, in words.
    Note {
        text: String,
    },
    /// Which workers and jobs are being waited for.
    Waiting {
        workers: u64,
        queue: Vec<QueuedJob>,
    },
    /// What the cluster is, now.
    Cluster(Box<ClusterState>),
    /// The workers of a run.
    Workers {
        threads: usize,
        lanes: Vec<WorkerLane>,
        words: Vec<String>,
        queue: Vec<QueuedJob>,
    },
    /// A batch is done; its results are beside it.
    Done {
        n: u64,
        seconds: f64,
        worker: String,
    },
    /// A batch failed, and so does its run.
    Failed {
        n: u64,
        failure: Failure,
    },
    /// Programs of a graph that began.
    Running {
        programs: Vec<u32>,
    },
    /// Calls, nanoseconds and bytes of results for each kind of a graph's tasks, one after the other.
    Costs {
        costs: Vec<u64>,
    },
    /// Results, beside it, one after the other: bytes of each, and the numpy type of its numbers if it is an array.
    Values {
        values: Vec<(usize, Option<String>)>,
    },
    /// An array of somebody else's: its parts' keys begin so, numbered row after row; and the lengths of chunks for each axis.
    Published {
        run: String,
        chunks: Vec<Vec<usize>>,
    },
    /// What tasks printed on a worker; there is more than is told.
    Lines {
        worker: String,
        lines: Vec<String>,
        more: bool,
    },
    /// What became of the cluster while nobody asked.
    News {
        text: String,
    },
    /// This code is wanted for another processor, by rustc's name: `Compiled` is waited for.
    Wanted {
        level: String,
        code: Code,
    },
    /// A future.
    Submitted {
        key: String,
    },
    /// A result, beside it: an array of numbers of this numpy type, or a value that was written.
    Value {
        array: Option<String>,
    },
    /// How far futures are, in Dask's words; those that were released are not in it.
    States {
        states: BTreeMap<String, String>,
    },
    Logs {
        logs: BTreeMap<String, String>,
    },
    /// What the cluster did since the last look.
    Looked(Box<Looked>),
}

/// Why something has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) why: ErrorKind,
    pub(crate) message: String,
    pub(crate) worker: Option<String>,
    /// What the closure itself did, when it is its fault.
    pub(crate) panic: Option<Panic>,
}

/// A panic on a worker, or a result that cannot be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Panic {
    /// Which task of the batch.
    pub(crate) task: u64,
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// It did not panic, but serde cannot write its result, or not read it again.
    pub(crate) unwritable: bool,
}

/// A job that brings workers, as its batch system sees it, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueuedJob {
    pub(crate) job: String,
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) start: String,
    pub(crate) node: String,
}

/// A worker of a run: calls done, and what is worth a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerLane {
    pub(crate) name: String,
    pub(crate) done: u64,
    pub(crate) note: String,
}

/// What a cluster is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    pub(crate) id: String,
    /// How it was come by, in a word.
    pub(crate) origin: String,
    pub(crate) address: String,
    pub(crate) dashboard: String,
    /// The dashboard's address for a browser, when Dask's configuration has one.
    pub(crate) link: String,
    /// The dashboard is on this machine.
    pub(crate) nearby: bool,
    pub(crate) python: String,
    pub(crate) workers: Vec<WorkerState>,
    pub(crate) queue: Vec<QueuedJob>,
}

/// A worker at one moment: memory in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerState {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) threads: usize,
    pub(crate) memory: u64,
    pub(crate) used: u64,
}

/// What a cluster did since the last look, and has: bounded, however many workers there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Looked {
    pub(crate) seconds: f64,
    pub(crate) workers: u64,
    pub(crate) threads: u64,
    /// Name, and the shares of the time in which it computed, waited for data of others, and for its disk.
    pub(crate) lanes: Vec<(String, f64, f64, f64)>,
    /// `thread` or `worker`, and of how many of them each lane is.
    pub(crate) lane_of: (String, u64),
    /// Name, and bytes: managed, unmanaged, spilled, limit.
    pub(crate) memory: Vec<(String, u64, u64, u64, u64)>,
    /// Workers for each of these.
    pub(crate) memory_of: u64,
    /// Bytes between workers, to their disks, and back.
    pub(crate) moved: (u64, u64, u64),
    /// Tasks by Dask's words for their states.
    pub(crate) states: BTreeMap<String, u64>,
    /// Tasks done since the watch began.
    pub(crate) done: u64,
    /// Seconds that the scheduler took for the look.
    pub(crate) took: f64,
}

/// What stands in the head of any message beside what it says: where its bytes are when they do not follow, as the
/// process that holds them, its descriptor and their number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(default)]
    pub(crate) shared: Option<(u32, u32, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use std::collections::BTreeSet;

    #[derive(Deserialize)]
    struct Examples {
        requests: Vec<Value>,
        answers: Vec<Value>,
    }

    /// Each is read and written again: what comes out is what went in, so no field has another name, and none is lost.
    fn names<T: Serialize + DeserializeOwned>(examples: &[Value], tag: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for example in examples {
            let message: T = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{example}: {e}"));
            assert_eq!(serde_json::to_value(message).unwrap(), *example);
            names.insert(example[tag].as_str().unwrap().to_owned());
        }
        names
    }

    /// What serde calls the variants of a type: they stand in its complaint about one that does not exist.
    fn variants<T: DeserializeOwned>(tag: &str) -> BTreeSet<String> {
        let Err(error) = serde_json::from_value::<T>(serde_json::json!({tag: "?"})) else {
            panic!("a variant called ?")
        };
        error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_message_has_an_example_that_is_read_and_written() {
        let examples: Examples = serde_json::from_str(include_str!("messages.json")).unwrap();
        assert_eq!(names::<Request>(&examples.requests, "op"), variants::<Request>("op"));
        assert_eq!(names::<Answer>(&examples.answers, "kind"), variants::<Answer>("kind"));
        let asks: Vec<Value> = examples.requests.iter().filter_map(|r| r.get("ask").cloned()).collect();
        assert_eq!(names::<Ask>(&asks, "kind"), variants::<Ask>("kind"));
    }
}
