//! The names that the text before the cursor brings into scope: bindings, parameters, items. By
//! reading tokens, so that half-written cells work; what a pattern takes apart is mostly untyped.

use super::Names;
use super::chain::{Chain, autoderef};
use super::code::Code;
use super::lexer::{Token, is_word_start};
use super::types::Ty;

/// A name of the cell's own text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) name: String,
    pub(super) ty: Ty,
    /// As a person reads it: the type, or a function's signature.
    pub(super) detail: String,
    /// The word for it in completions.
    pub(super) kind: &'static str,
    depth: usize,
    /// The byte it is in scope from.
    from: usize,
}

/// The names in scope at a byte offset.
pub(super) fn locals(code: &Code<'_>, names: &Names, offset: usize) -> Vec<Local> {
    let mut reader = ScopeReader { code, names, found: Vec::new(), pending: Vec::new(), depth: 0 };
    let mut at = 0;
    while at < code.pieces.len() && code.pieces[at].range.start < offset {
        at = reader.step(at).max(at + 1);
    }
    let mut found = reader.found;
    found.extend(reader.pending);
    found.retain(|l| l.from <= offset);
    found
}

struct ScopeReader<'a> {
    code: &'a Code<'a>,
    names: &'a Names,
    found: Vec<Local>,
    /// Parameters and loop variables, until their block opens.
    pending: Vec<Local>,
    depth: usize,
}

