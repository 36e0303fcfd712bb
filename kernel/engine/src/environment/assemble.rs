//! From a set of dependencies to a finished environment: resolve, build, compare with what is
//! loaded, link what is new, and put the result into the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::cache::{Cache, failed, make, place, remove_all, sync};
use super::cargo::{Reach, Tools};
use super::dependencies::DependencySet;
use super::error::{EnvironmentError, EnvironmentFault};
use super::identity::{Identity, content};
use super::layer;
use super::manifest::{HIDDEN, PACKAGE, check_libraries, floor, write_package};
use super::messages::{Artifact, Built, Metadata};
use super::precompiled::{self, Outcome, Precompiled};
use super::{Crate, Environment, Options, advice, helper, once};

/// What is to be made.
pub(super) struct Assembly<'a> {
    pub(super) options: &'a Options,
    pub(super) cache: &'a Cache,
    pub(super) tools: &'a Tools<'a>,
    /// The environment a session has loaded, which the new one joins if it can.
    pub(super) parent: Option<&'a Environment>,
    pub(super) dependencies: &'a DependencySet,
    /// A name for the working directory, the same for the same plan.
    pub(super) key: &'a str,
}

/// What was made.
pub(super) struct Assembled {
    pub(super) environment: Environment,
    /// Directories of the user's own crates.
    pub(super) watched: Vec<PathBuf>,
    /// Why it could not join the parent.
    pub(super) restart: Option<String>,
}

/// How far it is: crates done, crates in all, what is going on.
pub(super) type Report<'a> = dyn FnMut(usize, usize, &str) + 'a;

/// The package that cargo builds, with all its versions chosen.
pub(super) struct Chosen {
    pub(super) manifest: PathBuf,
    pub(super) metadata: Metadata,
    pub(super) reach: Reach,
}

/// Have cargo choose versions of what is asked for.
pub(super) fn choose(plan: &Assembly<'_>, report: &mut Report<'_>) -> Result<Chosen, EnvironmentError> {
    let manifest = write_package(plan, &[])?;
    let (mut metadata, mut reach) = resolve(plan, &manifest, report)?;
    check_libraries(plan.dependencies, &metadata)?;
    let floor = floor(&metadata);
    if !floor.is_empty() {
        // On failure the plain set is as good; only later additions may need a restart.
        write_package(plan, &floor)?;
        match resolve(plan, &manifest, report) {
            Ok(resolved) => (metadata, reach) = resolved,
            Err(error) if error.kind == EnvironmentFault::Cancelled => return Err(error),
            Err(_) => drop(write_package(plan, &[])?),
        }
    }
    Ok(Chosen { manifest, metadata, reach })
}

/// Make the environment.
pub(super) fn assemble(plan: &Assembly<'_>, report: &mut Report<'_>) -> Result<Assembled, EnvironmentError> {
    let Chosen { manifest, metadata, reach } = choose(plan, report)?;
    let built = build(plan, &manifest, &metadata, reach, report)?;
    let total = metadata.count();
    let crates = measure(&built, &metadata)?;
    let restart = plan.parent.and_then(|parent| conflict(parent, &crates));
    // What is loaded stays loaded: with a conflict, the only way is a new set from the ground up.
    let parent = plan.parent.filter(|_| restart.is_none());
    report(total, total, "linking");
    let environment = finish(plan, parent, &manifest, &metadata, &built, crates)?;
    Ok(Assembled { environment, watched: metadata.local_packages(&[helper::NAME, helper::BASE, PACKAGE]), restart })
}

/// Let cargo choose versions and fetch what is missing. Where it found everything.
fn resolve(
    plan: &Assembly<'_>,
    manifest: &Path,
    report: &mut Report<'_>,
) -> Result<(Metadata, Reach), EnvironmentError> {
    report(0, 0, "resolving dependencies");
    let mut attempt = |reach: Reach| -> Result<Result<Metadata, Vec<String>>, EnvironmentError> {
        let mut command = plan.tools.cargo("metadata", manifest, reach);
        command.args(["--format-version", "1", "--filter-platform", &plan.tools.toolchain.host]);
        let mut text = String::new();
        let finished = plan.tools.run(command, &mut |line| match line {
            super::cargo::Line::Out(out) => text.push_str(out),
            super::cargo::Line::Status(status) => report(0, 0, &lower(status)),
        })?;
        if !finished.success {
            return Ok(Err(finished.errors));
        }
        Metadata::parse(&text).map(Ok)
    };
    // The base set may be in the user's cargo cache since the kernel was built: no need to ask.
    let first = if plan.options.offline || plan.dependencies.is_empty() { Reach::Here } else { Reach::Network };
    let mut errors = match attempt(first)? {
        Ok(metadata) => return Ok((metadata, first)),
        Err(errors) => errors,
    };
    let away = first == Reach::Network && advice::is_offline(&errors);
    let here = away.then_some(Reach::Here);
    let carried = plan.tools.carried.as_ref().map(|_| Reach::Carried).filter(|_| first == Reach::Here || away);
    let network = (first == Reach::Here && !plan.options.offline).then_some(Reach::Network);
    for reach in [here, carried, network].into_iter().flatten() {
        match attempt(reach)? {
            Ok(metadata) => return Ok((metadata, reach)),
            // A network error says more than what is missing without one.
            Err(again) if reach == Reach::Network => errors = again,
            Err(_) => {}
        }
    }
    let offline = plan.options.offline || away;
    Err(advice::resolution(&errors, offline, &mut |package| features_of(plan, manifest, package)))
}

