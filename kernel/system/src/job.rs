//! The batch job around this process, as Slurm's variables tell it. It asks no batch system and starts nothing.

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A Slurm job, with what it was granted on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: String,
    /// CPUs of the task, or of the node when nothing is said of the task.
    pub cpus: Option<u64>,
    /// Bytes of memory on this node.
    pub memory: Option<u64>,
    /// When its time is over; Slurm's older releases do not say it.
    pub end: Option<SystemTime>,
}

impl Job {
    /// The job around this process, if there is one.
    ///
    /// ```
    /// if let Some(job) = ferrolab_system::job::Job::around() {
    ///     println!("job {} with {:?} CPUs", job.id, job.cpus);
    /// }
    /// ```
    pub fn around() -> Option<Self> {
        Self::of(&|name| env::var(name).ok())
    }

    /// The job that these variables tell of.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let cpus = number("SLURM_CPUS_PER_TASK").or_else(|| number("SLURM_CPUS_ON_NODE"));
        let by_cpu = || Some(number("SLURM_MEM_PER_CPU")?.saturating_mul(number("SLURM_CPUS_ON_NODE").unwrap_or(1)));
        // In MB; 0 is all that the node has.
        let memory = number("SLURM_MEM_PER_NODE").or_else(by_cpu).filter(|megabytes| *megabytes > 0);
        let end = number("SLURM_JOB_END_TIME").and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        Some(Self { id: text("SLURM_JOB_ID")?, cpus, memory: memory.map(|mb| mb << 20), end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<Job> {
        Job::of(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn what_was_granted_is_read_from_either_way_of_asking() {
        assert_eq!(of(&[("SLURM_MEM_PER_NODE", "4096")]), None, "no job");
        let node = of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_NODE", "1000"), ("SLURM_JOB_END_TIME", "60")]);
        let node = node.expect("a job");
        assert_eq!((node.memory, node.end), (Some(1000 << 20), UNIX_EPOCH.checked_add(Duration::from_secs(60))));
        let cpu = of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_CPU", "500"), ("SLURM_CPUS_ON_NODE", "4")]);
        assert_eq!(cpu.expect("a job"), Job { id: "7".into(), cpus: Some(4), memory: Some(2000 << 20), end: None });
        assert_eq!(of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_NODE", "0")]).expect("a job").memory, None);
    }
}