impl ScopeReader<'_> {
    /// Read from a token on; gives the next token to read.
    fn step(&mut self, at: usize) -> usize {
        let code = self.code;
        match code.pieces[at].token {
            Token::Open(c) => {
                self.depth += 1;
                if c == '{' {
                    let depth = self.depth;
                    self.found.extend(self.pending.drain(..).map(|l| Local { depth, ..l }));
                }
            }
            Token::Close(_) => {
                self.depth = self.depth.saturating_sub(1);
                // Deeper names come later, so the ones that end here are the last.
                while self.found.last().is_some_and(|l| l.depth > self.depth) {
                    self.found.pop();
                }
            }
            Token::Punct('|') if self.starts_closure(at) => return self.closure(at),
            Token::Punct('=') if code.is(at + 1, '>') => self.arm(at),
            Token::Word if !code.after_dot(at) && !code.after_path(at) => match code.text(at) {
                "let" => return self.binding(at),
                "for" => return self.each(at),
                "fn" => return self.function(at),
                word @ ("struct" | "enum" | "trait" | "mod" | "const" | "static" | "type" | "union") => {
                    self.item(at + 1, word);
                }
                "macro_rules" => self.item(at + 2, "macro"),
                _ => {}
            },
            _ => {}
        }
        at + 1
    }

    fn add(&mut self, name: &str, ty: Ty, detail: String, kind: &'static str, from: usize, pending: bool) {
        if name == "_" || name.is_empty() {
            return;
        }
        let local = Local { name: name.to_owned(), ty, detail, kind, depth: self.depth, from };
        if pending { self.pending.push(local) } else { self.found.push(local) }
    }

    fn item(&mut self, at: usize, word: &str) {
        let Some(name) = self.code.word(at).filter(|w| *w != "fn" && *w != "mut") else {
            return;
        };
        let kind = match word {
            "mod" => "module",
            "const" => "constant",
            "static" => "static",
            "enum" => "enum",
            "trait" => "trait",
            "type" => "type",
            "macro" => "macro",
            _ => "struct",
        };
        let from = self.code.pieces[at].range.end;
        let ty = if matches!(word, "const" | "static") && self.code.is(at + 1, ':') {
            Ty::parse(self.code.slice(at + 2, self.find(at, &['=', ';'])))
        } else {
            Ty::default()
        };
        self.add(name, ty, format!("{word} {name}"), kind, from, false);
    }

    /// The next of some marks outside of brackets, or the end.
    fn find(&self, mut at: usize, marks: &[char]) -> usize {
        let code = self.code;
        while at < code.pieces.len() {
            if marks.iter().any(|m| code.is(at, *m)) {
                let arrow = code.is(at, '=') && (code.is(at + 1, '=') || code.is(at + 1, '>'));
                let path = code.is(at, ':') && (code.is(at + 1, ':') || code.after_path(at + 1));
                if !arrow && !path {
                    return at;
                }
            }
            at = match code.pieces[at].token {
                Token::Open(_) => match code.partner(at) {
                    Some(close) => close + 1,
                    None => return code.pieces.len(),
                },
                Token::Close(_) => return at,
                _ => at + 1,
            };
        }
        at
    }

    fn binding(&mut self, start: usize) -> usize {
        let code = self.code;
        let conditional = start > 0 && matches!(code.word(start - 1), Some("if" | "while"));
        let pattern_end = self.find(start + 1, &[':', '=', ';']);
        let (mut equal, mut annotated) = (pattern_end, "");
        if code.is(pattern_end, ':') {
            equal = self.find(pattern_end + 1, &['=', ';']);
            annotated = code.slice(pattern_end + 1, equal);
        }
        if !code.is(equal, '=') {
            let from = code.pieces.get(equal).map_or(code.source.len(), |p| p.range.end);
            self.pattern(start + 1, pattern_end, &Ty::parse(annotated), annotated, from, false);
            return equal.max(start + 1);
        }
        let end = self.find(equal + 1, if conditional { &[';', '{'] } else { &[';'] });
        // `Vec<_>` leaves to the value what it is; a lifetime `'_` and a name with an underscore do not
        let left_open = (pattern_end + 1..equal).any(|at| code.word(at) == Some("_"));
        let ty = if annotated.is_empty() || left_open {
            self.chain(|chain| chain.expression(equal + 1, end))
        } else {
            Ty::parse(annotated)
        };
        let detail = if annotated.is_empty() { show(&ty) } else { annotated.to_owned() };
        let from = code.pieces.get(end).map_or(code.source.len() + 1, |p| p.range.end);
        self.pattern(start + 1, pattern_end, &ty, &detail, from, conditional);
        // The value is read as well: closures in it have parameters.
        equal + 1
    }

    fn chain<T>(&self, f: impl FnOnce(&Chain<'_>) -> T) -> T {
        f(&Chain { code: self.code, names: self.names, locals: &self.found })
    }

    /// The names of a pattern.
    fn pattern(&mut self, mut from: usize, to: usize, ty: &Ty, detail: &str, scope: usize, pending: bool) {
        let code = self.code;
        while matches!(code.word(from), Some("mut" | "ref")) || code.is(from, '&') {
            from += 1;
        }
        if from + 1 == to
            && let Some(name) = code.word(from)
        {
            self.add(name, ty.clone(), detail.to_owned(), "variable", scope, pending);
            return;
        }
        let one = matches!(code.word(from), Some("Some" | "Ok")) && code.is(from + 1, '(');
        if one && code.partner(from + 1) == Some(to.wrapping_sub(1)) {
            let inner = ty.args.first().cloned().unwrap_or_default();
            let detail = show(&inner);
            return self.pattern(from + 2, to - 1, &inner, &detail, scope, pending);
        }
        if code.is(from, '(') && ty.name == "tuple" && code.partner(from) == Some(to.wrapping_sub(1)) {
            let mut at = from + 1;
            for part in &ty.args {
                let end = self.find(at, &[',']);
                self.pattern(at, end.min(to - 1), part, &show(part), scope, pending);
                at = end + 1;
                if at >= to {
                    break;
                }
            }
            return;
        }
        for at in from..to.min(code.pieces.len()) {
            let Some(name) = code.word(at) else { continue };
            let lower = name.starts_with(|c: char| is_word_start(c) && !c.is_uppercase());
            let binds = lower
                && !matches!(name, "mut" | "ref" | "box" | "true" | "false" | "if")
                && !code.after_path(at)
                && !code.after_dot(at)
                && !matches!(code.pieces.get(at + 1).map(|p| p.token), Some(Token::Open(_)))
                && (!code.is(at + 1, ':') || code.is(at + 2, ':'));
            if binds {
                self.add(name, Ty::default(), String::new(), "variable", scope, pending);
            }
        }
    }

    fn each(&mut self, start: usize) -> usize {
        let code = self.code;
        let limit = (start + 64).min(code.pieces.len());
        let Some(middle) = (start + 1..limit).find(|at| code.word(*at) == Some("in")) else {
            return start + 1;
        };
        let end = self.find(middle + 1, &['{', ';']);
        let ty = self.chain(|chain| chain.expression(middle + 1, end));
        let item = item_of(&ty);
        let from = code.pieces.get(end).map_or(code.source.len() + 1, |p| p.range.end);
        let detail = show(&item);
        self.pattern(start + 1, middle, &item, &detail, from, true);
        middle + 1
    }

    fn function(&mut self, start: usize) -> usize {
        let code = self.code;
        let Some(name) = code.word(start + 1) else {
            return start + 1;
        };
        let open = self.find(start + 2, &['(', '{', ';']);
        if !code.is(open, '(') {
            return start + 2;
        }
        let Some(close) = code.partner(open) else {
            return open;
        };
        let end = self.find(close + 1, &['{', ';']);
        let signature = code.slice(start, end).to_owned();
        let from = code.pieces[close].range.end;
        self.add(name, Ty::default(), signature, "function", from, false);
        self.parameters(open + 1, close, from, true);
        close + 1
    }

    fn parameters(&mut self, from: usize, to: usize, scope: usize, pending: bool) {
        let code = self.code;
        let mut at = from;
        while at < to {
            let end = self.find(at, &[',']).min(to);
            let colon = self.find(at, &[':']).min(end);
            let text = if colon < end { code.slice(colon + 1, end) } else { "" };
            self.pattern(at, colon, &Ty::parse(text), text, scope, pending);
            at = end + 1;
        }
    }

    fn starts_closure(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else {
            return true;
        };
        match self.code.pieces[before].token {
            Token::Open(_) | Token::Punct(',' | '=' | ';' | '>' | ':') => true,
            Token::Word => matches!(self.code.text(before), "move" | "return" | "else"),
            _ => false,
        }
    }

    fn closure(&mut self, start: usize) -> usize {
        let code = self.code;
        if code.is(start + 1, '|') {
            return start + 2;
        }
        let end = self.find(start + 1, &['|', ';']);
        if !code.is(end, '|') {
            return start + 1;
        }
        let from = code.pieces[end].range.end;
        self.parameters(start + 1, end, from, false);
        // The item of `xs.iter().map(|x| …)`: the closure's one parameter, if it has no type.
        let call = start
            .checked_sub(2)
            .filter(|at| code.is(start - 1, '(') && code.word(*at).is_some() && code.after_dot(*at));
        if let Some(method) = call
            && end == start + 2
            && let Some(name) = code.word(start + 1)
        {
            let item = self.chain(|chain| item_of(&chain.before(method - 1)));
            if let Some(local) = self.found.iter_mut().rev().find(|l| l.name == name) {
                local.detail = show(&item);
                local.ty = item;
            }
        }
        end + 1
    }

    /// The names of a match arm's pattern, which ends at `=>`.
    fn arm(&mut self, arrow: usize) {
        let code = self.code;
        let mut start = arrow;
        while start > 0 {
            let previous = start - 1;
            match code.pieces[previous].token {
                Token::Close('}') | Token::Open(_) | Token::Punct(',' | ';') => break,
                Token::Close(_) => start = code.partner(previous).unwrap_or(previous),
                _ => start = previous,
            }
        }
        let end = (start..arrow).find(|at| code.word(*at) == Some("if")).unwrap_or(arrow);
        self.pattern(start, end, &Ty::default(), "", code.pieces[arrow].range.end, false);
    }
}

/// What an iterator or a collection gives, one at a time.
fn item_of(ty: &Ty) -> Ty {
    for ty in autoderef(ty) {
        match ty.name.as_str() {
            "Vec" | "slice" | "Iterator" | "Range" | "HashSet" | "BTreeSet" | "VecDeque" | "Option" => {
                return ty.args.first().cloned().unwrap_or_default();
            }
            "HashMap" | "BTreeMap" => return Ty::with("tuple", ty.args.clone()),
            _ => {}
        }
    }
    Ty::default()
}

/// A type for people.
pub(super) fn show(ty: &Ty) -> String {
    let args: Vec<String> = ty.args.iter().map(|a| if a.is_known() { show(a) } else { "_".to_owned() }).collect();
    match ty.name.as_str() {
        "tuple" => format!("({})", args.join(", ")),
        "slice" => format!("[{}]", args.join(", ")),
        name if args.is_empty() => name.to_owned(),
        name => format!("{name}<{}>", args.join(", ")),
    }
}
