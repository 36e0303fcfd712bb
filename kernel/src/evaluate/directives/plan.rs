//! Reading a cell's directives. A line is one when it starts a statement: outside strings,
//! comments and brackets, and not in the middle of an expression.

use super::definition::{Form, Magic};
use super::{foreign, measure, table};
use crate::evaluate::errors;
use ferrolab_engine::cfg::Cfg;
use ferrolab_engine::environment::goes_on;
use ferrolab_engine::insight::{first_code, is_marked, is_statement_start};
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
    /// `%timeit code` and `%time code`.
    Wrapped {
        /// What is done with the code.
        magic: Magic,
        /// The code, in its place in the cell; everything else is blank.
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

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line where it begins, from 1.
    pub line: usize,
    /// What to do.
    pub what: What,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directive.
    Directive(Directive),
    /// Rust, in its place in the cell; everything else is blank.
    Code(String),
}

impl Step {
    /// What stands behind `:dep`; none when this is something else.
    pub fn dependency(&self) -> Option<&str> {
        match &self.what {
            What::Directive(Directive::Named { name, rest, .. }) if is_dependency(name) => Some(rest),
            _ => None,
        }
    }

    /// Does it run Rust of the user's?
    pub fn runs_code(&self) -> bool {
        matches!(self.what, What::Code(_) | What::Directive(Directive::Wrapped { .. }))
    }

    /// Is it a line of `:dep`?
    pub fn is_dependency(&self) -> bool {
        self.dependency().is_some()
    }
}

fn is_dependency(name: &str) -> bool {
    table::find(name).is_some_and(|found| matches!(found.form, Form::Dependency))
}

/// A cell, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Magics, outermost first.
    pub magics: Vec<Magic>,
    /// What takes the rest of the cell as text: its name with its marks, and what stands behind it.
    pub raw: Option<(String, String)>,
    /// That text.
    pub text: String,
    /// What to do, in order; lines of `:dep` come before all code.
    pub steps: Vec<Step>,
    /// All the Rust in it, with its lines where they were.
    pub code: String,
}

impl Plan {
    /// Its directives.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.steps.iter().filter_map(|step| match &step.what {
            What::Directive(directive) => Some(directive),
            What::Code(_) => None,
        })
    }

    fn is_measured(&self) -> bool {
        self.magics.iter().any(|magic| matches!(magic, Magic::Measured(_)))
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
    let mut reader = CellReader { text, ..CellReader::default() };
    for (index, line) in text.split_inclusive('\n').enumerate() {
        reader.line(index + 1, line, known)?;
        reader.at += line.len();
    }
    reader.cut();
    let mut plan = reader.plan;
    // `%%bench f g` has no code of its own.
    if plan.is_measured() && !plan.steps.iter().any(|step| matches!(step.what, What::Code(_))) {
        plan.steps.push(Step { line: 1, what: What::Code(plan.code.clone()) });
    }
    Ok(plan)
}

/// A cell that is being read, line by line.
#[derive(Default)]
struct CellReader<'a> {
    text: &'a str,
    /// Where the line begins.
    at: usize,
    plan: Plan,
    /// Where code begins that is no step yet.
    uncut: usize,
    /// Code up to here ends with a statement.
    settled: usize,
    /// A `:dep` whose table is still open: its step, and what there is of it.
    open: Option<(usize, String)>,
}

