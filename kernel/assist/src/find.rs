//! Connection files: reading one that can be trusted, and finding that of the kernel which runs a notebook. It opens no
//! socket.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jupyter_protocol::ConnectionInfo;

/// Reads a connection file.
///
/// # Errors
/// When it is none, or somebody else's, for the user.
pub(crate) fn read(path: &Path) -> Result<ConnectionInfo, String> {
    let at = path.display();
    let metadata = fs::metadata(path).map_err(|e| format!("{at}: {e}"))?;
    // SAFETY: a plain query.
    let own = unsafe { libc::geteuid() };
    if metadata.uid() != own {
        return Err(format!("{at} belongs to somebody else; a kernel of your own has one of yours"));
    }
    let text = fs::read(path).map_err(|e| format!("{at}: {e}"))?;
    serde_json::from_slice(&text).map_err(|e| format!("{at} is not a connection file of a kernel: {e}"))
}

/// A kernel of the user's that runs now.
struct Running {
    connection: PathBuf,
    /// The notebook that Jupyter started it for.
    session: Option<String>,
}

/// The connection file of the kernel that runs a notebook.
///
/// # Errors
/// When there is none, or more than one, with those that there are.
pub(crate) fn of_notebook(path: &Path) -> Result<PathBuf, String> {
    let running = running();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string();
    let is_it = |exact: bool| {
        let found = running.iter().filter(|kernel| {
            kernel.session.as_deref().is_some_and(|session| match exact {
                true => session == whole || whole.ends_with(&format!("/{}", session.trim_start_matches('/'))),
                false => session.rsplit('/').next() == Some(&name),
            })
        });
        found.collect::<Vec<_>>()
    };
    let found = match is_it(true) {
        exact if exact.is_empty() => is_it(false),
        exact => exact,
    };
    match found.as_slice() {
        [one] => Ok(one.connection.clone()),
        [] => Err(format!("no kernel runs {}; {}", path.display(), listed(&running))),
        _ => Err(format!("several kernels run {name}; name one by its connection file; {}", listed(&running))),
    }
}

fn listed(running: &[Running]) -> String {
    if running.is_empty() {
        return "no kernel of Ferrolab runs on this machine for you".to_owned();
    }
    let each = |kernel: &Running| {
        let session = kernel.session.as_deref().unwrap_or("a session without a notebook");
        format!("\n  {session}: --kernel {}", kernel.connection.display())
    };
    format!("these run:{}", running.iter().map(each).collect::<String>())
}

/// The kernels that run, as /proc has them: who may not look at a process does not see it.
fn running() -> Vec<Running> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| kernel(&entry.path())).collect()
}

fn kernel(process: &Path) -> Option<Running> {
    let command = fs::read(process.join("cmdline")).ok()?;
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    words.get(1).filter(|verb| **verb == b"kernel")?;
    let program = PathBuf::from(String::from_utf8_lossy(words[0]).into_owned());
    program.file_name().filter(|name| name.to_string_lossy().starts_with("ferrolab"))?;
    let flag = words.iter().position(|word| *word == b"-f" || *word == b"--connection-file")?;
    let connection = PathBuf::from(String::from_utf8_lossy(words.get(flag + 1)?).into_owned());
    let environment = fs::read(process.join("environ")).ok()?;
    let variable = |name: &str| {
        let found = environment.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(name.as_bytes()));
        found.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    Some(Running { connection, session: variable("JPY_SESSION_NAME=") })
}
