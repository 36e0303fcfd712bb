//! What cells made in this process and a copy of its memory does not hold: threads, children, open
//! descriptors. It is looked at before each snapshot, with the number of the cell that made it, so that it can be
//! told what a failure would take away, and what it took.

use std::fs;

use super::descriptors::{self, Open};
use super::own;

/// What was there at a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    threads: Vec<Started>,
    children: Vec<Started>,
    pub(crate) open: Vec<Open>,
}

/// A thread or a child process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Started {
    number: i32,
    name: String,
    /// The cell after which it was first seen.
    cell: u32,
}

impl World {
    /// Looks again; what is new was made by `cell`.
    pub(crate) fn look(&mut self, cell: u32, kept: &[i32]) {
        self.threads = look(threads(), &self.threads, cell, thread_name);
        self.children = look(children(), &self.children, cell, process_name);
        self.open = descriptors::look(kept, &self.open, cell);
    }

    /// In a copy that took over: threads and children were the other process's.
    pub(crate) fn of_a_copy(&self) -> Self {
        Self { open: self.open.clone(), ..Self::default() }
    }

    /// What of it lives in this process, and would be lost with it; sentence parts.
    pub(crate) fn alive(&self) -> Vec<String> {
        let (threads, children) = (threads(), children());
        // Their names are asked for again: threads name themselves some time after they begin.
        let alive = |all: &[Started], now: &[i32], name: fn(i32) -> String| {
            let alive = all.iter().filter(|made| now.contains(&made.number));
            alive.map(|made| Started { name: name(made.number), ..made.clone() }).collect()
        };
        let (threads, children) =
            (alive(&self.threads, &threads, thread_name), alive(&self.children, &children, process_name));
        Self { threads, children, open: Vec::new() }.describe()
    }

    /// Its threads and children, in words; those of one name and cell are counted.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let unnamed = thread_name(std::process::id() as i32);
        let mut threads = self.threads.clone();
        threads.sort_by(|a, b| (a.cell, &a.name).cmp(&(b.cell, &b.name)));
        for group in threads.chunk_by(|a, b| a.cell == b.cell && a.name == b.name) {
            let Started { name, cell, .. } = &group[0];
            // One without a name has that of the thread that started it.
            let name = if *name == unnamed { String::new() } else { format!(" `{name}`") };
            words.push(match group.len() {
                1 => format!("thread{name} of cell [{cell}]"),
                n => format!("{n} threads{name} of cell [{cell}]"),
            });
        }
        let child =
            |Started { number, name, cell }: &Started| format!("child process `{name}` ({number}) of cell [{cell}]");
        words.extend(self.children.iter().map(child));
        words
    }
}

fn look(now: Vec<i32>, before: &[Started], cell: u32, name: impl Fn(i32) -> String) -> Vec<Started> {
    let made = now.into_iter().map(|number| {
        let cell = before.iter().find(|made| made.number == number).map_or(cell, |made| made.cell);
        // Threads name themselves some time after they begin.
        Started { number, name: name(number), cell }
    });
    made.collect()
}

fn numbers(folder: &str) -> Vec<i32> {
    let Ok(folder) = fs::read_dir(folder) else { return Vec::new() };
    folder.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// Threads that are not ours.
fn threads() -> Vec<i32> {
    let ours = own::threads();
    numbers("/proc/self/task").into_iter().filter(|number| !ours.contains(number)).collect()
}

fn thread_name(number: i32) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{number}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn process_name(number: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// Child processes that are not ours, those included that have ended and wait for somebody to ask how.
fn children() -> Vec<i32> {
    let mut information = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: looks without reaping; fails when there is no child at all, which is the usual case.
    if unsafe { libc::waitid(libc::P_ALL, 0, information.as_mut_ptr(), options) } != 0 {
        return Vec::new();
    }
    let ours = own::children();
    let all = listed_children().unwrap_or_else(searched_children);
    all.into_iter().filter(|number| !ours.contains(&(*number as u32))).collect()
}

/// As the system lists them, where it does.
fn listed_children() -> Option<Vec<i32>> {
    let mut all = Vec::new();
    for thread in numbers("/proc/self/task") {
        let text = fs::read_to_string(format!("/proc/self/task/{thread}/children")).ok()?;
        all.extend(text.split_whitespace().filter_map(|word| word.parse::<i32>().ok()));
    }
    Some(all)
}

fn searched_children() -> Vec<i32> {
    let me = std::process::id().to_string();
    let is_mine = |number: &i32| {
        let Ok(status) = fs::read_to_string(format!("/proc/{number}/stat")) else { return false };
        // The name in parentheses may hold anything; after it come state and parent.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(me.as_str())
    };
    numbers("/proc").into_iter().filter(is_mine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_children_of_a_cell_are_named() {
        let (tell, wait) = std::sync::mpsc::channel::<()>();
        let service = std::thread::Builder::new().name("service-of-7".into()).spawn(move || wait.recv());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("coreutils");
        let mut world = World::default();
        world.look(7, &[]);
        // Both take their names some time after they begin.
        std::thread::sleep(std::time::Duration::from_millis(100));
        world.look(8, &[]);
        let alive = world.alive();
        assert!(alive.iter().any(|word| word == "thread `service-of-7` of cell [7]"), "{alive:?}");
        let wanted = format!("child process `sleep` ({}) of cell [7]", child.id());
        assert!(alive.contains(&wanted), "{alive:?}");
        child.kill().expect("it runs");
        assert!(world.alive().contains(&wanted), "somebody may still ask how it ended");
        child.wait().expect("it is ours");
        drop(tell);
        drop(service.expect("a thread").join());
        let alive = world.alive();
        assert!(!alive.iter().any(|word| word.contains("service-of-7") || word == &wanted), "{alive:?}");
    }
}
