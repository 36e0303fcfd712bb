//! What a session leaves when it ends: programs that cells started and nobody waited for, workers of
//! clusters, compilers. They get a moment to end by themselves, then they are ended. Whatever was given a
//! session of its own, or ignores SIGHUP (`nohup`), was set free on purpose and stays.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Runners, the Dask client and its workers notice by themselves that the session is over, and take this long.
const PATIENCE: Duration = Duration::from_secs(4);
/// What cannot even be killed (a file system that hangs) is left after this long.
const LAST: Duration = Duration::from_secs(6);
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    free: bool,
}

/// End all descendants of this process, which adopts orphans, but for those that are free.
pub fn end() {
    let me = std::process::id().cast_signed();
    let began = Instant::now();
    let mut asked = HashSet::new();
    loop {
        let left = held(&processes(), me);
        if left.is_empty() {
            return;
        }
        let late = began.elapsed() > PATIENCE;
        for process in &left {
            // Programs of cells are in the runner's group; it is them that nobody tells. What is ours, and
            // the Dask client in a group of its own, knows better when to end.
            let of_a_cell = process.group == process.session && process.pid != process.session && !is_ours(process.pid);
            let signal = match (late, of_a_cell) {
                (true, _) => libc::SIGKILL,
                (false, true) if asked.insert(process.pid) => libc::SIGTERM,
                (false, _) => continue,
            };
            // SAFETY: a plain signal to a descendant that was there a moment ago. Its id cannot be
            // another's now, unless ids wrapped around within that moment.
            unsafe { libc::kill(process.pid, signal) };
        }
        if began.elapsed() > LAST {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// The descendants of `root` that are not free.
fn held(all: &[Process], root: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<&Process>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(pid) = open.pop() {
        for process in children.get(&pid).into_iter().flatten().filter(|process| !process.free) {
            found.push((*process).clone());
            open.push(process.pid);
        }
    }
    found
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| look(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn look(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X" | "x") {
        return None;
    }
    let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
    let (parent, group, session) = (number(1)?, number(2)?, number(3)?);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignores_hangup = ignored & (1 << (libc::SIGHUP - 1)) != 0;
    let free = !is_ours(pid) && (session == pid || (ignores_hangup && !we_ignore_hangup()));
    Some(Process { pid, parent, group, session, free })
}

/// Is it this program: a runner or one of its copies?
fn is_ours(pid: i32) -> bool {
    let program = |path: &Path| -> Option<PathBuf> { fs::read_link(path).ok() };
    let theirs = program(&PathBuf::from(format!("/proc/{pid}/exe")));
    theirs.is_some() && theirs == program(Path::new("/proc/self/exe"))
}

/// Under `nohup`, everything does.
fn we_ignore_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (libc::SIGHUP - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_free_stays_with_all_that_it_started() {
        let process = |pid, parent, free| Process { pid, parent, group: 1, session: 1, free };
        let all = [
            process(2, 1, false),
            process(3, 2, false),
            process(4, 2, true),
            process(5, 4, false),
            process(9, 8, false),
        ];
        let mut found: Vec<i32> = held(&all, 1).iter().map(|process| process.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [2, 3]);
    }
}
