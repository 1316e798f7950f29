//! Serving: up, until somebody says stop, and down.

use std::io::Read;
use std::process::ExitCode;

use dirigent_config::{DaemonConfig, Environment, FileSource, PathFlags, Paths, Sources, load_daemon};
use rustix::fs::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::failure::Failure;
use super::logging::Log;
use crate::lifecycle::{Options, Running, inherited, start};

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

/// The file that the configuration is read from, in words.
pub(super) fn config_file(paths: &Paths) -> String {
    match &paths.daemon_file {
        FileSource::Named(path) => path.display().to_string(),
        FileSource::IfPresent(path) if path.exists() => path.display().to_string(),
        FileSource::IfPresent(path) => format!("defaults ({} does not exist)", path.display()),
        FileSource::None => "defaults".to_owned(),
    }
}

/// Serves until it is told to stop.
pub(super) fn serve(args: &Args) -> Result<ExitCode, Failure> {
    // Before any thread is there: what was handed over is noted in the environment.
    let handed = inherited()?;
    // Whatever is made from here on is for this user alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let (paths, config) = configured(args)?;
    let log = Log::start(&config.log, &paths.data);
    let mut options = Options::new(paths.data, config);
    options.socket = paths.socket;
    options.private = args.private;
    if let Some((listener, path)) = handed {
        (options.listener, options.socket) = (Some(listener), path);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(until_stopped(options, args, &log));
    // Whatever still blocks (a file system that hangs) must not keep the process.
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}

async fn until_stopped(options: Options, args: &Args, log: &Log) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let orphaned = CancellationToken::new();
    if args.exit_on_stdin_close {
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
            () = running.store_failed() => {
                running.give_up().await;
                return Err(Failure::StoreFailed);
            }
            // The service manager wants a reload, or the terminal it was started from is gone: no reason to stop work.
            _ = hangup.recv() => {
                reload(&running, args, log).await;
                continue;
            }
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

/// Reads the configuration again. With errors in it the old one stays.
async fn reload(running: &Running, args: &Args, log: &Log) {
    let mut level = None;
    let read = || {
        let config = configured(args)?.1;
        level = Some(config.log.level);
        Ok::<_, Failure>(config)
    };
    match running.reload(read).await {
        Ok(waiting) => {
            if let Some(level) = level {
                log.set_level(level);
            }
            tracing::info!("the configuration was read again");
            for key in waiting {
                tracing::warn!(key, "its new value waits for a restart");
            }
        }
        Err(failure) => {
            tracing::error!("the configuration has errors, the old one stays");
            for line in failure.render().lines().filter(|line| !line.is_empty()) {
                tracing::error!("{line}");
            }
        }
    }
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
