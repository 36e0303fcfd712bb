//! What cargo says in JSON, as far as it matters here. Only parsing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{EnvironmentError, EnvironmentFault};

/// The answer of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    manifest_path: PathBuf,
    source: Option<String>,
    #[serde(default)]
    pub(super) features: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    root: Option<String>,
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    name: String,
    pkg: String,
    #[serde(default)]
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Package {
    /// Whether versions of it are published, so that one can be named.
    pub(super) fn is_from_registry(&self) -> bool {
        self.source.as_deref().is_some_and(|source| source.starts_with("registry+"))
    }
}

impl Metadata {
    pub(super) fn parse(text: &str) -> Result<Self, EnvironmentError> {
        serde_json::from_str(text).map_err(|e| {
            EnvironmentError::new(
                EnvironmentFault::Toolchain,
                format!("cargo metadata gave an answer that cannot be read: {e}"),
            )
        })
    }

    pub(super) fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }

    /// All packages, those for other platforms included.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.resolve.nodes.iter().find(|node| node.id == id)
    }

    /// How many packages a build compiles.
    pub(super) fn count(&self) -> usize {
        self.reachable_ids().len()
    }

    /// The packages that a build on this platform compiles.
    pub(super) fn reachable(&self) -> impl Iterator<Item = &Package> {
        self.reachable_ids().into_iter().filter_map(|id| self.package(id))
    }

    fn reachable_ids(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = self.resolve.root.as_deref().into_iter().collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let edges = self.node(id).into_iter().flat_map(|node| &node.deps);
            let built = edges.filter(|e| e.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev")));
            open.extend(built.map(|edge| edge.pkg.as_str()));
        }
        seen
    }

    /// The crates cells can name: name and package.
    pub(super) fn direct(&self) -> Vec<(String, String)> {
        let root = self.resolve.root.as_deref().and_then(|id| self.node(id));
        let edges = root.into_iter().flat_map(|node| &node.deps);
        edges.map(|edge| (edge.name.clone(), edge.pkg.clone())).collect()
    }

    /// Directories of packages that are neither from a registry nor from git.
    pub(super) fn local_packages(&self, except: &[&str]) -> Vec<PathBuf> {
        let local = self.packages.iter().filter(|p| p.source.is_none() && !except.contains(&p.name.as_str()));
        local.filter_map(|p| p.manifest_path.parent().map(Path::to_path_buf)).collect()
    }

    /// The features of a package, by name.
    pub(super) fn features(&self, name: &str) -> Vec<String> {
        let package = self.packages.iter().filter(|p| p.name == name);
        package.flat_map(|p| p.features.keys().cloned()).collect()
    }
}

/// A library that cargo built.
#[derive(Debug, Clone)]
pub(super) struct Artifact {
    pub(super) package: String,
    /// The crate's name.
    pub(super) name: String,
    code: PathBuf,
    metadata: Option<PathBuf>,
}

impl Artifact {
    /// The rlib, or the shared object of a crate that only makes one.
    pub(super) fn code_file(&self) -> &Path {
        &self.code
    }

    /// What rustc reads to compile against it.
    pub(super) fn metadata_file(&self) -> &Path {
        self.metadata.as_deref().unwrap_or(&self.code)
    }

    pub(super) fn is_rlib(&self) -> bool {
        self.code.extension().is_some_and(|e| e == "rlib")
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        package_id: String,
        target: Target,
        filenames: Vec<PathBuf>,
    },
    BuildScriptExecuted {
        package_id: String,
        #[serde(default)]
        linked_libs: Vec<String>,
        #[serde(default)]
        linked_paths: Vec<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

/// Everything a build made, as its messages come in.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// Where code for cells lands; what lands elsewhere is for build scripts and macros.
    root: PathBuf,
    artifacts: Vec<Artifact>,
    plugins: Vec<(String, PathBuf)>,
    packages: BTreeSet<String>,
    native: Vec<String>,
    foreign: BTreeMap<String, Vec<String>>,
}

impl Built {
    /// A build whose code for cells lands below `root`.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, ..Self::default() }
    }

    /// Take in a line; true when a package is done.
    pub(super) fn message(&mut self, line: &str) -> bool {
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact { package_id, target, filenames }) => {
                let of_kind = |wanted: &[&str]| target.kind.iter().any(|kind| wanted.contains(&kind.as_str()));
                let with = |extension: &str| filenames.iter().find(|f| f.extension().is_some_and(|e| e == extension));
                if of_kind(&["custom-build"]) {
                    return false;
                }
                if of_kind(&["proc-macro"]) {
                    self.plugins.extend(with("so").map(|path| (package_id.clone(), path.clone())));
                } else if let Some(code) = with("rlib").or_else(|| with("so")).filter(|p| p.starts_with(&self.root)) {
                    let metadata = with("rmeta").cloned();
                    let name = target.name.replace('-', "_");
                    self.artifacts.push(Artifact { package: package_id.clone(), name, code: code.clone(), metadata });
                }
                self.packages.insert(package_id)
            }
            Ok(Message::BuildScriptExecuted { package_id, linked_libs, linked_paths }) => {
                if !linked_libs.is_empty() {
                    self.foreign.insert(package_id, linked_libs);
                }
                self.native.extend(linked_paths);
                false
            }
            Ok(Message::Other) | Err(_) => false,
        }
    }

    /// How many packages are done.
    pub(super) fn packages(&self) -> usize {
        self.packages.len()
    }

    /// The libraries for cells.
    pub(super) fn libraries(&self) -> impl Iterator<Item = &Artifact> {
        self.artifacts.iter()
    }

    /// Procedural macros.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &Path> {
        self.plugins.iter().map(|(_, path)| path.as_path())
    }

    pub(super) fn plugin_of(&self, package: &str) -> Option<&Path> {
        self.plugins.iter().find(|(id, _)| id == package).map(|(_, path)| path.as_path())
    }

    /// `-L` values of build scripts.
    pub(super) fn native_paths(&self) -> Vec<String> {
        self.native.clone()
    }

    /// The native libraries a package's build script asked for.
    pub(super) fn foreign(&self, package: &str) -> Option<&[String]> {
        self.foreign.get(package).map(Vec::as_slice)
    }
}
