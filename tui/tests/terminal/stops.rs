//! Stops and continues: Ctrl-Z, TSTP from outside, fg draws again, bg leaves the terminal alone.

use super::client::Client;

#[test]
fn a_stop_gives_the_terminal_back_and_a_continue_draws_again() {
    let mut client = Client::start(&[]);
    client.painted();
    client.signal("TSTP");
    client.until("the shell's screen", |screen| !screen.alternate_screen());
    Client::stopped(client.id());
    client.signal("CONT");
    client.back_on_the_page();
    client.signal("TERM");
    client.ended("TERM behind a stop");
}

#[test]
fn a_stop_nobody_can_catch_leaves_a_clean_terminal_and_a_continue_takes_it_again() {
    let mut client = Client::start(&[]);
    client.painted();
    Client::kill(Client::child_of(client.id()), "STOP");
    Client::stopped(client.id());
    client.until("the shell's screen", |screen| !screen.alternate_screen());
    client.given_back("STOP");
    client.signal("CONT");
    client.back_on_the_page();
    client.signal("TERM");
    client.ended("TERM behind a stop");
}

#[test]
fn ctrl_z_stops_the_job_fg_draws_again_and_bg_touches_nothing() {
    let mut shell = Client::shell();
    shell.start_client();
    let keeper = Client::child_of(shell.id());
    for _ in 0..3 {
        shell.type_keys("\x1a");
        shell.given_back("Ctrl-Z");
        Client::stopped(keeper);
        shell.type_keys("echo in the $((40 + 2))\n");
        shell.until("the shell", |screen| screen.contents().contains("in the 42"));
        shell.type_keys("fg\n");
        shell.back_on_the_page();
    }
    shell.type_keys("\x1a");
    shell.given_back("Ctrl-Z");
    Client::stopped(keeper);
    let before = shell.bytes.len();
    shell.type_keys("bg\n");
    // Continued in the background it wants the terminal, and is stopped for it.
    Client::stopped(Client::child_of(keeper));
    Client::stopped(keeper);
    shell.type_keys("echo still $((40 + 2))\n");
    shell.until("the shell", |screen| screen.contents().contains("still 42"));
    let since = String::from_utf8_lossy(&shell.bytes[before..]).into_owned();
    assert!(!since.contains("\x1b[?1049"), "{since:?}");
    shell.type_keys("fg\n");
    shell.back_on_the_page();
    shell.type_keys("q");
    shell.given_back("q");
}

#[test]
fn started_in_the_background_it_waits_for_its_turn() {
    let mut shell = Client::shell();
    shell.type_keys("dirigent &\n");
    let keeper = Client::child_of(shell.id());
    Client::stopped(keeper);
    assert!(!shell.screen.screen().alternate_screen());
    shell.type_keys("fg\n");
    shell.back_on_the_page();
    shell.type_keys("q");
    shell.given_back("q");
}

#[test]
fn without_a_shell_above_there_is_no_way_back_and_no_stop() {
    let mut client = Client::start(&[]);
    client.painted();
    client.type_keys("\x1a");
    client.until("the reason", |screen| screen.contents().contains("no way back"));
    client.type_keys("q");
    client.ended("q");
}
