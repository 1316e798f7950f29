//! The order inside each column: few crossings, by sweeps of barycentres.
//! Owns the order only; rows come from placing.
//! Invariant: deterministic for the same graph; ties keep the document's order, conditional targets below the others.

use super::layer::Layers;

const SWEEPS: usize = 4;

/// Orders every column of `layers`, and keeps the best of a few sweeps.
pub(super) fn order(layers: &mut Layers) {
    let (left, right) = neighbours(layers);
    let aside = asides(layers);
    for column in 1..layers.columns.len() {
        sort(layers, column, &left, &aside);
    }
    let mut best = layers.columns.clone();
    let mut fewest = crossings(layers);
    for sweep in 0..SWEEPS {
        if fewest == 0 {
            break;
        }
        let count = layers.columns.len();
        if sweep % 2 == 0 {
            for column in 1..count {
                sort(layers, column, &left, &aside);
            }
        } else {
            for column in (0..count.saturating_sub(1)).rev() {
                sort(layers, column, &right, &aside);
            }
        }
        let now = crossings(layers);
        if now < fewest {
            fewest = now;
            best.clone_from(&layers.columns);
        }
    }
    layers.columns = best;
}

fn neighbours(layers: &Layers) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut left = vec![Vec::new(); layers.vertices.len()];
    let mut right = left.clone();
    for segment in &layers.segments {
        left[segment.to].push(segment.from);
        right[segment.from].push(segment.to);
    }
    (left, right)
}

/// Vertices that only weakly pulling (conditional) segments enter.
fn asides(layers: &Layers) -> Vec<bool> {
    let mut strongest = vec![0.0f64; layers.vertices.len()];
    for segment in &layers.segments {
        strongest[segment.to] = strongest[segment.to].max(segment.weight);
    }
    strongest
        .into_iter()
        .map(|weight| weight > 0.0 && weight <= 1.0)
        .collect()
}

fn places(layers: &Layers) -> Vec<usize> {
    let mut place = vec![0; layers.vertices.len()];
    for column in &layers.columns {
        for (at, vertex) in column.iter().enumerate() {
            place[*vertex] = at;
        }
    }
    place
}

fn sort(layers: &mut Layers, column: usize, beside: &[Vec<usize>], aside: &[bool]) {
    let place = places(layers);
    let Some(list) = layers.columns.get_mut(column) else {
        return;
    };
    let mut keyed: Vec<(f64, usize)> = list
        .iter()
        .map(|vertex| {
            let around = &beside[*vertex];
            if around.is_empty() {
                return (place[*vertex] as f64, *vertex);
            }
            let sum: usize = around.iter().map(|other| place[*other]).sum();
            (sum as f64 / around.len() as f64, *vertex)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| aside[a.1].cmp(&aside[b.1])));
    *list = keyed.into_iter().map(|(_, vertex)| vertex).collect();
}

/// Number of crossing pairs of segments, counted column by column with a tree of partial sums.
fn crossings(layers: &Layers) -> usize {
    let place = places(layers);
    let mut between: Vec<Vec<(usize, usize)>> = vec![Vec::new(); layers.columns.len()];
    for segment in &layers.segments {
        between[layers.vertices[segment.from].rank].push((place[segment.from], place[segment.to]));
    }
    between.iter_mut().map(|pairs| inversions(pairs)).sum()
}

fn inversions(pairs: &mut [(usize, usize)]) -> usize {
    pairs.sort_unstable();
    let size = pairs.iter().map(|pair| pair.1 + 1).max().unwrap_or(0);
    let mut tree = vec![0usize; size + 1];
    let mut total = 0;
    for (seen, (_, to)) in pairs.iter().enumerate() {
        let (mut at, mut below) = (to + 1, 0);
        while at > 0 {
            below += tree[at];
            at &= at - 1;
        }
        total += seen - below;
        let mut at = to + 1;
        while at <= size {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inversions_count_crossing_pairs() {
        assert_eq!(inversions(&mut [(0, 0), (1, 1), (2, 2)]), 0);
        assert_eq!(inversions(&mut [(0, 2), (1, 1), (2, 0)]), 3);
        assert_eq!(
            inversions(&mut [(0, 1), (0, 1), (1, 1)]),
            0,
            "a shared end is no crossing"
        );
    }
}
