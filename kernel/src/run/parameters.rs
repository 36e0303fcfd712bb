//! Values for a notebook's parameters, as papermill has them: the cell tagged `parameters` binds names to
//! literals, and a cell that binds them anew is put behind it. A value is written as the one it replaces:
//! what surrounds the literal (`String::from`, `Some`, `Duration::from_secs`) and its type stay.

use serde_json::Value;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Expr, Item, Lit, Pat, Stmt, Type};

/// A binding of the tagged cell.
struct Binding {
    name: String,
    /// What stands before the value, and behind.
    before: String,
    type_: Option<Type>,
    value: Expr,
}

/// A value from the command line, or from a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// As it was typed.
    Text(String),
    /// From a JSON file.
    Json(Value),
}

/// The text of a cell that binds these names to other values.
///
/// # Errors
/// A sentence for the user: a name that the cell does not bind, or a value that does not fit.
pub(super) fn injected(cell: &str, given: &[(String, Given)]) -> Result<String, String> {
    let bindings = bindings(cell)?;
    let mut lines = vec!["// Parameters".to_owned()];
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in given {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let Some(binding) = bindings.iter().rev().find(|b| b.name == *name) else {
            let known: Vec<String> = bindings.iter().map(|b| format!("`{}`", b.name)).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            return Err(format!("the cell tagged `parameters` binds no `{name}`; it binds {known}"));
        };
        // The last one counts, as everywhere on a command line.
        let Some((_, value)) = given.iter().rev().find(|(n, _)| n == name) else { continue };
        let text = written(&binding.value, binding.type_.as_ref(), value)
            .map_err(|why| format!("the parameter `{name}` is `{}`: {why}", shown(&binding.value, cell)))?;
        lines.push(format!("{}{text};", binding.before));
    }
    Ok(lines.join("\n"))
}

fn bindings(cell: &str) -> Result<Vec<Binding>, String> {
    let is_directive = |line: &str| line.trim_start().starts_with([':', '%', '!', '?']);
    let blank = |line: &str| if is_directive(line) { " ".repeat(line.len()) } else { line.to_owned() };
    let code: Vec<String> = cell.split('\n').map(blank).collect();
    let code = code.join("\n");
    let statements = syn::Block::parse_within
        .parse_str(&code)
        .map_err(|e| format!("the cell tagged `parameters` cannot be read: {e} (line {})", e.span().start().line))?;
    let mut found = Vec::new();
    for statement in statements {
        let start = statement.span().byte_range().start;
        let (name, type_, value) = match statement {
            Stmt::Local(local) => {
                let Some(init) = local.init.filter(|init| init.diverge.is_none()) else { continue };
                let (pattern, type_) = match local.pat {
                    Pat::Type(typed) => (*typed.pat, Some(*typed.ty)),
                    other => (other, None),
                };
                let Pat::Ident(name) = pattern else { continue };
                (name.ident.to_string(), type_, *init.expr)
            }
            Stmt::Item(Item::Const(c)) => (c.ident.to_string(), Some(*c.ty), *c.expr),
            Stmt::Item(Item::Static(s)) => (s.ident.to_string(), Some(*s.ty), *s.expr),
            _ => continue,
        };
        let before = code[start..value.span().byte_range().start].to_owned();
        found.push(Binding { name, before, type_, value });
    }
    Ok(found)
}

fn shown<'a>(value: &Expr, cell: &'a str) -> &'a str {
    cell.get(value.span().byte_range()).unwrap_or("another value")
}

