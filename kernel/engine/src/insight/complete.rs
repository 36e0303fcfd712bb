//! Completions at a cursor: what could stand there, the best first.

use super::chain::{Chain, autoderef};
use super::code::Code;
use super::lexer::{Lexeme, Token, is_word, tokens};
use super::scope::locals;
use super::std_docs::{KEYWORDS, MACROS, PRELUDE, TYPES};
use super::{Item, Names, byte_offset, code_points, std_paths, std_types};

/// How many matches are sent.
const SENT: usize = 300;

/// Matches, in code points of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where the text to replace starts, in Unicode code points.
    pub start: usize,
    /// Where it ends: the cursor.
    pub end: usize,
    /// The best first.
    pub matches: Vec<Match>,
}

/// A match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// What replaces the text.
    pub text: String,
    /// What it is: `function`, `variable`, `method`, `field`, `keyword`, …
    pub kind: &'static str,
    /// Its signature or type; may be empty.
    pub signature: String,
}

/// Complete `code` at `cursor`, counted in Unicode code points.
pub fn complete(names: &Names, code: &str, cursor: usize) -> Completions {
    let offset = byte_offset(code, cursor);
    let end = code_points(code, offset);
    let none = Completions { start: end, end, matches: Vec::new() };
    if let Some(found) = directive(names, code, offset, end) {
        return found;
    }
    let all = tokens(code);
    if all.iter().any(|p| is_inside(p, offset)) {
        return none;
    }
    let read = Code::new(code);
    // The first token at or behind the cursor; the word being written stands before it.
    let mut next = read.pieces.partition_point(|p| p.range.start < offset);
    let mut start = offset;
    if let Some(word) = next.checked_sub(1).filter(|i| read.pieces[*i].range.end >= offset) {
        match read.pieces[word].token {
            Token::Word => {
                start = read.pieces[word].range.start;
                next = word;
            }
            Token::Number | Token::Lifetime | Token::Char | Token::Text { .. }
                if read.pieces[word].range.end > offset =>
            {
                return none;
            }
            Token::Number | Token::Lifetime => return none,
            _ => {}
        }
    }
    let prefix = code.get(start..offset).unwrap_or_default();
    let mut found = Found { prefix, matches: Vec::new() };
    let locals = locals(&read, names, start);
    if read.after_dot(next) {
        let chain = Chain { code: &read, names, locals: &locals };
        let receiver = chain.before(next - 1);
        members(names, &receiver, &mut found);
    } else if read.after_path(next) {
        let (path, _, _) = read.path_before(next - 2);
        path_members(names, &path, &mut found);
    } else {
        let before = next.checked_sub(1).and_then(|i| read.word(i));
        let is_new =
            matches!(before, Some("let" | "fn" | "struct" | "enum" | "trait" | "mod" | "type" | "const" | "static"));
        let is_new = is_new || (before == Some("mut") && next >= 2 && read.word(next - 2) == Some("let"));
        if is_new {
            return none;
        }
        for (rank, local) in locals.iter().rev().enumerate() {
            found.offer(&local.name, local.kind, local.detail.clone(), rank.min(50) as u32);
        }
        plain(names, &mut found);
    }
    Completions { start: code_points(code, start), end, matches: found.sorted() }
}

/// Whether an offset lies within a comment or a string.
fn is_inside(piece: &Lexeme, offset: usize) -> bool {
    let open = match piece.token {
        Token::Comment { line: true, .. } => true,
        Token::Comment { closed, .. } | Token::Text { closed } => !closed,
        Token::Char => false,
        _ => return false,
    };
    piece.range.start < offset && (offset < piece.range.end || (open && offset == piece.range.end))
}

struct Found<'a> {
    prefix: &'a str,
    matches: Vec<(Score, Match)>,
}

/// How well the name fits, then where it comes from.
type Score = (u32, u32);

impl Found<'_> {
    fn offer(&mut self, name: &str, kind: &'static str, signature: String, rank: u32) {
        self.offer_as(name, name, kind, signature, rank);
    }

    fn offer_as(&mut self, name: &str, text: &str, kind: &'static str, signature: String, rank: u32) {
        if let Some(fit) = fit(self.prefix, name) {
            self.matches.push(((fit, rank), Match { text: text.to_owned(), kind, signature }));
        }
    }

    fn item(&mut self, item: &Item, rank: u32) {
        let name = if item.kind == super::ItemKind::Macro { format!("{}!", item.name) } else { item.name.clone() };
        self.offer_as(&item.name, &name, item.kind.word(), item.signature.clone(), rank);
    }

    fn sorted(mut self) -> Vec<Match> {
        self.matches.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.text.cmp(&b.1.text)));
        let mut sent: Vec<Match> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (_, found) in self.matches {
            if sent.len() < SENT && seen.insert(found.text.clone()) {
                sent.push(found);
            }
        }
        sent
    }
}

/// How well a name fits what is written: 0 best; none when it does not.
fn fit(prefix: &str, name: &str) -> Option<u32> {
    if name.starts_with(prefix) {
        return Some(0);
    }
    let (lower_prefix, lower_name) = (prefix.to_lowercase(), name.to_lowercase());
    if lower_name.starts_with(&lower_prefix) {
        return Some(1);
    }
    if lower_prefix.chars().count() < 2 {
        return None;
    }
    if lower_name.contains(&lower_prefix) {
        return Some(2);
    }
    let mut rest = lower_name.chars();
    let same_start = lower_name.chars().next() == lower_prefix.chars().next();
    (same_start && lower_prefix.chars().all(|c| rest.any(|r| r == c))).then_some(3)
}

