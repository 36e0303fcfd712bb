//! Dependencies as users write them: evcxr's `:dep` lines and `Cargo.toml` tables. Nothing is
//! looked up here; cargo does that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::advice::nearest;
use super::error::{EnvironmentError, EnvironmentFault};
use super::helper;

const KEYS: [&str; 11] = [
    "version",
    "features",
    "default-features",
    "path",
    "git",
    "branch",
    "tag",
    "rev",
    "package",
    "registry",
    "optional",
];

/// A set of dependencies, by the name cells use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencySet {
    /// Name → the value it has in a manifest, normalised and as TOML text, paths absolute.
    entries: BTreeMap<String, String>,
}

impl DependencySet {
    /// True when nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether everything in `other` is in this set, written the same.
    pub fn contains(&self, other: &Self) -> bool {
        other.entries.iter().all(|(name, value)| self.entries.get(name) == Some(value))
    }

    /// Take over what `other` asks for; the later wish wins.
    pub fn merge(&mut self, other: &Self) {
        self.entries.extend(other.entries.clone());
    }

    /// Parse what follows `:dep`, one dependency to a line (a value may go on over several
    /// lines): `rand`, `rand@0.9`, `rand = "0.9"`, `x = { version = "1", features = ["a"] }`,
    /// `./my-crate`. Lines may start with `:dep` themselves; `#` and `//` start comments.
    ///
    /// # Errors
    /// With the line, counted from 1 in `text`, that cannot be understood.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, EnvironmentError> {
        let mut set = Self::default();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            let line = line.trim();
            let line = line.strip_prefix(":dep").or_else(|| line.strip_prefix("%dep")).unwrap_or(line).trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
                continue;
            }
            let mut entry = strip_comment(line).trim().to_owned();
            while open_brackets(&entry) > 0 {
                let Some((_, more)) = lines.next() else { break };
                // Inline tables may not hold newlines; the user's lines become one.
                entry.push(' ');
                entry.push_str(strip_comment(more).trim());
            }
            set.line(entry.trim(), directory).map_err(|error| error.at_line(index + 1))?;
        }
        Ok(set)
    }

    /// Parse a manifest's text: its `[dependencies]` table, or bare `name = value` lines.
    ///
    /// # Errors
    /// With the line that cannot be understood.
    pub fn parse_table(text: &str, directory: &Path) -> Result<Self, EnvironmentError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let offset = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..offset].iter().filter(|&&b| b == b'\n').count() + 1;
            EnvironmentError::new(EnvironmentFault::Dependency, error.message().to_owned()).at_line(line)
        })?;
        let table = match table.get("dependencies").and_then(Value::as_table) {
            Some(inner) => inner.clone(),
            None => table,
        };
        let mut set = Self::default();
        for (name, value) in table {
            let line = text.lines().position(|l| l.contains(name.as_str())).map_or(1, |index| index + 1);
            set.insert(&name, value, directory).map_err(|error| error.at_line(line))?;
        }
        Ok(set)
    }

    fn line(&mut self, text: &str, directory: &Path) -> Result<(), EnvironmentError> {
        if let Some((name, value)) = text.split_once('=') {
            let name = name.trim().trim_matches('"');
            let value = value.trim();
            let line = format!("value = {value}");
            let table: Result<Table, _> = line.parse();
            let value = match table.map(|mut table| table.remove("value")) {
                Ok(Some(value)) => value,
                Ok(None) => return Err(unclear(text)),
                // `rand = 0.9`: quotes forgotten.
                Err(_) if value.starts_with(|c: char| c.is_ascii_digit() || "^~=<>*".contains(c)) => {
                    Value::String(value.to_owned())
                }
                Err(error) => {
                    return Err(unclear(text).details(error.message().to_owned()));
                }
            };
            let value = match value {
                // `rand = 1` and `rand = 0.9` are TOML numbers.
                Value::Integer(number) => Value::String(number.to_string()),
                Value::Float(_) => Value::String(text.split_once('=').map_or("", |(_, v)| v).trim().to_owned()),
                other => other,
            };
            return self.insert(name, value, directory);
        }
        if text.starts_with(['.', '/', '~']) {
            let path = absolute(text, directory);
            let name = package_name(&path)?;
            let mut table = Table::new();
            table.insert("path".to_owned(), Value::String(path.display().to_string()));
            return self.insert(&name, Value::Table(table), directory);
        }
        let (name, version) = text.split_once('@').unwrap_or((text, "*"));
        if name.contains(char::is_whitespace) {
            return Err(unclear(text).help("one dependency to a line: `:dep name = \"version\"`"));
        }
        self.insert(name.trim(), Value::String(version.trim().to_owned()), directory)
    }

    fn insert(&mut self, name: &str, value: Value, directory: &Path) -> Result<(), EnvironmentError> {
        let valid = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(valid) {
            return Err(unclear(name).help("a crate's name has letters, digits, `-` and `_`: `:dep serde = \"1\"`"));
        }
        if name == helper::NAME {
            return Err(EnvironmentError::new(EnvironmentFault::Dependency, "`ferrolab` is in every cell already")
                .help("write `use ferrolab::…;` without a `:dep`"));
        }
        let mut table = match value {
            Value::String(version) => Table::from_iter([("version".to_owned(), Value::String(version))]),
            Value::Table(table) => table,
            _ => {
                return Err(unclear(name).help(format!("`:dep {name} = \"1.2\"` or `{{ version = \"1.2\" }}`")));
            }
        };
        // evcxr notebooks, like old manifests, write these with an underscore.
        if let Some(value) = table.remove("default_features") {
            table.insert("default-features".to_owned(), value);
        }
        for key in table.keys() {
            if !KEYS.contains(&key.as_str()) {
                let help = match nearest(key, KEYS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys are {}", KEYS.join(", ")),
                };
                let message = format!("`{key}` is not something a dependency (`{name}`) can have");
                return Err(EnvironmentError::new(EnvironmentFault::Dependency, message).help(help));
            }
        }
        table.remove("optional");
        if let Some(path) = table.get("path").and_then(Value::as_str) {
            let path = absolute(path, directory);
            if !path.join("Cargo.toml").is_file() {
                let message = format!("the path of `{name}` has no Cargo.toml: {}", path.display());
                return Err(EnvironmentError::new(EnvironmentFault::Dependency, message)
                    .help(format!("paths are relative to {}", directory.display())));
            }
            table.insert("path".to_owned(), Value::String(path.display().to_string()));
        } else if !table.contains_key("version") && !table.contains_key("git") {
            table.insert("version".to_owned(), Value::String("*".to_owned()));
        }
        let value = helper::toml_text(&table)?;
        self.entries.insert(name.to_owned(), value);
        Ok(())
    }

    /// As a manifest's `[dependencies]`.
    pub(super) fn table(&self) -> Table {
        let parsed = self
            .entries
            .iter()
            .filter_map(|(name, text)| text.parse::<Table>().ok().map(|table| (name.clone(), Value::Table(table))));
        parsed.collect()
    }

    /// One `:dep` line for each dependency, for the user.
    pub fn shown(&self) -> String {
        let line = |(name, value): (String, Value)| {
            let mut table = value.as_table().cloned().unwrap_or_default();
            let version = table.remove("version").filter(|_| table.is_empty());
            match version {
                Some(version) => format!(":dep {name} = {version}\n"),
                None => format!(":dep {name} = {value}\n"),
            }
        };
        self.table().into_iter().map(line).collect()
    }

    /// One line for each dependency, for hashes.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.entries.iter().map(|(name, value)| format!("{name}\n{value}"))
    }
}

