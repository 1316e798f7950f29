//! Commands on their way: each keeps its request id until the daemon answers, over any number of connections.

use std::collections::VecDeque;

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RequestId, RunId};

use super::snapshot::unexpected;
use crate::model::cmd::Suggest;
use crate::model::{Answer, Handling, LinkCmd, News, Steer, Verdict, Wish};

/// How far an agent looks back that is asked to on its card: a week.
const LOOK_BACK_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// Most commands that wait for an answer.
const MOST: usize = 256;

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Approval(EntityId),
    Other(String),
    /// The answer is a link.
    Link(EntityId, String),
    /// A page waits for what becomes of it.
    Wish(Wish),
}

/// A command without an answer yet.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The same at every try.
    pub request: RequestId,
    /// What is asked.
    pub command: Command,
    about: About,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub struct Queue(VecDeque<Outgoing>);

impl Queue {
    /// Takes a wish that is a command; says at once what cannot be sent.
    ///
    /// # Errors
    /// The news that it was not sent.
    pub fn add(&mut self, wish: LinkCmd) -> Result<Option<Outgoing>, Box<News>> {
        let (about, command) = match wish {
            LinkCmd::Decide(verdict) => {
                let about = About::Approval(verdict.approval);
                match decide(verdict) {
                    Ok(command) => (about, command),
                    Err(fault) => return Err(Box::new(news(about, Err(fault)))),
                }
            }
            LinkCmd::Ask {
                approval,
                digest,
                question,
            } => {
                let about = About::Other(format!("ask about approval {}", approval.short()));
                let ask = |digest| Command::ApprovalAsk {
                    approval,
                    digest,
                    question,
                };
                match parsed(&digest).map(ask) {
                    Ok(command) => (about, command),
                    Err(fault) => return Err(Box::new(news(about, Err(fault)))),
                }
            }
            LinkCmd::Handle { approval, how } => {
                let what = handling_words(approval, &how);
                let about = match &how {
                    Handling::SignLink { .. } => About::Link(approval, what),
                    _ => About::Other(what),
                };
                match handle(approval, how) {
                    Ok(command) => (about, command),
                    Err(fault) => return Err(Box::new(news(about, Err(fault)))),
                }
            }
            LinkCmd::Steer { run, how } => steer(run, how),
            other => match of_definition(other) {
                Some(known) => known,
                None => return Ok(None),
            },
        };
        if self.0.len() >= MOST {
            let fault = Fault::new(Code::Overloaded, format!("{MOST} commands wait for an answer"))
                .help("wait until the daemon is back");
            return Err(Box::new(news(about, Err(fault))));
        }
        let outgoing = Outgoing {
            request: RequestId::new(),
            command,
            about,
        };
        self.0.push_back(outgoing.clone());
        Ok(Some(outgoing))
    }

    /// Those without an answer, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Outgoing> {
        self.0.iter()
    }

    /// The daemon answered; the news of it. None for an answer nobody waits for.
    pub fn answered(&mut self, request: RequestId, result: Result<CommandReply, Fault>) -> Option<News> {
        let at = self.0.iter().position(|outgoing| outgoing.request == request)?;
        let outgoing = self.0.remove(at)?;
        Some(match (outgoing.about, result) {
            (About::Link(approval, _), Ok(CommandReply::Link { link, .. })) => {
                News::Linked { approval, link }
            }
            (About::Wish(wish), Ok(CommandReply::RunStarted { run, .. })) => News::Granted {
                wish,
                result: Ok(run),
            },
            (about, result) => news(about, result.map(drop)),
        })
    }

    /// It was sent, and its answer is not waited for.
    pub fn forget(&mut self, request: RequestId) {
        self.0.retain(|outgoing| outgoing.request != request);
    }
}

/// What is done with definitions and agents; none for what is no command.
fn of_definition(wish: LinkCmd) -> Option<(About, Command)> {
    Some(match wish {
        LinkCmd::Apply { what, file, source } => (About::Other(what), publish(file, source)),
        LinkCmd::Review { agent } => (
            About::Other(format!("{agent} looks back")),
            Command::AgentReview {
                agent,
                since_ms: LOOK_BACK_MS,
                runs: 0,
            },
        ),
        LinkCmd::Restore { kind, name, number } => (
            About::Other(format!("{name} says again what v{number} said")),
            Command::Restore {
                kind,
                id: name,
                version: number.to_string(),
            },
        ),
        LinkCmd::TryOut {
            agent,
            variants,
            input,
        } => (
            About::Wish(Wish::Try(agent.clone())),
            Command::AgentTry {
                agent,
                variants,
                input,
            },
        ),
        LinkCmd::Run { name, input } => (
            About::Other(format!("run {name}")),
            Command::RunStart {
                target: RunTarget::Name(name),
                input,
                idempotency_key: None,
                budget: None,
                priority: None,
            },
        ),
        LinkCmd::Suggest {
            suggestion,
            title,
            how,
        } => suggest(suggestion.to_string(), &title, how),
        LinkCmd::Talk { agent } => (
            About::Wish(Wish::Talk(agent.clone())),
            Command::ConversationStart {
                agent,
                input: serde_json::json!({}),
            },
        ),
        LinkCmd::Tell { run, what, by } => (
            About::Wish(Wish::Tell(run)),
            Command::EventPublish {
                event: what.event(run, &by),
            },
        ),
        _ => return None,
    })
}

