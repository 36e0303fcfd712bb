//! Memory that a batch job was granted, where no control group holds it to that: Slurm then adds up what each process
//! of the job has in memory, pages that several share once for each, and ends the job when that is too much. It asks no
//! batch system.

use super::memory;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What was counted so recently counts still: whoever frees many blocks asks for each.
const FRESH: Duration = Duration::from_millis(200);

/// A job's memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    /// The job's number.
    pub(super) id: String,
    /// What it may take on this node.
    pub(super) bytes: u64,
}

impl Granted {
    /// What the job around this process was granted, if there is one and its memory is limited.
    pub(super) fn here() -> Option<Self> {
        Self::of(&|name| env::var(name).ok())
    }

    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.parse::<u64>().ok();
        let id = variable("SLURM_JOB_ID").filter(|id| !id.is_empty())?;
        let by_cpu = || Some(number("SLURM_MEM_PER_CPU")?.saturating_mul(number("SLURM_CPUS_ON_NODE").unwrap_or(1)));
        // In MB; 0 is all that the node has.
        let megabytes = number("SLURM_MEM_PER_NODE").or_else(by_cpu).filter(|megabytes| *megabytes > 0)?;
        Some(Self { id, bytes: megabytes << 20 })
    }

    /// What is left of it.
    pub(super) fn free(&self) -> u64 {
        static COUNTED: AtomicU64 = AtomicU64::new(0);
        static AT: AtomicU64 = AtomicU64::new(0);
        let now = since_start();
        if AT.load(Ordering::Relaxed) + FRESH.as_millis() as u64 <= now {
            COUNTED.store(used(&format!("SLURM_JOB_ID={}", self.id)), Ordering::Relaxed);
            AT.store(now, Ordering::Relaxed);
        }
        self.bytes.saturating_sub(COUNTED.load(Ordering::Relaxed))
    }
}

/// Milliseconds since this was first asked for, and a little more, so that what was never counted is old.
fn since_start() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    (START.get_or_init(Instant::now).elapsed() + FRESH).as_millis() as u64
}

/// Bytes that all processes with this variable have in memory, as far as this user may look.
fn used(variable: &str) -> u64 {
    // SAFETY: a plain query.
    let own = unsafe { libc::geteuid() };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let own = numbers.filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == own));
    let of_job = own.filter(|entry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
    });
    of_job.map(|entry| memory::resident_of(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<Granted> {
        Granted::of(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_job_says_what_it_may_take() {
        assert_eq!(of(&[("SLURM_MEM_PER_NODE", "1000")]), None, "no job");
        let node = of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_NODE", "1000")]);
        assert_eq!(node, Some(Granted { id: "7".to_owned(), bytes: 1000 << 20 }));
        let cpu = of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_CPU", "600"), ("SLURM_CPUS_ON_NODE", "2")]);
        assert_eq!(cpu.map(|job| job.bytes), Some(1200 << 20));
        assert_eq!(of(&[("SLURM_JOB_ID", "7"), ("SLURM_MEM_PER_NODE", "0")]), None, "all of the node");
    }

    #[test]
    fn processes_with_a_variable_are_counted_and_no_others() {
        let mark = format!("FERROLAB_TEST_MARK={}", std::process::id());
        assert_eq!(used(&mark), 0);
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").env(name, value).spawn().unwrap();
        // A program that has just begun has nothing yet.
        let until = Instant::now() + Duration::from_secs(20);
        let mut counted = used(&mark);
        while counted < 4 << 10 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
            counted = used(&mark);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!((4 << 10..64 << 20).contains(&counted), "{counted}");
    }
}
