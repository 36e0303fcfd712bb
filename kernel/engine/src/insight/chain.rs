//! The type of what stands before a dot, from the text alone: names, fields, calls, literals. It
//! follows what is written; it infers nothing.

use super::Names;
use super::code::Code;
use super::lexer::Token;
use super::scope::Local;
use super::std_paths;
use super::std_types;
use super::types::{self, Ty};

/// How many steps a chain is followed.
const STEPS: usize = 64;

/// How many of the nearest bindings a name is looked up in, which keeps long cells quick.
const NEAR: usize = 2000;

/// What names stand for.
pub(super) struct Chain<'a> {
    pub(super) code: &'a Code<'a>,
    pub(super) names: &'a Names,
    pub(super) locals: &'a [Local],
}

impl Chain<'_> {
    /// The type of the expression whose last token stands before `end`.
    pub(super) fn before(&self, end: usize) -> Ty {
        self.eval(end, STEPS)
    }

    /// The type of the expression of some tokens.
    pub(super) fn expression(&self, from: usize, to: usize) -> Ty {
        self.range(from, to, STEPS)
    }

    fn range(&self, mut from: usize, to: usize, steps: usize) -> Ty {
        let code = self.code;
        if steps == 0 {
            return Ty::default();
        }
        while from < to
            && (code.is(from, '&') || code.is(from, '*') || code.is(from, '-') || code.word(from) == Some("mut"))
        {
            from += 1;
        }
        if from >= to {
            return Ty::default();
        }
        if code.is(from, '|') || code.word(from) == Some("move") {
            return Ty::named("fn");
        }
        if matches!(code.word(from), Some("if" | "match" | "loop" | "while" | "for" | "unsafe" | "async")) {
            return Ty::default();
        }
        let mut at = from;
        let mut first_operator = None;
        while at < to {
            if matches!(code.pieces[at].token, Token::Open(_)) {
                at = code.partner(at).map_or(to, |close| close + 1);
                continue;
            }
            if code.word(at) == Some("as") {
                return Ty::parse(code.slice(at + 1, to));
            }
            if code.is(at, '.') && code.is(at + 1, '.') {
                return Ty::with("Range", vec![self.range(from, at, steps - 1)]);
            }
            let pair = (code.is(at, '&') && code.is(at + 1, '&')) || (code.is(at, '|') && code.is(at + 1, '|'));
            let equal = ['=', '!', '<', '>'].iter().any(|c| code.is(at, *c)) && code.is(at + 1, '=');
            if at > from && (pair || equal) {
                return Ty::named("bool");
            }
            let arithmetic = "+-*/%".chars().any(|c| code.is(at, c)) && !code.is(at + 1, '>');
            if at > from && arithmetic && first_operator.is_none() {
                first_operator = Some(at);
            }
            at += 1;
        }
        if let Some(at) = first_operator {
            return self.range(from, at, steps - 1);
        }
        self.eval(to, steps - 1)
    }

    fn eval(&self, end: usize, steps: usize) -> Ty {
        let code = self.code;
        let Some(last) = end.checked_sub(1).filter(|last| *last < code.pieces.len() && steps > 0) else {
            return Ty::default();
        };
        match code.pieces[last].token {
            Token::Punct('?') => first_argument(&self.eval(last, steps - 1)),
            Token::Close(')') => self.call(last, steps),
            Token::Close(']') => self.brackets(last, steps),
            Token::Close('}') => {
                let name = code.partner(last).filter(|open| *open > 0).and_then(|open| code.word(open - 1));
                name.filter(|n| n.starts_with(char::is_uppercase)).map_or_else(Ty::default, Ty::named)
            }
            Token::Word => self.name(last, steps),
            Token::Number if code.after_dot(last) => {
                // `t.0`, and `t.0.1`, which reads as one number.
                let mut ty = self.eval(last - 1, steps - 1);
                for index in code.text(last).split('.') {
                    ty = self.field(&ty, index);
                }
                ty
            }
            Token::Number => number(code.text(last)),
            Token::Text { .. } if code.text(last).starts_with('b') => Ty::with("slice", vec![Ty::named("u8")]),
            Token::Text { .. } => Ty::named("str"),
            Token::Char => Ty::named("char"),
            _ => Ty::default(),
        }
    }

    fn name(&self, last: usize, steps: usize) -> Ty {
        let code = self.code;
        let name = code.text(last);
        if code.after_dot(last) {
            if name == "await" {
                return Ty::default();
            }
            let receiver = self.eval(last - 1, steps - 1);
            return self.field(&receiver, name);
        }
        if code.after_path(last) {
            let (path, _, _) = code.path_before(last - 2);
            let Some(owner) = path.last() else {
                return Ty::default();
            };
            let is_enum = self.names.item(owner).is_some_and(|i| i.variants.iter().any(|v| v.name == name));
            if is_enum {
                return Ty::named(owner);
            }
            let constant = std_types::find(owner).and_then(|s| s.methods().find(|m| m.name() == name));
            return match constant {
                Some(function) if types::arguments(function.signature).is_some() => Ty::named("fn"),
                Some(constant) => constant.output().substitute(&[], &[], &Ty::named(owner)),
                None if *owner == "consts" => Ty::named("f64"),
                None => Ty::default(),
            };
        }
        if let Some(local) = self.locals.iter().rev().take(NEAR).find(|l| l.name == name) {
            return local.ty.clone();
        }
        if let Some(text) = self.names.variable(name) {
            return Ty::parse(text);
        }
        match name {
            "true" | "false" => Ty::named("bool"),
            _ => match self.names.item(name) {
                Some(item) if matches!(item.kind, super::ItemKind::Const | super::ItemKind::Static) => {
                    let text = item.signature.split_once(": ").map_or("", |(_, ty)| ty);
                    Ty::parse(text.split(" =").next().unwrap_or_default().trim_end_matches(';'))
                }
                Some(item) if item.kind == super::ItemKind::Struct => Ty::named(name),
                _ => Ty::default(),
            },
        }
    }

    fn call(&self, close: usize, steps: usize) -> Ty {
        let code = self.code;
        let Some(open) = code.partner(close) else {
            return Ty::default();
        };
        let mut at = open;
        let mut turbofish = "";
        if at >= 1
            && code.is(at - 1, '>')
            && let Some(angle) = code.angle_start(at)
            && code.after_path(angle)
        {
            turbofish = code.slice(angle + 1, at - 1);
            at = angle - 2;
        }
        let Some(function) = at.checked_sub(1) else {
            return self.inside(open, close, steps);
        };
        if code.is(function, '!') {
            return match function.checked_sub(1).and_then(|i| code.word(i)) {
                Some("format") => Ty::named("String"),
                Some("vec") => Ty::with("Vec", vec![Ty::default()]),
                _ => Ty::default(),
            };
        }
        let Some(name) = code.word(function).filter(|w| !matches!(*w, "in" | "return" | "match" | "if" | "while"))
        else {
            return self.inside(open, close, steps);
        };
        if code.after_dot(function) {
            let receiver = self.eval(function - 1, steps - 1);
            return self.method(&receiver, name, turbofish);
        }
        let argument = || self.range(open + 1, close, steps - 1);
        if code.after_path(function) {
            let (path, generics, _) = code.path_before(function - 2);
            return self.associated(&path, generics.unwrap_or_default(), name, argument);
        }
        match name {
            "Some" => Ty::with("Option", vec![argument()]),
            "Ok" => Ty::with("Result", vec![argument(), Ty::default()]),
            _ => match self.names.item(name) {
                Some(item) if item.kind == super::ItemKind::Struct => Ty::named(name),
                Some(item) => returned(&item.signature),
                None => self
                    .locals
                    .iter()
                    .rev()
                    .take(NEAR)
                    .find(|l| l.name == name)
                    .map_or_else(Ty::default, |l| returned(&l.detail)),
            },
        }
    }

    fn inside(&self, open: usize, close: usize, steps: usize) -> Ty {
        let code = self.code;
        let mut parts = vec![open + 1];
        let mut at = open + 1;
        while at < close {
            if matches!(code.pieces[at].token, Token::Open(_)) {
                at = code.partner(at).unwrap_or(close);
            } else if code.is(at, ',') {
                parts.push(at + 1);
            }
            at += 1;
        }
        parts.push(close + 1);
        let types: Vec<Ty> = parts.windows(2).map(|w| self.range(w[0], w[1] - 1, steps - 1)).collect();
        if types.len() == 1 { types.into_iter().next().unwrap_or_default() } else { Ty::with("tuple", types) }
    }

    fn brackets(&self, close: usize, steps: usize) -> Ty {
        let code = self.code;
        let Some(open) = code.partner(close) else {
            return Ty::default();
        };
        let mut end = open + 1;
        while end < close && !code.is(end, ',') && !code.is(end, ';') {
            end = match code.pieces[end].token {
                Token::Open(_) => code.partner(end).map_or(close, |c| c + 1),
                _ => end + 1,
            };
        }
        let before = open.checked_sub(1).map(|i| &code.pieces[i].token);
        match before {
            Some(Token::Punct('!')) => Ty::with("Vec", vec![self.range(open + 1, end.min(close), steps - 1)]),
            Some(Token::Word | Token::Close(_) | Token::Text { .. } | Token::Punct('?')) => {
                let base = self.eval(open, steps - 1);
                let sliced = (open + 1..close).any(|i| code.is(i, '.') && code.is(i + 1, '.'));
                if sliced { base } else { element(&base) }
            }
            _ => Ty::with("slice", vec![self.range(open + 1, end.min(close), steps - 1)]),
        }
    }

    /// A field, of what the type dereferences to, too.
    fn field(&self, ty: &Ty, name: &str) -> Ty {
        for ty in autoderef(ty) {
            if ty.name == "tuple"
                && let Some(found) = name.parse::<usize>().ok().and_then(|i| ty.args.get(i))
            {
                return found.clone();
            }
            let field = self.names.item(&ty.name).and_then(|item| item.fields.iter().find(|f| f.name == name));
            if let Some(field) = field {
                return Ty::parse(&field.type_text);
            }
        }
        Ty::default()
    }

    /// What a method returns.
    pub(super) fn method(&self, receiver: &Ty, name: &str, turbofish: &str) -> Ty {
        for ty in autoderef(receiver) {
            if let Some(item) = self.names.item(&ty.name)
                && let Some(method) = item.methods.iter().find(|m| m.name == name)
            {
                return returned(&method.signature).substitute(&[], &[], &ty);
            }
            let Some(entry) = std_types::find(&ty.name) else {
                continue;
            };
            let Some(method) = entry.methods().find(|m| m.name() == name && m.takes_self()) else {
                continue;
            };
            if !turbofish.is_empty() && ["collect", "sum", "product", "parse", "into"].contains(&name) {
                let mut asked = Ty::parse(turbofish);
                for arg in asked.args.iter_mut().filter(|a| a.name == "_") {
                    *arg = ty.args.first().cloned().unwrap_or_default();
                }
                return if name == "parse" { Ty::with("Result", vec![asked, Ty::default()]) } else { asked };
            }
            return resolved(method.output().substitute(&entry.params(), &ty.args, &ty));
        }
        match name {
            "clone" | "to_owned" => receiver.clone(),
            "to_string" => Ty::named("String"),
            _ => Ty::default(),
        }
    }

    fn associated(&self, path: &[&str], generics: &str, name: &str, argument: impl Fn() -> Ty) -> Ty {
        let Some(owner) = path.last() else {
            return Ty::default();
        };
        if let Some(item) = self.names.item(owner) {
            if item.variants.iter().any(|v| v.name == name) {
                return Ty::named(owner);
            }
            if let Some(method) = item.methods.iter().find(|m| m.name == name) {
                return returned(&method.signature).substitute(&[], &[], &Ty::named(owner));
            }
            if let Some(function) = item.members.iter().find(|m| m.name == name) {
                return returned(&function.signature);
            }
        }
        if let Some(entry) = std_types::find(owner)
            && let Some(method) = entry.methods().find(|m| m.name() == name)
        {
            let mut values: Vec<Ty> = types::split(generics, ',').into_iter().map(Ty::parse).collect();
            if values.is_empty()
                && entry.params() == ["T"]
                && types::arguments(method.signature).is_some_and(|(given, _)| given.ends_with(": T"))
            {
                values.push(argument());
            }
            if method.takes_self() {
                return Ty::default();
            }
            return method.output().substitute(&entry.params(), &values, &Ty::named(owner));
        }
        let functions = std_paths::members(&path.join("::"));
        let found = functions.iter().find(|f| f.name == name);
        found.map_or_else(Ty::default, |f| f.output().substitute(&[], &[], &Ty::default()))
    }
}

