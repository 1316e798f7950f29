//! A task as a stream: the task, every change of it, what came out, its end.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::words::Revision;
use crate::serve::work::Follow;

struct State {
    follow: Box<Follow>,
    revision: Revision,
    begun: bool,
    over: bool,
}

/// The stream of a run from now on. Nobody who reads it keeps the run: it goes on without them.
pub(super) fn of(follow: Box<Follow>, revision: Revision, id: Value, stop: CancellationToken) -> Response {
    let state = State {
        follow,
        revision,
        begun: false,
        over: false,
    };
    let pages = stream::unfold(state, |mut state| async move {
        if state.over {
            return None;
        }
        let results = next(&mut state).await;
        Some((results, state))
    });
    let events = pages.flat_map(stream::iter).map(move |told| {
        let mut answer = json!({ "jsonrpc": "2.0", "id": id });
        match told {
            Ok(result) => answer["result"] = result,
            Err(message) => answer["error"] = json!({ "code": -32_603, "message": message }),
        }
        Ok::<_, Infallible>(Event::default().data(answer.to_string()))
    });
    let events = events.take_until(stop.cancelled_owned());
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

async fn next(state: &mut State) -> Vec<Result<Value, String>> {
    let revision = state.revision;
    let moment = match state.follow.next().await {
        Ok(moment) => moment,
        Err(fault) => {
            state.over = true;
            return vec![Err(fault.message)];
        }
    };
    // A task that waits for a person may wait for days: whoever streams it comes back.
    state.over = moment.is_over() || moment.waits_for_person();
    let mut results = Vec::new();
    if !state.begun {
        state.begun = true;
        results.push(Ok(revision.sent(&moment)));
        if !state.over {
            return results;
        }
    }
    results.extend(revision.artifact_event(&moment).map(Ok));
    results.push(Ok(revision.status_event(&moment, state.over)));
    results
}
