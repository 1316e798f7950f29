//! The worker's own side: limits first, then one job after the other until the daemon closes the pipe.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::job::{Answer, Job};
use super::{frame, template};

/// The argument that makes `dirigentd` a worker.
pub const COMMAND: &str = "expression-worker";

const ADDRESS_SPACE: u64 = 1 << 30;
/// Of the whole life of a worker; the pool replaces one that reached it.
const CPU_SECONDS: u64 = 60;
const STACK: usize = 64 << 20;

/// Serves jobs on standard input until it ends. Call before anything else is started in the process.
#[must_use]
pub fn main() -> ExitCode {
    let serving = std::thread::Builder::new().stack_size(STACK).spawn(serve);
    match serving.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn serve() -> std::io::Result<()> {
    limit()?;
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    frame::write(&mut output, &Answer::Ready)?;
    while let Some(job) = frame::read(&mut input)? {
        let answer = match job {
            Job::Evaluate(request) => Answer::Evaluated(dirigent_engine::expression::evaluate(&request)),
            Job::Render(request) => Answer::Rendered(template::render(&request)),
        };
        frame::write(&mut output, &answer)?;
    }
    Ok(())
}

/// No more memory, time, files or core dumps than a job needs; hard limits, which nobody can raise again.
fn limit() -> std::io::Result<()> {
    let limits = [
        (Resource::As, ADDRESS_SPACE),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 3),
    ];
    for (resource, most) in limits {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )?;
    }
    Ok(())
}
