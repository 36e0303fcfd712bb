//! What completion and inspection know of the helper crate's prelude, read once from the sources
//! that this binary carries: names, signatures, docs and public methods as they are written there.
//! It follows `pub use` within that crate and resolves nothing else.

use std::sync::OnceLock;

use ferrolab_engine::environment::HELPER_FILES;
use ferrolab_engine::insight::{Item, ItemKind, Names};

/// The items of the prelude.
pub(super) fn items() -> &'static [Item] {
    static ITEMS: OnceLock<Vec<Item>> = OnceLock::new();
    ITEMS.get_or_init(|| {
        let items = Library::read(HELPER_FILES).prelude();
        proc_macro2::extra::invalidate_current_thread_spans();
        items
    })
}

/// A source file of the helper crate.
struct HelperFile {
    path: &'static str,
    text: &'static str,
    file: syn::File,
}

struct Library(Vec<HelperFile>);

/// A name that a `use` brings in: the path it stands for, and what it is called here.
struct Use {
    path: Vec<String>,
    name: String,
}

impl Library {
    fn read(files: &[(&'static str, &'static [u8])]) -> Self {
        let sources = files.iter().filter(|(path, _)| path.ends_with(".rs") && !path.ends_with("/tests.rs"));
        let read = |(path, bytes): &(&'static str, &'static [u8])| {
            let text = std::str::from_utf8(bytes).ok()?;
            let file = syn::parse_file(text).ok()?;
            Some(HelperFile { path, text, file })
        };
        Self(sources.filter_map(read).collect())
    }

    fn prelude(&self) -> Vec<Item> {
        let mut found: Vec<Item> = Vec::new();
        let mut modules: Vec<Item> = Vec::new();
        for import in
            self.module(&["prelude".to_owned(), "names".to_owned()]).iter().flat_map(|source| uses(&source.file))
        {
            if self.module(&import.path).is_some() {
                modules.push(self.describe(&import));
            } else if let Some((name, module)) = import.path.split_last() {
                found.extend(self.item(module, name));
            }
        }
        for module in modules {
            match found.iter_mut().find(|item| item.name == module.name) {
                // A function and a module of one name: the function, with the module's names in it.
                Some(function) => {
                    function.docs = format!("{}\n\nAlso a module. {}", function.docs, module.docs);
                    function.members = module.members;
                }
                None => found.push(module),
            }
        }
        found
    }

    /// The file of a module, its path given without `crate`.
    fn module(&self, path: &[String]) -> Option<&HelperFile> {
        self.file(path).or_else(|| {
            // One that the crate's root brings up from further below, under the same name.
            let (first, rest) = path.split_first()?;
            let root = self.0.iter().find(|source| source.path == "src/lib.rs")?;
            let import = uses(&root.file).into_iter().find(|import| import.name == *first)?;
            self.file(&[import.path, rest.to_vec()].concat())
        })
    }

    fn file(&self, path: &[String]) -> Option<&HelperFile> {
        let path = path.join("/");
        let places = [format!("src/{path}.rs"), format!("src/{path}/mod.rs")];
        self.0.iter().find(|source| places.iter().any(|place| place == source.path))
    }

    fn describe(&self, import: &Use) -> Item {
        let mut item = Item {
            name: import.name.clone(),
            kind: ItemKind::Module,
            signature: format!("mod {}", import.name),
            ..Item::default()
        };
        let Some(source) = self.module(&import.path) else { return item };
        let own = source.file.items.iter().filter_map(|item| public_name(item).map(|name| name.to_string()));
        let mut names: Vec<String> = own.collect();
        names.extend(uses(&source.file).into_iter().map(|import| import.name));
        names.sort();
        names.dedup();
        item.members = names.iter().filter_map(|name| self.item(&import.path, name)).collect();
        let listed: Vec<String> = item.members.iter().map(|member| format!("`{}`", member.name)).collect();
        item.docs = format!("{}\n\nIt has {}.", readable(&docs(&source.file.attrs)), listed.join(", "));
        item
    }

