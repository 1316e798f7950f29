//! What is wrong with an orchestration, with places in it.

use std::collections::BTreeSet;

use dirigent_protocol::entity::{Member, Orchestration};
use dirigent_protocol::source::{self, Diagnostic, Place, nearest};
use serde_json::Value;

use super::compile::compile;
use super::strategy::{Lead, STRATEGIES, Strategy, named};
use crate::machine::Workflow;
use crate::workflow::parse_workflow;

/// Most members.
const MEMBERS: usize = 32;
/// Names of tasks around the work.
const AROUND: [&str; 6] = ["matter", "work", "route", "chosen", "done", "otherwise"];

/// The workflow it compiles to, unless there are errors, and everything that is wrong with it; paths point into its body.
#[must_use]
pub fn check(name: &str, wanted: &Orchestration) -> (Option<Workflow>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let Some(strategy) = named(&wanted.strategy) else {
        found.push(unknown_strategy(&wanted.strategy));
        return (None, found);
    };
    read_by(strategy, wanted, &mut found);
    members(strategy, wanted, &mut found);
    for (at, words) in (strategy.wrong)(wanted) {
        found.push(wrong("bad_orchestration", words, at));
    }
    if found.iter().any(Diagnostic::is_error) {
        return (None, found);
    }
    let Some(document) = compile(name, 1, wanted) else {
        return (None, found);
    };
    let parsed = source::parse(document.to_string().as_bytes());
    let mut of_engine = parsed.diagnostics;
    let mut workflow = None;
    if let [node] = parsed.documents.as_slice() {
        let (machine, more) = parse_workflow(node);
        workflow = machine;
        of_engine.extend(more);
    }
    found.extend(of_engine.into_iter().filter_map(|finding| {
        // What a strategy makes is its own: a warning about it is nobody's concern.
        let at = place(&finding.at.path, &document, wanted);
        (finding.is_error() || at != "/strategy").then(|| Diagnostic {
            at: spot(at),
            ..finding
        })
    }));
    (workflow, found)
}

fn spot(path: String) -> Place {
    Place {
        line: 0,
        column: 0,
        path,
    }
}

fn wrong(code: &str, words: impl Into<String>, at: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, words.into(), spot(at.into()))
}

fn unknown_strategy(given: &str) -> Diagnostic {
    let names: Vec<&str> = STRATEGIES.iter().map(|row| row.name).collect();
    let help = nearest(given, names.iter().copied()).map_or_else(
        || format!("strategies are: {}", names.join(", ")),
        |near| format!("write `{near}`"),
    );
    let shown: String = given.chars().take(64).flat_map(char::escape_debug).collect();
    wrong(
        "unknown_strategy",
        format!("there is no strategy `{shown}`"),
        "/strategy",
    )
    .help(help)
}

/// What is said and nobody reads, or is not said and somebody needs.
fn read_by(strategy: &Strategy, wanted: &Orchestration, found: &mut Vec<Diagnostic>) {
    let (name, reads) = (strategy.name, strategy.reads);
    let mut unread = |there: bool, at: String| {
        if there {
            let words = format!("the strategy `{name}` does not read `{}`", &at[1..]);
            found.push(wrong("unread_field", words, at).help("leave it out, or take another strategy"));
        }
    };
    unread(wanted.vote.is_some() && !reads.vote, "/vote".into());
    unread(
        wanted.lead.is_some() && reads.lead == Lead::Nobody,
        "/lead".into(),
    );
    unread(
        wanted.limits.rounds.is_some() && !reads.rounds,
        "/limits/rounds".into(),
    );
    unread(
        wanted.limits.depth.is_some() && !reads.chain,
        "/limits/depth".into(),
    );
    unread(
        wanted.limits.visits.is_some() && !reads.chain,
        "/limits/visits".into(),
    );
    unread(wanted.limits.until.is_some() && !reads.on, "/limits/until".into());
    for (at, member) in wanted.members.iter().enumerate() {
        unread(
            member.when.is_some() && !reads.when,
            format!("/members/{at}/when"),
        );
        unread(member.on.is_some() && !reads.on, format!("/members/{at}/on"));
    }
    if reads.lead == Lead::Must && wanted.lead.is_none() {
        let words = format!("the strategy `{name}` needs somebody who leads");
        found.push(wrong("missing_field", words, "/lead").help("add `lead: { agent: NAME }`"));
    }
    if wanted.members.len() < reads.members {
        let words = format!("the strategy `{name}` needs at least {} members", reads.members);
        found.push(wrong("too_few", words, "/members"));
    }
    if wanted.members.len() > MEMBERS {
        let words = format!(
            "there are {} members, the limit is {MEMBERS}",
            wanted.members.len()
        );
        found.push(wrong("too_many", words, "/members"));
    }
}

