//! Limits that the system puts on this process and its children (`ulimit`), by name and value: which
//! are low, and which one an error message of any program points to. It sets none, but for one
//! signal that would end the kernel where a write can fail instead.

use std::fs;

/// A limit that users run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `ulimit -v`.
    AddressSpace,
    /// `ulimit -d`.
    Data,
    /// `ulimit -u`.
    Processes,
    /// `ulimit -t`.
    CpuTime,
    /// `ulimit -f`.
    FileSize,
    /// `ulimit -n`.
    OpenFiles,
}

const ALL: [Limit; 6] =
    [Limit::AddressSpace, Limit::Data, Limit::Processes, Limit::CpuTime, Limit::FileSize, Limit::OpenFiles];
const MEMORY: [Limit; 2] = [Limit::AddressSpace, Limit::Data];

/// What programs print when memory is refused.
const NO_MEMORY: &[&str] = &[
    "Cannot allocate memory",
    "cannot allocate memory",
    "memory allocation of ",
    "memory allocation failed",
    "memory exhausted",
    "ut of memory",
    "bad_alloc",
    "os error 12",
    "failed to reserve memory",
    // rustc and the loader, when a file cannot be mapped; that no code may be, is looked at before.
    "only metadata stub found for",
    "failed to map segment from shared object",
];
/// When a process or thread is refused.
const NO_PROCESS: &[&str] = &[
    "Resource temporarily unavailable",
    "os error 11",
    "failed to spawn thread",
    "can't spawn worker thread",
    "no thread for the engine",
    "Cannot fork",
    "cannot fork",
];
/// When a file would become too large.
const NO_ROOM: &[&str] = &["File too large", "os error 27", "SIGXFSZ", "signal: 25", "File size limit exceeded"];
/// When a descriptor is refused; that the whole system has no more is not this process's limit.
const NO_FILE: &[&str] = &["Too many open files (", "Too many open files\n", "os error 24"];
/// When time is up.
const NO_TIME: &[&str] = &["SIGXCPU", "signal: 24", "CPU time limit exceeded", "Cputime limit exceeded"];
/// When somebody ended it; the hard limit on time does that as well.
const KILLED: &[&str] = &["signal: 9", "SIGKILL", "signal 9"];

impl Limit {
    /// The value that is in force; none when there is no limit.
    pub fn value(self) -> Option<u64> {
        let resource = match self {
            Self::AddressSpace => libc::RLIMIT_AS,
            Self::Data => libc::RLIMIT_DATA,
            Self::Processes => libc::RLIMIT_NPROC,
            Self::CpuTime => libc::RLIMIT_CPU,
            Self::FileSize => libc::RLIMIT_FSIZE,
            Self::OpenFiles => libc::RLIMIT_NOFILE,
        };
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a valid record to write to.
        let known = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
        (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
    }

    /// `the limit on address space (ulimit -v, 4 GB)`, when there is one.
    pub fn named(self) -> Option<String> {
        let value = self.value()?;
        Some(format!("the limit on {} (ulimit {}, {})", self.what(), self.option(), self.shown(value)))
    }

    /// In a few words, `address space 4 GB (ulimit -v)`, when it is lower than is good for a kernel.
    pub fn low(self) -> Option<String> {
        let value = self.value().filter(|value| *value < self.enough())?;
        Some(format!("{} {} (ulimit {})", self.what(), self.shown(value), self.option()))
    }

    /// What it is for, as shells name it.
    pub fn option(self) -> &'static str {
        match self {
            Self::AddressSpace => "-v",
            Self::Data => "-d",
            Self::Processes => "-u",
            Self::CpuTime => "-t",
            Self::FileSize => "-f",
            Self::OpenFiles => "-n",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::AddressSpace => "address space",
            Self::Data => "data",
            Self::Processes => "processes and threads",
            Self::CpuTime => "CPU time of a process",
            Self::FileSize => "the size of a file",
            Self::OpenFiles => "open files",
        }
    }

    /// Below this, ordinary cells run into it.
    fn enough(self) -> u64 {
        match self {
            Self::AddressSpace | Self::Data => 16 << 30,
            Self::Processes => 512,
            Self::CpuTime => 3600,
            Self::FileSize => 2 << 30,
            Self::OpenFiles => 256,
        }
    }

    /// What a shell is to be told to raise it to.
    fn raised(self) -> &'static str {
        // This one always has a bound.
        if self == Self::OpenFiles { "65536" } else { "unlimited" }
    }

    fn shown(self, value: u64) -> String {
        match self {
            Self::Processes | Self::OpenFiles => value.to_string(),
            Self::CpuTime => format!("{value} s"),
            Self::AddressSpace | Self::Data | Self::FileSize => bytes(value),
        }
    }
}

