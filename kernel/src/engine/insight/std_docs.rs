//! Keywords, standard macros and prelude names with a sentence each. Tables only.

/// Keywords.
pub(super) const KEYWORDS: &[(&str, &str)] = &[
    (
        "as",
        "Convert between primitive types, or rename an import.",
    ),
    ("async", "A block or function that gives a future."),
    ("await", "Wait for a future: `future.await`."),
    ("break", "Leave a loop, with a value from `loop`."),
    (
        "const",
        "A constant, or a function that can run while compiling.",
    ),
    ("continue", "Go on with the next round of a loop."),
    ("crate", "The crate at hand."),
    (
        "dyn",
        "A value of any type that has a trait: `Box<dyn Trait>`.",
    ),
    ("else", "What to do when an `if` or `let` does not hold."),
    ("enum", "A type that is one of several variants."),
    ("extern", "Foreign functions."),
    ("false", "The `bool` that is not true."),
    ("fn", "A function."),
    ("for", "Go through an iterator: `for x in xs { … }`."),
    ("if", "Decide by a condition or a pattern."),
    (
        "impl",
        "Give a type methods or a trait, or name a type by its trait.",
    ),
    ("in", "Part of `for`."),
    ("let", "Bind a value to a name."),
    ("loop", "Repeat until `break`."),
    ("match", "Decide by patterns."),
    ("mod", "A module."),
    ("move", "A closure that takes what it uses."),
    (
        "mut",
        "A name or reference through which a value can be changed.",
    ),
    ("pub", "Visible outside its module."),
    ("ref", "Bind by reference in a pattern."),
    ("return", "Leave a function with a value."),
    ("self", "The value a method is called on."),
    ("Self", "The type at hand."),
    ("static", "A variable that lives as long as the program."),
    ("struct", "A type with fields."),
    ("super", "The module above."),
    ("trait", "What several types can do."),
    ("true", "The `bool` that is true."),
    ("type", "Another name for a type."),
    ("unsafe", "Code whose safety the compiler cannot check."),
    ("use", "Bring names into scope."),
    ("where", "Conditions on generic types."),
    ("while", "Repeat as long as a condition holds."),
];

/// Macros of the standard library, with how they are called.
pub(super) const MACROS: &[(&str, &str, &str)] = &[
    ("println", "println!(\"{x}\")", "Print a line."),
    ("print", "print!(\"{x}\")", "Print."),
    (
        "eprintln",
        "eprintln!(\"{x}\")",
        "Print a line to standard error.",
    ),
    ("eprint", "eprint!(\"{x}\")", "Print to standard error."),
    ("format", "format!(\"{x}\") -> String", "Text from values."),
    ("vec", "vec![1, 2] or vec![0.0; n]", "A `Vec` of values."),
    (
        "assert",
        "assert!(condition, \"message\")",
        "Panic unless a condition holds.",
    ),
    (
        "assert_eq",
        "assert_eq!(left, right)",
        "Panic unless two values are equal.",
    ),
    (
        "assert_ne",
        "assert_ne!(left, right)",
        "Panic if two values are equal.",
    ),
    (
        "debug_assert",
        "debug_assert!(condition)",
        "Panic unless a condition holds, with checks on.",
    ),
    ("panic", "panic!(\"message\")", "Stop with a message."),
    ("todo", "todo!()", "Code to come; panics."),
    (
        "unimplemented",
        "unimplemented!()",
        "Code that is not there; panics.",
    ),
    (
        "unreachable",
        "unreachable!()",
        "Code that is never reached; panics.",
    ),
    (
        "dbg",
        "dbg!(x)",
        "Print a value with its place, and give it back.",
    ),
    ("write", "write!(sink, \"{x}\")", "Format into a sink."),
    (
        "writeln",
        "writeln!(sink, \"{x}\")",
        "Format a line into a sink.",
    ),
    (
        "matches",
        "matches!(x, Some(1..=9))",
        "Whether a value fits a pattern.",
    ),
    (
        "include_str",
        "include_str!(\"file\")",
        "A file's text, read while compiling.",
    ),
    (
        "include_bytes",
        "include_bytes!(\"file\")",
        "A file's bytes, read while compiling.",
    ),
    ("concat", "concat!(\"a\", 1)", "Literals as one text."),
    ("stringify", "stringify!(a + b)", "Code as text."),
    (
        "env",
        "env!(\"NAME\")",
        "An environment variable while compiling.",
    ),
    (
        "option_env",
        "option_env!(\"NAME\")",
        "An environment variable while compiling, if it is set.",
    ),
    ("line", "line!()", "The line number."),
    ("file", "file!()", "The file's name."),
    (
        "cfg",
        "cfg!(feature = \"x\")",
        "Whether a configuration is set.",
    ),
    (
        "thread_local",
        "thread_local! { static X: Cell<u32> = … }",
        "A variable of each thread.",
    ),
    ("macro_rules", "macro_rules! name { … }", "Define a macro."),
];

