//! Which functions are compiled along with the cells that call them, so that the caller's constants reach
//! their loops: those that are short and call nothing that is long to compile. It adds an attribute and
//! judges texts; what it costs and what it gains is in docs/decisions.md.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Block, ImplItem, Item, Signature, TraitItem};

/// Tokens of the longest body: a matrix product with three loops has about 100.
const LONGEST: usize = 170;
/// Tokens of the longest body with a loop in a loop, which is what a program spends its time in: one step of n bodies has about 240.
const LONGEST_NESTED: usize = 300;
/// Closures are code of their own.
const CLOSURES: usize = 2;

/// Macros that expand to little.
const LIGHT_MACROS: [&str; 8] =
    ["vec", "matches", "assert", "debug_assert", "panic", "unreachable", "todo", "unimplemented"];

/// What takes rustc long wherever it is called.
const HEAVY: [&str; 43] = [
    "to_string",
    "to_owned",
    "format",
    "entry",
    "insert",
    "extend",
    "join",
    "concat",
    "lines",
    "chars",
    "parse",
    "push_str",
    "retain",
    "drain",
    "flat_map",
    "flatten",
    "group_by",
    "partition",
    "spawn",
    "send",
    "recv",
    "lock",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "VecDeque",
    "String",
    "Regex",
    "Command",
    "File",
    "thread",
    "rayon",
    "par",
    "progress",
    "plot",
    "random",
    "Instant",
    "select_nth_unstable",
    "unzip",
    "from_fn",
    "async",
];

/// Beginnings of such names.
const HEAVY_STARTS: [&str; 10] =
    ["sort", "par_", "into_par", "split", "read", "write", "print", "dedup", "binary_search", "chunk_by"];

/// Where `#[inline]` goes.
pub fn edits(item: &Item) -> Vec<(Range<usize>, &'static str)> {
    if let Item::Mod(module) = item {
        return module.content.iter().flat_map(|(_, items)| items).flat_map(edits).collect();
    }
    let mut found = Vec::new();
    let mut function = |attributes: &[Attribute], signature: &Signature, block: &Block, whole: Range<usize>| {
        if is_light(attributes, signature, block) {
            found.push((whole.start..whole.start, "#[inline] "));
        }
    };
    match item {
        Item::Fn(f) => function(&f.attrs, &f.sig, &f.block, f.span().byte_range()),
        Item::Impl(i) => {
            for member in &i.items {
                if let ImplItem::Fn(f) = member {
                    function(&f.attrs, &f.sig, &f.block, f.span().byte_range());
                }
            }
        }
        Item::Trait(t) => {
            for member in &t.items {
                if let TraitItem::Fn(f) = member
                    && let Some(block) = &f.default
                {
                    function(&f.attrs, &f.sig, block, f.span().byte_range());
                }
            }
        }
        _ => {}
    }
    found
}

fn is_light(attributes: &[Attribute], signature: &Signature, block: &Block) -> bool {
    // What has a word of its own on how it is compiled keeps it.
    let spoken = attributes.iter().any(|a| !["doc", "allow", "must_use"].iter().any(|known| a.path().is_ident(known)));
    if spoken || signature.abi.is_some() || signature.asyncness.is_some() || signature.variadic.is_some() {
        return false;
    }
    let mut weight = Weight::default();
    weight.add(block.to_token_stream());
    let longest = if weight.nested { LONGEST_NESTED } else { LONGEST };
    let heavy = weight.heavy || weight.collects && !weight.nested;
    !heavy && weight.tokens <= longest && weight.bars / 2 <= CLOSURES
}

#[derive(Default)]
struct Weight {
    tokens: usize,
    bars: usize,
    heavy: bool,
    /// Makes a collection, which takes some milliseconds: little beside a loop in a loop.
    collects: bool,
    /// A loop stands in a loop.
    nested: bool,
    /// In how many loops the tokens are that come.
    loops: usize,
}

impl Weight {
    fn add(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // between the word of a loop and its body
        let mut begun = false;
        for (at, token) in tokens.iter().enumerate() {
            self.tokens += 1;
            match token {
                TokenTree::Group(group) => {
                    let body = begun && group.delimiter() == Delimiter::Brace;
                    begun &= !body;
                    self.loops += usize::from(body);
                    self.add(group.stream());
                    self.loops -= usize::from(body);
                }
                TokenTree::Punct(p) => self.bars += usize::from(p.as_char() == '|'),
                TokenTree::Ident(word) => {
                    let word = word.to_string();
                    if ["for", "while", "loop"].contains(&word.as_str()) {
                        begun = true;
                        self.nested |= self.loops > 0;
                    }
                    self.collects |= word == "collect";
                    let called = matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!')
                        && matches!(tokens.get(at + 2), Some(TokenTree::Group(_)));
                    self.heavy |= called && !LIGHT_MACROS.contains(&word.as_str())
                        || HEAVY.contains(&word.as_str())
                        || HEAVY_STARTS.iter().any(|start| word.starts_with(start));
                }
                TokenTree::Literal(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(code: &str) -> usize {
        edits(&syn::parse_str(code).expect("an item")).len()
    }

    #[test]
    fn short_loops_are_compiled_along() {
        let product = "fn f(a: &[f64], b: &[f64], n: usize) -> Vec<f64> { let mut c = vec![0.0; n * n]; for i in 0..n { for j in 0..n { let mut s = 0.0; for k in 0..n { s += a[i*n+k] * b[k*n+j]; } c[i*n+j] = s; } } c }";
        assert_eq!(count(product), 1);
        assert_eq!(count("fn f(v: &[f64]) -> f64 { v.iter().map(|x| x * x).sum::<f64>().sqrt() }"), 1);
        assert_eq!(count("mod m { pub fn f(x: f64) -> f64 { x } mod n { fn g() {} } }"), 2);
        assert_eq!(count("impl P { fn a(&self) -> f64 { self.x } fn b(&self) -> String { format!(\"x\") } }"), 1);
    }

    #[test]
    fn loops_in_loops_may_be_longer() {
        let body = vec!["x"; 60].join(" + ");
        let nested = format!(
            "fn f(n: usize, x: f64) -> f64 {{ let v: Vec<f64> = (0..n).map(g).collect(); let mut s = v[0]; for i in 0..n {{ while s < 9.0 {{ s += {body}; }} }} s }}"
        );
        assert_eq!(count(&nested), 1);
        assert_eq!(count(&nested.replace("while s < 9.0", "if s < 9.0")), 0, "one loop");
        assert_eq!(count(&nested.replace(&body, &vec!["x"; 150].join(" + "))), 0, "too long");
        assert_eq!(
            count("fn f(n: usize) { for i in 0..n { g(i); } for i in 0..n { let v: Vec<_> = (0..i).collect(); } }"),
            0
        );
    }

    #[test]
    fn what_takes_long_is_compiled_once() {
        assert_eq!(count("fn f(n: usize) -> Vec<usize> { (0..n).collect() }"), 0);
        assert_eq!(count("fn f(v: &mut [f64]) { v.sort_by(|a, b| a.total_cmp(b)) }"), 0);
        assert_eq!(count("fn f() { println!(\"x\") }"), 0);
        assert_eq!(count("#[inline(never)] fn f() {}"), 0);
        assert_eq!(count("extern \"C\" fn f() {}"), 0);
        let long = format!("fn f(x: f64) -> f64 {{ {} }}", vec!["x"; 120].join(" + "));
        assert_eq!(count(&long), 0);
    }
}
