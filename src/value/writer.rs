//! How serde writes a value: in postcard's format, which says nothing of itself, or in CBOR, which says
//! all. One serializer for both, with the choice in a field, because code that is generic over types is
//! compiled with cells: a second serializer would be compiled with each type a second time.

use super::heads::{self, BREAK, Major};
use super::trace::{Piece, Repeated};
use super::{Fault, Written, stack_here};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

type Done = Result<(), Fault>;

impl Written {
    /// What postcard writes for a value that is one piece.
    fn compact<T: Serialize>(&mut self, value: T) -> Done {
        Ok(postcard::serialize_with_flavor(&value, self)?)
    }

    fn begin_piece(&mut self, piece: Piece) -> bool {
        self.trace.piece(piece);
        self.described
    }

    /// What contains more begins here.
    fn nest(&mut self) {
        self.deepest = self.deepest.min(stack_here());
    }

    fn name(&mut self, name: &'static str) {
        if self.spelt { self.trace.name(name) } else { self.trace.name_at(name) }
    }

    fn null(&mut self) {
        let somes = std::mem::take(&mut self.somes);
        heads::write_null(&mut self.bytes, somes);
    }

    /// In front of what is not nothing, within as many `Some` as there may be.
    fn head(&mut self, major: Major, value: u64) {
        self.somes = 0;
        heads::write(&mut self.bytes, major, value);
    }

    #[inline(never)]
    fn some(&mut self) {
        self.nest();
        if self.begin_piece(Piece::Some) {
            self.somes += 1;
        } else {
            self.bytes.push(1);
        }
    }

    #[inline(never)]
    fn variant(&mut self, index: u32, name: &'static str) -> Done {
        self.nest();
        self.trace.numbered(Piece::Variant, index as usize);
        self.name(name);
        if !self.described {
            return self.compact(index);
        }
        self.head(Major::Map, 1);
        self.described_text(name)
    }

    fn described_text(&mut self, text: &str) -> Done {
        self.head(Major::Text, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// A list or map; in postcard's format its length comes first.
    #[inline(never)]
    fn list(&mut self, map: bool, len: Option<usize>) -> Result<Listing<'_>, Fault> {
        self.nest();
        self.trace.piece(if map { Piece::Map } else { Piece::Seq });
        if self.described {
            self.open(map);
        } else if let Some(len) = len {
            self.length(len);
        } else {
            self.unfit = true;
            return Err(Fault::new("a list that does not know its length"));
        }
        let repeated = Some(self.trace.repeated());
        Ok(Listing { to: self, announced: len, count: 0, repeated })
    }

    /// A tuple or struct, whose items have no count.
    #[inline(never)]
    fn row(&mut self, named: bool, len: usize) -> Listing<'_> {
        self.nest();
        self.trace.numbered(Piece::Row, len);
        if self.described {
            self.open(named);
        }
        Listing { to: self, announced: Some(len), count: 0, repeated: None }
    }

    fn open(&mut self, map: bool) {
        self.somes = 0;
        heads::write_open(&mut self.bytes, if map { Major::Map } else { Major::Array });
    }
}

macro_rules! pieces {
    ($($name:ident $t:ty, $piece:ident, |$to:ident, $value:ident| $described:expr;)*) => {$(
        #[inline(never)]
        fn $name(self, $value: $t) -> Done {
            if !self.begin_piece(Piece::$piece) {
                return self.compact($value);
            }
            self.somes = 0;
            let $to = &mut self.bytes;
            $described;
            Ok(())
        }
    )*};
}

impl<'a> Serializer for &'a mut Written {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Listing<'a>;
    type SerializeTuple = Listing<'a>;
    type SerializeTupleStruct = Listing<'a>;
    type SerializeTupleVariant = Listing<'a>;
    type SerializeMap = Listing<'a>;
    type SerializeStruct = Listing<'a>;
    type SerializeStructVariant = Listing<'a>;

    /// In CBOR values are written for people, because serde reads what it had to look at before (untagged
    /// enums, flattened structs) so in any format: a time would be written as a number and read as a text.
    fn is_human_readable(&self) -> bool {
        self.described
    }

