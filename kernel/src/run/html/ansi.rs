//! Terminal text as HTML: SGR colours and styles become spans, every other escape sequence is
//! dropped. It is no terminal: the cursor does not move.

use std::fmt::Write as _;

/// A colour as a terminal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    /// One of the sixteen that the theme decides.
    Theme(u8),
    /// A fixed one.
    Rgb(u8, u8, u8),
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::run) struct Style {
    front: Option<Colour>,
    back: Option<Colour>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    inverse: bool,
}

impl Style {
    fn apply(&mut self, parameters: &str) {
        let mut codes = parameters.split([';', ':']).map(|code| code.parse::<u16>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                7 => self.inverse = true,
                9 => self.strike = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.inverse = false,
                29 => self.strike = false,
                30..=37 => self.front = Some(Colour::Theme(code as u8 - 30)),
                38 => self.front = extended(&mut codes).or(self.front),
                39 => self.front = None,
                40..=47 => self.back = Some(Colour::Theme(code as u8 - 40)),
                48 => self.back = extended(&mut codes).or(self.back),
                49 => self.back = None,
                90..=97 => self.front = Some(Colour::Theme(code as u8 - 82)),
                100..=107 => self.back = Some(Colour::Theme(code as u8 - 92)),
                _ => {}
            }
        }
    }

    /// The attributes of its span; empty when it looks like text around it.
    fn attributes(&self) -> String {
        let mut classes: Vec<String> = Vec::new();
        let mut css = String::new();
        let (front, back) = if self.inverse { (self.back, self.front) } else { (self.front, self.back) };
        // Writing into a string has nothing that could fail.
        match front {
            Some(Colour::Theme(n)) => classes.push(format!("f{n}")),
            Some(Colour::Rgb(r, g, b)) => drop(write!(css, "color:#{r:02x}{g:02x}{b:02x};")),
            None if self.inverse => classes.push("fi".to_owned()),
            None => {}
        }
        match back {
            Some(Colour::Theme(n)) => classes.push(format!("b{n}")),
            Some(Colour::Rgb(r, g, b)) => drop(write!(css, "background:#{r:02x}{g:02x}{b:02x};")),
            None if self.inverse => classes.push("bi".to_owned()),
            None => {}
        }
        let flags =
            [(self.bold, "ab"), (self.dim, "ad"), (self.italic, "ai"), (self.underline, "au"), (self.strike, "as")];
        classes.extend(flags.iter().filter(|(on, _)| *on).map(|(_, class)| (*class).to_owned()));
        let mut attributes = String::new();
        if !classes.is_empty() {
            let _ = write!(attributes, " class=\"{}\"", classes.join(" "));
        }
        if !css.is_empty() {
            let _ = write!(attributes, " style=\"{css}\"");
        }
        attributes
    }
}

/// The colour after 38 or 48: `5;n` or `2;r;g;b`.
fn extended(codes: &mut impl Iterator<Item = u16>) -> Option<Colour> {
    let mut byte = || codes.next().map(|code| code.min(255) as u8);
    match byte()? {
        2 => Some(Colour::Rgb(byte()?, byte()?, byte()?)),
        5 => Some(match byte()? {
            n @ ..16 => Colour::Theme(n),
            n @ 16..232 => {
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let n = n - 16;
                Colour::Rgb(level(n / 36), level(n / 6 % 6), level(n % 6))
            }
            n => {
                let grey = 8 + 10 * (n - 232);
                Colour::Rgb(grey, grey, grey)
            }
        }),
        _ => None,
    }
}

/// Cuts a text into pieces of one style each, without escape sequences and control characters.
pub(in crate::run) fn pieces(text: &str) -> Vec<(Style, String)> {
    let mut pieces = Vec::new();
    let mut style = Style::default();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        push(&mut pieces, style, &rest[..at]);
        let (sequence, after) = escape(&rest[at + 1..]);
        if let Some(parameters) = sequence {
            style.apply(parameters);
        }
        rest = after;
    }
    push(&mut pieces, style, rest);
    pieces
}

fn push(pieces: &mut Vec<(Style, String)>, style: Style, text: &str) {
    let visible = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.chars().filter(visible).collect();
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some((last, so_far)) if *last == style => so_far.push_str(&text),
        _ => pieces.push((style, text)),
    }
}

/// Reads what follows an ESC: the parameters if it sets colours, and the text after it.
fn escape(text: &str) -> (Option<&str>, &str) {
    if let Some(body) = text.strip_prefix('[') {
        let Some(end) = body.find(|c: char| ('@'..='~').contains(&c)) else {
            return (None, "");
        };
        let after = &body[end + 1..];
        return (body[end..].starts_with('m').then_some(&body[..end]), after);
    }
    if let Some(body) = text.strip_prefix(']') {
        // An operating system command, such as a link or a title, ends with BEL or ESC \.
        let end = body.find(['\u{7}', '\u{1b}']).unwrap_or(body.len());
        let after = &body[end..];
        let after = after.strip_prefix('\u{7}').unwrap_or(after);
        return (None, after.strip_prefix("\u{1b}\\").unwrap_or(after));
    }
    let mut chars = text.chars();
    // Others have intermediate bytes and one final byte.
    while chars.next().is_some_and(|c| (' '..='/').contains(&c)) {}
    (None, chars.as_str())
}

/// A terminal text as HTML to put into a `<pre>`.
pub(super) fn to_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (style, text) in pieces(text) {
        let attributes = style.attributes();
        let text = super::escape(&text);
        // Writing into a string has nothing that could fail.
        let _ = if attributes.is_empty() {
            write!(html, "{text}")
        } else {
            write!(html, "<span{attributes}>{text}</span>")
        };
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_spans() {
        assert_eq!(to_html("a<b"), "a&lt;b");
        let html = to_html("\x1b[1;31merror\x1b[0m: x");
        assert_eq!(html, "<span class=\"f1 ab\">error</span>: x");
        let html = to_html("\x1b[38;5;9mx\x1b[38;2;1;2;3;4my\x1b[m");
        assert!(html.contains("class=\"f9\">x") && html.contains("color:#010203"), "{html}");
        assert_eq!(to_html("\x1b[7mx"), "<span class=\"fi bi\">x</span>");
    }

    #[test]
    fn other_sequences_vanish() {
        assert_eq!(to_html("a\x1b[2Kb\x1b]8;;http://x\x1b\\c\x1b]0;t\x07d\x1b(Be\x07"), "abcde");
        assert_eq!(to_html("x\x1b"), "x");
        assert_eq!(to_html("x\x1b[3"), "x");
    }
}
