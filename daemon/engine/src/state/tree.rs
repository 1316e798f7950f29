//! The tree of task instances: finding, adding, taking out.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::StepId;
use jiff::Timestamp;

use super::frame::{Frame, FrameId, Phase, Wait};
use super::run::{EffectPhase, RunState, bucket};

impl RunState {
    pub(super) fn change(&mut self, step: &StepId, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frame_of(step).and_then(|id| self.frame_mut(id)) {
            change(frame);
        }
    }

    pub(super) fn add_frame(&mut self, id: FrameId, frame: Frame) {
        let bucket = bucket(&frame.step.pointer, &frame.step.iterations);
        if let Some(ids) = self.by_step.get_mut(bucket) {
            ids.push(id);
        } else {
            self.by_step.insert(bucket, vec![id]);
        }
        self.frames.insert(id, Arc::new(frame));
    }

    /// Takes a frame and all inside it out; effects of theirs that may be running are marked to be aborted.
    pub(super) fn remove_frame(&mut self, id: FrameId) {
        self.remove_inside(id);
        let Some(frame) = self.frames.remove(id) else {
            return;
        };
        let bucket = bucket(&frame.step.pointer, &frame.step.iterations);
        if let Some(ids) = self.by_step.get_mut(bucket) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_step.remove(bucket);
            }
        }
        if let Some(parent) = frame.parent.and_then(|id| self.frame_mut(id)) {
            parent.children.retain(|child| *child != id);
            parent.open = parent.open.saturating_sub(u32::from(frame.phase != Phase::Done));
        }
    }

    pub(super) fn remove_inside(&mut self, id: FrameId) {
        let Some(frame) = self.frames.get(id).cloned() else {
            return;
        };
        for child in &frame.children {
            self.remove_frame(*child);
        }
        self.listens.remove(id);
        for timer in frame.timeout.into_iter().chain(frame.attempt_limit) {
            self.timers.remove(timer.0);
        }
        match &frame.wait {
            Wait::Timer(timer) | Wait::Yield { timer, .. } => {
                self.timers.remove(timer.0);
            }
            Wait::Approval { approval, expiry } => {
                if self.take_approval(*approval).is_some() {
                    self.drop_question_timers(id);
                }
                if let Some(timer) = expiry {
                    self.timers.remove(timer.0);
                }
            }
            Wait::Effect(effect) => {
                let queued = self
                    .effects
                    .get(effect.0)
                    .is_some_and(|known| matches!(known.phase, EffectPhase::Queued | EffectPhase::Held));
                if queued {
                    self.effects.remove(effect.0);
                } else if let Some(known) = self.effects.get_mut(effect.0) {
                    Arc::make_mut(known).abort = true;
                }
            }
            _ => {}
        }
    }

    /// The frame around a step: the nearest pointer above that lives, with as many iterations or one less.
    pub(crate) fn parent_of(&self, step: &StepId) -> Option<FrameId> {
        let mut pointer: &str = &step.pointer;
        let mut lookup = StepId::iterated("", step.iterations.clone());
        while let Some((above, _)) = pointer.rsplit_once('/') {
            pointer = above;
            lookup.pointer = Arc::from(pointer);
            if let Some(id) = self.frame_of(&lookup) {
                return Some(id);
            }
            if let Some(last) = lookup.iterations.pop() {
                if let Some(id) = self.frame_of(&lookup) {
                    return Some(id);
                }
                lookup.iterations.push(last);
            }
        }
        None
    }
}

pub(super) fn new_frame(
    step: StepId,
    parent: Option<FrameId>,
    raw: Payload,
    input: Payload,
    at: Timestamp,
) -> Frame {
    Frame {
        step,
        parent,
        raw_input: raw,
        data: input.clone(),
        input,
        started_at: at,
        data_of: None,
        then: None,
        children: Vec::new(),
        open: 0,
        wait: Wait::Nothing,
        phase: Phase::Body,
        iteration: 0,
        items: None,
        parallel: false,
        attempt: 1,
        transitions: 0,
        error: None,
        timeout: None,
        attempt_limit: None,
        account: None,
        listening: None,
        kept: None,
        conversation: None,
        refused: None,
        allowed: None,
        asked: None,
    }
}
