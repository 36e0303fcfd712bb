"""Notebooks in the style of those that people write for evcxr, in our own words: name → cells.

A cell is its text and what it must show (a part of its output; `None` when it only has to run).
Old versions of crates stand here because public notebooks name them. `QUICK` notebooks build in
seconds, `LONG` ones in minutes. Nothing here runs anything.
"""

from __future__ import annotations

Cells = list[tuple[str, str | None]]

QUICK: dict[str, Cells] = {
    "a first tour": [
        ('println!("Hello");\neprintln!("and there");', "and there"),
        ("pub fn fib(x: i32) -> i32 { if x <= 2 { 1 } else { fib(x - 2) + fib(x - 1) } }\n(1..10).map(fib).collect::<Vec<i32>>()", "[1, 1, 2, 3, 5, 8, 13, 21, 34]"),
        ('let mut message = "Hello ".to_owned();', None),
        ('message.push_str("world!");\nmessage', "Hello world!"),
        ("use std::sync::{Mutex, Arc};\nlet counter: Arc<Mutex<i32>> = Arc::new(Mutex::new(0i32));\nlet handle = std::thread::spawn({\n    let counter = Arc::clone(&counter);\n    move || { for _ in 0..5 { *counter.lock().unwrap() += 1; } }\n});", None),
        ("handle.join().unwrap();\n*counter.lock().unwrap()", "5"),
        ("*counter.lock()?", "5"),
        ("fn main() {\n    let xs = [3, 1, 2];\n    println!(\"max {}\", xs.iter().max().unwrap());\n}\nmain()", "max 3"),
        ("macro_rules! hashmap {\n    ($($k:expr => $v:expr),* $(,)?) => {{ let mut m = ::std::collections::BTreeMap::new(); $(m.insert($k, $v);)* m }};\n}\nlet m = hashmap!{\"a\" => 1, \"b\" => 2};\nm", '{"a": 1, "b": 2}'),
        ("let f: Box<dyn Fn(f64) -> f64> = Box::new(move |x| x * 2.0);\nf(4.5)", "9.0"),
        ("const SIZE: usize = 3;\nstatic mut CALLS: u32 = 0;\ntype Row = [f64; SIZE];\nlet row: Row = [0.5; SIZE];\nunsafe { CALLS += 1; }\nrow.len()", "3"),
        ("mod shapes {\n    pub mod round { #[derive(Debug, Default, Clone, PartialEq)] pub struct Circle { pub r: f64 } }\n    pub fn unit() -> round::Circle { round::Circle { r: 1.0 } }\n}\nuse shapes::{unit, round::Circle};\nunit()", "Circle { r: 1.0 }"),
    ],
    "traits, operators and ownership": [
        ("use std::fmt;\nuse std::ops::{Add, Mul, Index};\n#[derive(Debug, Clone, Copy, PartialEq)]\nstruct V2 { x: f64, y: f64 }", None),
        ("impl Add for V2 { type Output = V2; fn add(self, o: V2) -> V2 { V2 { x: self.x + o.x, y: self.y + o.y } } }\nimpl Mul<f64> for V2 { type Output = V2; fn mul(self, k: f64) -> V2 { V2 { x: self.x * k, y: self.y * k } } }", None),
        ('impl fmt::Display for V2 { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "({:.1}, {:.1})", self.x, self.y) } }\nlet v = V2 { x: 1.0, y: 2.0 } + V2 { x: 0.5, y: 0.5 } * 2.0;\nformat!("{}", v)', "(2.0, 3.0)"),
        ("trait Area { fn area(&self) -> f64; fn name(&self) -> String { String::from(\"thing\") } }\nstruct Sq(f64);\nstruct Disc { r: f64 }\nimpl Area for Sq { fn area(&self) -> f64 { self.0 * self.0 } fn name(&self) -> String { \"square\".into() } }\nimpl Area for Disc { fn area(&self) -> f64 { 3.0 * self.r * self.r } }", None),
        ("let all: Vec<Box<dyn Area>> = vec![Box::new(Sq(2.0)), Box::new(Disc { r: 1.0 })];\nfor s in all.iter() { println!(\"{:>8} {:6.2}\", s.name(), s.area()); }\nall.iter().map(|s| s.area()).sum::<f64>()", "  square   4.00"),
        ("use std::rc::Rc;\nuse std::cell::RefCell;\n#[derive(Debug)]\nstruct Node { value: i32, next: Option<Rc<RefCell<Node>>> }\nlet tail = Rc::new(RefCell::new(Node { value: 2, next: None }));\nlet head = Node { value: 1, next: Some(Rc::clone(&tail)) };\ntail.borrow_mut().value = 9;\nhead.next.as_ref().unwrap().borrow().value", "9"),
        ("fn largest<T: PartialOrd + Copy>(xs: &[T]) -> Option<T> { let mut it = xs.iter(); let mut best = *it.next()?; for &x in it { if x > best { best = x; } } Some(best) }\n(largest(&[2.5, 7.1]), largest::<u8>(&[]))", "(Some(7.1), None)"),
        ("struct Matrix<const R: usize, const C: usize> { data: [[i32; C]; R] }\nimpl<const R: usize, const C: usize> Index<(usize, usize)> for Matrix<R, C> { type Output = i32; fn index(&self, i: (usize, usize)) -> &i32 { &self.data[i.0][i.1] } }\nlet m = Matrix { data: [[1, 2], [3, 4]] };\nm[(1, 0)]", "3"),
        ("struct Parser<'a> { rest: &'a str }\nimpl<'a> Iterator for Parser<'a> { type Item = &'a str; fn next(&mut self) -> Option<&'a str> { let (a, b) = self.rest.split_once(' ')?; self.rest = b; Some(a) } }\nParser { rest: \"a bb ccc \" }.map(str::len).collect::<Vec<_>>()", "[1, 2, 3]"),
        ("enum Shape { Dot, Line { length: u32 }, Many(Vec<Shape>) }\nfn count(s: &Shape) -> u32 { match s { Shape::Dot => 1, Shape::Line { length } if *length > 3 => 2, Shape::Line { .. } => 1, Shape::Many(v) => v.iter().map(count).sum() } }\ncount(&Shape::Many(vec![Shape::Dot, Shape::Line { length: 5 }]))", "3"),
        ("#[derive(Debug)]\nenum Wrong { Parse(std::num::ParseIntError), Small }\nimpl fmt::Display for Wrong { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, \"wrong: {:?}\", self) } }\nimpl std::error::Error for Wrong {}\nimpl From<std::num::ParseIntError> for Wrong { fn from(e: std::num::ParseIntError) -> Self { Wrong::Parse(e) } }\nfn read(s: &str) -> Result<i32, Wrong> { let n: i32 = s.trim().parse()?; if n < 2 { return Err(Wrong::Small); } Ok(n) }\n(read(\" 12 \").ok(), read(\"1\").is_err(), read(\"x\").is_err())", "(Some(12), true, true)"),
        ("let label = 'outer: loop { for i in 0.. { if i * i > 50 { break 'outer i; } } };\nif label > 7 { \"big\" } else { \"small\" }", "big"),
        ("let text = String::from(\"moved\");\nlet owned = text;\nowned.len()", "5"),
        ("let [first, .., last] = [1, 2, 3, 4];\nlet (a, mut b) = (first, last);\nb += a;\nmatch b { 0 => \"none\", 1..=4 => \"few\", _ => \"more\" }", "more"),
    ],
    "evcxr_runtime": [
        (":dep evcxr_runtime", None),
        ('evcxr_runtime::mime_type("text/html").text("<b>by the runtime</b>");', "<b>by the runtime</b>"),
    ],
    "extern crate and itertools": [
        (':dep itertools = "0.10"', None),
        ("extern crate itertools;\nuse itertools::Itertools;\n(1..=3).permutations(2).count()", "6"),
        ('let joined = vec!["a", "b"].iter().join("-");\njoined', '"a-b"'),
        ('use std::collections::HashMap;\nlet counts: HashMap<char, usize> = "hello".chars().counts();\ncounts[&\'l\']', "2"),
    ],
    "rand 0.7": [
        (':dep rand = "0.7"\n:dep rand_chacha = "0.2"', None),
        ("extern crate rand;\nuse rand::{Rng, SeedableRng};\nuse rand::distributions::{Distribution, Uniform};", None),
        ("let mut rng = rand::rngs::StdRng::seed_from_u64(42);\nlet xs: Vec<f64> = (0..5).map(|_| rng.gen_range(0.0, 1.0)).collect();\nxs.len()", "5"),
        ("let die = Uniform::from(1..7);\nlet throws: Vec<u32> = (0..100).map(|_| die.sample(&mut rng)).collect();\nthrows.iter().all(|t| (1..=6).contains(t))", "true"),
        ("use rand::seq::SliceRandom;\nlet mut deck: Vec<u8> = (0..52).collect();\ndeck.shuffle(&mut rng);\ndeck.len()", "52"),
        ("let x: u8 = rand::thread_rng().gen();\nx as u32 <= 255", "true"),
    ],
    "rand 0.8 and rand_distr": [
        (':dep rand = { version = "0.8", features = ["small_rng"] }\n// the distributions are a crate of their own\n:dep rand_distr = "0.4"', None),
        ("use rand::prelude::*;\nuse rand_distr::{Normal, Distribution};", None),
        ("let mut rng = rand::rngs::SmallRng::seed_from_u64(7);\nlet normal = Normal::new(2.0, 0.5).unwrap();\nlet v: Vec<f64> = (0..10_000).map(|_| normal.sample(&mut rng)).collect();", None),
        ("let mean = v.iter().sum::<f64>() / v.len() as f64;\n(mean - 2.0).abs() < 0.05", "true"),
        ("rng.gen_range(0..10) < 10", "true"),
    ],
    "serde, csv and an in-memory file": [
        (':dep serde = { version = "1.0", features = ["derive"] }\n:dep csv = "1.1"\n:dep serde_json = "1"', None),
        (
            "use serde::{Serialize, Deserialize};\n#[derive(Debug, Clone, Serialize, Deserialize)]\nstruct Flower {\n    #[serde(rename = \"Petal length\")]\n    petal: f64,\n    species: String,\n}",
            None,
        ),
        (
            'let data = "Petal length,species\\n1.4,setosa\\n4.7,versicolor\\n6.0,virginica\\n";\n'
            "let mut rdr = csv::Reader::from_reader(data.as_bytes());\n"
            "let flowers: Vec<Flower> = rdr.deserialize().collect::<Result<_, _>>()?;\nflowers.len()",
            "3",
        ),
        ("for flower in &flowers {\n    println!(\"{:>12} {:.1}\", flower.species, flower.petal);\n}", "  versicolor 4.7"),
        ("serde_json::to_string(&flowers[0])?", "setosa"),
        ('let v: serde_json::Value = serde_json::from_str(r#"{"a": [1, 2, {"b": null}]}"#)?;\nv["a"][2]["b"].is_null()', "true"),
        ('serde_json::json!({"x": 1, "y": [true, "z"]})', "Object"),
    ],
    "petgraph": [
        (':dep petgraph = "0.6"', None),
        (
            "use petgraph::graph::{Graph, NodeIndex};\nuse petgraph::algo::dijkstra;\nuse petgraph::dot::Dot;\n"
            'let mut g: Graph<&str, u32> = Graph::new();\nlet a = g.add_node("a");\nlet b = g.add_node("b");\nlet c = g.add_node("c");\n'
            "g.extend_with_edges(&[(a, b, 4), (b, c, 3), (a, c, 9)]);",
            None,
        ),
        ("let costs = dijkstra(&g, a, None, |e| *e.weight());\ncosts[&c]", "7"),
        ('println!("{:?}", Dot::new(&g));', "digraph"),
    ],
    "hound and a file": [
        (':dep hound = "3.4"', None),
        (
            "use std::f32::consts::PI;\nuse std::i16;\nlet path = std::env::temp_dir().join(\"ferrolab-sine.wav\");\n"
            "let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };\n"
            "let mut writer = hound::WavWriter::create(&path, spec).unwrap();\n"
            "for t in (0..800).map(|x| x as f32 / 8000.0) {\n    let sample = (t * 440.0 * 2.0 * PI).sin();\n    writer.write_sample((sample * i16::MAX as f32) as i16).unwrap();\n}\nwriter.finalize().unwrap();",
            None,
        ),
        ("let mut reader = hound::WavReader::open(&path)?;\nreader.samples::<i16>().filter_map(Result::ok).count()", "800"),
        ("std::fs::remove_file(&path)?;", None),
    ],
    "ndarray 0.15": [
        (':dep ndarray = { version = "0.15" }', None),
        ("extern crate ndarray;\nuse ndarray::prelude::*;\nuse ndarray::{array, Array, Array1, Array2, Axis, s};", None),
        ("let a = array![[1., 2., 3.], [4., 5., 6.]];\na", "[4.0, 5.0, 6.0]"),
        ("a.sum_axis(Axis(0))", "[5.0, 7.0, 9.0]"),
        ("let b = a.t().dot(&a);\nb.shape()", "[3, 3]"),
        ("let mut m = Array2::<f64>::zeros((3, 4));\nm.slice_mut(s![1, ..]).fill(2.5);\nm.sum()", "10.0"),
        ("let v: Array1<f64> = Array::linspace(0., 1., 11);\nv.mapv(|x| x.powi(2)).mean().unwrap()", "0.35"),
        ("println!(\"{:?}\", a.dim());", "(2, 3)"),
        ("ndarray::concatenate(Axis(0), &[a.view(), a.view()])?.nrows()", "4"),
    ],
}

