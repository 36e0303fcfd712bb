//! How serde reads a value that [`super::writer`] wrote, in either format: one deserializer, for the
//! same reason. In postcard's format it notices what that format cannot answer.

use super::heads::{self, Head};
use super::trace::{Piece, Trace};
use super::{DESCRIBED, Fault, JOINED};
use items::Items;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

mod items;

/// A value that is being read.
pub struct Reader<'de> {
    bytes: &'de [u8],
    described: bool,
    /// The items of the list that comes first were written one by one.
    joined: bool,
    /// Which variant comes, or which byte of a list of bytes.
    pending: Option<u64>,
    /// Only for a look: what was written may be something else.
    pub(super) checking: bool,
    /// Something was asked that postcard's format cannot answer.
    pub(super) unfit: bool,
    /// Something that was written was not looked at.
    pub(super) ignored: bool,
    pub(super) trace: Trace,
}

/// An integer, as it was asked for or as it is.
enum Integer<N> {
    Asked(N),
    Unsigned(u64),
    Signed(i64),
}

impl<'de> Reader<'de> {
    /// Bytes that begin with no format are taken for CBOR that ends too early.
    #[inline(never)]
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        let (format, bytes) = match bytes {
            [format @ ..=JOINED, rest @ ..] => (*format, rest),
            _ => (DESCRIBED, &[][..]),
        };
        let (described, joined, trace) = (format == DESCRIBED, format == JOINED, Trace::START);
        Self { bytes, described, joined, pending: None, checking: false, unfit: false, ignored: false, trace }
    }

    /// What follows the value.
    pub(super) fn rest(&self) -> &'de [u8] {
        self.bytes
    }

    /// One piece in postcard's format.
    fn compact<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        let (value, rest) = postcard::take_from_bytes(self.bytes)?;
        self.bytes = rest;
        Ok(value)
    }

    /// What comes, through any `Some`.
    fn head(&mut self) -> Result<Head<'de>, Fault> {
        if let Some(byte) = self.pending.take() {
            return Ok(Head::Unsigned(byte));
        }
        loop {
            let head = heads::read(&mut self.bytes)?;
            if head != Head::Some {
                return Ok(head);
            }
        }
    }

    /// What comes, left there.
    fn peek(&self) -> Result<Head<'de>, Fault> {
        if let Some(byte) = self.pending {
            return Ok(Head::Unsigned(byte));
        }
        heads::read(&mut &*self.bytes)
    }

    /// What is asked for counts in a look only.
    fn piece(&mut self, piece: Piece) {
        if self.checking {
            self.trace.piece(piece);
        }
    }

    /// Is it in CBOR? If not, a piece of this kind is read.
    fn begin(&mut self, piece: Piece) -> bool {
        self.piece(piece);
        self.described
    }

    #[inline(never)]
    fn integer<N: DeserializeOwned>(&mut self, piece: Piece) -> Result<Integer<N>, Fault> {
        if !self.begin(piece) {
            return self.compact().map(Integer::Asked);
        }
        match self.head()? {
            Head::Unsigned(value) => Ok(Integer::Unsigned(value)),
            Head::Signed(value) => Ok(Integer::Signed(value)),
            head => Err(Fault::other(head.found(), "an integer")),
        }
    }

    #[inline(never)]
    fn single(&mut self) -> Result<f32, Fault> {
        if !self.begin(Piece::F32) {
            return self.compact();
        }
        match self.head()? {
            Head::Single(value) => Ok(value),
            head => float(head).map(|value| value as f32),
        }
    }

    #[inline(never)]
    fn double(&mut self) -> Result<f64, Fault> {
        if !self.begin(Piece::F64) {
            return self.compact();
        }
        float(self.head()?)
    }

    #[inline(never)]
    fn wide(&mut self) -> Result<u128, Fault> {
        if !self.begin(Piece::U128) {
            return self.compact();
        }
        match self.head()? {
            Head::Unsigned(value) => Ok(value.into()),
            Head::Wide(value) => Ok(value),
            head => Err(Fault::other(head.found(), "u128")),
        }
    }

    #[inline(never)]
    fn deep(&mut self) -> Result<i128, Fault> {
        if !self.begin(Piece::I128) {
            return self.compact();
        }
        match self.head()? {
            Head::Unsigned(value) => Ok(value.into()),
            Head::Signed(value) => Ok(value.into()),
            Head::Deep(value) => Ok(value),
            Head::Wide(value) => i128::try_from(value).map_err(|_| Fault::other("u128", "i128")),
            head => Err(Fault::other(head.found(), "i128")),
        }
    }

    #[inline(never)]
    fn bool(&mut self) -> Result<bool, Fault> {
        if !self.begin(Piece::Bool) {
            return self.compact();
        }
        match self.head()? {
            Head::Bool(value) => Ok(value),
            head => Err(Fault::other(head.found(), "a boolean")),
        }
    }

    #[inline(never)]
    fn text(&mut self, piece: Piece) -> Result<&'de str, Fault> {
        if !self.begin(piece) {
            let (text, rest) = postcard::take_from_bytes(self.bytes)?;
            self.bytes = rest;
            return Ok(text);
        }
        match self.head()? {
            Head::Text(text) => Ok(text),
            head => Err(Fault::other(head.found(), "a string")),
        }
    }

    #[inline(never)]
    fn bytes(&mut self) -> Result<&'de [u8], Fault> {
        if !self.begin(Piece::Bytes) {
            let length: usize = self.compact()?;
            let (bytes, rest) = self.bytes.split_at_checked(length).ok_or_else(Fault::short)?;
            self.bytes = rest;
            return Ok(bytes);
        }
        match self.head()? {
            Head::Bytes(bytes) => Ok(bytes),
            Head::Text(text) => Ok(text.as_bytes()),
            head => Err(Fault::other(head.found(), "byte array")),
        }
    }

    /// Is there something?
    #[inline(never)]
    fn some(&mut self) -> Result<bool, Fault> {
        if !self.described {
            let some = self.compact()?;
            self.piece(if some { Piece::Some } else { Piece::None });
            return Ok(some);
        }
        let head = self.peek()?;
        if matches!(head, Head::Some | Head::Null) {
            heads::read(&mut self.bytes)?;
        }
        Ok(head != Head::Null)
    }

    #[inline(never)]
    fn unit(&mut self) -> Result<(), Fault> {
        if !self.begin(Piece::Unit) {
            return Ok(());
        }
        match self.head()? {
            Head::Null => Ok(()),
            head => Err(Fault::other(head.found(), "unit")),
        }
    }

    /// postcard's format does not say what comes.
    #[inline(never)]
    fn ask(&mut self) -> Result<Head<'de>, Fault> {
        if self.pending.is_none() && !self.described {
            self.unfit = true;
            return Err(Fault::new("the format does not say what comes"));
        }
        if let Some(byte) = self.pending.take() {
            return Ok(Head::Unsigned(byte));
        }
        heads::read(&mut self.bytes)
    }

    #[inline(never)]
    fn skip(&mut self) -> Result<(), Fault> {
        if !self.described {
            self.unfit = true;
            return Err(Fault::new("the format does not say what comes"));
        }
        self.ignored = true;
        if self.pending.take().is_some() { Ok(()) } else { heads::skip(&mut self.bytes) }
    }
}

