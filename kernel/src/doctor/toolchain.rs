//! Checks of rustc, cargo, the dynamic standard library and the linker. What the engine does with
//! them is not known here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ferrolab_engine::environment::Toolchain;
use ferrolab_system::limits;

use super::remedy::Machine;
use super::{Check, DoctorOptions, load};
use crate::ask::{ask, ask_within, find, is_executable};

/// The oldest rustc that can compile cells (edition 2024, and the lints the engine reads).
const OLDEST: (u32, u32) = (1, 91);

pub(super) fn checks(options: &DoctorOptions) -> Vec<Check> {
    let machine = Machine::here();
    let named = env::var_os("RUSTC").filter(|value| !value.is_empty()).map(PathBuf::from);
    let used = options.toolchain.as_ref().map(|toolchain| toolchain.rustc.clone());
    let rustc = used.or(named).or_else(|| program("rustc"));
    let beside =
        rustc.as_ref().and_then(|rustc| Some(rustc.parent()?.join("cargo"))).filter(|path| is_executable(path));
    let cargo = beside.or_else(|| program("cargo"));
    let get = machine.rust(rustc.as_deref());
    let mut checks = vec![versioned("rustc", rustc.as_deref(), &get), versioned("cargo", cargo.as_deref(), &get)];
    if let Some(rustc) = &rustc {
        checks.push(std_library(rustc, &get));
    }
    checks.push(compiler(options.toolchain.as_ref(), &machine));
    checks.push(linker(options.toolchain.as_ref(), &machine));
    if let Some(toolchain) = &options.toolchain {
        checks.push(links(toolchain, options));
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

fn versioned(name: &'static str, program: Option<&Path>, get: &str) -> Check {
    let Some(path) = program else {
        return Check::fail(name, "not found", get);
    };
    let at = path.display();
    let Some(answer) = ask(path, &["--version"]).filter(|answer| answer.success) else {
        return Check::fail(name, format!("{at} does not run"), get);
    };
    match version(&answer.text) {
        Some(found) if found >= OLDEST => Check::ok(name, format!("{}, {at}", answer.text)),
        _ => Check::fail(
            name,
            format!("{}, {at}; version {}.{} or later is needed", answer.text, OLDEST.0, OLDEST.1),
            get,
        ),
    }
}

/// The version in `rustc 1.95.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The standard library: as a shared object, or to be linked into the environment, as distributions have it.
fn std_library(rustc: &Path, get: &str) -> Check {
    const NAME: &str = "std";
    let Some(folder) = ask(rustc, &["--print", "target-libdir"]).filter(|answer| answer.success) else {
        return Check::fail(NAME, "rustc does not say where its libraries are", get);
    };
    let folder = PathBuf::from(folder.text);
    if let Some(file) = library(&folder, ".so") {
        return Check::ok(NAME, file.display().to_string());
    }
    if let Some(file) = library(&folder, ".rlib") {
        return Check::ok(NAME, format!("{}; the environment holds it", file.display()));
    }
    // Debian has it in a package of its own, for each of its two compilers.
    let apt = match Path::new("/var/lib/dpkg/info/rustc-web.list").exists() {
        true => "apt install libstd-rust-web-dev",
        false => "apt install libstd-rust-dev",
    };
    let get = if rustc.starts_with("/usr/bin") && find("apt").is_some() { apt } else { get };
    Check::fail(NAME, format!("no libstd in {}", folder.display()), get)
}

fn library(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is = |name: &str| name.starts_with("libstd-") && name.ends_with(ending);
    entries.map(|e| e.path()).find(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(is))
}

/// What cargo links with. Cells do without, where the toolchain has a linker.
fn compiler(toolchain: Option<&Toolchain>, machine: &Machine) -> Check {
    const NAME: &str = "linker cc";
    if let Some(cc) = find("cc").or_else(|| find("gcc")) {
        return tool(NAME, &cc);
    }
    if toolchain.is_some() {
        let detail = "not found; cells run without where an environment is there, but crates with build scripts or procedural macros are not built";
        return Check::warn(NAME, detail, machine.compiler());
    }
    Check::fail(NAME, "not found", machine.compiler())
}

/// What cells are linked with.
fn linker(toolchain: Option<&Toolchain>, machine: &Machine) -> Check {
    const NAME: &str = "linker ld";
    match (find("ld"), toolchain) {
        (Some(ld), _) => tool(NAME, &ld),
        (None, Some(toolchain)) => Check::ok(NAME, format!("the toolchain's, {}", toolchain.linker.program.display())),
        (None, None) => Check::fail(NAME, "not found", machine.compiler()),
    }
}

fn tool(name: &'static str, path: &Path) -> Check {
    let answer = ask(path, &["--version"]).filter(|answer| answer.success);
    let version = answer.and_then(|a| a.text.lines().next().map(str::to_owned));
    match version {
        Some(version) => Check::ok(name, format!("{version}, {}", path.display())),
        None => Check::fail(name, format!("{} does not run", path.display()), Machine::here().compiler()),
    }
}

/// The proof: a shared object of nothing, made the way cells are, and loaded from where they are.
fn links(toolchain: &Toolchain, options: &DoctorOptions) -> Check {
    const NAME: &str = "a test cell";
    let scratch = match tempfile::Builder::new().prefix("ferrolab-doctor-").tempdir() {
        Ok(scratch) => scratch,
        Err(e) => {
            let what = format!("could not write to {}: {e}", env::temp_dir().display());
            return Check::fail(NAME, what, "set TMPDIR to a directory with free space");
        }
    };
    let file = |name: &str| scratch.path().join(name);
    let (source, object, shared) = (file("cell.rs"), file("cell.o"), file("cell.so"));
    if let Err(e) = fs::write(&source, "#[unsafe(no_mangle)] pub extern \"C\" fn cell() {}\n") {
        let what = format!("could not write {}: {e}", source.display());
        return Check::fail(NAME, what, "set TMPDIR to a directory with free space");
    }
    let mut compile = Command::new(&toolchain.rustc);
    compile.args(["--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic", "--emit=obj"]);
    compile.arg(&source).arg("-o").arg(&object);
    for (what, mut command) in [("compile", compile), ("link", toolchain.linker.command(&[&object], &shared))] {
        match ask_within(crate::ask::PATIENCE, &mut command) {
            Some(answer) if answer.success => {}
            Some(answer) => return failed(what, &answer.text),
            None => return Check::fail(NAME, format!("it did not {what} in time"), "is the file system hanging?"),
        }
    }
    match loads(toolchain, &shared, options) {
        Ok(also) => Check::ok(NAME, format!("compiles and links{also}")),
        Err(failure) => Check::fail(NAME, failure.detail, failure.advice),
    }
}

fn failed(what: &str, said: &str) -> Check {
    let errors = said.lines().filter(|l| l.contains("error") || l.contains("ld:"));
    let mut shown: Vec<&str> = errors.take(4).collect();
    let limit = limits::explain(said);
    shown.extend(limit.as_deref());
    Check::fail("a test cell", format!("does not {what}"), shown.join("\n"))
}

/// Load the object from the cache, where compiled cells lie, or from the folder that will hold it.
fn loads(toolchain: &Toolchain, object: &Path, options: &DoctorOptions) -> Result<String, load::Failure> {
    let Some(folder) = options.cache.ancestors().find(|dir| dir.is_dir()) else { return Ok(String::new()) };
    let copy = folder.join(format!(".ferrolab-doctor-{}.so", std::process::id()));
    // That it cannot be written is told with the cache.
    let Ok(_) = fs::copy(object, &copy) else { return Ok(String::new()) };
    let objects: Vec<PathBuf> = toolchain.libstd.iter().cloned().chain([copy.clone()]).collect();
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
        for program in [None, Some(Path::new("/nowhere/rustc"))] {
            let check = versioned("rustc", program, "get it");
            assert_eq!((check.status, check.advice.as_deref()), (Status::Fail, Some("get it")));
        }
    }
}
