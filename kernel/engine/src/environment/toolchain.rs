//! Finding the Rust toolchain: the real rustc and cargo behind rustup's proxies, the dynamic
//! standard library, a linker. It runs nothing but questions (`--print sysroot`, `-vV`).

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::error::{EnvironmentError, EnvironmentFault};
use super::note::{self, Question};
use super::site::{self, Site};
use super::used;

/// The oldest rustc whose edition and file formats the engine is made for.
const OLDEST: (u32, u32) = (1, 91);

/// A program that turns one object file into a shared object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linker {
    /// Absolute path.
    pub program: PathBuf,
    /// Arguments that come first, before `-o out input…`. They make a shared object whose panics
    /// can unwind (`--eh-frame-hdr`); symbols of libstd and the layers stay open until `dlopen`.
    pub arguments: Vec<String>,
    /// Archives that come last.
    pub libraries: Vec<PathBuf>,
}

impl Linker {
    /// The command that links `objects` into the shared object `output`.
    pub fn command(&self, objects: &[&Path], output: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg("-o").arg(output).args(objects).args(&self.libraries);
        command
    }
}

/// A usable Rust toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// The compiler itself, not a proxy; absolute.
    pub rustc: PathBuf,
    /// The cargo that belongs to it; absolute.
    pub cargo: PathBuf,
    /// All of `rustc -vV`.
    pub version_text: String,
    /// The release, such as `1.95.0`.
    pub release: String,
    /// The host triple.
    pub host: String,
    /// `rustc --print sysroot`.
    pub sysroot: PathBuf,
    /// The dynamic standard library; load it first, with `RTLD_NOW | RTLD_GLOBAL`. Some distributions leave it out: then
    /// the first layer holds it.
    pub libstd: Option<PathBuf>,
    /// The linker for single objects.
    pub linker: Linker,
    /// `cc`, which cargo needs for build scripts and layers; none when it is not on the PATH.
    pub cc: Option<PathBuf>,
}

impl Toolchain {
    /// Find the toolchain that `rustc` means in `directory` (rustup looks for a `rust-toolchain`
    /// file there); without one, a toolchain that a site layer was made with. The answer is kept in the cache, so that
    /// later calls start no process.
    ///
    /// # Errors
    /// When there is no rustc or cargo, it is too old, or it has no standard library.
    pub fn discover(cache: &Cache, sites: &[Site], directory: &Path) -> Result<Self, EnvironmentError> {
        let layers = site::layers(sites);
        let rustc = match env::var_os("RUSTC").filter(|v| !v.is_empty()) {
            Some(name) => Some(find_program(&name).ok_or_else(|| {
                missing(&format!("RUSTC is set to `{}`, which is not a program", name.to_string_lossy()))
            })?),
            None => {
                let beside = super::beside_program("toolchain/bin/rustc");
                beside.or_else(|| find_program("rustc".as_ref())).or_else(in_cargo_home)
            }
        };
        let Some(rustc) = rustc else {
            let known = layers.iter().find_map(note::of_layer);
            return known.ok_or_else(|| missing("no `rustc` on the PATH, nor in ~/.cargo/bin"))?.on_this_machine();
        };
        let question = Question::new(rustc, directory);
        for cache in layers.iter().chain([cache]) {
            if let Some(toolchain) = note::recall(cache, &question) {
                used::note(cache, &question.file(cache));
                if question.is_of_proxy() {
                    let compiler = Question::new(toolchain.rustc.clone(), directory);
                    used::note(cache, &compiler.file(cache));
                }
                return toolchain.on_this_machine();
            }
        }
        let toolchain = Self::ask(&question.rustc, directory)?;
        note::keep(cache, &question, &toolchain);
        if question.is_of_proxy() {
            // Whoever comes by another way to the same compiler has the answer, too.
            note::keep(cache, &Question::new(toolchain.rustc.clone(), directory), &toolchain);
        }
        Ok(toolchain)
    }

    /// With the tools that are not the toolchain's own, as they are found here and now.
    fn on_this_machine(mut self) -> Result<Self, EnvironmentError> {
        let libraries = self.sysroot.join("lib/rustlib").join(&self.host).join("lib");
        self.linker = find_linker(&self.sysroot, &self.host, &libraries)?;
        self.cc = find_cc();
        if !self.cargo.is_file() {
            self.cargo = find_cargo(&self.sysroot)?;
        }
        Ok(self)
    }

