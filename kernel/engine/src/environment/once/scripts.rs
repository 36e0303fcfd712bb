//! One run of a build script, or what an equal one made before: its output and its `OUT_DIR`. Whether a kept run
//! still holds follows cargo's own rules (`rerun-if-…`).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::{Identity, Origins, Store, content, dependent, end_like};

/// A script that downloads or builds more than this is run again.
const LARGEST: u64 = 1 << 30;
const MADE: &str = "made";

/// Variables whose beginnings say that cargo set them for the script.
const OF_CARGO: [&str; 2] = ["CARGO_", "DEP_"];
/// But these are about the run, not about what is made.
const OF_THE_RUN: [&str; 9] = [
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_TERM_",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_LOG",
    "CARGO_HOME",
];
/// What scripts look at without saying so.
const OTHERS: [&str; 17] = [
    "TARGET",
    "HOST",
    "OPT_LEVEL",
    "PROFILE",
    "DEBUG",
    "RUSTC",
    "RUSTC_LINKER",
    "PATH",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "AR",
    "PKG_CONFIG_PATH",
    "LIBRARY_PATH",
    "CPATH",
    "OUT_DIR",
];

pub(super) fn run(store: &Store, program: &Path, arguments: &[OsString]) -> ExitCode {
    let mut command = Command::new(program);
    command.args(arguments);
    let (Some(key), Some(folder)) = (key(store, program), env::var_os("OUT_DIR").map(PathBuf::from)) else {
        return super::become_it(command);
    };
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let guard = store.lock(&key, &format!("the build script of {package}"));
    if let Some((entry, record)) = store.find(&key)
        && copy(&entry.join(MADE), &folder).is_ok()
    {
        eprint!("{}", store.here(&record.errors));
        // Nothing else can be done for a cargo that does not read.
        drop(io::stdout().write_all(store.here(&record.out).as_bytes()));
        return ExitCode::SUCCESS;
    }
    let output = dependent(&mut command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output);
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("cannot run {}: {error}", program.display());
            return ExitCode::FAILURE;
        }
    };
    // As above.
    drop(io::stderr().write_all(&output.stderr));
    drop(io::stdout().write_all(&output.stdout));
    if !output.status.success() {
        drop(guard);
        return end_like(output.status);
    }
    let text = |bytes: &[u8]| store.anywhere(&String::from_utf8_lossy(bytes));
    let mut record = Origins { out: text(&output.stdout), errors: text(&output.stderr), ..Origins::default() };
    note_inputs(store, &String::from_utf8_lossy(&output.stdout), &mut record);
    if weight(&folder) <= LARGEST {
        store.keep(&key, &record, |stage| copy(&folder, &stage.join(MADE)));
    }
    ExitCode::SUCCESS
}

fn key(store: &Store, program: &Path) -> Option<String> {
    let mut variables: Vec<String> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, store.anywhere(&value.to_string_lossy()))))
        .filter(|(name, _)| {
            let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
            OTHERS.contains(&name.as_str()) || (begins(&OF_CARGO) && !begins(&OF_THE_RUN))
        })
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    variables.sort();
    let directory = env::current_dir().ok()?;
    let identity = Identity::default().part("script 2").part(content(program).ok()?);
    Some(identity.part(store.anywhere(&directory.to_string_lossy())).parts(variables).finish())
}

/// What the script says that it depends on; without a word of it, cargo takes the whole package.
fn note_inputs(store: &Store, out: &str, record: &mut Origins) {
    let mut said = false;
    for line in out.lines() {
        let Some(line) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else { continue };
        if let Some(path) = line.strip_prefix("rerun-if-changed=") {
            said = true;
            record.read(store, path.trim());
        } else if let Some(name) = line.strip_prefix("rerun-if-env-changed=") {
            said = true;
            record.variables.insert(name.trim().to_owned(), store.variable(name.trim()));
        }
    }
    if !said {
        record.read(store, ".");
    }
}

fn weight(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => weight(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Copy a tree with its links.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&from, &to)?;
            continue;
        }
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied_with_their_links_and_over_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("below")).expect("a folder");
        fs::write(from.join("below/file"), "text").expect("a file");
        std::os::unix::fs::symlink("file", from.join("below/link")).expect("a link");
        for _ in 0..2 {
            copy(&from, &to).expect("a copy");
        }
        assert_eq!(fs::read_to_string(to.join("below/link")).expect("the link"), "text");
        assert_eq!(weight(&from), 4 + 4);
    }

    #[test]
    fn a_silent_script_depends_on_its_package() {
        let store = Store { folder: "/s".into(), target: "/t".into(), package: None };
        let mut record = Origins::default();
        note_inputs(&store, "cargo:rustc-cfg=x\n", &mut record);
        assert!(record.inputs.contains_key("."));
        let mut record = Origins::default();
        note_inputs(&store, "cargo::rerun-if-changed=build.rs\ncargo:rerun-if-env-changed=NO_SUCH\n", &mut record);
        assert!(record.inputs.contains_key("build.rs") && record.variables.contains_key("NO_SUCH"));
    }
}
