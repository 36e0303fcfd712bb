//! Making the kernel known to Jupyter, and removing it again. It writes kernelspecs; preparing the
//! environment is a hook the caller passes, and what Jupyter does with a kernelspec is not known
//! here.

pub mod paths;
mod reach;
pub mod spec;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferrolab_engine::environment::Site;
use ferrolab_system::users;
use spec::Found;

/// Which `kernels` directory to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelsDirectory {
    /// The user's Jupyter data directory.
    User,
    /// The active Python environment.
    SysPrefix,
    /// `share/jupyter` below this directory.
    Prefix(PathBuf),
}

impl KernelsDirectory {
    /// The place the command line names; `None` when it names none.
    pub fn from_args(args: &crate::cli::PlaceArgs) -> Option<Self> {
        match &args.prefix {
            Some(dir) => Some(Self::Prefix(dir.clone())),
            None if args.sys_prefix => Some(Self::SysPrefix),
            None => args.user.then_some(Self::User),
        }
    }

    /// Its `kernels` directory, absolute, which need not exist.
    ///
    /// # Errors
    /// A sentence for the user when the environment does not say where it is.
    pub fn kernels_dir(&self) -> Result<PathBuf, String> {
        let share = match self {
            Self::User => paths::data_dir(&paths::process_env)
                .ok_or("HOME is not set; set it, or JUPYTER_DATA_DIR, or use --prefix DIR")?,
            Self::SysPrefix => paths::sys_prefix(&paths::process_env)
                .ok_or("found no Python environment: activate one, or use --user or --prefix DIR")?
                .join("share/jupyter"),
            Self::Prefix(dir) => dir.join("share/jupyter"),
        };
        std::path::absolute(share.join("kernels")).map_err(|e| e.to_string())
    }
}

/// What `install` is to do.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// Where to.
    pub place: KernelsDirectory,
    /// What runs its cells.
    pub engine: crate::cli::Engine,
    /// Name of the kernel, validated by [`install`].
    pub name: String,
    /// Name in menus.
    pub display_name: String,
    /// Environment variables for the kernel.
    pub env: Vec<(String, String)>,
    /// Layers that the kernel reads before its user's cache.
    pub sites: Vec<Site>,
    /// The absolute path of the `ferrolab` executable.
    pub exe: PathBuf,
}

/// What `uninstall` is to do.
#[derive(Debug, Clone)]
pub struct UninstallOptions {
    /// Where; `None` for everywhere Jupyter looks.
    pub place: Option<KernelsDirectory>,
    /// Name of the kernel.
    pub name: String,
}

/// The layers that the command line names.
///
/// # Errors
/// A sentence for the user when there is no such user, or a layer cannot be used.
pub fn sites(paths: &[PathBuf], owner: Option<&str>) -> Result<Vec<Site>, String> {
    let unknown = |name: &str| format!("there is no user `{name}` here; --site-owner takes a name or a number");
    let owner = owner.map(|name| users::number(name).ok_or_else(|| unknown(name))).transpose()?;
    let mut sites = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let site = Site { path, owner };
        site.open().map_err(|e| format!("{}\n{}", e.message, e.help))?;
        sites.push(site);
    }
    Ok(sites)
}

/// The directory of the kernelspec that starts this program, the first that Jupyter would find.
pub fn spec_of(exe: &Path) -> Option<PathBuf> {
    let all =
        installed(&paths::computed_search_path(&paths::process_env, paths::sys_prefix(&paths::process_env).as_deref()));
    all.into_iter().find(|found| paths::same_place(&found.exe, exe)).map(|found| found.dir)
}

/// Writes the kernelspec, and says where it went.
pub fn install_only(options: &InstallOptions) -> ExitCode {
    match install_spec(options, &paths::search_path()) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(problem) => failed(&problem),
    }
}

