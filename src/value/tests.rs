//! What serde can write and read comes back, in whichever format; what it cannot is said at once.

use super::*;
use serde::de::{Deserializer, IgnoredAny};
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Writes and reads; which format was it?
fn there<T: Serialize + DeserializeOwned>(value: &T) -> (T, u8) {
    let mut out = Written::default();
    out.write_result(value).unwrap();
    // What follows is not touched.
    let format = out.as_bytes()[0];
    out.extend(&[77]);
    let mut bytes = out.as_bytes();
    let back = read(&mut bytes).unwrap();
    assert_eq!(bytes, [77]);
    (back, format)
}

#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, format: u8) {
    let (back, found) = there(&value);
    assert_eq!((&back, found), (&value, format));
    // Among others, whose first ones do not show what it needs.
    let pair = (7u8, vec![Some(value), None], "end".to_owned());
    assert_eq!(there(&pair).0, pair);
    // In CBOR too, also where postcard's format would do, and other readers read it.
    let mut bytes = Written::default();
    let write: &dyn Fn(&mut Written) -> Result<(), Fault> = &|to| pair.serialize(to);
    let value = Value { id: numbers::id::<()>(), name: "", known: false, write, read: |_| Ok(()) };
    bytes.attempt(DESCRIBED, true, &value).unwrap();
    assert_eq!(read::<(u8, Vec<Option<T>>, String)>(&mut bytes.as_bytes()).unwrap(), pair);
    ciborium::from_reader::<ciborium::Value, _>(&bytes.as_bytes()[1..]).unwrap();
    heads::skip(&mut &bytes.as_bytes()[1..]).unwrap();
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Plain {
    A { x: f64 },
    B(Vec<u8>),
    C,
    D(u8, String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(f64),
    Text(String),
    Inner(Plain),
    Pair { left: Box<Loose>, at: IpAddr },
    List(Vec<Loose>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Tagged {
    Circle { r: f64 },
    Square { side_length: f64 },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    One(u32),
    Two(u32, String),
    Three { a: Option<u8> },
    Four,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<f64>,
    b: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<u8>,
}

/// Were it read as it is written, `low` would be the first byte of `high`, without an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shifting {
    #[serde(default, skip_serializing_if = "is_zero")]
    low: u8,
    high: u16,
}

fn is_zero(byte: &u8) -> bool {
    *byte == 0
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Json>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FlatStruct {
    id: u8,
    #[serde(flatten)]
    sparse: Sparse,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Defaults {
    first_field: i32,
    #[serde(skip)]
    cached: u8,
    #[serde(alias = "other")]
    second_field: Option<Option<char>>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { first_field: -1, cached: 0, second_field: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Open {
    Known,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf(i64),
    Node(Vec<Tree>, Box<Option<Tree>>),
}

/// Variants have other indices when they are read than when they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(dead_code)]
enum Gap {
    #[serde(skip)]
    Hidden,
    First(u8),
    Second(u8),
}

/// Fields have other names when they are read than when they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Renamed {
    #[serde(rename(serialize = "Name"), default)]
    name: String,
    #[serde(rename(serialize = "Age"))]
    age: u8,
}

/// Reads its fields in another order than it writes them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Swapped {
    a: u8,
    b: u8,
}

impl Serialize for Swapped {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Swapped", 2)?;
        fields.serialize_field("b", &self.b)?;
        fields.serialize_field("a", &self.a)?;
        fields.end()
    }
}

/// Writes a text where people read, a number elsewhere, as crates for times do.
#[derive(Debug, Clone, PartialEq)]
struct Moment(u64);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(&self.0) } else { to.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map(Self).map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(from).map(Self)
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum LooseMoment {
    At(Moment),
    Never,
}

mod hex {
    use super::*;
    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{value:x}"))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(from)?, 16).map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct With {
    #[serde(with = "hex")]
    value: u32,
}

/// A list that does not know its length, and bytes that are read as a list.
#[derive(Debug, Clone, PartialEq)]
struct Streamed(Vec<u8>, Vec<u8>);

impl Serialize for Streamed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Raw<'a>(&'a [u8]);
        impl Serialize for Raw<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_bytes(self.0)
            }
        }
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("odd", &OnlyOdd(&self.0))?;
        map.serialize_entry("raw", &Raw(&self.1))?;
        map.end()
    }
}

