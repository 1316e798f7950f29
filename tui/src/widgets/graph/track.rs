//! Vertical tracks in the channel between two columns, so that lines which do not belong together never share one.
//! Owns the assignment; what a net is made of is the router's business.
//! Invariant: a net that ends in a row is right of any other net that starts in that row.

/// Lines of one channel that share their vertical part.
#[derive(Clone, Debug, Default)]
pub(super) struct Net {
    /// Rows where it comes in from the left.
    pub sources: Vec<i32>,
    /// Rows where it goes out to the right.
    pub targets: Vec<i32>,
    /// Rows it must reach without leaving the channel sideways (loop lanes).
    pub lanes: Vec<i32>,
}

impl Net {
    /// First and last row.
    pub(super) fn rows(&self) -> (i32, i32) {
        let all = self.sources.iter().chain(&self.targets).chain(&self.lanes);
        all.fold((i32::MAX, i32::MIN), |span, row| {
            (span.0.min(*row), span.1.max(*row))
        })
    }

    /// All in one row: needs no vertical part.
    pub(super) fn is_straight(&self) -> bool {
        let (first, last) = self.rows();
        first >= last
    }
}

/// A track for each net (`None` for straight ones), and how many tracks there are.
pub(super) fn tracks(nets: &[Net]) -> (Vec<Option<usize>>, usize) {
    let count = nets.len();
    let bent: Vec<bool> = nets.iter().map(|net| !net.is_straight()).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut waiting = vec![0usize; count];
    for (left, a) in nets.iter().enumerate() {
        for (right, b) in nets.iter().enumerate() {
            let meets = a.sources.iter().any(|row| b.targets.contains(row));
            if left != right && bent[left] && bent[right] && meets {
                after[left].push(right);
                waiting[right] += 1;
            }
        }
    }
    let mut left: Vec<usize> = (0..count).filter(|net| bent[*net]).collect();
    left.sort_by_key(|net| nets[*net].rows());
    let mut track: Vec<Option<usize>> = vec![None; count];
    let mut least = vec![0usize; count];
    let mut used: Vec<Vec<(i32, i32)>> = Vec::new();
    while !left.is_empty() {
        // The first that waits for nobody; a ring of waiting nets is cut at its topmost.
        let at = left.iter().position(|net| waiting[*net] == 0).unwrap_or(0);
        let net = left.remove(at);
        let span = nets[net].rows();
        let mut here = least[net];
        while used
            .get(here)
            .is_some_and(|spans| spans.iter().any(|other| overlap(*other, span)))
        {
            here += 1;
        }
        if used.len() <= here {
            used.resize(here + 1, Vec::new());
        }
        used[here].push(span);
        track[net] = Some(here);
        for next in &after[net] {
            waiting[*next] = waiting[*next].saturating_sub(1);
            least[*next] = least[*next].max(here + 1);
        }
    }
    let count = used.len();
    (track, count)
}

const fn overlap(a: (i32, i32), b: (i32, i32)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(source: i32, target: i32) -> Net {
        Net {
            sources: vec![source],
            targets: vec![target],
            lanes: Vec::new(),
        }
    }

    #[test]
    fn straight_nets_need_no_track_and_distant_ones_share_one() {
        let (track, count) = tracks(&[net(3, 3), net(0, 1), net(5, 7)]);
        assert_eq!(track, [None, Some(0), Some(0)]);
        assert_eq!(count, 1);
    }

    #[test]
    fn a_net_ends_right_of_the_net_that_starts_in_its_row() {
        let (track, _) = tracks(&[net(0, 4), net(4, 8)]);
        assert!(track[1] < track[0], "{track:?}");
    }

    #[test]
    fn rings_of_waiting_nets_still_get_tracks() {
        let (track, _) = tracks(&[net(0, 4), net(4, 0)]);
        assert!(track.iter().all(Option::is_some));
        assert_ne!(track[0], track[1]);
    }
}
