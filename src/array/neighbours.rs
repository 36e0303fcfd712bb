//! What closures say of each element's surroundings. Where a part of an array is worked on alone, its surroundings come with
//! it, as far as the closure turns out to look (`window`).

use super::api::Array;
use super::buffer::{Buffer, Memory};
use super::element::{Element, Scalar};
use super::shape::Region;
use super::whole::{Stencil, Whole, guarded, whole};
use crate::closure::{captures_nothing, conjure};
use crate::error::Error;
use crate::par::{self, Around, Around3, Edge};
use ndarray::{Ix2, Ix3};
use serde::{Deserialize, Serialize};

/// What is seen beyond the edges, of elements whose type is known at run time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Border {
    Clamp,
    Wrap,
    Reflect,
    Fill(Scalar),
}

impl Border {
    pub(super) fn of<T: Element>(edge: Edge<T>) -> Self {
        match edge {
            Edge::Clamp => Self::Clamp,
            Edge::Wrap => Self::Wrap,
            Edge::Reflect => Self::Reflect,
            Edge::Fill(x) => Self::Fill(Scalar::of(x)),
        }
    }

    fn edge<T: Element>(self) -> Edge<T> {
        match self {
            Self::Clamp => Edge::Clamp,
            Self::Wrap => Edge::Wrap,
            Self::Reflect => Edge::Reflect,
            Self::Fill(x) => Edge::Fill(T::from_word(x.word)),
        }
    }
}

/// What a stencil's code is called on: an array, or a window of one.
pub(crate) struct Surroundings<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) shape: &'a [usize],
    pub(crate) border: Border,
    /// Which elements of the window are wanted, and the index of its first one in the array.
    pub(crate) window: Option<(Region, Vec<isize>)>,
}

/// A closure over surroundings, compiled.
///
/// # Errors
/// When it panics; with how far it looked when that is beyond the window.
pub(crate) type StencilCode = fn(&Surroundings<'_>) -> Result<Buffer, Failed>;

/// What is told of a part whose stencil looks farther than its surroundings reach: how far comes after it.
pub(crate) const FARTHER: &str = "a stencil looks farther than its surroundings: ";

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failed {
    Error(Error),
    /// The closure looks so many elements far, and the window ends before.
    Farther(usize),
}

macro_rules! stencils {
    ($($dim:ident $around:ident $function:ident $within:ident $call:ident $axes:literal $example:literal)*) => {$(
        fn $call<T, U, F>(from: &Surroundings<'_>) -> Result<Buffer, Failed>
        where
            T: Element,
            U: Element,
            F: Fn($around<'_, T>) -> U + Copy + Send + Sync + 'static,
        {
            let f: F = conjure();
            let Ok(lengths) = <[usize; $axes]>::try_from(from.shape) else { unreachable!("as the type says") };
            let elements = from.memory.slice::<T>(from.shape);
            let Some((inside, first)) = &from.window else {
                let edge = from.border.edge();
                let all = || Buffer::of(par::message("stencil").around(|| par::$function(elements, lengths, edge, f)));
                return guarded("stencil", all).map_err(Failed::Error);
            };
            let axis = |axis: usize| (inside.start[axis], inside.shape[axis], first[axis]);
            let made = guarded("stencil", || par::$within(elements, lengths, std::array::from_fn(axis), f));
            made.map_err(Failed::Error)?.map(Buffer::of).map_err(Failed::Farther)
        }

        impl<T: Element> Array<T, $dim> {
            /// Calls `f` with the surroundings of each element, as
            #[doc = concat!("[`par::", stringify!($function), "`](crate::par::", stringify!($function), "());")]
            /// `edge` says what is seen beyond the edges. Dask's `map_overlap`, for one element at a time: chunks need not be
            /// thought of.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// use ferrolab::par::Edge;
            #[doc = concat!("let a = threads().array().ones::<f64, _>([4; ", stringify!($axes), "]);")]
            #[doc = $example]
            /// assert_eq!(b.sum().compute()?, b.len() as f64 * 0.75);
            /// # Ok::<(), ferrolab::cluster::Error>(())
            /// ```
            #[must_use]
            #[track_caller]
            #[doc(alias = "map_overlap")]
            pub fn stencil<U, F>(&self, edge: Edge<T>, f: F) -> Array<U, $dim>
            where
                U: Element,
                F: Fn($around<'_, T>) -> U + Copy + Send + Sync + 'static,
            {
                captures_nothing!(f: F);
                let work = Whole::Stencil(Stencil { border: Border::of(edge), code: $call::<T, U, F> });
                self.with(whole(work, &[&self.node], self.node.shape.clone(), U::DTYPE))
            }
        }
    )*};
}
stencils! {
    Ix2 Around stencil2 stencil2_within around2 2 "let b = a.stencil(Edge::Fill(0.0), |around| around.at(0, 1));"
    Ix3 Around3 stencil3 stencil3_within around3 3 "let b = a.stencil(Edge::Fill(0.0), |around| around.at(0, 0, 1));"
}
