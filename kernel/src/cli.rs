//! The command line: verbs, their arguments and their help texts. It parses and holds no behaviour.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Jupyter kernel for interactive Rust on HPC systems.
#[derive(Debug, Parser)]
#[command(name = "ferrolab", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make the kernel known to Jupyter and prepare its environment
    Install(InstallArgs),
    /// Remove the kernel from Jupyter
    Uninstall(UninstallArgs),
    /// Run as a Jupyter kernel (Jupyter calls this)
    Kernel(KernelArgs),
    /// Execute a notebook without Jupyter
    Run(RunArgs),
    /// Run a notebook again, from the first cell that changed, whenever its file is saved
    Watch(WatchArgs),
    /// Make a Rust text with `// %%` between its cells of a notebook, or a notebook of such a text
    Convert(ConvertArgs),
    /// Give assistants tools on a session, by the Model Context Protocol on standard input and output
    Mcp(McpArgs),
    /// Write instructions for assistants into a project
    Assist(AssistArgs),
    /// Check what the kernel needs, and say how to get what is missing
    Doctor(DoctorArgs),
    /// Run notebooks, and put what they were compiled to into a folder for others
    Warm(WarmArgs),
    /// Pack program, toolchain, crates and compiled notebooks into one file
    Pack(PackArgs),
    /// Unpack such a file on this node, once, and say what to set
    Stage(StageArgs),
    /// Copy the crates that environments are made from into a folder, for machines without a network
    Crates(CratesArgs),
    /// Show what your cache holds, or remove what nobody has used for long
    Cache(CacheArgs),
    /// Print a script that goes with notebooks, to be kept or changed
    Script(ScriptArgs),
    /// The process that runs cells (the kernel calls this)
    #[command(hide = true)]
    Runner(RunnerArgs),
    /// Load shared objects one after the other, and say what went wrong (doctor calls this)
    #[command(hide = true)]
    Probe(RunnerArgs),
    /// The process that runs evcxr's cells (the kernel calls this)
    #[cfg(feature = "evcxr")]
    #[command(hide = true)]
    EvcxrGuest(RunnerArgs),
}

/// What runs cells.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Ferrolab's own: one rustc run for each cell
    #[default]
    Direct,
    /// evcxr's, for notebooks that need it as it is (only in builds with `--features evcxr`)
    Evcxr,
}

impl Engine {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Evcxr => "evcxr",
        }
    }
}

/// Where a kernelspec lives.
#[derive(Debug, Default, Clone, Args)]
#[group(multiple = false)]
pub struct PlaceArgs {
    /// In your own Jupyter data directory (the default)
    #[arg(long)]
    pub user: bool,
    /// In the active virtual or conda environment, or that of `python3`
    #[arg(long)]
    pub sys_prefix: bool,
    /// In DIR/share/jupyter/kernels
    #[arg(long, value_name = "DIR")]
    pub prefix: Option<PathBuf>,
}

/// `ferrolab install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Where to install.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// What runs the kernel's cells
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// The kernel's name: letters, digits, `.`, `_` and `-` [default: ferrolab, or ferrolab-evcxr]
    #[arg(long)]
    pub name: Option<String>,
    /// The name shown in menus [default: "Rust (Ferrolab)", or "Rust (Ferrolab, evcxr)"]
    #[arg(long, value_name = "S")]
    pub display_name: Option<String>,
    /// An environment variable for the kernel; may be given several times
    #[arg(long, value_name = "K=V", value_parser = key_value)]
    pub env: Vec<(String, String)>,
    /// A folder that `ferrolab warm` filled, to be read before each user's own cache; may be given several times
    #[arg(long, value_name = "DIR")]
    pub site: Vec<PathBuf>,
    /// Whose code from such folders may run with the rights of the kernel's users, besides root's and their own: a
    /// name or a number. It counts where root or the user owns the kernelspec
    #[arg(long, value_name = "USER", requires = "site")]
    pub site_owner: Option<String>,
    /// Write the kernelspec only; the first cell prepares the environment where there is none
    #[arg(long)]
    pub no_prepare: bool,
}

impl InstallArgs {
    /// The kernel's name: the one given, or the engine's.
    pub fn kernel_name(&self) -> String {
        let usual = match self.engine {
            Engine::Direct => "ferrolab",
            Engine::Evcxr => "ferrolab-evcxr",
        };
        self.name.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// The name shown in menus: the one given, or the engine's.
    pub fn menu_name(&self) -> String {
        let usual = match self.engine {
            Engine::Direct => "Rust (Ferrolab)",
            Engine::Evcxr => "Rust (Ferrolab, evcxr)",
        };
        self.display_name.clone().unwrap_or_else(|| usual.to_owned())
    }
}

/// `ferrolab uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Where to look; without it, everywhere Jupyter looks.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The kernel's name
    #[arg(long, default_value = "ferrolab")]
    pub name: String,
}