/// A value in the form of the one that it replaces.
fn written(old: &Expr, type_: Option<&Type>, given: &Given) -> Result<String, String> {
    match old {
        Expr::Lit(literal) => scalar(&literal.lit, type_, given),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => written(&unary.expr, type_, given),
        Expr::Paren(inner) => written(&inner.expr, type_, given),
        Expr::Group(inner) => written(&inner.expr, type_, given),
        Expr::Reference(inner) => {
            let type_ = match type_ {
                Some(Type::Reference(r)) => Some(&*r.elem),
                _ => None,
            };
            Ok(format!("&{}", written(&inner.expr, type_, given)?))
        }
        Expr::Path(path) if path.path.is_ident("None") => {
            let Some(inner) = type_.and_then(argument) else { return Err(untyped("`None`", "Option<f64>")) };
            option(None, inner, given)
        }
        Expr::Call(call) => {
            let function = path_text(&call.func);
            match (function.as_str(), call.args.first()) {
                ("Some", Some(inner)) => match type_.and_then(argument) {
                    Some(type_) => option(Some(inner), type_, given),
                    None if is_none(given) => Err("`None` needs a type there: `let x: Option<f64> = …`".to_owned()),
                    None => Ok(format!("Some({})", written(inner, None, given)?)),
                },
                ("String::new", None) => Ok(format!("String::from({:?})", text(given)?)),
                ("Vec::new", None) => {
                    let Some(item) = type_.and_then(argument) else { return Err(untyped("`Vec::new()`", "Vec<f64>")) };
                    Ok(format!("vec![{}]", list(None, Some(item), given)?))
                }
                (_, Some(inner)) if call.args.len() == 1 => Ok(format!("{function}({})", written(inner, None, given)?)),
                _ => Err(not_literal()),
            }
        }
        Expr::MethodCall(call) if call.args.is_empty() => {
            Ok(format!("{}.{}()", written(&call.receiver, None, given)?, call.method))
        }
        Expr::Array(array) => {
            let item = match type_ {
                Some(Type::Array(a)) => Some(&*a.elem),
                Some(Type::Slice(s)) => Some(&*s.elem),
                _ => None,
            };
            Ok(format!("[{}]", list(array.elems.first(), item, given)?))
        }
        Expr::Macro(call) if call.mac.path.is_ident("vec") => {
            let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
            let items = parser.parse2(call.mac.tokens.clone()).map_err(|_| not_literal())?;
            Ok(format!("vec![{}]", list(items.first(), type_.and_then(argument), given)?))
        }
        _ => Err(not_literal()),
    }
}

fn not_literal() -> String {
    "only a literal can be set (a number, a bool, a text, `Some(…)`, a `vec![…]` of them)".to_owned()
}

fn untyped(what: &str, example: &str) -> String {
    format!("{what} does not say of what; write its type: `{example}`")
}

