//! One rustc run of cargo's, or what an equal one made before. Only runs that make a crate count;
//! questions, and what build scripts try out, go straight to rustc.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::super::helper;
use super::{Identity, Origins, SCRIPT, Store, become_it, compiler, content, dependent, end_like, value_of};

/// What cargo tells a crate of its package.
const PACKAGE: [&str; 5] =
    ["CARGO_PKG_", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];

/// A crate that cargo wants to have.
struct Unit<'a> {
    /// `serde-0a1b`: the files' common name.
    stem: String,
    folder: PathBuf,
    name: &'a str,
    arguments: &'a [OsString],
}

pub(super) fn compile(store: &Store, rustc: &OsStr, arguments: &[OsString]) -> ExitCode {
    let arguments = &placeless(arguments)[..];
    let mut command = compiler(rustc);
    command.args(arguments);
    let Some(unit) = Unit::read(store, arguments) else { return become_it(command) };
    let Some(key) = unit.key(store) else { return become_it(command) };
    let guard = store.lock(&key, &unit.told());
    if let Some((entry, record)) = store.find(&key)
        && unit.place(store, &entry).is_ok()
    {
        eprint!("{}", store.here(&record.errors));
        return ExitCode::SUCCESS;
    }
    match run(&mut command) {
        Ok((status, errors)) if status.success() => {
            unit.keep(store, &key, errors);
            unit.stand_before_script();
            ExitCode::SUCCESS
        }
        Ok((status, _)) => {
            drop(guard);
            end_like(status)
        }
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", command.get_program().display());
            ExitCode::FAILURE
        }
    }
}

/// For cargo, where a package lies is a part of what it is, when it comes from no registry. Names of functions are made
/// of that, and those of the helper crate have to be the same in every cache, and for every processor.
fn placeless(arguments: &[OsString]) -> Vec<OsString> {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    if ![helper::NAME, helper::BASE].contains(&package.as_str()) {
        return arguments.to_vec();
    }
    let identity = OsString::from(format!("metadata={}", &helper::hash()[..16]));
    let one = |argument: &OsString| {
        let is_identity = argument.to_str().is_some_and(|text| text.starts_with("metadata="));
        if is_identity { identity.clone() } else { argument.clone() }
    };
    arguments.iter().map(one).collect()
}

/// Run it to its end; its words go on as they come, since cargo starts others when metadata is there.
fn run(command: &mut Command) -> io::Result<(std::process::ExitStatus, String)> {
    let mut child = dependent(command).stderr(Stdio::piped()).spawn()?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut reader = BufReader::new(stderr);
        let mut at = 0;
        while reader.read_until(b'\n', &mut said)? > 0 {
            io::stderr().write_all(&said[at..])?;
            at = said.len();
        }
    }
    Ok((child.wait()?, String::from_utf8_lossy(&said).into_owned()))
}

impl<'a> Unit<'a> {
    fn read(store: &Store, arguments: &'a [OsString]) -> Option<Self> {
        let name = value_of(arguments, "--crate-name")?;
        let extra = value_of(arguments, "extra-filename")?;
        let folder = PathBuf::from(value_of(arguments, "--out-dir")?);
        let plain = arguments.iter().all(|argument| {
            argument
                .to_str()
                .is_some_and(|text| !text.starts_with('@') && !text.starts_with("incremental=") && text != "--test")
        });
        let ours = folder.starts_with(&store.target) && env::var_os("CARGO_PKG_NAME").is_some();
        (plain && ours).then(|| Self { stem: format!("{name}{extra}"), folder, name, arguments })
    }

    fn is_script(&self) -> bool {
        self.name.starts_with("build_script_") && value_of(self.arguments, "--crate-type") == Some("bin")
    }

    fn told(&self) -> String {
        let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
        if self.is_script() { format!("the build script of {package}") } else { package }
    }