fn suggest(suggestion: String, title: &str, how: Suggest) -> (About, Command) {
    match how {
        Suggest::Accept { replace } => (
            About::Other(format!("`{title}` is a draft")),
            Command::SuggestionAccept {
                suggestion,
                replace,
                reason: String::new(),
            },
        ),
        Suggest::Decline { reason } => (
            About::Other(format!("`{title}` is declined")),
            Command::SuggestionDecline { suggestion, reason },
        ),
    }
}

const fn publish(file: String, source: String) -> Command {
    Command::Apply {
        file,
        source,
        dry_run: false,
    }
}

fn steer(run: RunId, how: Steer) -> (About, Command) {
    let (word, command) = match how {
        Steer::Cancel => ("cancel", Command::RunCancel { run, reason: None }),
        Steer::Pause => ("pause", Command::RunPause { run }),
        Steer::Resume => ("resume", Command::RunResume { run }),
        Steer::Retry(from) => ("retry", Command::RunRetry { run, from }),
        Steer::Fork { at, input } => ("fork", Command::RunFork { run, at, input }),
    };
    (About::Other(format!("{word} run {}", run.short())), command)
}

/// Longest life of a link made on the screen: a day.
const LINK_MS: u64 = 24 * 3_600 * 1_000;

fn handling_words(approval: EntityId, how: &Handling) -> String {
    let short = approval.short();
    match how {
        Handling::HandOver { to } => format!("hand approval {short} to {to}"),
        Handling::Amend { .. } => format!("change what approval {short} asks"),
        Handling::SignLink { user, .. } => format!("a signed link for {user}, approval {short}"),
    }
}

fn handle(approval: EntityId, how: Handling) -> Result<Command, Fault> {
    Ok(match how {
        Handling::HandOver { to } => Command::ApprovalDelegate { approval, to },
        Handling::Amend { digest, payload } => Command::ApprovalAmend {
            approval,
            digest: parsed(&digest)?,
            payload,
        },
        Handling::SignLink { digest, user } => Command::ApprovalLink {
            approval,
            digest: parsed(&digest)?,
            user: Some(user),
            lifetime_ms: LINK_MS,
        },
    })
}

fn news(about: About, result: Result<(), Fault>) -> News {
    let result = result.map_err(Box::new);
    match about {
        About::Approval(approval) => News::Decided { approval, result },
        About::Other(what) | About::Link(_, what) => News::Done { what, result },
        About::Wish(wish) => {
            let result = match (&wish, result) {
                (Wish::Tell(run), Ok(())) => Ok(*run),
                (_, Ok(())) => Err(Box::new(unexpected("what was wished for"))),
                (_, Err(fault)) => Err(fault),
            };
            News::Granted { wish, result }
        }
    }
}

fn parsed(digest: &str) -> Result<Digest, Fault> {
    digest
        .parse()
        .map_err(|error: dirigent_protocol::digest::ParseDigestError| {
            Fault::new(Code::Stale, error.to_string()).help("open the approval again")
        })
}

fn decide(verdict: Verdict) -> Result<Command, Fault> {
    let Verdict {
        approval,
        digest,
        answer,
        reason,
        also,
        ..
    } = verdict;
    Ok(match answer {
        Answer::Decide(decision) => {
            let digest = parsed(&digest)?;
            Command::ApprovalDecide {
                approval,
                digest,
                decision,
                reason,
                also,
            }
        }
        Answer::Resolve {
            run,
            effect,
            resolution,
        } => Command::EffectResolve {
            approval,
            run,
            effect,
            resolution,
        },
    })
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Decision;

    use super::*;

    fn verdict(digest: &str) -> LinkCmd {
        LinkCmd::Decide(Verdict {
            approval: EntityId::new(),
            digest: digest.into(),
            answer: Answer::Decide(Decision::Deny),
            reason: None,
            also: None,
            title: "t".into(),
        })
    }

    #[test]
    fn a_command_keeps_its_request_until_it_is_answered_once() {
        let mut queue = Queue::default();
        let steer = LinkCmd::Steer {
            run: RunId::new(),
            how: Steer::Pause,
        };
        let sent = queue.add(steer).unwrap().unwrap();
        assert_eq!(queue.waiting().next().unwrap().request, sent.request);
        assert!(matches!(
            queue.answered(sent.request, Ok(CommandReply::Deleted {})),
            Some(News::Done { result: Ok(()), .. })
        ));
        assert!(
            queue
                .answered(sent.request, Ok(CommandReply::Deleted {}))
                .is_none()
        );
    }

    #[test]
    fn a_decision_without_a_digest_is_refused_at_once() {
        let mut queue = Queue::default();
        let refused = queue.add(verdict("not a digest")).unwrap_err();
        assert!(matches!(*refused, News::Decided { result: Err(_), .. }));
        assert!(
            queue
                .add(verdict(&Digest::of_bytes(b"x").to_string()))
                .unwrap()
                .is_some()
        );
        assert_eq!(queue.waiting().count(), 1);
    }
}
