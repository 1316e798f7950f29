//! The effects of one run as its journal has them: when each may be performed, under which key, how often.
//!
//! Deliberately not the engine: flags and counters.

use std::collections::BTreeMap;

use dirigent_daemon::runtime::Call;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{
    EffectId, EffectKind, EffectOutcome, EffectRequest, EventBody, OnUnknown, Resolution, StepId,
};

use crate::must;

/// Who says so where a lookup does.
const LOOKUP: &str = "dirigent (lookup)";

/// All effects of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    effects: BTreeMap<EffectId, Known>,
    /// What lookups of the outside said last, by key.
    said: BTreeMap<String, Option<bool>>,
    /// These are another run's events: what was performed is in that one's ledger.
    pub(crate) of_another: bool,
}

/// One effect.
#[derive(Debug)]
struct Known {
    step: StepId,
    /// It is a run of its own, which the daemon performs itself.
    is_run: bool,
    intent: Option<Intent>,
    /// It waits for room in a budget.
    held: bool,
    /// Nothing more is done about it.
    over: bool,
    parked: bool,
    verifying: bool,
    /// How often it may be performed as the journal stands, and how often it was.
    allowed: u32,
    performed: u32,
    /// How often it happened outside, and how often a person let it happen again.
    happened: u32,
    let_again: u32,
}

#[derive(Debug)]
struct Intent {
    key: String,
    digest: Digest,
    policy: OnUnknown,
}

impl Known {
    fn of(step: &StepId, request: Option<&EffectRequest>) -> Self {
        Self {
            step: step.clone(),
            is_run: request.is_some_and(|request| request.kind() == EffectKind::Workflow),
            intent: None,
            held: false,
            over: false,
            parked: false,
            verifying: false,
            allowed: 0,
            performed: 0,
            happened: 0,
            let_again: 0,
        }
    }

    fn policy(&self) -> Option<OnUnknown> {
        self.intent.as_ref().map(|intent| intent.policy)
    }
}

impl Ledger {
    /// Effects about which a person is asked.
    pub(crate) fn parked(&self) -> impl Iterator<Item = EffectId> {
        let parked = self.effects.iter().filter(|(_, known)| known.parked);
        parked.map(|(effect, _)| *effect)
    }

    /// Whether nothing that was begun is open.
    pub(crate) fn quiet(&self) -> Result<(), String> {
        let open = self
            .effects
            .iter()
            .find(|(_, known)| known.intent.is_some() && !known.over);
        must(open.is_none(), || {
            format!("effect {:?} is open", open.map(|(id, _)| id.0))
        })
    }

    /// Whether the outcome of an effect is still to come.
    pub(crate) fn is_open(&self, effect: EffectId) -> bool {
        self.effects.get(&effect).is_some_and(|known| !known.over)
    }

    /// The step of an effect that is looked up from now on.
    pub(crate) fn looked_up(&self, body: &EventBody) -> Option<&StepId> {
        let EventBody::EffectUnknown {
            effect,
            policy: OnUnknown::Verify,
            ..
        } = body
        else {
            return None;
        };
        self.effects.get(effect).map(|known| &known.step)
    }

