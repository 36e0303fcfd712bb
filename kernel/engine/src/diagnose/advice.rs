//! What to write instead, for variables that cannot be kept. Every piece of code shown here can
//! stand in the cell as it is, save for the closure's own parameters.

use super::types::{TypeKind, shorten};

/// How the user can keep the variable `name`, whose type is of the kind `kind`: a sentence and
/// the code to write, in backticks. Empty for a type that needs no advice.
pub fn advice(name: &str, kind: &TypeKind) -> String {
    match kind {
        TypeKind::Nameable(_) => String::new(),
        TypeKind::Closure => format!(
            "`{name}` is a closure, whose type has no name that a later cell could use. Box it: \
             `let {name}: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);` (with your own parameters), or bind the \
             closure itself by a `let` of its own"
        ),
        TypeKind::AsyncClosure => format!(
            "`{name}` is an async closure, whose type has no name that a later cell could use. Write a function: \
             `async fn {name}(x: i32) -> i32 {{ x + 1 }}`"
        ),
        TypeKind::FnItem { signature } => format!(
            "`{name}` has a function's own type, which has no name. Keep a function pointer: \
             `let {name}: {} = {name};`",
            shorten(signature)
        ),
        TypeKind::Future => format!(
            "`{name}` is a future, whose type has no name that a later cell could use. Keep its value: \
             `let {name} = {name}.await;`, or box it: `let {name} = Box::pin({name}) as \
             std::pin::Pin<Box<dyn Future<Output = _>>>;`"
        ),
        TypeKind::Opaque { bounds } if bounds.starts_with("Iterator") || bounds.contains("Iterator<") => {
            format!(
                "`{name}` is an `impl {bounds}`, a type without a name. Keep its items: \
             `let {name}: Vec<_> = {name}.collect();`"
            )
        }
        TypeKind::Opaque { bounds } => format!(
            "`{name}` is an `impl {bounds}`, a type without a name. Box it: \
             `let {name}: Box<dyn {}> = Box::new({name});`",
            bounds.replace(" + use<>", "")
        ),
        TypeKind::LazyIterator => format!(
            "`{name}` is an iterator that has not run yet; its type has no name that a later cell could use. Keep its \
             items: `let {name}: Vec<_> = {name}.collect();`"
        ),
        TypeKind::Contains { outer } if outer.is_empty() => {
            format!(
                "the type of `{name}` has no name that a later cell could use; use `{name}` in the cell that makes it"
            )
        }
        TypeKind::Contains { outer } => format!(
            "`{name}` is a `{outer}` with a closure, a future or another type without a name inside. Box what is \
             inside, such as `Box<dyn Fn(i32) -> i32>` for a closure, or use `{name}` in the cell that makes it"
        ),
        TypeKind::Borrow { of } => borrow(name, of),
    }
}

/// A variable that borrows, whose type is not known yet.
pub fn borrowed(name: &str) -> String {
    advice(name, &TypeKind::Borrow { of: "&T".to_owned() })
}

/// A variable that borrows from a value without a name.
pub fn ended(name: &str) -> String {
    format!(
        "`{name}` borrows from a value that ends with its statement. Bind that value by a `let` of its own, which a later \
         cell can borrow from"
    )
}

/// A variable that something else still borrows from when the cell ends, whose drop uses it.
pub fn held(name: &str, by: &str) -> String {
    let by = if by.is_empty() { "another value of the cell".to_owned() } else { format!("a `{by}` of the cell") };
    format!(
        "{by} borrows from `{name}` until the cell ends. Drop it before, or put what needs it into a block: `{{ … }}`"
    )
}

/// A value that could be kept in a box, if it borrowed nothing that ends with the cell.
pub fn unboxed(name: &str) -> String {
    format!(
        "`{name}` uses values that end with this cell. Give it its own: `move` before the closure's parameters takes them \
         over, and `let {name} = {{ let v = v.clone(); move |i: usize| v[i] }};` a copy (with your own names)"
    )
}

/// A variable of an earlier cell would come to hold what ends with this one.
pub fn outlived(name: &str) -> String {
    format!(
        "`{name}` ends with this cell, and variables of earlier cells live longer: let them own what they hold (`Vec<String>` \
         for `Vec<&str>`), or make the one that holds it in this cell"
    )
}