struct OnlyOdd<'a>(&'a [u8]);
impl Serialize for OnlyOdd<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().filter(|byte| *byte % 2 == 1))
    }
}

impl<'de> Deserialize<'de> for Streamed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Both {
            odd: Vec<u8>,
            raw: Vec<u8>,
        }
        Both::deserialize(from).map(|both| Self(both.odd, both.raw))
    }
}

#[test]
fn plain_types_stay_in_postcards_format() {
    same(7u64, COMPACT);
    same((i8::MIN, i16::MAX, i32::MIN, i64::MIN, i128::MIN, u128::MAX, u64::MAX), COMPACT);
    same((true, 'ü', "text".to_owned(), (), 1.5f32, f64::MIN_POSITIVE), COMPACT);
    same([Some(Some(1u8)), Some(None), None], COMPACT);
    same(vec![Plain::A { x: 0.5 }, Plain::B(vec![1, 2]), Plain::C, Plain::D(3, "d".into())], COMPACT);
    same(HashMap::from([(1.to_string(), vec![Some(1.5f32), None])]), COMPACT);
    same(HashMap::from([((1u8, 'a'), HashSet::from([[1i16, 2]]))]), COMPACT);
    same([Ok(0u8), Err("task 1".to_owned())], COMPACT);
    same((Duration::from_nanos(1_500_000_001), PathBuf::from("a/b"), Rc::new(3u8), Arc::<str>::from("x")), COMPACT);
    same(Tree::Node(vec![Tree::Leaf(1), Tree::Node(vec![], Box::new(None))], Box::new(Some(Tree::Leaf(-2)))), COMPACT);
    same((Open::Known, Open::Unknown, With { value: 0xbeef }, Moment(9)), COMPACT);
    same((IpAddr::from([127, 0, 0, 1]), "[::1]:80".parse::<SocketAddr>().unwrap()), COMPACT);
    same(Renamed { name: "n".into(), age: 3 }.age, COMPACT);
    same(vec![1i64, -2, 3], COMPACT);
    same((vec![1.5f64], Vec::<u16>::new(), Vec::<()>::from([(), ()])), COMPACT);
}

#[test]
fn what_asks_what_it_is_is_told() {
    let value = json!({"task": 1, "list": [null, true, -1.5, u64::MAX, "x", {"a": {}}], "none": null});
    same(value.clone(), DESCRIBED);
    same(vec![value.clone(), Json::Null], DESCRIBED);
    same(Loose::Number(1.5), DESCRIBED);
    same(Loose::Text("x".into()), DESCRIBED);
    let at = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let inner = [Plain::A { x: 1.0 }, Plain::B(vec![9]), Plain::D(1, "y".into())].map(Loose::Inner);
    same(Loose::List(Vec::from(inner)), DESCRIBED);
    same(Loose::Pair { left: Box::new(Loose::Text("z".into())), at }, DESCRIBED);
    same((LooseMoment::At(Moment(5)), LooseMoment::Never), DESCRIBED);
    same(vec![Tagged::Circle { r: 1.0 }, Tagged::Square { side_length: 2.0 }, Tagged::Nothing], DESCRIBED);
    same((Adjacent::One(3), Adjacent::Two(4, "x".into()), Adjacent::Three { a: None }, Adjacent::Four), DESCRIBED);
    same(Flat { id: 1, rest: BTreeMap::from([("x".to_owned(), value)]) }, DESCRIBED);
    same(FlatStruct { id: 1, sparse: Sparse { b: 300, ..Sparse::default() } }, DESCRIBED);
    same(Streamed(vec![1, 3], vec![0, 255]), DESCRIBED);
    same(Some(Some(json!(null))), DESCRIBED);
    // serde counts an alias as a field, so what is asked for is not what was written.
    same(Defaults { first_field: 5, second_field: Some(Some('x')), cached: 0 }, DESCRIBED);
}

