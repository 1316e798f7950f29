//! A step of an agent that others wrote, whichever kind it is: what must hold before it begins, and what it leaves.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dirigent_protocol::entity::{Agent, ForeignAgent, ForeignKind, KeepTree};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectOutcome, Sandbox, Usage, WorkflowError};
use serde_json::{Value, json};

use super::super::agent_answer;
use super::super::confine;
use super::super::performer::{Call, Means, failed, refused};
use super::super::shell::Shell;
use super::super::web::Ended;
use super::super::{secrets, secrets_mask};
use super::a2a::Elsewhere;
use super::place::{Noted, Place};
use super::session::Session;
use super::worktree::Worktree;
use super::{acp, command, place};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::sandbox::Room;
use crate::swap::Swap;

/// Seconds for one turn where the agent's definition says nothing.
const TURN_S: u32 = 3_600;
/// Most sessions that wait for a person.
const MOST_SESSIONS: usize = 64;

/// What is to be done, and by whom.
pub(in super::super) struct Task<'a> {
    pub(in super::super) agent: &'a Agent,
    pub(in super::super) foreign: &'a ForeignAgent,
    /// Digest of the agent's version.
    pub(in super::super) version: &'a str,
    /// What it is told.
    pub(in super::super) prompt: String,
    /// Values of the secrets it is granted, by variable; filled in here.
    pub(in super::super) secrets: BTreeMap<String, String>,
}

/// Works with agents that others wrote.
pub(in super::super) struct Foreign {
    pub(super) dir: PathBuf,
    data_dir: PathBuf,
    pub(super) dirigentd: PathBuf,
    pub(super) policy: Arc<Swap<Policy>>,
    pub(super) grace: Duration,
    pub(super) shell: Shell,
    /// Agents that are no programs of this machine.
    pub(in super::super) elsewhere: Arc<Elsewhere>,
    waiting: Mutex<HashMap<String, Waiting>>,
    /// Trees of sessions whose runs ended while they waited.
    left: Mutex<Vec<Left>>,
}

/// A session that waits for a person.
struct Waiting {
    run: RunId,
    session: Session,
    keep: KeepTree,
}

/// What a session left.
struct Left {
    place: Place,
    worktree: Worktree,
    keep: KeepTree,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) text: String,
    /// More of the step's output.
    pub(super) more: Vec<(&'static str, Value)>,
    pub(super) usage: Usage,
    pub(super) facts: BTreeMap<String, Value>,
    /// It stopped before it was done.
    pub(super) problem: Option<WorkflowError>,
}

impl Foreign {
    /// Ends what an earlier process of the daemon left, and is ready.
    ///
    /// # Errors
    /// Its directory cannot be made.
    pub(in super::super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        let dir = means.data_dir.join("foreign");
        let made = std::fs::create_dir_all(&dir).and_then(|()| dir.canonicalize());
        let dir = made.map_err(|source| RuntimeError::Io {
            what: format!("make {}", dir.display()),
            source,
        })?;
        place::sweep(&dir);
        Ok(Self {
            dir,
            data_dir: means.data_dir.clone(),
            dirigentd: means.program.clone(),
            policy: means.policy.clone(),
            grace: means.kill_grace,
            shell: Shell::open(means)?,
            elsewhere: Arc::new(Elsewhere::open(means)?),
            waiting: Mutex::default(),
            left: Mutex::default(),
        })
    }

    /// One turn of it.
    pub(in super::super) async fn work(&self, mut task: Task<'_>, call: &Call) -> EffectOutcome {
        if task.foreign.kind == ForeignKind::A2a {
            // No program runs here: what programs are kept to says nothing about it.
            return Box::pin(self.elsewhere.turn(&task, call)).await;
        }
        if !self.policy.get().shell {
            let detail = "[run] shell = \"deny\": this daemon runs no commands";
            return refused("authorization", 403, "Commands are not allowed", detail);
        }
        self.tidy().await;
        let kept = match confine::of_agent(&self.policy.get(), task.foreign.sandbox).await {
            Ok(kept) => kept,
            Err(refusal) => return *refusal,
        };
        let granted = match secrets::granted(&self.data_dir, &task.foreign.secrets) {
            Ok(granted) => granted,
            Err(refusal) => return *refusal,
        };
        let values = granted.values;
        task.secrets = granted.variables;
        // A value could stand in any two pieces of what it says.
        let quiet = (!task.secrets.is_empty()).then(|| Call {
            live: call.live.clone().silenced(),
            ..call.clone()
        });
        let call = quiet.as_ref().unwrap_or(call);
        let done = match task.foreign.kind {
            ForeignKind::Acp => Box::pin(acp::turn(self, &task, kept, call)).await,
            ForeignKind::Command => Box::pin(command::run(self, &task, kept, call)).await,
            ForeignKind::A2a => return self.elsewhere.turn(&task, call).await,
        };
        secrets_mask::masked(done.unwrap_or_else(|ended| *ended), &values)
    }

    /// The run is over: nothing of it waits any more.
    pub(in super::super) fn over(&self, run: RunId) {
        let ended: Vec<Waiting> = self
            .sessions()
            .extract_if(|_, one| one.run == run)
            .map(|(_, one)| one)
            .collect();
        let left = ended.iter().map(|one| Left {
            place: one.session.place.clone(),
            worktree: one.session.worktree.clone(),
            keep: one.keep,
        });
        self.left().extend(left);
    }

    /// The daemon stops.
    pub(in super::super) fn abandon(&self) {
        self.sessions().clear();
    }

