//! Reading a cell's directives. A line is one when it starts a statement: outside strings,
//! comments and brackets, and not in the middle of an expression.

pub use super::shell::Shell;
use super::{foreign, measure};
use crate::evaluate::errors;
use ferrolab_engine::cfg::Cfg;
use ferrolab_engine::environment::goes_on;
use ferrolab_engine::measured::Measure;
use ferrolab_engine::split::split;
use ferrolab_jupyter::session::evaluator::CellError;

/// A line that is not Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `:name rest` or `%name rest`.
    Named {
        /// Its name.
        name: String,
        /// The rest of the line.
        rest: String,
        /// Its line, from 1.
        line: usize,
    },
    /// `%timeit expression`.
    Measured {
        /// How.
        measure: Measure,
        /// The expression, in its place in the cell; everything else is blank.
        code: String,
    },
    /// `!command`.
    Shell(String),
    /// `?name` and `??name`.
    Describe {
        /// What to describe.
        name: String,
        /// `??`.
        detail: bool,
    },
}

/// What wraps the whole cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Magic {
    /// `%%time`.
    Time,
    /// `%%capture [name]`.
    Capture(Option<String>),
    /// `%%writefile [-a] path`; the rest is the file.
    WriteFile {
        /// Where.
        path: String,
        /// Add to what is there.
        append: bool,
    },
    /// `%%bash` and `%%sh`; the rest is the script.
    Script(Shell),
    /// `%%dep`; the rest is a table of dependencies, as in a manifest.
    Dependencies,
    /// `%%timeit`, `%%scaling` and `%%bench`.
    Measured(Measure),
}

/// A cell, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Magics, outermost first.
    pub magics: Vec<Magic>,
    /// Directives, in order.
    pub directives: Vec<Directive>,
    /// The Rust in it, with its lines where they were.
    pub code: String,
}

impl Plan {
    /// Is there any Rust?
    pub fn has_code(&self) -> bool {
        !self.code.trim().is_empty()
    }
}

/// Reads a cell.
///
/// # Errors
/// When a directive is not one.
pub fn plan(text: &str) -> Result<Plan, CellError> {
    plan_with(text, &|_| false)
}

/// The same where some names are known: those of variables and items of earlier cells.
///
/// # Errors
/// When a directive is not one.
pub fn plan_with(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Plan, CellError> {
    let mut plan = Plan::default();
    let mut scanner = Scanner::default();
    let mut raw = false;
    let mut start = 0;
    // A `:dep` whose table is still open.
    let mut open: Option<String> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim();
        let offset = start + (line.len() - line.trim_start().len());
        start += line.len();
        if raw {
            plan.code.push_str(line);
            continue;
        }
        if let Some(mut entry) = open.take() {
            entry.push('\n');
            entry.push_str(trimmed);
            if let Some(Directive::Named { rest, .. }) = plan.directives.last_mut() {
                rest.clone_from(&entry);
            }
            open = goes_on(&entry).then_some(entry);
            blank(line, &mut plan.code);
            continue;
        }
        if scanner.at_statement()
            && let Some(text) = foreign::hash_line(trimmed, index + 1)
        {
            return Err(errors::plain("Directive", &text));
        }
        let known = |word: &str| known(word) || defines(&plan.code, word);
        if !scanner.at_statement() || !starts_directive(trimmed, &known) {
            scanner.read(line);
            plan.code.push_str(line);
            continue;
        }
        if let Some(magic) = trimmed.strip_prefix("%%") {
            let magic = read_magic(magic, offset + 2)?;
            if matches!(magic, Magic::Measured(_)) {
                if scanner.last.is_some() {
                    return Err(measure::not_first(trimmed));
                }
                if plan.magics.iter().any(|m| matches!(m, Magic::Measured(_))) {
                    return Err(measure::not_alone(trimmed));
                }
            }
            raw = matches!(magic, Magic::WriteFile { .. } | Magic::Script(_) | Magic::Dependencies);
            plan.magics.push(magic);
            if raw {
                continue;
            }
        } else if let Some((measure, expression)) = measure::line(trimmed)? {
            if scanner.last.is_some() {
                return Err(measure::not_first(trimmed));
            }
            let at = offset + expression.start;
            let mut code = String::new();
            blank(&text[..at], &mut code);
            code.push_str(&trimmed[expression]);
            plan.directives.push(Directive::Measured { measure, code });
        } else {
            let directive = read_directive(trimmed, index + 1);
            match &directive {
                Directive::Named { name, rest, .. } if name == "dep" && goes_on(rest) => open = Some(rest.clone()),
                Directive::Shell(command) => {
                    if let Some(text) = foreign::installer(command) {
                        return Err(errors::plain("Directive", &text));
                    }
                }
                _ => {}
            }
            plan.directives.push(directive);
        }
        blank(line, &mut plan.code);
    }
    Ok(plan)
}