impl CellReader<'_> {
    fn line(&mut self, number: usize, line: &str, known: &dyn Fn(&str) -> bool) -> Result<(), CellError> {
        let trimmed = line.trim();
        if self.plan.raw.is_some() {
            self.plan.text.push_str(line);
            return Ok(());
        }
        if let Some((step, entry)) = self.open.take() {
            self.go_on(step, entry + "\n" + trimmed);
            blank(line, &mut self.plan.code);
            return Ok(());
        }
        let marked = is_marked(trimmed) || trimmed.starts_with('#');
        if !marked || !self.is_statement_start() {
            self.plan.code.push_str(line);
            return Ok(());
        }
        if let Some(text) = foreign::hash_line(trimmed, number) {
            return Err(errors::plain("Directive", &text));
        }
        let known = |word: &str| known(word) || defines(&self.plan.code, word);
        if trimmed.starts_with('#') || (trimmed.starts_with('!') && !is_shell(&trimmed[1..], &known)) {
            self.plan.code.push_str(line);
            return Ok(());
        }
        let offset = self.at + (line.len() - line.trim_start().len());
        if trimmed.starts_with("%%") {
            self.magic(trimmed, offset)?;
        } else {
            self.directive(trimmed, offset, number)?;
        }
        blank(line, &mut self.plan.code);
        if self.plan.raw.is_none() {
            self.settled = self.plan.code.len();
        }
        Ok(())
    }

    fn is_statement_start(&mut self) -> bool {
        let is = is_statement_start(&self.plan.code[self.settled..]);
        if is {
            self.settled = self.plan.code.len();
        }
        is
    }

    /// Is there code above that no step does yet?
    fn has_code(&self) -> bool {
        first_code(&self.plan.code[self.uncut..]).is_some()
    }

    /// What has been read of the code becomes a step.
    fn cut(&mut self) {
        if self.has_code() {
            let mut code = String::with_capacity(self.plan.code.len());
            blank(&self.plan.code[..self.uncut], &mut code);
            let begins = self.uncut + first_code(&self.plan.code[self.uncut..]).unwrap_or(0);
            let line = 1 + self.plan.code[..begins].matches('\n').count();
            code.push_str(&self.plan.code[self.uncut..]);
            self.plan.steps.push(Step { line, what: What::Code(code) });
        }
        self.uncut = self.plan.code.len();
    }

    /// `%%name rest`, at byte `offset` of the cell.
    fn magic(&mut self, line: &str, offset: usize) -> Result<(), CellError> {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match table::find(name).map(|found| &found.form) {
            Some(Form::Cell(read)) => {
                let magic = read(rest, offset + (line.len() - rest.len()))?;
                if matches!(magic, Magic::Measured(_)) {
                    if has_code(&self.plan.code) {
                        return Err(measure::not_first(line));
                    }
                    if self.plan.is_measured() {
                        return Err(measure::not_alone(line));
                    }
                }
                self.plan.magics.push(magic);
                Ok(())
            }
            Some(Form::Raw(raw)) => {
                (raw.check)(rest.trim())?;
                if has_code(&self.plan.code) {
                    let text =
                        format!("{name} takes the rest of its cell: put the code above it into a cell of its own");
                    return Err(errors::plain("Directive", &text));
                }
                self.plan.raw = Some((name.to_owned(), rest.trim().to_owned()));
                Ok(())
            }
            _ => {
                let name = &name[2..];
                let text = foreign::cell_magic(name).unwrap_or_else(|| table::unknown_magic(name));
                Err(errors::plain("Directive", &text))
            }
        }
    }

    fn directive(&mut self, line: &str, offset: usize, number: usize) -> Result<(), CellError> {
        let directive = read_directive(line, number);
        match &directive {
            Directive::Shell(command) => {
                if let Some(text) = foreign::installer(command) {
                    return Err(errors::plain("Directive", &text));
                }
            }
            Directive::Named { name, rest, .. } if is_dependency(name) => {
                let rest = rest.clone();
                let code = self.plan.steps.iter().position(|step| matches!(step.what, What::Code(_)));
                let step = code.unwrap_or(self.plan.steps.len());
                self.plan.steps.insert(step, Step { line: number, what: What::Directive(directive) });
                self.go_on(step, rest);
                return Ok(());
            }
            Directive::Named { name, .. } => {
                if let Some(Form::Code(read)) = table::find(name).map(|found| &found.form) {
                    let behind = 1 + name.len();
                    let (magic, begins) = read(&line[behind..])?;
                    let mut code = String::new();
                    blank(&self.text[..offset + behind + begins], &mut code);
                    code.push_str(&line[behind + begins..]);
                    self.push(number, Directive::Wrapped { magic, code });
                    return Ok(());
                }
            }
            Directive::Wrapped { .. } | Directive::Describe { .. } => {}
        }
        self.push(number, directive);
        Ok(())
    }

    /// A directive, below the code that stands above it; what is measured as a whole stays whole.
    fn push(&mut self, line: usize, directive: Directive) {
        if !self.plan.is_measured() {
            self.cut();
        }
        self.plan.steps.push(Step { line, what: What::Directive(directive) });
    }

    /// A `:dep` as far as it is read.
    fn go_on(&mut self, step: usize, entry: String) {
        if let What::Directive(Directive::Named { rest, .. }) = &mut self.plan.steps[step].what {
            rest.clone_from(&entry);
        }
        self.open = goes_on(&entry).then_some((step, entry));
    }
}

