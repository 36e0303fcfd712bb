//! Files beside the notebook. `mod physics;` and an `include!` of items become the text of their files, as if
//! it stood in the cell: so it lasts, is replaced and is shown in errors like any other item. Paths that other
//! macros read are made absolute, because rustc sees the cell in a folder of the cache.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Expr, Item, ItemMod, Lit, Macro, Meta, Stmt};

use super::layout::Layout;
use super::mentions::plain;
use super::places;
use super::reads::{calls, value_of};
use super::source::{Place, cell_name};

/// Modules in files that name each other end here.
const DEEPEST: usize = 64;

/// Why a text cannot be laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// rustc's code for it.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Gives a file that was read a number like a cell's.
pub type Enter<'a> = dyn FnMut(&Path, &str) -> u32 + 'a;

/// Tells macros of the user's.
pub type Own<'a> = dyn Fn(&str) -> bool + 'a;

/// Lays out a cell; `None` when it names neither file nor place.
///
/// # Errors
/// When a file that it names cannot be read.
pub fn lay(
    cell: u32,
    text: &str,
    folder: &Path,
    own: &Own<'_>,
    enter: &mut Enter<'_>,
) -> Result<Option<Layout>, Problem> {
    let names_place = places::WORDS.iter().any(|word| text.contains(&format!("{word}!")));
    if !text.contains("include") && !text.contains("mod ") && !names_place {
        return Ok(None);
    }
    let mut laying = Laying { layout: Layout::default(), folder, own, enter, depth: 0 };
    let here = Folders { files: folder.to_owned(), modules: vec![folder.to_owned()] };
    let done = laying.text(cell, &cell_name(cell), text, &here);
    proc_macro2::extra::invalidate_current_thread_spans();
    done?;
    Ok((laying.layout.text() != text).then_some(laying.layout))
}

/// Where a text's files are looked for.
#[derive(Debug, Clone)]
struct Folders {
    /// What macros and `#[path]` name.
    files: PathBuf,
    /// The files of modules; the first folder that has one.
    modules: Vec<PathBuf>,
}

struct Laying<'a, 'e> {
    layout: Layout,
    folder: &'a Path,
    own: &'a Own<'a>,
    enter: &'a mut Enter<'e>,
    depth: usize,
}

/// What comes in the place of a stretch of text.
enum Edit {
    /// A module's file, between braces.
    Module(PathBuf, Folders),
    /// A file's items, or statements, with what ends them.
    Items(PathBuf, &'static str),
    /// Other text.
    Text(String),
}

type Edits = Vec<(Range<usize>, Edit)>;

impl Laying<'_, '_> {
    fn text(&mut self, cell: u32, name: &str, text: &str, folders: &Folders) -> Result<(), Problem> {
        let mut edits = self.edits(cell, name, text, folders)?;
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut done = 0;
        for (range, edit) in edits {
            // The arguments of an `include!` that is taken in.
            if range.start < done {
                continue;
            }
            self.layout.push(cell, done, &text[done..range.start]);
            done = range.end;
            match edit {
                Edit::Text(text) => self.layout.push_for(cell, &range, &text),
                Edit::Items(path, end) => {
                    let inner = Folders { files: parent(&path), modules: vec![parent(&path)] };
                    self.file(cell, &range, &path, &inner)?;
                    self.layout.push_for(cell, &range, end);
                }
                Edit::Module(path, inner) => {
                    self.layout.push_for(cell, &range, " {\n");
                    self.file(cell, &range, &path, &inner)?;
                    self.layout.push_for(cell, &range, "\n}");
                }
            }
        }
        self.layout.push(cell, done, &text[done..]);
        Ok(())
    }

