//! An agent's card, readable by clients of 0.3 and of 1.0: the fields of the two stand beside each other.

use serde_json::{Value, json};

use crate::serve::catalog::Entry;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// The card of an offer that is reached at `url`.
pub(in crate::serve) fn card(entry: &Entry, url: &str) -> Value {
    let interface =
        |version: &str| json!({ "url": url, "protocolBinding": "JSONRPC", "protocolVersion": version });
    let modes = json!([JSON, TEXT]);
    json!({
        "name": entry.name,
        "description": entry.description,
        "version": env!("CARGO_PKG_VERSION"),
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "supportedInterfaces": [interface("1.0"), interface("0.3")],
        "capabilities": { "streaming": true, "pushNotifications": false },
        "defaultInputModes": modes,
        "defaultOutputModes": modes,
        "skills": [{
            "id": entry.name,
            "name": entry.title,
            "description": entry.description,
            "tags": ["dirigent"],
            "inputModes": modes,
            "outputModes": modes,
        }],
    })
}
