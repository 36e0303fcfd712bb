//! The environment: what cells are compiled and linked against. It finds the toolchain, builds
//! the helper crate and the user's dependencies once into a shared cache, and says what to pass
//! to rustc and what to load. It compiles no cell and runs none.
//!
//! cargo builds ordinary rlibs; one rustc run links them into a *layer*, a shared object in which
//! every crate is once. Dependencies added later become further layers on top. A cell is compiled
//! against the crates' metadata alone and linked with no libraries: its open symbols are found at
//! `dlopen` in libstd and the layers, which are loaded first with `RTLD_GLOBAL`.

mod advice;
mod archive;
mod assemble;
mod cache;
mod cargo;
pub mod carried;
mod dependencies;
mod error;
mod export;
mod helper;
mod identity;
mod joiner;
mod lanes;
mod layer;
pub mod loadable;
mod lock;
mod manifest;
mod messages;
mod note;
pub mod once;
mod precompiled;
mod processor;
mod prune;
pub mod site;
mod space;
mod store;
mod toolchain;
pub mod used;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

pub use cache::Cache;
pub use dependencies::{DependencySet, goes_on};
pub use error::{EnvironmentError, EnvironmentFault};
pub use export::{Exported, export};
pub use helper::FILES as HELPER_FILES;
pub use lock::Guard;
pub use toolchain::{Linker, Toolchain};

use assemble::{Assembled, Assembly, assemble};
pub use identity::Identity;
pub use precompiled::Precompiled;
pub use prune::{Keep, Pruned, Size, Usage, prune, usage};
pub use site::Site;
use store::IndexEntry;

/// The helper crate's source as a package that evcxr's cells can depend on; where it is.
///
/// # Errors
/// When it cannot be written.
#[cfg(feature = "evcxr")]
pub fn helper_for_evcxr(cache: &Cache) -> Result<PathBuf, EnvironmentError> {
    helper::unpack_shared(cache)
}

/// A hash of the helper crate's source.
#[cfg(feature = "evcxr")]
pub fn helper_hash() -> String {
    helper::hash()
}

/// What an environment is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// rustc's `target-cpu`; `native` means this machine's processor.
    pub target_cpu: String,
    /// Features of the helper crate.
    pub features: Vec<String>,
    /// The notebook's directory: cargo and rustup look there for their configuration.
    pub directory: PathBuf,
    /// Never use the network.
    pub offline: bool,
    /// How many crates to compile at once; cargo decides when there is no number. It changes nothing of what is made.
    pub jobs: Option<usize>,
    /// Read-only caches that an administrator or teacher has filled, looked at first.
    pub sites: Vec<Site>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target_cpu: "native".to_owned(),
            features: Vec::new(),
            directory: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            offline: env::var_os("CARGO_NET_OFFLINE").is_some_and(|value| value == "true"),
            jobs: None,
            sites: Vec::new(),
        }
    }
}

/// How far a preparation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Crates that are done.
    pub done: usize,
    /// Crates in all; 0 while that is not known.
    pub total: usize,
    /// What is going on: `compiling rayon v1.12.0`.
    pub what: String,
}

/// A crate that is in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crate {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The metadata's file name, which carries cargo's hash of how it was built.
    file: String,
    /// A hash of the metadata, which holds the crate's identity for rustc.
    hash: String,
    /// Where the metadata is.
    path: PathBuf,
}

/// What cells are compiled and linked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Names everything in it: equal ids mean that compiled cells can be used again.
    pub id: String,
    /// The toolchain.
    pub toolchain: Toolchain,
    /// What it is used for; whose it was when it was made is nobody's business.
    #[serde(skip)]
    pub options: Options,
    /// Crates a cell can name, with the metadata (or procedural macro) to give to rustc.
    pub externs: Vec<(String, PathBuf)>,
    /// Directories for `-L dependency=`.
    pub search: Vec<PathBuf>,
    /// Shared objects, to load in this order after libstd. The first one holds the standard library where the toolchain
    /// has it only to link.
    pub layers: Vec<PathBuf>,
    /// Generic code that is there already.
    pub precompiled: Vec<Precompiled>,
    /// What is not there already though it was to be, in sentences.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The user's dependencies in it.
    pub dependencies: DependencySet,
    /// All crates in the layers.
    pub crates: Vec<Crate>,
    lock: PathBuf,
}

/// What came of adding dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The environment with them.
    pub environment: Environment,
    /// `None`: load the layers that were not there before and go on. Otherwise a session that has
    /// loaded the old layers must restart to use the new ones; the text says why.
    pub restart: Option<String>,
}

impl Environment {
    /// The version of the crate that cells know under this name.
    pub fn version_of(&self, name: &str) -> Option<&str> {
        let (_, path) = self.externs.iter().find(|(known, _)| known == name)?;
        self.crates.iter().find(|found| found.path == *path).map(|found| found.version.as_str())
    }