/// Writes the kernelspec, says where it went, then prepares the environment: `prepare` is called
/// with a function that shows one line of progress, and tells which programs the kernel needs besides.
pub fn install(
    options: &InstallOptions,
    mut prepare: impl FnMut(&mut dyn FnMut(&str)) -> Result<Vec<PathBuf>, String>,
) -> ExitCode {
    if install_only(options) != ExitCode::SUCCESS {
        return ExitCode::FAILURE;
    }
    println!("preparing the environment, so that the first cell does not wait for it");
    let mut progress = Progress::new();
    let outcome = prepare(&mut |line| progress.show(line));
    progress.end();
    let needed = match outcome {
        Ok(needed) => needed,
        Err(problem) => {
            eprintln!("ferrolab: the kernel is installed, but its environment could not be prepared:");
            eprintln!("{problem}");
            eprintln!("it is tried again when the kernel starts; `ferrolab doctor` says what is missing");
            return ExitCode::FAILURE;
        }
    };
    if let Ok(kernels) = options.place.kernels_dir() {
        let needed: Vec<&Path> = needed.iter().chain([&options.exe]).map(PathBuf::as_path).collect();
        for line in reach::warnings(&kernels, &needed) {
            println!("{line}");
        }
    }
    println!("ready; next: start `jupyter lab` and choose \"{}\"", options.display_name);
    ExitCode::SUCCESS
}

fn install_spec(options: &InstallOptions, search: &[PathBuf]) -> Result<Vec<String>, String> {
    let name = spec::valid_name(&options.name)?;
    let kernels = options.place.kernels_dir()?;
    let dir = kernels.join(&name);
    let existing = spec::read(&dir);
    if let Some(other) = existing.as_ref().filter(|found| !found.ours) {
        return Err(format!(
            "{} holds another kernel, \"{}\"; choose a different --name",
            dir.display(),
            other.display_name
        ));
    }
    let text = spec::kernel_json(options);
    spec::write(&kernels, &name, &text).map_err(|e| {
        let advice = match e.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "\nyou may not write there: use --user, or --sys-prefix inside an environment of yours"
            }
            _ => "",
        };
        format!("could not write {}: {e}{advice}", dir.display())
    })?;
    let did = if existing.is_some() { "replaced" } else { "installed" };
    let mut lines = vec![
        format!("{did} the kernel \"{}\" ({name}) in {}", options.display_name, dir.display()),
        format!("it runs {}; keep that file where it is", options.exe.display()),
    ];
    if !search.iter().any(|at| paths::same_place(at, &kernels)) {
        let share = kernels.parent().unwrap_or(&kernels);
        lines.push(format!("warning: Jupyter does not look there; start it with JUPYTER_PATH={}", share.display()));
    } else if let Some(first) = shadowing(search, &kernels, &name) {
        lines.push(format!(
            "warning: Jupyter finds {} first, which has the same name; remove that one or choose a \
             different --name",
            first.display()
        ));
    }
    Ok(lines)
}

/// A kernelspec of this name in a directory that Jupyter searches before `kernels`.
fn shadowing(search: &[PathBuf], kernels: &Path, name: &str) -> Option<PathBuf> {
    search
        .iter()
        .take_while(|at| !paths::same_place(at, kernels))
        .map(|at| at.join(name))
        .find(|dir| dir.join("kernel.json").is_file())
}

/// Removes the kernelspec. Status 1 when there was none; then it lists those there are.
pub fn uninstall(options: &UninstallOptions) -> ExitCode {
    let search = match &options.place {
        Some(place) => match place.kernels_dir() {
            Ok(dir) => vec![dir],
            Err(problem) => return failed(&problem),
        },
        None => paths::search_path(),
    };
    match remove_spec(&options.name, &search) {
        Ok(removed) => {
            for dir in removed {
                println!("removed {}", dir.display());
            }
            ExitCode::SUCCESS
        }
        Err(problem) => failed(&problem),
    }
}

fn remove_spec(name: &str, search: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let name = spec::valid_name(name)?;
    let mut removed = Vec::new();
    for dir in search.iter().map(|kernels| kernels.join(&name)) {
        if spec::read(&dir).is_some_and(|found| found.ours) {
            std::fs::remove_dir_all(&dir).map_err(|e| format!("could not remove {}: {e}", dir.display()))?;
            removed.push(dir);
        }
    }
    if !removed.is_empty() {
        return Ok(removed);
    }
    let mut problem = format!("no Ferrolab kernel named {name} is installed");
    let others = installed(search);
    if others.is_empty() {
        problem.push_str(", nor one of any other name; looked in:");
        search.iter().for_each(|dir| problem += &format!("\n  {}", dir.display()));
    } else {
        problem.push_str("; there are (choose with --name):");
        for found in others {
            problem += &format!("\n  {}  {}", found.name, found.dir.display());
        }
    }
    Err(problem)
}

