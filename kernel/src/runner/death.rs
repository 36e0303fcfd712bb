//! How a process ended: reaping our children, and the words for their last status.

use std::sync::{Mutex, PoisonError};

use ferrolab_system::limits::Limit;

/// Children whose end nobody waits for: copies that were not needed, keepers whose process has ended.
static ENDING: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Reap these when they end.
pub(super) fn reap_later(pids: impl IntoIterator<Item = i32>) {
    let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    ending.extend(pids.into_iter().filter(|pid| *pid > 0));
    ending.retain(|pid| !try_reap(*pid));
}

/// Wait for a child's end; its status, when it was ours.
pub(super) fn reap(pid: i32) -> Option<i32> {
    let mut status = 0;
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: waits for our own child, or for one that became ours as its reaper; the record is of
    // plain numbers, for which zeros are valid.
    let (done, used) = unsafe {
        let done = libc::wait4(pid, &mut status, 0, used.as_mut_ptr());
        (done, used.assume_init())
    };
    if done == pid && libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL && out_of_time(&used) {
        // Where the hard limit is the soft one, the system kills at once instead of telling.
        return Some(libc::SIGXCPU);
    }
    (done == pid).then_some(status)
}

/// Did a process use the CPU time it may use?
fn out_of_time(used: &libc::rusage) -> bool {
    let seconds = |time: &libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let all = seconds(&used.ru_utime) + seconds(&used.ru_stime);
    // The system counts in ticks, and kills a little early (seen: 1.83 s of 2).
    Limit::CpuTime.value().is_some_and(|limit| all >= limit as f64 * 0.85 - 0.2)
}

/// Was it ended by the signal with which batch systems begin to end all processes of a job?
pub(super) fn asked_to_end(status: Option<i32>) -> bool {
    status.is_some_and(|status| libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGTERM)
}

/// Reap a child if it has ended.
pub(super) fn try_reap(pid: i32) -> bool {
    let ended = has_ended(pid);
    if ended {
        reap(pid);
    }
    ended
}

/// Has a child ended? It is not reaped.
fn has_ended(pid: i32) -> bool {
    let mut information = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: looks at our own child without reaping it; the zeroed record stays so when it lives.
    unsafe {
        libc::waitid(libc::P_PID, pid as libc::id_t, information.as_mut_ptr(), options) != 0
            || information.assume_init().si_pid() == pid
    }
}

/// Does a process live, whoever its parent is? One that waits to be reaped by us does not.
pub(super) fn lives(pid: i32) -> bool {
    // SAFETY: signal 0 asks whether the process is there, and sends nothing.
    let is_there = pid > 0 && unsafe { libc::kill(pid, 0) } == 0;
    let mut information = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: as in `has_ended`.
    let waits = is_there
        && unsafe {
            libc::waitid(libc::P_PID, pid as libc::id_t, information.as_mut_ptr(), options) == 0
                && information.assume_init().si_pid() == pid
        };
    is_there && !waits
}

/// What a status means to the user.
pub(super) fn describe(status: Option<i32>) -> String {
    let Some(status) = status else { return "it ended".to_owned() };
    if libc::WIFEXITED(status) {
        return format!("the cell called exit({})", libc::WEXITSTATUS(status));
    }
    match libc::WTERMSIG(status) {
        libc::SIGSEGV => "segmentation fault (SIGSEGV): the cell touched memory that is not its own".to_owned(),
        libc::SIGSTKFLT => {
            "stack overflow: a function of the cell calls itself too deeply, or keeps too large an array on the stack"
                .to_owned()
        }
        libc::SIGABRT => {
            "aborted (SIGABRT): memory could not be allocated, a panic in a destructor, or a call of abort()".to_owned()
        }
        libc::SIGKILL => "killed (SIGKILL), most likely because memory ran out".to_owned(),
        libc::SIGBUS => "bus error (SIGBUS): a mapped file was cut short, or the disk behind it is full".to_owned(),
        libc::SIGFPE => "arithmetic fault (SIGFPE)".to_owned(),
        libc::SIGILL => "illegal instruction (SIGILL)".to_owned(),
        libc::SIGXCPU => match Limit::CpuTime.named() {
            Some(limit) => format!("out of CPU time (SIGXCPU): {limit} was hit; raise it where Jupyter is started"),
            None => "out of CPU time (SIGXCPU): the cell set a limit, or somebody sent the signal".to_owned(),
        },
        libc::SIGXFSZ => match Limit::FileSize.named() {
            Some(limit) => {
                format!("a file grew too large (SIGXFSZ): {limit} was hit; raise it where Jupyter is started")
            }
            None => "a file grew too large (SIGXFSZ): the cell set a limit, or somebody sent the signal".to_owned(),
        },
        signal => format!("ended by signal {signal}"),
    }
}
