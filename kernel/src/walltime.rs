//! Why a session ends while a cell runs: batch systems end a job when its time is over, and kernels hear of it by a
//! signal alone. It asks Slurm, and ends nothing.

use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::ask;
use ferrolab_system::job::Job;

/// So long before the end that Slurm has told, a signal is that of the end: clocks of nodes differ a little.
const NEAR: Duration = Duration::from_secs(5);
/// Whoever ends has half a second for last words.
const PATIENCE: Duration = Duration::from_millis(350);
const VARIABLES: &str = "its variables end with it";

/// One sentence for whoever sees the cell end.
pub(crate) fn why_the_session_ends() -> String {
    let Some(job) = Job::around() else {
        return format!("the session was ended while the cell ran; {VARIABLES}");
    };
    let asked = if is_over(&job, SystemTime::now()) { None } else { queue(&job.id) };
    words(&job, asked.as_deref(), SystemTime::now())
}

fn is_over(job: &Job, now: SystemTime) -> bool {
    job.end.is_some_and(|end| now.checked_add(NEAR).is_some_and(|soon| soon >= end))
}

/// State and reason, as Slurm's queue has them now: `COMPLETING TimeLimit`.
fn queue(id: &str) -> Option<String> {
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--states=all", "--format=%T %r", "--jobs", id]);
    ask::ask_within(PATIENCE, &mut command).filter(|answer| answer.success).map(|answer| answer.text)
}

fn words(job: &Job, queue: Option<&str>, now: SystemTime) -> String {
    let id = &job.id;
    let says = |word: &str| queue.is_some_and(|queue| queue.contains(word));
    if is_over(job, now) || says("TimeLimit") || says("TIMEOUT") {
        return format!(
            "the time of Slurm job {id} is over, and the session ended with it; {VARIABLES}\nask for more time (Slurm: --time), or save what is needed before"
        );
    }
    if says("PREEMPTED") || says("Preempt") {
        return format!("Slurm took the node of job {id} for another job, and the session ended with it; {VARIABLES}");
    }
    format!(
        "the session was ended while the cell ran, by its frontend or because Slurm job {id} was cancelled; {VARIABLES}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn the_end_of_the_walltime_is_told_as_such() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let known = Job { id: "7".into(), cpus: None, memory: None, end: Some(at(1000)) };
        let unknown = Job { end: None, ..known.clone() };
        assert!(words(&known, None, at(998)).starts_with("the time of Slurm job 7 is over"));
        assert!(words(&unknown, Some("COMPLETING TimeLimit"), at(998)).starts_with("the time of Slurm job 7 is over"));
        let cancelled = words(&known, Some("COMPLETING None"), at(10));
        assert!(cancelled.contains("cancelled") && !cancelled.contains("time"), "{cancelled}");
        assert!(words(&unknown, None, at(998)).contains("cancelled"), "Slurm does not answer");
    }
}
