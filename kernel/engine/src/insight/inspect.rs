//! A description of the name under the cursor.

use super::chain::{Chain, autoderef};
use super::code::Code;
use super::lexer::{Lexeme, Token, is_word, tokens};
use super::scope::locals;
use super::std_docs::{KEYWORDS, MACROS, PRELUDE};
use super::std_types::{Std, StdMethod};
use super::{Item, Names, byte_offset, std_paths, std_types};

/// Where the standard library's pages are.
const PAGES: &str = "https://doc.rust-lang.org/";

/// A description, twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Plain text.
    pub plain: String,
    /// Markdown.
    pub markdown: String,
}

/// Describe what stands at `cursor`, counted in Unicode code points: the word there, or the one
/// right before it, or the function whose parentheses the cursor is in. With `detail` 1 or more,
/// an item's source is shown as well.
pub fn inspect(names: &Names, code: &str, cursor: usize, detail: u8) -> Option<Description> {
    let offset = byte_offset(code, cursor);
    if let Some(found) = directive(names, code, offset) {
        return Some(found);
    }
    let inside = |p: &Lexeme| match p.token {
        Token::Comment { .. } | Token::Text { .. } => p.range.start < offset && offset < p.range.end,
        _ => false,
    };
    if tokens(code).iter().any(inside) {
        return None;
    }
    let read = Code::new(code);
    let at = word_at(&read, offset)?;
    let name = read.text(at).trim_start_matches("r#");
    let locals = locals(&read, names, read.pieces[at].range.start.max(offset));
    if read.after_dot(at) {
        let chain = Chain { code: &read, names, locals: &locals };
        return member(names, &chain.before(at - 1), name);
    }
    if read.after_path(at) {
        let (path, _, _) = read.path_before(at - 2);
        return in_path(names, &path, name, detail);
    }
    if read.is(at + 1, '!')
        && let Some(found) = macro_docs(name).filter(|_| names.item(name).is_none())
    {
        return Some(found);
    }
    if let Some(local) = locals.iter().rev().find(|l| l.name == name) {
        let text = match local.kind {
            "variable" if local.detail.is_empty() => format!("{name}: _"),
            "variable" => format!("{name}: {}", local.detail),
            _ => local.detail.clone(),
        };
        return Some(described(&text, "", ""));
    }
    if let Some(ty) = names.variable(name) {
        return Some(described(&format!("{name}: {ty}"), "", ""));
    }
    if let Some(found) = names.item(name).filter(|i| i.kind != super::ItemKind::Import) {
        return Some(item(found, detail));
    }
    standard(name).or_else(|| names.item(name).map(|i| item(i, detail)))
}

/// The word at an offset or before it; within parentheses without a word, the function called.
fn word_at(code: &Code<'_>, offset: usize) -> Option<usize> {
    let touches = |p: &Lexeme| p.token == Token::Word && p.range.start <= offset && offset <= p.range.end;
    if let Some(at) = code.pieces.iter().position(touches) {
        return Some(at);
    }
    let mut at = code.pieces.partition_point(|p| p.range.start < offset);
    while at > 0 {
        at -= 1;
        match code.pieces[at].token {
            Token::Close(_) => at = code.partner(at)?,
            Token::Open('(') => {
                let before = at.checked_sub(1)?;
                let name = if code.is(before, '!') { before.checked_sub(1)? } else { before };
                return code.word(name).map(|_| name);
            }
            Token::Open(_) | Token::Punct(';') => return None,
            _ => {}
        }
    }
    None
}

fn described(code: &str, text: &str, page: &str) -> Description {
    let mut plain = code.to_owned();
    let mut markdown = if code.is_empty() { String::new() } else { format!("```rust\n{code}\n```") };
    if !text.is_empty() {
        plain.push_str(if plain.is_empty() { "" } else { "\n\n" });
        plain.push_str(text);
        markdown.push_str(if markdown.is_empty() { "" } else { "\n\n" });
        markdown.push_str(text);
    }
    if !page.is_empty() {
        plain.push_str(&format!("\n{PAGES}{page}"));
        markdown.push_str(&format!("\n\n[doc.rust-lang.org]({PAGES}{page})"));
    }
    Description { plain, markdown }
}

fn item(item: &Item, detail: u8) -> Description {
    let mut code = item.signature.clone();
    if detail > 0 && !item.source.is_empty() {
        code = item.source.clone();
    } else {
        let mut lines = Vec::new();
        let tuple = item.fields.first().is_some_and(|f| f.name == "0");
        if !tuple {
            lines.extend(item.fields.iter().map(|f| format!("    {}: {},", f.name, f.type_text)));
        }
        lines.extend(item.variants.iter().map(|v| {
            let gap = if v.type_text.starts_with('{') { " " } else { "" };
            format!("    {}{gap}{},", v.name, v.type_text)
        }));
        if !lines.is_empty() {
            code.push_str(&format!(" {{\n{}\n}}", lines.join("\n")));
        }
    }
    if !item.methods.is_empty() {
        let methods: Vec<&str> = item.methods.iter().map(|m| m.signature.as_str()).collect();
        code.push_str(&format!("\n\n{}", methods.join("\n")));
    }
    described(&code, &item.docs, "")
}

