//! The package that cargo builds for an environment: a manifest of what is asked for, with the
//! features that make later additions fit. It runs nothing.

use std::fs;
use std::path::PathBuf;

use toml::{Table, Value};

use super::assemble::Assembly;
use super::dependencies::DependencySet;
use super::error::{EnvironmentError, EnvironmentFault};
use super::helper;
use super::messages::Metadata;

/// The name of the package that is never used, only built for what it depends on.
pub(super) const PACKAGE: &str = "ferrolab-environment";

/// Features that other crates often ask for in these. A crate that is loaded cannot change its
/// features, so they are switched on at first sight: then later additions fit without a restart.
///
/// None of them brings a crate that would not be there, but for `bytemuck`'s derive, which half of all crates for
/// arrays and data frames want.
pub(super) const FLOOR: &[(&str, &[&str])] = &[
    ("bytemuck", &["aarch64_simd", "derive", "extern_crate_alloc", "min_const_generics", "must_cast", "wasm_simd"]),
    ("byteorder", &[]),
    ("bytes", &[]),
    ("crc32fast", &[]),
    ("crossbeam-epoch", &[]),
    ("crossbeam-utils", &[]),
    ("either", &["serde", "use_std"]),
    ("flate2", &[]),
    ("futures-core", &[]),
    ("getrandom", &["std"]),
    ("indexmap", &[]),
    ("libc", &["extra_traits"]),
    ("log", &["std"]),
    ("matrixmultiply", &["avx512", "std"]),
    ("memchr", &[]),
    ("miniz_oxide", &["simd", "with-alloc"]),
    ("ndarray", &["serde"]),
    ("num-complex", &["bytemuck", "serde", "std"]),
    ("num-integer", &["i128"]),
    ("num-rational", &["std"]),
    ("num-traits", &["i128", "libm"]),
    ("once_cell", &["race"]),
    ("rand_core", &["std"]),
    ("serde", &["derive", "rc"]),
    ("serde_core", &["rc"]),
    ("serde_json", &["alloc", "raw_value", "std"]),
    ("simd-adler32", &[]),
    ("thiserror", &["std"]),
];

/// The same for what macros are made of. A macro that is built anew is another one, and so is every crate that uses it:
/// without this, `tokio` or `clap` would change nearly all that is loaded.
pub(super) const FLOOR_OF_MACROS: &[(&str, &[&str])] =
    &[("syn", &["extra-traits", "fold", "full", "visit", "visit-mut"])];

/// Prefix of the names under which [`FLOOR`] stands in a manifest.
pub(super) const HIDDEN: &str = "ferrolab-floor-";

/// A package whose features are raised to the floor.
pub(super) struct Raised {
    package: String,
    version: String,
    features: Vec<Value>,
    /// True when the manifest names it already; cargo refuses a second name.
    direct: bool,
    /// True for what runs while others are built: cargo gives it features of its own.
    of_macros: bool,
}

/// What of the floor the resolved packages can take.
pub(super) fn floor(metadata: &Metadata) -> Vec<Raised> {
    let direct = metadata.direct();
    let packages = metadata.packages().filter(|package| package.is_from_registry());
    let raised = packages.filter_map(|package| {
        let named = |(name, _): &&(&str, _)| *name == package.name;
        let of_macros = FLOOR_OF_MACROS.iter().find(named);
        let (_, wanted) = of_macros.or_else(|| FLOOR.iter().find(named))?;
        // `default` is a feature like any other for what a build is called.
        let wanted = wanted.iter().chain(&["default"]);
        let has = wanted.filter(|feature| package.features.contains_key(**feature));
        Some(Raised {
            package: package.name.clone(),
            version: package.version.clone(),
            features: has.map(|feature| Value::String((*feature).to_owned())).collect(),
            direct: of_macros.is_none() && direct.iter().any(|(_, id)| *id == package.id),
            of_macros: of_macros.is_some(),
        })
    });
    raised.collect()
}

