//! The places one came through: back and forward, bounded.

use super::Place;

/// Places kept; older ones are forgotten.
const KEPT: usize = 64;

/// Back and forward over places.
#[derive(Debug, Default)]
pub struct History {
    back: Vec<Place>,
    forward: Vec<Place>,
}

impl History {
    /// Notes that `from` was left for somewhere new.
    pub fn leave(&mut self, from: Place) {
        if self.back.last() == Some(&from) {
            return;
        }
        if self.back.len() == KEPT {
            self.back.remove(0);
        }
        self.back.push(from);
        self.forward.clear();
    }

    /// The place before `here`.
    pub fn back(&mut self, here: Place) -> Option<Place> {
        let place = self.back.pop()?;
        self.forward.push(here);
        Some(place)
    }

    /// The place that `back` came from.
    pub fn forward(&mut self, here: Place) -> Option<Place> {
        let place = self.forward.pop()?;
        self.back.push(here);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_then_forward_returns() {
        let mut history = History::default();
        history.leave(Place::page("dashboard"));
        let back = history.back(Place::page("runs")).unwrap();
        assert_eq!(back, Place::page("dashboard"));
        assert_eq!(history.forward(back), Some(Place::page("runs")));
        assert_eq!(history.forward(Place::page("runs")), None);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut history = History::default();
        for n in 0..200 {
            history.leave(Place::run(n));
        }
        assert_eq!(
            std::iter::from_fn(|| history.back(Place::page("x"))).count(),
            KEPT
        );
    }
}