/// The features a package has: resolve once more without asking for any.
fn features_of(plan: &Assembly<'_>, manifest: &Path, package: &str) -> Vec<String> {
    let Some(mut table) = fs::read_to_string(manifest).ok().and_then(|text| text.parse::<Table>().ok()) else {
        return Vec::new();
    };
    if let Some(dependencies) = table.get_mut("dependencies").and_then(Value::as_table_mut) {
        for (_, value) in dependencies.iter_mut() {
            if let Some(value) = value.as_table_mut() {
                value.remove("features");
            }
        }
    }
    let ask = || -> Result<Metadata, EnvironmentError> {
        let other = manifest.with_file_name("features").join("Cargo.toml");
        plan.cache.write(&other, helper::toml_text(&table)?.as_bytes())?;
        plan.cache.write(&other.with_file_name("src").join("lib.rs"), b"")?;
        let mut command = plan.tools.cargo("metadata", &other, Reach::Network);
        command.args(["--format-version", "1"]);
        let mut text = String::new();
        plan.tools.run(command, &mut |line| {
            if let super::cargo::Line::Out(out) = line {
                text.push_str(out);
            }
        })?;
        Metadata::parse(&text)
    };
    ask().map(|metadata| metadata.features(package)).unwrap_or_default()
}

fn build(
    plan: &Assembly<'_>,
    manifest: &Path,
    metadata: &Metadata,
    reach: Reach,
    report: &mut Report<'_>,
) -> Result<Built, EnvironmentError> {
    let total = metadata.count();
    let root = plan.tools.target_directory.join(&plan.tools.toolchain.host);
    let mut built = Built::new(root);
    let mut what = String::from("starting cargo");
    let (mut doing, mut waits) = (what.clone(), Vec::new());
    report(0, total, &what);
    let command = plan.tools.build(manifest, reach);
    let finished = plan.tools.run(command, &mut |line| match line {
        super::cargo::Line::Out(out) => {
            if built.message(out) {
                report(built.packages().min(total), total, &what);
            }
        }
        super::cargo::Line::Status(status) => {
            if let Some(name) = status.strip_prefix(once::WAITING).and_then(|rest| rest.strip_prefix(" for ")) {
                waits.push(name.to_owned());
            } else if let Some(name) = status.strip_prefix(once::WAITED).and_then(|rest| rest.strip_prefix(" for ")) {
                waits.retain(|wait| wait != name);
            } else {
                doing = lower(status);
            }
            what.clone_from(&doing);
            if !waits.is_empty() {
                what.push_str(&format!("; waiting for {}, which another kernel is building", waits.join(", ")));
            }
            report(built.packages().min(total), total, &what);
        }
    })?;
    if finished.success { Ok(built) } else { Err(advice::build(&finished.errors)) }
}

