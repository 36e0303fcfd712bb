//! Lists, maps, tuples, structs and enums that are being read: where they begin, how many items there
//! are, where they end.

use super::super::heads::{self, BREAK, Head};
use super::super::trace::{Piece, Repeated};
use super::super::{DESCRIBED, Fault};
use super::Reader;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// How many items are left.
enum Left<'de> {
    Count(usize),
    /// All until there is a break.
    Open,
    /// Each byte is one.
    Bytes(&'de [u8]),
}

/// A list, map, tuple or struct that is being read.
pub(super) struct Items<'a, 'de> {
    from: &'a mut Reader<'de>,
    left: Left<'de>,
    repeated: Option<Repeated>,
    /// Names of a struct's fields that come, when names are not written.
    names: &'static [&'static str],
    /// Each item says its format.
    joined: bool,
}

impl<'de> Reader<'de> {
    fn items<'a>(&'a mut self, left: Left<'de>) -> Items<'a, 'de> {
        Items { from: self, left, repeated: None, names: &[], joined: false }
    }

    fn counted<'a>(&'a mut self, piece: Piece) -> Result<Items<'a, 'de>, Fault> {
        self.piece(piece);
        let count: usize = self.compact()?;
        // Items without bytes: there may be as many as another number says that was taken for a length.
        if self.checking && count > self.bytes.len().max(1 << 16) {
            self.unfit = true;
            return Err(Fault::short());
        }
        let repeated = self.checking.then(|| self.trace.repeated());
        let joined = std::mem::take(&mut self.joined);
        Ok(Items { from: self, left: Left::Count(count), repeated, names: &[], joined })
    }

    #[inline(never)]
    pub(super) fn list<'a>(&'a mut self) -> Result<Items<'a, 'de>, Fault> {
        if !self.described {
            return self.counted(Piece::Seq);
        }
        let left = match self.head()? {
            Head::Array(len) => len.map_or(Left::Open, Left::Count),
            Head::Bytes(bytes) => Left::Bytes(bytes),
            head => return Err(Fault::other(head.found(), "a sequence")),
        };
        Ok(self.items(left))
    }

    #[inline(never)]
    pub(super) fn map<'a>(&'a mut self) -> Result<Items<'a, 'de>, Fault> {
        if !self.described {
            return self.counted(Piece::Map);
        }
        match self.head()? {
            Head::Map(len) => Ok(Items::of(self, len)),
            head => Err(Fault::other(head.found(), "a map")),
        }
    }

    #[inline(never)]
    pub(super) fn row<'a>(&'a mut self, count: usize, names: &'static [&'static str]) -> Result<Items<'a, 'de>, Fault> {
        if self.described {
            return self.list();
        }
        if self.checking {
            self.trace.numbered(Piece::Row, count);
        }
        Ok(Items { from: self, left: Left::Count(count), repeated: None, names, joined: false })
    }

    /// Does a map come, by what is written? Its names are written then.
    #[inline(never)]
    pub(super) fn is_map(&self) -> bool {
        self.described && matches!(self.peek(), Ok(Head::Map(_)))
    }

    /// Does a list come, by what is written?
    #[inline(never)]
    pub(super) fn is_list(&self) -> bool {
        self.described && matches!(self.peek(), Ok(Head::Array(_)))
    }

    /// A variant, and whether a break follows its content.
    #[inline(never)]
    pub(super) fn choice<'a>(&'a mut self, variants: &'static [&'static str]) -> Result<(bool, Choice<'a, 'de>), Fault>
    where
        'de: 'a,
    {
        if !self.described {
            let index: u32 = self.compact()?;
            if self.checking {
                self.trace.numbered(Piece::Variant, index as usize);
                self.trace.name(variants.get(index as usize).copied().unwrap_or_default());
            }
            self.pending = Some(index.into());
            return Ok((false, Choice { from: self, content: true }));
        }
        if !matches!(self.peek()?, Head::Map(_)) {
            return Ok((false, Choice { from: self, content: false }));
        }
        match self.head()? {
            Head::Map(Some(1)) => Ok((false, Choice { from: self, content: true })),
            Head::Map(None) => Ok((true, Choice { from: self, content: true })),
            head => Err(Fault::other(head.found(), "a map of one variant")),
        }
    }

    /// A list ends here.
    #[inline(never)]
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        match heads::read(&mut self.bytes)? {
            Head::Break => Ok(()),
            _ => Err(Fault::new("more items were written than are read")),
        }
    }
}

