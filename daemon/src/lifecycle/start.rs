//! Up, in order; and down again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dirigent_config::DaemonConfig;
use dirigent_config::daemon::{SandboxPolicy, ShellPolicy, WallsPolicy};
use dirigent_config::paths::private_dir;
use dirigent_store::{Progress, Store};
use tokio_util::sync::CancellationToken;

use super::bootstrap::{bootstrap, login_name};
use super::connections::{Most, accept};
use super::descriptors;
use super::error::StartError;
use super::listen::Socket;
use super::models;
use super::notify::{notify, watchdog};
use super::options::Options;
use super::process_file::ProcessFile;
use super::space::Gauge;
use super::tenure::Tenure;
use super::time;
use super::upkeep::upkeep;
use super::watchdog::pulse;
use crate::clock::{EngineClock, Stamps, highest};
use crate::door::Door;
use crate::records::{RecordError, Records};
use crate::rpc::{EndedBefore, House, Info};
use crate::runtime::{Rooms, RuntimeHandle, RuntimeSettings, Space};
use crate::schedules::{self, Schedules};
use crate::serve::{Listening, listen};
use crate::service::Service;
use crate::spawn::Supervisor;
use crate::swap::Swap;

/// How long steps that are nearly done may take at the end.
const GRACE: Duration = Duration::from_secs(15);
/// How long calls and connections may take at the end.
const LAST_CALLS: Duration = Duration::from_secs(5);
/// How long answers may take where the store has failed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A daemon that runs in this process.
pub struct Running {
    tenure: Arc<Tenure>,
    house: Arc<House>,
    /// As it was started; the configuration of the moment is in `config`.
    pub(super) options: Options,
    pub(super) config: Swap<DaemonConfig>,
    pub(super) most: Arc<Swap<Most>>,
    door_closed: CancellationToken,
    failed: CancellationToken,
}

/// Where the store is in a data directory.
#[must_use]
pub fn store_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

/// Starts a daemon; it answers on its socket when this returns.
///
/// # Errors
/// See [`StartError`]; what was there before stays as it was.
pub async fn start(mut options: Options) -> Result<Running, StartError> {
    descriptors::enough()?;
    private_dir(&options.data_dir, options.owner_uid)?;
    let registry = models::registry(&options.config, options.private).await?;
    let failed = CancellationToken::new();
    let stamps = Stamps::of(options.clock.clone());
    let store = open_store(&options, &stamps, failed.clone()).await?;
    let highest = highest(&*store).map_err(RecordError::from)?;
    let clock = EngineClock::new(options.clock.clone(), options.monotonic.clone(), highest);
    options.clock = clock.clock();
    stamps.follow(clock.clock());
    let tenure = Tenure::begin(Arc::clone(&store)).await?;
    let records = Records::new(Arc::clone(&store));
    bootstrap(&records, &options.clock, options.owner_uid).await?;
    if let Err(error) = records.make_late_indexes().await {
        tracing::warn!(%error, "an index that is new could not be made: some lists are slower until the next start");
    }
    let door = Door::new(
        records.clone(),
        options.clock.clone(),
        options.owner_uid,
        options.private,
    );
    let service = Service::new(records, Arc::clone(&door), options.clock.clone());
    let gauge = Gauge::new(&options);
    let runtime = open_runtime(&options, store, &tenure, &registry, gauge.look(), door).await?;
    let socket = open_socket(&options)?;
    let listening = open_http(&options).await?;
    let serve = listening.as_ref().map(|door| door.url().to_owned());
    let started_at = service.now();
    ProcessFile::of_this(&options.socket, started_at).write(&options.data_dir)?;
    let tasks = Supervisor::new();
    let house = Arc::new(House {
        service: Arc::clone(&service),
        schedules: keep_schedules(&service, runtime.as_ref(), &options, &tasks).await?,
        runtime,
        tasks,
        stop: CancellationToken::new(),
        info: Swap::new(info(&options, &registry, started_at, serve.unwrap_or_default())),
        ended_before: EndedBefore::default(),
    });
    let door_closed = CancellationToken::new();
    let most = Arc::new(Swap::new(Most::of(&options)));
    house.tasks.spawn(
        "accept",
        accept(socket, Arc::clone(&house), Arc::clone(&most), door_closed.clone()),
    );
    serve_offers(listening, &house, &door_closed);
    look_after(&house, service, &tenure, gauge, clock);
    ready(&options.socket);
    Ok(Running {
        house,
        tenure,
        config: Swap::new(options.config.clone()),
        most,
        options,
        door_closed,
        failed,
    })
}

fn open_socket(options: &Options) -> Result<Socket, StartError> {
    match &options.listener {
        Some(listener) => Socket::taken_over(listener, &options.socket),
        None => Socket::bind(&options.socket, options.private),
    }
}

/// Binds the address of offers, where there is one.
async fn open_http(options: &Options) -> Result<Option<Listening>, StartError> {
    let section = &options.config.serve;
    listen(section).await.map_err(|source| StartError::Serve {
        address: section.listen.clone(),
        source,
    })
}

fn serve_offers(listening: Option<Listening>, house: &Arc<House>, door_closed: &CancellationToken) {
    if let Some(listening) = listening {
        let serving = listening.serve(Arc::clone(house), door_closed.clone());
        house.tasks.spawn_until_stop("serve", serving);
    }
}