/// Limits that are low, for a look before work begins.
pub fn low() -> Vec<(Limit, String)> {
    ALL.into_iter().filter_map(|limit| Some((limit, limit.low()?))).collect()
}

/// Which limits a text that a program printed, or a description of its end, points to: a sentence for the
/// user, or none when there is no such limit.
pub fn explain(text: &str) -> Option<String> {
    let has = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let mut suspects: Vec<Limit> = Vec::new();
    let mut sure = true;
    if has(NO_ROOM) {
        suspects.push(Limit::FileSize);
    }
    if has(NO_FILE) {
        suspects.push(Limit::OpenFiles);
    }
    if has(NO_TIME) {
        suspects.push(Limit::CpuTime);
    } else if has(KILLED) {
        sure = false;
        suspects.push(Limit::CpuTime);
    }
    if has(NO_MEMORY) {
        suspects.extend(MEMORY);
    }
    if has(NO_PROCESS) {
        // A thread's stack is address space; where there is none, the same error says so.
        suspects.extend(MEMORY);
        suspects.extend(Some(Limit::Processes).filter(|_| processes_are_few()));
    }
    suspects.dedup();
    let named: Vec<String> = suspects.iter().filter_map(|limit| limit.named()).collect();
    let pids = || has(NO_PROCESS).then(group_of_processes).flatten();
    let named = if named.is_empty() { vec![pids()?] } else { named };
    let was = if sure { "was hit" } else { "was most likely hit" };
    let mut said = format!("{} {was}: raise it where Jupyter is started", named.join(" or "));
    if let Some(limit) = suspects.iter().find(|limit| limit.value().is_some()) {
        // A shell has to be told in the units it has; all of them know this word.
        said.push_str(&format!(" (`ulimit {} {}`)", limit.option(), limit.raised()));
    }
    said.push_str(", or ask whoever runs this machine or batch system");
    Some(said)
}

/// The system always has a limit on processes; it is named only when it can have been hit.
fn processes_are_few() -> bool {
    let Some(limit) = Limit::Processes.value() else { return false };
    limit < 4096 || tasks() * 2 > limit
}

/// Threads of this user.
fn tasks() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(me) = fs::metadata("/proc/self").map(|meta| meta.uid()) else { return 0 };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.metadata().is_ok_and(|meta| meta.uid() == me));
    let threads = ours.filter_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse::<u64>().ok()
    });
    threads.sum()
}

/// The control group's limit, which batch systems and containers set.
fn group_of_processes() -> Option<String> {
    let table = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = table.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = std::path::Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let least =
        folder.ancestors().filter_map(|f| fs::read_to_string(f.join("pids.max")).ok()?.trim().parse::<u64>().ok());
    Some(format!("the control group's limit on processes and threads (pids.max, {})", least.min()?))
}

/// A stack of this size, or as much of it as the address space leaves room for.
pub fn stack(wanted: usize) -> usize {
    let room = MEMORY.iter().filter_map(|limit| limit.value()).min();
    let part = room.map_or(usize::MAX, |room| usize::try_from(room / 16).unwrap_or(usize::MAX));
    wanted.min(part.max(8 << 20))
}

/// Where files may not grow, a write is to fail and not to end the process. Children inherit it.
pub fn let_writes_fail() {
    // SAFETY: a plain disposition, set before any thread is started.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// A panic for want of a thread names the limit.
pub fn name_in_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if let Some(said) = explain(&panic.to_string()) {
            eprintln!("ferrolab: {said}");
        }
    }));
}

/// A size as people say it.
fn bytes(value: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    let Some((unit, size)) = UNITS.into_iter().find(|(_, size)| value >= *size) else {
        return format!("{value} bytes");
    };
    let number = value as f64 / size as f64;
    if value.is_multiple_of(size) { format!("{number:.0} {unit}") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_as_people_do() {
        assert_eq!(
            [bytes(4 << 30), bytes(1536 << 20), bytes(100 << 10), bytes(12)],
            ["4 GB", "1.5 GB", "100 KB", "12 bytes"]
        );
    }

    #[test]
    fn without_a_limit_nothing_is_named() {
        if Limit::FileSize.value().is_none() {
            assert_eq!(explain("error: File too large (os error 27)"), None);
        }
        assert_eq!(explain("error[E0308]: mismatched types"), None);
    }

    #[test]
    fn stacks_shrink_only_under_a_limit() {
        if MEMORY.iter().all(|limit| limit.value().is_none()) {
            assert_eq!(stack(512 << 20), 512 << 20);
        }
    }
}
