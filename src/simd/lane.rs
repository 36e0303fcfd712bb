//! What the loops over lanes know of a lane type: how many, loading and storing. Not arithmetic.

use super::{F32s, F64s};

pub(crate) mod sealed {
    /// The traits are sealed: loops rely on what their types promise about memory.
    pub trait Sealed {}
}
use sealed::Sealed;

/// A number that comes in lanes: `f64` or `f32`.
///
/// ```
/// use ferrolab::simd::{F64s, Lanes, LaneNumber};
/// fn lanes_of<T: LaneNumber>() -> usize { T::Lanes::LANES }
/// assert_eq!((lanes_of::<f64>(), lanes_of::<f32>()), (8, 16));
/// ```
pub trait LaneNumber: Copy + Default + Send + Sync + 'static + Sealed {
    /// Its lane type.
    type Lanes: Lanes<Item = Self>;
}

/// A lane type: [`F64s`] or [`F32s`].
pub trait Lanes: Copy + Send + Sync + 'static + Sealed {
    /// The number in a lane.
    type Item: LaneNumber<Lanes = Self>;

    /// How many lanes there are, the same on every processor.
    const LANES: usize;

    /// The same number in all lanes.
    #[must_use]
    fn splat(x: Self::Item) -> Self;

    /// The number in lane 0.
    fn first(self) -> Self::Item;

    /// Reads all lanes; no alignment is needed.
    ///
    /// # Safety
    /// `from` is valid for reading [`Self::LANES`] numbers.
    #[must_use]
    unsafe fn load(from: *const Self::Item) -> Self;

    /// Reads `n` numbers; lanes beyond repeat the last, so that they never do what a real one would not.
    ///
    /// # Safety
    /// `from` is valid for reading `n` numbers, and `1 <= n <= LANES`.
    #[must_use]
    unsafe fn load_part(from: *const Self::Item, n: usize) -> Self;

    /// Writes all lanes; no alignment is needed.
    ///
    /// # Safety
    /// `to` is valid for writing [`Self::LANES`] numbers.
    unsafe fn store(self, to: *mut Self::Item);

    /// Writes the first `n` lanes.
    ///
    /// # Safety
    /// `to` is valid for writing `n` numbers, and `n <= LANES`.
    unsafe fn store_part(self, to: *mut Self::Item, n: usize);

    /// Writes all lanes past the caches, for output too large for them. Whoever calls it ends with
    /// a fence before another thread may look.
    ///
    /// # Safety
    /// `to` is valid for writing [`Self::LANES`] numbers, and a multiple of 64.
    unsafe fn store_past_caches(self, to: *mut Self::Item);
}

macro_rules! lanes {
    ($lanes:ident, $wide:ident, $item:ident, $count:literal) => {
        impl $lanes {
            /// Copies `n` numbers and repeats the last. Rare, and so not compiled into cells.
            ///
            /// # Safety
            /// `from` is valid for reading `n` numbers, and `1 <= n <= LANES`.
            #[cold]
            #[inline(never)]
            unsafe fn copy_part(from: *const $item, n: usize, all: &mut [$item; $count]) {
                // SAFETY: the caller's promise.
                let part = unsafe { std::slice::from_raw_parts(from, n) };
                for (lane, x) in all.iter_mut().enumerate() {
                    *x = part[lane.min(n - 1)];
                }
            }
        }
        impl Sealed for $item {}
        impl Sealed for $lanes {}
        impl LaneNumber for $item {
            type Lanes = $lanes;
        }
        impl Lanes for $lanes {
            type Item = $item;
            const LANES: usize = $count;

            #[inline]
            fn splat(x: $item) -> Self {
                Self::splat(x)
            }

            #[inline]
            fn first(self) -> $item {
                self.to_array()[0]
            }

            #[inline]
            unsafe fn load(from: *const $item) -> Self {
                // As a vector: an array is copied in halves, and a load of both has to wait for the stores.
                // SAFETY: valid for all lanes by the contract; any bits are numbers.
                Self::from(unsafe { from.cast::<wide::$wide>().read_unaligned() })
            }

            #[inline]
            unsafe fn load_part(from: *const $item, n: usize) -> Self {
                // Through an array of its own: what `load` reads elsewhere then stays in registers.
                let mut all = [0.0; $count];
                // SAFETY: valid for `n` by the contract, and `n` is not 0.
                unsafe { Self::copy_part(from, n, &mut all) };
                Self::from(all)
            }

            #[inline]
            unsafe fn store(self, to: *mut $item) {
                // SAFETY: valid for all lanes by the contract.
                unsafe { to.cast::<wide::$wide>().write_unaligned(self.0) }
            }

            #[inline]
            unsafe fn store_part(self, to: *mut $item, n: usize) {
                // SAFETY: valid for `n <= LANES` by the contract; the array is not in that memory.
                unsafe { to.copy_from_nonoverlapping(self.to_array().as_ptr(), n) }
            }

            #[inline]
            unsafe fn store_past_caches(self, to: *mut $item) {
                #[cfg(all(target_arch = "x86_64", target_feature = "avx512f"))]
                {
                    use std::arch::x86_64::{__m512i, _mm512_stream_si512};
                    // SAFETY: a vector of 64 bytes to another, all bits valid; the
                    // processor has AVX-512, since code for it is being compiled; 64 bytes at `to`
                    // are writable and aligned by the contract.
                    unsafe { _mm512_stream_si512(to.cast(), std::mem::transmute::<wide::$wide, __m512i>(self.0)) }
                }
                #[cfg(all(target_arch = "x86_64", not(target_feature = "avx512f")))]
                {
                    use std::arch::x86_64::{__m128i, _mm_stream_si128};
                    // SAFETY: as above with four vectors of 16 bytes, which are in x86-64's baseline.
                    unsafe {
                        let parts = std::mem::transmute::<wide::$wide, [__m128i; 4]>(self.0);
                        for (k, part) in parts.into_iter().enumerate() {
                            _mm_stream_si128(to.cast::<__m128i>().add(k), part);
                        }
                    }
                }
                #[cfg(not(target_arch = "x86_64"))]
                // SAFETY: the contract is stricter than that of `store`.
                unsafe {
                    self.store(to);
                }
            }
        }
    };
}
lanes!(F64s, f64x8, f64, 8);
lanes!(F32s, f32x16, f32, 16);