#[test]
fn later_values_show_the_need() {
    let mut out = Written::default();
    let values = [Sparse { a: Some(1.0), b: 300, c: vec![1] }, Sparse { b: 300, ..Sparse::default() }];
    let lists: [Vec<Json>; 2] = [vec![], vec![json!([1, {}])]];
    let maybe = [None, Some(Tagged::Nothing)];
    for i in [0, 1, 0, 1] {
        out.write(&values[i]).unwrap();
        out.write(&lists[i]).unwrap();
        out.write(&maybe[i]).unwrap();
        out.write(&(i as u64)).unwrap();
    }
    let mut bytes = out.as_bytes();
    for i in [0, 1, 0, 1] {
        assert_eq!(bytes[0], if i == 0 { COMPACT } else { DESCRIBED });
        assert_eq!(read::<Sparse>(&mut bytes).unwrap(), values[i]);
        assert_eq!(read::<Vec<Json>>(&mut bytes).unwrap(), lists[i]);
        assert_eq!(read::<Option<Tagged>>(&mut bytes).unwrap(), maybe[i]);
        assert_eq!(read::<u64>(&mut bytes).unwrap(), i as u64);
    }
    assert!(bytes.is_empty());
}

#[test]
fn deep_values_are_read_again_with_the_stack_they_need() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Link {
        next: Option<Box<Link>>,
        #[serde(default, skip_serializing_if = "is_zero")]
        mark: u8,
    }
    let deep = || {
        // As much as writing takes, on the stack of a worker's thread.
        let mut first = Link { next: None, mark: 0 };
        // Without optimisation each level takes many times the stack.
        for _ in 0..if cfg!(debug_assertions) { 500 } else { 10_000 } {
            first = Link { next: Some(Box::new(first)), mark: 0 };
        }
        let mut out = Written::default();
        out.write(&first).unwrap();
        assert_eq!(out.as_bytes()[0], DESCRIBED);
    };
    std::thread::Builder::new().stack_size(8 << 20).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn units_are_not_taken_for_more_than_there_are() {
    same((300u64, vec![(); 3], Sparse { b: 1, ..Sparse::default() }), DESCRIBED);
    same(vec![(); 100_000], DESCRIBED);
}

#[test]
fn nothing_is_shifted() {
    same(Shifting { low: 0, high: 300 }, DESCRIBED);
    same(Shifting { low: 1, high: 300 }, COMPACT);
    same(vec![Gap::First(1), Gap::Second(2)], DESCRIBED);
    same(Swapped { a: 1, b: 2 }, DESCRIBED);
    // Here the order is what holds: by their names, one field would be lost and the other missed.
    assert_eq!(there(&Renamed { name: "n".into(), age: 3 }), (Renamed { name: "n".into(), age: 3 }, COMPACT));
}

#[test]
fn numbers_keep_all_their_bits() {
    let odd = [f64::NAN.to_bits(), f64::INFINITY.to_bits(), (-0.0f64).to_bits(), 0x7ff0_0000_0000_0001];
    for bits in odd {
        // As a number, and where something else makes it CBOR.
        let (number, described) = there(&(f64::from_bits(bits), f32::NAN, Tagged::Nothing)).0.clone().into_parts();
        assert_eq!((number.to_bits(), described), (bits, f32::NAN.to_bits()));
    }
    for wide in [i128::MIN, i128::MAX, -1 - (u64::MAX as i128), i64::MIN.into()] {
        same((wide, Tagged::Nothing), DESCRIBED);
    }
    same((u128::MAX, u64::MAX, i64::MIN, u8::MAX, Tagged::Nothing), DESCRIBED);
    same((Some(Some(None::<u8>)), Some(None::<Option<()>>), None::<u8>, Some(()), Tagged::Nothing), DESCRIBED);
}

trait Parts {
    fn into_parts(self) -> (f64, u32);
}
impl Parts for (f64, f32, Tagged) {
    fn into_parts(self) -> (f64, u32) {
        (self.0, self.1.to_bits())
    }
}

