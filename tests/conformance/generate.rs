//! Documents made from the specification's own schema.
//!
//! The schema says what a document looks like; names that must exist, expressions that must compile and numbers that
//! must mean something are filled in here, by the titles that the schema gives its parts.

use dirigent_tests::Seed;
use serde_json::{Map, Value, json};

/// Parts of the schema that no document is made of: what they need is being built.
const WAITING: &[&str] = &[];

/// Deepest list of tasks in lists of tasks.
const MAX_DEPTH: usize = 3;

/// Makes documents, one after the other, from one seed.
pub(crate) struct Generator<'s> {
    schema: &'s Value,
    seed: Seed,
    depth: usize,
    names: u32,
}

impl<'s> Generator<'s> {
    pub(crate) fn new(schema: &'s Value, seed: Seed) -> Self {
        Self {
            schema,
            seed,
            depth: 0,
            names: 0,
        }
    }

    /// The seed, for choices about what was made.
    pub(crate) fn seed(&mut self) -> &mut Seed {
        &mut self.seed
    }

    /// A whole document: what its tasks may refer to is always there.
    pub(crate) fn document(&mut self) -> Value {
        self.names = 0;
        let schema = self.schema;
        let mut document = Map::new();
        for name in ["document", "input", "do", "timeout", "output", "evaluate"] {
            if matches!(name, "document" | "do") || self.chance(3) {
                let part = &schema["properties"][name];
                document.insert(name.to_owned(), self.value(part));
            }
        }
        let mut used = self.value(&schema["properties"]["use"]);
        let mut named = |section: &str, name: &str, part: &str| {
            let made = self.value(&json!({ "$ref": format!("#/$defs/{part}") }));
            used[section][name] = made;
        };
        named("authentications", "auth", "authenticationPolicy");
        named("errors", "error", "error");
        named("retries", "retry", "retryPolicy");
        named("timeouts", "timeout", "timeout");
        used["functions"]["fn"] = json!({ "set": { "done": true } });
        used["secrets"] = json!(["secret"]);
        document.insert("use".to_owned(), used);
        Value::Object(document)
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.seed.below(one_in) == 0
    }

