//! One builder at a time for each thing that is built, across processes and machines.
//!
//! File locks where the file system has them; where it has none (some NFS and Lustre mounts) a
//! directory, whose creation is atomic everywhere, with a note of who made it. Not a lock for
//! threads of one process that share a handle.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::cache::{failed, remove_all};
use super::error::EnvironmentError;

const POLL: Duration = Duration::from_millis(100);
/// A directory lock of another machine that nobody touched for this long is abandoned.
const STALE: Duration = Duration::from_secs(20 * 60);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Guard(Hold);

#[derive(Debug)]
enum Hold {
    /// Released by the system when the file closes, even if the process is killed.
    File {
        _file: File,
    },
    Directory(PathBuf),
}

impl Guard {
    /// Take the lock at `path`. `waiting` is called again and again while someone else holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made, or `cancelled` was set while waiting.
    pub fn take(path: &Path, waiting: &mut dyn FnMut(), cancelled: &AtomicBool) -> Result<Self, EnvironmentError> {
        loop {
            if let Some(guard) = Self::attempt(path)? {
                return Ok(guard);
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(EnvironmentError::cancelled());
            }
            waiting();
            thread::sleep(POLL);
        }
    }

    /// Take the lock at `path` if nobody holds it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn attempt(path: &Path) -> Result<Option<Self>, EnvironmentError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(path).map_err(|e| failed("open the lock file", path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Hold::File { _file: file }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(TryLockError::Error(_)) => Self::attempt_directory(path),
        }
    }

    fn attempt_directory(path: &Path) -> Result<Option<Self>, EnvironmentError> {
        let directory = path.with_extension("lockdir");
        match fs::create_dir(&directory) {
            Ok(()) => {
                let note = format!("{} {}", std::process::id(), host());
                let owner = directory.join("owner");
                let guard = Self(Hold::Directory(directory));
                fs::write(&owner, note).map_err(|e| failed("write", &owner, &e))?;
                Ok(Some(guard))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if abandoned(&directory) {
                    // Renaming first makes one of several waiting processes the remover.
                    let grave = directory.with_extension(format!("stale-{}", std::process::id()));
                    if fs::rename(&directory, &grave).is_ok() {
                        drop(remove_all(&grave));
                        return Self::attempt_directory(path);
                    }
                }
                Ok(None)
            }
            Err(error) => Err(failed("lock", &directory, &error)),
        }
    }

    /// Say that the holder is still at work. Only directory locks need it.
    pub fn touch(&self) {
        if let Hold::Directory(path) = &self.0 {
            let note = format!("{} {}", std::process::id(), host());
            // A failure only makes the lock look older.
            drop(fs::write(path.join("owner"), note));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Hold::Directory(path) = &self.0 {
            drop(remove_all(path));
        }
    }
}

fn abandoned(directory: &Path) -> bool {
    let owner = directory.join("owner");
    let age = |path: &Path| -> Option<Duration> {
        let modified = fs::metadata(path).ok()?.modified().ok()?;
        SystemTime::now().duration_since(modified).ok()
    };
    let Ok(note) = fs::read_to_string(&owner) else {
        // Between making the directory and writing the note; or killed right there.
        return age(directory).is_some_and(|age| age > Duration::from_secs(60));
    };
    let Some((pid, machine)) = note.split_once(' ') else {
        return age(&owner).is_some_and(|age| age > STALE);
    };
    match pid.parse::<libc::pid_t>() {
        Ok(pid) if machine == host() && pid > 0 => {
            // SAFETY: signal 0 sends nothing; it only asks whether the process exists.
            let alive = unsafe { libc::kill(pid, 0) } == 0;
            !alive && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
        }
        _ => age(&owner).is_some_and(|age| age > STALE),
    }
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_can_be_cancelled() {
        let path = std::env::temp_dir().join(format!("ferrolab-lock-{}", std::process::id()));
        let cancelled = AtomicBool::new(false);
        let first = Guard::take(&path, &mut || {}, &cancelled).expect("free");
        let mut told = 0;
        cancelled.store(true, Ordering::Relaxed);
        assert!(Guard::take(&path, &mut || told += 1, &cancelled).is_err());
        cancelled.store(false, Ordering::Relaxed);
        drop(first);
        assert!(Guard::take(&path, &mut || told += 1, &cancelled).is_ok());
        assert_eq!(told, 0);
        drop(fs::remove_file(&path));
    }

    #[test]
    fn a_directory_lock_of_a_dead_process_is_taken_over() {
        let path = std::env::temp_dir().join(format!("ferrolab-lockdir-{}", std::process::id()));
        let directory = path.with_extension("lockdir");
        fs::create_dir_all(&directory).expect("create");
        // Above the largest process id Linux hands out.
        fs::write(directory.join("owner"), format!("{} {}", 1 << 23, host())).expect("write");
        let guard = Guard::attempt_directory(&path).expect("no error").expect("stale");
        guard.touch();
        drop(guard);
        assert!(!directory.exists());
    }
}