    fn ask(rustc: &Path, directory: &Path) -> Result<Self, EnvironmentError> {
        let sysroot = PathBuf::from(output(rustc, &["--print", "sysroot"], directory)?.trim());
        let real = sysroot.join("bin/rustc");
        let rustc = if real.is_file() { real } else { rustc.to_path_buf() };
        let cargo = find_cargo(&sysroot)?;
        let version_text = output(&rustc, &["-vV"], directory)?;
        let field = |name: &str| {
            let line = version_text.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
            line.ok_or_else(|| missing(&format!("`{} -vV` does not say `{name}`", rustc.display())))
        };
        let (release, host) = (field("release:")?, field("host:")?);
        let mut numbers = release.split(['.', '-']).map(|n| n.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if version < OLDEST {
            return Err(EnvironmentError::new(
                EnvironmentFault::Toolchain,
                format!("rustc {release} is too old: cells need {}.{} or newer", OLDEST.0, OLDEST.1),
            )
            .help("rustup update stable, or load a newer Rust module"));
        }
        let libraries = sysroot.join("lib/rustlib").join(&host).join("lib");
        let libstd = dynamic_std(&sysroot, &host);
        if libstd.is_none() && find_library(&[&libraries], "libstd-", ".rlib").is_none() {
            return Err(without_std(&libraries, &host));
        }
        let linker = find_linker(&sysroot, &host, &libraries)?;
        Ok(Self { rustc, cargo, version_text, release, host, sysroot, libstd, linker, cc: find_cc() })
    }
}

fn find_cc() -> Option<PathBuf> {
    find_program("cc".as_ref()).or_else(|| find_program("gcc".as_ref()))
}

/// The standard library as a shared object, if the toolchain has it so.
pub(super) fn dynamic_std(sysroot: &Path, host: &str) -> Option<PathBuf> {
    let libraries = sysroot.join("lib/rustlib").join(host).join("lib");
    find_library(&[&libraries, &sysroot.join("lib")], "libstd-", ".so")
}

/// The cargo that belongs to a toolchain.
fn find_cargo(sysroot: &Path) -> Result<PathBuf, EnvironmentError> {
    let beside = sysroot.join("bin/cargo");
    match env::var_os("CARGO").filter(|v| !v.is_empty()).and_then(|v| find_program(&v)) {
        _ if beside.is_file() => Ok(beside),
        Some(cargo) => Ok(cargo),
        None => find_program("cargo".as_ref()).ok_or_else(|| missing("no `cargo` on the PATH")),
    }
}

/// Where rustup puts its programs, which a kernel that a portal starts often does not have on its PATH.
fn in_cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    Some(home.join("bin/rustc")).filter(|rustc| rustc.is_absolute() && executable(rustc))
}

/// The linker that comes with a toolchain, if one does.
pub(super) fn own_linker(sysroot: &Path, host: &str) -> Option<PathBuf> {
    Some(sysroot.join("lib/rustlib").join(host).join("bin/rust-lld")).filter(|lld| lld.is_file())
}

fn find_linker(sysroot: &Path, host: &str, libraries: &Path) -> Result<Linker, EnvironmentError> {
    let (program, first) = match (find_program("ld".as_ref()), own_linker(sysroot, host)) {
        (Some(program), _) => (program, &[][..]),
        (None, Some(lld)) => (lld, &["-flavor", "gnu"][..]),
        (None, None) => {
            return Err(EnvironmentError::new(EnvironmentFault::Toolchain, "no linker: `ld` is not on the PATH")
                .help("install binutils and gcc (apt install gcc, dnf install gcc, module load gcc)"));
        }
    };
    // Few, small segments: a session keeps every cell it ran mapped, so pages of padding add up.
    let common = [
        "-shared",
        "--eh-frame-hdr",
        "--hash-style=gnu",
        "--build-id=none",
        "-z",
        "noexecstack",
        "-z",
        "now",
        "-z",
        "noseparate-code",
        "-z",
        "norelro",
    ];
    let arguments = first.iter().chain(&common).map(|&argument| argument.to_owned()).collect();
    // On x86_64 libgcc_s, which libstd loads, has every helper the compiler calls; elsewhere
    // (outlined atomics on ARM) some exist only in this archive, which costs 4 ms to read.
    let builtins = find_library(&[libraries], "libcompiler_builtins-", ".rlib");
    let libraries = if host.starts_with("x86_64") { Vec::new() } else { builtins.into_iter().collect() };
    Ok(Linker { program, arguments, libraries })
}

fn find_library(folders: &[&Path], prefix: &str, suffix: &str) -> Option<PathBuf> {
    for folder in folders {
        let mut found: Vec<_> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(prefix) && name.ends_with(suffix)
            })
            .map(|entry| (entry.metadata().and_then(|m| m.modified()).ok(), entry.path()))
            .collect();
        // An upgrade in place can leave an old one; the newest belongs to the compiler.
        found.sort();
        if let Some((_, path)) = found.pop() {
            return Some(path);
        }
    }
    None
}

/// The absolute path of a program, given by path or looked up on the PATH.
pub(super) fn find_program(name: &OsStr) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return path.is_file().then(|| std::path::absolute(path).ok()).flatten();
    }
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(name)).find(|candidate| executable(candidate))
}

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn output(program: &Path, arguments: &[&str], directory: &Path) -> Result<String, EnvironmentError> {
    let mut command = Command::new(program);
    command.args(arguments);
    if directory.is_dir() {
        command.current_dir(directory);
    }
    let result = command.output().map_err(|e| missing(&format!("cannot run {}: {e}", program.display())))?;
    if result.status.success() {
        return Ok(String::from_utf8_lossy(&result.stdout).into_owned());
    }
    let what = format!("`{} {}` failed", program.display(), arguments.join(" "));
    Err(missing(&what).details(String::from_utf8_lossy(&result.stderr)))
}

/// Distributions have the compiler and its library in two packages.
fn without_std(libraries: &Path, host: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentFault::Toolchain,
        format!("this Rust toolchain has no standard library for {host} (libstd-*.so or .rlib in {})", libraries.display()),
    )
    .help(format!(
        "rustup target add {host}, or the package with it (Debian: apt install libstd-rust-dev, or libstd-rust-web-dev beside rustc-web)"
    ))
}

fn missing(what: &str) -> EnvironmentError {
    EnvironmentError::new(EnvironmentFault::Toolchain, format!("no usable Rust toolchain: {what}")).help(
        "install Rust from https://rustup.rs (no administrator rights needed), or load your cluster's Rust module before the kernel starts",
    )
}