    fn pick<'v, T>(&mut self, all: &'v [T]) -> &'v T {
        let at = self.seed.below(all.len() as u64);
        &all[usize::try_from(at).unwrap()]
    }

    fn resolved(&self, schema: &Value) -> Value {
        let Some(pointer) = schema["$ref"].as_str() else {
            return schema.clone();
        };
        let mut merged = self
            .schema
            .pointer(pointer.trim_start_matches('#'))
            .unwrap()
            .clone();
        for (name, value) in schema
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "$ref")
        {
            merged[name] = value.clone();
        }
        self.resolved(&merged)
    }

    fn value(&mut self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(value) = self.by_title(schema["title"].as_str().unwrap_or_default()) {
            return value;
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(all) = schema["enum"].as_array() {
            return self.pick(all).clone();
        }
        let is_object =
            schema["type"] == "object" || schema.get("properties").is_some() || schema.get("allOf").is_some();
        if is_object {
            return self.object(&schema);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(all) = schema[choice].as_array() {
                let usable: Vec<Value> = all.iter().filter(|one| self.usable(one)).cloned().collect();
                let one = self.pick(&usable).clone();
                return self.value(&one);
            }
        }
        match schema["type"].as_str() {
            Some("string") => self.text(&schema),
            Some("integer") => json!(1 + self.seed.below(9)),
            Some("boolean") => json!(self.chance(2)),
            Some("array") => self.list(&schema),
            _ => self
                .pick(&[json!("${ .any }"), json!(7), json!({ "a": [1, "b"] })])
                .clone(),
        }
    }

    /// Deep inside, tasks hold no tasks any more.
    fn usable(&self, schema: &Value) -> bool {
        let schema = self.resolved(schema);
        let title = schema["title"].as_str().unwrap_or_default();
        let nests = ["DoTask", "ForkTask", "ForTask", "TryTask"];
        !(WAITING.contains(&title) || self.depth >= MAX_DEPTH && nests.contains(&title))
    }

    /// What only its meaning tells.
    fn by_title(&mut self, title: &str) -> Option<Value> {
        let text = match title {
            "WorkflowDSL" => "1.0.3",
            "WorkflowVersion" | "SubflowVersion" => "1.2.3",
            "TaskBaseThen" | "SwitchCaseOutcome" | "TryTaskCatchThen" | "FlowDirective" => {
                return Some(json!(*self.pick(&["continue", "exit", "end"])));
            }
            "TaskBaseIf"
            | "While"
            | "CatchWhen"
            | "CatchExceptWhen"
            | "RetryWhen"
            | "RetryExcepWhen"
            | "ExtensionCondition"
            | "CorrelateFrom"
            | "AnyEventUntilCondition" => {
                return Some(json!(*self.pick(&[".x", "${ .a == 1 }", "$context.b != null"])));
            }
            "ForInExpression" => return Some(json!(*self.pick(&[".list", "${ [1, 2] }"]))),
            "InputFrom" | "OutputAs" | "ExportAs" => {
                return Some(
                    self.pick(&[json!(".a"), json!("${ { b: .c } }"), json!({ "d": "${ .e }" })])
                        .clone(),
                );
            }
            "ReferenceableAuthenticationPolicyName" => "auth",
            "SecretBasedAuthenticationPolicyName" => "secret",
            "RetryPolicyReference" => "retry",
            "TaskTimeoutReference" | "TimeoutReference" => "timeout",
            "RaiseErrorReference" => "error",
            "EvaluateLanguage" => "jq",
            "EvaluateMode" => "strict",
            "SchemaFormat" => "json",
            "ForEach" | "SubscriptionIteratorItem" => "each_one",
            "ForAt" | "SubscriptionIteratorIndex" => "at_one",
            "CatchAs" => "caught",
            "ErrorStatus" => return Some(json!(400 + self.seed.below(200))),
            "CallFunction" => return Some(json!({ "call": "fn", "with": { "a": 1 } })),
            "SchemaInline" => return Some(json!({ "document": { "type": "object" } })),
            "SwitchTaskConfiguration" => return Some(self.cases()),
            "HTTPMethod" => *self.pick(&["get", "POST", "patch"]),
            "SetTaskConfiguration" if self.chance(4) => "${ { a: .b } }",
            "WithA2AParameters" | "McpMethodParameters" if self.chance(3) => "${ .parameters }",
            "WithA2AParameters" | "McpMethodParameters" | "SetTaskConfiguration" => {
                return Some(json!({ "a": "${ .b }" }));
            }
            "TaskMetadata" | "WorkflowMetadata" => return Some(json!({ "anything": [1] })),
            _ => return None,
        };
        Some(json!(text))
    }

    fn cases(&mut self) -> Value {
        let then = self.by_title("FlowDirective");
        json!([{ "one": { "when": ".a", "then": then } }, { "two": { "then": "continue" } }])
    }

    fn text(&mut self, schema: &Value) -> Value {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let text = match (pattern, schema["format"].as_str()) {
            (pattern, _) if pattern.contains("\\$\\{.+") => "${ .computed }".to_owned(),
            (pattern, _) if pattern.starts_with("^P(") => (*self.pick(&["PT1S", "P1DT2H", "P2W"])).to_owned(),
            (pattern, _) if pattern.contains("{0,61}") => format!("name-{}", self.seed.below(100)),
            (_, Some("uri-template" | "uri-reference")) => {
                (*self.pick(&["https://example.org/a/{b}?c=d", "/relative/{x}", "urn:a:b"])).to_owned()
            }
            (_, Some("json-pointer")) => "/do/0/a".to_owned(),
            (_, Some("date-time")) => "2026-11-22T18:00:00Z".to_owned(),
            _ => (*self.pick(&["text", "two words", "${ .expression }", "änders"])).to_owned(),
        };
        json!(text)
    }

    fn list(&mut self, schema: &Value) -> Value {
        let count = schema["minItems"].as_u64().unwrap_or(0).max(self.seed.below(3));
        let tasks = schema["title"] == "TaskList" || schema["items"]["title"] == "TaskItem";
        self.depth += usize::from(tasks);
        let mut items: Vec<Value> = (0..count).map(|_| self.value(&schema["items"])).collect();
        if tasks && items.is_empty() {
            items.push(self.value(&schema["items"]));
        }
        self.depth -= usize::from(tasks);
        Value::Array(items)
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut made = Map::new();
        self.fill(schema, &mut made);
        Value::Object(made)
    }

    fn fill(&mut self, schema: &Value, made: &mut Map<String, Value>) {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let part = self.resolved(part);
            self.fill(&part, made);
        }
        for (name, part) in schema["properties"].as_object().into_iter().flatten() {
            let wanted = required.contains(&name.as_str()) || self.chance(4);
            if wanted && !made.contains_key(name) {
                made.insert(name.clone(), self.value(part));
            }
        }
        for name in required {
            // Required above, described in a part of it.
            if !made.contains_key(name) {
                let parts = schema["allOf"].as_array().into_iter().flatten();
                let found = parts
                    .map(|part| self.resolved(part)["properties"][name].clone())
                    .find(|part| !part.is_null());
                if let Some(part) = found {
                    made.insert(name.to_owned(), self.value(&part));
                }
            }
        }
        if let Some(all) = schema["oneOf"].as_array() {
            let usable: Vec<Value> = all.iter().filter(|one| self.usable(one)).cloned().collect();
            let picked = self.pick(&usable).clone();
            let mut one = self.resolved(&picked);
            let title = one["title"].as_str().unwrap_or_default().to_owned();
            if let Some(value) = self.by_title(&title) {
                made.extend(value.as_object().unwrap().clone());
                return;
            }
            if one.get("properties").is_none() && one.get("allOf").is_none() && one.get("oneOf").is_none() {
                // Only says which of the properties above must be there.
                one["properties"] = pick_properties(schema, &one);
            }
            self.fill(&one, made);
        }
        if schema["additionalProperties"].is_object() || schema["maxProperties"] == 1 {
            self.names += 1;
            let name = format!("n{}", self.names);
            let part = schema["additionalProperties"].clone();
            made.insert(name, self.value(&part));
        } else if made.is_empty() && schema["minProperties"].as_u64().unwrap_or(0) > 0 {
            match schema["properties"].as_object() {
                Some(properties) => {
                    let all: Vec<(&String, &Value)> = properties.iter().collect();
                    let (name, part) = *self.pick(&all);
                    made.insert(name.clone(), self.value(part));
                }
                None => drop(made.insert("filled".to_owned(), json!("${ .in }"))),
            }
        }
    }
}

fn pick_properties(schema: &Value, one: &Value) -> Value {
    let names = one["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    names
        .map(|name| (name.to_owned(), schema["properties"][name].clone()))
        .collect()
}
