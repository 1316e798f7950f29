//! Whatever ends the client, the terminal is as it was, and a shell hears how it ended.

use super::client::Client;

#[test]
fn every_signal_gives_the_terminal_back() {
    for (signal, ended) in [
        ("TERM", "Terminated"),
        ("HUP", "Hangup"),
        ("INT", "Interrupt"),
        ("QUIT", "Quit"),
        ("ABRT", "Aborted"),
    ] {
        for keeper in [true, false] {
            let mut client = Client::start(&[]);
            client.painted();
            let keeper_id = client.id();
            Client::kill(
                if keeper {
                    keeper_id
                } else {
                    Client::child_of(keeper_id)
                },
                signal,
            );
            assert_eq!(
                client.ended(signal),
                format!("Terminated by {ended}"),
                "{signal}, keeper: {keeper}"
            );
        }
    }
}

#[test]
fn what_cannot_be_caught_gives_the_terminal_back_too() {
    // With the mouse on there is one mode more to reset.
    for keys in ["", "%"] {
        let mut client = Client::start(&[]);
        client.painted();
        client.type_keys(keys);
        Client::kill(Client::child_of(client.id()), "KILL");
        assert_eq!(client.ended("KILL"), "Terminated by Killed");
    }
    let mut client = Client::start(&[]);
    client.painted();
    Client::kill(Client::child_of(client.id()), "SYS");
    assert!(client.ended("SYS").starts_with("Terminated by Bad system call"));
}

#[test]
fn the_client_ends_in_good_order_when_its_keeper_is_killed() {
    let mut shell = Client::shell();
    shell.start_client();
    let keeper = Client::child_of(shell.id());
    let client = Client::child_of(keeper);
    Client::kill(keeper, "KILL");
    // Cooking the terminal is the shell's, which has it again; not every shell does.
    shell.modes_reset("KILL of the keeper");
    Client::gone(client);
}

#[test]
fn the_shell_hears_the_code() {
    let mut shell = Client::shell();
    shell.start_client();
    shell.type_keys("q");
    shell.given_back("q");
    shell.type_keys("echo code $?\n");
    shell.until("the code", |screen| screen.contents().contains("code 0"));
    shell.start_client();
    Client::kill(Client::child_of(Client::child_of(shell.id())), "KILL");
    shell.given_back("KILL");
    shell.type_keys("echo code $?\n");
    shell.until("the code", |screen| screen.contents().contains("code 137"));
}