/// A type and what it dereferences to.
pub(super) fn autoderef(ty: &Ty) -> Vec<Ty> {
    let mut found = vec![ty.clone()];
    while let Some(last) = found.last() {
        let Some(entry) = std_types::find(&last.name).filter(|e| !e.target.is_empty() && found.len() < 8) else {
            break;
        };
        let next = Ty::parse(entry.target).substitute(&entry.params(), &last.args, last);
        if !next.is_known() {
            break;
        }
        found.push(next);
    }
    found
}

/// What a signature returns.
fn returned(signature: &str) -> Ty {
    Ty::parse(types::output(signature))
}

/// A type of the tables with what only other types tell put in: what its argument dereferences to, or is when it is owned, or
/// becomes when several are put together.
fn resolved(ty: Ty) -> Ty {
    let Some(of) = ty.args.first().filter(|_| ["Target", "Owned", "Joined"].contains(&ty.name.as_str())) else {
        return Ty { args: ty.args.into_iter().map(resolved).collect(), name: ty.name };
    };
    let owned = || match of.name.as_str() {
        "str" | "String" => Ty::named("String"),
        "slice" | "Vec" => Ty::with("Vec", of.args.clone()),
        "Path" => Ty::named("PathBuf"),
        _ => of.clone(),
    };
    match ty.name.as_str() {
        "Target" => autoderef(of).into_iter().nth(1).unwrap_or_default(),
        "Owned" => owned(),
        // Only texts and rows are joined.
        _ => Some(owned()).filter(|ty| ty.name == "String" || ty.name == "Vec").unwrap_or_default(),
    }
}

/// What an index picks out.
fn element(ty: &Ty) -> Ty {
    let indexed = |ty: &Ty| matches!(ty.name.as_str(), "Vec" | "slice" | "VecDeque" | "HashMap" | "BTreeMap");
    let found = autoderef(ty).into_iter().find(indexed);
    found.and_then(|ty| ty.args.into_iter().next_back()).unwrap_or_default()
}

fn first_argument(ty: &Ty) -> Ty {
    if ty.name == "Option" || ty.name == "Result" {
        ty.args.first().cloned().unwrap_or_default()
    } else {
        Ty::default()
    }
}

fn number(text: &str) -> Ty {
    let suffixes =
        ["f64", "f32", "usize", "isize", "i128", "u128", "i64", "u64", "i32", "u32", "i16", "u16", "i8", "u8"];
    if let Some(suffix) = suffixes.iter().find(|s| text.ends_with(**s) && !text.starts_with("0x")) {
        return Ty::named(suffix);
    }
    let hex = text.starts_with("0x");
    let float = !hex && (text.contains('.') || text.contains(['e', 'E']));
    Ty::named(if float { "f64" } else { "i32" })
}
