//! Commands in their sandbox: what they try is denied, what they need works, and a layer that cannot be had is said.

use dirigent_tests::{Home, Output};
use serde_json::{Value, json};

/// A number of a system call on this processor, for Perl, which every Debian has.
#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const SOCKET: u32 = 41;
    pub(super) const PTRACE: u32 = 101;
    pub(super) const MOUNT: u32 = 165;
    pub(super) const CHROOT: u32 = 161;
    pub(super) const SETHOSTNAME: u32 = 170;
    pub(super) const REBOOT: u32 = 169;
    pub(super) const INIT_MODULE: u32 = 175;
    pub(super) const UNSHARE: u32 = 272;
    pub(super) const KEYCTL: u32 = 250;
    pub(super) const PERF: u32 = 298;
    pub(super) const SETNS: u32 = 308;
    pub(super) const PROCESS_VM_READV: u32 = 310;
    pub(super) const USERFAULTFD: u32 = 323;
    pub(super) const BPF: u32 = 321;
    pub(super) const IO_URING: u32 = 425;
    pub(super) const OPEN_TREE: u32 = 428;
    pub(super) const PIDFD_OPEN: u32 = 434;
    pub(super) const OPEN_BY_HANDLE: u32 = 304;
    pub(super) const CLOCK_SETTIME: u32 = 227;
    pub(super) const SWAPON: u32 = 167;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const SOCKET: u32 = 198;
    pub(super) const PTRACE: u32 = 117;
    pub(super) const MOUNT: u32 = 40;
    pub(super) const CHROOT: u32 = 51;
    pub(super) const SETHOSTNAME: u32 = 161;
    pub(super) const REBOOT: u32 = 142;
    pub(super) const INIT_MODULE: u32 = 105;
    pub(super) const UNSHARE: u32 = 97;
    pub(super) const KEYCTL: u32 = 219;
    pub(super) const PERF: u32 = 241;
    pub(super) const SETNS: u32 = 268;
    pub(super) const PROCESS_VM_READV: u32 = 270;
    pub(super) const USERFAULTFD: u32 = 282;
    pub(super) const BPF: u32 = 280;
    pub(super) const IO_URING: u32 = 425;
    pub(super) const OPEN_TREE: u32 = 428;
    pub(super) const PIDFD_OPEN: u32 = 434;
    pub(super) const OPEN_BY_HANDLE: u32 = 265;
    pub(super) const CLOCK_SETTIME: u32 = 112;
    pub(super) const SWAPON: u32 = 224;
}

