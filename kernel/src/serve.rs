//! The verbs that need a session's parts joined: `kernel`, `run`, `watch`, `install`, `doctor`, `warm`. Each is a few
//! lines that hand one room to another; no logic of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::evaluate::{DirectEvaluator, Granted, Options};
use crate::{cli, doctor, executable, install, pack, run, warm};
use ferrolab_engine::compile;
use ferrolab_engine::edition::Edition;
use ferrolab_engine::environment::{self, Cache, Site};
use ferrolab_jupyter::messages::About;
use ferrolab_jupyter::session;
use ferrolab_jupyter::session::Session;
use ferrolab_jupyter::session::evaluator::Evaluator;
use ferrolab_jupyter::wire::Wire;
use ferrolab_system::{descendants, limits};

/// `ferrolab kernel -f FILE`.
pub fn kernel(args: &cli::KernelArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn serve(args: &cli::KernelArgs) -> Result<(), String> {
    limits::name_in_panics();
    // SAFETY: the first thing this process does; it has no other thread.
    let make = unsafe { maker(args.engine) }?;
    let path = args.connection_file.display();
    let text = fs::read(&args.connection_file).map_err(|e| format!("cannot read the connection file {path}: {e}"))?;
    let connection = serde_json::from_slice(&text).map_err(|e| format!("{path} is not a connection file: {e}"))?;
    let mut wire = Wire::bind(&connection).map_err(|e| e.to_string())?;
    adopt_orphans();
    let options = lab_options(sites(args.spec.as_deref()))?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rust_version: known_release(&options).unwrap_or_default(),
        banner: format!("Ferrolab {}: Rust in a notebook. :help lists the directives.", env!("CARGO_PKG_VERSION")),
    };
    let session_options = session::Options { about, connection: wire.connection().clone(), history: history_file() };
    let session = Session::start(wire.outlet(), session_options, move || make(options)).map_err(|e| e.to_string())?;
    let inbox = session.clone();
    wire.start(Arc::new(move |event| inbox.accept(event))).map_err(|e| e.to_string())?;
    session.wait();
    wire.close();
    descendants::end();
    Ok(())
}

/// `ferrolab run NOTEBOOK`.
pub fn run(args: &cli::RunArgs) -> ExitCode {
    // SAFETY: the first thing this process does; it has no other thread.
    let make = match unsafe { maker(args.engine) } {
        Ok(make) => make,
        Err(message) => return failed(&message),
    };
    adopt_orphans();
    if let Some(Err(error)) = args.used.as_deref().map(environment::used::list_in) {
        return failed(&format!("cannot write down what is used: {error}"));
    }
    // A path as the user means it: the notebook's folder becomes the current one.
    let spec = args.spec.as_deref().map(|spec| std::path::absolute(spec).unwrap_or_else(|_| spec.to_owned()));
    let code = run::run(&run::RunOptions::from_args(args), |of_evcxr| {
        Ok(make(Options { edition: edition(of_evcxr), ..lab_options(sites(spec.as_deref()))? }))
    });
    if args.used.is_some() {
        // Code of items that no cell has called yet is to be there for others, too.
        compile::settle();
    }
    code
}

/// The site layers that a kernelspec and the environment name. What is wrong with them goes to the log: cells run without.
fn sites(spec: Option<&Path>) -> Vec<Site> {
    let (mut sites, problems) = spec.map(install::spec::sites).unwrap_or_default();
    problems.iter().for_each(|problem| eprintln!("ferrolab: {problem}"));
    sites.extend(Site::beside());
    sites.extend(Site::named());
    for problem in sites.iter().filter_map(|site| site.open().err()) {
        eprintln!("ferrolab: {}; {}", problem.message, problem.help);
    }
    sites
}

/// `ferrolab crates`.
pub fn crates(args: &cli::CratesArgs) -> ExitCode {
    let done = || -> Result<usize, String> {
        let here = std::env::current_dir().map_err(|e| format!("there is no current folder: {e}"))?;
        let into = std::path::absolute(&args.into).map_err(|e| format!("{}: {e}", args.into.display()))?;
        let wanted = environment::DependencySet::parse(&args.dep.join("\n"), &here).map_err(|e| e.to_string())?;
        let mut progress = install::Progress::new();
        let mut paint = |p: environment::Progress| progress.show(&p.what);
        let options = environment::Options::default();
        let count = environment::carried::carry(&options, &wanted, &into, &mut paint, &AtomicBool::new(false));
        progress.end();
        count.map_err(|e| e.to_string())
    };
    match done() {
        Ok(count) => {
            println!(
                "{count} crates are in {}; {} names that folder",
                args.into.display(),
                environment::carried::VARIABLE
            );
            ExitCode::SUCCESS
        }
        Err(message) => failed(&message),
    }
}

