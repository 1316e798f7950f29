//! What a program is kept to: the stricter of the daemon's rule and of what is asked for, and nothing that an agent may
//! not ask for. The keeping itself is the sandbox's.

use std::path::{Path, PathBuf};

use dirigent_config::daemon::WallsPolicy as Walls;
use dirigent_protocol::run::{EffectOutcome, EffectRequest, Sandbox, ShellCall};
use tokio::process::Command;

use super::performer::refused;
use super::web::Ended;
use crate::runtime::policy::Policy;
use crate::sandbox::walls::{self, Wall};
use crate::sandbox::{self, Profile, Room};

/// What a program is kept to; none is nothing.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    profile: Option<Profile>,
    /// What stands around it.
    walls: Vec<&'static Wall>,
    /// What it may read beside what every program may.
    reads: Vec<PathBuf>,
}

fn unavailable(detail: String) -> Ended {
    Box::new(refused("runtime", 500, "sandbox_unavailable", detail))
}

/// What the command of a request is kept to; or why it does not begin.
pub(super) async fn kept(policy: &Policy, request: &EffectRequest) -> Result<Kept, Ended> {
    let asked = match request {
        EffectRequest::Command(call) => return of_agent(policy, call.sandbox).await,
        EffectRequest::Shell(call) => call.sandbox,
        EffectRequest::Script(call) => call.process.sandbox,
        EffectRequest::Container(call) => call.process.sandbox,
        _ => None,
    };
    let kept = strictest(policy, asked.unwrap_or(Sandbox::Host)).await?;
    match request {
        _ if kept.profile.is_none() => {}
        EffectRequest::Container(_) => {
            return Err(unavailable("a container is made outside of the sandbox".into()));
        }
        EffectRequest::Shell(ShellCall {
            directory: Some(directory),
            ..
        }) => {
            let detail = format!("a sandbox has a directory of its own, not {directory}");
            return Err(unavailable(detail));
        }
        _ => {}
    }
    Ok(kept)
}

/// What a program of an agent is kept to, where the daemon lets agents have so much.
pub(super) async fn of_agent(policy: &Policy, asked: Sandbox) -> Result<Kept, Ended> {
    if asked > policy.agent_sandbox {
        let detail = format!(
            "it asks for `{}`, and [run] agent_sandbox = {:?}",
            asked.name(),
            policy.agent_sandbox.name()
        );
        let title = "Programs of agents may not have so much";
        return Err(Box::new(refused("authorization", 403, title, detail)));
    }
    strictest(policy, asked).await
}

async fn strictest(policy: &Policy, asked: Sandbox) -> Result<Kept, Ended> {
    let wanted = asked.min(policy.sandbox.map_or(Sandbox::Host, Profile::asked));
    let profile = Profile::of(wanted);
    if profile.is_some() {
        sandbox::available().map_err(|error| unavailable(format!("{}: {error}", wanted.name())))?;
    }
    let walls = match policy.sandbox_walls {
        Walls::None => Vec::new(),
        _ if profile.is_none() => Vec::new(),
        _ => walls::standing().await,
    };
    if policy.sandbox_walls == Walls::Required && profile.is_some() && walls.is_empty() {
        let detail = "[run] sandbox_walls = \"required\", and neither a unit of systemd nor bubblewrap can be had here";
        return Err(unavailable(detail.into()));
    }
    Ok(Kept {
        profile,
        walls,
        reads: Vec::new(),
    })
}

impl Kept {
    /// Whether it is kept to anything.
    pub(super) fn keeps(&self) -> bool {
        self.profile.is_some()
    }

    /// A failure of a program that is kept, with the first thing to look at.
    pub(super) fn explained(&self, mut ended: Ended) -> Ended {
        if let (Some(profile), EffectOutcome::Failed { error, .. }) = (self.profile, &mut *ended) {
            let detail = error.detail.take().unwrap_or_default();
            let hint = format!(
                "it is kept to `{}`: it reads programs, its workspace and what `reads` names{}",
                profile.name(),
                if profile == Profile::Online {
                    ""
                } else {
                    ", and has no network"
                },
            );
            error.detail = Some(if detail.is_empty() {
                hint
            } else {
                format!("{detail} ({hint})")
            });
        }
        ended
    }

    /// The same, and it may read these.
    pub(super) fn reading(mut self, reads: Vec<PathBuf>) -> Self {
        self.reads.extend(reads);
        self
    }

    /// The environment a command is to have, as what starts it so has to be given it.
    pub(super) fn environment<'a>(
        &self,
        own: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Vec<(String, String)> {
        let kept = self.profile.is_some();
        let name = |name: &String| {
            if kept {
                sandbox::own_variable(name)
            } else {
                name.clone()
            }
        };
        own.into_iter()
            .map(|(own, value)| (name(own), value.clone()))
            .collect()
    }

    /// What starts another program so: the arguments of the result are that program and its own.
    pub(super) fn command(&self, dirigentd: &Path, room: &Room, first: &str) -> Command {
        let Some(profile) = self.profile else {
            return Command::new(first);
        };
        let mut room = room.clone();
        room.reads.extend_from_slice(&self.reads);
        let line = sandbox::command_line(&self.walls, dirigentd, profile, &room);
        let mut words = line.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg(first);
        command
    }
}