/// Every Ferrolab kernelspec in these `kernels` directories.
pub(crate) fn installed(search: &[PathBuf]) -> Vec<Found> {
    let entries = search.iter().filter_map(|dir| dir.read_dir().ok()).flatten();
    let mut all: Vec<Found> =
        entries.filter_map(|entry| spec::read(&entry.ok()?.path())).filter(|found| found.ours).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn failed(problem: &str) -> ExitCode {
    eprintln!("ferrolab: {problem}");
    ExitCode::FAILURE
}

/// One line of progress, redrawn in place on a terminal, else a line each.
pub struct Progress {
    terminal: bool,
    drawn: bool,
    last: String,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// On standard output; nothing is shown yet.
    pub fn new() -> Self {
        Self { terminal: io::stdout().is_terminal(), drawn: false, last: String::new() }
    }

    /// Shows a line in the place of the one before.
    pub fn show(&mut self, line: &str) {
        if line == self.last {
            return;
        }
        line.clone_into(&mut self.last);
        let mut out = io::stdout().lock();
        let columns = rustix::termios::tcgetwinsize(&out).map_or(80, |size| size.ws_col.max(20));
        // Progress that cannot be shown is no reason to stop.
        let _ = if self.terminal {
            self.drawn = true;
            let fits: String = line.chars().take(usize::from(columns) - 1).collect();
            write!(out, "\r\x1b[2K{fits}").and_then(|()| out.flush())
        } else {
            writeln!(out, "  {line}")
        };
    }

    /// Leaves what was shown last as it stands.
    pub fn end(&mut self) {
        if self.drawn {
            println!();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("ferrolab-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    fn options(prefix: &Path, name: &str) -> InstallOptions {
        InstallOptions {
            place: KernelsDirectory::Prefix(prefix.to_path_buf()),
            engine: crate::cli::Engine::Direct,
            name: name.to_owned(),
            display_name: "Rust (Ferrolab)".to_owned(),
            env: vec![("A".to_owned(), "1".to_owned())],
            sites: Vec::new(),
            exe: "/opt/bin/ferrolab".into(),
        }
    }

    #[test]
    fn installs_replaces_and_removes() {
        let prefix = temporary("install");
        let kernels = prefix.join("share/jupyter/kernels");
        let search = vec![kernels.clone()];
        let lines = install_spec(&options(&prefix, "Ferrolab"), &search).unwrap();
        assert!(lines[0].starts_with("installed"), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
        let found = spec::read(&kernels.join("ferrolab")).unwrap();
        assert_eq!(found.exe, Path::new("/opt/bin/ferrolab"));
        let lines = install_spec(&options(&prefix, "ferrolab"), &[]).unwrap();
        assert!(lines[0].starts_with("replaced"), "{lines:?}");
        assert!(lines[2].contains("JUPYTER_PATH="), "{lines:?}");
        assert_eq!(kernels.read_dir().unwrap().count(), 1);
        let problem = remove_spec("other", &search).unwrap_err();
        assert!(problem.contains("there are") && problem.contains("ferrolab"), "{problem}");
        assert_eq!(remove_spec("ferrolab", &search).unwrap().len(), 1);
        assert!(remove_spec("ferrolab", &search).unwrap_err().contains("looked in"));
        std::fs::remove_dir_all(prefix).unwrap();
    }

    #[test]
    fn another_kernel_is_left_alone() {
        let prefix = temporary("foreign");
        let dir = prefix.join("share/jupyter/kernels/python3");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("kernel.json"), r#"{"argv":["python"],"display_name":"P"}"#).unwrap();
        let problem = install_spec(&options(&prefix, "python3"), &[]).unwrap_err();
        assert!(problem.contains("another kernel"), "{problem}");
        assert!(remove_spec("python3", &[dir.parent().unwrap().to_path_buf()]).is_err());
        assert!(dir.join("kernel.json").is_file());
        std::fs::remove_dir_all(prefix).unwrap();
    }
}