#[test]
fn what_cannot_be_read_again_is_said_when_it_is_written() {
    #[derive(Serialize, Deserialize)]
    struct Lost {
        #[serde(skip_serializing)]
        _secret: u8,
        kept: u8,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Wide {
        Number(i128),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "t")]
    enum NoMap {
        Number(u8),
    }
    let fault = Written::default().write(&Lost { _secret: 1, kept: 2 }).unwrap_err().to_string();
    assert!(fault.contains("Lost") && fault.contains("missing field `_secret`"), "{fault}");
    let fault = Written::default().write(&Wide::Number(i128::MAX)).unwrap_err().to_string();
    assert!(fault.contains("cannot read it again"), "{fault}");
    // serde's own complaint about writing it.
    let fault = Written::default().write(&NoMap::Number(1)).unwrap_err().to_string();
    assert!(fault.contains("cannot serialize tagged newtype variant NoMap::Number"), "{fault}");
}

#[test]
fn lists_of_what_tasks_left_are_lists() {
    let mut out = Written::default();
    out.begin_joined(3);
    for value in [json!([]), json!(1), json!({"a": 2})] {
        out.write_result(&value).unwrap();
    }
    assert_eq!(read::<Vec<Json>>(&mut out.as_bytes()).unwrap(), [json!([]), json!(1), json!({"a": 2})]);
    let mut out = Written::default();
    out.begin_joined(2);
    out.write_result(&1.5f64).unwrap();
    out.write_result(&2.5f64).unwrap();
    assert_eq!(read::<Vec<f64>>(&mut out.as_bytes()).unwrap(), [1.5, 2.5]);
    let mut out = Written::default();
    out.begin_joined(2);
    out.write_result(&vec![1.5f64]).unwrap();
    out.write_result(&Vec::<f64>::new()).unwrap();
    assert_eq!(read::<Vec<Vec<f64>>>(&mut out.as_bytes()).unwrap(), [vec![1.5], vec![]]);
}

#[test]
fn numbers_in_a_row_are_copied_and_read_again() {
    let mut out = Written::default();
    out.write_result(&vec![1.5f64, 2.5]).unwrap();
    out.write_result(&"text".to_owned()).unwrap();
    out.write_result(&vec![300u32, 4]).unwrap();
    out.write_slice(&[7i8, -7]).unwrap();
    out.write_slice(&[json!(1)]).unwrap();
    let bytes = out.into_bytes();
    let mut rest = &bytes[..];
    assert_eq!(read::<Vec<f64>>(&mut rest).unwrap(), [1.5, 2.5]);
    assert_eq!(read::<String>(&mut rest).unwrap(), "text");
    assert_eq!(read::<Vec<u32>>(&mut rest).unwrap(), [300, 4]);
    assert_eq!(read::<Vec<i8>>(&mut rest).unwrap(), [7, -7]);
    assert_eq!(read::<Vec<Json>>(&mut rest).unwrap(), [json!(1)]);
    assert!(rest.is_empty() && read::<u64>(&mut rest).is_err());
}

#[test]
fn the_formats_are_postcards_and_cbor() {
    let value = (300u32, "text".to_owned(), Some(Plain::D(1, "x".into())), vec![-1i64, 2]);
    let bytes = bytes_of(&value).unwrap();
    assert_eq!(bytes[1..], postcard::to_allocvec(&value).unwrap());
    for length in [0, 1, 127, 128, 300, 1 << 20, usize::MAX] {
        let mut out = Written::default();
        out.length(length);
        assert_eq!(out.as_bytes(), postcard::to_allocvec(&length).unwrap());
    }
    let value = json!({"a": [1, -2, 1.5, "x", null, true]});
    let bytes = bytes_of(&value).unwrap();
    assert_eq!(ciborium::from_reader::<Json, _>(&bytes[1..]).unwrap(), value);
    // Any bytes are an error, never a panic.
    for cut in 0..bytes.len() {
        assert!(read::<Json>(&mut &bytes[..cut]).is_err());
    }
    for byte in 0..=255 {
        drop(read::<(Json, IgnoredAny)>(&mut &[DESCRIBED, 0x82, byte, byte, byte, 0][..]));
        drop(read::<Vec<Tree>>(&mut &[COMPACT, byte, byte, 1, byte][..]));
    }
}