/// `ferrolab pack`.
pub fn pack(args: cli::PackArgs) -> ExitCode {
    let exe = match executable() {
        Ok(exe) => exe,
        Err(message) => return failed(&message),
    };
    let cli::PackArgs { output, notebooks, target_cpu, dep } = args;
    let options = pack::PackOptions { output, notebooks, processors: target_cpu, dependencies: dep, exe };
    pack::pack(&options).unwrap_or_else(|message| failed(&message))
}

/// `ferrolab stage`.
pub fn stage(args: &cli::StageArgs) -> ExitCode {
    // Standard output is for the shell.
    match pack::stage::stage(&args.pack, args.to.as_deref(), &mut |line| eprintln!("{line}")) {
        Ok(prefix) => {
            print!("{}", pack::stage::words(&prefix));
            ExitCode::SUCCESS
        }
        Err(message) => failed(&message),
    }
}

/// `ferrolab warm`.
pub fn warm(args: cli::WarmArgs) -> ExitCode {
    let exe = match executable() {
        Ok(exe) => exe,
        Err(message) => return failed(&message),
    };
    let options = warm::WarmOptions { notebooks: args.notebooks, into: args.into, processors: args.target_cpu, exe };
    match warm::warm(&options) {
        Ok(code) => code,
        Err(message) => failed(&message),
    }
}

/// `ferrolab script`.
pub fn script(script: cli::Script) -> ExitCode {
    let file = environment::HELPER_FILES.iter().find(|(name, _)| *name == script.file());
    let Some((_, text)) = file else { return failed(&format!("this program was built without {}", script.file())) };
    match std::io::Write::write_all(&mut std::io::stdout(), text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("cannot write the script: {error}")),
    }
}

/// `ferrolab watch NOTEBOOK`.
pub fn watch(args: &cli::WatchArgs) -> ExitCode {
    adopt_orphans();
    run::watch::watch(&run::watch::WatchOptions::from_args(args), |of_evcxr| {
        Ok(Box::new(DirectEvaluator::new(Options { edition: edition(of_evcxr), ..lab_options(sites(None))? })))
    })
}

/// Notebooks that were written for evcxr have its edition.
fn edition(of_evcxr: bool) -> Edition {
    if of_evcxr { Edition::E2021 } else { Edition::default() }
}

/// Makes the evaluator of an engine, on the thread that runs cells.
type Maker = Box<dyn FnOnce(Options) -> Box<dyn Evaluator> + Send>;

/// What an engine needs before anything else, and how its evaluator is made.
///
/// # Errors
/// When this program has no such engine, with the way to get it.
///
/// # Safety
/// No other thread runs yet.
unsafe fn maker(engine: cli::Engine) -> Result<Maker, String> {
    match engine {
        cli::Engine::Direct => Ok(Box::new(|options| Box::new(DirectEvaluator::new(options)))),
        #[cfg(feature = "evcxr")]
        cli::Engine::Evcxr => {
            // SAFETY: by this function's contract.
            let place = unsafe { crate::evcxr::place::SessionDirectory::make() }?;
            Ok(Box::new(move |options| Box::new(crate::evcxr::EvcxrEvaluator::new(&options, place))))
        }
        #[cfg(not(feature = "evcxr"))]
        cli::Engine::Evcxr => Err(without_evcxr()),
    }
}

/// What to do without the second engine.
#[cfg(not(feature = "evcxr"))]
fn without_evcxr() -> String {
    "this program was built without the evcxr engine
\
     build one that has it, in a checkout, with `cargo install --locked --path kernel --features evcxr` (Rust 1.95; it \
     takes some ten minutes), or leave out `--engine evcxr`: evcxr's notebooks run on Ferrolab's own engine as well"
        .to_owned()
}

fn failed(message: &str) -> ExitCode {
    eprintln!("ferrolab: {message}");
    if let Some(limit) = limits::explain(message).filter(|_| !message.contains("(ulimit -")) {
        eprintln!("ferrolab: {limit}");
    }
    ExitCode::FAILURE
}

