//! Serving: up, until somebody says stop, and down.

use std::io::Read;
use std::process::ExitCode;

use dirigent_config::{DaemonConfig, Environment, PathFlags, Paths, Sources, load_daemon};
use rustix::fs::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::failure::Failure;
use super::logging;
use crate::lifecycle::{Options, start};

/// Where everything is, and the configuration.
pub(super) fn configured(args: &Args) -> Result<(Paths, DaemonConfig), Failure> {
    let environment = Environment::of_process();
    let flags = PathFlags {
        data_dir: args.data_dir.clone(),
        socket: args.socket.clone(),
        config: args.config.clone(),
    };
    let mut paths = Paths::resolve(&environment, &flags)?;
    let sources = Sources {
        file: paths.daemon_file.clone(),
        environment,
        flags: Vec::new(),
    };
    let config = load_daemon(&sources)?.config;
    let named = &config.socket.path;
    if args.socket.is_none() && !named.as_os_str().is_empty() {
        dirigent_config::paths::check_socket(named)?;
        paths.socket.clone_from(named);
    }
    Ok((paths, config))
}

/// Serves until it is told to stop.
pub(super) fn serve(args: &Args) -> Result<ExitCode, Failure> {
    // Whatever is made from here on is for this user alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let (paths, config) = configured(args)?;
    logging::start(&config.log);
    let mut options = Options::new(paths.data, config);
    options.socket = paths.socket;
    options.private = args.private;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bound = args.exit_on_stdin_close;
    let done = runtime.block_on(until_stopped(options, bound));
    // Whatever still blocks (a file system that hangs) must not keep the process.
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}

async fn until_stopped(options: Options, bound: bool) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let orphaned = CancellationToken::new();
    if bound {
        watch_stdin(orphaned.clone())?;
    }
    let starting = start(options);
    tokio::pin!(starting);
    let running = tokio::select! {
        started = &mut starting => started?,
        // Nothing is acknowledged yet: the store recovers whatever it was about to do.
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
        () = orphaned.cancelled() => return Ok(()),
    };
    eprintln!(
        "dirigentd {} ready: socket {}, process {}",
        env!("CARGO_PKG_VERSION"),
        running.socket().display(),
        std::process::id()
    );
    loop {
        let why = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = running.asked_to_stop() => "a client",
            () = orphaned.cancelled() => "the end of standard input",
            // The terminal it was started from is gone: no reason to stop work.
            _ = hangup.recv() => continue,
        };
        tracing::info!(by = why, "stopping");
        break;
    }
    tokio::select! {
        () = running.stop() => {}
        _ = terminate.recv() => tracing::warn!("told twice: leaving at once"),
        _ = interrupt.recv() => tracing::warn!("told twice: leaving at once"),
    }
    Ok(())
}

/// A thread, for a read of standard input cannot be called off.
fn watch_stdin(closed: CancellationToken) -> Result<(), Failure> {
    let watch = move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = [0; 256];
        while matches!(input.read(&mut bytes), Ok(1..)) {}
        closed.cancel();
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(watch)?;
    Ok(())
}