    pieces! {
        serialize_bool bool, Bool, |to, value| heads::write_bool(to, value);
        serialize_i8 i8, I8, |to, value| heads::write_signed(to, value.into());
        serialize_i16 i16, I16, |to, value| heads::write_signed(to, value.into());
        serialize_i32 i32, I32, |to, value| heads::write_signed(to, value.into());
        serialize_i64 i64, I64, |to, value| heads::write_signed(to, value);
        serialize_u8 u8, U8, |to, value| heads::write(to, Major::Unsigned, value.into());
        serialize_u16 u16, U16, |to, value| heads::write(to, Major::Unsigned, value.into());
        serialize_u32 u32, U32, |to, value| heads::write(to, Major::Unsigned, value.into());
        serialize_u64 u64, U64, |to, value| heads::write(to, Major::Unsigned, value);
        serialize_f32 f32, F32, |to, value| heads::write_f32(to, value);
        serialize_f64 f64, F64, |to, value| heads::write_f64(to, value);
        serialize_i128 i128, I128, |to, value| match i64::try_from(value) {
            Ok(value) => heads::write_signed(to, value),
            Err(_) if value < 0 => heads::write_wide(to, 3, !value as u128),
            Err(_) => heads::write_wide(to, 2, value as u128),
        };
        serialize_u128 u128, U128, |to, value| match u64::try_from(value) {
            Ok(value) => heads::write(to, Major::Unsigned, value),
            Err(_) => heads::write_wide(to, 2, value),
        };
        serialize_char char, Char, |to, value| {
            heads::write(to, Major::Text, value.len_utf8() as u64);
            to.extend_from_slice(value.encode_utf8(&mut [0; 4]).as_bytes());
        };
        serialize_str &str, Text, |to, value| {
            heads::write(to, Major::Text, value.len() as u64);
            to.extend_from_slice(value.as_bytes());
        };
        serialize_bytes &[u8], Bytes, |to, value| {
            heads::write(to, Major::Bytes, value.len() as u64);
            to.extend_from_slice(value);
        };
    }

    #[inline(never)]
    fn serialize_none(self) -> Done {
        if self.begin_piece(Piece::None) {
            self.null();
        } else {
            self.bytes.push(0);
        }
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.some();
        value.serialize(self)
    }

    #[inline(never)]
    fn serialize_unit(self) -> Done {
        if self.begin_piece(Piece::Unit) {
            self.null();
        }
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    #[inline(never)]
    fn serialize_unit_variant(self, _: &'static str, index: u32, variant: &'static str) -> Done {
        if self.described {
            return self.described_text(variant);
        }
        self.variant(index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.variant(index, variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Listing<'a>, Fault> {
        self.list(false, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Listing<'a>, Fault> {
        Ok(self.row(false, len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Listing<'a>, Fault> {
        Ok(self.row(false, len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Listing<'a>, Fault> {
        self.variant(index, variant)?;
        Ok(self.row(false, len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Listing<'a>, Fault> {
        self.list(true, len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Listing<'a>, Fault> {
        Ok(self.row(true, len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Listing<'a>, Fault> {
        self.variant(index, variant)?;
        Ok(self.row(true, len))
    }
}

/// A list, map, tuple or struct that is being written.
pub struct Listing<'a> {
    to: &'a mut Written,
    announced: Option<usize>,
    count: usize,
    repeated: Option<Repeated>,
}

impl Listing<'_> {
    #[inline(never)]
    fn before(&mut self) {
        if let Some(repeated) = &self.repeated {
            repeated.before(&mut self.to.trace);
        }
    }

    #[inline(never)]
    fn after(&mut self) {
        self.count += 1;
        if let Some(repeated) = &mut self.repeated {
            repeated.after(&self.to.trace);
        }
    }

    #[inline(never)]
    fn field(&mut self, name: &'static str) -> Done {
        self.count += 1;
        self.to.name(name);
        if self.to.described { self.to.described_text(name) } else { Ok(()) }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.before();
        value.serialize(&mut *self.to)?;
        self.after();
        Ok(())
    }

    #[inline(never)]
    fn close(self) -> Done {
        if self.to.described {
            self.to.bytes.push(BREAK);
        } else if self.announced != Some(self.count) {
            self.to.unfit = true;
        }
        if let Some(repeated) = self.repeated {
            repeated.end(&mut self.to.trace);
        }
        Ok(())
    }
}

macro_rules! items {
    ($($of:ident $one:ident)*) => {$(
        impl $of for Listing<'_> {
            type Ok = ();
            type Error = Fault;
            fn $one<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                self.item(value)
            }
            fn end(self) -> Done {
                self.close()
            }
        }
    )*};
}
items! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($of:ident)*) => {$(
        impl $of for Listing<'_> {
            type Ok = ();
            type Error = Fault;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Done {
                self.field(name)?;
                value.serialize(&mut *self.to)
            }
            fn end(self) -> Done {
                self.close()
            }
        }
    )*};
}
fields!(SerializeStruct SerializeStructVariant);

impl SerializeMap for Listing<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.before();
        key.serialize(&mut *self.to)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut *self.to)?;
        self.after();
        Ok(())
    }
    fn end(self) -> Done {
        self.close()
    }
}
