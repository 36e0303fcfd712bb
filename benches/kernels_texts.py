"""The texts of `kernels.py`: for each kernel items, and a block whose value is printed. The same text is a
program and cells; nothing here says how it is measured."""

NEXT = "fn next(s: &mut u64) -> u64 { *s ^= *s << 13; *s ^= *s >> 7; *s ^= *s << 17; *s }\n"

# name -> (items, block)
KERNELS = {
    "integer loop": (
        "fn collatz(mut n: u64) -> u32 { let mut steps = 0; while n != 1 { n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 }; steps += 1; } steps }",
        "(1..400_000u64).map(collatz).max().unwrap()",
    ),
    "float loop": (
        "fn term(i: u64) -> f64 { let x = i as f64; 1.0 / (x * x + 1.0) }",
        "let mut sum = 0.0; for i in 0..60_000_000u64 { sum += term(i); } sum",
    ),
    "reduction of slices": (
        "fn dot(a: &[f64], b: &[f64]) -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() }",
        "let a: Vec<f64> = (0..20_000).map(f64::from).collect(); let b = a.clone(); let mut sum = 0.0; for _ in 0..4_000 { sum += dot(&a, std::hint::black_box(&b)); } sum",
    ),
    "matrix product": (
        "fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {\n"
        "    let mut c = vec![0.0; n * n];\n"
        "    for i in 0..n { for j in 0..n { let mut s = 0.0; for k in 0..n { s += a[i * n + k] * b[k * n + j]; } c[i * n + j] = s; } }\n    c\n}",
        "let n = 400; let a: Vec<f64> = (0..n * n).map(|i| (i % 7) as f64).collect(); let b: Vec<f64> = (0..n * n).map(|i| (i % 5) as f64).collect(); product(&a, &b, n).iter().sum::<f64>()",
    ),
    "matrix product, nested": (
        "fn nested(n: usize) -> Vec<Vec<f64>> { (0..n).map(|i| (0..n).map(|j| ((i * j) % 7) as f64).collect()).collect() }",
        "let n = 300; let (a, b) = (nested(n), nested(n)); let mut c = vec![vec![0.0; n]; n]; for i in 0..n { for k in 0..n { for j in 0..n { c[i][j] += a[i][k] * b[k][j]; } } } c.iter().flatten().sum::<f64>()",
    ),
    "stencil": (
        "fn step(from: &[f64], to: &mut [f64], n: usize) { for i in 1..n - 1 { for j in 1..n - 1 { let at = i * n + j; to[at] = 0.25 * (from[at - 1] + from[at + 1] + from[at - n] + from[at + n]); } } }",
        "let n = 600; let mut a: Vec<f64> = (0..n * n).map(|i| (i % 11) as f64).collect(); let mut b = a.clone(); for _ in 0..300 { step(&a, &mut b, n); std::mem::swap(&mut a, &mut b); } a.iter().sum::<f64>()",
    ),
    "FFT": (
        "#[derive(Clone, Copy)] struct C { re: f64, im: f64 }\n"
        "impl std::ops::Add for C { type Output = C; fn add(self, o: C) -> C { C { re: self.re + o.re, im: self.im + o.im } } }\n"
        "impl std::ops::Sub for C { type Output = C; fn sub(self, o: C) -> C { C { re: self.re - o.re, im: self.im - o.im } } }\n"
        "impl std::ops::Mul for C { type Output = C; fn mul(self, o: C) -> C { C { re: self.re * o.re - self.im * o.im, im: self.re * o.im + self.im * o.re } } }\n"
        "fn fft(v: &mut [C]) { let n = v.len(); if n == 1 { return; } let mut even: Vec<C> = v.iter().step_by(2).copied().collect(); let mut odd: Vec<C> = v.iter().skip(1).step_by(2).copied().collect(); fft(&mut even); fft(&mut odd);\n"
        "    for k in 0..n / 2 { let (s, c) = (-2.0 * std::f64::consts::PI * k as f64 / n as f64).sin_cos(); let t = C { re: c, im: s } * odd[k]; v[k] = even[k] + t; v[k + n / 2] = even[k] - t; } }",
        "let mut v: Vec<C> = (0..1usize << 18).map(|i| C { re: (i % 13) as f64, im: 0.0 }).collect(); fft(&mut v); v.iter().map(|c| c.re.abs()).sum::<f64>()",
    ),
    "sort of integers": (NEXT, "let mut s = 7; let mut v: Vec<u64> = (0..2_000_000).map(|_| next(&mut s)).collect(); v.sort_unstable(); v[1000]"),
    "sort of floats": (
        NEXT + "fn order(a: &f64, b: &f64) -> std::cmp::Ordering { a.total_cmp(b) }",
        "let mut s = 7; let mut v: Vec<f64> = (0..1_000_000).map(|_| next(&mut s) as f64).collect(); v.sort_by(order); v[1000]",
    ),
    "sort of strings": (NEXT, "let mut s = 7; let mut v: Vec<String> = (0..400_000).map(|_| format!(\"w{}\", next(&mut s) % 1_000_000)).collect(); v.sort(); v[1000].len() + v.len()"),
    "HashMap": (
        NEXT + "fn count(m: &mut std::collections::HashMap<u64, u32>, key: u64) { *m.entry(key).or_insert(0) += 1; }",
        "let mut s = 7; let mut m = std::collections::HashMap::new(); for _ in 0..3_000_000 { count(&mut m, next(&mut s) % 100_000); } m.values().max().copied().unwrap()",
    ),
    "BTreeMap": (NEXT, "let mut s = 7; let mut m = std::collections::BTreeMap::new(); for _ in 0..600_000 { let key = next(&mut s) % 1_000_000; *m.entry(key).or_insert(0u64) += key; } m.range(1000..900_000).map(|(k, v)| k ^ v).fold(0, |a, b| a ^ b)"),
    "strings": (
        "fn shout(word: &str) -> String { let mut t = String::new(); for c in word.chars().rev() { t.push(c.to_ascii_uppercase()); } t }",
        "let mut n = 0; for i in 0..1_000_000 { let word = [\"alpha\", \"beta\", \"gamma delta\"][i % 3]; n += shout(word).len(); } n",
    ),
    "formatting": ("fn line(i: u64) -> String { format!(\"{i:>8} {:.3}\", i as f64 / 7.0) }", "(0..500_000u64).map(|i| line(i).len()).sum::<usize>()"),
    "parsing": (
        "fn sum_of(line: &str) -> f64 { line.split(',').map(|x| x.trim().parse::<f64>().unwrap()).sum() }",
        "let line: String = (0..100).map(|i| format!(\"{}.{i}\", i * 3)).collect::<Vec<_>>().join(\", \"); let mut sum = 0.0; for _ in 0..30_000 { sum += sum_of(std::hint::black_box(&line)); } sum",
    ),
    "parsing of integers": (
        "fn total(text: &str) -> u64 { text.lines().map(|l| l.split_whitespace().filter_map(|x| x.parse::<u64>().ok()).sum::<u64>()).sum() }",
        "let text: String = (0..20_000).map(|i| format!(\"{i} {} x{i} {}\\n\", i * 3, i * 7)).collect(); let mut sum = 0; for _ in 0..40 { sum += total(std::hint::black_box(&text)); } sum",
    ),
    "words counted": (
        NEXT,
        "let mut s = 7; let text: String = (0..600_000).map(|_| format!(\"w{} \", next(&mut s) % 5_000)).collect(); let mut m: std::collections::HashMap<&str, usize> = std::collections::HashMap::new(); for w in text.split_whitespace() { *m.entry(w).or_default() += 1; } m.values().max().copied().unwrap()",
    ),
    "small boxes": ("struct Cell { value: u64 }\nfn boxed(value: u64) -> Box<Cell> { Box::new(Cell { value }) }", "let mut sum = 0; for i in 0..30_000_000u64 { let b = std::hint::black_box(boxed(i)); sum += b.value; } sum"),
    "tree of boxes": (
        "struct Node { left: Option<Box<Node>>, right: Option<Box<Node>> }\n"
        "fn grow(depth: u32) -> Option<Box<Node>> { (depth > 0).then(|| Box::new(Node { left: grow(depth - 1), right: grow(depth - 1) })) }\n"
        "fn count(node: &Option<Box<Node>>) -> u64 { node.as_ref().map_or(0, |n| 1 + count(&n.left) + count(&n.right)) }",
        "(0..12).map(|_| count(&grow(18))).sum::<u64>()",
    ),
    "growing vectors": ("fn fill(v: &mut Vec<u32>, n: u32) { for i in 0..n { v.push(i); } }", "let mut all: Vec<Vec<u32>> = Vec::new(); for i in 0..100_000u32 { let mut v = Vec::new(); fill(&mut v, i % 100); all.push(v); } all.iter().map(|v| v.len()).sum::<usize>()"),
    "large vectors": ("fn ramp(n: usize) -> Vec<f64> { (0..n).map(|i| i as f64).collect() }", "let mut sum = 0.0; for i in 0..40 { let v = ramp(1_000_000 + i); sum += v[v.len() / 2]; } sum"),
    "trait objects": (
        "trait Shape { fn area(&self) -> f64; }\nstruct Square(f64); struct Circle(f64);\n"
        "impl Shape for Square { fn area(&self) -> f64 { self.0 * self.0 } }\nimpl Shape for Circle { fn area(&self) -> f64 { 3.0 * self.0 * self.0 } }",
        "let shapes: Vec<Box<dyn Shape>> = (0..1_000_000).map(|i| if i % 3 == 0 { Box::new(Square(i as f64)) as Box<dyn Shape> } else { Box::new(Circle(i as f64)) }).collect(); let mut sum = 0.0; for _ in 0..10 { sum += shapes.iter().map(|s| s.area()).sum::<f64>(); } sum",
    ),
    "iterators": (
        "fn odd(x: &u64) -> bool { x % 3 == 1 }",
        "let v: Vec<u64> = (0..1_000_000).collect(); let mut sum = 0; for _ in 0..40 { sum += std::hint::black_box(&v).windows(2).map(|w| w[0] ^ w[1]).zip(v.iter().skip(1)).filter(|(x, _)| odd(x)).map(|(x, y)| x + y).sum::<u64>(); } sum",
    ),
    "closures": (
        "fn compose(f: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64) -> impl Fn(f64) -> f64 { move |x| g(f(x)) }",
        "let h = compose(|x| x + 1.0, |x| x * 0.999); let boxed: Vec<Box<dyn Fn(f64) -> f64>> = vec![Box::new(h), Box::new(|x| x - 0.5)]; let mut x = 1.0; for i in 0..30_000_000 { x = boxed[i % 2](x); } x",
    ),
    "recursion": ("fn fib(n: u64) -> u64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }", "fib(std::hint::black_box(38))"),
    "prime sieve": (
        "fn sieve(n: usize) -> usize { let mut is = vec![true; n]; is[0] = false; is[1] = false; let mut i = 2; while i * i < n { if is[i] { let mut j = i * i; while j < n { is[j] = false; j += i; } } i += 1; } is.iter().filter(|x| **x).count() }",
        "(0..8).map(|i| sieve(3_000_000 + i)).sum::<usize>()",
    ),
    "n-body": (
        "#[derive(Clone, Copy)] struct Body { x: [f64; 3], v: [f64; 3], m: f64 }\n"
        "fn advance(bodies: &mut [Body], dt: f64) { let n = bodies.len(); for i in 0..n { for j in i + 1..n { let mut d = [0.0; 3]; let mut r = 0.01; for k in 0..3 { d[k] = bodies[i].x[k] - bodies[j].x[k]; r += d[k] * d[k]; } let mag = dt / (r * r.sqrt()); let (mi, mj) = (bodies[i].m, bodies[j].m); for k in 0..3 { bodies[i].v[k] -= d[k] * mj * mag; bodies[j].v[k] += d[k] * mi * mag; } } } for b in bodies { for k in 0..3 { b.x[k] += dt * b.v[k]; } } }",
        "let mut bodies: Vec<Body> = (0..8).map(|i| { let i = i as f64; Body { x: [i, i * i * 0.5, 3.0 - i], v: [0.0, 0.1 * i, 0.0], m: 1.0 + i } }).collect(); for _ in 0..300_000 { advance(&mut bodies, 0.001); } bodies[0].x[0]",
    ),
    "Monte Carlo": (
        NEXT + "fn uniform(s: &mut u64) -> f64 { (next(s) >> 11) as f64 / (1u64 << 53) as f64 }",
        "let mut s = 88172645463325252; let mut inside = 0u64; for _ in 0..30_000_000 { let (x, y) = (uniform(&mut s), uniform(&mut s)); inside += u64::from(x * x + y * y < 1.0); } inside",
    ),
    "graph walk": (
        NEXT + "fn walk(edges: &[Vec<u32>], from: usize) -> usize { let mut seen = vec![false; edges.len()]; let mut queue = std::collections::VecDeque::from([from]); seen[from] = true; let mut n = 0; while let Some(at) = queue.pop_front() { n += 1; for &to in &edges[at] { if !seen[to as usize] { seen[to as usize] = true; queue.push_back(to as usize); } } } n }",
        "let mut s = 7; let n = 200_000u64; let edges: Vec<Vec<u32>> = (0..n).map(|_| (0..5).map(|_| (next(&mut s) % n) as u32).collect()).collect(); (0..6).map(|i| walk(&edges, i)).sum::<usize>()",
    ),
    "shortest paths": (
        NEXT + "use std::cmp::Reverse;\nuse std::collections::BinaryHeap;\nfn paths(edges: &[Vec<(u32, u32)>]) -> u64 { let mut best = vec![u64::MAX; edges.len()]; let mut heap = BinaryHeap::from([Reverse((0u64, 0u32))]); best[0] = 0; while let Some(Reverse((d, at))) = heap.pop() { if d > best[at as usize] { continue; } for &(to, w) in &edges[at as usize] { let new = d + u64::from(w); if new < best[to as usize] { best[to as usize] = new; heap.push(Reverse((new, to))); } } } best.iter().filter(|d| **d < u64::MAX).sum() }",
        "let mut s = 7; let n = 150_000u64; let edges: Vec<Vec<(u32, u32)>> = (0..n).map(|_| (0..4).map(|_| ((next(&mut s) % n) as u32, (next(&mut s) % 100) as u32)).collect()).collect(); paths(&edges)",
    ),
    "edit distance": (
        "fn distance(a: &[u8], b: &[u8]) -> usize { let mut row: Vec<usize> = (0..=b.len()).collect(); for (i, x) in a.iter().enumerate() { let mut last = row[0]; row[0] = i + 1; for (j, y) in b.iter().enumerate() { let new = (last + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1); last = row[j + 1]; row[j + 1] = new; } } row[b.len()] }",
        "let a: Vec<u8> = (0..6_000).map(|i| (i * i % 251) as u8).collect(); let b: Vec<u8> = (0..6_000).map(|i| (i * 7 % 249) as u8).collect(); distance(&a, &b)",
    ),
    "game of life": (
        "fn generation(from: &[u8], to: &mut [u8], n: usize) { for i in 0..n { for j in 0..n { let mut around = 0; for di in [n - 1, 0, 1] { for dj in [n - 1, 0, 1] { if (di, dj) != (0, 0) { around += from[(i + di) % n * n + (j + dj) % n]; } } } to[i * n + j] = u8::from(around == 3 || around == 2 && from[i * n + j] == 1); } } }",
        "let n = 256; let mut a: Vec<u8> = (0..n * n).map(|i| u8::from(i * i % 7 < 3)).collect(); let mut b = a.clone(); for _ in 0..40 { generation(&a, &mut b, n); std::mem::swap(&mut a, &mut b); } a.iter().map(|x| u64::from(*x)).sum::<u64>()",
    ),
    "shared cells": (
        "use std::cell::RefCell;\nuse std::rc::Rc;\nstruct Account { balance: RefCell<i64>, peers: RefCell<Vec<Rc<Account>>> }\nfn pay(from: &Rc<Account>, i: usize) { let peers = from.peers.borrow(); let to = Rc::clone(&peers[i % peers.len()]); *from.balance.borrow_mut() -= 1; *to.balance.borrow_mut() += 1; }",
        "let all: Vec<Rc<Account>> = (0..1000).map(|_| Rc::new(Account { balance: RefCell::new(0), peers: RefCell::new(Vec::new()) })).collect(); for (i, a) in all.iter().enumerate() { for k in 1..8 { a.peers.borrow_mut().push(Rc::clone(&all[(i * 7 + k) % 1000])); } } for i in 0..20_000_000 { pay(&all[i % 1000], i); } let sum = all[3].balance.borrow().abs(); for a in &all { a.peers.borrow_mut().clear(); } sum",
    ),
}

