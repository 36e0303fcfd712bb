//! Checks of rustc, cargo, the dynamic standard library and the linker. What the engine does with
//! them is not known here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ferrolab_system::limits;

use super::{Check, DoctorOptions, load};
use crate::ask::{ask, find, is_executable};

/// The oldest rustc that can compile cells (edition 2024, and the lints the engine reads).
const OLDEST: (u32, u32) = (1, 91);

const GET_RUST: &str = "install Rust: curl https://sh.rustup.rs -sSf | sh\n\
    or, on a cluster: module load rust (see `module avail rust`)";

pub(super) fn checks(options: &DoctorOptions) -> Vec<Check> {
    let named = env::var_os("RUSTC").filter(|value| !value.is_empty()).map(PathBuf::from);
    let rustc = options.rustc.clone().or(named).or_else(|| program("rustc"));
    let beside =
        rustc.as_ref().and_then(|rustc| Some(rustc.parent()?.join("cargo"))).filter(|path| is_executable(path));
    let cargo = beside.or_else(|| program("cargo"));
    let mut checks = vec![versioned("rustc", rustc.as_deref()), versioned("cargo", cargo.as_deref())];
    if let Some(rustc) = &rustc {
        checks.push(dynamic_std(rustc));
    }
    checks.push(tool(
        "linker cc",
        "cc",
        "install a C compiler: apt install gcc, dnf install gcc,\n\
         conda install gcc_linux-64, or module load gcc",
    ));
    checks.push(tool("linker ld", "ld", "install binutils, which `cc` needs to link"));
    if let Some(rustc) = &rustc {
        checks.push(links(rustc, options));
    }
    checks
}

/// On `PATH`, or where rustup puts it: a kernel that JupyterHub starts often lacks that directory.
fn program(name: &str) -> Option<PathBuf> {
    find(name).or_else(|| {
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))?;
        Some(home.join("bin").join(name)).filter(|file| is_executable(file))
    })
}

fn versioned(name: &'static str, program: Option<&Path>) -> Check {
    let Some(path) = program else {
        return Check::fail(name, "not found", GET_RUST);
    };
    let at = path.display();
    let Some(answer) = ask(path, &["--version"]).filter(|answer| answer.success) else {
        return Check::fail(name, format!("{at} does not run"), GET_RUST);
    };
    match version(&answer.text) {
        Some(found) if found >= OLDEST => Check::ok(name, format!("{}, {at}", answer.text)),
        _ => Check::fail(
            name,
            format!("{}, {at}", answer.text),
            format!("version {}.{} or later is needed: rustup update stable", OLDEST.0, OLDEST.1),
        ),
    }
}

/// The version in `rustc 1.95.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn dynamic_std(rustc: &Path) -> Check {
    const NAME: &str = "dynamic std";
    const GET: &str = "cells share one standard library: use the toolchain of rustup\n\
        (rustup toolchain install stable), whose sysroot has libstd-*.so; Debian's packages have had none\n\
        since Rust 1.83";
    let Some(folder) = libraries(rustc) else {
        return Check::fail(NAME, "rustc does not say where its libraries are", GET);
    };
    match libstd(&folder) {
        Some(file) => Check::ok(NAME, file.display().to_string()),
        None => Check::fail(NAME, format!("no libstd-*.so in {}", folder.display()), GET),
    }
}

fn libraries(rustc: &Path) -> Option<PathBuf> {
    ask(rustc, &["--print", "target-libdir"]).filter(|answer| answer.success).map(|answer| answer.text.into())
}

fn libstd(folder: &Path) -> Option<PathBuf> {
    let shared = |name: &str| name.starts_with("libstd-") && (name.ends_with(".so") || name.ends_with(".dylib"));
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|e| e.path()).find(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(shared))
}

fn tool(name: &'static str, program: &str, get: &str) -> Check {
    let Some(path) = find(program) else {
        return Check::fail(name, "not found", get);
    };
    let answer = ask(&path, &["--version"]).filter(|answer| answer.success);
    let version = answer.and_then(|a| a.text.lines().next().map(str::to_owned));
    match version {
        Some(version) => Check::ok(name, format!("{version}, {}", path.display())),
        None => Check::fail(name, format!("{} does not run", path.display()), get),
    }
}

/// The proof: a shared object of nothing, made the way cells are, and loaded from where they are.
fn links(rustc: &Path, options: &DoctorOptions) -> Check {
    const NAME: &str = "a test cell";
    let dir = env::temp_dir().join(format!("ferrolab-doctor-{}", std::process::id()));
    let source = dir.join("cell.rs");
    let written = fs::create_dir_all(&dir)
        .and_then(|()| fs::write(&source, "#[unsafe(no_mangle)] pub extern \"C\" fn cell() {}\n"));
    if let Err(e) = written {
        return Check::fail(
            NAME,
            format!("could not write {}: {e}", source.display()),
            "set TMPDIR to a directory with free space",
        );
    }
    let (source, out) = (source.to_string_lossy(), dir.join("cell.so"));
    let out = out.to_string_lossy();
    let arguments = ["--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic", &source, "-o", &out];
    let answer = ask(rustc, &arguments);
    let loaded = match &answer {
        Some(answer) if answer.success => loads(rustc, Path::new(&*out), options),
        _ => Ok(String::new()),
    };
    // What is left in the temporary directory harms nobody.
    let _ = fs::remove_dir_all(&dir);
    match answer {
        Some(answer) if answer.success => match loaded {
            Ok(also) => Check::ok(NAME, format!("compiles and links{also}")),
            Err(failure) => Check::fail(NAME, failure.detail, failure.advice),
        },
        Some(answer) => {
            let errors = answer.text.lines().filter(|l| l.contains("error") || l.contains("ld:"));
            let mut shown: Vec<&str> = errors.take(4).collect();
            let limit = limits::explain(&answer.text);
            shown.extend(limit.as_deref());
            Check::fail(NAME, "does not compile", shown.join("\n"))
        }
        None => Check::fail(NAME, "rustc did not end", "is the file system hanging?"),
    }
}

/// Load the object from the cache, where compiled cells lie, or from the folder that will hold it.
fn loads(rustc: &Path, object: &Path, options: &DoctorOptions) -> Result<String, load::Failure> {
    let std = libraries(rustc).and_then(|folder| libstd(&folder));
    let Some(folder) = options.cache.ancestors().find(|dir| dir.is_dir()) else { return Ok(String::new()) };
    let copy = folder.join(format!(".ferrolab-doctor-{}.so", std::process::id()));
    // That it cannot be written is told with the cache.
    let Ok(_) = fs::copy(object, &copy) else { return Ok(String::new()) };
    let objects: Vec<PathBuf> = std.into_iter().chain([copy.clone()]).collect();
    let loaded = load::all(&options.exe, &objects);
    // What cannot be removed could not have been made.
    let _ = fs::remove_file(&copy);
    loaded.map(|()| format!(", and loads from {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("rustc 1.95.0 (abc 2026-03-21)"), Some((1, 95)));
        assert_eq!(version("cargo 1.90.0-beta.1"), Some((1, 90)));
        assert_eq!(version("what"), None);
    }

    #[test]
    fn a_missing_toolchain_is_a_failure_with_advice() {
        let check = versioned("rustc", None);
        assert_eq!(check.status, Status::Fail);
        assert!(check.advice.is_some());
        let check = versioned("rustc", Some(Path::new("/nowhere/rustc")));
        assert_eq!(check.status, Status::Fail);
    }
}
