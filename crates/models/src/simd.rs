//! Loops compiled for the widest registers of the processor at hand.
//!
//! Sums keep a fixed number of lanes and multiply before they add, never fused, so a wider
//! register gives the bits of a narrower one.

/// Runs `work` compiled for this processor; what it calls must be inlined to profit.
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Σ aᵢ bᵢ, added in eight lanes and then together, always in the same order.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + tail
}

/// `to` += `factor` · `from`.
#[inline(always)]
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}