    /// rustc arguments that cells of this environment have in common: processor, dynamic libstd,
    /// crates and where their metadata is.
    pub fn rustc_arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["-C", "prefer-dynamic", "-C"].map(OsString::from).to_vec();
        arguments.push(format!("target-cpu={}", self.options.target_cpu).into());
        let mut pair = |option: &str, name: &str, path: &Path| {
            arguments.push(option.into());
            let mut value = OsString::from(format!("{name}="));
            value.push(path);
            arguments.push(value);
        };
        for (name, path) in &self.externs {
            pair("--extern", name, path);
        }
        for path in &self.search {
            pair("-L", "dependency", path);
        }
        arguments
    }

    /// What a runner loads before the first cell, in order, with `RTLD_NOW | RTLD_GLOBAL`.
    pub fn libraries(&self) -> impl Iterator<Item = &Path> {
        self.toolchain.libstd.iter().chain(&self.layers).map(PathBuf::as_path)
    }

    /// Every file of ours that it needs.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let macros = self.externs.iter().map(|(_, path)| path.as_path());
        let crates = self.crates.iter().map(|krate| krate.path.as_path());
        let precompiled = self.precompiled.iter().map(|made| made.metadata.as_path());
        let single = [self.lock.as_path()];
        let mut all: Vec<&Path> = self
            .layers
            .iter()
            .map(PathBuf::as_path)
            .chain(macros)
            .chain(crates)
            .chain(precompiled)
            .chain(single)
            .collect();
        all.sort();
        all.dedup();
        all.into_iter()
    }

    /// Follow a cache that was copied elsewhere. What is in another cache stays where it is.
    fn move_to(&mut self, from: &Path, to: &Path) {
        let externs = self.externs.iter_mut().map(|(_, path)| path);
        let crates = self.crates.iter_mut().map(|krate| &mut krate.path);
        let precompiled = self.precompiled.iter_mut().map(|made| &mut made.metadata);
        let single = std::iter::once(&mut self.lock);
        let others = externs.chain(crates).chain(precompiled).chain(single);
        for path in self.search.iter_mut().chain(&mut self.layers).chain(others) {
            if let Ok(inside) = path.strip_prefix(from) {
                *path = to.join(inside);
            }
        }
    }
}

/// The base environment: the helper crate and what it brings. Instant when the cache has it.
///
/// # Errors
/// When there is no usable toolchain or cache directory, the build fails, or `cancelled` is set.
pub fn prepare(
    options: &Options,
    progress: &mut dyn FnMut(Progress),
    cancelled: &AtomicBool,
) -> Result<Environment, EnvironmentError> {
    let cache = Cache::open_beside(&options.sites)?;
    let toolchain = Toolchain::discover(&cache, &options.sites, &options.directory)?;
    let dependencies = DependencySet::default();
    let work = Work { options, cache: &cache, toolchain: &toolchain, parent: None, dependencies: &dependencies };
    work.get(progress, cancelled).map(|addition| addition.environment)
}

/// The base environment, when nothing has to be built for it.
///
/// # Errors
/// `Cancelled` when something would have to be built; else what is wrong.
pub fn cached(options: &Options) -> Result<Environment, EnvironmentError> {
    let stop = AtomicBool::new(false);
    prepare(options, &mut |_| stop.store(true, Ordering::SeqCst), &stop)
}

/// Add dependencies to an environment. Instant, and without cargo, when it has them or the cache
/// knows the result.
///
/// # Errors
/// When a crate, version or feature does not exist, the network is needed and away, a crate does
/// not build, or `cancelled` is set: then cargo and its children are killed at once.
pub fn add(
    environment: &Environment,
    dependencies: &DependencySet,
    progress: &mut dyn FnMut(Progress),
    cancelled: &AtomicBool,
) -> Result<Addition, EnvironmentError> {
    let cache = Cache::open_beside(&environment.options.sites)?;
    let mut merged = environment.dependencies.clone();
    merged.merge(dependencies);
    let work = Work {
        options: &environment.options,
        cache: &cache,
        toolchain: &environment.toolchain,
        parent: Some(environment),
        dependencies: &merged,
    };
    work.get(progress, cancelled)
}

/// An environment with the same crates as another one, by other options: for a processor that others have.
///
/// # Errors
/// As for [`prepare`] and [`add`].
pub fn elsewhere(
    here: &Environment,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
    cancelled: &AtomicBool,
) -> Result<Environment, EnvironmentError> {
    let base = prepare(options, progress, cancelled)?;
    if here.dependencies.is_empty() {
        return Ok(base);
    }
    add(&base, &here.dependencies, progress, cancelled).map(|addition| addition.environment)
}

/// Something that comes with this program: a package, or a pack, puts it beside it.
fn beside_program(what: &str) -> Option<PathBuf> {
    let program = env::current_exe().ok()?.canonicalize().ok()?;
    let place = program.parent()?.parent()?.join("share/ferrolab").join(what);
    place.exists().then_some(place)
}

/// One thing to get: from the cache, or by building.
struct Work<'a> {
    options: &'a Options,
    cache: &'a Cache,
    toolchain: &'a Toolchain,
    parent: Option<&'a Environment>,
    dependencies: &'a DependencySet,
}

