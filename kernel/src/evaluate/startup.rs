//! evcxr's configuration, run at a session's start as evcxr does: `evcxr.toml` beside the notebook or in
//! evcxr's configuration directory, else `init.evcxr` and `prelude.rs` there. It reads these files, if they
//! are the user's own, and has their text run like cells; what directives mean is not known here.
//!
//! Unlike evcxr, nothing of it runs before the first cell does, and a file that fails is told and left out.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::{Table, Value};

use super::{DirectEvaluator, directives, errors};
use ferrolab_engine::source::START_FILES;
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Display, Sink, Stream, Verdict};

/// A configuration file is a few lines; more than this is none.
const LARGEST: u64 = 1 << 20;
const OPT_LEVELS: [&str; 6] = ["0", "1", "2", "3", "s", "z"];

/// What there is to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Files that are used, in order.
    pub files: Vec<PathBuf>,
    /// Files that are not, and why.
    pub refused: Vec<(PathBuf, String)>,
    /// `opt_level` of `evcxr.toml`.
    opt_level: Option<String>,
    /// `offline_mode` of `evcxr.toml`.
    offline: bool,
    /// Where `[dependencies]` come from, and the table's text.
    table: Option<(PathBuf, String)>,
    /// Texts to run as cells: path, name in reports, text.
    texts: Vec<(PathBuf, u32, String)>,
}

/// The directory where evcxr looks: `EVCXR_CONFIG_DIR`, else `evcxr` in the user's configuration directory.
pub fn evcxr_directory(get: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(directory) = get("EVCXR_CONFIG_DIR") {
        return Some(directory.into());
    }
    let home = get("HOME").map(PathBuf::from);
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library/Application Support/evcxr"));
    }
    let own = get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    own.or_else(|| home.map(|home| home.join(".config"))).map(|config| config.join("evcxr"))
}

impl Configuration {
    /// Reads what there is for notebooks in `notebook`.
    pub fn read(notebook: &Path, evcxr: Option<&Path>) -> Self {
        let mut found = Self::default();
        let mut table = Table::new();
        let places = [Some(notebook), evcxr];
        for path in places.into_iter().flatten().map(|directory| directory.join("evcxr.toml")) {
            if !path.exists() {
                continue;
            }
            // The first one that is there is the one, even when it is of no use.
            match found.take(&path).map(|text| text.parse::<Table>()) {
                Some(Ok(parsed)) => table = parsed,
                Some(Err(error)) => found.refuse(&path, error.message().to_owned()),
                None => {}
            }
            break;
        }
        let toml = found.files.first().cloned().unwrap_or_default();
        let settings = table.get("evcxr").and_then(Value::as_table).cloned().unwrap_or_default();
        found.offline = settings.get("offline_mode").and_then(Value::as_bool).unwrap_or_default();
        if let Some(level) = settings.get("opt_level").and_then(Value::as_str) {
            if OPT_LEVELS.contains(&level) {
                found.opt_level = Some(level.to_owned());
            } else {
                found.refuse(&toml, format!("opt_level is one of {}, not `{level}`", OPT_LEVELS.join(", ")));
            }
        }
        let [init, prelude] = START_FILES;
        match table.get("dependencies").and_then(Value::as_table) {
            Some(dependencies) if !dependencies.is_empty() => {
                found.table = toml::to_string(dependencies).ok().map(|text| (toml.clone(), text));
            }
            _ => found.text_of(evcxr, init),
        }
        match settings.get("prelude").and_then(Value::as_str) {
            Some(text) => found.texts.push((toml, prelude.0, text.to_owned())),
            None => found.text_of(evcxr, prelude),
        }
        found
    }

    /// What a session reads: for notebooks in the current directory, with the process's environment.
    pub fn here() -> Self {
        let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self::read(&env::current_dir().unwrap_or_default(), evcxr_directory(&get).as_deref())
    }