LONG: dict[str, Cells] = {
    "tokio 0.2 and old friends": [
        (':dep tokio = { version = "0.2", features = ["rt-threaded", "time", "tcp", "macros"] }\n:dep base64 = "0.10.1"', None),
        ("base64::encode(&vec![1, 2, 3, 4])", "AQIDBA=="),
        ("tokio::time::delay_for(std::time::Duration::from_millis(2)).await;\nlet answer = tokio::spawn(async { 6 * 7 }).await?;\nanswer", "42"),
        ("tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.ip().is_loopback()", "true"),
    ],
    "regex, lazy_static and once_cell": [
        (':dep regex = "1"\n:dep lazy_static = "1.4"\n:dep once_cell = "1"', None),
        ('#[macro_use] extern crate lazy_static;\nuse regex::Regex;\nlazy_static! {\n    static ref DATE: Regex = Regex::new(r"(\\d{4})-(\\d{2})-(\\d{2})").unwrap();\n}', None),
        ('DATE.captures("on 2021-03-14").map(|c| c[2].to_string())', 'Some("03")'),
        ("use once_cell::sync::Lazy;\nstatic WORDS: Lazy<Vec<&'static str>> = Lazy::new(|| vec![\"x\", \"y\"]);\nWORDS.len()", "2"),
    ],
    "chrono 0.4": [
        (':dep chrono = { version = "0.4", features = ["serde"], default_features = true }', None),
        ("use chrono::prelude::*;\nlet day = NaiveDate::from_ymd_opt(2024, 2, 28).unwrap();\nday.succ_opt().unwrap()", "2024-02-29"),
        ('let t = Utc.with_ymd_and_hms(2020, 1, 1, 12, 0, 0).unwrap();\nt.format("%d.%m.%Y %H:%M").to_string()', '"01.01.2020 12:00"'),
        ("use chrono::Duration;\nlet later = t + Duration::days(45);\nlater.weekday()", "Sat"),
        ("#[allow(deprecated)]\nlet old = NaiveDate::from_ymd(2015, 6, 3);\nold.ordinal()", "154"),
    ],
    "num, num-complex and bigints": [
        (':dep num = "0.4"\n:dep num-complex = "0.4"\n:dep num_bigint = { package = "num-bigint", version = "0.4" }', None),
        ("use num::complex::Complex;\nlet z = Complex::new(3.0_f64, 4.0);\nz.norm()", "5.0"),
        ("use num::{BigUint, One};\nfn factorial(n: u32) -> BigUint { (1..=n).fold(BigUint::one(), |a, i| a * i) }\nfactorial(25).to_string()", "15511210043330985984000000"),
        ("num::integer::gcd(84, 36)", "12"),
    ],
    "async with tokio": [
        (':dep tokio = { version = "1", features = ["rt", "rt-multi-thread", "macros", "time"] }', None),
        ("async fn twice(x: i32) -> i32 { tokio::time::sleep(std::time::Duration::from_millis(2)).await; 2 * x }", None),
        ("twice(4).await", "8"),
        ("let (a, b) = tokio::join!(twice(1), twice(2));\na + b", "6"),
        ("let handle = tokio::spawn(async { twice(5).await });\nhandle.await?", "10"),
        ("let rt = tokio::runtime::Runtime::new()?;\nrt.block_on(async { twice(50).await })", "100"),
    ],
    "ndarray 0.13": [
        (':dep ndarray = "0.13"', None),
        ("use ndarray::{arr2, stack, Axis, Array2, Array1};\nlet a = arr2(&[[1, 2], [3, 4]]);\nstack(Axis(0), &[a.view(), a.view()]).unwrap().shape()", "[4, 2]"),
        ("let c: Array2<f64> = Array2::from_shape_vec((2, 3), (0..6).map(f64::from).collect()).unwrap();\nc", "[3.0, 4.0, 5.0]"),
        ("c.mean_axis(Axis(1)).unwrap()", "[1.0, 4.0]"),
    ],
    "ndarray 0.14 and ndarray-rand": [
        (':dep ndarray = "0.14"\n:dep ndarray-rand = "0.13"', None),
        ("use ndarray::Array;\nuse ndarray_rand::RandomExt;\nuse ndarray_rand::rand_distr::Uniform;\nlet r = Array::random((4, 5), Uniform::new(0., 10.));\nr.shape()", "[4, 5]"),
        ("r.iter().all(|x| *x >= 0.0 && *x < 10.0)", "true"),
    ],
    "ndarray 0.16 with rayon and statistics": [
        (':dep ndarray = { version = "0.16", features = ["rayon"] }\n:dep ndarray-stats = "0.6"\n:dep noisy_float = "0.2"', None),
        ("use ndarray::{Array2, Zip};\nuse ndarray::parallel::prelude::*;\nlet mut a = Array2::<f64>::from_elem((100, 100), 1.5);\na.par_mapv_inplace(|x| x * 2.0);\na.sum()", "30000.0"),
        ("use ndarray_stats::QuantileExt;\nlet b = ndarray::array![3.0, 1.0, 2.0];\n(b.argmax()?, *b.min()?)", "(0, 1.0)"),
    ],
    "plotters 0.2": [
        (':dep plotters = { version = "^0.2.9", default_features = false, features = ["evcxr", "line_series", "histogram"] }', None),
        (
            "extern crate plotters;\nuse plotters::prelude::*;\nlet figure = evcxr_figure((320, 240), |root| {\n    root.fill(&WHITE)?;\n"
            "    let mut chart = ChartBuilder::on(&root).x_label_area_size(30).y_label_area_size(30).build_ranged(-1f32..1f32, -0.1f32..1f32)?;\n"
            "    chart.configure_mesh().draw()?;\n    chart.draw_series(LineSeries::new((-50..=50).map(|x| x as f32 / 50.0).map(|x| (x, x * x)), &RED))?;\n    Ok(())\n});\nfigure",
            "<svg",
        ),
    ],
    "plotters 0.3 as notebooks ask for it": [
        (':dep plotters = { version = "^0.3.0", default_features = false, features = ["evcxr", "all_series", "all_elements"] }', None),
        (
            "use plotters::prelude::*;\nevcxr_figure((640, 480), |root| {\n    root.fill(&WHITE)?;\n    let mut chart = ChartBuilder::on(&root).caption(\"y=x^2\", (\"Arial\", 30).into_font()).margin(5)\n"
            "        .x_label_area_size(30).y_label_area_size(30).build_cartesian_2d(-1f32..1f32, -0.1f32..1f32)?;\n    chart.configure_mesh().draw()?;\n"
            "    chart.draw_series(LineSeries::new((-50..=50).map(|x| x as f32 / 50.0).map(|x| (x, x * x)), &RED))?.label(\"y = x^2\")\n"
            "        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], &RED));\n"
            "    chart.configure_series_labels().background_style(&WHITE.mix(0.8)).border_style(&BLACK).draw()?;\n    Ok(())\n}).style(\"width: 60%\")",
            "width: 60%",
        ),
        (
            "let data = [(1u32, 4u32), (2, 9), (3, 6)];\nlet figure = evcxr_figure((300, 300), |root| {\n    let areas = root.split_evenly((2, 2));\n    for (i, area) in areas.iter().enumerate() {\n"
            "        area.fill(&Palette99::pick(i).mix(0.3))?;\n        let mut c = ChartBuilder::on(area).build_cartesian_2d(0u32..4u32, 0u32..10u32)?;\n"
            "        c.draw_series(data.iter().map(|p| Circle::new(*p, 3, BLUE.filled())))?;\n    }\n    Ok(())\n});\nfigure",
            "<circle",
        ),
        (
            "evcxr_figure((200, 200), |root| {\n    let mut c = ChartBuilder::on(&root).build_cartesian_3d(-1.0..1.0, 0.0..1.0, -1.0..1.0)?;\n    c.configure_axes().draw()?;\n"
            "    c.draw_series(SurfaceSeries::xoz((-5..5).map(|x| x as f64 / 5.0), (-5..5).map(|x| x as f64 / 5.0), |x, z| (x * x + z * z) / 2.0))?;\n    Ok(())\n})",
            "<polygon",
        ),
    ],
    "image 0.23": [
        (':dep image = "0.23"\n:dep evcxr_image = "1.1"', None),
        ("use evcxr_image::ImageDisplay;\nimage::ImageBuffer::from_fn(16, 16, |x, y| {\n    if (x + y) % 3 == 0 { image::Rgb([0u8, 0u8, 255u8]) } else { image::Rgb([255u8, 255u8, 255u8]) }\n})", "image/png"),
        ("let img = image::DynamicImage::new_rgb8(4, 2);\nuse image::GenericImageView;\nimg.dimensions()", "(4, 2)"),
    ],
    "image 0.24": [
        (':dep image = { version = "0.24", default-features = false, features = ["png", "jpeg"] }', None),
        ("use image::{ImageBuffer, Rgb, RgbImage, imageops};\nlet mut img: RgbImage = ImageBuffer::new(32, 16);\nfor (x, y, p) in img.enumerate_pixels_mut() {\n    *p = Rgb([x as u8, y as u8, 0]);\n}\nlet small = imageops::resize(&img, 8, 4, imageops::FilterType::Nearest);\nsmall.dimensions()", "(8, 4)"),
        ("let mut bytes = std::io::Cursor::new(Vec::new());\nimg.write_to(&mut bytes, image::ImageOutputFormat::Png)?;\nbytes.into_inner()[1..4].to_vec()", "[80, 78, 71]"),
    ],
    "statrs 0.13": [
        (':dep statrs = "0.13"', None),
        ("use statrs::distribution::{Normal, Univariate, Continuous};\nlet n = Normal::new(0.0, 1.0).unwrap();\n(n.cdf(0.0), (n.pdf(0.0) * 1000.0).round())", "(0.5, 399.0)"),
        ("use statrs::statistics::{Statistics, Mean};\nlet x = [1.0, 2.0, 4.0];\n(&x).std_dev()", "1.527"),
    ],
    "statrs 0.18 and nalgebra 0.33": [
        (':dep statrs = "0.18"\n:dep nalgebra = "0.33"', None),
        ("use statrs::statistics::Statistics;\nuse statrs::distribution::{Binomial, Discrete, ContinuousCDF, StudentsT};\n[1.0, 3.0, 5.0].mean()", "3.0"),
        ("let b = Binomial::new(0.5, 4)?;\nb.pmf(2)", "0.375"),
        ("use nalgebra::{Matrix3, Vector3, DMatrix};\nlet m = Matrix3::new(2.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 8.0);\nm.try_inverse().unwrap() * Vector3::new(2.0, 4.0, 8.0)", "1.0"),
        ("let d = DMatrix::<f64>::identity(3, 3);\nd.determinant()", "1.0"),
    ],
    "plotly with an inline page": [
        (':dep plotly = { version = "0.12" }', None),
        ("use plotly::{Plot, Scatter};\nuse plotly::common::Mode;\nlet mut plot = Plot::new();\nplot.add_trace(Scatter::new(vec![1, 2, 3], vec![4, 1, 7]).mode(Mode::LinesMarkers).name(\"a\"));\nplot.evcxr_display();", "scatter"),
        ("plot.lab_display();", "application/vnd.plotly.v1+json"),
        ("plot", None),
    ],
    "charming": [
        (':dep charming = { version = "0.4" }', None),
        ("use charming::{Chart, component::Axis, element::AxisType, series::Line};\nlet chart = Chart::new().x_axis(Axis::new().type_(AxisType::Category).data(vec![\"Mo\", \"Tu\"])).y_axis(Axis::new()).series(Line::new().data(vec![3, 5]));\nchart.to_string().contains(\"Mo\")", "true"),
    ],
    "smartcore": [
        (':dep smartcore = { version = "0.3", features = ["datasets"] }', None),
        (
            "use smartcore::linalg::basic::matrix::DenseMatrix;\nuse smartcore::linear::linear_regression::*;\n"
            "let x = DenseMatrix::from_2d_array(&[&[1.0, 2.0], &[2.0, 1.0], &[3.0, 5.0], &[4.0, 3.0]]);\nlet y = vec![5.0, 4.0, 13.0, 10.0];\n"
            "let model = LinearRegression::fit(&x, &y, LinearRegressionParameters::default()).unwrap();\nmodel.predict(&x).unwrap().len()",
            "4",
        ),
    ],
    "linfa k-means": [
        (':dep linfa = "0.7"\n:dep linfa-clustering = "0.7"\n:dep ndarray = "0.15"', None),
        (
            "use linfa::traits::{Fit, Predict};\nuse linfa::DatasetBase;\nuse linfa_clustering::KMeans;\nuse ndarray::{array, Axis};\n"
            "let data = array![[1., 1.], [1.1, 0.9], [9., 9.], [9.2, 8.8]];\nlet dataset = DatasetBase::from(data);\n"
            "let model = KMeans::params(2).fit(&dataset).expect(\"fits\");\nlet labels = model.predict(dataset);\nlet t = labels.targets();\nt[0] == t[1] && t[2] == t[3] && t[0] != t[3]",
            "true",
        ),
    ],
    "reqwest without the network, and url": [
        (':dep url = "2"\n:dep ureq = { version = "2", default-features = false }', None),
        ('let u = url::Url::parse("https://example.org/a?b=c")?;\nu.query()', 'Some("b=c")'),
    ],
    "polars": [
        (':dep polars = { version = "0.46", default-features = false, features = ["fmt", "csv", "lazy"] }', None),
        ("use polars::prelude::*;\nlet df = df!(\"name\" => [\"a\", \"b\", \"c\"], \"x\" => [1.0, 2.0, 3.0])?;\ndf", "shape: (3, 2)"),
        ("let out = df.clone().lazy().filter(col(\"x\").gt(lit(1.5))).collect()?;\nout.height()", "2"),
    ],
}
