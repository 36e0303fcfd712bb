//! Which functions are compiled along with the cells that call them, so that the caller's constants reach
//! their loops: those that are short and call nothing that is long to compile. It adds an attribute and
//! judges texts; what it costs and what it gains is in docs/decisions.md.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Block, ImplItem, Item, Signature, TraitItem};

/// Tokens of the longest body: a matrix product with three loops has about 100.
const LONGEST: usize = 170;
/// Closures are code of their own.
const CLOSURES: usize = 2;

/// Macros that expand to little.
const LIGHT_MACROS: [&str; 8] =
    ["vec", "matches", "assert", "debug_assert", "panic", "unreachable", "todo", "unimplemented"];

/// What takes rustc long wherever it is called.
const HEAVY: [&str; 44] = [
    "collect",
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
    !weight.heavy && weight.tokens <= LONGEST && weight.bars / 2 <= CLOSURES
}

#[derive(Default)]
struct Weight {
    tokens: usize,
    bars: usize,
    heavy: bool,
}

impl Weight {
    fn add(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            self.tokens += 1;
            match token {
                TokenTree::Group(group) => self.add(group.stream()),
                TokenTree::Punct(p) => self.bars += usize::from(p.as_char() == '|'),
                TokenTree::Ident(word) => {
                    let word = word.to_string();
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
