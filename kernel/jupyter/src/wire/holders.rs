//! Who holds this kernel: the Jupyter server that JPY_PARENT_PID names, and the wrappers between it and
//! this process. When one of them is gone, nobody can reach the kernel any more. What happens then is
//! decided elsewhere; a kernel that nobody named, or that was set free on purpose, is left alone.
//!
//! jupyter_client names itself in JPY_PARENT_PID and keeps the other end of the kernel's standard
//! input. The first counts when it is an ancestor, whatever is between (`bash`, `conda run`); the second where
//! process ids mean nothing, because there is another namespace (apptainer) or machine (srun)
//! between. A wrapper that dies alone ends the kernel, too: for Jupyter the wrapper is the kernel,
//! and another one is started on the same ports.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread;

/// Without descriptors for processes, this often are they looked at, in milliseconds.
const LOOK: i32 = 1000;
/// More ancestors than this have no kernel.
const DEEPEST: usize = 64;

/// A process, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
    /// When it began; a later process of the same id has another time.
    began: u64,
    ended: bool,
    ignores_hangup: bool,
}

/// What tells that the kernel is held no longer.
#[derive(Debug, PartialEq, Eq)]
enum Hold {
    /// Nothing: it stays.
    Nothing,
    /// The end of a process, or for a server whose id means nothing here, of the pipe.
    Processes {
        server: Option<Process>,
        wrappers: Vec<Process>,
        /// Somebody put the kernel into a session of its own: without its wrappers it stays.
        detached: bool,
        pipe: bool,
    },
    /// It was gone before we looked.
    Gone,
}

/// Call `gone` when the kernel is held no longer; never, when nobody holds it from the start.
///
/// # Errors
/// When the system refuses a thread.
pub(super) fn watch(gone: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let named = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.parse::<i32>().ok()).filter(|pid| *pid > 0);
    let Some(named) = named else { return Ok(()) };
    let hold = find(named, pipe_of_stdin(), &look);
    let Hold::Processes { server, wrappers, detached, pipe } = hold else {
        if hold == Hold::Gone {
            gone();
        }
        return Ok(());
    };
    let watching = move || {
        if follow(server, wrappers, detached, pipe) {
            gone();
        }
    };
    thread::Builder::new().name("holders".into()).spawn(watching).map(drop)
}

/// The state of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pipe {
    None,
    Open,
    /// Whoever had the other end is gone.
    Closed,
}

fn find(named: i32, pipe: Pipe, look: &dyn Fn(i32) -> Option<Process>) -> Hold {
    let me = std::process::id().cast_signed();
    let Some(me) = look(me) else { return Hold::Nothing };
    let mut wrappers: Vec<Process> = Vec::new();
    let mut server = None;
    let mut above = me.parent;
    while above > 0 && wrappers.len() < DEEPEST {
        let Some(process) = look(above).or_else(|| hidden_parent(above, named, &me)) else { break };
        above = process.parent;
        if process.pid == named {
            server = Some(process);
            break;
        }
        wrappers.push(process);
    }
    let Some(server) = server else {
        return match pipe {
            Pipe::Open => Hold::Processes { server: None, wrappers: Vec::new(), detached: true, pipe: true },
            // A name that was inherited from an old terminal comes without a pipe.
            Pipe::Closed if look(named).is_none_or(|process| process.ended) => Hold::Gone,
            Pipe::Closed | Pipe::None => Hold::Nothing,
        };
    };
    // `nohup` was between; when the server itself runs under it, that says nothing.
    if me.ignores_hangup && !server.ignores_hangup {
        return Hold::Nothing;
    }
    let launched = wrappers.last().unwrap_or(&me);
    let detached = launched.session != me.session;
    // The first process of a container, or of one within: it outlives us in any case.
    let first = server.pid == 1;
    let pipe = first && pipe == Pipe::Open;
    if first && wrappers.is_empty() && !pipe {
        return Hold::Nothing;
    }
    Hold::Processes { server: Some(server).filter(|_| !first), wrappers, detached, pipe }
}

/// Where processes of others cannot be seen, one's own parent is known all the same.
fn hidden_parent(pid: i32, named: i32, me: &Process) -> Option<Process> {
    let seen = Process { pid, parent: 0, began: 0, ended: false, ..me.clone() };
    (pid == named && pid == me.parent).then_some(seen)
}

/// Wait until the kernel is held no longer. False when it is to stay.
fn follow(mut server: Option<Process>, wrappers: Vec<Process>, detached: bool, pipe: bool) -> bool {
    let mut pipe = pipe;
    let mut ends: Vec<(Process, Option<OwnedFd>)> = Vec::new();
    for process in server.iter().chain(&wrappers) {
        ends.push((process.clone(), descriptor(process.pid)));
    }
    loop {
        // Looked at before each wait: a process may have ended before its descriptor was there.
        if server.as_ref().is_some_and(|server| !lives(server)) {
            return true;
        }
        if wrappers.iter().any(|wrapper| !lives(wrapper)) {
            // A server that ends takes its wrappers with it, in any order.
            thread::sleep(std::time::Duration::from_millis(200));
            return !detached || server.take().is_some_and(|server| !lives(&server));
        }
        if server.is_none() && wrappers.is_empty() && !pipe {
            return false;
        }
        let mut polled: Vec<libc::pollfd> =
            ends.iter().filter_map(|(_, end)| Some(event(end.as_ref()?.as_raw_fd(), libc::POLLIN))).collect();
        if pipe {
            // Only its end matters, which is always told.
            polled.push(event(0, 0));
        }
        let all = ends.iter().all(|(_, end)| end.is_some());
        // SAFETY: a valid array of its own length; the descriptors are open, and a closed one is reported.
        unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, if all { -1 } else { LOOK }) };
        if pipe
            && let Some(last) = polled.last()
            && last.revents != 0
        {
            if last.revents & libc::POLLHUP != 0 {
                return true;
            }
            pipe = false;
        }
    }
}

