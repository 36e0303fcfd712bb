//! Colours for Rust code by its tokens. It does not parse: whatever is no Rust stays readable text.

/// Words with a meaning of their own.
const KEYWORDS: &str = " as async await box break const continue crate dyn else enum extern false \
    fn for gen if impl in let loop match mod move mut pub ref return self Self static struct super \
    trait true type union unsafe use where while yield ";

/// Rust code as HTML to put into a `<pre>`.
pub(super) fn to_html(code: &str) -> String {
    let mut html = String::with_capacity(code.len() * 2);
    let mut rest = code;
    let mut line_start = true;
    while let Some((class, length)) = token(rest, line_start) {
        let (text, after) = rest.split_at(length);
        let escaped = super::escape(text);
        if class.is_empty() {
            html.push_str(&escaped);
        } else {
            html.push_str(&format!("<span class=\"{class}\">{escaped}</span>"));
        }
        line_start = text.ends_with('\n') || line_start && text.trim().is_empty();
        rest = after;
    }
    html
}

/// Class and length in bytes of the first token; `None` at the end.
fn token(text: &str, line_start: bool) -> Option<(&'static str, usize)> {
    let first = text.chars().next()?;
    let while_ = |accept: fn(char) -> bool| text.find(|c| !accept(c)).unwrap_or(text.len());
    let line = || text.find('\n').unwrap_or(text.len());
    if first.is_whitespace() {
        return Some(("", while_(char::is_whitespace)));
    }
    if line_start && directive(text) {
        return Some(("hd", line()));
    }
    if text.starts_with("//") {
        return Some(("hc", line()));
    }
    if text.starts_with("/*") {
        return Some(("hc", block_comment(text)));
    }
    if let Some(length) = string(text) {
        return Some(("hs", length));
    }
    if text.starts_with("#[") || text.starts_with("#![") {
        return Some(("ha", text.find(']').map_or_else(line, |at| at + 1)));
    }
    if first == '\'' {
        let name = text[1..].find(|c| !word(c)).unwrap_or(text.len() - 1);
        return Some(("hl", 1 + name));
    }
    if first.is_ascii_digit() {
        return Some(("hn", number(text)));
    }
    if word(first) {
        let length = while_(word);
        return Some((name(&text[..length], &text[length..]), length));
    }
    Some(("", first.len_utf8()))
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `:dep …`, `%%time`, `%opt`, `!ls`, `?name`, as cells may start with.
fn directive(text: &str) -> bool {
    ferrolab_engine::insight::is_marked(text)
}

fn name(name: &str, after: &str) -> &'static str {
    if KEYWORDS.contains(&format!(" {name} ")) {
        "hk"
    } else if after.starts_with('!') && !after.starts_with("!=") {
        "hm"
    } else if name.starts_with(char::is_uppercase) {
        "ht"
    } else if after.starts_with('(') || after.starts_with("::<") {
        "hf"
    } else {
        ""
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string, byte string, C string, raw string or character at the start.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| text.starts_with(prefix))?;
    let body = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let inside = body[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    if body.starts_with('"') {
        return Some(prefix.len() + quoted(body, '"').unwrap_or(body.len()));
    }
    if !body.starts_with('\'') {
        return None;
    }
    // `'a'` is a character, `'a` a lifetime.
    let mut chars = body.chars().skip(1);
    let character = chars.next()? == '\\' || chars.next() == Some('\'');
    let length = quoted(body, '\'').filter(|_| character)?;
    Some(prefix.len() + length)
}

/// The length of what stands in quotes at the start, with backslash escapes.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_word = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let hex = text.starts_with("0x");
    let mut at = 1;
    loop {
        let exponent = !hex && matches!(bytes[at - 1], b'e' | b'E');
        let sign = exponent && matches!(bytes.get(at), Some(b'+' | b'-'));
        // The dot of `1.5`, not that of `1..5` or `1.max(5)`.
        let dot = bytes.get(at) == Some(&b'.')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
            && !text[..at].contains('.');
        if !(is_word(at) || sign || dot) {
            return at;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(code: &str) -> Vec<(&'static str, &str)> {
        let (mut found, mut rest, mut start) = (Vec::new(), code, true);
        while let Some((class, length)) = token(rest, start) {
            start = false;
            if !class.is_empty() {
                found.push((class, &rest[..length]));
            }
            rest = &rest[length..];
        }
        found
    }

    #[test]
    fn tokens_are_told_apart() {
        let code = "let x: &'a Vec<u8> = f(b\"a\\\"b\", 'c', '\\'', r#\"q\"q\"#, 1.5e-3_f64, 0..3);";
        let wanted = [
            ("hk", "let"),
            ("hl", "'a"),
            ("ht", "Vec"),
            ("hf", "f"),
            ("hs", "b\"a\\\"b\""),
            ("hs", "'c'"),
            ("hs", "'\\''"),
            ("hs", "r#\"q\"q\"#"),
            ("hn", "1.5e-3_f64"),
            ("hn", "0"),
            ("hn", "3"),
        ];
        assert_eq!(classes(code), wanted);
        let wanted = [("hc", "/* a /* b */ c */"), ("hm", "println"), ("hc", "// d")];
        assert_eq!(classes("/* a /* b */ c */ println!() // d"), wanted);
        assert_eq!(classes(":dep rand = \"1\"")[0].0, "hd");
        assert_eq!(classes("#[derive(Debug)] x")[0], ("ha", "#[derive(Debug)]"));
    }

    #[test]
    fn unfinished_and_foreign_text_survives() {
        for code in ["\"open", "r#\"open", "/* open", "'", "'ä", "é'x", "#[", "b", "1.", "0x", "\\", "r#x"] {
            let html = to_html(code);
            let text: String = html.split('<').map(|s| s.split_once('>').map_or(s, |(_, t)| t)).collect();
            assert_eq!(text, super::super::escape(code), "{code}");
        }
    }
}