    fn file(&mut self, cell: u32, range: &Range<usize>, path: &Path, folders: &Folders) -> Result<(), Problem> {
        let wrong = |message: String, help: &str| Problem {
            place: Place { cell, range: range.clone() },
            code: "",
            message,
            help: help.to_owned(),
        };
        let shown = path.display();
        if self.depth == DEEPEST {
            return Err(wrong(format!("`{shown}` takes in itself"), "a file cannot be a module of its own modules"));
        }
        let content = fs::read(path).map_err(|e| wrong(format!("cannot read `{shown}`: {e}"), "is it readable?"))?;
        let content = String::from_utf8(content)
            .map_err(|_| wrong(format!("`{shown}` is not text in UTF-8"), "Rust's source files are"))?;
        let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
        let number = (self.enter)(path, content);
        self.depth += 1;
        let name = path.strip_prefix(self.folder).unwrap_or(path).display().to_string();
        let done = self.text(number, &name, content, folders);
        self.depth -= 1;
        done
    }

    fn edits(&self, cell: u32, name: &str, text: &str, folders: &Folders) -> Result<Edits, Problem> {
        let grammar = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
        // rustc explains what cannot be read.
        let Ok((_, statements)) = grammar.parse_str(text) else { return Ok(Vec::new()) };
        let mut finder = Finder { cell, edits: Vec::new() };
        for statement in &statements {
            match statement {
                Stmt::Item(item) => finder.item(item, folders, true)?,
                Stmt::Macro(m) => {
                    let range = statement.span().byte_range();
                    finder.include(&m.mac, range.clone(), folders);
                    finder.statements(&m.mac, range, folders, m.semi_token.is_some());
                }
                _ => {}
            }
        }
        if let Ok(tokens) = text.parse() {
            // A macro of this text may have the name of a standard one.
            let own = |word: &str| (self.own)(word) || text.contains(&format!("macro_rules! {word}"));
            finder.words(tokens, &Text { text, name, own: &own, folder: &folders.files }, false);
        }
        Ok(finder.edits)
    }
}

/// A text whose words are looked at.
struct Text<'a> {
    text: &'a str,
    name: &'a str,
    own: &'a Own<'a>,
    folder: &'a Path,
}

struct Finder {
    cell: u32,
    edits: Edits,
}

impl Finder {
    /// `top` is false inside a module with braces.
    fn item(&mut self, item: &Item, folders: &Folders, top: bool) -> Result<(), Problem> {
        match item {
            Item::Macro(m) if m.ident.is_none() => self.include(&m.mac, item.span().byte_range(), folders),
            Item::Mod(m) => match &m.content {
                Some((_, items)) => {
                    let name = path_attribute(&m.attrs).unwrap_or_else(|| plain(&m.ident.to_string()).to_owned());
                    let modules = folders.modules.iter().map(|folder| folder.join(&name)).collect();
                    let inner = Folders { files: folders.files.clone(), modules };
                    items.iter().try_for_each(|item| self.item(item, &inner, false))?;
                }
                None => self.module(m, folders, top)?,
            },
            _ => {}
        }
        Ok(())
    }

