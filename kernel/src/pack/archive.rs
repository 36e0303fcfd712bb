//! The file that `pack` writes and `stage` reads: a tar archive, compressed with Zstandard, whose first entry lists all
//! others with their checksums. It knows nothing of what is in them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ask;

/// The name of the list.
const LIST: &str = "ferrolab-pack.json";
/// Longer lists are not ours.
const LONGEST_LIST: u64 = 64 << 20;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `.tar.zst`.
    Zstandard,
    /// `.tar`.
    Plain,
}

impl Form {
    /// By the end of its name.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match () {
            () if name.ends_with(".tar.zst") => Ok(Self::Zstandard),
            () if name.ends_with(".tar") => Ok(Self::Plain),
            () => Err(format!("{}: a pack's name ends in .tar.zst, or in .tar", path.display())),
        }
    }
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    sha256: String,
    runs: bool,
    seconds: u64,
}

/// The list of a pack's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    ferrolab: String,
    pub(super) files: Vec<Item>,
}

/// What was packed.
pub(super) struct Packed {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) packed: u64,
}

/// A file with its mode and time: what is compared by size and time need not be read then.
pub(super) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let modified = fs::metadata(from)?.modified()?;
    File::options().write(true).open(to)?.set_modified(modified)
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Packs all files below a folder. The file is there as a whole, or as it was before.
pub(super) fn write(folder: &Path, output: &Path, form: Form) -> Result<Packed, String> {
    let failed = |e: io::Error| format!("cannot write {}: {e}", output.display());
    let mut files = Vec::new();
    list(folder, folder, &mut files).map_err(|e| format!("cannot read what is to be packed: {e}"))?;
    files.sort_by(|a: &Item, b: &Item| a.path.cmp(&b.path));
    let all = List { ferrolab: env!("CARGO_PKG_VERSION").to_owned(), files };
    let fresh = output.with_file_name(format!(".{}.new", output.file_name().unwrap_or_default().to_string_lossy()));
    let written = || -> io::Result<u64> {
        let mut archive = tar::Builder::new(Compressor::new(&fresh, form)?);
        let text = serde_json::to_vec(&all)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, LIST, text.as_slice())?;
        for item in &all.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(item.bytes);
            header.set_mode(if item.runs { 0o755 } else { 0o644 });
            header.set_mtime(item.seconds);
            archive.append_data(&mut header, &item.path, File::open(folder.join(&item.path))?)?;
        }
        archive.into_inner()?.finish()?;
        fs::rename(&fresh, output)?;
        Ok(fs::metadata(output)?.len())
    };
    let packed = written().inspect_err(|_| drop(fs::remove_file(&fresh))).map_err(failed)?;
    Ok(Packed { files: all.files.len(), bytes: all.files.iter().map(|item| item.bytes).sum(), packed })
}

fn list(root: &Path, folder: &Path, files: &mut Vec<Item>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            list(root, &path, files)?;
            continue;
        }
        let mut hash = Sha256::new();
        let bytes = io::copy(&mut File::open(&path)?, &mut Hashing(&mut hash))?;
        let inside = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        let runs = meta.permissions().mode() & 0o100 != 0;
        let seconds = u64::try_from(meta.mtime()).unwrap_or_default();
        files.push(Item { path: inside, bytes, sha256: hex(hash.finalize()), runs, seconds });
    }
    Ok(())
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a tar archive goes. `zstd` compresses on all cores, where there is one; what this program has inside is the
/// slower and weaker second choice.
enum Compressor {
    Plain(File),
    Program { child: Child, output: PathBuf },
    Inside { bytes: File, output: PathBuf },
}