fn has_code(text: &str) -> bool {
    first_code(text).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;
    use ferrolab_engine::measured::Measure;

    #[test]
    fn directives_are_read_and_code_keeps_its_place() {
        let plan = plan(":dep rand = \"0.9\"\n// a comment\n%timing\nlet x = 1;\n:vars\nx").expect("a plan");
        assert_eq!(plan.directives().count(), 3);
        assert_eq!(plan.code.lines().nth(3), Some("let x = 1;"));
        assert_eq!(plan.code.lines().nth(5), Some("x"));
    }

    #[test]
    fn a_dependency_may_go_on_over_lines() {
        let text = ":dep a = { version = \"1\", features = [\n  \"x\", # ]\n] }\n:dep b\nlet y = 1;";
        let plan = plan(text).expect("a plan");
        let rest = plan.steps[0].dependency().expect("a dependency");
        assert!(rest.ends_with("\n] }") && plan.directives().count() == 2, "{plan:?}");
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
            assert!(plan(code).expect("a plan").directives().count() == 0, "{code}");
        }
    }

    #[test]
    fn a_name_that_is_known_is_rust() {
        let shell = |text: &str| {
            let plan = plan_with(text, &|name| name == "done").expect("a plan");
            plan.directives().any(|d| matches!(d, Directive::Shell(_)))
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
        let found: Vec<&Directive> = p.directives().collect();
        assert_eq!(*found[0], Directive::Shell("ls -l | wc".into()));
        assert_eq!(*found[1], Directive::Describe { name: "Vec".into(), detail: true });
        assert_eq!(p.magics, [Magic::Time]);
        let p = plan("%%writefile a.txt\n:not a directive\n").expect("a plan");
        assert_eq!((p.directives().count(), p.text.as_str()), (0, ":not a directive\n"));
        assert!(plan("%%nothing").is_err() && plan("let a = 1;\n%%bash\nls").is_err());
        let bench = plan("// two ways\n%%bench é f(1)\nlet f = 1;").expect("a plan");
        let Magic::Measured(Measure::Compare(found)) = &bench.magics[0] else { panic!("{bench:?}") };
        assert_eq!(&"// two ways\n%%bench é f(1)"[found[1].offset..], "f(1)");
        assert!(plan("let a = 1;\n%%timeit\na").is_err() && plan("%%timeit\n%%bench a b\na").is_err());
        let line = plan(":vars\n  %timeit -n 5 v.len()\n1").expect("a plan");
        let Some(Directive::Wrapped { magic, code }) = line.directives().nth(1) else { panic!("{line:?}") };
        assert_eq!(*magic, Magic::Measured(Measure::Time { loops: 5, repeats: 0 }));
        assert_eq!((code.trim(), code.find("v.len()")), ("v.len()", Some(21)));
        assert_eq!(plan("%%sh\nls").expect("a plan").raw, Some(("%%sh".into(), String::new())));
        assert_eq!(plan("%%bash\n:vars").expect("a plan").text, ":vars");
    }

    /// The order of steps: `c` for code, and names of directives.
    fn order(text: &str) -> String {
        let plan = plan(text).expect("a plan");
        let word = |step: &Step| match &step.what {
            What::Code(code) => {
                assert_eq!(code.len(), text[..code.len()].len(), "code keeps its place");
                format!("c{}", step.line)
            }
            What::Directive(Directive::Named { name, .. }) => format!("{name}{}", step.line),
            What::Directive(Directive::Wrapped { code, .. }) => format!("<{}>", code.trim()),
            What::Directive(_) => "!".to_owned(),
        };
        plan.steps.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn directives_happen_where_they_stand() {
        assert_eq!(order("fn f() {}\n%timeit f()"), "c1 <f()>");
        assert_eq!(order("let x = 1;\n\n:vars\n// done\nlet y = x;\n!ls\ny"), "c1 vars3 c5 ! c7");
        assert_eq!(order("// only a comment\n:vars\nx"), "vars2 c3");
        assert_eq!(order("/* never closed\n:vars"), "c1");
        assert_eq!(order(":vars"), "vars1");
        assert_eq!(order("%time let v = f();\nv"), "<let v = f();> c2");
        // What is measured as a whole stays whole.
        assert_eq!(order("%%timeit\nlet a = 1;\n:vars\na"), "vars3 c2");
    }

    #[test]
    fn dependencies_come_before_all_code() {
        assert_eq!(order("use a::b;\n:dep a\nb()"), "dep2 c1");
        assert_eq!(order(":offline on\nlet x = 1;\n:vars\n:dep a\n:dep b\nx"), "offline1 dep4 dep5 c2 vars3 c6");
    }
}
