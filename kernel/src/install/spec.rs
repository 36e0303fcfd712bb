//! One kernelspec: its `kernel.json`, its logos, reading it back, and writing it so that Jupyter
//! never sees half of one. It does not decide where kernelspecs live.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use serde_json::{Map, Value, json};

use crate::cli::Engine;

const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../../resources/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../resources/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../../resources/logo-svg.svg")),
];

/// A kernelspec on disk.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Name of its directory, which is the kernel's name.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// Its name in menus.
    pub(crate) display_name: String,
    /// The program it starts.
    pub(crate) exe: PathBuf,
    /// Whether `ferrolab install` wrote it.
    pub(crate) ours: bool,
}

/// The name in the form Jupyter stores it.
///
/// # Errors
/// A sentence for the user when Jupyter would not accept it.
pub(crate) fn valid_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // Jupyter's pattern admits `.` and `..`, which are no names of directories to write or remove.
    if name.is_empty() || !name.chars().all(allowed) || name.chars().all(|c| c == '.') {
        return Err(format!("\"{name}\" cannot be a kernel's name: use letters, digits, `.`, `_` and `-`"));
    }
    Ok(name.to_ascii_lowercase())
}

/// The text of `kernel.json`.
pub(crate) fn kernel_json(exe: &Path, engine: Engine, display_name: &str, env: &[(String, String)]) -> String {
    let exe = exe.to_string_lossy().into_owned();
    let mut argv: Vec<String> = vec![exe, "kernel".into()];
    if engine != Engine::default() {
        argv.extend(["--engine", engine.word()].map(str::to_owned));
    }
    argv.extend(["-f", "{connection_file}"].map(str::to_owned));
    let env: Map<String, Value> = env.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let spec = json!({
        "argv": argv,
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "env": env,
        "metadata": {
            "debugger": false,
            // Jupyter ignores it; it is how `uninstall` knows its own.
            "ferrolab": { "version": env!("CARGO_PKG_VERSION") },
        },
    });
    format!("{spec:#}\n")
}

/// Reads the kernelspec in a directory; `None` when there is none that Jupyter could use.
pub(crate) fn read(dir: &Path) -> Option<Found> {
    let spec: Value = serde_json::from_slice(&fs::read(dir.join("kernel.json")).ok()?).ok()?;
    Some(Found {
        name: dir.file_name()?.to_str()?.to_owned(),
        dir: dir.to_path_buf(),
        display_name: spec["display_name"].as_str().unwrap_or_default().to_owned(),
        exe: spec["argv"][0].as_str()?.into(),
        ours: spec["metadata"]["ferrolab"].is_object(),
    })
}

/// Writes a kernelspec with its logos into `kernels`, in place of one of that name. Everyone may
/// read it, whatever the umask is: a site-wide kernel that only root can read helps nobody.
///
/// # Errors
/// Those of the file system; what was there before is still there then.
pub(crate) fn write(kernels: &Path, name: &str, json: &str) -> io::Result<()> {
    create_readable(kernels)?;
    // `~` is not allowed in a kernel's name, so Jupyter does not list the unfinished directory.
    let fresh = kernels.join(format!("~{name}.{}", std::process::id()));
    let outcome = fill(&fresh, json).and_then(|()| swap(&fresh, &kernels.join(name)));
    match (fs::remove_dir_all(&fresh), outcome) {
        (_, Err(e)) => Err(e),
        (Err(e), Ok(())) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn fill(dir: &Path, json: &str) -> io::Result<()> {
    fs::create_dir(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    let files = LOGOS.iter().copied().chain([("kernel.json", json.as_bytes())]);
    for (name, bytes) in files {
        let file = dir.join(name);
        fs::write(&file, bytes)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Puts `fresh` where `target` is; `fresh` is what was there before, or gone, afterwards.
fn swap(fresh: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(fresh, target);
    }
    // Not every file system can exchange two directories in one step (NFS cannot).
    if rustix::fs::renameat_with(CWD, fresh, CWD, target, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    let aside = fresh.with_extension("old");
    fs::rename(target, &aside)?;
    if let Err(e) = fs::rename(fresh, target) {
        fs::rename(&aside, target)?;
        return Err(e);
    }
    fs::rename(&aside, fresh)
}

/// Creates the directories that are missing, readable by everyone.
fn create_readable(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|d| !d.exists()).collect();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            Err(_) => {}
            Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_jupyter_accepts() {
        assert_eq!(valid_name("Rust-1.90_x").as_deref(), Ok("rust-1.90_x"));
        for bad in ["", ".", "..", "a/b", "a b", "ü", "~a"] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_json_says_what_jupyter_needs() {
        let text = kernel_json(Path::new("/x/ferrolab"), Engine::Direct, "R", &[("K".into(), "V".into())]);
        let spec: Value = serde_json::from_str(&text).unwrap();
        let argv = json!(["/x/ferrolab", "kernel", "-f", "{connection_file}"]);
        assert_eq!(spec["argv"], argv);
        let other: Value = serde_json::from_str(&kernel_json(Path::new("/x/f"), Engine::Evcxr, "R", &[])).unwrap();
        assert_eq!(other["argv"], json!(["/x/f", "kernel", "--engine", "evcxr", "-f", "{connection_file}"]));
        assert_eq!(spec["interrupt_mode"], "message");
        assert_eq!(spec["env"], json!({"K": "V"}));
        assert_eq!(spec["metadata"]["debugger"], false);
    }
}
