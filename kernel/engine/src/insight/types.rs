//! Types as completions need them: a name and its arguments, references taken off.

/// A type: `HashMap<String, i32>` is the name `HashMap` with two arguments. Slices and arrays are
/// named `slice`, tuples `tuple`, function types `fn`; what is unknown has an empty name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ty {
    pub(super) name: String,
    pub(super) args: Vec<Ty>,
}

/// How deep types are followed; what is nested deeper is unknown.
const DEPTH: usize = 12;

impl Ty {
    pub(super) fn named(name: &str) -> Ty {
        Ty { name: name.to_owned(), args: Vec::new() }
    }

    pub(super) fn with(name: &str, args: Vec<Ty>) -> Ty {
        Ty { name: name.to_owned(), args }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.name.is_empty()
    }

    /// Read a type's text.
    pub(super) fn parse(text: &str) -> Ty {
        parse(text, DEPTH)
    }

    /// The type with `params` replaced: in `Option<T>`, `T` by what `T` stands for. Other single
    /// capital letters become unknown.
    pub(super) fn substitute(&self, params: &[&str], values: &[Ty], own: &Ty) -> Ty {
        if self.name == "Self" {
            return own.clone();
        }
        if let Some(at) = params.iter().position(|p| *p == self.name) {
            return values.get(at).cloned().unwrap_or_default();
        }
        if self.name.len() == 1 && self.name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ty::default();
        }
        let args = self.args.iter().map(|a| a.substitute(params, values, own)).collect();
        Ty { name: self.name.clone(), args }
    }
}

fn parse(text: &str, depth: usize) -> Ty {
    if depth == 0 {
        return Ty::default();
    }
    let mut text = text.trim();
    loop {
        let before = text;
        text = text.trim_start_matches('&').trim_start();
        for word in ["mut ", "dyn ", "impl ", "*const ", "*mut "] {
            text = text.strip_prefix(word).unwrap_or(text).trim_start();
        }
        if let Some(rest) = text.strip_prefix('\'') {
            text = rest.split_once(' ').map_or("", |(_, rest)| rest).trim_start();
        }
        if text == before {
            break;
        }
    }
    if let Some(inner) = enclosed(text, '[', ']') {
        let item = split(inner, ';').first().copied().unwrap_or_default();
        return Ty::with("slice", vec![parse(item, depth - 1)]);
    }
    if let Some(inner) = enclosed(text, '(', ')') {
        let parts = split(inner, ',');
        return match parts.as_slice() {
            [one] if !inner.trim_end().ends_with(',') => parse(one, depth - 1),
            _ => Ty::with("tuple", parts.iter().map(|p| parse(p, depth - 1)).collect()),
        };
    }
    if text.starts_with("fn(") || text.starts_with("for<") || text.starts_with("unsafe ") {
        return Ty::named("fn");
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let name = text[..end].trim_end_matches(':').rsplit("::").next().unwrap_or_default();
    let rest = text[end..].trim_start();
    let Some(inside) = rest.strip_prefix('<') else {
        return Ty::named(name);
    };
    let close = closing(inside).unwrap_or(inside.len());
    let mut args = Vec::new();
    for arg in split(&inside[..close], ',') {
        if arg.trim_start().starts_with('\'') {
            continue;
        }
        // `Iterator<Item = T>` counts as `Iterator<T>`.
        let named = arg.split_once(" = ").filter(|(name, _)| !name.contains('<'));
        let arg = named.map_or(arg, |(_, value)| value);
        args.push(parse(arg, depth - 1));
    }
    Ty::with(name, args)
}

fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// The arguments of a signature without their brackets, and what follows; `None` where it has none, as that of a constant.
pub(super) fn arguments(signature: &str) -> Option<(&str, &str)> {
    let (at, bracket) = signature.char_indices().find(|(_, c)| matches!(c, '(' | '<'))?;
    let rest = &signature[at + 1..];
    let close = closing(rest)?;
    match bracket {
        '(' => Some((&rest[..close], rest[close + 1..].trim_start())),
        // Parameters are passed over as one, since their bounds have brackets, too: `<F: Fn(u8) -> u8>`.
        _ => arguments(&rest[close + 1..]),
    }
}

/// What a signature returns, as text, or the type of a constant; empty where there is neither.
pub(super) fn output(signature: &str) -> &str {
    let Some((_, rest)) = arguments(signature) else {
        return signature.split_once(": ").map_or("", |(_, ty)| ty);
    };
    let output = rest.strip_prefix("->").unwrap_or_default();
    output.split(" where ").next().unwrap_or_default().trim()
}

/// Where the bracket closes that was open before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if previous == '-' => {}
            '>' | ')' | ']' if depth == 0 => return Some(at),
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    None
}

/// Split outside of brackets.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if previous == '-' || previous == '=' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
        previous = c;
    }
    parts.push(text[start..].trim());
    parts.retain(|p| !p.is_empty());
    parts
}
