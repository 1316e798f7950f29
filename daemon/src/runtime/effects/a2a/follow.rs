//! One message and its task, over as many effects as it takes: sent, named, followed, asked about, called off.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{AnswerWord, EffectAnswer, EffectAsk, EffectOutcome, WorkflowError};
use dirigent_protocol::watch::StreamSource;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::performer::{Call, failed, refused};
use super::super::web::Ended;
use super::task::{State, Told};
use super::wire::{Link, Server, wrong};
use crate::clock::Clock;

/// Between the first looks at a task; they become rarer.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How long an agent that cannot be reached is tried again.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long calling a task off may take, and how long what was just sent is waited for to do so.
const CALLING_OFF: Duration = Duration::from_secs(10);
const QUESTION: &str = "An agent elsewhere asks this; nobody checked what it says of itself. Give it no password and no \
                        key. Write the answer into `answer`.";
const SIGN_IN: &str = "An agent elsewhere waits until somebody signs in or allows something, by its own words. Nothing \
                       is opened or sent by itself: do there what it needs, then say yes.";

/// What goes to whom.
pub(in super::super) struct Follow<'a> {
    pub(in super::super) link: Link<'a>,
    /// Who it is, for people.
    pub(in super::super) whom: &'a str,
    /// `params` of `message/send`, as the specification's 0.3 or 1.0 has them.
    pub(in super::super) parameters: &'a (dyn Fn(bool) -> Value + Send + Sync),
    pub(in super::super) answers: &'a [EffectAnswer],
    pub(in super::super) call: &'a Call,
    pub(in super::super) clock: &'a Clock,
    /// How long its task is followed.
    pub(in super::super) limit: Duration,
    /// The longest time between two looks.
    pub(in super::super) poll: Duration,
}

/// What is known of a task, as it stands in the journal.
struct Known {
    task: String,
    context: Option<String>,
    since: Timestamp,
}

impl Known {
    fn of(answers: &[EffectAnswer]) -> Option<Self> {
        let kept = answers.iter().rev().find(|answer| !answer.kept.is_null())?;
        let text = |name: &str| kept.kept[name].as_str().map(str::to_owned);
        Some(Self {
            task: text("task")?,
            context: text("context"),
            since: text("since")?.parse().ok()?,
        })
    }

    fn kept(&self) -> Value {
        json!({ "task": self.task, "context": self.context, "since": self.since.to_string() })
    }
}