/// Starts what is done now and then.
fn look_after(
    house: &Arc<House>,
    service: Arc<Service>,
    tenure: &Arc<Tenure>,
    gauge: Gauge,
    clock: Arc<EngineClock>,
) {
    let tasks = &house.tasks;
    let (store, runtime) = (Arc::clone(service.records().store()), house.runtime.clone());
    if let Some(runtime) = &runtime {
        runtime.heed(clock.held());
    }
    tasks.spawn_until_stop("clock", time::watch(clock, store, Arc::clone(tenure), runtime));
    tasks.spawn_until_stop("upkeep", upkeep(service));
    tasks.spawn_until_stop("lease", Arc::clone(tenure).keep());
    if let Some(runtime) = house.runtime.clone() {
        tasks.spawn_until_stop("space", gauge.watch(runtime));
    }
    if let Some(period) = watchdog() {
        tasks.spawn_until_stop("watchdog", pulse(Arc::clone(house), period));
    }
}

/// Keeps the schedules of the workflows there are.
async fn keep_schedules(
    service: &Service,
    runtime: Option<&RuntimeHandle>,
    options: &Options,
    tasks: &Supervisor,
) -> Result<Option<Schedules>, StartError> {
    let Some(runtime) = runtime else { return Ok(None) };
    let (records, clock) = (service.records().clone(), options.clock.clone());
    Ok(schedules::open(records, runtime.clone(), clock, tasks).await?)
}

/// Tells the service manager that calls are answered.
fn ready(socket: &Path) {
    notify(&format!("READY=1\nSTATUS=serving on {}", socket.display()));
}

/// Takes up the runs; none in a daemon that keeps documents only.
async fn open_runtime(
    options: &Options,
    store: Arc<dyn Store>,
    tenure: &Tenure,
    registry: &Arc<dirigent_providers::Registry>,
    space: Space,
    door: Arc<Door>,
) -> Result<Option<RuntimeHandle>, StartError> {
    if !options.runs {
        return Ok(None);
    }
    let mut settings = RuntimeSettings::of(&options.config, &options.data_dir);
    settings.worker_program.clone_from(&options.worker_program);
    let rooms = Rooms {
        store,
        fence: tenure.fence(),
        providers: Arc::clone(registry),
        prices: models::prices(&options.config),
        clock: options.clock.clone(),
        chance: crate::chance::system(),
        door: Some(door),
        performers: Vec::new(),
        space,
        settings,
    };
    Ok(Some(RuntimeHandle::open(rooms).await?))
}

async fn open_store(
    options: &Options,
    stamps: &Stamps,
    failed: CancellationToken,
) -> Result<Arc<dyn Store>, StartError> {
    let section = options.config.store;
    let mut how = dirigent_store::Options::new(store_dir(&options.data_dir));
    how.cache_bytes = section.cache_mib << 20;
    how.segment_bytes = section.segment_mib << 20;
    how.min_free_bytes = section.min_free_step_mib << 20;
    how.clock = stamps.clock();
    how.on_failure = Some(Arc::new(move || failed.cancel()));
    how.progress = Some(Arc::new(|progress: Progress| {
        let Progress { done, total, rebuild } = progress;
        let what = if rebuild {
            "rebuilding the state"
        } else {
            "catching up with the journal"
        };
        tracing::info!(done, total, "{what}");
        notify(&format!(
            "STATUS={what}: {done} of {total} commits\nEXTEND_TIMEOUT_USEC=30000000"
        ));
    }));
    let opened = tokio::task::spawn_blocking(move || dirigent_store::open(how)).await;
    Ok(opened.map_err(|_| StartError::Cut)??)
}

pub(super) fn info(
    options: &Options,
    registry: &dirigent_providers::Registry,
    started_at: jiff::Timestamp,
    serve: String,
) -> Info {
    let shell = match options.config.run.shell {
        ShellPolicy::Allow => {
            let kept = match options.config.run.sandbox {
                SandboxPolicy::Host => "not sandboxed",
                SandboxPolicy::Online => "sandbox online",
                SandboxPolicy::Build => "sandbox build",
                SandboxPolicy::Pure => "sandbox pure",
            };
            format!("allow (as {}, {kept})", login_name(options.owner_uid))
        }
        ShellPolicy::Deny => "deny".to_owned(),
    };
    Info {
        started_at,
        data_dir: options.data_dir.display().to_string(),
        socket: options.socket.display().to_string(),
        private: options.private,
        shell,
        providers: registry.offered(),
        default_model: options.config.models.default.clone(),
        serve,
        walls: options.config.run.sandbox_walls != WallsPolicy::None,
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.options.socket
    }

    /// The rooms behind the wire.
    #[must_use]
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// Resolves when a client asked the daemon to end.
    pub async fn asked_to_stop(&self) {
        self.house.stop.cancelled().await;
    }

    /// Resolves when the store acknowledges nothing any more.
    pub async fn store_failed(&self) {
        self.failed.cancelled().await;
    }

    /// Ends it where nothing more can be stored: calls under way get their answer, nothing else is waited for.
    pub async fn give_up(self) {
        notify("STOPPING=1");
        self.door_closed.cancel();
        self.house.tasks.stop(LAST_WORDS).await;
        ProcessFile::remove(&self.options.data_dir);
    }

    /// Ends it: no new connection, short steps to their end, the last answers, the record of reads. At most 25 s.
    pub async fn stop(self) {
        notify("STOPPING=1");
        self.door_closed.cancel();
        if let Some(runtime) = &self.house.runtime {
            runtime.shutdown(GRACE).await;
        }
        if let Err(error) = self.house.service.door().flush_reads().await {
            tracing::warn!(%error, "the record of reads was not stored");
        }
        if !self.house.tasks.stop(LAST_CALLS).await {
            tracing::warn!(
                tasks = self.house.tasks.running(),
                "some tasks did not end in time"
            );
        }
        self.tenure.end().await;
        ProcessFile::remove(&self.options.data_dir);
    }
}