fn unclear(text: &str) -> EnvironmentError {
    EnvironmentError::new(EnvironmentFault::Dependency, format!("`{text}` is not a dependency"))
        .help("write `:dep name`, `:dep name = \"1.2\"` or `:dep name = { version = \"1.2\", features = [\"a\"] }`")
}

fn absolute(path: &str, directory: &Path) -> PathBuf {
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => directory.join(path),
    };
    path.canonicalize().unwrap_or(path)
}

fn package_name(path: &Path) -> Result<String, EnvironmentError> {
    let manifest = path.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|e| {
        EnvironmentError::new(EnvironmentFault::Dependency, format!("cannot read {}: {e}", manifest.display()))
            .help("a path names the directory of a crate, relative to the notebook")
    })?;
    let table: Table = text.parse().unwrap_or_default();
    let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| {
        EnvironmentError::new(EnvironmentFault::Dependency, format!("{} has no package name", manifest.display()))
    })
}

/// Cut a comment off the end, unless the sign stands in a string.
fn strip_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' => return &line[..index],
            // A comment, not the middle of an address.
            None if c == '/' && line[index..].starts_with("//") && before.is_whitespace() => {
                return &line[..index];
            }
            None => {}
        }
        before = c;
    }
    line
}

/// Whether lines of a dependency go on in the next one, because a bracket is open.
pub fn goes_on(lines: &str) -> bool {
    // Line by line, since comments end with theirs.
    lines.lines().map(open_brackets).sum::<i32>() > 0
}

