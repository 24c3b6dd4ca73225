//! Rows put into two heaps by a rule, in the order in which they stand.

use rayon::prelude::*;

use super::super::split::Rule;

/// How many rows are divided at a time; more than two such blocks go to several threads.
const BLOCK: usize = 1 << 14;

/// Puts the rows that go to the left first and keeps the order on both sides; gives back how many
/// go to the left. `spare` has room for all rows.
pub(crate) fn partition(rows: &mut [u32], spare: &mut [u32], codes: &[u8], rule: &Rule) -> usize {
    match *rule {
        Rule::Below { bound, shift, .. } => {
            divide(rows, spare, |row| codes[row as usize].wrapping_sub(shift) <= bound)
        }
        Rule::Among { codes: among, .. } => {
            divide(rows, spare, |row| among.contains(codes[row as usize]))
        }
    }
}

fn divide(rows: &mut [u32], spare: &mut [u32], left: impl Fn(u32) -> bool + Sync) -> usize {
    if rows.len() < 2 * BLOCK {
        let lefts = divide_block(rows, spare, &left);
        let rights = rows.len() - lefts;
        rows[lefts..].copy_from_slice(&spare[..rights]);
        return lefts;
    }
    let blocks = rows.par_chunks_mut(BLOCK).zip(spare.par_chunks_mut(BLOCK));
    let counts: Vec<usize> = blocks.map(|(rows, spare)| divide_block(rows, spare, &left)).collect();
    let mut lefts = 0;
    for (block, &count) in counts.iter().enumerate() {
        rows.copy_within(block * BLOCK..block * BLOCK + count, lefts);
        lefts += count;
    }
    let mut at = lefts;
    for (block, &count) in counts.iter().enumerate() {
        let rights = BLOCK.min(rows.len() - block * BLOCK) - count;
        rows[at..at + rights].copy_from_slice(&spare[block * BLOCK..block * BLOCK + rights]);
        at += rights;
    }
    lefts
}

/// Puts the rows for which `left` holds to the front of `rows`, the others to the front of `spare`.
#[inline]
fn divide_block(rows: &mut [u32], spare: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut lefts = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        let goes_left = usize::from(left(row));
        // Both are written, one counts: there is no branch to guess.
        rows[lefts] = row;
        spare[at - lefts] = row;
        lefts += goes_left;
    }
    lefts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_order() {
        for count in [0usize, 1, 5, BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 77] {
            let codes: Vec<u8> = (0..count).map(|row| (row * 7919 % 251) as u8).collect();
            let mut rows: Vec<u32> = (0..count as u32).collect();
            let mut spare = vec![0; count];
            let rule = Rule::Below { column: 0, bound: 99, shift: 1 };
            let lefts = partition(&mut rows, &mut spare, &codes, &rule);
            let goes_left = |row: &u32| (1..=100).contains(&codes[*row as usize]);
            let expected: Vec<u32> = (0..count as u32)
                .filter(goes_left)
                .chain((0..count as u32).filter(|row| !goes_left(row)))
                .collect();
            assert_eq!(rows, expected);
            assert_eq!(lefts, (0..count as u32).filter(goes_left).count());
        }
    }
}