/// A directive's line becomes spaces, so that places in the code stay what they were.
fn blank(line: &str, code: &mut String) {
    code.extend(line.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
}

/// Does a cell's code so far bind or define this name?
fn defines(code: &str, word: &str) -> bool {
    let Ok(split) = split(code, &Cfg::default()) else { return false };
    split.bindings.iter().any(|b| b.name == word) || split.items.iter().any(|i| i.names().any(|name| name == word))
}

fn starts_directive(line: &str, known: &dyn Fn(&str) -> bool) -> bool {
    let mut characters = line.chars();
    let (first, second) = (characters.next(), characters.next());
    let word = second.is_some_and(char::is_alphabetic);
    match first {
        Some(':') => word,
        Some('%') => word || second == Some('%'),
        Some('?') => word || second == Some('?'),
        Some('!') => is_shell(&line[1..], known),
        _ => false,
    }
}

/// `!ls -l` is a command, `!(a || b)` and `!x.is_empty()` are Rust; so are `!flag` and `!mask & 1` where these
/// are known names.
fn is_shell(rest: &str, known: &dyn Fn(&str) -> bool) -> bool {
    let rest = rest.trim_end();
    let first = rest.chars().next();
    if !first.is_some_and(|c| c.is_alphabetic() || "./~$_".contains(c)) {
        return false;
    }
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let after = &rest[word.len()..];
    if !word.is_empty() && known(&word) {
        return continues_command(after);
    }
    // A bare word is a command unless it is a literal.
    let looks_like_rust = matches!(word.as_str(), "true" | "false" | "matches" | "self")
        || [".", "(", "[", "::", " &&", " ||", " ==", " as "].iter().any(|s| after.starts_with(s));
    !looks_like_rust
}

/// After a word that is a name: does a command's argument follow, as in `!ls -l file`?
fn continues_command(after: &str) -> bool {
    let rest = after.trim_start();
    let mut characters = rest.chars();
    match (characters.next(), characters.next()) {
        (Some('-'), Some(flag)) => after.starts_with(' ') && (flag.is_alphabetic() || flag == '-'),
        (Some(c), _) => !rest.starts_with("as ") && (c.is_alphanumeric() || "_/~$\"'".contains(c)),
        (None, _) => false,
    }
}

/// Reads what stands after `%%`, at byte `offset` of the cell.
fn read_magic(text: &str, offset: usize) -> Result<Magic, CellError> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if let Some(measure) = measure::magic(name, rest, offset + (text.len() - rest.len()))? {
        return Ok(Magic::Measured(measure));
    }
    let rest = rest.trim();
    match name {
        "time" => Ok(Magic::Time),
        "dep" => Ok(Magic::Dependencies),
        "capture" => Ok(Magic::Capture((!rest.is_empty()).then(|| rest.to_owned()))),
        "bash" => Ok(Magic::Script(Shell::Bash)),
        "sh" => Ok(Magic::Script(Shell::Sh)),
        "writefile" => {
            let (append, path) = match rest.strip_prefix("-a ") {
                Some(path) => (true, path.trim()),
                None => (false, rest),
            };
            if path.is_empty() {
                return Err(errors::plain("Directive", "%%writefile needs a path: `%%writefile data.csv`"));
            }
            Ok(Magic::WriteFile { path: path.to_owned(), append })
        }
        _ => {
            let unknown = || {
                format!(
                    "there is no magic `%%{name}`; there are %%time, %%timeit, %%scaling, %%bench, %%capture, %%dep, %%writefile, %%bash and %%sh"
                )
            };
            Err(errors::plain("Directive", &foreign::cell_magic(name).unwrap_or_else(unknown)))
        }
    }
}