    /// Takes up the trees of sessions that ended while they waited.
    async fn tidy(&self) {
        let left = std::mem::take(&mut *self.left());
        for one in left {
            // A tree that cannot be looked at stays.
            let changes = one.worktree.changes(0).await;
            let changed = !matches!(&changes, Ok(Some(changes)) if changes.is_empty());
            let keeps = changes.is_err() || keeps(one.keep, changed && one.worktree.origin.is_some());
            if !keeps {
                one.worktree.remove().await;
            }
            one.place.leave(keeps);
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of that name, where it waits.
    pub(super) fn take(&self, name: &str) -> Option<Session> {
        self.sessions().remove(name).map(|one| one.session)
    }

    /// Lets a session wait for a person.
    pub(super) fn wait(&self, run: RunId, session: Session, keep: KeepTree) -> Result<(), Ended> {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            let detail = format!("{MOST_SESSIONS} agents wait for people already");
            return Err(Box::new(refused("runtime", 503, "Too many agents wait", detail)));
        }
        let name = session.place.name.clone();
        sessions.insert(name, Waiting { run, session, keep });
        Ok(())
    }

    /// The tree of a session: the one that a crash left where the agent can go on in it, else a new one.
    pub(super) async fn tree(&self, place: &Place, task: &Task<'_>, resumes: bool) -> Result<Noted, Ended> {
        let foreign = task.foreign;
        if let Some(noted) = place.noted() {
            if resumes && noted.session.is_some() && noted.worktree.tree.is_dir() {
                return Ok(noted);
            }
            if foreign.sandbox > Sandbox::Build {
                let detail = format!(
                    "it was cut off, may have acted outside of {}, and cannot take the session up again: a person retries the run",
                    noted.worktree.tree.display()
                );
                let title = "Nobody knows how far the agent came";
                return Err(Box::new(refused("runtime", 500, title, detail)));
            }
            noted.worktree.remove().await;
        }
        place.leave(false);
        let cannot = |detail: String| {
            let title = "The agent has no place to work";
            Box::new(refused("configuration", 422, title, detail))
        };
        std::fs::create_dir_all(place.home()).map_err(|error| cannot(error.to_string()))?;
        let made = Worktree::make(&place.tree(), &foreign.repository, &foreign.base).await;
        let noted = Noted {
            worktree: made.map_err(cannot)?,
            session: None,
        };
        place.note(&noted).map_err(|error| cannot(error.to_string()))?;
        Ok(noted)
    }

    /// What it sees: its tree, what its repository has in common, what its definition names.
    pub(super) fn room(&self, place: &Place, worktree: &Worktree, foreign: &ForeignAgent) -> Room {
        let common = worktree.origin.as_ref().map(|origin| origin.common.clone());
        Room {
            workspace: worktree.tree.clone(),
            temporary: Some(place.home()),
            reads: common
                .into_iter()
                .chain(foreign.reads.iter().map(PathBuf::from))
                .collect(),
            outlives: false,
        }
    }

    /// Takes the tree up: what was changed is the step's output.
    pub(super) async fn finish(
        &self,
        task: &Task<'_>,
        (place, worktree): (&Place, &Worktree),
        result: Outcome,
    ) -> EffectOutcome {
        let most = self.policy.get().max_output_bytes / 2;
        let changes = match worktree.changes(most).await {
            Ok(changes) => changes,
            Err(reason) => {
                let detail = format!("{reason} (in {})", worktree.tree.display());
                return refused("runtime", 500, "What the agent changed cannot be told", detail);
            }
        };
        let (changed, cut) = changes
            .as_ref()
            .map_or((true, false), |changes| (!changes.is_empty(), changes.cut));
        let keeps = cut || keeps(task.foreign.keep, changed && worktree.origin.is_some());
        if !keeps {
            worktree.remove().await;
        }
        place.leave(keeps);
        let mut output = json!({ "text": result.text });
        for (name, value) in result.more {
            output[name] = value;
        }
        if let Some(changes) = &changes {
            changes.tell(&mut output);
        }
        if keeps {
            output["worktree"] = json!(worktree.tree);
        }
        let mut facts = result.facts;
        facts.insert("agent_version".into(), task.version.into());
        facts.insert("sandbox".into(), task.foreign.sandbox.name().into());
        if cut {
            facts.insert("diff_cut".into(), true.into());
        }
        if let Some(mut problem) = result.problem {
            problem.data = output;
            return failed_after(problem, result.usage);
        }
        if let Some(schema) = &task.agent.output_schema {
            match agent_answer::read(Some(schema), &result.text) {
                Ok(answer) => output["answer"] = answer,
                Err(error) => {
                    let title = "The agent's answer does not fit its schema";
                    let mut problem =
                        WorkflowError::standard("validation", 422, title).detail(error.to_string());
                    problem.data = output;
                    return failed_after(problem, result.usage);
                }
            }
        }
        EffectOutcome::Done {
            output: Arc::new(output),
            usage: result.usage,
            facts,
        }
    }
}

/// How long one turn may take: what its definition says of one, and no longer than all of them may.
pub(super) fn limit(task: &Task<'_>) -> Duration {
    let one = u64::from(task.agent.timeout_s.unwrap_or(TURN_S));
    let all = task.agent.limits.and_then(|limits| limits.time_s);
    Duration::from_secs(all.map_or(one, |all| one.min(all)))
}

fn keeps(keep: KeepTree, changed: bool) -> bool {
    match keep {
        KeepTree::Never => false,
        KeepTree::Changed => changed,
        KeepTree::Always => true,
    }
}

fn failed_after(problem: WorkflowError, usage: Usage) -> EffectOutcome {
    match failed(problem, false) {
        EffectOutcome::Failed {
            error,
            retryable,
            retry_after_ms,
            retry,
            ..
        } => EffectOutcome::Failed {
            error,
            retryable,
            retry_after_ms,
            usage,
            retry,
        },
        other => other,
    }
}