# the same with two threads: these need rayon
PARALLEL = {
    "rayon sum": ("use rayon::prelude::*;\nfn term(i: u64) -> f64 { (i as f64).sqrt() }", "(0..100_000_000u64).into_par_iter().map(term).sum::<f64>().round()"),
    "rayon collect": ("use rayon::prelude::*;\nfn shape(x: &f64) -> f64 { x.sin() * x.cos() }", "let v: Vec<f64> = (0..4_000_000).map(f64::from).collect(); v.par_iter().map(shape).collect::<Vec<f64>>().len()"),
    "rayon sort": ("use rayon::prelude::*;\n" + NEXT, "let mut s = 7; let mut v: Vec<u64> = (0..4_000_000).map(|_| next(&mut s)).collect(); v.par_sort_unstable(); v[1000]"),
    "rayon boxes": ("use rayon::prelude::*;\nfn boxed(i: u64) -> Box<u64> { Box::new(i) }", "(0..20_000_000u64).into_par_iter().map(|i| *std::hint::black_box(boxed(i))).sum::<u64>()"),
    "rayon vectors": ("use rayon::prelude::*;\nfn ramp(n: u32) -> Vec<u32> { let mut v = Vec::new(); for i in 0..n { v.push(i); } v }", "(0..400_000u32).into_par_iter().map(|i| ramp(i % 100)).collect::<Vec<_>>().iter().map(|v| v.len()).sum::<usize>()"),
    "scoped threads": (
        NEXT + "fn work(seed: u64) -> u64 { let mut s = seed; let mut sum = 0u64; for _ in 0..60_000_000 { sum = sum.wrapping_add(next(&mut s)); } sum }",
        "std::thread::scope(|scope| { let other = scope.spawn(|| work(3)); work(5) ^ other.join().unwrap() })",
    ),
}
