//! Loops compiled for the widest registers of the processor at hand.
//!
//! Products and sums are never fused, and sums keep a fixed number of lanes but for those of pairs
//! of columns, which have as many as registers do: equal bits on one kind of processor.

use std::marker::PhantomData;

pub(crate) use pulp::Simd;

/// A loop that profits from wide registers. `run` and what it calls must always be inlined: code
/// that stands alone is compiled for the narrowest.
pub(crate) trait Work<A> {
    /// What it gives.
    type Output;

    /// Does the work for these arguments.
    fn run<S: Simd>(simd: S, with: A) -> Self::Output;
}

/// What the loop `W` gives for `with`, compiled for this processor.
pub(crate) fn wide<W: Work<A>, A>(_: W, with: A) -> W::Output {
    pulp::Arch::new().dispatch(Call::<W, A> { with, work: PhantomData })
}

struct Call<W, A> {
    with: A,
    work: PhantomData<W>,
}

impl<A, W: Work<A>> pulp::WithSimd for Call<W, A> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> W::Output {
        W::run(simd, self.with)
    }
}

/// Σ aᵢ bᵢ, added in eight lanes and then together, always in the same order.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let tail: f64 = a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + tail
}

/// [`dot`] for [`wide`].
pub(crate) struct DotPair;

impl Work<(&[f64], &[f64])> for DotPair {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(_: S, (a, b): (&[f64], &[f64])) -> f64 {
        dot(a, b)
    }
}

/// `to` += `factor` · `from`.
#[inline(always)]
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}