    fn text_of(&mut self, directory: Option<&Path>, (number, name): (u32, &str)) {
        let Some(path) = directory.map(|directory| directory.join(name)).filter(|path| path.exists()) else { return };
        if let Some(text) = self.take(&path) {
            self.texts.push((path, number, text));
        }
    }

    fn take(&mut self, path: &Path) -> Option<String> {
        match read_own(path) {
            Ok(text) => {
                self.files.push(path.to_owned());
                Some(text)
            }
            Err(why) => {
                self.refuse(path, why);
                None
            }
        }
    }

    fn refuse(&mut self, path: &Path, why: String) {
        self.refused.push((path.to_owned(), why));
    }
}

/// The text of a file that is the user's own, and that nobody else could have written.
fn read_own(path: &Path) -> Result<String, String> {
    let cannot = |e: io::Error| format!("it cannot be read: {e}");
    let mut file = File::open(path).map_err(cannot)?;
    // Of the open file, so that it is the one that is read.
    let meta = file.metadata().map_err(cannot)?;
    // SAFETY: geteuid takes no arguments, touches no memory and cannot fail.
    let user = unsafe { libc::geteuid() };
    if meta.uid() != user {
        return Err(format!(
            "it belongs to another user (uid {}), and its code would run with your rights",
            meta.uid()
        ));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(format!("others may write to it; `chmod go-w '{}'` if it is what you want to run", path.display()));
    }
    if !meta.is_file() || meta.len() > LARGEST {
        return Err("it is no file of a few lines".to_owned());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(cannot)?;
    Ok(text)
}

impl DirectEvaluator {
    /// Runs evcxr's configuration before the first cell. What fails is told in that cell's output; only an
    /// interrupt is the cell's own error.
    pub(super) fn start_up(&mut self, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        for (path, error) in self.follow_configuration(&Configuration::here(), sink) {
            if error.name == "Interrupted" {
                return Err(error);
            }
            let told = error.traceback.join("\n");
            sink.stream(
                Stream::Stderr,
                &format!(
                    "note: {} was left out, because it failed:\n{told}\nThe session goes on without it; `:load_config` tries again.\n",
                    path.display()
                ),
            );
        }
        Ok(())
    }

    /// `:load_config`: the same again; what fails is the cell's error.
    pub(super) fn load_configuration(&mut self, say: bool, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        let found = Configuration::here();
        if say {
            let list: Vec<String> = found.files.iter().map(|path| format!("  {}\n", path.display())).collect();
            let text = match list.concat() {
                none if none.is_empty() => "there is no evcxr.toml, init.evcxr or prelude.rs to load\n".to_owned(),
                list => format!("loading\n{list}"),
            };
            sink.stream(Stream::Stdout, &text);
        }
        match self.follow_configuration(&found, sink).into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    fn follow_configuration(&mut self, found: &Configuration, sink: &Arc<dyn Sink>) -> Vec<(PathBuf, CellError)> {
        if std::mem::replace(&mut self.starting, true) {
            // `:load_config` in a file that it loads.
            return Vec::new();
        }
        let sink: Arc<dyn Sink> = Arc::new(WithoutResults(sink.clone()));
        let refuse = |(path, why): &(PathBuf, String)| {
            (path.clone(), errors::plain("Configuration", &format!("{}: {why}", path.display())))
        };
        let mut failed: Vec<(PathBuf, CellError)> = found.refused.iter().map(refuse).collect();
        let file = found.files.first().cloned().unwrap_or_default();
        let mut settings = String::new();
        if let Some(level) = &found.opt_level {
            settings.push_str(&format!(":opt {level}\n"));
        }
        if found.offline {
            settings.push_str(":offline on\n");
        }
        let silent: Arc<dyn Sink> = Arc::new(Silent);
        let mut steps = vec![(file, self.run_text(&settings, START_FILES[0].0, &silent))];
        if let Some((path, table)) = &found.table {
            steps.push((path.clone(), self.on_dep_table(table, &sink)));
        }
        for (path, number, text) in &found.texts {
            // An interrupt means all of it.
            if steps.iter().any(|(_, done)| done.as_ref().is_err_and(|e| e.name == "Interrupted")) {
                break;
            }
            steps.push((path.clone(), self.run_text(text, *number, &sink)));
        }
        self.starting = false;
        failed.extend(steps.into_iter().filter_map(|(path, done)| done.err().map(|error| (path, error))));
        failed
    }

    fn run_text(&mut self, text: &str, number: u32, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let cell = Cell { code: text.to_owned(), number, silent: false, allow_stdin: false };
        match self.follow_plan(&directives::plan(text)?, &cell, sink) {
            Verdict::Error(error) => Err(error),
            Verdict::Ok | Verdict::Quit => Ok(()),
        }
    }
}

/// Passes on what start-up files print and display; a value at their end is nobody's result.
struct WithoutResults(Arc<dyn Sink>);

impl Sink for WithoutResults {
    fn stream(&self, stream: Stream, text: &str) {
        self.0.stream(stream, text);
    }
    fn display(&self, display: Display) {
        self.0.display(display);
    }
    fn update(&self, display: Display) {
        self.0.update(display);
    }
    fn input(&self, prompt: &str, password: bool) -> Option<String> {
        self.0.input(prompt, password)
    }
}

/// For settings, whose answers nobody asked for.
struct Silent;

impl Sink for Silent {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_directory_is_evcxrs() {
        let of = |pairs: &[(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            evcxr_directory(&get)
        };
        assert_eq!(of(&[("EVCXR_CONFIG_DIR", "/e"), ("HOME", "/h")]), Some("/e".into()));
        if cfg!(target_os = "linux") {
            assert_eq!(of(&[("HOME", "/h")]), Some("/h/.config/evcxr".into()));
            assert_eq!(of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]), Some("/x/evcxr".into()));
            assert_eq!(of(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "relative")]), Some("/h/.config/evcxr".into()));
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn files_are_taken_in_evcxrs_order_and_only_when_they_are_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let (notebook, evcxr) = (folder.path().join("n"), folder.path().join("e"));
        fs::create_dir_all(&notebook).unwrap();
        fs::create_dir_all(&evcxr).unwrap();
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        };
        let read = || Configuration::read(&notebook, Some(&evcxr));
        assert_eq!(read(), Configuration::default());
        write(evcxr.join("init.evcxr"), ":opt 1");
        write(evcxr.join("prelude.rs"), "use std::fmt;");
        assert_eq!(read().texts.iter().map(|t| t.2.as_str()).collect::<Vec<_>>(), [":opt 1", "use std::fmt;"]);
        write(
            notebook.join("evcxr.toml"),
            "[evcxr]\nopt_level = \"1\"\noffline_mode = true\nprelude = \"let x = 1;\"\n[dependencies]\nitoa = \"1\"\n",
        );
        let found = read();
        assert_eq!((found.opt_level.as_deref(), found.offline, found.files.len()), (Some("1"), true, 1));
        assert!(found.table.is_some_and(|(_, text)| text.contains("itoa")));
        assert_eq!(found.texts.iter().map(|t| t.2.as_str()).collect::<Vec<_>>(), ["let x = 1;"]);
        write(notebook.join("evcxr.toml"), "[evcxr\n");
        assert!(read().refused[0].0.ends_with("evcxr.toml"));
        fs::remove_file(notebook.join("evcxr.toml")).unwrap();
        fs::set_permissions(evcxr.join("prelude.rs"), fs::Permissions::from_mode(0o666)).unwrap();
        let found = read();
        assert_eq!((found.texts.len(), found.refused.len()), (1, 1));
        assert!(found.refused[0].1.contains("chmod go-w"), "{found:?}");
    }
}
