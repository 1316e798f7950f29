//! The engine's clock while the daemon serves: what happens to the machine's clock is told, and the highest time is noted.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::entity::{Kind, Level, Notification};
use dirigent_store::{Store, Txn};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::tenure::Tenure;
use crate::clock::{EngineClock, HIGHEST, News};
use crate::events::{StoredEvent, encode, event_key};
use crate::records::{DEFAULT_ORG, Draft, put};
use crate::runtime::RuntimeHandle;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often the highest time is noted while the wall is behind, counted in looks.
const NOTE: u32 = 2;
/// The wall is as good as the engine's clock.
const SAME: Duration = Duration::from_secs(2);

/// Looks at the clock until it is dropped: tells what happened to it, and notes the highest time while it is not the
/// wall's.
pub(super) async fn watch(
    clock: Arc<EngineClock>,
    store: Arc<dyn Store>,
    tenure: Arc<Tenure>,
    runtime: Option<RuntimeHandle>,
) {
    let mut round: u32 = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        round = round.wrapping_add(1);
        let now = clock.now();
        let news = clock.news();
        let mut txn = Txn {
            reserve: true,
            ..Txn::default()
        };
        if clock.ahead() > SAME && (round.is_multiple_of(NOTE) || !news.is_empty()) {
            let ms = now.as_millisecond().to_be_bytes();
            txn.puts.push((HIGHEST.into(), ms.to_vec().into()));
        }
        let jumped = news.iter().any(|news| matches!(news, News::Jumped { .. }));
        for news in news {
            if let Err(error) = tell(&mut txn, news, now) {
                tracing::warn!(%error, "news of the clock could not be put into words");
            }
        }
        if !txn.puts.is_empty() {
            if let Err(error) = store.commit(txn).await {
                tracing::warn!(%error, "news of the clock were not stored");
            }
            if let Some(runtime) = &runtime {
                runtime.bus_changed();
            }
        }
        if jumped {
            tenure.renew().await;
        }
    }
}

/// A notification for people, and an event for runs.
fn tell(txn: &mut Txn, news: News, now: Timestamp) -> Result<(), crate::records::RecordError> {
    let (kind, title, body, data) = words(news);
    tracing::warn!(%kind, "{title}: {body}");
    let notification = Notification {
        title: title.to_owned(),
        body,
        level: Level::Warning,
        about: String::new(),
        read_at: None,
    };
    let spec = serde_json::to_value(notification).unwrap_or_default();
    put(txn, None, &Draft::of(Kind::Notification, "", spec).document(now))?;
    let id = Uuid::now_v7();
    let event = json!({
        "specversion": "1.0", "id": id, "source": "/dirigent/clock", "type": kind, "time": now,
        "datacontenttype": "application/json", "data": data
    });
    let stored = StoredEvent {
        org: DEFAULT_ORG,
        event: event.into(),
        run: None,
        seq: 0,
        by: "dirigent".to_owned(),
    };
    txn.puts.push((event_key(now, id), encode(&stored)?));
    Ok(())
}

fn words(news: News) -> (&'static str, &'static str, String, Value) {
    match news {
        News::Jumped { from, to } => (
            "dirigent.clock_jumped",
            "The clock jumped ahead",
            format!("from {from} to {to}; approvals do not expire for a minute"),
            json!({ "from": from, "to": to }),
        ),
        News::Regressed { wall, engine } => (
            "dirigent.clock_regressed",
            "The clock was set back",
            format!("it shows {wall}; timers go on by {engine}"),
            json!({ "wall": wall, "engine": engine }),
        ),
    }
}