    fn module(&mut self, m: &ItemMod, folders: &Folders, top: bool) -> Result<(), Problem> {
        let Some(semicolon) = &m.semi else { return Ok(()) };
        let name = plain(&m.ident.to_string()).to_owned();
        let cfg = m.attrs.iter().any(|a| a.path().is_ident("cfg") || a.path().is_ident("cfg_attr"));
        let problem = |code, message, help| Problem {
            place: Place { cell: self.cell, range: m.ident.span().byte_range() },
            code,
            message,
            help,
        };
        let range = semicolon.span().byte_range();
        if let Some(path) = path_attribute(&m.attrs) {
            let from = if top { Some(&folders.files) } else { folders.modules.first() };
            let path = from.map_or_else(|| path.clone().into(), |from| from.join(&path));
            if !path.is_file() {
                // Left out for this machine, perhaps: then rustc does not want it either.
                if cfg {
                    return Ok(());
                }
                let message = format!("file not found for module `{name}`: {}", missing(&path));
                let help = format!("`#[path]` is relative to the notebook's folder; {} makes a file", writing(&path));
                return Err(problem("E0583", message, help));
            }
            // rustc looks for its modules beside it, cargo's layout has them in a folder of its name.
            let modules = vec![parent(&path), path.with_extension("")];
            self.edits.push((range, Edit::Module(path.clone(), Folders { files: parent(&path), modules })));
            return Ok(());
        }
        let places = |folder: &PathBuf| [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
        let found = folders.modules.iter().map(places).find(|both| both.iter().any(|path| path.is_file()));
        let Some(found) = found else {
            let Some([file, folder]) = folders.modules.first().map(places).filter(|_| !cfg) else { return Ok(()) };
            let help = format!(
                "to create the module `{name}`, create the file `{}` or `{}`; a cell that begins with `%%writefile` writes one",
                file.display(),
                folder.display()
            );
            return Err(problem("E0583", format!("file not found for module `{name}`"), help));
        };
        if let [file, folder] = &found
            && file.is_file()
            && folder.is_file()
        {
            let message =
                format!("file for module `{name}` found at both `{}` and `{}`", file.display(), folder.display());
            return Err(problem("E0584", message, "remove or rename one of them".to_owned()));
        }
        let [file, in_folder] = found;
        let path = if file.is_file() { file } else { in_folder };
        let modules = vec![if path.ends_with("mod.rs") { parent(&path) } else { path.with_extension("") }];
        self.edits.push((range, Edit::Module(path.clone(), Folders { files: parent(&path), modules })));
        Ok(())
    }

    /// `include!` of a file that holds nothing but items is taken in.
    fn include(&mut self, m: &Macro, range: Range<usize>, folders: &Folders) {
        if m.path.segments.last().is_none_or(|last| last.ident != "include") {
            return;
        }
        let Some(path) = value_of(m.tokens.clone()).map(|path| folders.files.join(path)) else { return };
        let items = fs::read_to_string(&path).ok().and_then(|text| syn::parse_file(&text).ok());
        if items.is_some_and(|file| file.attrs.is_empty() && file.shebang.is_none()) {
            self.edits.push((range, Edit::Items(path, "\n")));
        }
    }

    /// So is one of statements, at the top of a cell: rustc would want an expression there. `ended` is true with
    /// a semicolon; then what the file ends with is not the cell's value.
    fn statements(&mut self, m: &Macro, range: Range<usize>, folders: &Folders, ended: bool) {
        if m.path.segments.last().is_none_or(|last| last.ident != "include") {
            return;
        }
        let Some(path) = value_of(m.tokens.clone()).map(|path| folders.files.join(path)) else { return };
        let Ok(text) = fs::read_to_string(&path) else { return };
        let Ok(statements) = Block::parse_within.parse_str(&text) else { return };
        let items = statements.iter().all(|s| matches!(s, Stmt::Item(_)));
        if !items && (ended || statements.iter().any(|s| matches!(s, Stmt::Local(_)))) {
            self.edits.push((range, Edit::Items(path, if ended { "\n;\n" } else { "\n" })));
        }
    }

    /// Paths that macros read, made absolute, and words for the place where they stand. Those in a macro's
    /// definition are about where it is called.
    fn words(&mut self, tokens: TokenStream, of: &Text<'_>, defined: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        if !defined {
            let written = places::written(&tokens, of.text, of.name, of.own);
            self.edits.extend(written.into_iter().map(|(range, text)| (range, Edit::Text(text))));
        }
        for (_, name, group) in calls(&tokens) {
            if !["include", "include_str", "include_bytes"].contains(&name.as_str()) {
                continue;
            }
            let inside = group.span_open().byte_range().end..group.span_close().byte_range().start;
            if let Some(path) = value_of(group.stream()).map(PathBuf::from).filter(|path| path.is_relative()) {
                let path = of.folder.join(path);
                self.edits.push((inside, Edit::Text(format!("{:?}", path.to_string_lossy()))));
            }
        }
        let mut defines = false;
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    self.words(group.stream(), of, defined || defines);
                    defines = false;
                }
                TokenTree::Ident(word) => defines = word == "macro_rules" || defines,
                _ => {}
            }
        }
    }
}

