//! Whether other users reach what a kernel for all of them starts. It looks at modes, and changes none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Others may read a file, or enter a folder.
const READ: u32 = 0o004;
const ENTER: u32 = 0o001;

/// Where others do not get through on the way to a path; none when they do, or it is not there.
fn closed(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let mode = |path: &Path| fs::metadata(path).map(|meta| meta.permissions().mode()).unwrap_or(0o777);
    if mode(&path) & READ == 0 {
        return Some(path);
    }
    // The one nearest to the root is the one to open first.
    let folders: Vec<&Path> = path.ancestors().skip(1).collect();
    folders.into_iter().rev().find(|folder| mode(folder) & ENTER == 0).map(Path::to_path_buf)
}

/// Sentences about what other users cannot reach, when they do reach the kernelspecs in `kernels`.
pub(super) fn warnings(kernels: &Path, needed: &[&Path]) -> Vec<String> {
    if closed(kernels).is_some() {
        return Vec::new();
    }
    let line = |path: &&Path| {
        let at = closed(path)?;
        let mode = fs::metadata(&at).map(|meta| meta.permissions().mode() & 0o777).unwrap_or_default();
        Some(format!(
            "warning: other users see this kernel, but cannot reach {}: {} is closed to them (mode {mode:o})",
            path.display(),
            at.display()
        ))
    };
    needed.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own");
        let (open, shut) = (folder.path().join("open"), folder.path().join("shut"));
        for path in [&open, &shut] {
            fs::create_dir(path).expect("a folder");
            fs::write(path.join("program"), "").expect("a file");
            set(&path.join("program"), 0o755);
            set(path, 0o755);
        }
        set(folder.path(), 0o755);
        let needed = [open.join("program"), shut.join("program")];
        let needed: Vec<&Path> = needed.iter().map(PathBuf::as_path).collect();
        assert_eq!(warnings(&open, &needed), Vec::<String>::new());
        set(&shut, 0o700);
        let said = warnings(&open, &needed);
        assert!(said.len() == 1 && said[0].contains("shut is closed to them (mode 700)"), "{said:?}");
        assert_eq!(warnings(&shut, &needed), Vec::<String>::new(), "a kernel of one's own");
    }
}