/// Fields and methods of a type and of what it dereferences to.
fn members(names: &Names, receiver: &super::types::Ty, found: &mut Found<'_>) {
    for (rank, ty) in autoderef(receiver).into_iter().enumerate() {
        let rank = rank as u32 * 10;
        if ty.name == "tuple" {
            for (index, part) in ty.args.iter().enumerate() {
                found.offer(&index.to_string(), "field", super::scope::show(part), rank);
            }
        }
        if let Some(item) = names.item(&ty.name) {
            for field in &item.fields {
                found.offer(&field.name, "field", field.type_text.clone(), rank);
            }
            for method in item.methods.iter().filter(|m| m.takes_self()) {
                found.offer(&method.name, "method", method.signature.clone(), rank + 1);
            }
        }
        if let Some(entry) = std_types::find(&ty.name) {
            for method in entry.methods().filter(std_types::StdMethod::takes_self) {
                found.offer(method.name(), "method", method.signature.to_owned(), rank + 2);
            }
        }
    }
    // A trait that a cell defines may be implemented for any type.
    let traits = names.items.iter().filter(|i| i.kind == super::ItemKind::Trait);
    for method in traits.flat_map(|t| &t.methods).filter(|m| m.takes_self() && receiver.is_known()) {
        found.offer(&method.name, "method", method.signature.clone(), 90);
    }
}

/// What a path leads to.
fn path_members(names: &Names, path: &[&str], found: &mut Found<'_>) {
    let Some(last) = path.last() else { return };
    let mut item = names.item(path[0]);
    for name in &path[1..] {
        item = item.and_then(|i| i.members.iter().find(|m| m.name == *name));
    }
    if let Some(item) = item {
        for variant in &item.variants {
            found.offer(&variant.name, "variant", format!("{}{}", variant.name, variant.type_text), 0);
        }
        for method in &item.methods {
            let rank = if method.takes_self() { 20 } else { 1 };
            found.offer(&method.name, "function", method.signature.clone(), rank);
        }
        for member in &item.members {
            found.item(member, 2);
        }
    }
    for name in std_paths::members(&path.join("::")) {
        found.offer(name.name, name.word(), format!("{}{}", name.name, name.signature), 3);
    }
    if let Some(entry) = std_types::find(last).filter(|_| item.is_none_or(|i| i.kind == super::ItemKind::Import)) {
        for method in entry.methods() {
            let is_constant = !method.signature.contains('(');
            let kind = if is_constant { "constant" } else { "function" };
            let rank = if method.takes_self() { 20 } else { 4 };
            found.offer(method.name(), kind, method.signature.to_owned(), rank);
        }
    }
    if let Some(entry) = ["Option", "Result"].iter().find(|n| *n == last) {
        let variants: &[&str] = if *entry == "Option" { &["Some", "None"] } else { &["Ok", "Err"] };
        variants.iter().for_each(|v| found.offer(v, "variant", String::new(), 0));
    }
}

/// Names that stand by themselves.
fn plain(names: &Names, found: &mut Found<'_>) {
    for variable in names.variables.iter().rev() {
        found.offer(&variable.name, "variable", variable.type_text.clone(), 60);
    }
    for item in names.items.iter().rev() {
        found.item(item, 70);
    }
    for item in &names.prelude {
        found.item(item, 80);
    }
    if found.prefix.is_empty() {
        return;
    }
    for name in &names.crates {
        found.offer(name, "module", format!("crate {name}"), 90);
    }
    for (name, usage, _) in MACROS {
        found.offer_as(name, &format!("{name}!"), "macro", (*usage).to_owned(), 100);
    }
    for name in TYPES {
        found.offer(name, "type", String::new(), 110);
    }
    for (name, kind, _, _) in PRELUDE {
        found.offer(name, kind, String::new(), 120);
    }
    for (name, _) in KEYWORDS {
        found.offer(name, "keyword", String::new(), 130);
    }
    for name in ["std", "core", "alloc"] {
        found.offer(name, "module", format!("crate {name}"), 140);
    }
    for entry in std_types::all().filter(|e| e.name.starts_with(char::is_uppercase)) {
        found.offer(entry.name, "type", String::new(), 150);
    }
}

/// The directives, when the cursor stands in the first word of a line that starts with their mark.
fn directive(names: &Names, code: &str, offset: usize, end: usize) -> Option<Completions> {
    let line_start = code[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = code[line_start..offset].trim_start();
    let mark = if line.starts_with("%%") { "%%" } else { line.get(..1).filter(|m| matches!(*m, ":" | "%"))? };
    let word = &line[mark.len()..];
    if !word.chars().all(|c| is_word(c) || c == '-') || !super::is_complete::is_at_rest(&code[..line_start]) {
        return None;
    }
    let mut found = Found { prefix: word, matches: Vec::new() };
    for directive in &names.directives {
        let bare = directive.name.trim_start_matches(['%', ':']);
        let is_cell_magic = directive.name.starts_with("%%");
        if (mark == "%%") != is_cell_magic {
            continue;
        }
        let help = directive.help.lines().next().unwrap_or_default().to_owned();
        found.offer_as(bare, &format!("{mark}{bare}"), "directive", help, 0);
    }
    if mark == "%" {
        for directive in names.directives.iter().filter(|d| d.name.starts_with("%%")) {
            let help = directive.help.lines().next().unwrap_or_default().to_owned();
            found.offer_as(directive.name.trim_start_matches('%'), &directive.name, "directive", help, 1);
        }
    }
    let start = offset - line.len();
    Some(Completions { start: code_points(code, start), end, matches: found.sorted() })
}