impl Compressor {
    fn new(output: &Path, form: Form) -> io::Result<Self> {
        if form == Form::Plain {
            return File::create(output).map(Self::Plain);
        }
        if let Some(zstd) = ask::find("zstd") {
            let mut command = Command::new(zstd);
            command.args(["-q", "-f", "-T0", "-9", "-o"]).arg(output).stdin(Stdio::piped()).stdout(Stdio::null());
            return Ok(Self::Program { child: command.spawn()?, output: output.to_owned() });
        }
        let folder = output.parent().unwrap_or(Path::new("."));
        Ok(Self::Inside { bytes: tempfile::tempfile_in(folder)?, output: output.to_owned() })
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.sync_all(),
            Self::Program { mut child, output } => {
                drop(child.stdin.take());
                let status = child.wait()?;
                if !status.success() {
                    return Err(io::Error::other(format!("zstd ended with {status}")));
                }
                File::open(output)?.sync_all()
            }
            Self::Inside { mut bytes, output } => {
                io::Seek::rewind(&mut bytes)?;
                let mut file = File::create(output)?;
                ruzstd::encoding::compress(
                    io::BufReader::new(bytes),
                    &mut file,
                    ruzstd::encoding::CompressionLevel::Fastest,
                );
                file.sync_all()
            }
        }
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) | Self::Inside { bytes: file, .. } => file.write(bytes),
            Self::Program { child, .. } => match &mut child.stdin {
                Some(pipe) => pipe.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pack that is being read.
pub(super) struct Reader {
    archive: tar::Archive<Box<dyn Read>>,
    name: PathBuf,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let failed = |e: &dyn std::fmt::Display| format!("cannot read {}: {e}", path.display());
        let form = Form::of(path)?;
        let file = io::BufReader::with_capacity(1 << 20, File::open(path).map_err(|e| failed(&e))?);
        let bytes: Box<dyn Read> = match form {
            Form::Plain => Box::new(file),
            Form::Zstandard => Box::new(ruzstd::decoding::StreamingDecoder::new(file).map_err(|e| failed(&e))?),
        };
        Ok(Self { archive: tar::Archive::new(bytes), name: path.to_owned() })
    }

    /// The list, and a name for the pack: two of the same name have the same content. `begin` says where it is to be
    /// unpacked, or that it need not be.
    pub(super) fn unpack(
        mut self,
        begin: impl FnOnce(&List, &str) -> Result<Option<PathBuf>, String>,
    ) -> Result<(), String> {
        let name = self.name.display().to_string();
        let damaged = |what: &str| format!("{name} is damaged, or no pack of Ferrolab's: {what}; copy it again");
        let unreadable = |e: io::Error| damaged(&e.to_string());
        let mut entries = self.archive.entries().map_err(unreadable)?;
        let Some(first) = entries.next() else { return Err(damaged("it is empty")) };
        let first = first.map_err(unreadable)?;
        if first.path().map_err(unreadable)? != Path::new(LIST) || first.size() > LONGEST_LIST {
            return Err(damaged("it does not begin with a list of its files"));
        }
        let mut text = Vec::new();
        first.take(LONGEST_LIST).read_to_end(&mut text).map_err(unreadable)?;
        let list: List = serde_json::from_slice(&text).map_err(|e| damaged(&e.to_string()))?;
        let id: String = hex(Sha256::digest(&text)).chars().take(20).collect();
        let Some(to) = begin(&list, &id)? else { return Ok(()) };
        let mut wanted = list.files.iter();
        for entry in entries {
            let mut entry = entry.map_err(unreadable)?;
            let Some(item) = wanted.next() else { return Err(damaged("it holds more than its list")) };
            let path = entry.path().map_err(unreadable)?.into_owned();
            if path != item.path || !path.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(damaged(&format!("{} is not where its list has it", path.display())));
            }
            let target = to.join(&path);
            let mut hash = Sha256::new();
            let write = |entry: &mut dyn Read, hash: &mut Sha256| -> io::Result<u64> {
                target.parent().map_or(Ok(()), fs::create_dir_all)?;
                let mut file = File::create_new(&target)?;
                let mut bytes = 0;
                let mut buffer = vec![0; 1 << 20];
                loop {
                    let read = entry.read(&mut buffer)?;
                    if read == 0 {
                        break;
                    }
                    hash.update(&buffer[..read]);
                    file.write_all(&buffer[..read])?;
                    bytes += read as u64;
                }
                file.set_permissions(fs::Permissions::from_mode(if item.runs { 0o755 } else { 0o644 }))?;
                file.set_modified(UNIX_EPOCH + Duration::from_secs(item.seconds))?;
                Ok(bytes)
            };
            let bytes = write(&mut entry, &mut hash).map_err(|e| match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    format!("there is no room left in {}: {e}", to.display())
                }
                _ => damaged(&format!("{}: {e}", path.display())),
            })?;
            if bytes != item.bytes || hex(hash.finalize()) != item.sha256 {
                return Err(damaged(&format!("{} is not what its list says", path.display())));
            }
        }
        match wanted.next() {
            Some(item) => Err(damaged(&format!("{} is missing", item.path.display()))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(folder: &Path, name: &str) -> PathBuf {
        let from = folder.join("from");
        fs::create_dir_all(from.join("bin")).expect("a folder");
        fs::write(from.join("bin/program"), "runs").expect("a file");
        fs::set_permissions(from.join("bin/program"), fs::Permissions::from_mode(0o755)).expect("own file");
        fs::write(from.join("data"), vec![7_u8; 100_000]).expect("a file");
        let output = folder.join(name);
        write(&from, &output, Form::of(&output).expect("a form")).expect("packed");
        output
    }

    #[test]
    fn what_is_packed_comes_out_with_modes_and_times() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["p.tar.zst", "p.tar"] {
            let pack = packed(folder.path(), name);
            let to = folder.path().join(format!("to-{name}"));
            Reader::open(&pack).expect("a pack").unpack(|_, _| Ok(Some(to.clone()))).expect("unpacked");
            assert_eq!(fs::read(to.join("data")).expect("the file").len(), 100_000);
            let (there, here) =
                (fs::metadata(to.join("bin/program")), fs::metadata(folder.path().join("from/bin/program")));
            let (there, here) = (there.expect("the file"), here.expect("the file"));
            assert_eq!(there.permissions().mode() & 0o777, 0o755);
            assert_eq!(there.mtime(), here.mtime());
        }
    }

    #[test]
    fn damage_anywhere_is_named_and_never_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let pack = packed(folder.path(), "p.tar");
        let good = fs::read(&pack).expect("bytes");
        for (index, at) in [600, good.len() / 3, good.len() / 2, good.len() - 60_000].into_iter().enumerate() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&pack, bad).expect("damage");
            let to = folder.path().join(format!("to-{index}"));
            let error = Reader::open(&pack).expect("opens").unpack(|_, _| Ok(Some(to))).expect_err("damaged");
            assert!(error.contains("damaged"), "{error}");
        }
        fs::write(&pack, &good[..good.len() / 2]).expect("cut");
        let to = folder.path().join("cut");
        assert!(Reader::open(&pack).expect("opens").unpack(|_, _| Ok(Some(to))).is_err());
        assert!(Form::of(Path::new("x.zip")).is_err());
    }
}