/// Names that every Rust program has, with their kind, page and a sentence.
pub(super) const PRELUDE: &[(&str, &str, &str, &str)] = &[
    (
        "Some",
        "variant",
        "std/option/enum.Option.html#variant.Some",
        "An `Option` with a value.",
    ),
    (
        "None",
        "variant",
        "std/option/enum.Option.html#variant.None",
        "An `Option` without a value.",
    ),
    (
        "Ok",
        "variant",
        "std/result/enum.Result.html#variant.Ok",
        "A `Result` with a value.",
    ),
    (
        "Err",
        "variant",
        "std/result/enum.Result.html#variant.Err",
        "A `Result` with an error.",
    ),
    (
        "drop",
        "function",
        "std/mem/fn.drop.html",
        "End a value now.",
    ),
    (
        "Default",
        "trait",
        "std/default/trait.Default.html",
        "Types with a default value.",
    ),
    (
        "Clone",
        "trait",
        "std/clone/trait.Clone.html",
        "Values that can be duplicated.",
    ),
    (
        "Copy",
        "trait",
        "std/marker/trait.Copy.html",
        "Values that are copied, not moved.",
    ),
    (
        "Debug",
        "macro",
        "std/fmt/derive.Debug.html",
        "Derive `{:?}`.",
    ),
    (
        "PartialEq",
        "trait",
        "std/cmp/trait.PartialEq.html",
        "Values that can be compared with `==`.",
    ),
    (
        "Eq",
        "trait",
        "std/cmp/trait.Eq.html",
        "Values with full equality.",
    ),
    (
        "PartialOrd",
        "trait",
        "std/cmp/trait.PartialOrd.html",
        "Values that can be compared with `<`.",
    ),
    (
        "Ord",
        "trait",
        "std/cmp/trait.Ord.html",
        "Values with an order.",
    ),
    (
        "Hash",
        "trait",
        "std/hash/trait.Hash.html",
        "Values that can be hashed.",
    ),
    (
        "Send",
        "trait",
        "std/marker/trait.Send.html",
        "Values that may go to another thread.",
    ),
    (
        "Sync",
        "trait",
        "std/marker/trait.Sync.html",
        "Values that threads may share.",
    ),
    (
        "Fn",
        "trait",
        "std/ops/trait.Fn.html",
        "Functions and closures.",
    ),
    (
        "FnMut",
        "trait",
        "std/ops/trait.FnMut.html",
        "Closures that change what they captured.",
    ),
    (
        "FnOnce",
        "trait",
        "std/ops/trait.FnOnce.html",
        "Closures that are called once.",
    ),
    (
        "From",
        "trait",
        "std/convert/trait.From.html",
        "Conversion from another type.",
    ),
    (
        "Into",
        "trait",
        "std/convert/trait.Into.html",
        "Conversion into another type.",
    ),
    (
        "TryFrom",
        "trait",
        "std/convert/trait.TryFrom.html",
        "Conversion that may fail.",
    ),
    (
        "AsRef",
        "trait",
        "std/convert/trait.AsRef.html",
        "Cheap references to another type.",
    ),
    (
        "ToString",
        "trait",
        "std/string/trait.ToString.html",
        "Values as text.",
    ),
    (
        "ToOwned",
        "trait",
        "std/borrow/trait.ToOwned.html",
        "Borrowed values as owned ones.",
    ),
    (
        "IntoIterator",
        "trait",
        "std/iter/trait.IntoIterator.html",
        "What can become an iterator.",
    ),
    (
        "FromIterator",
        "trait",
        "std/iter/trait.FromIterator.html",
        "What can be collected into.",
    ),
    (
        "Future",
        "trait",
        "std/future/trait.Future.html",
        "A value to come.",
    ),
    (
        "Sized",
        "trait",
        "std/marker/trait.Sized.html",
        "Types of a known size.",
    ),
];

/// Primitive types, and types of the prelude that `std_types` describes.
pub(super) const TYPES: &[&str] = &[
    "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
    "u32", "u64", "u128", "usize", "String", "Vec", "Option", "Result", "Box", "Iterator",
];
