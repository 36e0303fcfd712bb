//! Where Jupyter keeps kernelspecs: the rules of `jupyter_core.paths`. It reads the environment and
//! asks Python for its prefix; it writes nothing.

use std::env;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ask;

/// Reads an environment variable; empty counts as absent, as in `jupyter_core`.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment.
pub(crate) fn process_env(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The user's Jupyter data directory; `None` when there is neither `HOME` nor a variable that
/// names it.
pub(crate) fn data_dir(get: Lookup<'_>) -> Option<PathBuf> {
    if let Some(dir) = get("JUPYTER_DATA_DIR") {
        return Some(dir.into());
    }
    let home = get("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        return home.map(|h| h.join("Library/Jupyter"));
    }
    get("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| home.map(|h| h.join(".local/share")))
        .map(|dir| dir.join("jupyter"))
}

/// The prefix of the Python environment that a user means by "here": the active virtual or conda
/// environment, else that of the first `python3` (or `python`) on `PATH`.
pub(crate) fn sys_prefix(get: Lookup<'_>) -> Option<PathBuf> {
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(prefix) = get(name).map(PathBuf::from)
            && prefix.is_dir()
        {
            return Some(prefix);
        }
    }
    let python = ask::find("python3").or_else(|| ask::find("python"))?;
    let answer = ask::ask(&python, &["-c", "import sys; print(sys.prefix)"])?;
    (answer.success && !answer.text.is_empty()).then(|| answer.text.into())
}

/// The `kernels` directories Jupyter searches, first one first, computed from the environment.
pub(crate) fn computed_search_path(get: Lookup<'_>, prefix: Option<&Path>) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        get("JUPYTER_PATH").map(|value| env::split_paths(&value).collect()).unwrap_or_default();
    let mut user: Vec<PathBuf> = data_dir(get).into_iter().collect();
    // Python's user site has its own share directory, for `pip install --user`.
    user.extend(
        get("PYTHONUSERBASE")
            .map(PathBuf::from)
            .or_else(|| get("HOME").map(|h| Path::new(&h).join(".local")))
            .map(|base| base.join("share/jupyter")),
    );
    let here = prefix.map(|p| p.join("share/jupyter"));
    let in_environment = get("VIRTUAL_ENV").is_some()
        || get("CONDA_PREFIX").is_some() && get("CONDA_DEFAULT_ENV").as_deref() != Some("base");
    let prefer_here = match get("JUPYTER_PREFER_ENV_PATH") {
        Some(value) => !["no", "n", "false", "off", "0", "0.0"].contains(&value.to_ascii_lowercase().as_str()),
        None => in_environment,
    };
    if prefer_here {
        dirs.extend(here);
        dirs.extend(user);
    } else {
        dirs.extend(user);
        dirs.extend(here);
    }
    dirs.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
    let mut unique: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let dir = dir.join("kernels");
        if !unique.contains(&dir) {
            unique.push(dir);
        }
    }
    unique
}

/// The `kernels` directories that the installed Jupyter searches; computed when there is none to
/// ask.
pub(crate) fn search_path() -> Vec<PathBuf> {
    ask_jupyter().unwrap_or_else(|| computed_search_path(&process_env, sys_prefix(&process_env).as_deref()))
}

fn ask_jupyter() -> Option<Vec<PathBuf>> {
    let answer = ask::ask(&ask::find("jupyter")?, &["--paths", "--json"])?;
    let paths: Value = serde_json::from_str(&answer.text).ok()?;
    let data = paths.get("data")?.as_array()?;
    let dirs = data.iter().filter_map(Value::as_str);
    Some(dirs.map(|dir| Path::new(dir).join("kernels")).collect())
}

/// Whether two paths name one place; compared as resolved as they can be.
pub(crate) fn same_place(a: &Path, b: &Path) -> bool {
    let resolved = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_path_buf());
    resolved(a) == resolved(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env_of(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_data_directory_follows_the_variables() {
        let dir = |pairs: &'static [_]| data_dir(&env_of(pairs)).map(|p| p.display().to_string());
        static HOME: [(&str, &str); 1] = [("HOME", "/h")];
        assert_eq!(dir(&HOME).as_deref(), Some("/h/.local/share/jupyter"));
        static XDG: [(&str, &str); 2] = [("HOME", "/h"), ("XDG_DATA_HOME", "/x")];
        assert_eq!(dir(&XDG).as_deref(), Some("/x/jupyter"));
        static OWN: [(&str, &str); 2] = [("JUPYTER_DATA_DIR", "/j"), ("XDG_DATA_HOME", "/x")];
        assert_eq!(dir(&OWN).as_deref(), Some("/j"));
        assert_eq!(dir(&[]), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_search_path_has_jupyters_order() {
        static PLAIN: [(&str, &str); 2] = [("HOME", "/h"), ("JUPYTER_PATH", "/a:/b")];
        let path = computed_search_path(&env_of(&PLAIN), Some(Path::new("/p")));
        let wanted = [
            "/a/kernels",
            "/b/kernels",
            "/h/.local/share/jupyter/kernels",
            "/p/share/jupyter/kernels",
            "/usr/local/share/jupyter/kernels",
            "/usr/share/jupyter/kernels",
        ];
        assert_eq!(path, wanted.map(PathBuf::from));
        static VENV: [(&str, &str); 2] = [("HOME", "/h"), ("VIRTUAL_ENV", "/p")];
        let path = computed_search_path(&env_of(&VENV), Some(Path::new("/p")));
        assert_eq!(path[0], Path::new("/p/share/jupyter/kernels"));
    }
}
