//! Which files a run reads and writes, and writing one so that nobody ever sees half of it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::notebook::is_text;
use super::{Page, RunOptions};

/// The files of a run; all paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunFiles {
    /// The notebook.
    pub(super) source: PathBuf,
    /// Its directory, where its cells run.
    pub(super) directory: PathBuf,
    /// Its name without `.ipynb` or `.rs`.
    pub(super) stem: String,
    /// The executed notebook.
    pub(super) output: PathBuf,
    /// The page.
    pub(super) page: Option<PathBuf>,
    /// The working directory at the start, which shown paths are relative to.
    pub(super) started_in: PathBuf,
}

impl RunFiles {
    /// Decides where everything goes.
    ///
    /// # Errors
    /// A sentence for the user: the notebook is not there, or would be overwritten unasked.
    pub(super) fn new(options: &RunOptions) -> Result<Self, String> {
        let started_in = env::current_dir().map_err(|e| format!("the current directory: {e}"))?;
        let source = absolute(&options.notebook)?;
        if !source.exists() {
            return Err(format!("{}: no such file", options.notebook.display()));
        }
        if options.inplace && is_text(&source) {
            return Err("a text has no place for outputs; leave out --inplace".to_owned());
        }
        let stem = source.file_stem().map_or_else(|| "notebook".to_owned(), |s| s.to_string_lossy().into_owned());
        let directory = source.parent().unwrap_or(Path::new("/")).to_path_buf();
        let output = match &options.output {
            _ if options.inplace => source.clone(),
            Some(path) if names_directory(path) => absolute(path)?.join(format!("{stem}.ipynb")),
            Some(path) => absolute(&with_extension(path, "ipynb"))?,
            None => directory.join(format!("{stem}.executed.ipynb")),
        };
        let same =
            |path: &Path| path == source || path.exists() && path.canonicalize().ok() == source.canonicalize().ok();
        if !options.inplace && same(&output) {
            return Err("the output is the notebook itself; say --inplace if you mean it".to_owned());
        }
        let page = match &options.page {
            Page::No => None,
            Page::Beside => Some(output.with_extension("html")),
            Page::At(path) if names_directory(path) => Some(absolute(path)?.join(format!("{stem}.html"))),
            Page::At(path) => Some(absolute(path)?),
        };
        if page.as_deref().is_some_and(|page| page == output || same(page)) {
            return Err("the HTML page would overwrite the notebook; name another file".to_owned());
        }
        Ok(Self { source, directory, stem, output, page, started_in })
    }

    /// Finds out now, not after an hour of cells, that an output cannot be written.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(super) fn check_writable(&self) -> Result<(), String> {
        for path in [Some(&self.output), self.page.as_ref()].into_iter().flatten() {
            let probe = beside(path);
            let tried = create_parent(path).and_then(|()| File::create(&probe));
            // Nothing is left to remove when it could not be created.
            let _ = fs::remove_file(&probe);
            if let Err(e) = tried {
                let at = path.display();
                return Err(format!("cannot write {at}: {e}; choose another place with -o OUT"));
            }
            if path.is_dir() {
                return Err(format!("{} is a directory", path.display()));
            }
        }
        Ok(())
    }
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn names_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/')
}

/// `a` and `a.b` become `a.ipynb` and `a.b.ipynb`, as nbconvert does it.
fn with_extension(path: &Path, extension: &str) -> PathBuf {
    if path.extension().is_some_and(|e| e == extension) {
        return path.to_path_buf();
    }
    let mut text: OsString = path.as_os_str().to_owned();
    text.push(".");
    text.push(extension);
    text.into()
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Writes a file by way of a temporary one beside it; a link is followed, and the permissions of
/// the file that is replaced are kept.
///
/// # Errors
/// A sentence for the user; what was there before is still there then.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let temporary = beside(&target);
    let written = (|| {
        create_parent(&target)?;
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if let Ok(old) = fs::metadata(&target) {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&temporary, &target)
    })();
    written.map_err(|e| {
        // It may not exist; the error that counts is the one above.
        let _ = fs::remove_file(&temporary);
        format!("could not write {}: {e}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn options(notebook: &Path) -> RunOptions {
        RunOptions {
            notebook: notebook.to_path_buf(),
            output: None,
            inplace: false,
            allow_errors: false,
            timeout: None,
            page: Page::Beside,
            parameters: Vec::new(),
            parameters_file: None,
        }
    }

    #[test]
    fn files_go_where_nbconvert_users_expect() {
        let dir = env::temp_dir().join(format!("ferrolab-plan-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let source = dir.join("a.ipynb");
        assert!(RunFiles::new(&options(&source)).unwrap_err().contains("no such file"));
        fs::write(&source, "{}").unwrap();
        let plan = RunFiles::new(&options(&source)).unwrap();
        assert_eq!(plan.output, dir.join("a.executed.ipynb"));
        assert_eq!(plan.page, Some(dir.join("a.executed.html")));
        let to = |path: PathBuf| RunOptions { output: Some(path), page: Page::No, ..options(&source) };
        let plan = RunFiles::new(&to(dir.join("x.v2"))).unwrap();
        assert_eq!((plan.output, plan.page), (dir.join("x.v2.ipynb"), None));
        assert_eq!(RunFiles::new(&to(dir.join("new/"))).unwrap().output, dir.join("new/a.ipynb"));
        assert!(RunFiles::new(&to(dir.clone())).unwrap_err().contains("--inplace"));
        let over = RunOptions { page: Page::At(source.clone()), ..options(&source) };
        assert!(RunFiles::new(&over).is_err());
        let inplace = RunOptions { inplace: true, ..options(&source) };
        assert_eq!(RunFiles::new(&inplace).unwrap().output, source);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn writing_keeps_permissions_and_leaves_nothing_behind() {
        let dir = env::temp_dir().join(format!("ferrolab-write-{}", std::process::id()));
        let file = dir.join("deep/a");
        write(&file, b"1").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&file, b"2").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"2");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(dir.join("deep").read_dir().unwrap().count(), 1);
        assert!(write(Path::new("/proc/nothing/here"), b"").is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}