    /// What is called `name` in a module, defined there or brought in from another.
    fn item(&self, module: &[String], name: &str) -> Option<Item> {
        let source = self.module(module)?;
        if let Some(defined) = source.file.items.iter().find(|item| public_name(item).is_some_and(|n| n == name)) {
            return self.read_item(source, defined, name);
        }
        let import = uses(&source.file).into_iter().find(|import| import.name == name)?;
        let (original, from) = import.path.split_last()?;
        // A path that starts in the crate, or in the module itself.
        let inner: Vec<String> = module.iter().chain(from).cloned().collect();
        let from = if self.module(&inner).is_some() && inner != module { &inner } else { from };
        let mut item = (from != module).then(|| self.item(from, original)).flatten()?;
        item.name = name.to_owned();
        Some(item)
    }

    fn read_item(&self, source: &HelperFile, defined: &syn::Item, name: &str) -> Option<Item> {
        let mut names = Names::default();
        names.add(source.text, defined);
        if let (syn::Item::Struct(defined), Some(item)) = (defined, names.items.first_mut()) {
            let shown = |f: &syn::Field| matches!(f.vis, syn::Visibility::Public(_));
            let hidden: Vec<String> = defined
                .fields
                .iter()
                .enumerate()
                .filter(|(_, f)| !shown(f))
                .map(|(index, f)| f.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string))
                .collect();
            item.fields.retain(|f| !hidden.contains(&f.name));
        }
        // Impl blocks of a type may stand in any file of its room.
        let room = source.path.split('/').take(2).collect::<Vec<_>>().join("/");
        for other in self.0.iter().filter(|other| other.path == room || other.path.starts_with(&format!("{room}/"))) {
            for block in other.file.items.iter().filter_map(|item| methods_of(item, name)) {
                names.add(other.text, &syn::Item::Impl(block));
            }
        }
        let mut item = names.items.into_iter().find(|item| item.name == name)?;
        item.docs = readable(&item.docs);
        item.methods.iter_mut().for_each(|method| method.docs = readable(&method.docs));
        Some(item)
    }
}

/// The name of an item that others may use, modules left out.
fn public_name(item: &syn::Item) -> Option<&syn::Ident> {
    let (vis, name) = match item {
        syn::Item::Fn(i) => (&i.vis, &i.sig.ident),
        syn::Item::Struct(i) => (&i.vis, &i.ident),
        syn::Item::Enum(i) => (&i.vis, &i.ident),
        syn::Item::Trait(i) => (&i.vis, &i.ident),
        syn::Item::Type(i) => (&i.vis, &i.ident),
        syn::Item::Const(i) => (&i.vis, &i.ident),
        _ => return None,
    };
    matches!(vis, syn::Visibility::Public(_)).then_some(name)
}

/// The public methods of an impl block, when it is a type's own.
fn methods_of(item: &syn::Item, name: &str) -> Option<syn::ItemImpl> {
    let syn::Item::Impl(block) = item else { return None };
    let syn::Type::Path(target) = &*block.self_ty else { return None };
    if block.trait_.is_some() || target.path.segments.last().is_none_or(|last| last.ident != name) {
        return None;
    }
    let mut block = block.clone();
    block.items.retain(|item| matches!(item, syn::ImplItem::Fn(f) if matches!(f.vis, syn::Visibility::Public(_))));
    Some(block)
}

/// What `pub use` brings into a file, by name.
fn uses(file: &syn::File) -> Vec<Use> {
    let mut found = Vec::new();
    for item in &file.items {
        if let syn::Item::Use(item) = item
            && matches!(item.vis, syn::Visibility::Public(_))
        {
            follow(&item.tree, &mut Vec::new(), &mut found);
        }
    }
    found
}

fn follow(tree: &syn::UseTree, path: &mut Vec<String>, found: &mut Vec<Use>) {
    match tree {
        syn::UseTree::Path(part) => {
            let depth = path.len();
            if part.ident != "crate" && part.ident != "self" {
                path.push(part.ident.to_string());
            }
            follow(&part.tree, path, found);
            path.truncate(depth);
        }
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| follow(tree, path, found)),
        syn::UseTree::Name(name) if name.ident == "self" => {
            found.extend(path.last().map(|name| Use { path: path.clone(), name: name.clone() }));
        }
        syn::UseTree::Name(name) => {
            let name = name.ident.to_string();
            found.push(Use { path: path.iter().cloned().chain([name.clone()]).collect(), name });
        }
        syn::UseTree::Rename(renamed) if renamed.rename != "_" => {
            let original = renamed.ident.to_string();
            found
                .push(Use { path: path.iter().cloned().chain([original]).collect(), name: renamed.rename.to_string() });
        }
        _ => {}
    }
}

