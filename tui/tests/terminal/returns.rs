//! Coming back: after an end nobody wanted the screen is as it was.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::client::Client;

#[test]
fn after_a_kill_the_next_client_is_where_this_one_was_and_after_q_it_is_not() {
    let mut client = Client::start(&[]);
    client.painted();
    client.type_keys("gr/crm\r");
    client.until("the filter", |screen| screen.contents().contains("/crm"));
    let home = Arc::clone(&client.home);
    let state = home.path().join(".local/state/dirigent");
    // Written behind the frame that shows it.
    client.file_with(&state, "crm");
    let file = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    Client::kill(Client::child_of(client.id()), "KILL");
    client.ended("KILL");

    let mut client = Client::again(Arc::clone(&home), &[]);
    client.until("the page that was left", |screen| {
        screen.contents().contains("Operate › Runs")
    });
    client.type_keys("q");
    assert_eq!(client.ended("q"), "Success");

    let mut client = Client::again(home, &[]);
    client.painted();
    client.type_keys("q");
    client.ended("q");
}
