//! The folder of a bridge: its socket, its log and its program, for its user's eyes only. And the
//! folders of bridges that were killed: they are removed when the next one starts.

use crate::executor::Error;
use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How the folders' names begin: then come the process that made it, and a time.
const PREFIX: &str = "ferrolab-";
/// In which a bridge writes its process number.
pub(super) const OWNER: &str = "owner.pid";

/// Where such folders are made, the best place first.
fn places() -> impl Iterator<Item = PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_dir());
    runtime.into_iter().chain([env::temp_dir(), PathBuf::from("/tmp")])
}

/// A socket's address has room for so many bytes, the last one a zero.
const LONGEST: usize = 108;
/// The bridge's socket; while it is being made it has a longer name.
pub(super) const SOCKET: &str = "bridge.sock";

/// A folder that nobody else can enter. The bridge removes it at its end.
pub(super) fn make() -> Result<PathBuf, Error> {
    places().for_each(|place| sweep(&place));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let name = format!("{PREFIX}{}-{now:x}", std::process::id());
    let mut why = None;
    for place in places() {
        let folder = place.join(&name);
        if folder.join(SOCKET).as_os_str().len() + ".new".len() >= LONGEST {
            why = Some(io::Error::new(
                io::ErrorKind::InvalidFilename,
                format!("{} is too long for a socket", folder.display()),
            ));
            continue;
        }
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) => why = Some(e),
        }
    }
    let why = why.map_or_else(String::new, |e| e.to_string());
    Err(Error::refused(format!("no temporary folder for the Dask client: {why}; set TMPDIR to one you can write to")))
}

/// Removes what bridges left that were killed. What cannot be removed stays.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let folder = entry.path();
        if is_stale(&folder) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Is it one of our folders, which no process needs any more?
fn is_stale(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix(PREFIX));
    let Some((maker, time)) = name.and_then(|rest| rest.split_once('-')) else { return false };
    let (Ok(maker), Ok(_)) = (maker.parse::<u32>(), u128::from_str_radix(time, 16)) else { return false };
    // A link is not followed, and another user's folder is none of our business.
    let Ok(meta) = fs::symlink_metadata(folder) else { return false };
    // SAFETY: it has no conditions.
    if !meta.is_dir() || meta.uid() != unsafe { libc::geteuid() } {
        return false;
    }
    // A snapshot may have taken over from the runner that made it, so the bridge itself counts; where it
    // has not said who it is, because it starts or because it is of an older release, its maker does.
    let owner = fs::read_to_string(folder.join(OWNER)).ok().and_then(|text| text.trim().parse::<u32>().ok());
    !is_running(owner.unwrap_or(maker), folder)
}

/// Is there a process of this number, and is it one of ours? Numbers are used again.
fn is_running(process: u32, folder: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{process}/cmdline")) else {
        return Path::new(&format!("/proc/{process}")).exists();
    };
    let has = |text: &[u8]| line.windows(text.len()).any(|w| w == text);
    has(folder.as_os_str().as_encoded_bytes()) || has(b"ferrolab")
}

pub(super) fn private() -> OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
}

pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    private().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_ours_that_nobody_needs_are_removed() {
        let place = env::temp_dir().join(format!("sweep-{}", std::process::id()));
        fs::create_dir(&place).unwrap();
        let gone = {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let me = std::process::id();
        let [stale, running, taken_over, other, foreign] = [
            format!("ferrolab-{gone}-1a"),
            format!("ferrolab-{me}-1b"),
            format!("ferrolab-{gone}-1c"),
            "ferrolab-notes".into(),
            "x".into(),
        ]
        .map(|name| place.join(name));
        for folder in [&stale, &running, &taken_over, &other, &foreign] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("bridge.log"), "").unwrap();
        }
        fs::write(taken_over.join(OWNER), me.to_string()).unwrap();
        std::os::unix::fs::symlink(&foreign, place.join(format!("ferrolab-{gone}-1d"))).unwrap();
        sweep(&place);
        assert!(!stale.exists());
        assert!([&running, &taken_over, &other, &foreign].iter().all(|folder| folder.join("bridge.log").exists()));
        fs::remove_dir_all(&place).unwrap();
    }
}