/// `ferrolab install`.
pub fn install(args: cli::InstallArgs) -> ExitCode {
    let exe = match executable() {
        Ok(exe) => exe,
        Err(message) => return failed(&message),
    };
    #[cfg(not(feature = "evcxr"))]
    if args.engine == cli::Engine::Evcxr {
        return failed(&without_evcxr());
    }
    let place = install::KernelsDirectory::from_args(&args.place).unwrap_or(install::KernelsDirectory::User);
    let (name, display_name) = (args.kernel_name(), args.menu_name());
    let sites = match install::sites(&args.site, args.site_owner.as_deref()) {
        Ok(sites) => sites,
        Err(problem) => return failed(&problem),
    };
    let named = sites.clone();
    let options = install::InstallOptions { place, engine: args.engine, name, display_name, env: args.env, sites, exe };
    if args.no_prepare {
        return install::install_only(&options);
    }
    install::install(&options, |report| {
        for (name, value) in install::spec::expanded(&options.env) {
            // SAFETY: this process has no other thread.
            unsafe { std::env::set_var(name, value) };
        }
        let mut paint = |p: environment::Progress| report(&format!("{}/{} {}", p.done, p.total, p.what));
        let sites = named.iter().cloned().chain(Site::named()).collect();
        let jobs = jobs(doctor::threads::granted().allowed());
        let options = environment::Options { jobs, ..environment::site::options(sites) };
        environment::prepare(&options, &mut paint, &AtomicBool::new(false))
            .map(|environment| vec![environment.toolchain.rustc])
            .map_err(|e| e.to_string())
    })
}

/// `ferrolab doctor`.
pub fn doctor(json: bool) -> ExitCode {
    let exe = executable().unwrap_or_else(|_| PathBuf::from("ferrolab"));
    let mut sites = install::spec_of(&exe).map(|dir| install::spec::sites(&dir).0).unwrap_or_default();
    sites.extend(Site::beside());
    sites.extend(Site::named());
    let cache = Cache::open_beside(&sites).map(|c| c.root().to_owned()).unwrap_or_default();
    let chosen = environment::site::options(sites.clone());
    let toolchain = Cache::open_beside(&sites)
        .and_then(|cache| environment::Toolchain::discover(&cache, &sites, &chosen.directory));
    let options = doctor::DoctorOptions { json, exe, toolchain: toolchain.ok(), cache, sites };
    doctor::doctor(&options, || match environment::cached(&chosen) {
        Ok(environment) => {
            let path = environment.layers.first().cloned().unwrap_or_default();
            let libraries = environment.libraries().map(PathBuf::from).collect();
            doctor::Environment::Ready {
                path,
                detail: environment.toolchain.release,
                libraries,
                lacks: environment.lacks,
            }
        }
        Err(error) if error.kind == environment::EnvironmentFault::Cancelled => doctor::Environment::Missing,
        Err(error) => doctor::Environment::Broken {
            reason: [error.message.as_str(), &error.details].join("\n").trim_end().to_owned(),
            advice: Some(error.help).filter(|help| !help.is_empty()),
        },
    })
}

fn lab_options(sites: Vec<Site>) -> Result<Options, String> {
    let found = doctor::threads::granted();
    let number = |threads: usize| u32::try_from(threads).unwrap_or(1).max(1);
    let granted = Granted {
        threads: number(found.threads),
        limit: number(found.allowed()),
        decided_by: found.decided_by().to_owned(),
    };
    let environment = environment::Options { jobs: jobs(found.allowed()), ..environment::site::options(sites) };
    Ok(Options { executable: executable()?, granted, environment, edition: Edition::default() })
}

/// So many crates are compiled at once as this process has processors. cargo looks at the affinity mask alone, which
/// says nothing where a batch system only counts. Who has told cargo is left alone.
fn jobs(granted: usize) -> Option<usize> {
    std::env::var_os("CARGO_BUILD_JOBS").is_none_or(|value| value.is_empty()).then_some(granted)
}

fn known_release(options: &Options) -> Option<String> {
    let (sites, directory) = (&options.environment.sites, &options.environment.directory);
    let cache = Cache::open_beside(sites).ok()?;
    environment::Toolchain::discover(&cache, sites, directory).ok().map(|t| t.release)
}

fn history_file() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))?;
    Some(base.join("ferrolab").join("history.jsonl"))
}

/// A snapshot's parent is the runner it was forked from; when that dies, the snapshot becomes
/// this process's child instead of the system's, so that it can be waited for.
fn adopt_orphans() {
    // SAFETY: a plain request about this process.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}