fn float(head: Head<'_>) -> Result<f64, Fault> {
    match head {
        Head::Double(value) => Ok(value),
        Head::Single(value) => Ok(value.into()),
        Head::Unsigned(value) => Ok(value as f64),
        Head::Signed(value) => Ok(value as f64),
        head => Err(Fault::other(head.found(), "a number")),
    }
}

macro_rules! integers {
    ($($name:ident $visit:ident $piece:ident;)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.integer(Piece::$piece)? {
                Integer::Asked(value) => visitor.$visit(value),
                Integer::Unsigned(value) => visitor.visit_u64(value),
                Integer::Signed(value) => visitor.visit_i64(value),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        self.described
    }

    integers! {
        deserialize_i8 visit_i8 I8;
        deserialize_i16 visit_i16 I16;
        deserialize_i32 visit_i32 I32;
        deserialize_i64 visit_i64 I64;
        deserialize_u8 visit_u8 U8;
        deserialize_u16 visit_u16 U16;
        deserialize_u32 visit_u32 U32;
        deserialize_u64 visit_u64 U64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f32(self.single()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(self.double()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i128(self.deep()?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u128(self.wide()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.text(Piece::Char)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => visitor.visit_char(char),
            _ => visitor.visit_borrowed_str(text),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text(Piece::Text)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_list() {
            return self.deserialize_seq(visitor);
        }
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.some()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.unit()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut items = self.list()?;
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        let mut items = self.row(len, &[])?;
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut items = self.map()?;
        let value = visitor.visit_map(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.is_map() {
            return self.deserialize_map(visitor);
        }
        let mut items = self.row(fields.len(), fields)?;
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let (closed, choice) = self.choice(variants)?;
        let value = visitor.visit_enum(choice)?;
        if closed {
            self.close()?;
        }
        Ok(value)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.ask()? {
            Head::Text(text) => visitor.visit_borrowed_str(text),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => Err(Fault::other(head.found(), "a name")),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.ask()? {
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::Wide(value) => visitor.visit_u128(value),
            Head::Deep(value) => visitor.visit_i128(value),
            Head::Single(value) => visitor.visit_f32(value),
            Head::Double(value) => visitor.visit_f64(value),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Text(text) => visitor.visit_borrowed_str(text),
            Head::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Null => visitor.visit_unit(),
            Head::Some => visitor.visit_some(self),
            Head::Array(len) => {
                let mut items = Items::of(self, len);
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Head::Map(len) => {
                let mut items = Items::of(self, len);
                let value = visitor.visit_map(&mut items)?;
                items.end()?;
                Ok(value)
            }
            head @ Head::Break => Err(Fault::other(head.found(), "a value")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.skip()?;
        visitor.visit_unit()
    }
}
