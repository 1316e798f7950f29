//! The choice itself. Pure.

use dirigent_protocol::entity::{OrchestrationRule, Preference};
use dirigent_protocol::filter::Filter;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls it takes to tell how well somebody does.
const TELLING: u64 = 5;

/// Somebody who could do it, and what is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Candidate {
    pub(super) agent: String,
    /// Digest of the newest version.
    pub(super) version: String,
    /// Steps in hand.
    pub(super) load: u32,
    /// Steps that ended, in the newest runs that are kept.
    pub(super) calls: u64,
    /// Of them, those that failed.
    pub(super) failures: u64,
    /// What they cost in all, millionths of a US dollar.
    pub(super) micro_usd: u64,
}

impl Candidate {
    fn success(&self) -> f64 {
        if self.calls == 0 {
            return 1.0;
        }
        1.0 - ratio(self.failures, self.calls)
    }

    /// US dollars per call.
    fn cost(&self) -> f64 {
        if self.calls == 0 {
            return 0.0;
        }
        ratio(self.micro_usd, self.calls) / 1e6
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for comparing")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Who does it, by which rule, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen<'a> {
    pub(super) who: &'a Candidate,
    pub(super) rule: Option<String>,
    pub(super) why: String,
}

/// The first rule that is about this and leaves somebody decides; without one, whoever is least busy.
pub(super) fn choose<'a>(
    rules: &[(String, OrchestrationRule)],
    candidates: &'a [Candidate],
    capability: &str,
    input: &Value,
) -> Option<Chosen<'a>> {
    let mut about: Vec<_> = rules
        .iter()
        .filter(|(_, rule)| is_about(rule, capability, input))
        .collect();
    about.sort_by(|(one, a), (other, b)| b.priority.cmp(&a.priority).then_with(|| one.cmp(other)));
    for (name, rule) in about {
        if let Some(who) = best(rule, candidates) {
            let why = format!("rule {name}: {}", words(rule.prefer, who));
            return Some(Chosen {
                who,
                rule: Some(name.clone()),
                why,
            });
        }
    }
    let who = candidates
        .iter()
        .min_by(|a, b| a.load.cmp(&b.load).then_with(|| a.agent.cmp(&b.agent)))?;
    Some(Chosen {
        who,
        rule: None,
        why: format!("no rule: {}", words(Preference::LeastBusy, who)),
    })
}

/// Whether a rule is about what is asked for. A filter that cannot be read is about nothing.
pub(super) fn is_about(rule: &OrchestrationRule, capability: &str, input: &Value) -> bool {
    if !rule.active || !(rule.capability.is_empty() || rule.capability == capability) {
        return false;
    }
    if rule.when.trim().is_empty() {
        return true;
    }
    let field = |name: &str| {
        name.split('.')
            .try_fold(input, |value, part| value.get(part))
            .cloned()
    };
    rule.when
        .parse::<Filter>()
        .is_ok_and(|filter| filter.holds(&field))
}

fn best<'a>(rule: &OrchestrationRule, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    let place = |candidate: &Candidate| rule.agents.iter().position(|name| *name == candidate.agent);
    let left = candidates.iter().filter(|candidate| {
        (rule.agents.is_empty() || place(candidate).is_some())
            && !rule.avoid.contains(&candidate.agent)
            && rule.max_load.is_none_or(|most| candidate.load < most)
            && rule.max_usd.is_none_or(|most| candidate.cost() <= most)
            && rule
                .min_success
                .is_none_or(|least| candidate.calls < TELLING || candidate.success() >= least)
    });
    left.min_by(|a, b| {
        let by_rule = match rule.prefer {
            Preference::Listed => std::cmp::Ordering::Equal,
            Preference::LeastBusy => a.load.cmp(&b.load),
            Preference::Cheapest => a.cost().total_cmp(&b.cost()),
            Preference::MostSuccessful => b.success().total_cmp(&a.success()),
        };
        by_rule
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.agent.cmp(&b.agent))
    })
}

fn words(prefer: Preference, who: &Candidate) -> String {
    match prefer {
        Preference::Listed => "the first that is left".to_owned(),
        Preference::LeastBusy => format!("least busy, {} in hand", who.load),
        Preference::Cheapest => format!("cheapest, ${:.4} a call", who.cost()),
        Preference::MostSuccessful => format!("most successful, {:.0} %", who.success() * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn candidate(agent: &str, load: u32, (calls, failures, micro_usd): (u64, u64, u64)) -> Candidate {
        Candidate {
            agent: agent.into(),
            load,
            calls,
            failures,
            micro_usd,
            ..Candidate::default()
        }
    }

    fn rule(change: impl FnOnce(&mut OrchestrationRule)) -> Vec<(String, OrchestrationRule)> {
        let mut rule = OrchestrationRule {
            capability: "review".into(),
            active: true,
            ..OrchestrationRule::default()
        };
        change(&mut rule);
        vec![("r".to_owned(), rule)]
    }

    fn who(rules: &[(String, OrchestrationRule)], input: &Value) -> String {
        let all = [
            candidate("a", 3, (10, 5, 1_000)),
            candidate("b", 0, (10, 1, 90_000)),
            candidate("c", 1, (10, 0, 500_000)),
        ];
        let chosen = choose(rules, &all, "review", input).unwrap();
        format!(
            "{}{}",
            chosen.who.agent,
            if chosen.rule.is_some() { "" } else { " unruled" }
        )
    }

    #[test]
    fn rules_choose_by_load_cost_success_content_and_order() {
        let any = json!({});
        for (rules, expected) in [
            (rule(|_| {}), "a"),
            (rule(|r| r.prefer = Preference::LeastBusy), "b"),
            (rule(|r| r.prefer = Preference::Cheapest), "a"),
            (rule(|r| r.prefer = Preference::MostSuccessful), "c"),
            (rule(|r| r.agents = vec!["c".into(), "b".into()]), "c"),
            (rule(|r| r.avoid = vec!["a".into()]), "b"),
            (rule(|r| r.max_load = Some(3)), "b"),
            (rule(|r| r.max_usd = Some(0.001)), "a"),
            (rule(|r| r.min_success = Some(0.95)), "c"),
            (rule(|r| r.capability = "write".into()), "b unruled"),
            (rule(|r| r.active = false), "b unruled"),
            (rule(|r| r.agents = vec!["nobody".into()]), "b unruled"),
            (rule(|r| r.when = "kind == \"billing\"".into()), "b unruled"),
        ] {
            assert_eq!(who(&rules, &any), expected, "{rules:?}");
        }
        let billing = rule(|r| r.when = "kind == \"billing\" and amount > 10".into());
        assert_eq!(who(&billing, &json!({"kind": "billing", "amount": 11})), "a");
        assert_eq!(
            who(&billing, &json!({"kind": "billing", "amount": 9})),
            "b unruled"
        );
    }

    #[test]
    fn higher_priority_goes_first_and_a_rule_that_leaves_nobody_is_passed_over() {
        let mut rules = rule(|r| r.agents = vec!["b".into()]);
        let first = rule(|r| (r.agents, r.priority) = (vec!["c".into()], 5))
            .remove(0)
            .1;
        rules.push(("z".into(), first));
        assert_eq!(who(&rules, &json!({})), "c");
        rules[1].1.max_load = Some(1);
        assert_eq!(who(&rules, &json!({})), "b");
    }
}