fn docs(attributes: &[syn::Attribute]) -> String {
    let line = |attribute: &syn::Attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
        let text = text.value();
        pair.path.is_ident("doc").then(|| text.strip_prefix(' ').unwrap_or(&text).to_owned())
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// Docs as rustdoc would show them: examples marked as Rust and without their hidden lines, links
/// to items as plain names, since nothing follows them here.
fn readable(docs: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = false;
    for line in docs.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            lines.push(if inside { "```rust".to_owned() } else { "```".to_owned() });
        } else if !inside {
            lines.push(unlinked(line));
        } else if line.trim() != "#" && !line.trim_start().starts_with("# ") {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

/// ``[`name`]`` and ``[`name`](path)`` as `` `name` ``; addresses stay links.
fn unlinked(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, behind)) = after.split_once("`]") else { break };
        let target = behind.strip_prefix('(').and_then(|behind| behind.split_once(')'));
        text.push_str(before);
        rest = match target {
            Some((target, behind)) if target.contains("://") => {
                text.push_str(&format!("[`{name}`]({target})"));
                behind
            }
            Some((_, behind)) => {
                text.push_str(&format!("`{name}`"));
                behind
            }
            None => {
                text.push_str(&format!("`{name}`"));
                behind
            }
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrolab_engine::insight::{complete, inspect};

    fn names() -> Names {
        Names { prelude: items().to_vec(), ..Names::default() }
    }

    fn offered(code: &str) -> Vec<String> {
        complete(&names(), code, code.chars().count()).matches.into_iter().map(|m| m.text).collect()
    }

    fn told(code: &str) -> String {
        inspect(&names(), code, code.chars().count(), 0).map(|d| d.markdown).unwrap_or_default()
    }

    #[test]
    fn every_name_of_the_prelude_is_known() {
        let known: Vec<&str> = items().iter().map(|item| item.name.as_str()).collect();
        for name in ["par", "plot", "progress", "display", "threads", "Bar", "Live", "Plot", "Threads", "html", "table"]
        {
            assert!(known.contains(&name), "{name} is not among {known:?}");
            let item = items().iter().find(|item| item.name == name).unwrap();
            assert!(!item.docs.is_empty(), "{name} has no docs");
            assert_eq!(known.iter().filter(|k| **k == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn members_and_methods_are_offered() {
        assert_eq!(offered("plot::li"), ["line", "line_y", "Live"]);
        assert!(offered("par::ma").contains(&"map_reduce".to_owned()));
        assert!(offered("display::inp").contains(&"input".to_owned()), "from another module");
        assert!(offered("progress::Ba").contains(&"Bar".to_owned()));
        assert!(offered("Bar::n").contains(&"new".to_owned()));
        assert!(offered("plot::line(&xs, &ys).tit").contains(&"title".to_owned()));
        assert!(offered("par::quiet().mess").contains(&"message".to_owned()), "of a type that is not in scope");
        let inside = offered("plot::line(&xs, &ys).");
        assert!(!inside.contains(&"content".to_owned()), "a private field: {inside:?}");
    }

    #[test]
    fn docs_are_the_real_ones() {
        let progress = told("progress");
        assert!(progress.contains("pub fn progress") && progress.contains("how far a loop is"), "{progress}");
        assert!(told("plot::hist").contains("histogram") || told("plot::hist").contains("Histogram"));
        assert!(told("plot").contains("`heatmap`"), "{}", told("plot"));
        assert!(told("Bar").contains("fn inc(&self"), "{}", told("Bar"));
    }

    #[test]
    fn docs_read_without_rustdoc() {
        let docs = "See [`Bar`](Bar::new) and [`x`](https://x.org).\n```no_run\n# hidden\nshown();\n#\n```";
        assert_eq!(readable(docs), "See `Bar` and [`x`](https://x.org).\n```rust\nshown();\n```");
    }
}
