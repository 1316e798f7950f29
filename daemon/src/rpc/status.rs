//! The daemon's health.

use std::path::Path;

use dirigent_protocol::emergency::Emergency;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::query::{DaemonStatus, StoreStatus};
use dirigent_store::Progress;

use super::house::{House, Info};
use super::runs::MOST;
use crate::records::DEFAULT_ORG;
use crate::runtime::RuntimeHandle;
use crate::sandbox::walls;

pub(super) fn status(house: &House, subject: &Subject) -> Result<DaemonStatus, Fault> {
    let records = house.service.records();
    let counts = house.runtime.as_ref().map(RuntimeHandle::counts);
    let runs = house.ended_before.runs(records, subject.org, counts.as_ref())?;
    let approvals = match &counts {
        Some(counts) if subject.org == DEFAULT_ORG => counts.approvals_pending,
        _ => {
            let (kind, pending) = (Kind::WorkflowApproval, "pending".into());
            records.count_by_index(subject.org, kind, "status", &pending, MOST)?
        }
    };
    let counts = counts.unwrap_or_default();
    let emergency = house.runtime.as_ref().and_then(RuntimeHandle::emergency);
    let info = Info::clone(&house.info.get());
    Ok(DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: info.started_at,
        store: store(house, Path::new(&info.data_dir), emergency.as_ref()),
        emergency,
        data_dir: info.data_dir,
        socket: info.socket,
        private: info.private,
        shell: info.shell,
        runs,
        approvals_pending: approvals,
        effects_in_flight: counts.in_flight.values().sum(),
        providers: info.providers,
        default_model: info.default_model,
        waits: counts.waits(),
        serve: info.serve,
        walls: match info.walls {
            true => walls::known(&house.tasks),
            false => walls::unwanted(),
        },
    })
}

fn store(house: &House, data_dir: &Path, emergency: Option<&Emergency>) -> StoreStatus {
    let stats = house.service.records().store().stats();
    let disk_free =
        rustix::fs::statvfs(data_dir).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let (rebuilding, stopped);
    let trouble = if stats.failed {
        "the store has failed and acknowledges nothing: restart the daemon"
    } else if let Some(Progress { done, total, .. }) = stats.rebuilding {
        rebuilding = format!("the state failed and is being built again: {done} of {total} commits");
        &rebuilding
    } else if stats.full {
        "the disk is nearly full: no new work is taken"
    } else if stats.state_alarm {
        "the state is over 2 GiB: a rebuild would take minutes"
    } else if let Some(emergency) = emergency {
        stopped = format!("{emergency}; `dirigent emergency-stop --release` lets everything go on");
        &stopped
    } else {
        ""
    };
    StoreStatus {
        commits: stats.commits,
        lag: stats.head.0.saturating_sub(stats.applied.0),
        lag_ms: stats.lag_ms,
        journal_bytes: stats.journal_bytes,
        state_bytes: stats.state_bytes,
        disk_free,
        trouble: trouble.to_owned(),
    }
}