/// Adds the floor to the dependencies; returns those of macros, which are for building.
fn raise(dependencies: &mut Table, floor: &[Raised]) -> Table {
    let mut of_macros = Table::new();
    for (index, raised) in floor.iter().enumerate() {
        if raised.direct {
            let named = dependencies
                .iter_mut()
                .find(|(key, value)| value.get("package").and_then(Value::as_str).unwrap_or(key) == raised.package);
            let Some((_, value)) = named else { continue };
            if let Value::String(version) = value {
                *value = Value::Table(Table::from_iter([("version".to_owned(), Value::String(version.clone()))]));
            }
            let Some(table) = value.as_table_mut() else {
                continue;
            };
            let features = table.entry("features").or_insert_with(|| Value::Array(Vec::new()));
            if let Some(features) = features.as_array_mut() {
                features.extend(raised.features.iter().cloned());
            }
            continue;
        }
        let entry = Table::from_iter([
            ("package".to_owned(), Value::String(raised.package.clone())),
            ("version".to_owned(), Value::String(format!("={}", raised.version))),
            ("default-features".to_owned(), Value::Boolean(false)),
            ("features".to_owned(), Value::Array(raised.features.clone())),
        ]);
        let table = if raised.of_macros { &mut of_macros } else { &mut *dependencies };
        table.insert(format!("{HIDDEN}{index}"), Value::Table(entry));
    }
    of_macros
}

/// Write the package that cargo builds; its manifest. A floor comes in a second run, on top of the
/// lock that the first run left.
pub(super) fn write_package(plan: &Assembly<'_>, floor: &[Raised]) -> Result<PathBuf, EnvironmentError> {
    let folder = plan.cache.directory("build")?.join(plan.key);
    let source = helper::unpack(plan.cache)?;
    let mut dependencies = helper::shared_dependencies()?;
    let mut own = Table::new();
    own.insert("path".to_owned(), Value::String(source.display().to_string()));
    if !plan.options.features.is_empty() {
        let features = plan.options.features.iter().cloned().map(Value::String).collect();
        own.insert("features".to_owned(), Value::Array(features));
    }
    dependencies.insert(helper::NAME.to_owned(), Value::Table(own));
    dependencies.extend(plan.dependencies.table());
    let of_macros = raise(&mut dependencies, floor);
    let package = [("name", PACKAGE), ("version", "0.0.0"), ("edition", "2024")];
    let package: Table = package.map(|(k, v)| (k.to_owned(), Value::String(v.to_owned()))).into_iter().collect();
    let mut manifest = Table::new();
    manifest.insert("package".to_owned(), Value::Table(package));
    manifest.insert("dependencies".to_owned(), Value::Table(dependencies));
    manifest.insert("build-dependencies".to_owned(), Value::Table(of_macros));
    // Keeps cargo from taking a workspace above the cache for ours.
    let workspace = Table::from_iter([("resolver".to_owned(), Value::String("3".to_owned()))]);
    manifest.insert("workspace".to_owned(), Value::Table(workspace));
    let path = folder.join("Cargo.toml");
    plan.cache.write(&path, helper::toml_text(&manifest)?.as_bytes())?;
    plan.cache.write(&folder.join("src/lib.rs"), b"")?;
    let lock = match plan.parent {
        Some(parent) => fs::read(&parent.lock).ok(),
        None => helper::lock().map(<[u8]>::to_vec),
    };
    if let Some(lock) = lock.filter(|_| floor.is_empty()) {
        plan.cache.write(&folder.join("Cargo.lock"), &lock)?;
    }
    Ok(path)
}

/// cargo only warns about a dependency that is a program and not a library.
pub(super) fn check_libraries(dependencies: &DependencySet, metadata: &Metadata) -> Result<(), EnvironmentError> {
    let direct = metadata.direct();
    for (key, value) in dependencies.table() {
        let package = value.get("package").and_then(Value::as_str).unwrap_or(&key);
        let usable = |(name, id): &(String, String)| {
            !name.is_empty() && metadata.package(id).is_some_and(|found| found.name == package)
        };
        if !direct.iter().any(usable) {
            return Err(EnvironmentError::new(
                EnvironmentFault::Dependency,
                format!("`{package}` has no library that a cell could use"),
            )
            .help("a crate that is only a program is installed with `!cargo install`, not added with `:dep`"));
        }
    }
    Ok(())
}
