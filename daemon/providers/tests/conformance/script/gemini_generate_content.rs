//! Google Gemini generateContent.

use serde_json::{Value, json};

use super::{Asked, Counts, Script, Turn, arguments, list, text};
use crate::server::Received;

const SIGNATURE: &str = "CiQB0e2Kb4ZDqvmyxSzM0Rk=";

pub(super) const SCRIPT: Script = Script {
    dialect: "gemini_generate_content",
    path: "/models/tiny:streamGenerateContent?alt=sse",
    stream,
    begin,
    whole,
    turn,
    error,
    failure: error,
    asked,
    repeated: |body| {
        let said = list(&body["contents"]).find(|content| content["role"] == "model");
        said.map(|said| said["parts"].clone()).unwrap_or_default()
    },
    kept,
    results: |body| {
        let parts = list(&body["contents"]).flat_map(|content| list(&content["parts"]));
        let results = parts.filter_map(|part| part.get("functionResponse"));
        let result = |result: &Value| {
            let response = &result["response"];
            let failed = response.get("error");
            let words = failed.or(response.get("result")).unwrap_or(response);
            let words = words.as_str().map_or_else(|| words.to_string(), str::to_owned);
            (text(&result["id"]), words, failed.is_some())
        };
        results.map(result).collect()
    },
    tools: |body| {
        let tool = &body["tools"][0]["functionDeclarations"][0];
        (
            json!([tool["name"], tool["description"], tool["parametersJsonSchema"]]),
            body["toolConfig"]["functionCallingConfig"].clone(),
        )
    },
    choices: || {
        [
            json!({"mode": "AUTO"}),
            json!({"mode": "NONE"}),
            json!({"mode": "ANY"}),
            json!({"mode": "ANY", "allowedFunctionNames": ["lookup"]}),
        ]
    },
    orphan: None,
    shaped: |body| {
        let config = &body["generationConfig"];
        config["responseMimeType"] == "application/json" && config["responseJsonSchema"].is_object()
    },
    unshaped: "Invalid JSON payload received. Unknown name \"responseJsonSchema\" at 'generation_config'",
    seeds: true,
};

fn error(code: &str, message: &str) -> String {
    json!({"error": {"message": message, "status": code.to_uppercase()}}).to_string()
}

fn chunk(parts: &[Value], finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    json!({"candidates": [candidate], "modelVersion": "tiny-2026", "responseId": "answer-1"})
}

fn event(body: &Value) -> String {
    format!("data: {body}\r\n\r\n")
}

fn begin(pieces: &[&str]) -> Vec<String> {
    let said = pieces.iter().map(|piece| chunk(&[json!({"text": piece})], None));
    said.map(|body| event(&body)).collect()
}

fn stream(pieces: &[&str], usage: Option<Counts>) -> Vec<String> {
    let mut events = begin(pieces);
    let mut last = chunk(&[], Some("STOP"));
    if let Some((input, output, cached)) = usage {
        // Thinking is counted apart here, and paid for like the rest.
        last["usageMetadata"] = json!({"promptTokenCount": input, "candidatesTokenCount": output - 1,
            "thoughtsTokenCount": 1, "cachedContentTokenCount": cached, "totalTokenCount": input + output});
    }
    events.push(event(&last));
    events
}

fn whole(text: &str) -> String {
    let mut body = chunk(&[json!({"text": text})], Some("STOP"));
    body["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": 2});
    body.to_string()
}

fn parts(turn: &Turn) -> Vec<Value> {
    let mut parts = vec![
        json!({"text": turn.thought, "thought": true}),
        json!({"text": turn.text}),
    ];
    for (place, call) in turn.calls.iter().enumerate() {
        let mut part = json!({"functionCall": {"name": call.name, "args": arguments(call), "id": call.id}});
        // Of parallel calls the first alone is signed.
        if place == 0 {
            part["thoughtSignature"] = json!(SIGNATURE);
        }
        parts.push(part);
    }
    parts
}

fn turn(turn: &Turn) -> Vec<String> {
    let mut events: Vec<String> = parts(turn)
        .iter()
        .map(|part| event(&chunk(std::slice::from_ref(part), None)))
        .collect();
    events.push(event(&chunk(&[json!({"text": ""})], Some("STOP"))));
    events
}

fn asked(received: &Received) -> Asked {
    let last = list(&received.body["contents"])
        .last()
        .cloned()
        .unwrap_or_default();
    let (path, query) = received.path.split_once('?').unwrap_or((&received.path, ""));
    let model = path
        .rsplit_once('/')
        .and_then(|(_, call)| call.strip_suffix(":streamGenerateContent"));
    (
        text(&last["parts"][0]["text"]),
        model.unwrap_or_default().to_owned(),
        query == "alt=sse",
    )
}

fn kept(turn: &Turn) -> Value {
    parts(turn).into_iter().collect()
}