/// Files, processes and the network: a name, and a command that ends with 0 only if it succeeded. `$OUT` is a directory
/// outside, with the file `secret`; `$VICTIM` a process outside.
const COMMANDS: &[(&str, &str)] = &[
    ("read a file outside", "cat $OUT/secret"),
    ("list a directory outside", "ls $OUT"),
    ("write a new file outside", "echo x > $OUT/new"),
    ("write over a file outside", "echo x >> $OUT/secret"),
    ("truncate a file outside", ": > $OUT/secret"),
    (
        "remove a file outside",
        "rm -f $OUT/secret && ! test -e $OUT/secret",
    ),
    ("rename a file outside", "mv $OUT/secret $OUT/moved"),
    ("make a directory outside", "mkdir $OUT/dir"),
    (
        "link to a file outside and read it",
        "ln -s $OUT/secret tmp/l && cat tmp/l",
    ),
    ("hard link a file outside", "ln $OUT/secret tmp/hard"),
    ("leave by dots", "cat ../../../../../../../../../../$OUT/secret"),
    ("copy a file outside", "cp $OUT/secret tmp/copy"),
    ("read the daemon's store", "ls $DATA/store"),
    ("read the daemon's configuration", "cat $DATA/../daemon.toml"),
    ("write beside its workspace", "echo x > ../beside"),
    ("read the shadow file", "cat /etc/shadow"),
    ("read a key of the user", "cat $REALHOME/.ssh/id_probe"),
    ("write into /tmp", "echo x > /tmp/dirigent-probe-$$"),
    ("write into /usr", "echo x > /usr/dirigent-probe"),
    ("write into /dev/shm", "echo x > /dev/shm/dirigent-probe"),
    ("read another process's environment", "cat /proc/$VICTIM/environ"),
    ("list processes", "ls /proc/$VICTIM"),
    ("end another process", "kill -KILL $VICTIM"),
    ("ask whether another process is there", "kill -0 $VICTIM"),
    ("change the mode of a file outside", "chmod 777 $OUT/secret"),
    ("change the owner of a file outside", "chown 12345 $OUT/secret"),
    (
        "make a program that runs as its owner",
        "cp /bin/true tmp/t && chmod 4755 tmp/t",
    ),
    ("make a device", "mknod tmp/dev b 1 1"),
    ("make a link outside", "ln -s /etc/passwd $OUT/link"),
    ("make a pipe outside", "mkfifo $OUT/pipe"),
    (
        "move a file of its own outside",
        "echo x > tmp/own && mv tmp/own $OUT/own",
    ),
    (
        "open a file outside and keep it",
        "exec 3< $OUT/secret && cat <&3",
    ),
    ("list the keys of the user", "ls $REALHOME/.ssh"),
    (
        "add to the daemon's configuration",
        "echo >> $DATA/../daemon.toml",
    ),
    ("lift a limit", "ulimit -c unlimited"),
    (
        "connect to the machine itself",
        "perl -MIO::Socket::INET -e 'exit(IO::Socket::INET->new(PeerAddr => \"127.0.0.1:$ENV{PORT}\") ? 0 : 1)'",
    ),
    (
        "listen",
        "perl -MIO::Socket::INET -e 'exit(IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1:0\") ? 0 : 1)'",
    ),
    (
        "connect to the daemon's socket",
        "perl -MIO::Socket::UNIX -e 'exit(IO::Socket::UNIX->new(Peer => $ENV{SOCKET}) ? 0 : 1)'",
    ),
];

/// Calls of the kernel: a name, the number, and arguments that do no harm where the call is allowed.
const CALLS: &[(&str, u32, &str)] = &[
    ("send datagrams", number::SOCKET, ", 2, 2, 0"),
    ("send raw packets", number::SOCKET, ", 17, 3, 0"),
    ("make packets of its own", number::SOCKET, ", 2, 3, 255"),
    ("talk to the kernel's network", number::SOCKET, ", 16, 3, 0"),
    ("trace", number::PTRACE, ", 0, 0, 0, 0"),
    (
        "read another process's memory",
        number::PROCESS_VM_READV,
        ", 1, 0, 0, 0, 0, 0",
    ),
    ("mount", number::MOUNT, ", 0, 0, 0, 0, 0"),
    ("take a part of the tree", number::OPEN_TREE, ", 0, 0, 0"),
    ("change the root", number::CHROOT, ", \"/\""),
    ("name the machine", number::SETHOSTNAME, ", \"x\", 1000"),
    ("restart the machine", number::REBOOT, ", 0, 0, 0, 0"),
    ("load a module", number::INIT_MODULE, ", 0, 0, 0"),
    ("make a namespace", number::UNSHARE, ", 0x10000000"),
    ("enter a namespace", number::SETNS, ", 0, 0"),
    ("use the kernel's keys", number::KEYCTL, ", 0, 0, 0, 0, 0"),
    ("watch the processor", number::PERF, ", 0, 0, 0, 0, 0"),
    ("load a program into the kernel", number::BPF, ", 0, 0, 0"),
    ("handle page faults", number::USERFAULTFD, ", 0"),
    ("submit calls by a ring", number::IO_URING, ", 1, 0"),
    ("hold another process", number::PIDFD_OPEN, ", 1, 0"),
    ("open a file by its handle", number::OPEN_BY_HANDLE, ", 0, 0, 0"),
    ("set the clock", number::CLOCK_SETTIME, ", 0, 0"),
    ("swap", number::SWAPON, ", 0, 0"),
];