impl<'a, 'de> Items<'a, 'de> {
    pub(super) fn of(from: &'a mut Reader<'de>, len: Option<usize>) -> Self {
        from.items(len.map_or(Left::Open, Left::Count))
    }

    /// Before an item; is there one?
    #[inline(never)]
    fn next(&mut self) -> Result<bool, Fault> {
        let from = &mut *self.from;
        match &mut self.left {
            Left::Count(0) => return Ok(false),
            Left::Count(left) => *left -= 1,
            Left::Open if from.bytes.first() == Some(&BREAK) => return Ok(false),
            Left::Open => {}
            Left::Bytes(bytes) => {
                let Some((byte, rest)) = bytes.split_first() else { return Ok(false) };
                from.pending = Some((*byte).into());
                *bytes = rest;
            }
        }
        if self.joined {
            let (&format, rest) = from.bytes.split_first().ok_or_else(Fault::short)?;
            (from.bytes, from.described) = (rest, format == DESCRIBED);
        }
        if let Some(repeated) = &self.repeated {
            repeated.before(&mut from.trace);
        } else if from.checking
            && let [name, rest @ ..] = self.names
        {
            from.trace.name(name);
            self.names = rest;
        }
        Ok(true)
    }

    #[inline(never)]
    fn after(&mut self) {
        if let Some(repeated) = &mut self.repeated {
            repeated.after(&self.from.trace);
        }
    }

    #[inline(never)]
    pub(super) fn end(self) -> Result<(), Fault> {
        if let Some(repeated) = self.repeated {
            repeated.end(&mut self.from.trace);
        }
        match self.left {
            Left::Open => self.from.close(),
            Left::Count(0) | Left::Bytes(&[]) => Ok(()),
            // What is left would be taken for what follows.
            Left::Count(_) | Left::Bytes(_) => {
                self.from.unfit = true;
                Err(Fault::new("more items were written than are read"))
            }
        }
    }

    fn count(&self) -> Option<usize> {
        match &self.left {
            Left::Count(left) => Some(*left),
            Left::Bytes(bytes) => Some(bytes.len()),
            Left::Open => None,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Fault;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if !self.next()? {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.from)?;
        self.after();
        Ok(Some(value))
    }
    fn size_hint(&self) -> Option<usize> {
        self.count()
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Fault;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.from).map(Some)
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = seed.deserialize(&mut *self.from)?;
        self.after();
        Ok(value)
    }
    fn size_hint(&self) -> Option<usize> {
        self.count()
    }
}

/// A variant that is being read.
pub(super) struct Choice<'a, 'de> {
    from: &'a mut Reader<'de>,
    /// Something follows its name.
    content: bool,
}

impl Choice<'_, '_> {
    #[inline(never)]
    fn needs_content(&self) -> Result<(), Fault> {
        if self.content { Ok(()) } else { Err(Fault::other("unit variant", "a variant with content")) }
    }
}

impl<'de> EnumAccess<'de> for Choice<'_, 'de> {
    type Error = Fault;
    type Variant = Self;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let variant = seed.deserialize(&mut *self.from)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_, 'de> {
    type Error = Fault;
    #[inline(never)]
    fn unit_variant(self) -> Result<(), Fault> {
        if self.content && self.from.described { self.from.unit() } else { Ok(()) }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.needs_content()?;
        seed.deserialize(self.from)
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.needs_content()?;
        self.from.deserialize_tuple(len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.needs_content()?;
        self.from.deserialize_struct("", fields, visitor)
    }
}
