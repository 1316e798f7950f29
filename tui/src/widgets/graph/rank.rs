//! Which column each node stands in: one more than its latest predecessor.
//! Owns cycle breaking and ranking; knows nothing of heights and rows.
//! Invariant: a node that had a column keeps it; edges that would then point left or stay in a column are loop edges.

/// Columns for `count` nodes; `kept` names the columns of nodes that were drawn before.
pub(super) fn rank(count: usize, edges: &[(usize, usize)], kept: &[Option<usize>]) -> Vec<usize> {
    let out = outgoing(count, edges);
    let back = back_edges(count, edges, &out);
    let mut waiting = vec![0usize; count];
    for (at, (_, to)) in edges.iter().enumerate() {
        if !back[at] {
            waiting[*to] += 1;
        }
    }
    let mut ranks: Vec<usize> = (0..count).map(|node| kept[node].unwrap_or(0)).collect();
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    let mut next = 0;
    while let Some(node) = ready.get(next).copied() {
        next += 1;
        for edge in &out[node] {
            if back[*edge] {
                continue;
            }
            let to = edges[*edge].1;
            if kept[to].is_none() {
                ranks[to] = ranks[to].max(ranks[node] + 1);
            }
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    ranks
}

fn outgoing(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new(); count];
    for (at, (from, _)) in edges.iter().enumerate() {
        out[*from].push(at);
    }
    out
}

/// Edges that close a cycle, found by a depth-first walk in node order (without recursion: graphs may be long).
fn back_edges(count: usize, edges: &[(usize, usize)], out: &[Vec<usize>]) -> Vec<bool> {
    const UNSEEN: u8 = 0;
    const OPEN: u8 = 1;
    const CLOSED: u8 = 2;
    let mut back = vec![false; edges.len()];
    let mut seen = vec![UNSEEN; count];
    for start in 0..count {
        if seen[start] != UNSEEN {
            continue;
        }
        seen[start] = OPEN;
        let mut stack = vec![(start, 0usize)];
        while let Some((node, at)) = stack.last_mut() {
            let Some(edge) = out[*node].get(*at).copied() else {
                seen[*node] = CLOSED;
                stack.pop();
                continue;
            };
            *at += 1;
            let to = edges[edge].1;
            match seen[to] {
                UNSEEN => {
                    seen[to] = OPEN;
                    stack.push((to, 0));
                }
                OPEN => back[edge] = true,
                _ => {}
            }
        }
    }
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_stands_right_of_its_latest_predecessor() {
        let edges = [(0, 1), (1, 2), (0, 2), (2, 3)];
        assert_eq!(rank(4, &edges, &[None; 4]), [0, 1, 2, 3]);
    }

    #[test]
    fn cycles_are_broken_and_every_node_gets_a_column() {
        let edges = [(0, 1), (1, 2), (2, 0), (2, 2)];
        assert_eq!(rank(3, &edges, &[None; 3]), [0, 1, 2]);
    }

    #[test]
    fn a_kept_column_stays_even_if_a_longer_way_appears() {
        let edges = [(0, 1), (0, 2), (2, 1)];
        assert_eq!(rank(3, &edges, &[Some(0), Some(1), None]), [0, 1, 1]);
    }
}