fn probes() -> Vec<(&'static str, String)> {
    let commands = COMMANDS
        .iter()
        .map(|(name, command)| (*name, (*command).to_owned()));
    let calls = CALLS.iter().map(|(name, number, arguments)| {
        let ask =
            format!("perl -e '$r = syscall({number}{arguments}); exit($r == -1 && $!{{EPERM}} ? 1 : 0)'");
        (*name, ask)
    });
    commands.chain(calls).collect()
}

/// What a profile is meant to let through, behind walls or without.
fn granted(profile: &str, walls: &str, name: &str) -> bool {
    match name {
        // Plain permission bits of files its user owns: said where the sandbox is described.
        "change the mode of a file outside" => profile != "pure" && walls == "none",
        "connect to the machine itself" | "send datagrams" => profile == "online",
        _ => false,
    }
}

/// What commands need.
const NEEDS: &[(&str, &str)] = &[
    ("text", "printf 'b\\na\\n' | sort | head -n 1 | grep -q a"),
    (
        "its own temporary file",
        "echo x > $TMPDIR/a && test \"$(cat $TMPDIR/a)\" = x",
    ),
    ("its own home", "test \"$HOME\" = \"$PWD\""),
    ("a child", "sh -c 'exit 7'; test $? = 7"),
    ("a pipe and a background", "(sleep 0 & wait) && echo x | cat"),
    ("nothing and zeros", "head -c 4 /dev/zero > /dev/null"),
    ("random numbers", "head -c 4 /dev/urandom | wc -c | grep -q 4"),
    ("names of users", "id > /dev/null"),
    ("an interpreter", "perl -e 'print 1 + 1' | grep -q 2"),
    ("to end its own child", "sleep 100 & kill $! && ! wait $!"),
];

const PROFILES: [&str; 3] = ["pure", "build", "online"];

/// Whether bubblewrap makes namespaces here; where nothing may be skipped, it has to.
fn bubblewrap() -> bool {
    let tried = std::process::Command::new("bwrap")
        .args([
            "--unshare-user",
            "--unshare-pid",
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "true",
        ])
        .status();
    let stands = tried.is_ok_and(|status| status.success());
    assert!(
        stands || std::env::var_os("DIRIGENT_NO_SKIP").is_none(),
        "bubblewrap is not installed, or may make no namespaces"
    );
    stands
}

fn command(task: &str, command: &str, environment: &Value) -> Value {
    let shell = json!({ "command": command, "environment": environment });
    json!({ task: { "run": { "shell": shell, "return": "all" } } })
}

fn run(home: &Home, tasks: Vec<Value>) -> Output {
    let document = json!({
        "document": { "dsl": "1.0.3", "namespace": "t", "name": "probes", "version": "1.0.0" },
        "do": tasks,
    });
    let file = home.write("probes.yaml", &document.to_string());
    home.client(&["run", "--json", "-f", file.to_str().unwrap()])
}

fn home(profile: &str, walls: &str) -> Home {
    let home = Home::new(&[]);
    let config = format!("[run]\nshell = \"allow\"\nsandbox = {profile:?}\nsandbox_walls = {walls:?}\n");
    drop(home.write("daemon.toml", &config));
    home
}

/// Each command's exit code, in order.
fn codes(home: &Home, commands: &[(&str, String)], environment: &Value) -> Vec<(String, i64)> {
    let tasks = commands.iter().enumerate().map(|(at, (_, text))| {
        let mut task = command(&format!("p{at}"), text, environment);
        // What went before goes on, with this one's code behind it.
        task[format!("p{at}")]["output"] = json!({ "as": "${ $context + [.code] }" });
        task[format!("p{at}")]["export"] = json!({ "as": "${ . }" });
        task
    });
    let begin = json!({ "begin": { "set": { "none": [] }, "export": { "as": "${ [] }" } } });
    let ran = run(home, std::iter::once(begin).chain(tasks).collect());
    let output = ran.expect_code(0).json()["output"].clone();
    let Some(codes) = output.as_array().filter(|codes| codes.len() == commands.len()) else {
        panic!("{output:#}");
    };
    let named = commands.iter().zip(codes);
    named
        .map(|((name, _), code)| ((*name).to_owned(), code.as_i64().unwrap()))
        .collect()
}

