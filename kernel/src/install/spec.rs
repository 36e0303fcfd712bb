//! One kernelspec: its `kernel.json`, its logos, reading it back, and writing it so that Jupyter
//! never sees half of one. It does not decide where kernelspecs live.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use serde_json::{Map, Value, json};

use super::InstallOptions;
use crate::cli::Engine;
use ferrolab_engine::environment::Site;
use ferrolab_system::users;

const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../../resources/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../resources/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../../resources/logo-svg.svg")),
];

/// What Jupyter replaces by the folder of a kernelspec.
const RESOURCES: &str = "{resource_dir}";

/// A kernelspec on disk.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Name of its directory, which is the kernel's name.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// Its name in menus.
    pub(crate) display_name: String,
    /// The program it starts.
    pub(crate) exe: PathBuf,
    /// Whether `ferrolab install` wrote it.
    pub(crate) ours: bool,
}

/// The name in the form Jupyter stores it.
///
/// # Errors
/// A sentence for the user when Jupyter would not accept it.
pub(crate) fn valid_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // Jupyter's pattern admits `.` and `..`, which are no names of directories to write or remove.
    if name.is_empty() || !name.chars().all(allowed) || name.chars().all(|c| c == '.') {
        return Err(format!("\"{name}\" cannot be a kernel's name: use letters, digits, `.`, `_` and `-`"));
    }
    Ok(name.to_ascii_lowercase())
}

/// The text of `kernel.json`.
pub(crate) fn kernel_json(options: &InstallOptions) -> String {
    let InstallOptions { exe, engine, display_name, env, sites, .. } = options;
    let exe = exe.to_string_lossy().into_owned();
    let mut argv: Vec<String> = vec![exe, "kernel".into()];
    if *engine != Engine::default() {
        argv.extend(["--engine", engine.word()].map(str::to_owned));
    }
    if !sites.is_empty() {
        // Jupyter puts the folder of this file there.
        argv.extend(["--spec", RESOURCES].map(str::to_owned));
    }
    argv.extend(["-f", "{connection_file}"].map(str::to_owned));
    let env: Map<String, Value> = env.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let mut about = json!({ "version": env!("CARGO_PKG_VERSION") });
    if !sites.is_empty() {
        about["sites"] = sites.iter().map(|site| json!({ "path": site.path, "owner": site.owner })).collect();
    }
    let spec = json!({
        "argv": argv,
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "env": env,
        "metadata": {
            "debugger": false,
            // Jupyter ignores it; it is how `uninstall` knows its own.
            "ferrolab": about,
        },
    });
    format!("{spec:#}\n")
}

/// The site layers that the kernelspec in a directory names, and what is wrong with it, in sentences. An owner whose
/// code would run with the user's rights counts only where nobody but root and the user could have named him.
pub(crate) fn sites(dir: &Path) -> (Vec<Site>, Vec<String>) {
    let file = dir.join("kernel.json");
    let Some(spec) = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else {
        let what = if dir == Path::new(RESOURCES) {
            "this frontend does not tell where the kernelspec is, so site layers in it are not used; FERROLAB_SITE names them, too".to_owned()
        } else {
            format!("{} cannot be read, so no site layers that it may name are used", file.display())
        };
        return (Vec::new(), vec![what]);
    };
    let listed: Vec<Site> = serde_json::from_value(spec["metadata"]["ferrolab"]["sites"].clone()).unwrap_or_default();
    let foreign = [dir, &file].into_iter().find(|path| !is_safe(path));
    let Some(foreign) = foreign.filter(|_| listed.iter().any(|site| site.owner.is_some())) else {
        return (listed, Vec::new());
    };
    let what = format!(
        "{} belongs to another user, or others may write to it: the owner of site layers that it names is not trusted",
        foreign.display()
    );
    (listed.into_iter().map(|site| Site { owner: None, ..site }).collect(), vec![what])
}

/// Whether nobody but root and this user could have written it.
fn is_safe(path: &Path) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    (meta.uid() == 0 || meta.uid() == users::own()) && meta.mode() & 0o022 == 0
}

/// Variables as the kernel will have them: Jupyter replaces `${NAME}` in them by its own.
pub(crate) fn expanded(env: &[(String, String)]) -> Vec<(String, String)> {
    let expand = |text: &str| {
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let known = part.split_once('}').and_then(|(name, rest)| Some((std::env::var(name).ok()?, rest)));
            match known {
                Some((value, rest)) => out += &format!("{value}{rest}"),
                None => out += &format!("${{{part}"),
            }
        }
        out
    };
    env.iter().map(|(name, value)| (name.clone(), expand(value))).collect()
}