/// `ferrolab kernel`.
#[derive(Debug, Args)]
pub struct KernelArgs {
    /// The connection file Jupyter wrote
    #[arg(short = 'f', long, value_name = "CONNECTION_FILE")]
    pub connection_file: PathBuf,
    /// What runs cells
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// The folder of the kernelspec that started it, which names site layers
    #[arg(long, value_name = "DIR")]
    pub spec: Option<PathBuf>,
}

/// `ferrolab run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The notebook to execute: an .ipynb, or a .rs with `// %%` between its cells
    pub notebook: PathBuf,
    /// What runs cells
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Where the executed notebook goes [default: NAME.executed.ipynb beside NAME.ipynb or NAME.rs]
    #[arg(short, long, value_name = "OUT", conflicts_with = "inplace")]
    pub output: Option<PathBuf>,
    /// Overwrite the notebook itself
    #[arg(long)]
    pub inplace: bool,
    /// Go on after a cell that fails (the exit status still says that one did)
    #[arg(long)]
    pub allow_errors: bool,
    /// Set what the cell tagged `parameters` binds; may be given several times
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = key_value)]
    pub parameter: Vec<(String, String)>,
    /// Set parameters from a JSON object in a file
    #[arg(short = 'f', long, value_name = "FILE")]
    pub parameters_file: Option<PathBuf>,
    /// Interrupt a cell that runs longer than this
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Where the HTML page goes [default: beside the executed notebook]
    #[arg(long, value_name = "OUT", conflicts_with = "no_html")]
    pub html: Option<PathBuf>,
    /// Write no HTML page
    #[arg(long)]
    pub no_html: bool,
    /// A kernelspec's folder: use the site layers that it names
    #[arg(long, value_name = "DIR")]
    pub spec: Option<PathBuf>,
    /// Write down which entries of caches are used (`ferrolab warm` reads it)
    #[arg(long, value_name = "FILE", hide = true)]
    pub used: Option<PathBuf>,
}

/// `ferrolab pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The file to write: NAME.tar.zst, or NAME.tar
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Notebooks whose compiled cells are to be in it
    #[arg(long, value_name = "NOTEBOOK", num_args = 1..)]
    pub notebooks: Vec<PathBuf>,
    /// The processors to compile for, as with `warm`
    #[arg(long, value_name = "CPU", value_delimiter = ',')]
    pub target_cpu: Vec<String>,
    /// A dependency that is to be in it, compiled, for cells that ask for it in the same words after `:dep`; may be given
    /// several times: then each alone, and all together
    #[arg(long, value_name = "CRATE")]
    pub dep: Vec<String>,
}

/// `ferrolab stage`.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// The file that `ferrolab pack` wrote
    pub pack: PathBuf,
    /// Where to [default: SLURM_TMPDIR, TMPDIR, or /tmp]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// `ferrolab crates`.
#[derive(Debug, Args)]
pub struct CratesArgs {
    /// The folder, which FERROLAB_CRATES then names; created when it is not there, else added to
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// A dependency that is to be had besides, as after `:dep`; may be given several times
    #[arg(long, value_name = "CRATE")]
    pub dep: Vec<String>,
}

/// `ferrolab script`.
#[derive(Debug, Args)]
pub struct ScriptArgs {
    /// Which
    #[arg(value_enum)]
    pub name: Script,
}

/// Scripts that go with notebooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Script {
    /// Dask workers in a Slurm job of their own: sbatch workers.sbatch scheduler.json
    #[value(name = "workers.sbatch")]
    Workers,
}

impl Script {
    /// Its place among the files of the helper crate.
    pub fn file(self) -> &'static str {
        match self {
            Self::Workers => "src/cluster/python/workers.sbatch",
        }
    }
}

/// `ferrolab cache`.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// What to do; without a word, show what is there
    #[command(subcommand)]
    pub what: Option<CacheVerb>,
}

/// What can be done with a cache.
#[derive(Debug, Subcommand)]
pub enum CacheVerb {
    /// Remove environments and cells that were not used for 30 days, and what killed builds left
    Prune {
        /// Keep what was used within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u64,
        /// Also what finished builds left, which makes the next one quicker
        #[arg(long)]
        builds: bool,
        /// Everything but what a running session has loaded
        #[arg(long, conflicts_with = "days")]
        all: bool,
    },
}