/// Those that succeed where nothing is in their way: only of them does it say something that they are denied.
fn control(listener: &std::net::TcpListener) -> Vec<String> {
    let outside = tempfile::tempdir().unwrap();
    let mut victim = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let home = home("host", "none");
    let daemon = home.start();
    let environment = surroundings(&home, outside.path(), (listener, &victim));
    // One leaves nothing to the next, and nothing on the machine.
    let again = "mkdir -p tmp $OUT/.ssh; rm -rf $OUT/new $OUT/dir $OUT/moved $OUT/link $OUT/pipe tmp/*; \
                 echo 'the secret' > $OUT/secret; echo 'a key' > $OUT/.ssh/id_probe";
    let swept = "rm -f /usr/dirigent-probe /dev/shm/dirigent-probe /tmp/dirigent-probe-$$";
    let wrapped: Vec<_> = probes()
        .into_iter()
        .map(|(name, text)| (name, format!("{again}; ( {text} ); code=$?; {swept}; exit $code")))
        .collect();
    let ended = codes(&home, &wrapped, &environment);
    daemon.stop();
    drop(victim.kill());
    drop(victim.wait());
    let free = ended.into_iter().filter(|(_, code)| *code == 0);
    free.map(|(name, _)| name).collect()
}

/// What probes are told of what lies outside.
fn surroundings(
    home: &Home,
    outside: &std::path::Path,
    (listener, victim): (&std::net::TcpListener, &std::process::Child),
) -> Value {
    json!({
        "OUT": outside,
        "REALHOME": outside,
        "DATA": home.path("data"),
        "SOCKET": home.socket(),
        "PORT": listener.local_addr().unwrap().port().to_string(),
        "VICTIM": victim.id().to_string(),
    })
}

#[test]
fn what_commands_try_is_denied_and_what_they_need_works() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "the secret").unwrap();
    std::fs::create_dir(outside.path().join(".ssh")).unwrap();
    std::fs::write(outside.path().join(".ssh/id_probe"), "a key").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut victim = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let free = control(&listener);
    let walls = if bubblewrap() {
        &["none", "required"][..]
    } else {
        &["none"]
    };
    let both = walls
        .iter()
        .flat_map(|walls| PROFILES.map(|profile| (*walls, profile)));
    for (walls, profile) in both {
        let home = home(profile, walls);
        let daemon = home.start();
        let environment = surroundings(&home, outside.path(), (&listener, &victim));
        let ended = codes(&home, &probes(), &environment);
        // A shell says 126 or 127 where a program did not begin: then nothing was denied to it. Nor was it where the
        // same fails without a sandbox.
        let denied = ended
            .iter()
            .filter(|(name, code)| !matches!(code, 0 | 126 | 127) && free.contains(name));
        assert!(
            denied.count() >= 36,
            "{profile}, walls {walls}: {ended:?}\nof {free:?}"
        );
        let succeeded: Vec<_> = ended
            .into_iter()
            .filter(|(name, code)| *code == 0 && !granted(profile, walls, name))
            .collect();
        assert_eq!(succeeded, [], "{profile}, walls {walls}");
        let needs: Vec<_> = NEEDS
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        let failed: Vec<_> = codes(&home, &needs, &environment)
            .into_iter()
            .filter(|(_, code)| *code != 0)
            .collect();
        assert_eq!(failed, [], "{profile}, walls {walls}");
        assert_eq!(
            std::fs::read_to_string(outside.path().join("secret")).unwrap(),
            "the secret"
        );
        assert!(
            victim.try_wait().unwrap().is_none(),
            "the process outside was ended"
        );
        daemon.stop();
    }
    victim.kill().unwrap();
    drop(victim.wait());
}

