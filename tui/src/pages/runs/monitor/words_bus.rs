//! What a run hears and says on the bus, in words.

use dirigent_protocol::run::EventBody;
use serde_json::Value;

use crate::text::compact;
use crate::widgets::stream::Voice;

pub(super) fn bus_phrase(body: &EventBody) -> Option<(Voice, String)> {
    use EventBody as E;
    Some(match body {
        E::EventEmitted { event, .. } => (Voice::Sent, format!("emits {}", told(event))),
        E::ListenOpened {
            patterns, forever, ..
        } => {
            let kinds: Vec<&str> = patterns
                .iter()
                .map(|one| one.kind.as_deref().unwrap_or("any event"))
                .collect();
            let text = match (kinds.is_empty(), forever) {
                (true, _) => "listens for nothing any more".to_owned(),
                (false, true) => format!("listens for {}, without end", kinds.join(", ")),
                (false, false) => format!("listens for {}", kinds.join(", ")),
            };
            (Voice::Event, text)
        }
        E::EventReceived { event, closes, .. } => {
            let last = if *closes { "; it was the last one" } else { "" };
            (Voice::Event, format!("heard {}{last}", told(event)))
        }
        E::EventHandled { output, .. } => {
            (Voice::Event, format!("the event is handled: {}", compact(output)))
        }
        _ => return None,
    })
}

/// `order.paid {"order":7}`
fn told(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or("an event");
    match event.get("data") {
        None | Some(Value::Null) => kind.to_owned(),
        Some(data) => format!("{kind} {}", compact(data)),
    }
}
