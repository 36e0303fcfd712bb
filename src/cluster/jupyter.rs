//! Which Jupyter this session belongs to: its Python, and the address below which its server answers.
//! It looks at `/proc` and at the file the server writes, and asks nobody.

use std::env;
use std::fs;
use std::path::PathBuf;

/// The process that started the kernel: the kernel is our parent, Jupyter is its.
fn process() -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{}/stat", std::os::unix::process::parent_id())).ok()?;
    status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The Python that Jupyter runs with, by the name it was started under: that is what tells a virtual
/// environment from the Python it was made of.
pub(super) fn python() -> Option<PathBuf> {
    let process = process()?;
    let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let first = line.split(|b| *b == 0).next()?;
    let path = PathBuf::from(String::from_utf8(first.to_vec()).ok()?);
    let is_python = path.file_name()?.to_string_lossy().starts_with("python");
    // One that was found by the search path is found by it here, too.
    let named = path.parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    let path = fs::read_link(format!("/proc/{process}/cwd")).ok()?.join(path);
    (is_python && named && path.is_file()).then_some(path)
}

/// The path below which Jupyter's server answers: JupyterHub says it, a server of one's own writes it
/// into a file, and else it is `/`.
pub(super) fn base() -> String {
    let hub = env::var("JUPYTERHUB_SERVICE_PREFIX").ok().filter(|v| !v.is_empty());
    hub.or_else(written).unwrap_or_else(|| "/".to_owned())
}

fn written() -> Option<String> {
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = variable("JUPYTER_RUNTIME_DIR")
        .or_else(|| variable("JUPYTER_DATA_DIR").map(|p| p.join("runtime")))
        .or_else(|| variable("XDG_DATA_HOME").map(|p| p.join("jupyter/runtime")))
        .or_else(|| variable("HOME").map(|p| p.join(".local/share/jupyter/runtime")))?;
    let text = fs::read_to_string(folder.join(format!("jpserver-{}.json", process()?))).ok()?;
    let server: serde_json::Value = serde_json::from_str(&text).ok()?;
    server["base_url"].as_str().map(str::to_owned)
}
