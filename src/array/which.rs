//! Which reduction it is, by name: what of one travels to where it runs. And the reduction by closures of the user's, whose
//! loops are compiled with a cell. What reductions do is in `reductions`.

use super::element::{DType, Scalar};
use super::reduce::{Piece, Reduction, Sums};
use super::reductions::{Arg, Histogram, Max, Min, Prod, Simple, Sum, Variance};
use crate::par::Bins;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::sync::Arc;

/// How two numbers become one, by name.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Folding {
    Sum,
    Prod,
    Min,
    Max,
}

/// A reduction by its name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Which {
    Simple {
        fold: Folding,
        of: DType,
    },
    Arg {
        greatest: bool,
        of: DType,
    },
    Variance {
        ddof: usize,
    },
    Histogram {
        bins: Bins,
    },
    OwnAt {
        init: Scalar,
        takes: DType,
        fold: u32,
        merge: u32,
    },
    /// Code travels by itself: then its places in a table stand for it, as above. What does not travel comes last, since formats
    /// count the others.
    #[serde(skip)]
    Own(Own),
}

macro_rules! simple {
    ($of:expr; $($fold:ident)*) => {{
        let (fold, of) = $of;
        let made: Arc<dyn Reduction> = match (fold, of) {
            $(
                (Folding::$fold, DType::F64) => Arc::new(Simple::<$fold, f64>::new()),
                (Folding::$fold, _) => Arc::new(Simple::<$fold, i64>::new()),
            )*
        };
        made
    }};
}

impl Which {
    /// The reduction; `None` when it is of code that is not here.
    pub(crate) fn reduction(self) -> Option<Arc<dyn Reduction>> {
        Some(match self {
            Self::Simple { fold, of } => simple!((fold, of); Sum Prod Min Max),
            Self::Arg { greatest, of } => match (of, greatest) {
                (DType::F64, false) => Arc::new(Arg::<f64, false>(PhantomData)),
                (DType::F64, true) => Arc::new(Arg::<f64, true>(PhantomData)),
                (_, false) => Arc::new(Arg::<i64, false>(PhantomData)),
                (_, true) => Arc::new(Arg::<i64, true>(PhantomData)),
            },
            Self::Variance { ddof } => Arc::new(Variance { ddof }),
            Self::Histogram { bins } => Arc::new(Histogram { bins }),
            Self::Own(own) => Arc::new(own),
            Self::OwnAt { .. } => return None,
        })
    }
}

/// A loop of a user's closure that folds a piece.
///
/// # Safety (of every call)
/// As for [`Reduction::fold`].
pub(crate) type FoldPiece = unsafe fn(Piece, Sums);
/// A loop of a user's closure that merges accumulators.
///
/// # Safety (of every call)
/// As for [`Reduction::merge`].
pub(crate) type MergeWords = unsafe fn(usize, Sums, Sums);

/// A reduction by users' closures.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) init: Scalar,
    pub(crate) takes: DType,
    pub(crate) fold: FoldPiece,
    pub(crate) merge: MergeWords,
}

impl Reduction for Own {
    fn name(&self) -> String {
        "reduce".to_owned()
    }
    fn takes(&self) -> DType {
        self.takes
    }
    fn gives(&self) -> DType {
        self.init.dtype
    }
    fn words(&self) -> usize {
        1
    }
    fn start(&self) -> Vec<u64> {
        vec![self.init.word]
    }
    unsafe fn fold(&self, piece: Piece, sums: Sums) {
        // SAFETY: passed on; the loop was compiled for the type that this takes.
        unsafe { (self.fold)(piece, sums) }
    }
    unsafe fn merge(&self, n: usize, into: Sums, other: Sums) {
        // SAFETY: passed on.
        unsafe { (self.merge)(n, into, other) }
    }
    unsafe fn finish(&self, n: usize, sums: Sums, out: *mut u8) {
        let size = self.init.dtype.size();
        for i in 0..n {
            // SAFETY: `n` accumulators, and room for `n` results; an element's bytes are the first of its word.
            unsafe { out.add(i * size).copy_from_nonoverlapping(sums.word::<u64>(i, 0).cast(), size) };
        }
    }
    fn which(&self) -> Which {
        Which::Own(self.clone())
    }
}