impl Work<'_> {
    fn get(&self, progress: &mut dyn FnMut(Progress), cancelled: &AtomicBool) -> Result<Addition, EnvironmentError> {
        let rustflags = self.rustflags();
        let shelf = self.shelf(&rustflags);
        let key = self.key();
        let found = |record: IndexEntry| Addition { environment: record.environment, restart: record.restart };
        let layers = site::layers(&self.options.sites);
        let load = |cache: &Cache| IndexEntry::load(cache, &layers, &key, self.toolchain, self.options);
        if let Some(record) = layers.iter().find_map(load) {
            return Ok(found(record));
        }
        loadable::check(self.cache)?;
        if let Some(record) = load(self.cache) {
            return Ok(found(record));
        }
        let mut report = |done: usize, total: usize, what: &str| {
            progress(Progress { done, total, what: what.to_owned() });
        };
        // Whoever only asks what is there stops here.
        report(0, 0, "looking for what to build");
        if cancelled.load(Ordering::SeqCst) {
            return Err(EnvironmentError::cancelled());
        }
        let mut turn = lanes::Turn::take(self.cache, &key, &self.what(), &mut |text| report(0, 0, text), cancelled)?;
        if let Some(record) = load(self.cache) {
            return Ok(found(record));
        }
        let lane = lanes::Lane::take(self.cache, &shelf, &mut |text| report(0, 0, text), cancelled)?;
        let store = lanes::store(self.cache, &shelf);
        let tools = cargo::Tools {
            toolchain: self.toolchain,
            directory: &self.options.directory,
            target_directory: lane.directory.clone(),
            store: store.clone(),
            rustflags,
            jobs: self.options.jobs,
            carried: carried::Carried::find(),
            cancelled,
        };
        let plan = Assembly {
            options: self.options,
            cache: self.cache,
            tools: &tools,
            parent: self.parent,
            dependencies: self.dependencies,
            key: &key,
        };
        let mut report = |done: usize, total: usize, what: &str| {
            turn.tell(done, total, what);
            lane.touch();
            report(done, total, what);
        };
        space::check(self.cache, self.dependencies.is_empty())?;
        let made = match assemble(&plan, &mut report) {
            // Our own crates do build: what cargo kept from earlier builds must be damaged.
            Err(error)
                if self.dependencies.is_empty()
                    && matches!(error.kind, EnvironmentFault::Build | EnvironmentFault::Dependency) =>
            {
                report(0, 0, "building anew: what earlier builds left does not fit");
                drop(std::fs::remove_dir_all(&tools.target_directory));
                drop(std::fs::remove_dir_all(&store));
                assemble(&plan, &mut report)
            }
            made => made,
        };
        let made = made.map_err(|error| {
            if !advice::says_full(&error) {
                return error;
            }
            space::clear(&[&tools.target_directory, &store, &self.cache.root().join("build").join(&key)]);
            let help = format!("{}; what was half built is removed", error.help);
            error.help(help)
        });
        let Assembled { environment, watched, restart } = made?;
        let record = IndexEntry::new(self.cache, environment, &watched, restart)?;
        record.save(self.cache, &key)?;
        Ok(found(record))
    }

    /// A hash of what decides what is made.
    fn key(&self) -> String {
        Identity::default()
            .part(self.shelf(&self.rustflags()))
            .part(helper::hash())
            .part(precompiled::hash())
            .parts(&self.options.features)
            .part(format!("{:?}{:?}", manifest::FLOOR, manifest::FLOOR_OF_MACROS))
            .part(self.parent.map_or("", |parent| &parent.id))
            .parts(self.dependencies.lines())
            .finish()
    }

    /// What is built, for other users of the cache.
    fn what(&self) -> String {
        let asked: Vec<&str> = self.dependencies.names().collect();
        if asked.is_empty() { "the environment".to_owned() } else { asked.join(", ") }
    }

    fn rustflags(&self) -> Vec<String> {
        let mut flags = cargo::user_rustflags();
        flags.push(format!("-Ctarget-cpu={}", self.options.target_cpu));
        // Panics in helpers name `ferrolab-…/src/par.rs`, not somebody's home directory.
        flags.push(format!("--remap-path-prefix={}/=", self.cache.root().join("source").display()));
        flags
    }

    /// A hash of what decides how any crate is compiled. Environments that share it share what is
    /// compiled, so that each crate is compiled once.
    fn shelf(&self, rustflags: &[String]) -> String {
        let native = if self.options.target_cpu == "native" { processor::native() } else { String::new() };
        Identity::default()
            .part("layout 2")
            .part(&self.toolchain.version_text)
            .part(if self.toolchain.libstd.is_some() { "flags" } else { "std in the layer, flags" })
            // The last flag names the cache's own place, which decides nothing.
            .parts(&rustflags[..rustflags.len().saturating_sub(1)])
            .part(native)
            .finish()
    }
}