fn open_brackets(text: &str) -> i32 {
    let mut quote = None;
    let mut depth = 0;
    for c in strip_comment(text).chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if "[{".contains(c) => depth += 1,
            None if "]}".contains(c) => depth -= 1,
            None => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DependencySet, EnvironmentError> {
        DependencySet::parse(text, Path::new("/"))
    }

    #[test]
    fn every_form_evcxr_users_write() {
        let set = parse(
            ":dep rand\n:dep serde = \"1.0\" # a comment\n\n// another\nitertools@0.14\n\
             ndarray = { version = \"0.16\", default_features = false,\n  features = [\"std\"] } # two lines\n\
             rayon_core = 1.12\njson = { package = \"serde_json\", version = \"1\" }\n\
             local = { git = \"https://example.org/x\", rev = \"abc\" }",
        )
        .expect("all valid");
        let table = set.table();
        assert_eq!(table["rand"]["version"].as_str(), Some("*"));
        assert_eq!(table["itertools"]["version"].as_str(), Some("0.14"));
        assert_eq!(table["rayon_core"]["version"].as_str(), Some("1.12"));
        assert_eq!(table["ndarray"]["default-features"].as_bool(), Some(false));
        assert_eq!(table["json"]["package"].as_str(), Some("serde_json"));
        assert_eq!(table["local"]["git"].as_str(), Some("https://example.org/x"));
        assert_eq!(set.names().count(), 7);
        assert!(set.shown().contains(":dep itertools = \"0.14\"\n"), "{}", set.shown());
        assert!(goes_on("x = { version = \"1\", # {\n features = [") && !goes_on("x = { a = [\n \"]\" ] }"));
    }

    #[test]
    fn errors_name_the_line_and_what_was_meant() {
        let error = parse("rand\n\nserde = { version = \"1\", feature = [\"derive\"] }").expect_err("feature");
        assert_eq!(error.line, Some(3));
        assert!(error.help.contains("`features`"), "{error}");
        assert_eq!(parse("rand serde").expect_err("two").line, Some(1));
        assert!(parse("x = { path = \"nowhere\" }").is_err());
        assert!(parse("ferrolab = \"1\"").is_err());
    }

    #[test]
    fn tables_are_understood_whole_or_bare() {
        let whole = "[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\nrand = \"0.9\"\n";
        let bare = "serde = { version = \"1\", features = [\"derive\"] }\nrand = \"0.9\"\n";
        let parse = |text| DependencySet::parse_table(text, Path::new("/")).expect("valid");
        assert_eq!(parse(whole), parse(bare));
        let error = DependencySet::parse_table("rand = \"1\"\nserde = = 1", Path::new("/")).expect_err("broken");
        assert_eq!(error.line, Some(2));
    }
}
