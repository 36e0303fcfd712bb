//! What rustc reads besides a text: files that it includes, and variables of the environment. A crate's key
//! holds what they contain, so that a file that was edited is read again although the text is the same.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::environment::Identity;

/// Files that include each other end here.
const DEEPEST: usize = 64;

/// What a text reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Hash of its content.
    pub hash: String,
    /// False when it could not be told: then it may be something else each time.
    pub sure: bool,
}

/// What a text reads; `None` when that is nothing.
pub fn read(text: &str) -> Option<Read> {
    if !text.contains("include") && !text.contains("env!") {
        return None;
    }
    let mut reading = Reading { hash: Identity::default(), any: false, sure: true };
    reading.text(text, &folder(), 0);
    proc_macro2::extra::invalidate_current_thread_spans();
    if !reading.sure {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        reading.hash = reading.hash.part(now.to_le_bytes());
    }
    reading.any.then(|| Read { hash: reading.hash.finish(), sure: reading.sure })
}

/// The notebook's folder: files that cells name are looked for there.
pub fn folder() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

/// What cargo sets for rustc, which code asks for by `env!`: the notebook is a package in its folder.
pub fn cargo_variables() -> Vec<(&'static str, String)> {
    let own = [
        ("CARGO_PKG_NAME", "notebook"),
        ("CARGO_CRATE_NAME", "notebook"),
        ("CARGO_PKG_VERSION", "0.1.0"),
        ("CARGO_PKG_VERSION_MAJOR", "0"),
        ("CARGO_PKG_VERSION_MINOR", "1"),
        ("CARGO_PKG_VERSION_PATCH", "0"),
    ];
    // Cargo sets those to nothing that a manifest does not name.
    const EMPTY: [&str; 9] = [
        "CARGO_PKG_VERSION_PRE",
        "CARGO_PKG_AUTHORS",
        "CARGO_PKG_DESCRIPTION",
        "CARGO_PKG_HOMEPAGE",
        "CARGO_PKG_REPOSITORY",
        "CARGO_PKG_LICENSE",
        "CARGO_PKG_LICENSE_FILE",
        "CARGO_PKG_RUST_VERSION",
        "CARGO_PKG_README",
    ];
    let folder = folder();
    let mut all: Vec<_> = own.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    all.extend(EMPTY.map(|name| (name, String::new())));
    all.push(("CARGO_MANIFEST_DIR", folder.to_string_lossy().into_owned()));
    all.push(("CARGO_MANIFEST_PATH", folder.join("Cargo.toml").to_string_lossy().into_owned()));
    all
}

/// A variable of the environment as rustc sees it.
fn variable(name: &str) -> Option<String> {
    if let Some((_, value)) = cargo_variables().into_iter().find(|(known, _)| *known == name) {
        return Some(value);
    }
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Calls of the macros that read, in a text's tokens: the macro's name, its place among the tokens of
/// its group, and its arguments.
pub fn calls(tokens: &[TokenTree]) -> impl Iterator<Item = (usize, String, &Group)> {
    (0..tokens.len()).filter_map(|at| {
        let [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(group)] = tokens.get(at..at + 3)? else {
            return None;
        };
        (mark.as_char() == '!').then(|| (at, name.to_string(), group))
    })
}

/// The text that the arguments of such a macro stand for: a string, or `concat!` and `env!` of strings.
pub fn value_of(arguments: TokenStream) -> Option<String> {
    let tokens: Vec<TokenTree> = arguments.into_iter().collect();
    let parts: Vec<&[TokenTree]> = tokens.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')).collect();
    match parts.as_slice() {
        [one] | [one, []] => value(one),
        _ => None,
    }
}

fn value(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Literal(literal)] => match syn::parse_str::<syn::Lit>(&literal.to_string()).ok()? {
            syn::Lit::Str(text) => Some(text.value()),
            syn::Lit::Int(number) => Some(number.base10_digits().to_owned()),
            _ => None,
        },
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => value_of(group.stream()),
        [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(group)] if mark.as_char() == '!' => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut parts = inner.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ','));
            match name.to_string().as_str() {
                "env" => variable(&value(parts.next()?)?),
                "concat" => parts.filter(|part| !part.is_empty()).map(value).collect(),
                _ => None,
            }
        }
        _ => None,
    }
}

struct Reading {
    hash: Identity,
    any: bool,
    sure: bool,
}

impl Reading {
    fn text(&mut self, text: &str, folder: &Path, depth: usize) {
        match text.parse::<TokenStream>() {
            Ok(tokens) if depth < DEEPEST => self.tokens(tokens, folder, depth),
            // rustc will say what is wrong with it.
            _ => (self.any, self.sure) = (true, false),
        }
    }

    fn part(&mut self, part: impl AsRef<[u8]>) {
        self.any = true;
        self.hash = std::mem::take(&mut self.hash).part(part);
    }

    fn tokens(&mut self, tokens: TokenStream, folder: &Path, depth: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (_, name, group) in calls(&tokens) {
            let first =
                || group.stream().into_iter().take_while(|t| !matches!(t, TokenTree::Punct(p) if p.as_char() == ','));
            match name.as_str() {
                "include" | "include_str" | "include_bytes" => match value_of(group.stream()) {
                    Some(path) => self.file(&folder.join(path), name == "include", depth),
                    None => (self.any, self.sure) = (true, false),
                },
                "env" | "option_env" => match value_of(first().collect()) {
                    Some(name) => {
                        self.part(&name);
                        self.part(variable(&name).map_or_else(|| "-".to_owned(), |value| format!("+{value}")));
                    }
                    None => (self.any, self.sure) = (true, false),
                },
                _ => {}
            }
        }
        for token in tokens {
            if let TokenTree::Group(group) = token {
                self.tokens(group.stream(), folder, depth);
            }
        }
    }

    fn file(&mut self, path: &Path, code: bool, depth: usize) {
        self.part(path.as_os_str().as_encoded_bytes());
        let Ok(content) = fs::read(path) else { return self.part("no such file") };
        self.part(&content);
        if code {
            let text = String::from_utf8_lossy(&content);
            self.text(&text, path.parent().unwrap_or(path), depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        read(text).map_or_else(String::new, |read| format!("{} {}", read.sure, read.hash))
    }

    #[test]
    fn what_a_text_reads_is_in_its_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let (outer, inner) = (folder.path().join("outer.rs"), folder.path().join("inner.txt"));
        fs::write(&outer, "include_str!(\"inner.txt\")").expect("a file");
        fs::write(&inner, "one").expect("a file");
        let text = format!("let x = {{ include!({outer:?}) }};");
        let first = hash(&text);
        assert!(first.starts_with("true ") && hash(&text) == first);
        fs::write(&inner, "two").expect("a file");
        assert_ne!(hash(&text), first, "what an included file includes counts, too");
        fs::remove_file(&inner).expect("no file");
        assert!(hash(&text).starts_with("true "));
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        assert_eq!(read("let include = 1; // env!"), None);
        assert_eq!(read("fn f() {}"), None);
        assert!(hash("macro_rules! m { ($f:expr) => { include_str!($f) } }").starts_with("false "));
        assert!(hash("option_env!(\"NOBODY_SETS_THIS\")").starts_with("true "));
        let joined: TokenStream = "concat!(\"/a\", \"/b\", 1, \".txt\")".parse().expect("tokens");
        assert_eq!(value_of(joined).as_deref(), Some("/a/b1.txt"));
    }
}
