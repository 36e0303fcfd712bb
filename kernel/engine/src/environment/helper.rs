//! The helper crate's source, carried in this binary, and its manifest made to stand alone.
//! Building it is somebody else's.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use toml::{Table, Value};

use super::cache::Cache;
use super::error::{EnvironmentError, EnvironmentFault};
use super::identity::Identity;
use super::lock::Guard;

/// The files, by their paths in the helper crate.
pub static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/helper.rs"));

/// Dependencies of the helper crate that cells may name as well.
pub(super) const SHARED: &[&str] = &["rayon", "plotters", "ndarray", "serde"];

/// What the helper crate shares with the kernel: a package of its own, which stands in it as `base`.
pub(super) const BASE: &str = "ferrolab-base";

/// The name of the helper crate.
pub(super) const NAME: &str = "ferrolab";

/// A hash of the helper crate: sources, manifest and lock.
pub(super) fn hash() -> String {
    FILES.iter().fold(Identity::default(), |id, (name, bytes)| id.part(name).part(bytes)).finish()
}

/// The lock the helper crate was tested with.
pub(super) fn lock() -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| *name == "Cargo.lock").map(|(_, bytes)| *bytes)
}

/// Unpack the source into the cache, once for each content; where it is.
pub(super) fn unpack(cache: &Cache) -> Result<PathBuf, EnvironmentError> {
    let target = cache.directory("source")?.join(format!("{NAME}-{}", hash()));
    unpack_at(cache, target, &stand_alone(manifest()?))
}

/// The same as a package whose library is a shared object: evcxr links cells one by one, and all
/// of them must share one instance of the helper crate.
#[cfg(feature = "evcxr")]
pub(super) fn unpack_shared(cache: &Cache) -> Result<PathBuf, EnvironmentError> {
    let target = cache.directory("source")?.join(format!("{NAME}-shared-{}", hash()));
    let mut manifest = stand_alone(manifest()?);
    if let Some(library) = manifest.get_mut("lib").and_then(Value::as_table_mut) {
        library.insert("crate-type".to_owned(), Value::Array(vec![Value::String("dylib".to_owned())]));
    }
    if let Some(features) = manifest.get_mut("features").and_then(Value::as_table_mut) {
        features.insert("default".to_owned(), Value::Array(vec![Value::String("for-evcxr".to_owned())]));
    }
    unpack_at(cache, target, &manifest)
}

fn unpack_at(cache: &Cache, target: PathBuf, manifest: &Table) -> Result<PathBuf, EnvironmentError> {
    let manifests = [("Cargo.toml", toml_text(manifest)?), ("base/Cargo.toml", toml_text(&base_manifest()?)?)];
    let is = |name: &str, bytes: &[u8]| std::fs::read(target.join(name)).is_ok_and(|there| there == bytes);
    let sources = || FILES.iter().filter(|(name, _)| name.starts_with("src/") || name.starts_with("base/src/"));
    let there = || {
        manifests.iter().all(|(name, text)| is(name, text.as_bytes())) && sources().all(|(name, bytes)| is(name, bytes))
    };
    // Compared whole: this is asked only before a build, and a damaged file fails in odd ways.
    if there() {
        return Ok(target);
    }
    // Builds of different sets meet here.
    let lock = cache.directory("locks")?.join("source");
    let _guard = Guard::take(&lock, &mut || {}, &AtomicBool::new(false))?;
    if there() {
        return Ok(target);
    }
    let stage = cache.stage(&target)?;
    for (name, bytes) in sources() {
        cache.write(&stage.path().join(name), bytes)?;
    }
    for (name, text) in &manifests {
        cache.write(&stage.path().join(name), text.as_bytes())?;
    }
    stage.commit()
}

/// The dependencies cells can name besides the helper crate, as the helper crate writes them.
pub(super) fn shared_dependencies() -> Result<Table, EnvironmentError> {
    let manifest = manifest()?;
    let dependencies = manifest.get("dependencies").and_then(Value::as_table);
    let mut shared = Table::new();
    for name in SHARED {
        if let Some(value) = dependencies.and_then(|table| table.get(*name)) {
            shared.insert((*name).to_owned(), value.clone());
        }
    }
    Ok(shared)
}

/// A TOML table as text.
pub(super) fn toml_text(table: &Table) -> Result<String, EnvironmentError> {
    toml::to_string(table)
        .map_err(|e| EnvironmentError::new(EnvironmentFault::Build, format!("cannot write a manifest: {e}")))
}

fn manifest() -> Result<Table, EnvironmentError> {
    carried("Cargo.toml")
}

/// The manifest of what the helper crate shares with the kernel.
fn base_manifest() -> Result<Table, EnvironmentError> {
    let mut base = carried("base/Cargo.toml")?;
    if let Some(workspace) = manifest()?.remove("workspace") {
        base.insert("workspace".to_owned(), workspace);
    }
    Ok(stand_alone(base))
}

fn carried(file: &str) -> Result<Table, EnvironmentError> {
    let broken = |what: &str| {
        EnvironmentError::new(EnvironmentFault::Build, format!("this binary's helper crate is broken: {what}"))
    };
    let bytes = FILES.iter().find(|(name, _)| *name == file).map(|(_, bytes)| *bytes);
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(|| broken("no manifest"))?;
    text.parse::<Table>().map_err(|e| broken(&e.to_string()))
}

/// Resolve what the manifest takes from its workspace, and drop what only a checkout needs.
fn stand_alone(mut manifest: Table) -> Table {
    let workspace = manifest.remove("workspace");
    let inherited = |section: &str, name: &str| workspace.as_ref()?.get(section)?.get(name).cloned();
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for (name, value) in package.iter_mut() {
            if value.get("workspace").is_some()
                && let Some(actual) = inherited("package", name)
            {
                *value = actual;
            }
        }
        for name in ["readme", "default-run", "license-file"] {
            package.remove(name);
        }
    }
    if let Some(dependencies) = manifest.get_mut("dependencies").and_then(Value::as_table_mut) {
        for (name, value) in dependencies.iter_mut() {
            if value.get("workspace").is_some()
                && let Some(actual) = inherited("dependencies", name)
            {
                *value = actual;
            }
            if name == BASE {
                *value = Value::Table(Table::from_iter([("path".to_owned(), Value::String("base".to_owned()))]));
            }
        }
    }
    for name in ["lints", "dev-dependencies", "bench", "test", "example", "bin", "profile", "badges"] {
        manifest.remove(name);
    }
    // The kernel embeds only `src`: nothing else of the checkout is to be looked for.
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for name in ["autobenches", "autotests", "autoexamples", "autobins"] {
            package.insert(name.to_owned(), Value::Boolean(false));
        }
    }
    manifest
}