/// cargo's progress, in the user's terms.
fn lower(status: &str) -> String {
    if let Some(what) = status.strip_prefix("Blocking waiting for file lock on ") {
        return format!("waiting: another cargo of this user holds the lock on its {what}");
    }
    let status = status.split(" (").next().unwrap_or(status);
    let mut chars = status.chars();
    chars.next().map(|first| first.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// Describe every crate that was built for cells (not for build scripts).
fn measure(built: &Built, metadata: &Metadata) -> Result<Vec<(Crate, Artifact)>, EnvironmentError> {
    let mut crates = Vec::new();
    for artifact in built.libraries() {
        let Some(package) = metadata.package(&artifact.package) else {
            continue;
        };
        if package.name == PACKAGE {
            continue;
        }
        let metadata = artifact.metadata_file();
        let hash = content(metadata).map_err(|e| failed("read", metadata, &e))?;
        let file = metadata.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let krate =
            Crate { package: package.name.clone(), version: package.version.clone(), file, hash, path: PathBuf::new() };
        crates.push((krate, artifact.clone()));
    }
    // cargo reports them as they finish; names of what is built must not depend on that.
    crates.sort_by(|(a, _), (b, _)| a.file.cmp(&b.file));
    Ok(crates)
}

/// Why crates as now resolved cannot stand beside those that are loaded.
fn conflict(parent: &Environment, now: &[(Crate, Artifact)]) -> Option<String> {
    let here: BTreeSet<(&str, &str)> = now.iter().map(|(c, _)| (c.file.as_str(), c.hash.as_str())).collect();
    let changed: BTreeMap<&str, &str> = parent
        .crates
        .iter()
        .filter(|old| !here.contains(&(old.file.as_str(), old.hash.as_str())))
        .map(|old| (old.package.as_str(), old.version.as_str()))
        .collect();
    if changed.is_empty() {
        return None;
    }
    let mut reasons: Vec<String> = Vec::new();
    for (package, version) in &changed {
        let versions: BTreeSet<&str> =
            now.iter().filter(|(c, _)| c.package == *package).map(|(c, _)| c.version.as_str()).collect();
        if !versions.is_empty() && !versions.contains(version) {
            let versions: Vec<&str> = versions.into_iter().collect();
            reasons.push(format!("{package} {version} becomes {}", versions.join(", ")));
        }
    }
    if reasons.is_empty() {
        let names: Vec<&str> = changed.keys().copied().take(6).collect();
        let more = changed.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        reasons.push(format!("{}{more} are needed with other features than those loaded", names.join(", ")));
    }
    Some(reasons.join("; "))
}

/// The environment's directory: what was built, linked into one layer, with the names that cells can use.
fn finish(
    plan: &Assembly<'_>,
    parent: Option<&Environment>,
    manifest: &Path,
    metadata: &Metadata,
    built: &Built,
    crates: Vec<(Crate, Artifact)>,
) -> Result<Environment, EnvironmentError> {
    let loaded: BTreeSet<&str> = parent.iter().flat_map(|p| &p.crates).map(|c| c.file.as_str()).collect();
    let new: Vec<_> = crates.into_iter().filter(|(c, _)| !loaded.contains(c.file.as_str())).collect();
    let id = identity(plan, parent, &new)?;
    let target = plan.cache.directory("environments")?.join(&id);
    let stage = plan.cache.stage(&target)?;
    let library = stage.path().join("lib");
    make(&library)?;
    let all = place_crates(parent, &new, &library, &target)?;
    for plugin in built.plugins() {
        let Some(name) = plugin.file_name() else { continue };
        place(plugin, &library.join(name))?;
    }
    place(&manifest.with_file_name("Cargo.lock"), &stage.path().join("Cargo.lock"))?;
    let linked: Vec<&Artifact> = new.iter().map(|(_, a)| a).filter(|a| a.is_rlib()).collect();
    let mut layers = parent.map(|p| p.layers.clone()).unwrap_or_default();
    let mut precompiled = parent.map(|p| p.precompiled.clone()).unwrap_or_default();
    let mut lacks = Vec::new();
    if !linked.is_empty() {
        let joint =
            Joint { plan, parent, metadata, built, linked: &linked, id: &id, stage: stage.path(), target: &target };
        let made = joint.link(&layers)?;
        layers.push(made.layer);
        precompiled.extend(made.ready);
        lacks = made.lacks;
    }
    let externs = externs(metadata, built, &all, &target)?;
    sync(stage.path());
    stage.commit()?;
    let mut search = vec![target.join("lib")];
    search.extend(parent.iter().flat_map(|p| p.search.iter().cloned()));
    Ok(Environment {
        id,
        toolchain: plan.tools.toolchain.clone(),
        options: plan.options.clone(),
        externs,
        search,
        layers,
        precompiled,
        lacks,
        dependencies: plan.dependencies.clone(),
        crates: all,
        lock: target.join("Cargo.lock"),
    })
}

/// What an environment is called: a hash of all that is in it.
fn identity(
    plan: &Assembly<'_>,
    parent: Option<&Environment>,
    new: &[(Crate, Artifact)],
) -> Result<String, EnvironmentError> {
    let mut identity = Identity::default().part(plan.key).part(parent.map_or("", |p| &p.id));
    for (krate, artifact) in new {
        let code = content(artifact.code_file()).map_err(|e| failed("read", artifact.code_file(), &e))?;
        identity = identity.part(&krate.file).part(&krate.hash).part(code);
    }
    Ok(identity.finish())
}

/// Puts what rustc reads of new crates into the library; all crates, those of the parent first.
fn place_crates(
    parent: Option<&Environment>,
    new: &[(Crate, Artifact)],
    library: &Path,
    target: &Path,
) -> Result<Vec<Crate>, EnvironmentError> {
    let mut all = parent.map(|p| p.crates.clone()).unwrap_or_default();
    for (mut krate, artifact) in new.iter().cloned() {
        place(artifact.metadata_file(), &library.join(&krate.file))?;
        krate.path = target.join("lib").join(&krate.file);
        all.push(krate);
    }
    Ok(all)
}

/// The crates that cells can name, and where rustc finds them.
fn externs(
    metadata: &Metadata,
    built: &Built,
    all: &[Crate],
    target: &Path,
) -> Result<Vec<(String, PathBuf)>, EnvironmentError> {
    let hidden = HIDDEN.replace('-', "_");
    let direct = metadata.direct().into_iter().filter(|(name, _)| !name.starts_with(&hidden));
    let located = direct.map(|(name, package)| {
        let artifact = built.libraries().find(|a| a.package == package).map(Artifact::metadata_file);
        let plugin = || built.plugin_of(&package);
        let Some(file) = artifact.or_else(plugin).and_then(Path::file_name) else {
            return Err(EnvironmentError::new(EnvironmentFault::Build, format!("cargo built no library for `{name}`")));
        };
        let known = all.iter().find(|c| Path::new(&c.file).as_os_str() == file).map(|c| c.path.clone());
        Ok((name, known.unwrap_or_else(|| target.join("lib").join(file))))
    });
    located.collect()
}

/// What becomes one shared object: the new crates, with what is compiled of them ahead of cells.
struct Joint<'a> {
    plan: &'a Assembly<'a>,
    parent: Option<&'a Environment>,
    metadata: &'a Metadata,
    built: &'a Built,
    linked: &'a [&'a Artifact],
    id: &'a str,
    stage: &'a Path,
    target: &'a Path,
}

