//! The command line of `dirigentd`: serving, and what the client asks of this program without a running daemon.
//!
//! Prints, reads files and ends with an exit code; holds no rule of its own.

mod args;
mod check;
mod failure;
mod journal;
mod log_file;
mod logging;
mod mcp;
mod sandbox;
mod serve;
mod simulate;
mod test;
mod validate;

pub use args::{Args, Verb};
pub use failure::Failure;

use std::process::ExitCode;

/// Does what the command line says.
///
/// # Errors
/// What went wrong, to be printed, with its exit code.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    match &args.verb {
        None => serve::serve(&args),
        Some(Verb::Check { json }) => check::check(&args, *json),
        Some(Verb::Validate { files, strict, json }) => Ok(validate::validate(files, *strict, *json)),
        Some(Verb::Simulate { file, input, samples }) => {
            simulate::simulate(file, input.as_deref(), samples.as_deref())
        }
        Some(Verb::Test {
            files,
            documents,
            json,
        }) => test::test(files, documents, *json),
        Some(Verb::Config {
            what: args::ConfigVerb::Default,
        }) => {
            failure::print(dirigent_config::DAEMON_DEFAULTS);
            Ok(ExitCode::SUCCESS)
        }
        Some(Verb::Config {
            what: args::ConfigVerb::Check,
        }) => {
            let (paths, _) = serve::configured(&args)?;
            failure::print(format_args!("sound: {}", serve::config_file(&paths)));
            Ok(ExitCode::SUCCESS)
        }
        Some(Verb::Mcp) => mcp::mcp(&args),
        Some(Verb::ExpressionWorker) => Ok(crate::worker::main()),
        Some(Verb::Sandbox {
            profile,
            workspace,
            temporary,
            reads,
            program,
        }) => {
            let room = crate::sandbox::Room {
                workspace: workspace.clone(),
                temporary: temporary.clone(),
                reads: reads.clone(),
                outlives: false,
            };
            Ok(sandbox::enter(profile, &room, program))
        }
    }
}