fn event(fd: i32, events: libc::c_short) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}

/// Does it still run? One that has ended and was not waited for does not.
fn lives(process: &Process) -> bool {
    if process.began == 0 {
        return std::os::unix::process::parent_id().cast_signed() == process.pid;
    }
    look(process.pid).is_some_and(|now| now.began == process.began && !now.ended)
}

/// A descriptor that becomes readable when the process ends; none on systems without.
fn descriptor(pid: i32) -> Option<OwnedFd> {
    // SAFETY: a system call with plain numbers; a descriptor it returns is new and ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: as above.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn pipe_of_stdin() -> Pipe {
    let Ok(meta) = fs::metadata("/proc/self/fd/0") else { return Pipe::None };
    let kind = std::os::unix::fs::FileTypeExt::is_fifo(&meta.file_type())
        || std::os::unix::fs::FileTypeExt::is_socket(&meta.file_type());
    if !kind {
        return Pipe::None;
    }
    let mut polled = event(0, 0);
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut polled, 1, 0) };
    if polled.revents & libc::POLLHUP != 0 { Pipe::Closed } else { Pipe::Open }
}

fn look(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignores_hangup = ignored & (1 << (libc::SIGHUP - 1)) != 0;
    Some(Process {
        pid,
        parent: number(1)?,
        session: number(3)?,
        began: fields.get(19)?.parse().ok()?,
        ended,
        ignores_hangup,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Processes by id: parent, session, ignores SIGHUP.
    fn world(list: &[(i32, i32, i32, bool)]) -> impl Fn(i32) -> Option<Process> {
        let list = list.to_vec();
        move |pid| {
            let me = std::process::id().cast_signed();
            let pid = if pid == me { 9 } else { pid };
            let (id, parent, session, ignores_hangup) = *list.iter().find(|(id, ..)| *id == pid)?;
            Some(Process { pid: id, parent, session, began: 5, ended: false, ignores_hangup })
        }
    }

    fn held(hold: &Hold) -> Option<(bool, usize, bool, bool)> {
        match hold {
            Hold::Processes { server, wrappers, detached, pipe } => {
                Some((server.is_some(), wrappers.len(), *detached, *pipe))
            }
            Hold::Nothing | Hold::Gone => None,
        }
    }

    #[test]
    fn the_server_is_found_behind_wrappers() {
        let direct = world(&[(9, 5, 9, false), (5, 1, 5, false)]);
        assert_eq!(held(&find(5, Pipe::Open, &direct)), Some((true, 0, false, false)));
        let wrapped = world(&[(9, 8, 7, false), (8, 7, 7, false), (7, 5, 7, false), (5, 1, 5, false)]);
        assert_eq!(held(&find(5, Pipe::Open, &wrapped)), Some((true, 2, false, false)));
        let own_session = world(&[(9, 7, 9, false), (7, 5, 7, false), (5, 1, 5, false)]);
        assert_eq!(held(&find(5, Pipe::None, &own_session)), Some((true, 1, true, false)));
    }

    #[test]
    fn what_was_started_by_hand_stays() {
        let stale = world(&[(9, 8, 8, false), (8, 1, 8, false), (1, 0, 1, false)]);
        assert_eq!(find(77, Pipe::None, &stale), Hold::Nothing);
        let nohup = world(&[(9, 8, 8, true), (8, 5, 8, false), (5, 1, 5, false)]);
        assert_eq!(find(5, Pipe::None, &nohup), Hold::Nothing);
        let server_under_nohup = world(&[(9, 8, 8, true), (8, 5, 8, true), (5, 1, 5, true)]);
        assert!(held(&find(5, Pipe::None, &server_under_nohup)).is_some());
    }

    #[test]
    fn a_pipe_tells_where_ids_mean_nothing() {
        let inside = world(&[(9, 1, 9, false), (1, 0, 1, false)]);
        assert_eq!(held(&find(4711, Pipe::Open, &inside)), Some((false, 0, true, true)));
        assert_eq!(find(4711, Pipe::Closed, &inside), Hold::Gone);
        let container = world(&[(9, 1, 9, false), (1, 0, 1, false)]);
        assert_eq!(find(1, Pipe::None, &container), Hold::Nothing);
        assert_eq!(held(&find(1, Pipe::Open, &container)), Some((false, 0, false, true)));
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let me = look(std::process::id().cast_signed()).expect("ourselves");
        assert!(lives(&me) && !lives(&Process { began: me.began + 1, ..me.clone() }));
    }
}