    /// A hash of all that decides what comes out, as far as it is known beforehand.
    fn key(&self, store: &Store) -> Option<String> {
        let mut identity =
            Identity::default().part("crate 2").part(store.anywhere(&env::current_dir().ok()?.to_string_lossy()));
        let mut texts = self.arguments.iter().filter_map(|argument| argument.to_str());
        let mut folders: Vec<&Path> = Vec::new();
        while let Some(text) = texts.next() {
            identity = identity.part(store.anywhere(text));
            match text {
                "--extern" => {
                    let value = texts.next()?;
                    identity = identity.part(store.anywhere(value));
                    if let Some((_, path)) = value.split_once('=') {
                        identity = identity.part(content(Path::new(path)).ok()?);
                    }
                }
                "-L" => {
                    let value = texts.next()?;
                    identity = identity.part(store.anywhere(value));
                    folders.push(Path::new(value.split_once('=').map_or(value, |(_, path)| path)));
                }
                "-l" => {
                    // C code that a build script made, and that goes into the crate.
                    let value = texts.next()?;
                    identity = identity.part(value);
                    let name = value.rsplit(['=', ':']).next().unwrap_or(value);
                    let archive =
                        folders.iter().map(|folder| folder.join(format!("lib{name}.a"))).find(|path| path.is_file());
                    if let Some(archive) = archive {
                        identity = identity.part(content(&archive).ok()?);
                    }
                }
                _ => {}
            }
        }
        let mut variables: Vec<(String, String)> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, store.anywhere(&value.to_string_lossy()))))
            .filter(|(name, _)| PACKAGE.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        variables.sort();
        Some(identity.parts(variables.iter().map(|(name, value)| format!("{name}={value}"))).finish())
    }

    /// The files that belong to the crate in a folder.
    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let rest = name.strip_prefix("lib").and_then(|name| name.strip_prefix(&self.stem));
            let rest = rest.or_else(|| name.strip_prefix(&self.stem));
            if rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && rest != ".real")) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Put kept files where cargo wants them. Copies: what a build touches must be older nowhere else.
    fn place(&self, store: &Store, entry: &Path) -> io::Result<()> {
        let files = self.files(entry)?;
        if files.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        for from in files {
            let to = self.folder.join(from.file_name().unwrap_or_default());
            match fs::remove_file(&to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            if from.extension().is_some_and(|extension| extension == "d") {
                fs::write(&to, store.here(&fs::read_to_string(&from)?))?;
            } else {
                fs::copy(&from, &to)?;
            }
        }
        self.stand_before_script();
        Ok(())
    }

    fn keep(&self, store: &Store, key: &str, errors: String) {
        let mut record = Origins { errors: store.anywhere(&errors), ..Origins::default() };
        let Ok(info) = fs::read_to_string(self.folder.join(format!("{}.d", self.stem))) else { return };
        read_info(store, &info, &mut record);
        store.keep(key, &record, |stage| {
            for from in self.files(&self.folder)? {
                let to = stage.join(from.file_name().unwrap_or_default());
                if from.extension().is_some_and(|extension| extension == "d") {
                    fs::write(&to, store.anywhere(&info))?;
                } else {
                    // rustc and linkers make new files instead of writing into these.
                    fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop))?;
                }
            }
            Ok(())
        });
    }

    /// What cargo will start as the build script asks us first. A failure leaves the script itself.
    fn stand_before_script(&self) {
        if !self.is_script() {
            return;
        }
        let script = self.folder.join(&self.stem);
        let real = self.folder.join(format!("{}.real", self.stem));
        let Ok(program) = env::current_exe() else { return };
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
        let (program, quoted_real) = (quoted(&program), quoted(&real));
        let text = format!(
            "#!/bin/sh\n# What it makes is made once for all builds that need the same.\n\
             if [ -n \"${}\" ] && [ -x {program} ]; then exec {program} {SCRIPT} {quoted_real} \"$@\"; fi\n\
             exec {quoted_real} \"$@\"\n",
            super::STORE
        );
        let shim = script.with_extension("shim");
        let written = fs::write(&shim, text)
            .and_then(|()| fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)))
            .and_then(|()| fs::rename(&script, &real))
            .and_then(|()| fs::rename(&shim, &script).inspect_err(|_| drop(fs::rename(&real, &script))));
        if written.is_err() {
            drop(fs::remove_file(&shim));
        }
    }
}

/// What rustc says that it read: files, and variables.
fn read_info(store: &Store, info: &str, record: &mut Origins) {
    for line in info.lines() {
        if let Some(rest) = line.strip_prefix("# env-dep:") {
            let name = rest.split_once('=').map_or(rest, |(name, _)| name);
            record.variables.insert(name.to_owned(), store.variable(name));
        } else if let Some(path) = line.strip_suffix(':').filter(|line| !line.contains(": ")) {
            // Each file it read stands alone on a line once more; spaces are escaped.
            record.read(store, &path.replace("\\ ", " "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rustc_read_is_read_from_its_notes() {
        let store = Store { folder: "/s".into(), target: "/t".into(), package: None };
        let info = "/t/deps/x.d: src/lib.rs /t/out/y.rs\n\nsrc/lib.rs:\n/t/out/y\\ z.rs:\n\n# env-dep:PATH=/bin\n# env-dep:NOT_SET\n";
        let mut record = Origins::default();
        read_info(&store, info, &mut record);
        assert_eq!(record.inputs.keys().collect::<Vec<_>>(), ["src/lib.rs", "{target}/out/y z.rs"]);
        assert_eq!(record.variables.keys().collect::<Vec<_>>(), ["NOT_SET", "PATH"]);
    }
}
