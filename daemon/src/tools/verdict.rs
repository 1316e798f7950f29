//! What is wrong with an agent's grants, before anybody runs it.

use dirigent_protocol::entity::{Agent, AgentTool};
use dirigent_protocol::run::{ApprovalClass, Traits};
use dirigent_protocol::source::{Diagnostic, Place};

use super::{KINDS, Kind, granted, names};

fn at(path: String) -> Place {
    Place {
        line: 0,
        column: 0,
        path,
    }
}

/// Findings about the tools of an agent; paths point into its body.
#[must_use]
pub fn check(agent: &Agent) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (n, grant) in agent.tools.iter().enumerate() {
        grant_of(grant, &format!("/tools/{n}"), &mut found);
    }
    rule_of_two(agent, &mut found);
    found
}

fn grant_of(grant: &AgentTool, path: &str, found: &mut Vec<Diagnostic>) {
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| (kind.open)(grant).is_some()).collect();
    if kinds.len() != 1 {
        let all: Vec<&str> = KINDS.iter().map(|kind| kind.field).collect();
        let message = format!(
            "a tool is exactly one of {}; this one is {}",
            all.join(", "),
            kinds.len()
        );
        found.push(
            Diagnostic::error("bad_tool", message, at(path.to_owned()))
                .help("write one grant for each: `tools: [ { file: { workspace: /srv/x } } ]`"),
        );
        return;
    }
    if let Some(problem) = (kinds[0].problem)(grant) {
        let place = at(place_of(&problem, path, kinds[0].field));
        found.push(Diagnostic::error("bad_tool", problem, place).help("see `dirigent schema agent`"));
    }
    if grant.name.as_deref().is_some_and(|name| !names::usable(name)) {
        let message = "`name` must be 1 to 64 of a-z A-Z 0-9 _ -";
        found.push(Diagnostic::error("bad_tool", message, at(format!("{path}/name"))));
    }
    for (name, schema) in &grant.arguments {
        if let Err(error) = jsonschema::options().offline().build(schema) {
            let message = format!("the limit of `{name}` is not a JSON Schema: {error}");
            found.push(Diagnostic::error(
                "bad_schema",
                message,
                at(format!("{path}/arguments/{name}")),
            ));
        }
    }
    limits(grant, path, found);
    unconfined(grant, path, found);
    looser(grant, path, found);
    if grant.mcp.as_ref().is_some_and(|server| server.manifest.is_none()) {
        let message =
            "the server's list of tools is not pinned: a changed description is not noticed between runs";
        found.push(
            Diagnostic::warning("unpinned_tools", message, at(format!("{path}/mcp")))
                .help("`dirigent agents tools AGENT` shows the list, and `--pin` pins it"),
        );
    }
}

/// What `allow` and `arguments` speak of must be there.
fn limits(grant: &AgentTool, path: &str, found: &mut Vec<Diagnostic>) {
    if let Some(described) = granted::described(grant) {
        let wrong = granted::wrong(grant, &described).into_iter();
        found.extend(wrong.map(|(place, message)| {
            Diagnostic::error("unknown_tool", message, at(format!("{path}/{place}")))
                .help("`allow` and `arguments` name tools as their own side does, without the grant's `name` before it")
        }));
    }
}

fn unconfined(grant: &AgentTool, path: &str, found: &mut Vec<Diagnostic>) {
    if granted::is_unconfined(grant) && grant.approval.is_some_and(|class| class < ApprovalClass::Always) {
        let message = "a program that is kept to nothing (`sandbox: host`) is never run unasked";
        found.push(
            Diagnostic::error("unconfined", message, at(format!("{path}/approval")))
                .help("write `approval: always`, or leave it out; or choose `pure`, `build` or `online`"),
        );
    }
}

/// Where a problem is: it begins with the name of its field, or is about the whole.
fn place_of(problem: &str, path: &str, kind: &str) -> String {
    let named = problem.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    match named {
        Some(("allow", _)) => format!("{path}/allow"),
        Some((field, _)) => format!("{path}/{kind}/{field}"),
        None => format!("{path}/{kind}"),
    }
}

/// What a grant has to do with, as far as it can be told without asking anybody.
fn traits(grant: &AgentTool) -> Traits {
    grant.traits.unwrap_or_else(|| granted::assumed(grant))
}

/// Says where a grant's own word is less than what its kind is assumed to be: the rule of two goes by it.
fn looser(grant: &AgentTool, path: &str, found: &mut Vec<Diagnostic>) {
    let (Some(own), assumed) = (grant.traits, granted::assumed(grant)) else {
        return;
    };
    let all = [
        ("untrusted", own.untrusted, assumed.untrusted),
        ("private", own.private, assumed.private),
        ("outward", own.outward, assumed.outward),
    ];
    let dropped: Vec<&str> = all
        .into_iter()
        .filter(|(_, own, assumed)| !own && *assumed)
        .map(|(name, ..)| name)
        .collect();
    if dropped.is_empty() {
        return;
    }
    let message = format!(
        "`traits` leaves out what is assumed of such a tool: {}. A person is asked the less for it",
        dropped.join(", ")
    );
    found.push(
        Diagnostic::warning("looser_traits", message, at(format!("{path}/traits")))
            .help("leave it so where you know that it is not so; else write the ones that are missing as `true`, or take `traits` out"),
    );
}

/// Untrusted content, private data and acting outside: all three without a person is said before it is refused.
fn rule_of_two(agent: &Agent, found: &mut Vec<Diagnostic>) {
    let given = Traits {
        untrusted: !agent.trusted_input,
        ..Traits::default()
    };
    let all = agent.tools.iter().map(traits).fold(given, Traits::and);
    if !all.all() {
        return;
    }
    let unasked = agent.tools.iter().enumerate().filter(|(_, grant)| {
        let never = grant.approval == Some(ApprovalClass::Never);
        let reads = grant.approval.is_none()
            && grant
                .http
                .as_ref()
                .is_some_and(|http| matches!(http.method.as_str(), "" | "GET" | "get"));
        traits(grant).outward && (never || reads)
    });
    for (n, _) in unasked {
        let message = "untrusted content, private data and this tool, which acts outside, come together: \
                       once its run has seen the first two, a person is asked before every call of it";
        found.push(
            Diagnostic::warning("rule_of_two", message, at(format!("/tools/{n}")))
                .help("take one of the three away: `trusted_input` where nobody else writes the input, or the tool, or a run of its own for the private data. Another agent of the same run does not help: what came into a run counts in all of it"),
        );
    }
}