/// The string of a `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(given) if given.path.is_ident("path") => match &given.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(path) => Some(path.value()),
                _ => None,
            },
            other => value_of(other.to_token_stream()),
        },
        _ => None,
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

fn missing(path: &Path) -> String {
    match fs::metadata(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => format!("`{}`: {e}", path.display()),
        Err(_) => format!("there is no `{}`", path.display()),
        Ok(_) => format!("`{}` is not a file", path.display()),
    }
}

fn writing(path: &Path) -> String {
    format!("`%%writefile {}`", path.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(folder: &Path, text: &str) -> Result<String, Problem> {
        let mut next = 90;
        let mut enter = |_: &Path, _: &str| {
            next += 1;
            next
        };
        Ok(lay(1, text, folder, &|_| false, &mut enter)?
            .map_or_else(|| text.to_owned(), |layout| layout.text().to_owned()))
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(parent(&path)).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    #[test]
    fn modules_are_found_as_rustc_finds_them() {
        let here = folder(&[
            ("a.rs", "//! doc\npub mod b;"),
            ("a/b.rs", "mod c;"),
            ("a/b/c/mod.rs", "mod d;"),
            ("a/b/c/d.rs", "// end"),
            ("m/n.rs", "fn n() {}"),
            ("both.rs", ""),
            ("both/mod.rs", ""),
        ]);
        let flat = |text: &str| laid(here.path(), text).map(|text| text.replace('\n', " "));
        assert_eq!(
            flat("mod a;\na::x()"),
            Ok("mod a { //! doc pub mod b { mod c { mod d { // end } } } } a::x()".to_owned())
        );
        assert_eq!(flat("mod m { mod n; }"), Ok("mod m { mod n { fn n() {} } }".to_owned()));
        assert_eq!(
            flat("#[path = \"a.rs\"] mod other;").expect("it is there"),
            "#[path = \"a.rs\"] mod other { //! doc pub mod b { mod c { mod d { // end } } } }"
        );
        assert_eq!(flat("#[cfg(windows)] mod none;"), Ok("#[cfg(windows)] mod none;".to_owned()));
        let problem = flat("1;\nmod none;").expect_err("no such file");
        assert_eq!((problem.code, problem.place.range), ("E0583", 7..11));
        assert!(problem.help.contains(&format!("{}/none.rs", here.path().display())), "{}", problem.help);
        assert_eq!(flat("mod both;").expect_err("two files").code, "E0584");
    }

    #[test]
    fn items_are_taken_in_and_other_paths_made_absolute() {
        let here =
            folder(&[("items.rs", "fn f() {} // f"), ("value.rs", "1 + 1"), ("self.rs", "include!(\"self.rs\");")]);
        let at = here.path().display();
        assert_eq!(laid(here.path(), "include!(\"items.rs\");\nf()").expect("items"), "fn f() {} // f\n\nf()");
        assert_eq!(
            laid(here.path(), "let x = include!(\"value.rs\") + f(include_str!(\"no\"));").expect("paths"),
            format!("let x = include!(\"{at}/value.rs\") + f(include_str!(\"{at}/no\"));")
        );
        let text = "include_str!(\"/etc/hosts\"); // include!(\"x\")";
        assert_eq!(laid(here.path(), text).expect("nothing to do"), text);
        fs::write(here.path().join("binds.rs"), "let x = 1;\nx").expect("a file");
        assert_eq!(laid(here.path(), "include!(\"binds.rs\");\nx").expect("statements"), "let x = 1;\nx\n;\n\nx");
        assert!(laid(here.path(), "include!(\"self.rs\");").expect_err("no end").message.contains("takes in itself"));
    }
}
