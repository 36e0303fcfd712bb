//! Following a file: what is in it after each save. The file's times and size are looked at ten times a second, because a
//! network file system tells nobody what another machine writes. Nothing here knows what the file means.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// An editor that is still writing gets as long as this.
const SETTLE: Duration = Duration::from_millis(40);

/// What tells one state of a file from another.
type Stamp = (u64, i64, i64, u64);

#[derive(Default)]
struct Inner {
    saved: Option<Vec<u8>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one file until it is dropped.
pub(super) struct Follower {
    shared: Arc<Shared>,
}

impl Follower {
    /// Reads the file, and follows it. `on_save` is called with what is in it after each save, before anybody takes it.
    ///
    /// # Errors
    /// When the file cannot be read, or the system refuses a thread.
    pub(super) fn start(path: &Path, on_save: impl Fn(&[u8]) + Send + 'static) -> io::Result<(Self, Vec<u8>)> {
        let (stamp, first) = settled(path)?;
        let shared = Arc::new(Shared::default());
        let (theirs, path) = (shared.clone(), path.to_path_buf());
        thread::Builder::new().name("follow".into()).spawn(move || follow(&theirs, &path, stamp, &on_save))?;
        Ok((Self { shared }, first))
    }

    /// What was saved and not taken yet: the newest state.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.shared.inner().saved.take()
    }

    /// Waits for a save, but no longer than this.
    pub(super) fn wait(&self, most: Duration) {
        let inner = self.shared.inner();
        if inner.saved.is_none() {
            drop(self.shared.changed.wait_timeout(inner, most));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.inner().closed = true;
    }
}

fn follow(shared: &Shared, path: &PathBuf, mut seen: Stamp, on_save: &dyn Fn(&[u8])) {
    loop {
        thread::sleep(PAUSE);
        if shared.inner().closed {
            return;
        }
        // A file that is away for a moment is being replaced.
        if fs::metadata(path).is_ok_and(|now| stamp(&now) == seen) {
            continue;
        }
        let Ok((stamp, content)) = settled(path) else { continue };
        seen = stamp;
        on_save(&content);
        shared.inner().saved = Some(content);
        shared.changed.notify_all();
    }
}

/// What is in the file when nobody has written to it for a moment.
fn settled(path: &Path) -> io::Result<(Stamp, Vec<u8>)> {
    loop {
        let before = stamp(&fs::metadata(path)?);
        thread::sleep(SETTLE);
        let content = fs::read(path)?;
        if stamp(&fs::metadata(path)?) == before {
            return Ok((before, content));
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn saves_are_seen_however_an_editor_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.rs");
        fs::write(&path, "one").expect("a file");
        let (tell, told) = channel();
        let on_save = move |content: &[u8]| drop(tell.send(content.to_vec()));
        let (follower, first) = Follower::start(&path, on_save).expect("a follower");
        assert_eq!(first, b"one");
        let next = || told.recv_timeout(Duration::from_secs(20)).expect("a save is seen");
        fs::write(&path, "longer").expect("written in place");
        assert_eq!(next(), b"longer");
        let other = folder.path().join("other");
        fs::write(&other, "second").expect("a file");
        fs::rename(&other, &path).expect("put in its place");
        assert_eq!(next(), b"second");
        while follower.take().is_some_and(|newest| newest != b"second") {
            follower.wait(Duration::from_secs(20));
        }
    }
}
