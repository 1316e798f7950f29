//! How somebody answers an approval: with a digest that may be another's, edited or not, alone or along with something
//! else, through the door or by a signed link, which is used twice.

use std::time::Duration;

use dirigent_daemon::runtime::{Answer, LinkClaims, RuntimeError};
use dirigent_protocol::command::Also;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::RuleScope;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Decision;
use serde_json::json;

use crate::desk::Desk;
use crate::library::user_id;
use crate::people::{actor, fresh, told};

const LIFETIME: Duration = Duration::from_secs(600);

/// What somebody says.
struct Words {
    answer: Answer,
    /// It names the digest of something else.
    wrong: bool,
    by_link: bool,
}

impl Desk {
    /// Answers after a while.
    pub(crate) async fn decide(self, run: RunId, approval: EntityId, name: &'static str) {
        let pause = {
            let mut rng = self.world.rng();
            if rng.percent(60) {
                rng.ms(0, 50)
            } else {
                rng.ms(0, 6_000)
            }
        };
        tokio::time::sleep(pause).await;
        let Some(words) = self.words(run, approval) else {
            return;
        };
        let wrong = words.wrong;
        let answer = if words.by_link {
            self.by_link(words.answer, name).await
        } else {
            let given = self
                .runtime
                .decide_also(words.answer, actor(name, fresh(&self.world)));
            given.await.map(drop)
        };
        self.world.still().await;
        self.world
            .note(|| format!("{name} decides {}: {}", approval.short(), told(&answer)));
        if answer.is_ok() && wrong {
            self.world.violate(format!(
                "{name} decided {approval} with the digest of something else"
            ));
        } else if answer.is_ok() {
            let checked = self.world.model().answer_decision(run, approval, name);
            self.world.hold(checked);
        }
    }

    fn words(&self, run: RunId, approval: EntityId) -> Option<Words> {
        let model = self.world.model();
        let asked = model.runs[&run].questions.get(approval)?;
        let mut rng = self.world.rng();
        let edited = match asked.request.raises_budget {
            true => json!({ "raise_to": { "calls": 7 } }),
            false => json!({ "n": rng.below(100) }),
        };
        let (decision, also) = match rng.below(20) {
            0 => (Decision::Deny, Some(Also::StopRun {})),
            1..=3 => (Decision::Deny, None),
            4..=7 => (Decision::Approve { edited: Some(edited) }, None),
            8..=9 => {
                let scope = rng.pick(&[RuleScope::Exact, RuleScope::Shape]);
                (
                    Decision::Approve { edited: None },
                    Some(Also::AddRule { scope, name: None }),
                )
            }
            _ => (Decision::Approve { edited: None }, None),
        };
        let wrong = rng.percent(15);
        let digest = if wrong {
            Digest::of(&json!("something else"))
        } else {
            asked.digest
        };
        Some(Words {
            answer: Answer {
                approval,
                digest,
                decision,
                reason: None,
                also,
            },
            wrong,
            by_link: !wrong && rng.percent(15),
        })
    }

    /// By a link that two use at once: one of them at most decides.
    async fn by_link(&self, answer: Answer, name: &'static str) -> Result<(), RuntimeError> {
        let made = self
            .runtime
            .link(answer.approval, answer.digest, user_id(name), LIFETIME);
        let (link, _) = made?;
        let claims = self.runtime.open_link(&link)?;
        let use_it = |claims: LinkClaims, answer: Answer| async move {
            let actor = actor(name, fresh(&self.world));
            self.runtime.decide_by_link(&claims, answer, actor).await
        };
        let (first, second) = tokio::join!(use_it(claims.clone(), answer.clone()), use_it(claims, answer));
        self.world.still().await;
        if first.is_ok() && second.is_ok() {
            self.world.violate(format!("a link of {name} decides twice"));
        }
        first.or(second).map(drop)
    }

    /// Somebody changes what is asked, or hands the decision over.
    pub(crate) async fn meddle(self, run: RunId, approval: EntityId, name: &'static str) {
        let pause = self.world.ms(0, 2_000);
        tokio::time::sleep(pause).await;
        let digest = {
            let model = self.world.model();
            model.runs[&run].questions.get(approval).map(|asked| asked.digest)
        };
        let Some(digest) = digest else { return };
        let (amends, n, to) = {
            let mut rng = self.world.rng();
            (
                rng.percent(50),
                rng.below(100),
                rng.pick(&["ann", "bob", "cem", "eve"]),
            )
        };
        let actor = actor(name, fresh(&self.world));
        let answer = if amends {
            self.runtime
                .amend(approval, digest, json!({ "n": n }), actor)
                .await
        } else {
            self.runtime.delegate(approval, to, actor).await
        };
        self.world.still().await;
        let what = if amends { "amends" } else { "hands over" };
        self.world
            .note(|| format!("{name} {what} {}: {}", approval.short(), told(&answer)));
    }
}