/// A variable that borrows and may change, which a cell has used.
pub fn used(name: &str, cell: u32) -> String {
    format!(
        "`{name}` borrows, so what [{cell}] has made of it was not kept. Make it again, or use it in one cell; an iterator's items \
         can be kept: `let {name}: Vec<_> = {name}.collect();`"
    )
}

/// An error in a closure of an earlier cell.
pub fn made_again(closure: &str) -> String {
    format!("`{closure}` is made again, from its text, in each cell that mentions it, with the items of then")
}

/// A closure of an earlier cell borrows a variable that its cell changes.
pub fn borrowing(closure: &str, name: &str) -> String {
    format!(
        "`{closure}` borrows `{name}` from the beginning of the cell to its own last use; change `{name}` after that, or in \
         another cell"
    )
}

/// A variable without which the cell compiles.
pub fn not_kept(name: &str) -> String {
    format!("`{name}` cannot outlive the cell that makes it; use it there, or own what it borrows")
}

fn borrow(name: &str, type_text: &str) -> String {
    let short = shorten(type_text)
        .replace("cells::", "")
        .replace("'static ", "")
        .replace("<'static>", "")
        .replace("<'_>", "")
        .replace("'_, ", "")
        .replace("'static, ", "");
    let head = format!("`{name}` (`{short}`) borrows from a value that ends with this cell. ");
    if let Some(target) = short.strip_prefix("&mut ") {
        return format!(
            "`{name}` (`{short}`) borrows a variable, and no borrow outlives its cell. Write `&mut …` again in the cell \
             that needs it, or own the value: `let {name} = {};`",
            owned(name, target)
        );
    }
    if let Some(target) = short.strip_prefix('&') {
        return format!("{head}Own it: `let {name} = {};`", owned(name, target));
    }
    let base = short.split('<').next().unwrap_or_default();
    let code = match base {
        "Option" if short.contains("&str") => format!("{name}.map(str::to_string)"),
        "Option" => format!("{name}.cloned()"),
        "Cow" => format!("{name}.into_owned()"),
        "Vec" if short == "Vec<&str>" => {
            format!("{name}.into_iter().map(String::from).collect::<Vec<String>>()")
        }
        "Vec" if short.starts_with("Vec<&") => {
            format!("{name}.into_iter().cloned().collect::<Vec<_>>()")
        }
        "MutexGuard" | "RwLockReadGuard" | "RwLockWriteGuard" | "Ref" | "RefMut" => {
            return format!("{head}A lock is held for one cell at most: take it again in the cell that needs it");
        }
        "std::slice::Iter" | "Iter" | "Keys" | "Values" => {
            return format!(
                "{head}Keep its items: `let {name}: Vec<_> = {name}.cloned().collect();`, or make it again in the \
                 cell that needs it"
            );
        }
        "Lines" | "SplitWhitespace" | "Split" | "SplitN" => {
            return format!(
                "{head}Keep its items: `let {name}: Vec<String> = {name}.map(String::from).collect();`, or make it \
                 again in the cell that needs it"
            );
        }
        "Chars" | "CharIndices" | "Bytes" => {
            return format!(
                "{head}Keep its items: `let {name}: Vec<_> = {name}.collect();`, or make it again in the cell that \
                 needs it"
            );
        }
        _ => {
            return format!(
                "{head}Keep owned values in it (`String` for `&str`, `Vec<T>` for `&[T]`, a clone for `&T`), or make it again in the cell that needs it"
            );
        }
    };
    format!("{head}Own it: `let {name} = {code};`")
}

fn owned(name: &str, target: &str) -> String {
    if target == "str" {
        format!("{name}.to_string()")
    } else if target.starts_with('[') && !target.contains(';') {
        format!("{name}.to_vec()")
    } else if target.contains("Path") && !target.contains("PathBuf") {
        format!("{name}.to_path_buf()")
    } else if target.starts_with("dyn ") || target.starts_with("(dyn ") {
        format!("Box::new(/* the value itself */) as Box<{}>", target.trim_matches(['(', ')']))
    } else {
        format!("{name}.clone()")
    }
}