fn members(strategy: &Strategy, wanted: &Orchestration, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    let lead = wanted.lead.as_deref().map(|lead| ("/lead".to_owned(), lead));
    let all = wanted.members.iter().enumerate();
    for (at, member) in all
        .map(|(i, member)| (format!("/members/{i}"), member))
        .chain(lead)
    {
        let given = [&member.agent, &member.workflow, &member.capability];
        if given.into_iter().flatten().count() != 1 {
            found.push(
                wrong(
                    "bad_member",
                    "a member is exactly one of `agent`, `workflow` and `capability`",
                    at.clone(),
                )
                .help("write `agent: NAME`"),
            );
            continue;
        }
        let name = member.called();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            found.push(
                wrong(
                    "bad_name",
                    "a member's name has letters, digits, `-`, `_` and `.` only",
                    at.clone(),
                )
                .help("add `name:`"),
            );
        }
        if strategy.own.contains(&name) || AROUND.contains(&name) {
            let words = format!("`{name}` is the name of a task that the strategy makes");
            found.push(wrong("reserved_name", words, at.clone()).help("give the member another `name`"));
        }
        if !seen.insert(name) {
            let words = format!("there is another member `{name}`");
            found.push(wrong("duplicate_member", words, at).help("give one of them another `name`"));
        }
    }
}

/// Where in the orchestration a place of its document comes from.
fn place(pointer: &str, document: &Value, wanted: &Orchestration) -> String {
    let plain = [
        ("/input/schema/document", "/input_schema"),
        ("/output/as", "/output"),
        ("/timeout", "/limits/timeout"),
        ("/document/metadata/dirigent/budget", "/budget"),
        ("/document/metadata/dirigent/schedule", "/schedule"),
        ("/schedule", "/schedule"),
        ("/document/summary", "/description"),
    ];
    for (from, to) in plain {
        if let Some(rest) = pointer.strip_prefix(from) {
            return format!("{to}{rest}");
        }
    }
    let Some(rest) = pointer.strip_prefix("/do/") else {
        return "/strategy".to_owned();
    };
    let (index, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let tail = if rest.is_empty() {
        String::new()
    } else {
        format!("/{rest}")
    };
    let Ok(index) = index.parse::<usize>() else {
        return "/strategy".to_owned();
    };
    let (before, total) = (
        wanted.prepare.len(),
        document["do"].as_array().map_or(0, Vec::len),
    );
    if index < before {
        return format!("/prepare/{index}{tail}");
    }
    let first = total - wanted.finish.len().min(total);
    if index >= first {
        return format!("/finish/{}{tail}", index - first);
    }
    of_member(&tail, wanted)
}

/// A place inside the work: the member whose task it is in.
fn of_member(tail: &str, wanted: &Orchestration) -> String {
    let is = |member: &Member| {
        let (one, other) = (
            format!("/{}/", member.called()),
            format!("/to-{}/", member.called()),
        );
        let behind = |segment: &str| tail.split_once(segment).map(|(_, rest)| rest.to_owned());
        behind(&one).or_else(|| behind(&other))
    };
    let field = |rest: &str| match rest {
        rest if rest.contains("with/input") => "/input",
        rest if rest.ends_with("if") || rest.contains("when") => "/when",
        _ => "",
    };
    for (at, member) in wanted.members.iter().enumerate() {
        if let Some(rest) = is(member) {
            return format!("/members/{at}{}", field(&rest));
        }
    }
    if let Some(rest) = wanted.lead.as_deref().and_then(is) {
        return format!("/lead{}", field(&rest));
    }
    "/strategy".to_owned()
}
