use super::read::read;
use crate::service::schema::Schemas;

fn found(text: &str) -> Vec<String> {
    let reading = read(&Schemas::default(), text.as_bytes());
    reading
        .found
        .iter()
        .map(|found| format!("{} {}", found.at, found.code))
        .collect()
}

#[test]
fn every_mistake_of_every_document_is_found_at_once() {
    let text = "kind: Agnet\nmetadata: {name: a}\nspec: {}\n---\nkind: Agent\nmetadata:\n  name: no spaces\n  lables: {}\nspec:\n  promt: hi\n---\nkind: AuditLog\nmetadata: {name: x}\nspec: {}\n---\nx: 1\n";
    assert_eq!(
        found(text),
        [
            "1:7 unknown_kind",
            "7:9 bad_name",
            "8:3 unknown_field",
            "10:3 unknown_field",
            "10:3 missing_field",
            "12:7 daemon_kind",
            "16:1 unknown_document",
        ]
    );
}

#[test]
fn definitions_are_read_with_their_labels() {
    let text = "kind: agent\nmetadata: {name: sum, labels: {env: prod, n: 1}, revision: 4}\nspec:\n  prompt: \"{{ input }}\"\n";
    let reading = read(&Schemas::default(), text.as_bytes());
    assert_eq!(reading.found, []);
    let labels = reading.items[0].labels.clone().unwrap();
    assert_eq!((labels["env"].as_str(), labels["n"].as_str()), ("prod", "1"));
}

#[test]
fn twins_in_one_file_are_refused() {
    let one = "kind: Agent\nmetadata: {name: sum}\nspec: {prompt: a}\n";
    let text = format!("{one}---\n{}", one.replace("sum", "Sum"));
    assert_eq!(found(&text), ["5:1 duplicate_definition"]);
}