/// `ferrolab warm`.
#[derive(Debug, Args)]
pub struct WarmArgs {
    /// The notebooks to run
    #[arg(required = true)]
    pub notebooks: Vec<PathBuf>,
    /// The folder for others; created when it is not there, else added to
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// The processors to compile for, by rustc's names; may be given several times [default: x86-64-v3, or the best
    /// level below it that this machine has]
    #[arg(long, value_name = "CPU", value_delimiter = ',')]
    pub target_cpu: Vec<String>,
}

/// `ferrolab watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The notebook to follow: an .ipynb, or a .rs with `// %%` between its cells
    pub notebook: PathBuf,
    /// Also write the executed notebook after each run
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Interrupt a cell that runs longer than this
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// The port of the page, on this machine alone [default: a free one]
    #[arg(long, value_name = "PORT", conflicts_with = "no_page")]
    pub port: Option<u16>,
    /// Serve no page
    #[arg(long)]
    pub no_page: bool,
}

/// `ferrolab convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The .ipynb or .rs to read
    pub input: PathBuf,
    /// The file to write, or - for standard output [default: beside the first, with the other ending]
    pub output: Option<PathBuf>,
    /// Keep outputs, ids, attachments and hidden metadata of the notebook that is there
    #[arg(long, conflicts_with = "overwrite")]
    pub update: bool,
    /// Replace the file that is there
    #[arg(long)]
    pub overwrite: bool,
}

/// `ferrolab mcp`.
#[derive(Debug, Args)]
pub struct McpArgs {
    /// Attach to the kernel with this connection file
    #[arg(long, value_name = "CONNECTION_FILE", conflicts_with = "own")]
    pub kernel: Option<PathBuf>,
    /// Attach to the kernel that runs this notebook [default: a session of its own]
    #[arg(long, value_name = "NOTEBOOK")]
    pub notebook: Option<PathBuf>,
    /// A session of its own, also when a notebook is named
    #[arg(long)]
    pub own: bool,
}

/// `ferrolab assist`.
#[derive(Debug, Args)]
pub struct AssistArgs {
    /// Write AGENTS.md, or the part of it that is about Ferrolab
    #[arg(long, required = true)]
    pub init: bool,
    /// The project's folder [default: this one]
    pub directory: Option<PathBuf>,
}

/// `ferrolab doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print the checks as JSON
    #[arg(long)]
    pub json: bool,
    /// Look for an installation of evcxr instead, and say what to carry over
    #[arg(long)]
    pub evcxr: bool,
}

/// `ferrolab runner`; its arguments belong to the runner room.
#[derive(Debug, Args)]
pub struct RunnerArgs {
    /// Passed on as they are.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<OsString>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number <= 0.0 {
        return Err("must be more than 0 seconds; leave it out to wait for ever".to_owned());
    }
    Duration::try_from_secs_f64(number).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_reach_their_fields() {
        let cli =
            Cli::try_parse_from(["ferrolab", "install", "--prefix", "/opt", "--env", "A=b=c", "--env", "D="]).unwrap();
        let Verb::Install(args) = cli.verb else { panic!("not install") };
        assert_eq!(args.place.prefix, Some("/opt".into()));
        assert_eq!((args.kernel_name().as_str(), args.menu_name().as_str()), ("ferrolab", "Rust (Ferrolab)"));
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(args.env, [pair("A", "b=c"), pair("D", "")]);
        let cli = Cli::try_parse_from(["ferrolab", "install", "--engine", "evcxr", "--name", "e"]).unwrap();
        let Verb::Install(args) = cli.verb else { panic!("not install") };
        assert_eq!((args.kernel_name().as_str(), args.menu_name().as_str()), ("e", "Rust (Ferrolab, evcxr)"));
        let cli = Cli::try_parse_from(["ferrolab", "run", "a.ipynb", "--timeout", "1.5"]).unwrap();
        let Verb::Run(args) = cli.verb else { panic!("not run") };
        assert_eq!(args.timeout, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn contradictions_are_refused() {
        for bad in [
            &["install", "--user", "--sys-prefix"][..],
            &["install", "--env", "novalue"],
            &["install", "--engine", "python"],
            &["run", "a.ipynb", "--html", "x", "--no-html"],
            &["run", "a.ipynb", "--timeout", "-1"],
            &["run", "a.ipynb", "-o", "b.ipynb", "--inplace"],
            &["watch", "a.rs", "--port", "8000", "--no-page"],
            &["convert", "a.rs", "--update", "--overwrite"],
            &["run"],
        ] {
            let args = ["ferrolab"].iter().chain(bad);
            assert!(Cli::try_parse_from(args).is_err(), "{bad:?}");
        }
    }
}
