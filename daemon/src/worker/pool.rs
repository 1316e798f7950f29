//! The daemon's side: a few workers, kept while they behave, killed and replaced when they do not.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dirigent_engine::expression::{EvalReply, EvalRequest, EvalResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use super::job::{Answer, Job, RenderError, RenderRequest};
use super::{frame, process};

/// Workers at most.
const WORKERS: usize = 2;
/// How long a worker may take to come up.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Why a job has no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It took longer than its budget; the worker was killed.
    #[error("it took longer than {} ms", .0.as_millis())]
    Budget(Duration),
    /// The worker died of it: memory, stack or processor time.
    #[error("it took too much memory or went too deep")]
    Died,
    /// No worker can be started.
    #[error("the expression worker cannot be started: {0}")]
    Start(std::io::Error),
    /// The job is larger than a frame.
    #[error("its data is too large for the expression worker")]
    TooLarge,
}

/// Runs jobs in worker processes.
pub struct WorkerPool {
    program: PathBuf,
    budget: Duration,
    places: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

struct Worker {
    /// Killed when dropped.
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    jobs: u64,
}

impl WorkerPool {
    /// A pool that re-executes `program`; nothing is started before the first job.
    #[must_use]
    pub fn new(program: PathBuf, budget: Duration) -> Self {
        Self {
            program,
            budget,
            places: Semaphore::new(WORKERS),
            idle: Mutex::default(),
        }
    }

    /// Runs expressions, in order. Every request has its reply; one that was stopped has `Exceeded`.
    pub async fn evaluate(&self, requests: Vec<EvalRequest>) -> Vec<EvalReply> {
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            let id = request.id;
            let result = match self.run(&Job::Evaluate(request)).await {
                Ok(Answer::Evaluated(reply)) if reply.id == id => reply.result,
                Ok(_) => EvalResult::Error("the expression worker answered something else".into()),
                Err(error) => EvalResult::Exceeded(error.to_string()),
            };
            replies.push(EvalReply { id, result });
        }
        replies
    }

    /// Renders a template.
    ///
    /// # Errors
    /// What is wrong with the template, or which limit it broke.
    pub async fn render(&self, request: RenderRequest) -> Result<String, RenderError> {
        let name = request.name.clone();
        match self.run(&Job::Render(request)).await {
            Ok(Answer::Rendered(rendered)) => rendered,
            Ok(_) => Err(RenderError {
                code: "internal".into(),
                message: "unexpected answer".into(),
            }),
            Err(error) => Err(RenderError {
                code: "limit_exceeded".into(),
                message: format!("{name}: {error}"),
            }),
        }
    }

    /// Runs one job. A worker that had served before and dies at once gets one successor: its own limits, which count
    /// over its life, may have ended it.
    async fn run(&self, job: &Job) -> Result<Answer, WorkerError> {
        let request = frame::encode(job).map_err(|_| WorkerError::TooLarge)?;
        let Ok(_place) = self.places.acquire().await else {
            return Err(WorkerError::Died);
        };
        loop {
            let mut worker = match self.take_idle() {
                Some(worker) => worker,
                None => Worker::start(&self.program).await?,
            };
            match tokio::time::timeout(self.budget, worker.serve(&request)).await {
                Ok(Ok(answer)) => {
                    worker.jobs += 1;
                    self.lock().push(worker);
                    return Ok(answer);
                }
                Ok(Err(_)) if worker.jobs > 0 => {}
                Ok(Err(_)) => return Err(WorkerError::Died),
                Err(_) => return Err(WorkerError::Budget(self.budget)),
            }
        }
    }

    fn take_idle(&self) -> Option<Worker> {
        self.lock().pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    async fn start(program: &PathBuf) -> Result<Self, WorkerError> {
        let mut child = Command::new(program)
            .arg(process::COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(WorkerError::Start)?;
        let missing = || WorkerError::Start(std::io::Error::other("no pipes"));
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let mut worker = Self {
            _child: child,
            stdin,
            stdout,
            jobs: 0,
        };
        match tokio::time::timeout(START_LIMIT, worker.answer()).await {
            Ok(Ok(Answer::Ready)) => Ok(worker),
            Ok(Ok(_)) => Err(WorkerError::Start(std::io::Error::other("it is another program"))),
            Ok(Err(error)) => Err(WorkerError::Start(error)),
            Err(_) => Err(WorkerError::Start(std::io::ErrorKind::TimedOut.into())),
        }
    }

    async fn serve(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        self.stdin.write_all(request).await?;
        self.stdin.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> std::io::Result<Answer> {
        let mut head = [0; 4];
        self.stdout.read_exact(&mut head).await?;
        let mut body = vec![0; frame::length(head)?];
        self.stdout.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }
}