impl Follow<'_> {
    /// Goes on from what is known: what came of it at last, and whether its server speaks 1.0.
    ///
    /// # Errors
    /// Where it stops for now: a failure, a question, or what must be durable first.
    pub(in super::super) async fn go_on(&self) -> Result<(Told, bool), Ended> {
        let server = self.patiently(|| self.link.find()).await?;
        let Some(known) = Known::of(self.answers) else {
            let told = self.send(&server, self.parameters, None).await?;
            let named = told.task().map(|task| Known {
                task: task.to_owned(),
                context: told.context().map(str::to_owned),
                since: (self.clock)(),
            });
            return self.judge(told, named.as_ref(), &server).await;
        };
        match self.answers.last().map(|answer| (answer.word, answer)) {
            Some((AnswerWord::Accept, answer)) if answer.id.starts_with("input") => {
                let text = answer.payload["answer"].as_str().unwrap_or_default();
                let message = |newer: bool| said(text, newer, &known, &self.call.key);
                let told = self.send(&server, &message, Some(&known)).await?;
                self.judge(told, Some(&known), &server).await
            }
            Some((AnswerWord::Decline | AnswerWord::Cancel, answer)) => {
                self.call_off(&server, &known.task).await;
                let detail = match answer.word {
                    AnswerWord::Decline => format!("{} said no, and its task was called off", answer.by),
                    _ => "nobody answered in time, and its task was called off".to_owned(),
                };
                let title = format!("{} was not answered", self.whom);
                Err(Box::new(refused("approval", 403, &title, detail)))
            }
            _ => self.follow(&server, &known).await,
        }
    }

    /// Looks at a task until it is over or wants somebody.
    async fn follow(&self, server: &Server, known: &Known) -> Result<(Told, bool), Ended> {
        let mut pause = FIRST_LOOK.min(self.poll);
        let mut words = String::new();
        loop {
            let looked = self.patiently_at(server, &known.task);
            let told = tokio::select! {
                biased;
                () = self.call.cancel.cancelled() => None,
                told = Box::pin(looked) => Some(told?),
            };
            let Some(told) = told else {
                self.call_off(server, &known.task).await;
                return Err(Box::new(EffectOutcome::Cancelled));
            };
            if told.state() != State::Working {
                return self.judge(told, Some(known), server).await;
            }
            let now = told.words();
            if now != words && !now.is_empty() {
                self.call.live.write(StreamSource::Note, &format!("{now}\n"));
            }
            words = now;
            let gone = (self.clock)().duration_since(known.since);
            if u64::try_from(gone.as_secs()).unwrap_or(0) >= self.limit.as_secs() {
                self.call_off(server, &known.task).await;
                let title = format!("{} takes too long", self.whom);
                let detail = format!(
                    "its task {} was not over after {} s, and was called off",
                    known.task,
                    self.limit.as_secs()
                );
                return Err(Box::new(refused("timeout", 408, &title, detail)));
            }
            tokio::select! {
                () = self.call.cancel.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = pause
                .saturating_mul(3)
                .checked_div(2)
                .unwrap_or(pause)
                .min(self.poll);
        }
    }

    async fn patiently_at(&self, server: &Server, task: &str) -> Result<Told, Ended> {
        let which = |_: bool| json!({ "id": task });
        let look = || async {
            let result = self.link.call(server, "tasks/get", &which, "").await?;
            Told::read(result).map_err(wrong)
        };
        self.patiently(look).await
    }

    /// Does something that changes nothing, again where it was not reached.
    async fn patiently<T, F: Future<Output = Result<T, Ended>>>(
        &self,
        look: impl Fn() -> F,
    ) -> Result<T, Ended> {
        let begun = tokio::time::Instant::now();
        let mut pause = FIRST_LOOK;
        loop {
            let ended = match look().await {
                Ok(told) => return Ok(told),
                Err(ended) => ended,
            };
            let begins = self.answers.is_empty();
            let (passing, reason) = match &*ended {
                EffectOutcome::Failed {
                    error,
                    retryable: true,
                    ..
                } => (!begins, error.detail.clone().unwrap_or_default()),
                EffectOutcome::Unknown { reason } => (!begins, reason.clone()),
                _ => (false, String::new()),
            };
            if !passing {
                return Err(ended);
            }
            if begun.elapsed() >= PATIENCE {
                let title = format!("{} cannot be reached any more", self.whom);
                let detail = format!("{reason}; its task may still go on there");
                let problem = WorkflowError::standard("communication", 503, title).detail(detail);
                return Err(Box::new(failed(problem, false)));
            }
            tokio::select! {
                () = self.call.cancel.cancelled() => return Err(Box::new(EffectOutcome::Cancelled)),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    /// Sends one message. Whoever stops it meanwhile has its task called off, if it turns out to have one.
    async fn send(
        &self,
        server: &Server,
        message: &(dyn Fn(bool) -> Value + Send + Sync),
        known: Option<&Known>,
    ) -> Result<Told, Ended> {
        let key = &*self.call.key;
        let result = {
            let mut sending = Box::pin(self.link.call(server, "message/send", message, key));
            tokio::select! {
                biased;
                result = &mut sending => Some(result),
                () = self.call.cancel.cancelled() => {
                    tokio::time::timeout(CALLING_OFF, sending).await.ok()
                }
            }
        };
        let told = match result {
            Some(Ok(result)) => Told::read(result).map_err(wrong),
            Some(Err(ended)) => Err(known.map_or_else(|| ended.clone(), |_| not_again(&ended))),
            None => return Err(Box::new(EffectOutcome::Cancelled)),
        };
        if !self.call.cancel.is_cancelled() {
            return told;
        }
        if let Ok(told) = &told
            && let Some(task) = told.task().filter(|_| !told.state().is_over())
        {
            self.call_off(server, task).await;
        }
        Err(Box::new(EffectOutcome::Cancelled))
    }

    /// What becomes of where it stands.
    async fn judge(&self, told: Told, known: Option<&Known>, server: &Server) -> Result<(Told, bool), Ended> {
        let state = told.state();
        let (false, Some(known)) = (state.is_over(), known) else {
            return match told.problem(self.whom) {
                Some(problem) => Err(Box::new(failed(problem, false))),
                None => Ok((told, server.newer())),
            };
        };
        let number = self.answers.len();
        let ask = match state {
            State::InputRequired => question(self.whom, &told, known, number),
            State::AuthRequired => sign_in(self.whom, &told, known, number),
            _ => EffectAsk {
                id: format!("task-{number}"),
                title: format!("{} works on it", self.whom),
                action: format!("follow {}", known.task),
                payload: json!({ "task": known.task }),
                kept: known.kept(),
                goes_on: true,
                ..EffectAsk::default()
            },
        };
        Err(Box::new(EffectOutcome::Asks { ask: Arc::new(ask) }))
    }

    /// Tells its server that nobody wants a task any more.
    async fn call_off(&self, server: &Server, task: &str) {
        let which = |_: bool| json!({ "id": task });
        let asked = self.link.call(server, "tasks/cancel", &which, "");
        let told = match tokio::time::timeout(CALLING_OFF, asked).await {
            Ok(Ok(_)) => return,
            Ok(Err(ended)) => match *ended {
                EffectOutcome::Failed { error, .. } => error.title,
                _ => "it does not answer".to_owned(),
            },
            Err(_) => "it does not answer in time".to_owned(),
        };
        tracing::warn!(task, told, "an agent elsewhere was not told to stop");
    }

    /// Calls off what is known to be open, if anything is.
    pub(in super::super) async fn stop(&self) {
        let Some(known) = Known::of(self.answers) else {
            return;
        };
        if let Ok(Ok(server)) = tokio::time::timeout(CALLING_OFF, self.link.find()).await {
            self.call_off(&server, &known.task).await;
        }
    }
}

/// A known failure of an answer's message: the step does not begin anew for it.
fn not_again(ended: &EffectOutcome) -> Ended {
    Box::new(match ended.clone() {
        EffectOutcome::Failed { error, .. } => failed(error, false),
        other => other,
    })
}

/// A person's answer, in the same task.
fn said(text: &str, newer: bool, known: &Known, key: &str) -> Value {
    let mut message = json!({ "messageId": key, "taskId": known.task, "parts": [{ "text": text }] });
    if let Some(context) = &known.context {
        message["contextId"] = json!(context);
    }
    if newer {
        message["role"] = "ROLE_USER".into();
        return json!({ "message": message, "configuration": { "returnImmediately": true } });
    }
    message["role"] = "user".into();
    message["kind"] = "message".into();
    message["parts"][0]["kind"] = "text".into();
    json!({ "message": message, "configuration": { "blocking": false } })
}

fn question(whom: &str, told: &Told, known: &Known, number: usize) -> EffectAsk {
    let words = told.words();
    let shown = json!({ "agent": whom, "message": words, "answer": "" });
    EffectAsk {
        id: format!("input-{number}"),
        title: format!("{whom} asks"),
        action: format!("answer {whom}"),
        reason: Some(QUESTION.to_owned()),
        form: Some(json!({
            "type": "object",
            "properties": {
                "agent": { "const": whom },
                "message": { "const": words },
                "answer": { "type": "string", "minLength": 1, "maxLength": 65_536 },
            },
            "required": ["agent", "message", "answer"],
            "additionalProperties": false,
        })),
        payload: shown,
        kept: known.kept(),
        ..EffectAsk::default()
    }
}

fn sign_in(whom: &str, told: &Told, known: &Known, number: usize) -> EffectAsk {
    EffectAsk {
        id: format!("auth-{number}"),
        title: format!("{whom} needs somebody to sign in"),
        action: format!("say that {whom} may go on"),
        reason: Some(SIGN_IN.to_owned()),
        payload: json!({ "agent": whom, "needs": told.words() }),
        kept: known.kept(),
        ..EffectAsk::default()
    }
}

/// Tasks elsewhere that wait for people of ours, by run: a run that is over calls them off.
#[derive(Default)]
pub(in super::super) struct Gone(Mutex<HashMap<RunId, Vec<Call>>>);

/// Most that are remembered.
const MOST_OPEN: usize = 1_024;

impl Gone {
    /// Remembers or forgets a task by how its effect ended.
    pub(in super::super) fn note(&self, call: &Call, outcome: &EffectOutcome) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = open.entry(call.run).or_default();
        calls.retain(|one| one.step != call.step);
        if let EffectOutcome::Asks { ask } = outcome {
            let answer = EffectAnswer {
                id: ask.id.clone(),
                word: AnswerWord::GoesOn,
                payload: Value::Null,
                by: String::new(),
                kept: ask.kept.clone(),
            };
            if let Some(request) = call.request.clone().answered(answer) {
                calls.push(Call {
                    request,
                    ..call.clone()
                });
            }
        }
        if calls.is_empty() || open.len() > MOST_OPEN {
            open.remove(&call.run);
        }
    }

    /// What is open of a run that is over.
    pub(in super::super) fn over(&self, run: RunId) -> Vec<Call> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&run).unwrap_or_default()
    }
}
