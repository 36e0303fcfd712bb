//! Crates that come with this program, so that environments can be made without a network: a folder in the form that
//! cargo calls a local registry. Finding it and making one; what is built from it is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::assemble::{Assembly, choose};
use super::cache::{Cache, failed, make};
use super::cargo::{Line, Reach, Tools};
use super::dependencies::DependencySet;
use super::error::{EnvironmentError, EnvironmentFault};
use super::{Environment, Options, Progress, Toolchain, Work, lanes};

/// The variable that names such a folder.
pub const VARIABLE: &str = "FERROLAB_CRATES";
/// cargo's name for it.
const NAME: &str = "ferrolab-carried";
const INDEX: &str = "index";

/// A folder with crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried(PathBuf);

impl Carried {
    /// The folder that the variable names, or the one beside this program.
    pub(super) fn find() -> Option<Self> {
        let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = named.or_else(|| super::beside_program("crates"))?.canonicalize().ok()?;
        folder.join(INDEX).is_dir().then_some(Self(folder))
    }

    /// What cargo is told, so that it takes crates.io's crates from there.
    pub(super) fn settings(&self) -> [String; 2] {
        let path = Value::from(self.0.to_string_lossy().into_owned());
        [
            format!("source.crates-io.replace-with='{NAME}'"),
            // A JSON text is a TOML text.
            format!("source.{NAME}.local-registry={path}"),
        ]
    }
}

/// All that cargo says of a package that its index wants to know.
#[derive(Deserialize)]
struct Described {
    name: String,
    version: String,
    source: Option<String>,
    dependencies: Vec<Wanted>,
    features: BTreeMap<String, Vec<String>>,
    links: Option<String>,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    rename: Option<String>,
    req: String,
    kind: Option<String>,
    optional: bool,
    uses_default_features: bool,
    features: Vec<String>,
    target: Option<String>,
}

impl Described {
    fn is_published(&self) -> bool {
        self.source.as_deref().is_some_and(|source| source.starts_with("registry+"))
    }

    /// Its line in an index.
    fn line(&self, checksum: &str) -> Value {
        // What a crate's tests want, too: its features may name that.
        let dependencies: Vec<Value> = self
            .dependencies
            .iter()
            .map(|wanted| {
                json!({
                    "name": wanted.rename.as_ref().unwrap_or(&wanted.name),
                    "package": wanted.rename.as_ref().map(|_| &wanted.name),
                    "req": wanted.req,
                    "features": wanted.features,
                    "optional": wanted.optional,
                    "default_features": wanted.uses_default_features,
                    "target": wanted.target,
                    "kind": wanted.kind.as_deref().unwrap_or("normal"),
                })
            })
            .collect();
        let features: Map<String, Value> =
            self.features.iter().map(|(name, means)| (name.clone(), Value::from(means.clone()))).collect();
        json!({
            "name": self.name, "vers": self.version, "deps": dependencies, "cksum": checksum, "features": features,
            "yanked": false, "links": self.links, "v": 2,
        })
    }
}

/// Where an index has a crate: by its first letters.
fn place_in_index(name: &str) -> PathBuf {
    let name = name.to_lowercase();
    let letters = |range: std::ops::Range<usize>| name.get(range).unwrap_or_default();
    match name.len() {
        1 => Path::new("1").join(&name),
        2 => Path::new("2").join(&name),
        3 => Path::new("3").join(letters(0..1)).join(&name),
        _ => Path::new(letters(0..2)).join(letters(2..4)).join(&name),
    }
}

/// Copies the crates that environments are made from, and those that `dependencies` need besides, into a folder that
/// [`VARIABLE`] or a package can name. How many crates are in it.
///
/// # Errors
/// When there is no toolchain, a crate cannot be had, or the folder cannot be written.
pub fn carry(
    options: &Options,
    dependencies: &DependencySet,
    into: &Path,
    progress: &mut dyn FnMut(Progress),
    cancelled: &AtomicBool,
) -> Result<usize, EnvironmentError> {
    let cache = Cache::open()?;
    let toolchain = Toolchain::discover(&cache, &options.sites, &options.directory)?;
    let none: Option<&Environment> = None;
    let work = Work { options, cache: &cache, toolchain: &toolchain, parent: none, dependencies };
    let key = format!("carried-{}", work.key());
    let mut report = |done: usize, total: usize, what: &str| {
        progress(Progress { done, total, what: what.to_owned() });
    };
    let mut turn = lanes::Turn::take(&cache, &key, "the same crates", &mut |text| report(0, 0, text), cancelled)?;
    let rustflags = work.rustflags();
    let shelf = work.shelf(&rustflags);
    let lane = lanes::Lane::take(&cache, &shelf, &mut |text| report(0, 0, text), cancelled)?;
    let tools = Tools {
        toolchain: &toolchain,
        directory: &options.directory,
        target_directory: lane.directory.clone(),
        store: lanes::store(&cache, &shelf),
        rustflags,
        jobs: options.jobs,
        carried: Carried::find(),
        cancelled,
    };
    let plan = Assembly { options, cache: &cache, tools: &tools, parent: None, dependencies, key: &key };
    let mut told = |done: usize, total: usize, what: &str| {
        turn.tell(done, total, what);
        report(done, total, what);
    };
    let chosen = choose(&plan, &mut told)?;
    told(0, 0, "fetching crates");
    // All platforms: an index has to know what a crate wants elsewhere, too.
    let described = describe(&tools, &chosen.manifest, chosen.reach)?;
    let checksums = checksums(&chosen.manifest)?;
    let needed: BTreeSet<(String, String)> =
        chosen.metadata.reachable().map(|package| (package.name.clone(), package.version.clone())).collect();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    make(into)?;
    for package in described.iter().filter(|package| package.is_published()) {
        let key = (package.name.clone(), package.version.clone());
        let Some(checksum) = checksums.get(&key) else { continue };
        lines.entry(package.name.clone()).or_default().push(package.line(checksum).to_string());
        if needed.contains(&key) {
            copy_crate(package, checksum, into)?;
            count += 1;
        }
    }
    for (name, lines) in lines {
        let file = into.join(INDEX).join(place_in_index(&name));
        let written =
            file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, lines.join("\n") + "\n"));
        written.map_err(|e| failed("write", &file, &e))?;
    }
    Ok(count)
}

