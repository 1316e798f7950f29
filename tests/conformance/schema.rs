//! The specification's schema against our reader: what the one accepts the other accepts, what the one refuses the other
//! refuses with a place.

use std::path::Path;

use dirigent_tests::{Home, Seed};
use serde_json::{Value, json};

use crate::generate::Generator;
use crate::kit::yaml;
use crate::specification;

/// Documents of one test.
const DOCUMENTS: usize = 400;
/// Broken documents that may be accepted: values that are looked at when they are used, such as attributes of a filter.
const MOST_ACCEPTED: usize = DOCUMENTS / 50;
/// Documents that one call of the validator reads.
const BATCH: usize = 50;

fn schema(root: &Path) -> (Value, jsonschema::Validator) {
    let schema = yaml(&std::fs::read_to_string(root.join("schema.yaml")).unwrap());
    let validator = jsonschema::validator_for(&schema).unwrap();
    (schema, validator)
}

/// The errors our validator has for each document.
fn errors(home: &Home, documents: &[Value]) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for batch in documents.chunks(BATCH) {
        let mut arguments = vec!["validate".to_owned(), "--json".to_owned()];
        for (i, document) in batch.iter().enumerate() {
            let path = home.write(&format!("d{i}.json"), &document.to_string());
            arguments.extend(["-f".to_owned(), path.to_str().unwrap().to_owned()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let report = home.client(&arguments).json();
        for file in report["files"].as_array().unwrap() {
            let found = file["diagnostics"].as_array().unwrap().iter();
            all.push(found.filter(|one| one["severity"] == "error").cloned().collect());
        }
    }
    all
}

#[test]
fn what_the_schema_accepts_is_accepted() {
    let Some(root) = specification() else { return };
    let (schema, validator) = schema(&root);
    let mut generator = Generator::new(&schema, Seed::settled("what_the_schema_accepts_is_accepted", 1));
    let mut documents = Vec::new();
    let mut made = 0;
    while documents.len() < DOCUMENTS {
        made += 1;
        assert!(
            made < DOCUMENTS * 4,
            "only {} of {made} documents fit the schema",
            documents.len()
        );
        let document = generator.document();
        if validator.is_valid(&document) {
            documents.push(document);
        }
    }
    let home = Home::new(&[]);
    let mut wrong = Vec::new();
    for (document, errors) in documents.iter().zip(errors(&home, &documents)) {
        if let Some(error) = errors.first() {
            let place = error["at"]["path"].as_str().unwrap_or_default();
            let part = document.pointer(place).unwrap_or(&Value::Null);
            wrong.push(format!(
                "{} at {place}: {} in {part}",
                error["code"], error["message"]
            ));
        }
    }
    wrong.sort();
    wrong.dedup_by_key(|text| {
        text.split(" in ")
            .next()
            .unwrap()
            .split(": ")
            .last()
            .map(str::to_owned)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every place in a document, as a pointer.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    let token = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let at = format!("{at}/{}", token(name));
                all.push(at.clone());
                places(inner, &at, all);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{i}"), all);
            }
        }
        _ => {}
    }
}

/// Breaks a document somewhere; gives the place.
fn broken(document: &mut Value, seed: &mut Seed) -> String {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let at = all[usize::try_from(seed.below(all.len() as u64)).unwrap()].clone();
    let (above, name) = at.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match seed.below(3) {
        0 => {
            if let Some(Value::Object(fields)) = document.pointer_mut(above) {
                fields.shift_remove(&name);
            }
        }
        1 => {
            if let Some(value) = document.pointer_mut(&at) {
                *value = if value.is_object() {
                    json!(7)
                } else {
                    json!({ "zzz": [] })
                };
            }
        }
        _ => {
            if let Some(Value::Object(fields)) = document.pointer_mut(above) {
                fields.insert("zzz".to_owned(), json!(1));
            }
        }
    }
    at
}

#[test]
fn what_the_schema_refuses_is_refused_with_its_place() {
    let Some(root) = specification() else { return };
    let (schema, validator) = schema(&root);
    let mut generator = Generator::new(&schema, Seed::settled("what_the_schema_refuses_is_refused", 1));
    let (mut documents, mut whereabouts) = (Vec::new(), Vec::new());
    let mut made = 0;
    while documents.len() < DOCUMENTS {
        made += 1;
        assert!(
            made < DOCUMENTS * 20,
            "only {} of {made} documents are broken",
            documents.len()
        );
        let mut document = generator.document();
        if !validator.is_valid(&document) {
            continue;
        }
        let at = broken(&mut document, generator.seed());
        if !validator.is_valid(&document) {
            documents.push(document);
            whereabouts.push(at);
        }
    }
    let home = Home::new(&[]);
    let (mut wrong, mut accepted) = (Vec::new(), Vec::new());
    let found = errors(&home, &documents);
    for ((document, at), errors) in documents.iter().zip(&whereabouts).zip(found) {
        if LENIENT
            .iter()
            .any(|lenient| lenient.iter().all(|part| at.contains(part)))
        {
            continue;
        }
        let near = |error: &Value| {
            let path = error["at"]["path"].as_str().unwrap_or_default();
            let placed = error["at"]["line"].as_u64().is_some_and(|line| line > 0);
            placed && (at.starts_with(path) || path.starts_with(at.rsplit_once('/').unwrap().0))
        };
        if errors.is_empty() {
            let above = at.rsplit_once('/').unwrap().0;
            accepted.push(format!(
                "accepted: {at} in {}",
                document.pointer(above).unwrap_or(&Value::Null)
            ));
        } else if !errors.iter().any(near) {
            wrong.push(format!("elsewhere: {at}: {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{}", accepted.join("\n"));
    assert!(
        accepted.len() <= MOST_ACCEPTED,
        "{} of {DOCUMENTS}:\n{}",
        accepted.len(),
        accepted.join("\n")
    );
}

/// Places where we accept more than the schema, each with its reason.
const LENIENT: &[&[&str]] = &[
    // A number or a truth value is sent as its text.
    &["/with/query/"],
    &["/with/headers/"],
    // Attributes of an event are looked at when it is emitted: each may be an expression.
    &["/emit/event/with/"],
    // A constant may stand where a document shapes data.
    &["/output/as"],
    &["/export/as"],
    &["/input/from"],
    // What a client of an identity provider says beside the standard's words is not looked at.
    &["/oidc/client/"],
    &["/oauth2/client/"],
    // A schema that lies elsewhere is loaded by no version: who would ask for it is not read.
    &["/schema/resource/"],
];