fn member(names: &Names, receiver: &super::types::Ty, name: &str) -> Option<Description> {
    for ty in autoderef(receiver) {
        if let Some(item) = names.item(&ty.name) {
            if let Some(field) = item.fields.iter().find(|f| f.name == name) {
                return Some(described(&format!("{}.{name}: {}", ty.name, field.type_text), "", ""));
            }
            if let Some(method) = item.methods.iter().find(|m| m.name == name) {
                return Some(described(&method.signature, &method.docs, ""));
            }
        }
        if let Some((entry, method)) = std_types::find(&ty.name).and_then(|e| method_of(e, name)) {
            return Some(std_method(entry, method));
        }
    }
    let traits = names.items.iter().flat_map(|i| &i.methods).find(|m| m.name == name);
    if let Some(method) = traits {
        return Some(described(&method.signature, &method.docs, ""));
    }
    // Nothing is known of the receiver: a name that one standard type alone has is no guess.
    let mut all = std_types::all().filter_map(|e| method_of(e, name));
    let first = all.next()?;
    (all.next().is_none() && !receiver.is_known()).then(|| std_method(first.0, first.1))
}

fn method_of(entry: &'static Std, name: &str) -> Option<(&'static Std, StdMethod)> {
    entry.methods().find(|m| m.name() == name).map(|m| (entry, m))
}

fn std_method(entry: &Std, method: StdMethod) -> Description {
    let page = format!("{}#method.{}", entry.page, method.name());
    let word = if method.signature.contains('(') { "fn " } else { "const " };
    described(&format!("{word}{}", method.signature), &format!("{}: {}", entry.name, method.about), &page)
}

fn in_path(names: &Names, path: &[&str], name: &str, detail: u8) -> Option<Description> {
    let owner = path.last()?;
    if let Some(found) = names.item(owner) {
        if let Some(variant) = found.variants.iter().find(|v| v.name == name) {
            return Some(described(&format!("{owner}::{name}{}", variant.type_text), &found.docs, ""));
        }
        if let Some(method) = found.methods.iter().find(|m| m.name == name) {
            return Some(described(&method.signature, &method.docs, ""));
        }
        if let Some(inner) = found.members.iter().find(|m| m.name == name) {
            return Some(item(inner, detail));
        }
    }
    if let Some(found) = std_paths::members(&path.join("::")).iter().find(|n| n.name == name) {
        return Some(std_name(found));
    }
    if let Some((entry, method)) = std_types::find(owner).and_then(|e| method_of(e, name)) {
        return Some(std_method(entry, method));
    }
    standard(name)
}

fn std_name(found: &std_paths::StdName) -> Description {
    let word = if found.kind == 'f' { "fn " } else { "" };
    let code = format!("{word}{}::{}{}", found.module, found.name, found.signature);
    described(&code, found.about, &found.page())
}

/// A name of the standard library or the language.
fn standard(name: &str) -> Option<Description> {
    if let Some((_, about)) = KEYWORDS.iter().find(|(keyword, _)| *keyword == name) {
        // Files whose names differ in case only would be one on some systems.
        let page = if name == "Self" { "SelfTy" } else { name };
        return Some(described(name, about, &format!("std/keyword.{page}.html")));
    }
    if let Some(entry) = std_types::find(name).filter(|e| e.name == name) {
        let code = if entry.params.is_empty() {
            name.to_owned()
        } else {
            format!("{name}<{}>", entry.params.replace(',', ", "))
        };
        return Some(described(&code, entry.about, entry.page));
    }
    if let Some((_, kind, page, about)) = PRELUDE.iter().find(|(known, ..)| *known == name) {
        return Some(described(&format!("{kind} {name}"), about, page));
    }
    if std_types::find(name).is_some() && super::std_docs::TYPES.contains(&name) {
        let about = if name.starts_with('f') { "A floating-point number." } else { "An integer." };
        return Some(described(name, about, &format!("std/primitive.{name}.html")));
    }
    if let Some(found) = std_paths::find(name).next() {
        return Some(std_name(found));
    }
    macro_docs(name)
}

fn macro_docs(name: &str) -> Option<Description> {
    let (_, usage, about) = MACROS.iter().find(|(known, ..)| *known == name)?;
    let page = match name {
        "macro_rules" => "reference/macros-by-example.html".to_owned(),
        _ => format!("std/macro.{name}.html"),
    };
    Some(described(usage, about, &page))
}

/// The help of the directive in whose line the cursor stands.
fn directive(names: &Names, code: &str, offset: usize) -> Option<Description> {
    let line_start = code[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = code[line_start..].lines().next()?.trim_start();
    let rest = line.trim_start_matches([':', '%']);
    let marks = &line[..line.len() - rest.len()];
    let word = rest.split(|c: char| !is_word(c) && c != '-').next().filter(|w| !w.is_empty())?;
    if marks.is_empty() || !super::is_complete::is_at_rest(&code[..line_start]) {
        return None;
    }
    let wanted = if marks == "%%" { format!("%%{word}") } else { word.to_owned() };
    let found = names.directives.iter().find(|d| d.name.trim_start_matches(':') == wanted)?;
    Some(Description {
        plain: format!("{marks}{word}\n\n{}", found.help),
        markdown: format!("`{marks}{word}`\n\n{}", found.help),
    })
}