fn describe(tools: &Tools<'_>, manifest: &Path, reach: Reach) -> Result<Vec<Described>, EnvironmentError> {
    #[derive(Deserialize)]
    struct Answer {
        packages: Vec<Described>,
    }
    // What was enough for this platform may not be for all.
    let reach = if reach == Reach::Here { Reach::Network } else { reach };
    let mut command = tools.cargo("metadata", manifest, reach);
    command.args(["--format-version", "1", "--locked"]);
    let mut text = String::new();
    let finished = tools.run(command, &mut |line| {
        if let Line::Out(out) = line {
            text.push_str(out);
        }
    })?;
    if !finished.success {
        return Err(super::advice::resolution(&finished.errors, false, &mut |_| Vec::new()));
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|e| {
        EnvironmentError::new(
            EnvironmentFault::Toolchain,
            format!("cargo metadata gave an answer that cannot be read: {e}"),
        )
    })?;
    Ok(answer.packages)
}

/// Of each package, by name and version, what a lock says.
fn checksums(manifest: &Path) -> Result<BTreeMap<(String, String), String>, EnvironmentError> {
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    let file = manifest.with_file_name("Cargo.lock");
    let text = fs::read_to_string(&file).map_err(|e| failed("read", &file, &e))?;
    let lock: Lock = toml::from_str(&text).map_err(|e| {
        EnvironmentError::new(EnvironmentFault::Build, format!("{} cannot be read: {e}", file.display()))
    })?;
    let known = lock.package.into_iter().filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)));
    Ok(known.collect())
}

/// Copies a crate as it was published, if it is what the lock says.
fn copy_crate(package: &Described, checksum: &str, into: &Path) -> Result<(), EnvironmentError> {
    let name = format!("{}-{}.crate", package.name, package.version);
    let target = into.join(&name);
    let sum = |path: &Path| -> io::Result<String> {
        Ok(Sha256::digest(fs::read(path)?).iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let is_it = |path: &Path| sum(path).is_ok_and(|found| found == checksum);
    if is_it(&target) {
        return Ok(());
    }
    let home = env::var_os("CARGO_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let registries = fs::read_dir(home.join("registry/cache")).into_iter().flatten().flatten();
    let carried = Carried::find().map(|carried| carried.0);
    let mut places = registries.map(|registry| registry.path()).chain(carried).map(|folder| folder.join(&name));
    let Some(source) = places.find(|path| is_it(path)) else {
        let what = format!("{name} is not in {}, or is not what was published", home.join("registry/cache").display());
        return Err(EnvironmentError::new(EnvironmentFault::Offline, what)
            .help("run `cargo fetch` where there is a network; sources that replace crates.io cannot be copied"));
    };
    fs::copy(&source, &target).map(drop).map_err(|e| failed("write", &target, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_an_index_are_cargos() {
        let places = ["a", "rv", "log", "Serde", "wide-1"].map(|name| place_in_index(name).display().to_string());
        assert_eq!(places, ["1/a", "2/rv", "3/l/log", "se/rd/serde", "wi/de/wide-1"]);
    }

    #[test]
    fn a_line_says_what_cargo_wants_to_know() {
        let described: Described = serde_json::from_value(json!({
            "name": "x", "version": "1.0.0", "source": "registry+https://github.com/rust-lang/crates.io-index",
            "links": null, "features": {"default": ["std"], "std": []},
            "dependencies": [
                {"name": "serde", "rename": "other", "req": "^1", "kind": null, "optional": true,
                 "uses_default_features": false, "features": ["derive"], "target": "cfg(unix)"},
                {"name": "trybuild", "rename": null, "req": "*", "kind": "dev", "optional": false,
                 "uses_default_features": true, "features": [], "target": null},
            ],
        }))
        .expect("as cargo says it");
        let line = described.line("abc");
        assert_eq!(line["deps"].as_array().map(Vec::len), Some(2), "features may name what tests want");
        assert_eq!((&line["deps"][0]["name"], &line["deps"][0]["package"]), (&json!("other"), &json!("serde")));
        assert_eq!((&line["cksum"], &line["deps"][0]["kind"]), (&json!("abc"), &json!("normal")));
    }

    #[test]
    fn settings_are_toml_whatever_the_path_is() {
        let [_, setting] = Carried(PathBuf::from("/a \"b\"/c")).settings();
        let table: toml::Table = setting.parse().expect("TOML");
        assert_eq!(table["source"][NAME]["local-registry"].as_str(), Some("/a \"b\"/c"));
    }
}
