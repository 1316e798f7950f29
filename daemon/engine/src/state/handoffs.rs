//! Who handed what to whom: the chain behind whoever has the matter now.

use dirigent_protocol::run::EffectRequest;

use super::frame::FrameId;
use super::run::{Handed, RunState};

impl RunState {
    /// Everybody who had the matter, from the first to this one.
    pub(crate) fn chain_to(&self, who: &str) -> Vec<String> {
        let mut chain = vec![who.to_owned()];
        let mut last = who;
        for handed in self.handoffs.iter().rev() {
            if handed.to == last {
                last = &handed.from;
                chain.push(last.to_owned());
            }
        }
        chain.reverse();
        chain
    }

    pub(super) fn note_handoff(&mut self, frame: FrameId, request: &EffectRequest) {
        let EffectRequest::Agent(call) = request else {
            return;
        };
        let Some(handoff) = &call.handoff else { return };
        if self.handoffs.iter().any(|known| known.frame == frame) {
            return;
        }
        self.handoffs.push(Handed {
            frame,
            from: handoff.from.clone(),
            to: handoff.to.clone(),
        });
    }

    /// The step begins again: it has handed nothing over yet.
    pub(super) fn forget_handoff(&mut self, frame: FrameId) {
        self.handoffs.retain(|known| known.frame != frame);
    }
}