/// A layer.
struct Linked {
    /// Where it will be.
    layer: PathBuf,
    /// What was compiled ahead of cells.
    ready: Vec<Precompiled>,
    /// What was to be, and why it was not.
    lacks: Vec<String>,
}

impl Joint<'_> {
    /// Links it on top of the layers below.
    fn link(&self, below: &[PathBuf]) -> Result<Linked, EnvironmentError> {
        // Scratch space inside the staged entry, as the layer's own.
        let scratch = self.stage.join("precompiling");
        make(&scratch)?;
        let search = self.search();
        let mut crates: Vec<(String, PathBuf)> =
            self.linked.iter().map(|a| (a.name.clone(), a.code_file().to_path_buf())).collect();
        let (mut ready, mut lacks) = (Vec::new(), Vec::new());
        for outcome in self.precompile(&search, &scratch)? {
            let (precompiled, rlib) = match outcome {
                Outcome::Compiled { precompiled, rlib } => (precompiled, rlib),
                Outcome::LeftOut(why) => {
                    lacks.push(why);
                    continue;
                }
            };
            crates.push((precompiled.name.clone(), rlib));
            let metadata = self.target.join("lib").join(precompiled.metadata.file_name().unwrap_or_default());
            ready.push(Precompiled { metadata, ..precompiled });
        }
        let foreign: Vec<layer::Foreign> = self.linked.iter().filter_map(|a| self.foreign(a)).collect();
        let parts = layer::Parts {
            number: below.len(),
            hash: self.id,
            below,
            crates: &crates,
            search: &search,
            native: &self.built.native_paths(),
            foreign: &foreign,
        };
        let path = layer::link(self.plan.tools, &parts, self.stage)?;
        remove_all(&scratch).map_err(|e| failed("remove", &scratch, &e))?;
        Ok(Linked { layer: self.target.join(path.file_name().unwrap_or_default()), ready, lacks })
    }

    /// Where rustc looks for crates that others name.
    fn search(&self) -> Vec<PathBuf> {
        let libraries = self.built.libraries().filter_map(|a| a.code_file().parent());
        let folders: BTreeSet<&Path> = libraries.chain(self.built.plugins().filter_map(Path::parent)).collect();
        let mut search: Vec<PathBuf> = folders.into_iter().map(Path::to_path_buf).collect();
        search.extend(self.parent.iter().flat_map(|p| p.search.iter().cloned()));
        search
    }

    fn precompile(&self, search: &[PathBuf], scratch: &Path) -> Result<Vec<Outcome>, EnvironmentError> {
        let direct = self.metadata.direct();
        let given = direct.iter().filter_map(|(name, package)| {
            let artifact = self.linked.iter().find(|a| a.package == *package)?;
            Some(precompiled::Given { name, rlib: artifact.code_file() })
        });
        // The standard library's is in the lowest layer.
        let std = self.parent.is_none().then_some(None);
        let library = self.stage.join("lib");
        let mut made = Vec::new();
        for given in std.into_iter().chain(given.map(Some)) {
            made.extend(precompiled::build(self.plan.tools, given, search, &library, scratch)?);
        }
        Ok(made)
    }

    fn foreign(&self, artifact: &Artifact) -> Option<layer::Foreign> {
        let libraries = self.built.foreign(&artifact.package)?.to_vec();
        Some(layer::Foreign { rlib: artifact.code_file().to_path_buf(), libraries })
    }
}