    /// An event about an effect.
    pub(crate) fn note(&mut self, body: &EventBody) -> Result<(), String> {
        match body {
            EventBody::EffectQueued {
                effect,
                step,
                request,
                ..
            } => {
                let known = Known::of(step, Some(request));
                let new = self.effects.insert(*effect, known).is_none();
                must(new, || "queued twice".into())
            }
            EventBody::EffectHeld {
                effect,
                step,
                request,
                ..
            } => {
                let new = || Known::of(step, request.as_ref());
                let known = self.effects.entry(*effect).or_insert_with(new);
                must(!known.over, || "held after its outcome".into())?;
                known.held = true;
                known.allowed = known.performed;
                Ok(())
            }
            EventBody::EffectReleased { effect } => {
                let known = self.effects.get(effect).ok_or("never held")?;
                must(known.held && !known.over, || {
                    "released, but it does not wait".into()
                })
            }
            EventBody::EffectIntended { .. } => self.intended(body),
            EventBody::EffectSettled { effect, outcome } => {
                let known = self.effects.get_mut(effect).ok_or("never known")?;
                must(!known.over, || "settled twice".into())?;
                let done = matches!(outcome, EffectOutcome::Done { .. } | EffectOutcome::Turn { .. });
                let elsewhere = known.is_run || self.of_another;
                must(!done || elsewhere || known.performed > 0, || {
                    "done, but nobody performed it".into()
                })?;
                known.end();
                Ok(())
            }
            EventBody::EffectUnknown { effect, policy, .. } => {
                let known = self.effects.get_mut(effect).ok_or("never intended")?;
                known.unknown(*policy)
            }
            EventBody::EffectResolved {
                effect,
                resolution,
                by,
            } => self.resolved(*effect, resolution, by),
            EventBody::EffectLate { effect, .. } => {
                let known = self.effects.get_mut(effect).ok_or("never known")?;
                known.end();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn intended(&mut self, body: &EventBody) -> Result<(), String> {
        let EventBody::EffectIntended {
            effect,
            step,
            key,
            digest,
            on_unknown,
            request,
            ..
        } = body
        else {
            return Ok(());
        };
        let new = || Known::of(step, request.as_ref());
        let known = self.effects.entry(*effect).or_insert_with(new);
        must(!known.over && (known.intent.is_none() || known.held), || {
            "intended twice".into()
        })?;
        if let Some(before) = &known.intent {
            must(before.key == *key && before.digest == *digest, || {
                format!("its key was {} and is {key}", before.key)
            })?;
        }
        known.intent = Some(Intent {
            key: key.clone(),
            digest: *digest,
            policy: *on_unknown,
        });
        known.held = false;
        known.allowed = known.performed + 1;
        Ok(())
    }

    fn resolved(&mut self, effect: EffectId, resolution: &Resolution, by: &str) -> Result<(), String> {
        let known = self.effects.get_mut(&effect).ok_or("never intended")?;
        if by == LOOKUP {
            must(known.verifying, || "a lookup speaks that was not asked".into())?;
            let key = known.intent.as_ref().map(|intent| intent.key.as_str());
            let said = key.and_then(|key| self.said.get(key)).copied().flatten();
            let wanted = !matches!(resolution, Resolution::Again);
            must(self.of_another || said == Some(wanted), || {
                format!("the lookup said {said:?}, and it is {resolution:?}")
            })?;
        } else {
            must(known.parked, || "nobody was asked".into())?;
        }
        (known.parked, known.verifying) = (false, false);
        if *resolution == Resolution::Again {
            known.let_again += u32::from(by != LOOKUP);
            known.allowed = known.performed + 1;
        } else {
            known.end();
        }
        Ok(())
    }

    /// Somebody begins to perform an effect; answers the how manieth time.
    pub(crate) fn perform(&mut self, call: &Call) -> Result<u32, String> {
        let known = self
            .effects
            .get_mut(&call.effect)
            .ok_or("it is not in the journal")?;
        let Some(intent) = &known.intent else {
            return Err("its intent is not durable".into());
        };
        must(!known.over, || "its outcome is durable".into())?;
        must(*intent.key == *call.key, || "it has another key".into())?;
        must(intent.digest == call.request.digest(), || {
            "it is another request".into()
        })?;
        known.performed += 1;
        must(known.performed <= known.allowed, || {
            let (times, policy, allowed) = (known.performed, intent.policy, known.allowed);
            format!("for the {times}. time under {policy:?}; the journal allows {allowed}")
        })?;
        Ok(known.performed)
    }

    /// It happens outside, whatever becomes known of it.
    pub(crate) fn happens(&mut self, call: &Call) -> Result<(), String> {
        let known = self
            .effects
            .get_mut(&call.effect)
            .ok_or("it is not in the journal")?;
        known.happened += 1;
        let careful = known.policy().is_some_and(|policy| policy != OnUnknown::Retry);
        must(!careful || known.happened <= 1 + known.let_again, || {
            format!(
                "happens for the {}. time under {:?}",
                known.happened,
                known.policy()
            )
        })
    }

    /// Whether an effect of that key happened.
    pub(crate) fn has_happened(&self, key: &str) -> bool {
        let mut all = self.effects.values();
        let of = |known: &&Known| known.intent.as_ref().is_some_and(|intent| intent.key == key);
        all.find(of).is_some_and(|known| known.happened > 0)
    }

    /// A lookup is answered.
    pub(crate) fn say(&mut self, key: &str, found: Option<bool>) {
        self.said.insert(key.to_owned(), found);
    }
}

impl Known {
    fn end(&mut self) {
        (self.over, self.parked, self.verifying) = (true, false, false);
    }

    fn unknown(&mut self, policy: OnUnknown) -> Result<(), String> {
        must(!self.over, || "unknown after its outcome".into())?;
        let declared = self.policy().ok_or("unknown, but never intended")?;
        let fits = policy == declared
            || policy == OnUnknown::Fail
            || (policy, declared) == (OnUnknown::Ask, OnUnknown::Verify);
        must(fits, || {
            format!("settled by {policy:?}, declared is {declared:?}")
        })?;
        match policy {
            OnUnknown::Retry => self.allowed = self.performed + 1,
            OnUnknown::Ask => (self.parked, self.verifying) = (true, false),
            OnUnknown::Verify => self.verifying = true,
            OnUnknown::Fail => self.end(),
        }
        Ok(())
    }
}
