//! What was run, kept on disk across sessions, and asked back by tail, range and search.
//!
//! One file of JSON lines that only grows at its end, shared by all kernels of a user: a line per
//! session, per input, per output. Numbers of sessions and lines follow IPython. When the file
//! cannot be used, the history lives in memory and the log says so.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jupyter_protocol::HistoryRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes read back from the end of the file.
const WINDOW: u64 = 8 << 20;
/// Bytes after which the file is set aside and a new one begun.
const LARGEST: u64 = 32 << 20;
/// Bytes of an output that are kept.
const OUTPUT: usize = 16 << 10;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct HistoryLine {
    #[serde(rename = "s")]
    session: u32,
    /// 0 for the start of a session.
    #[serde(rename = "n", default)]
    line: u32,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

#[derive(Debug, Clone)]
struct HistoryEntry {
    session: u32,
    line: u32,
    input: String,
    output: Option<String>,
}

/// A history, and the place of the running session in it.
#[derive(Debug)]
pub(super) struct History {
    file: Option<(PathBuf, File)>,
    /// What is not in the file.
    memory: Vec<HistoryLine>,
    session: u32,
}

impl History {
    /// Open or begin a history; without a path, or when it cannot be used, in memory.
    pub(super) fn open(path: Option<&Path>) -> History {
        let Some(path) = path else {
            return History::in_memory();
        };
        match History::in_file(path) {
            Ok(history) => history,
            Err(error) => {
                let path = path.display();
                eprintln!("ferrolab: history is not kept, {path} cannot be used: {error}");
                History::in_memory()
            }
        }
    }

    fn in_memory() -> History {
        History { file: None, memory: Vec::new(), session: 1 }
    }

    fn in_file(path: &Path) -> io::Result<History> {
        if let Some(folder) = path.parent() {
            make_private(folder)?;
        }
        if path.metadata().is_ok_and(|data| data.len() > LARGEST) {
            fs::rename(path, path.with_extension("old"))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        // Cells' texts are their user's alone, also in a file that was there before. Where a file
        // system knows no permissions there is nothing to do about it.
        let _ = file.set_permissions(Permissions::from_mode(0o600));
        // Two kernels that start at once must not take the same number. A file system without
        // locks gets none: a number shared is better than no history.
        let locked = (0..20).any(|_| {
            let locked = file.try_lock().is_ok();
            if !locked {
                std::thread::sleep(Duration::from_millis(5));
            }
            locked
        });
        let last = read_window(&file)?.iter().map(|record| record.session).max();
        let session = last.unwrap_or(0).saturating_add(1);
        let mut history = History { file: Some((path.to_owned(), file)), memory: Vec::new(), session };
        history.append(HistoryLine { session, ..HistoryLine::default() });
        if let (true, Some((_, file))) = (locked, &history.file) {
            let _ = file.unlock();
        }
        Ok(history)
    }

    /// Remember what is about to run.
    pub(super) fn input(&mut self, line: u32, code: &str) {
        let input = Some(code.to_owned());
        self.append(HistoryLine { session: self.session, line, input, output: None });
    }

    /// Remember, as text, what came of it.
    pub(super) fn output(&mut self, line: u32, text: &str) {
        let output = Some(text[..text.floor_char_boundary(OUTPUT)].to_owned());
        self.append(HistoryLine { session: self.session, line, input: None, output });
    }

    fn append(&mut self, record: HistoryLine) {
        if let Some((path, file)) = &mut self.file {
            let written = serde_json::to_vec(&record).map_err(io::Error::from).and_then(|mut text| {
                // A torn line of a crashed writer must not swallow this one.
                text.insert(0, b'\n');
                text.push(b'\n');
                file.write_all(&text)
            });
            let Err(error) = written else { return };
            let path = path.display();
            eprintln!("ferrolab: history is no longer kept, cannot write {path}: {error}");
            self.file = None;
        }
        self.memory.push(record);
    }

    fn entries(&self) -> Vec<HistoryEntry> {
        let mut records = match &self.file {
            Some((_, file)) => read_window(file).unwrap_or_default(),
            None => Vec::new(),
        };
        records.extend(self.memory.iter().cloned());
        let mut entries: Vec<HistoryEntry> = Vec::new();
        let mut places = HashMap::new();
        for HistoryLine { session, line, input, output } in records {
            if let Some(input) = input {
                places.insert((session, line), entries.len());
                entries.push(HistoryEntry { session, line, input, output: None });
            }
            if let (Some(output), Some(&place)) = (output, places.get(&(session, line))) {
                entries[place].output = Some(output);
            }
        }
        // Kernels that run side by side write in turns.
        entries.sort_by_key(|entry| (entry.session, entry.line));
        entries
    }

    /// Answer a request, oldest first: `[session, line, input]`, or with outputs
    /// `[session, line, [input, output or null]]`.
    pub(super) fn answer(&self, request: &HistoryRequest) -> Vec<Value> {
        let all = self.entries();
        let (found, with_output) = match request {
            HistoryRequest::Tail { n, output, .. } => (last(all, *n), *output),
            HistoryRequest::Range { session, start, stop, output, .. } => {
                (self.range(all, session.unwrap_or(0), *start, *stop), *output)
            }
            HistoryRequest::Search { pattern, unique, output, n, .. } => {
                let pattern: Vec<char> = pattern.chars().collect();
                let mut found = all;
                found.retain(|entry| matches(&pattern, &entry.input));
                if *unique {
                    keep_latest(&mut found);
                }
                (last(found, *n), *output)
            }
        };
        let line = |entry: HistoryEntry| match with_output {
            true => json!([entry.session, entry.line, [entry.input, entry.output]]),
            false => json!([entry.session, entry.line, entry.input]),
        };
        found.into_iter().map(line).collect()
    }

    /// Sessions count from 1, or back from the running one (0); so do lines of the running one.
    fn range(&self, mut all: Vec<HistoryEntry>, session: i32, start: i32, stop: i32) -> Vec<HistoryEntry> {
        let wanted = if session > 0 { i64::from(session) } else { i64::from(self.session) + i64::from(session) };
        all.retain(|entry| i64::from(entry.session) == wanted);
        let end = all.last().map_or(0, |entry| i64::from(entry.line)) + 1;
        let place = |line: i32| match i64::from(line) {
            back if back < 0 && wanted == i64::from(self.session) => end + back,
            line => line,
        };
        let (start, stop) = (place(start), place(stop));
        all.retain(|entry| (start..stop).contains(&i64::from(entry.line)));
        all
    }
}

/// Make a folder, and those above it, for this user alone. One that was there is only changed
/// when it is Ferrolab's own.
fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if folder.file_name().is_some_and(|name| name == "ferrolab") {
        let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    }
    Ok(())
}

fn last(mut entries: Vec<HistoryEntry>, n: i32) -> Vec<HistoryEntry> {
    let n = usize::try_from(n).unwrap_or(0);
    entries.split_off(entries.len().saturating_sub(n))
}

fn keep_latest(entries: &mut Vec<HistoryEntry>) {
    let latest: HashMap<String, (u32, u32)> =
        entries.iter().map(|entry| (entry.input.clone(), (entry.session, entry.line))).collect();
    entries.retain(|entry| latest.get(&entry.input) == Some(&(entry.session, entry.line)));
}

/// The records at the end of a file; lines that are none are passed over.
fn read_window(mut file: &File) -> io::Result<Vec<HistoryLine>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut text = Vec::new();
    file.take(WINDOW).read_to_end(&mut text)?;
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The patterns of SQLite's GLOB, which IPython's history takes: `*`, `?`, `[a-z]`, `[^a-z]`.
fn matches(pattern: &[char], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not fit.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            Some(_) => {
                if let Some(length) = one(&pattern[p..], text[t]) {
                    p += length;
                    t += 1;
                    continue;
                }
            }
            None => {}
        }
        let Some((after_star, from)) = retry else {
            return false;
        };
        (p, t) = (after_star, from + 1);
        retry = Some((after_star, t));
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// How many characters of the pattern this character fits, if it does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    let ('[', rest) = (pattern[0], &pattern[1..]) else {
        return (pattern[0] == '?' || pattern[0] == c).then_some(1);
    };
    let negated = rest.first() == Some(&'^');
    let set = &rest[usize::from(negated)..];
    // A bracket that comes first is one of the set.
    let Some(end) = set.iter().skip(1).position(|&c| c == ']').map(|end| end + 1) else {
        return (c == '[').then_some(1);
    };
    let mut members = &set[..end];
    let mut found = false;
    while let Some((&first, rest)) = members.split_first() {
        match rest {
            ['-', last, ..] => {
                found |= (first..=*last).contains(&c);
                members = &rest[2..];
            }
            _ => {
                found |= first == c;
                members = rest;
            }
        }
    }
    (found != negated).then_some(2 + usize::from(negated) + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = format!("ferrolab-history-{}-{name}", std::process::id());
        std::env::temp_dir().join(folder).join("history.jsonl")
    }

    fn tail(history: &History, n: i32) -> Value {
        json!(history.answer(&HistoryRequest::Tail { n, output: true, raw: true }))
    }

    #[test]
    fn sessions_follow_each_other() {
        let path = place("sessions");
        let mut first = History::open(Some(&path));
        first.input(1, "let a = 1;");
        first.input(2, "a");
        first.output(2, "1");
        let mut second = History::open(Some(&path));
        second.input(1, "let b = 2;");
        let expected = json!([[1, 2, ["a", "1"]], [2, 1, ["let b = 2;", null]]]);
        assert_eq!(tail(&second, 2), expected);
        let range = |session, start, stop| {
            let request = HistoryRequest::Range { session: Some(session), start, stop, output: false, raw: true };
            json!(second.answer(&request))
        };
        assert_eq!(range(-1, 1, 2), json!([[1, 1, "let a = 1;"]]));
        assert_eq!(range(1, 0, i32::MAX).as_array().map(Vec::len), Some(2));
        assert_eq!(range(0, -1, i32::MAX), json!([[2, 1, "let b = 2;"]]));
        assert_eq!(range(7, 0, 9), json!([]));
        let _ = fs::remove_dir_all(path.parent().unwrap());
    }

    #[test]
    fn nobody_else_reads_it() {
        let base = place("private").with_file_name("");
        let path = base.join("ferrolab/history.jsonl");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        drop(History::open(Some(&path)));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        drop(History::open(Some(&path)));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let _ = fs::remove_dir_all(base);
    }

    #[test]
    fn broken_files_do_no_harm() {
        let path = place("broken");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"\xff\xfe{\n{\"s\":3,\"n\":1,\"i\":\"x\"}\n{\"s\":9,\"n\":1,\"i").unwrap();
        let mut history = History::open(Some(&path));
        history.input(1, "y");
        assert_eq!(tail(&history, 9), json!([[3, 1, ["x", null]], [4, 1, ["y", null]]]));
        let _ = fs::remove_dir_all(path.parent().unwrap());
    }

    #[test]
    fn without_a_file_it_is_kept_in_memory() {
        let mut history = History::open(Some(Path::new("/proc/nowhere/history")));
        history.input(1, "x");
        assert_eq!(tail(&history, 5), json!([[1, 1, ["x", null]]]));
    }

    #[test]
    fn search_takes_patterns_and_keeps_the_latest() {
        let mut history = History::open(None);
        for (line, code) in ["let x = 1;", "x + 1", "let x = 1;", "[x]"].iter().enumerate() {
            history.input(line as u32 + 1, code);
        }
        let search = |pattern: &str, unique, n| {
            let pattern = pattern.to_owned();
            let request = HistoryRequest::Search { pattern, unique, output: false, raw: true, n };
            history.answer(&request).iter().map(|e| e[1].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(search("let*", false, 9), [1, 3]);
        assert_eq!(search("let*", true, 9), [3]);
        assert_eq!(search("*", false, 2), [3, 4]);
        assert_eq!(search("x ? [0-9]", false, 9), [2]);
        assert_eq!(search("[[]*[]]", false, 9), [4]);
        assert_eq!(search("[^l[]*", false, 9), [2]);
        assert_eq!(search("nothing", false, 9), [0; 0]);
    }
}