/// Makes a kernelspec find its program in the prefix that it is in, wherever that is or will be moved to.
///
/// # Errors
/// A sentence when the file cannot be read or written.
pub(crate) fn find_program_beside(dir: &Path) -> Result<(), String> {
    let file = dir.join("kernel.json");
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let mut spec: Value = serde_json::from_slice(&fs::read(&file).map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
    spec["argv"][0] = format!("{RESOURCES}/../../../../bin/ferrolab").into();
    fs::write(&file, format!("{spec:#}\n")).map_err(|e| failed(&e))
}

/// Reads the kernelspec in a directory; `None` when there is none that Jupyter could use.
pub(crate) fn read(dir: &Path) -> Option<Found> {
    let spec: Value = serde_json::from_slice(&fs::read(dir.join("kernel.json")).ok()?).ok()?;
    let exe = spec["argv"][0].as_str()?.replace(RESOURCES, &dir.to_string_lossy());
    Some(Found {
        name: dir.file_name()?.to_str()?.to_owned(),
        dir: dir.to_path_buf(),
        display_name: spec["display_name"].as_str().unwrap_or_default().to_owned(),
        exe: exe.into(),
        ours: spec["metadata"]["ferrolab"].is_object(),
    })
}

/// Writes a kernelspec with its logos into `kernels`, in place of one of that name. Everyone may
/// read it, whatever the umask is: a site-wide kernel that only root can read helps nobody.
///
/// # Errors
/// Those of the file system; what was there before is still there then.
pub(crate) fn write(kernels: &Path, name: &str, json: &str) -> io::Result<()> {
    create_readable(kernels)?;
    // `~` is not allowed in a kernel's name, so Jupyter does not list the unfinished directory.
    let fresh = kernels.join(format!("~{name}.{}", std::process::id()));
    let outcome = fill(&fresh, json).and_then(|()| swap(&fresh, &kernels.join(name)));
    match (fs::remove_dir_all(&fresh), outcome) {
        (_, Err(e)) => Err(e),
        (Err(e), Ok(())) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn fill(dir: &Path, json: &str) -> io::Result<()> {
    fs::create_dir(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    let files = LOGOS.iter().copied().chain([("kernel.json", json.as_bytes())]);
    for (name, bytes) in files {
        let file = dir.join(name);
        fs::write(&file, bytes)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Puts `fresh` where `target` is; `fresh` is what was there before, or gone, afterwards.
fn swap(fresh: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        return fs::rename(fresh, target);
    }
    // Not every file system can exchange two directories in one step (NFS cannot).
    if rustix::fs::renameat_with(CWD, fresh, CWD, target, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    let aside = fresh.with_extension("old");
    fs::rename(target, &aside)?;
    if let Err(e) = fs::rename(fresh, target) {
        fs::rename(&aside, target)?;
        return Err(e);
    }
    fs::rename(&aside, fresh)
}

/// Creates the directories that are missing, readable by everyone.
fn create_readable(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|d| !d.exists()).collect();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            Err(_) => {}
            Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_jupyter_accepts() {
        assert_eq!(valid_name("Rust-1.90_x").as_deref(), Ok("rust-1.90_x"));
        for bad in ["", ".", "..", "a/b", "a b", "ü", "~a"] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn owners_count_where_nobody_else_could_have_named_them() {
        let folder = tempfile::tempdir().unwrap();
        let json = r#"{"argv":["f"],"metadata":{"ferrolab":{"sites":[{"path":"/site","owner":7}]}}}"#;
        fs::write(folder.path().join("kernel.json"), json).unwrap();
        let set =
            |mode| fs::set_permissions(folder.path().join("kernel.json"), fs::Permissions::from_mode(mode)).unwrap();
        set(0o644);
        assert_eq!(sites(folder.path()), (vec![Site { path: "/site".into(), owner: Some(7) }], Vec::new()));
        set(0o664);
        let (listed, problems) = sites(folder.path());
        assert_eq!(listed[0].owner, None);
        assert!(problems[0].contains("not trusted"), "{problems:?}");
        assert!(sites(Path::new("{resource_dir}")).1[0].contains("FERROLAB_SITE"));
    }

    #[test]
    fn variables_are_replaced_as_jupyter_does() {
        let home = std::env::var("PATH").unwrap();
        let pair = |value: &str| vec![("X".to_owned(), value.to_owned())];
        assert_eq!(expanded(&pair("/a:${PATH}:/b")), pair(&format!("/a:{home}:/b")));
        assert_eq!(expanded(&pair("${NO_SUCH_VARIABLE_HERE} $x")), pair("${NO_SUCH_VARIABLE_HERE} $x"));
    }

    #[test]
    fn the_json_says_what_jupyter_needs() {
        let options = |engine, sites| InstallOptions {
            place: crate::install::KernelsDirectory::User,
            engine,
            name: "r".to_owned(),
            display_name: "R".to_owned(),
            env: vec![("K".into(), "V".into())],
            sites,
            exe: "/x/ferrolab".into(),
        };
        let text = kernel_json(&options(Engine::Direct, Vec::new()));
        let spec: Value = serde_json::from_str(&text).unwrap();
        let argv = json!(["/x/ferrolab", "kernel", "-f", "{connection_file}"]);
        assert_eq!(spec["argv"], argv);
        let other: Value = serde_json::from_str(&kernel_json(&options(Engine::Evcxr, Vec::new()))).unwrap();
        assert_eq!(other["argv"], json!(["/x/ferrolab", "kernel", "--engine", "evcxr", "-f", "{connection_file}"]));
        let site = Site { path: "/site".into(), owner: Some(7) };
        let with: Value = serde_json::from_str(&kernel_json(&options(Engine::Direct, vec![site]))).unwrap();
        assert_eq!(with["argv"][3], "{resource_dir}");
        assert_eq!(with["metadata"]["ferrolab"]["sites"], json!([{"path": "/site", "owner": 7}]));
        assert_eq!(spec["interrupt_mode"], "message");
        assert_eq!(spec["env"], json!({"K": "V"}));
        assert_eq!(spec["metadata"]["debugger"], false);
    }
}
