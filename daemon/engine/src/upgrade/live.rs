//! Steps that a run is in: whether each is there in the draft, is the same kind of thing, and takes what it was given.

use std::collections::BTreeSet;

use dirigent_protocol::upgrade::Reason;

use super::check::Case;
use super::definition::work;
use crate::machine::TaskIndex;
use crate::state::{Frame, FrameId, Phase, Wait};

const RENAME: &str =
    "if it is the same task, say so in the draft: `document: { metadata: { dirigent: { migrate: { rename:";

pub(super) fn look(case: &mut Case<'_>) {
    let mut gone: BTreeSet<FrameId> = BTreeSet::new();
    for (id, frame, old) in case.frames() {
        if frame.parent.is_some_and(|parent| gone.contains(&parent)) {
            // Said of the task around it.
            gone.insert(id);
            continue;
        }
        let Some(new) = case.versions.to(old) else {
            gone.insert(id);
            removed(case, id, frame, old);
            continue;
        };
        if frame.phase == Phase::Done {
            continue;
        }
        let (before, after) = (case.versions.old.task(old), case.versions.new.task(new));
        if before.label != after.label {
            let finding = case.finding(frame.step.clone(), id, Reason::Kind, true);
            finding.detail = format!(
                "the run is in it, and it is `{}` in the draft; it was `{}`",
                after.label, before.label
            );
            finding.help =
                Some("give the new task another name, and let these runs end as they began".to_owned());
            gone.insert(id);
            continue;
        }
        input(case, id, frame, new);
        inside(case, id, frame, (old, new));
        if frame.children.is_empty() {
            waited_in(case, id, frame, (old, new));
        }
        if matches!(frame.wait, Wait::Effect(_)) && before.verify.is_some() && after.verify.is_none() {
            let finding = case.finding(frame.step.clone(), id, Reason::Lookup, true);
            finding.detail =
                "its effect is in flight, and the draft has no lookup to tell whether it happened".to_owned();
            finding.help = Some("keep its `verify` until these runs are beyond it".to_owned());
        }
    }
}

fn removed(case: &mut Case<'_>, id: FrameId, frame: &Frame, old: TaskIndex) {
    let like = case.versions.renamed_like(old);
    let name = case.versions.old.task(old).name.clone();
    let to = like.map(|like| case.versions.new.task(like).name.clone());
    let reason = if to.is_some() {
        Reason::Renamed
    } else {
        Reason::Removed
    };
    let finding = case.finding(frame.step.clone(), id, reason, true);
    match to {
        Some(to) => {
            finding.detail = format!("the run is in it, and the draft has `{to}` in its place");
            finding.help = Some(format!("{RENAME} {{ {name}: {to} }} }} }} }} }}`"));
        }
        None => {
            finding.detail = "the run is in it, and the draft has no such task".to_owned();
            finding.help = Some("keep it until these runs are beyond it".to_owned());
        }
    }
}

fn input(case: &mut Case<'_>, id: FrameId, frame: &Frame, new: TaskIndex) {
    let Some(schema) = &case.versions.new.task(new).base.input.schema else {
        return;
    };
    let Err(why) = schema.check(&frame.raw_input) else {
        return;
    };
    let what = match frame.parent {
        Some(_) => "what it was given",
        None => "what the run was given",
    };
    let finding = case.finding(frame.step.clone(), id, Reason::Input, true);
    finding.detail = format!("{what} does not fit its input schema in the draft: {why}");
    finding.help = Some("let the schema take what earlier versions gave".to_owned());
}

/// Tasks that count what is inside them have the same inside.
fn inside(case: &mut Case<'_>, id: FrameId, frame: &Frame, (old, new): (TaskIndex, TaskIndex)) {
    let versions = case.versions;
    let keyword = &*versions.old.task(old).keyword;
    if !matches!(keyword, "fork" | "extension") {
        return;
    }
    let parts = |tasks: &[crate::machine::TaskDef], of: TaskIndex| -> Vec<TaskIndex> {
        let inner = tasks.iter().enumerate();
        inner
            .filter(|(_, task)| task.parent == Some(of))
            .map(|(index, _)| index)
            .collect()
    };
    let before = parts(versions.old.tasks(), old);
    let after = parts(versions.new.tasks(), new);
    let kept: Vec<TaskIndex> = before.iter().filter_map(|task| versions.to(*task)).collect();
    if kept.len() == before.len() && kept == after {
        return;
    }
    let finding = case.finding(frame.step.clone(), id, Reason::Branches, true);
    finding.detail = format!(
        "its {} tasks are at work, and the draft has others, or another order",
        before.len()
    );
    finding.help = Some("change them in a version that only new runs begin on".to_owned());
}

/// What a leaf waits for, where the draft says it otherwise.
fn waited_in(case: &mut Case<'_>, id: FrameId, frame: &Frame, (old, new): (TaskIndex, TaskIndex)) {
    let versions = case.versions;
    if work(versions.old, old) == work(versions.new, new) {
        return;
    }
    let (reason, breaks, detail) = match &frame.wait {
        Wait::Approval { .. } => (
            Reason::Asked,
            false,
            "a person is asked; where the draft shows something else, they are asked anew",
        ),
        Wait::Events => (
            Reason::Listen,
            true,
            "it waits for events, and the draft waits for others",
        ),
        Wait::Timer(_) => (Reason::Changed, false, "it keeps the time it was to go on"),
        Wait::Effect(_) | Wait::Outcome { .. } => (
            Reason::Changed,
            false,
            "its request goes on as the version before made it",
        ),
        _ => (Reason::Changed, false, "what it has begun goes on as it began"),
    };
    let finding = case.finding(frame.step.clone(), id, reason, breaks);
    finding.detail = detail.to_owned();
    if breaks {
        finding.help = Some("let these runs end as they began".to_owned());
    }
}
