//! The verbs that need a session's parts joined: `kernel`, `run`, `watch`, `install`, `doctor`. Each is a few
//! lines that hand one room to another; no logic of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::evaluate::{DirectEvaluator, Granted, Options};
use crate::{cli, doctor, executable, install, run};
use ferrolab_engine::edition::Edition;
use ferrolab_engine::environment::{self, Cache};
use ferrolab_jupyter::messages::About;
use ferrolab_jupyter::session;
use ferrolab_jupyter::session::Session;
use ferrolab_jupyter::session::evaluator::Evaluator;
use ferrolab_jupyter::wire::Wire;
use ferrolab_system::{descendants, limits};

/// `ferrolab kernel -f FILE`.
pub fn kernel(connection_file: &Path, engine: cli::Engine) -> ExitCode {
    match serve(connection_file, engine) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn serve(connection_file: &Path, engine: cli::Engine) -> Result<(), String> {
    limits::name_in_panics();
    // SAFETY: the first thing this process does; it has no other thread.
    let make = unsafe { maker(engine) }?;
    let path = connection_file.display();
    let text = fs::read(connection_file).map_err(|e| format!("cannot read the connection file {path}: {e}"))?;
    let connection = serde_json::from_slice(&text).map_err(|e| format!("{path} is not a connection file: {e}"))?;
    let mut wire = Wire::bind(&connection).map_err(|e| e.to_string())?;
    adopt_orphans();
    let options = lab_options()?;
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
    run::run(&run::RunOptions::from_args(args), |of_evcxr| {
        Ok(make(Options { edition: edition(of_evcxr), ..lab_options()? }))
    })
}

/// `ferrolab watch NOTEBOOK`.
pub fn watch(args: &cli::WatchArgs) -> ExitCode {
    adopt_orphans();
    run::watch::watch(&run::watch::WatchOptions::from_args(args), |of_evcxr| {
        Ok(Box::new(DirectEvaluator::new(Options { edition: edition(of_evcxr), ..lab_options()? })))
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
    let options = install::InstallOptions { place, engine: args.engine, name, display_name, env: args.env, exe };
    install::install(&options, |report| {
        let mut paint = |p: environment::Progress| report(&format!("{}/{} {}", p.done, p.total, p.what));
        environment::prepare(&environment::Options::default(), &mut paint, &AtomicBool::new(false))
            .map(|_| ())
            .map_err(|e| e.to_string())
    })
}

/// `ferrolab doctor`.
pub fn doctor(json: bool) -> ExitCode {
    let exe = executable().unwrap_or_else(|_| PathBuf::from("ferrolab"));
    let cache = Cache::open().map(|c| c.root().to_owned()).unwrap_or_default();
    let options = doctor::DoctorOptions { json, exe, rustc: None, cache };
    doctor::doctor(&options, || match environment::cached(&environment::Options::default()) {
        Ok(environment) => {
            let path = environment.layers.first().cloned().unwrap_or_default();
            let libraries = environment.libraries().map(PathBuf::from).collect();
            doctor::Environment::Ready { path, detail: environment.toolchain.release, libraries }
        }
        Err(error) if error.kind == environment::EnvironmentFault::Cancelled => doctor::Environment::Missing,
        Err(error) => doctor::Environment::Broken {
            reason: [error.message.as_str(), &error.details].join("\n").trim_end().to_owned(),
            advice: Some(error.help).filter(|help| !help.is_empty()),
        },
    })
}

fn lab_options() -> Result<Options, String> {
    let found = doctor::threads::granted();
    let number = |threads: usize| u32::try_from(threads).unwrap_or(1).max(1);
    let granted = Granted {
        threads: number(found.threads),
        limit: number(found.allowed()),
        decided_by: found.decided_by().to_owned(),
    };
    Ok(Options {
        executable: executable()?,
        granted,
        environment: environment::Options::default(),
        edition: Edition::default(),
    })
}

fn known_release(options: &Options) -> Option<String> {
    let cache = Cache::open().ok()?;
    environment::Toolchain::discover(&cache, &options.environment.directory).ok().map(|t| t.release)
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
