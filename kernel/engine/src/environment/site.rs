//! Site layers: finished environments and compiled cells that somebody has made for others (`ferrolab warm`), in a
//! folder that is read before the user's own cache, and never written to. It decides which are used, and for which
//! processor; what is in them is found by whoever looks into caches.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::error::{EnvironmentError, EnvironmentFault};
use super::{Options, processor};

/// The variable that names site layers, as PATH names folders.
pub const VARIABLE: &str = "FERROLAB_SITE";
/// The variable that says for which processor everything is compiled.
pub const PROCESSOR: &str = "FERROLAB_TARGET_CPU";
/// What a layer says of itself.
const ABOUT: &str = "site.json";

/// rustc's names for levels of processors that this machine reaches, the best first; none where there are none.
pub fn levels() -> impl Iterator<Item = &'static str> {
    processor::levels()
}

/// A folder that is to be read before the user's cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Where.
    pub path: PathBuf,
    /// Whose files in it are trusted, besides root's and the user's own.
    pub owner: Option<u32>,
}

/// What a layer holds, for people and for the choice of a processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version that filled it.
    pub ferrolab: String,
    /// The compiler of what is in it.
    pub rustc: String,
    /// Processors for which there are environments, by rustc's names.
    pub processors: Vec<String>,
    /// Notebooks whose cells are in it.
    pub notebooks: Vec<String>,
}

impl About {
    /// What the layer at `root` says; nothing where it says nothing.
    pub fn read(root: &Path) -> Self {
        let bytes = fs::read(root.join(ABOUT)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Write it into a layer that this user fills.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, cache: &Cache) -> Result<(), EnvironmentError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| EnvironmentError::new(EnvironmentFault::Cache, format!("cannot describe the layer: {e}")))?;
        cache.write(&cache.root().join(ABOUT), &text)
    }
}

impl Site {
    /// The layers that [`VARIABLE`] names; their owner is root or this user.
    pub fn named() -> Vec<Self> {
        let value = env::var_os(VARIABLE).unwrap_or_default();
        let paths = env::split_paths(&value).filter(|path| !path.as_os_str().is_empty());
        paths.map(|path| Self { path, owner: None }).collect()
    }

    /// The layer that comes with this program, if one does.
    pub fn beside() -> Option<Self> {
        let path = super::beside_program("layer")?;
        Some(Self { path, owner: None })
    }

    /// The layer, when it may be used.
    ///
    /// # Errors
    /// When it is not there, or somebody whom the user does not trust could have changed it.
    pub fn open(&self) -> Result<Cache, EnvironmentError> {
        if !self.path.is_absolute() {
            let what = format!("the site layer {} is not used: its path is not absolute", self.path.display());
            return Err(EnvironmentError::new(EnvironmentFault::Cache, what).help("write it from `/` on"));
        }
        Cache::layer(&self.path, self.owner)
    }
}

/// The layers that may be used, in their order.
pub(super) fn layers(sites: &[Site]) -> Vec<Cache> {
    sites.iter().filter_map(|site| site.open().ok()).collect()
}

/// What sessions start with: the layers, and the processor that the user has chosen, or the best for which a layer has
/// an environment that fits this machine and toolchain, or this machine's own.
pub fn options(sites: Vec<Site>) -> Options {
    let options = Options { sites, ..Options::default() };
    if let Some(chosen) = env::var(PROCESSOR).ok().filter(|name| !name.is_empty()) {
        return Options { target_cpu: chosen, ..options };
    }
    let offered: Vec<String> =
        layers(&options.sites).iter().flat_map(|layer| About::read(layer.root()).processors).collect();
    let mut fitting = processor::levels().filter(|level| offered.iter().any(|name| name == level));
    let with = |level: &str| Options { target_cpu: level.to_owned(), ..options.clone() };
    let found = fitting.find_map(|level| Some(with(level)).filter(|options| super::cached(options).is_ok()));
    found.unwrap_or(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("own folder");
        folder
    }

    #[test]
    fn a_layer_that_others_may_change_is_refused_with_what_to_do() {
        let site = |path: &Path| Site { path: path.to_owned(), owner: None };
        let good = folder(0o755);
        assert!(site(good.path()).open().is_ok());
        let open = folder(0o777);
        let error = site(open.path()).open().expect_err("world-writable");
        assert!(error.message.contains("others may write") && error.help.contains("chmod"), "{error}");
        let inside = open.path().join("layer");
        fs::create_dir(&inside).expect("a folder");
        let error = site(&inside).open().expect_err("can be exchanged");
        assert!(error.message.contains(&open.path().display().to_string()), "{error}");
        let error = site(Path::new("/no/such/layer")).open().expect_err("missing");
        assert!(error.message.contains("cannot be read"), "{error}");
        assert!(site(Path::new("layer")).open().expect_err("relative").message.contains("absolute"));
    }

    #[test]
    fn a_layer_says_what_it_holds() {
        let folder = folder(0o700);
        assert_eq!(About::read(folder.path()), About::default());
        let cache = Cache::at(folder.path()).expect("a cache");
        let about = About { processors: vec!["x86-64-v3".to_owned()], ..About::default() };
        about.write(&cache).expect("written");
        assert_eq!(About::read(cache.root()), about);
    }
}