#[test]
fn the_workspace_is_written_by_a_build_and_by_nothing_else() {
    for (profile, code) in [("pure", 2), ("build", 0)] {
        let home = home(profile, "found");
        let daemon = home.start();
        let write = [("write", "echo x > made && test -s made".to_owned())];
        let (_, ended) = codes(&home, &write, &json!({})).remove(0);
        assert_eq!(ended == 0, code == 0, "{profile}: {ended}");
        let status = home.client(&["status"]).expect_code(0).stdout;
        assert!(status.contains(&format!("sandbox {profile}")), "{status}");
        daemon.stop();
    }
}

#[test]
fn a_directory_of_somebodys_choice_is_not_a_sandbox() {
    let home = home("build", "found");
    let daemon = home.start();
    let mut task = command("go", "true", &json!({}));
    task["go"]["metadata"] = json!({});
    task["go"]["run"]["shell"]["environment"] = json!({ "A": "b" });
    let container = json!({ "go": { "run": { "container": { "image": "scratch" } } } });
    let refused = run(&home, vec![container]).expect_code(1).json();
    assert_eq!(refused["error"]["title"], "sandbox_unavailable", "{refused:#}");
    drop(run(&home, vec![task]).expect_code(0));
    daemon.stop();
}

#[test]
fn behind_a_wall_a_command_sees_its_own_processes_and_ends_with_all_it_began() {
    if !bubblewrap() {
        return;
    }
    let home = home("build", "required");
    let daemon = home.start();
    let mark = format!("{}", 100_000 + std::process::id());
    let text = format!("setsid sleep {mark} & sleep {mark} & wait");
    let mut task = command("long", &text, &json!({}));
    task["long"]["timeout"] = json!({ "after": { "seconds": 1 } });
    drop(run(&home, vec![task]).expect_code(1));
    let running = std::process::Command::new("pgrep")
        .args(["-f", &format!("sleep {mark}")])
        .output();
    assert_eq!(String::from_utf8_lossy(&running.unwrap().stdout), "");
    let own = [("processes", "test $$ -lt 20".to_owned())];
    assert_eq!(
        codes(&home, &own, &json!({})),
        [("processes".to_owned(), 0)],
        "a process of its own namespace has a small number"
    );
    daemon.stop();
}

#[test]
fn who_chooses_the_environment_chooses_nothing_of_what_keeps_the_command() {
    let walls = if bubblewrap() {
        &["none", "required"][..]
    } else {
        &["none"]
    };
    for walls in walls {
        let planted = tempfile::tempdir().unwrap();
        let taken = planted.path().join("taken");
        let script = format!(
            "#!/bin/sh\n: > {}\nexec \"/usr/bin/${{0##*/}}\" \"$@\"\n",
            taken.display()
        );
        for name in ["env", "bwrap", "systemd-run"] {
            let path = planted.path().join(name);
            std::fs::write(&path, &script).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let library = planted.path().join("preload.so");
        let environment = json!({
            "PATH": format!("{}:/usr/bin:/bin", planted.path().display()),
            "LD_PRELOAD": library,
            "MARK": "it's \"mine\"\n",
            "DIRIGENT_STEP": "another",
        });
        let home = home("build", walls);
        let daemon = home.start();
        let seen = [
            (
                "its own",
                "case $MARK in it?s*mine*) ;; *) exit 9 ;; esac".to_owned(),
            ),
            (
                "its path",
                "case $PATH in *:/usr/bin:/bin) ;; *) exit 9 ;; esac".to_owned(),
            ),
            ("not whose it is", "test \"$DIRIGENT_STEP\" != another".to_owned()),
            ("no other names", "! env | grep -q DIRIGENT_OWN_".to_owned()),
        ];
        let failed: Vec<_> = codes(&home, &seen, &environment)
            .into_iter()
            .filter(|(_, code)| *code != 0)
            .collect();
        assert_eq!(failed, [], "walls {walls}");
        assert!(
            !taken.exists(),
            "walls {walls}: a program of the command's path ran outside of the sandbox"
        );
        daemon.stop();
    }
}