/// `T` of `Option<T>` and `Vec<T>`.
fn argument(type_: &Type) -> Option<&Type> {
    let Type::Path(path) = type_ else { return None };
    let syn::PathArguments::AngleBracketed(given) = &path.path.segments.last()?.arguments else { return None };
    match given.args.first()? {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

fn path_text(function: &Expr) -> String {
    quote::ToTokens::to_token_stream(function).to_string().replace(' ', "")
}

fn is_none(given: &Given) -> bool {
    match given {
        Given::Text(text) => ["None", "none", "null"].contains(&text.as_str()),
        Given::Json(value) => value.is_null(),
    }
}

fn option(old: Option<&Expr>, type_: &Type, given: &Given) -> Result<String, String> {
    if is_none(given) {
        return Ok("None".to_owned());
    }
    let inner = match old {
        Some(old) => written(old, Some(type_), given)?,
        None => of_type(type_, given)?,
    };
    Ok(format!("Some({inner})"))
}

/// The items of a list: `[1, 2]` as in JSON, or `1,2`.
fn list(old: Option<&Expr>, type_: Option<&Type>, given: &Given) -> Result<String, String> {
    let items: Vec<Given> = match given {
        Given::Json(Value::Array(items)) => items.iter().cloned().map(Given::Json).collect(),
        Given::Json(other) => return Err(format!("`{other}` is no list")),
        Given::Text(text) => match serde_json::from_str(text) {
            Ok(Value::Array(items)) => items.into_iter().map(Given::Json).collect(),
            _ if text.trim_start().starts_with('[') => {
                return Err(format!("`{text}` is no list; write it as `[1, 2]` or `[\"a\", \"b\"]`"));
            }
            _ => text.split(',').map(|item| Given::Text(item.trim().to_owned())).collect(),
        },
    };
    let one = |item: &Given| match (old, type_) {
        (Some(old), type_) => written(old, type_, item),
        (None, Some(type_)) => of_type(type_, item),
        (None, None) => Err(untyped("an empty list", "Vec<f64>")),
    };
    let items: Result<Vec<String>, String> = items.iter().map(one).collect();
    Ok(items?.join(", "))
}

/// A value where nothing but the type is known.
fn of_type(type_: &Type, given: &Given) -> Result<String, String> {
    let name = match type_ {
        Type::Path(path) => path.path.segments.last().map_or_else(String::new, |s| s.ident.to_string()),
        Type::Reference(r) => return of_type(&r.elem, given),
        _ => String::new(),
    };
    match name.as_str() {
        "String" => Ok(format!("String::from({:?})", text(given)?)),
        "str" => Ok(format!("{:?}", text(given)?)),
        "bool" => boolean(given),
        "f64" | "f32" => float(&name, "", given),
        _ if limits(&name).is_some() => integer(&name, "", given),
        _ => Err(not_literal()),
    }
}

fn scalar(old: &Lit, type_: Option<&Type>, given: &Given) -> Result<String, String> {
    let named = match type_ {
        Some(Type::Path(path)) => path.path.get_ident().map(ToString::to_string).unwrap_or_default(),
        _ => String::new(),
    };
    let kind = |suffix: &str| if suffix.is_empty() { named.clone() } else { suffix.to_owned() };
    match old {
        Lit::Str(_) => Ok(format!("{:?}", text(given)?)),
        Lit::Bool(_) => boolean(given),
        Lit::Int(number) if kind(number.suffix()).starts_with('f') => {
            float(&kind(number.suffix()), number.suffix(), given)
        }
        Lit::Int(number) => integer(&kind(number.suffix()), number.suffix(), given),
        Lit::Float(number) => float(&kind(number.suffix()), number.suffix(), given),
        Lit::Char(_) => {
            let text = text(given)?;
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(c), None) => Ok(format!("{c:?}")),
                _ => Err(format!("`{text}` is not one character")),
            }
        }
        _ => Err(not_literal()),
    }
}

/// A text; one in quotes is what they hold.
fn text(given: &Given) -> Result<String, String> {
    match given {
        Given::Text(text) if text.starts_with('"') => {
            Ok(syn::parse_str::<syn::LitStr>(text).map_or_else(|_| text.clone(), |literal| literal.value()))
        }
        Given::Text(text) => Ok(text.clone()),
        Given::Json(Value::String(text)) => Ok(text.clone()),
        Given::Json(other) => Err(format!("`{other}` is no text")),
    }
}

fn plain(given: &Given) -> String {
    match given {
        Given::Text(text) => text.trim().replace('_', ""),
        Given::Json(Value::String(text)) => format!("{text:?}"),
        Given::Json(other) => other.to_string(),
    }
}

fn boolean(given: &Given) -> Result<String, String> {
    match plain(given).as_str() {
        "true" | "True" => Ok("true".to_owned()),
        "false" | "False" => Ok("false".to_owned()),
        other => Err(format!("`{other}` is neither `true` nor `false`")),
    }
}

/// The least and the greatest number of a type.
fn limits(type_: &str) -> Option<(i128, i128)> {
    Some(match type_ {
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" => (i64::MIN.into(), i64::MAX.into()),
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX.into()),
        "i128" => (i128::MIN, i128::MAX),
        "u128" => (0, i128::MAX),
        _ => return None,
    })
}

fn integer(type_: &str, suffix: &str, given: &Given) -> Result<String, String> {
    let text = plain(given);
    let number: i128 = text.parse().map_err(|_| format!("`{text}` is no integer"))?;
    // Without a type it may be of any; a cell that uses it as another is refused by rustc.
    let (least, greatest) = limits(type_).unwrap_or((i64::MIN.into(), u64::MAX.into()));
    if number < least || number > greatest {
        let type_ = if type_.is_empty() { "an integer type" } else { type_ };
        return Err(format!("{number} does not fit into {type_}"));
    }
    Ok(format!("{number}{suffix}"))
}