fn read_directive(line: &str, number: usize) -> Directive {
    if let Some(command) = line.strip_prefix('!') {
        return Directive::Shell(command.trim().to_owned());
    }
    if let Some(name) = line.strip_prefix('?') {
        let detail = name.starts_with('?');
        return Directive::Describe {
            name: name.trim_start_matches('?').trim().trim_end_matches(';').to_owned(),
            detail,
        };
    }
    let text = &line[1..];
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    Directive::Named { name: name.to_owned(), rest: rest.trim().to_owned(), line: number }
}

/// Follows strings, comments and brackets from line to line.
#[derive(Debug, Default)]
struct Scanner {
    depth: i32,
    comment: u32,
    /// Inside a string: the number of hashes of a raw one.
    string: Option<Option<usize>>,
    /// The last character that counts; a statement starts after these.
    last: Option<char>,
}

impl Scanner {
    fn at_statement(&self) -> bool {
        self.depth == 0 && self.comment == 0 && self.string.is_none() && matches!(self.last, None | Some(';' | '}'))
    }

    fn read(&mut self, line: &str) {
        let characters: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < characters.len() {
            at += self.step(&characters[at..]);
        }
    }

    /// Takes in what stands at the start of `rest`; returns how many characters that is.
    fn step(&mut self, rest: &[char]) -> usize {
        let next = rest.get(1).copied();
        if self.comment > 0 {
            return match (rest[0], next) {
                ('*', Some('/')) => {
                    self.comment -= 1;
                    2
                }
                ('/', Some('*')) => {
                    self.comment += 1;
                    2
                }
                _ => 1,
            };
        }
        match self.string {
            Some(None) => {
                if rest[0] == '"' {
                    self.string = None;
                    self.last = Some('"');
                }
                return if rest[0] == '\\' { 2 } else { 1 };
            }
            Some(Some(hashes)) => {
                let closes = rest[0] == '"' && rest[1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
                if closes {
                    self.string = None;
                    self.last = Some('"');
                }
                return if closes { 1 + hashes } else { 1 };
            }
            None => {}
        }
        self.step_code(rest, next)
    }

    fn step_code(&mut self, rest: &[char], next: Option<char>) -> usize {
        match (rest[0], next) {
            ('/', Some('/')) => return rest.len(),
            ('/', Some('*')) => {
                self.comment = 1;
                return 2;
            }
            ('"', _) => {
                self.string = Some(None);
                return 1;
            }
            ('r' | 'b' | 'c', _) if !self.last.is_some_and(|c| c.is_alphanumeric() || c == '_') => {
                let start = 1 + usize::from(rest[0] != 'r' && next == Some('r'));
                let hashes = rest[start..].iter().take_while(|c| **c == '#').count();
                let raw = rest[0] == 'r' || start == 2;
                if raw && rest.get(start + hashes) == Some(&'"') {
                    self.string = Some(Some(hashes));
                    return start + hashes + 1;
                }
                self.last = Some(rest[0]);
            }
            // 'a' is a character, 'a is a lifetime.
            ('\'', Some('\\')) => return rest[2..].iter().position(|c| *c == '\'').map_or(2, |p| p + 3).max(3),
            ('\'', Some(_)) if rest.get(2) == Some(&'\'') => {
                self.last = Some('\'');
                return 3;
            }
            ('(' | '[' | '{', _) => {
                self.depth += 1;
                self.last = Some(rest[0]);
            }
            (')' | ']' | '}', _) => {
                self.depth -= 1;
                self.last = Some(rest[0]);
            }
            (c, _) if c.is_whitespace() => {}
            (c, _) => self.last = Some(c),
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_and_code_keeps_its_place() {
        let plan = plan(":dep rand = \"0.9\"\n// a comment\n%timing\nlet x = 1;\n:vars\nx").expect("a plan");
        assert_eq!(plan.directives.len(), 3);
        assert_eq!(plan.code.lines().nth(3), Some("let x = 1;"));
        assert_eq!(plan.code.lines().nth(5), Some("x"));
    }

    #[test]
    fn a_dependency_may_go_on_over_lines() {
        let text = ":dep a = { version = \"1\", features = [\n  \"x\", # ]\n] }\n:dep b\nlet y = 1;";
        let plan = plan(text).expect("a plan");
        let Directive::Named { rest, .. } = &plan.directives[0] else { panic!("{plan:?}") };
        assert!(rest.ends_with("\n] }") && plan.directives.len() == 2, "{plan:?}");
        assert_eq!((plan.code.trim(), plan.code.find("let")), ("let y = 1;", text.find("let")));
        assert!(super::plan("# a comment").is_err() && super::plan("let x = 1;\n#!/bin/sh").is_err());
    }

    #[test]
    fn what_looks_like_one_inside_code_is_code() {
        for code in [
            "let s = \"\n:vars\n\";",
            "f(\n!x)",
            "let a = b\n% c;",
            "/*\n:dep x\n*/",
            "let r = r#\"\n:q\"#;",
            "!x.is_empty()",
            "!(a)",
            "let c = '\"';\n",
            "x\n::y()",
        ] {
            assert!(plan(code).expect("a plan").directives.is_empty(), "{code}");
        }
    }

    #[test]
    fn a_name_that_is_known_is_rust() {
        let shell = |text: &str| {
            let plan = plan_with(text, &|name| name == "done").expect("a plan");
            plan.directives.iter().any(|d| matches!(d, Directive::Shell(_)))
        };
        for rust in [
            "!done",
            "!done;",
            "!done & !done",
            "!done as u8",
            "let mask = 1;\n!mask & 0x0f",
            "fn busy() {}\n!busy ^ 1",
            "let n = 1; !n",
            "!done -1",
        ] {
            assert!(!shell(rust), "{rust}");
        }
        for command in
            ["!ls", "// ls\n!ls", "!done file", "!done -l", "!done /tmp", "!mask & 0x0f", "let x = 1;\n!ls | wc"]
        {
            assert!(shell(command), "{command}");
        }
    }

    #[test]
    fn shell_questions_and_magics() {
        let p = plan("!ls -l | wc\n??Vec\n%%time\nx").expect("a plan");
        assert_eq!(p.directives[0], Directive::Shell("ls -l | wc".into()));
        assert_eq!(p.directives[1], Directive::Describe { name: "Vec".into(), detail: true });
        assert_eq!(p.magics, [Magic::Time]);
        let p = plan("%%writefile a.txt\n:not a directive\n").expect("a plan");
        assert_eq!((p.directives.len(), p.code.as_str()), (0, ":not a directive\n"));
        assert!(plan("%%nothing").is_err());
        let bench = plan("// two ways\n%%bench é f(1)\nlet f = 1;").expect("a plan");
        let Magic::Measured(Measure::Compare(found)) = &bench.magics[0] else { panic!("{bench:?}") };
        assert_eq!(&"// two ways\n%%bench é f(1)"[found[1].offset..], "f(1)");
        assert!(plan("let a = 1;\n%%timeit\na").is_err() && plan("let a = 1;\n%timeit a").is_err());
        assert!(plan("%%timeit\n%%bench a b\na").is_err());
        let line = plan(":vars\n  %timeit -n 5 v.len()\n1").expect("a plan");
        let Directive::Measured { measure, code } = &line.directives[1] else { panic!("{line:?}") };
        assert_eq!(*measure, Measure::Time { loops: 5, repeats: 0 });
        assert_eq!((code.trim(), code.find("v.len()")), ("v.len()", Some(21)));
        assert_eq!(plan("%%sh\nls").expect("a plan").magics, [Magic::Script(Shell::Sh)]);
        assert_eq!(plan("%%bash\n:vars").expect("a plan").magics, [Magic::Script(Shell::Bash)]);
    }
}