fn float(type_: &str, suffix: &str, given: &Given) -> Result<String, String> {
    let text = plain(given);
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    let type_ = if type_ == "f32" { "f32" } else { "f64" };
    if number.is_nan() {
        return Ok(format!("{type_}::NAN"));
    }
    if number.is_infinite() {
        return Ok(format!("{type_}::{}INFINITY", if number < 0.0 { "NEG_" } else { "" }));
    }
    // `{:?}` writes what reads back as the same number, with a point or an exponent.
    Ok(format!("{number:?}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = ":dep rand\nlet n = 1000; // how many\nlet mut rate: f64 = 0.5;\nlet big = 7u64;\nlet name = \"x\";\n\
        let owned = String::from(\"a\");\nlet told = \"b\".to_string();\nlet on = true;\nlet maybe: Option<usize> = None;\n\
        let some = Some(1.5);\nlet list = vec![1, 2];\nlet names: Vec<String> = Vec::new();\nconst LIMIT: u8 = 3;\n\
        let wait = Duration::from_secs(5);\nlet less = -1;\nlet slice = &[0.5];\nlet sum = n + 1;\nlet (a, b) = (1, 2);";

    fn set(name: &str, value: &str) -> Result<String, String> {
        let text = injected(CELL, &[(name.to_owned(), Given::Text(value.to_owned()))])?;
        Ok(text.strip_prefix("// Parameters\n").unwrap_or(&text).to_owned())
    }

    #[test]
    fn values_are_written_as_those_that_they_replace() {
        for (name, value, line) in [
            ("n", "5", "let n = 5;"),
            ("n", "1_000", "let n = 1000;"),
            ("rate", "2", "let mut rate: f64 = 2.0;"),
            ("rate", "1e-9", "let mut rate: f64 = 1e-9;"),
            ("rate", "inf", "let mut rate: f64 = f64::INFINITY;"),
            ("big", "18446744073709551615", "let big = 18446744073709551615u64;"),
            ("name", "it's \"so\"", "let name = \"it's \\\"so\\\"\";"),
            ("name", "\"quoted\"", "let name = \"quoted\";"),
            ("owned", "5", "let owned = String::from(\"5\");"),
            ("told", "", "let told = \"\".to_string();"),
            ("on", "false", "let on = false;"),
            ("maybe", "4", "let maybe: Option<usize> = Some(4);"),
            ("maybe", "None", "let maybe: Option<usize> = None;"),
            ("some", "2", "let some = Some(2.0);"),
            ("list", "[3, 4]", "let list = vec![3, 4];"),
            ("list", "3,4", "let list = vec![3, 4];"),
            ("names", "a, b", "let names: Vec<String> = vec![String::from(\"a\"), String::from(\"b\")];"),
            ("LIMIT", "255", "const LIMIT: u8 = 255;"),
            ("wait", "9", "let wait = Duration::from_secs(9);"),
            ("less", "-7", "let less = -7;"),
            ("slice", "[1, 2]", "let slice = &[1.0, 2.0];"),
        ] {
            assert_eq!(set(name, value), Ok(line.to_owned()), "{name}={value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (name, value, said) in [
            ("n", "1.5", "`1.5` is no integer"),
            ("n", "many", "is `1000`: `many` is no integer"),
            ("LIMIT", "256", "256 does not fit into u8"),
            ("on", "1", "neither `true` nor `false`"),
            ("rate", "fast", "no number"),
            ("list", "[1, ", "is no list"),
            ("list", "1,x", "`x` is no integer"),
            ("some", "None", "needs a type"),
            ("sum", "3", "only a literal"),
            ("missing", "3", "binds no `missing`; it binds `n`, `rate`"),
            ("a", "3", "binds no `a`"),
        ] {
            let error = set(name, value).expect_err(name);
            assert!(error.contains(said), "{name}={value}: {error}");
        }
        assert!(injected("let x = ;", &[]).expect_err("no Rust").contains("line 1"));
        let json = |value| [("n".to_owned(), Given::Json(value))];
        assert_eq!(injected(CELL, &json(Value::from(3))), Ok("// Parameters\nlet n = 3;".to_owned()));
        assert!(injected(CELL, &json(Value::from("3"))).is_err());
    }
}
