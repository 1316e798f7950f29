//! Data, socket and files: which place wins, and private directories.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dirigent_config::paths::{private_dir, socket_dir};
use dirigent_config::{Environment, FileSource, PathError, PathFlags, Paths};

fn resolve(environment: &[(&str, &str)], flags: &PathFlags) -> Result<Paths, PathError> {
    Paths::resolve(&Environment::of(environment.iter().copied()), flags)
}

fn socket(environment: &[(&str, &str)]) -> PathBuf {
    resolve(environment, &PathFlags::default())
        .expect("resolves")
        .socket
}

#[test]
fn a_named_data_directory_brings_its_socket_along() {
    let systemd = [
        ("STATE_DIRECTORY", "/var/lib/d:/x"),
        ("RUNTIME_DIRECTORY", "/run/d"),
        ("XDG_RUNTIME_DIR", "/run/u"),
    ];
    let paths = resolve(&systemd, &PathFlags::default()).expect("resolves");
    assert_eq!(
        (paths.data, paths.socket),
        ("/var/lib/d".into(), "/run/d/dirigent.sock".into())
    );
    let flags = PathFlags {
        data_dir: Some("/data/one".into()),
        ..PathFlags::default()
    };
    let paths = resolve(&systemd, &flags).expect("resolves");
    assert_eq!(
        (paths.data, paths.socket),
        ("/data/one".into(), "/data/one/dirigent.sock".into())
    );
    assert_eq!(
        socket(&[("DIRIGENT_HOME", "/h"), ("RUNTIME_DIRECTORY", "/run/d")]),
        Path::new("/h/dirigent.sock")
    );
    assert_eq!(
        socket(&[("DIRIGENT_HOME", "/h"), ("DIRIGENT_SOCKET", "/s")]),
        Path::new("/s")
    );
    assert_eq!(
        socket(&[("XDG_RUNTIME_DIR", "/run/u")]),
        Path::new("/run/u/dirigent/dirigent.sock")
    );
}

#[test]
fn relative_places_are_made_absolute_and_a_named_file_must_exist() {
    let flags = PathFlags {
        data_dir: Some("rel".into()),
        config: Some("c.toml".into()),
        ..PathFlags::default()
    };
    let paths = resolve(&[], &flags).expect("resolves");
    assert!(paths.data.is_absolute() && paths.socket.is_absolute());
    assert!(matches!(paths.daemon_file, FileSource::Named(path) if path.is_absolute()));
    assert!(matches!(paths.client_file, FileSource::IfPresent(_)));
}

#[test]
fn a_socket_path_that_is_too_long_says_how_long() {
    let path = format!("/{}", "s".repeat(107));
    let error = resolve(&[("DIRIGENT_SOCKET", &path)], &PathFlags::default()).expect_err("too long");
    assert!(
        error.to_string().contains("has 108 bytes, the system allows 107"),
        "{error}"
    );
    assert!(error.help().contains("DIRIGENT_SOCKET"));
    assert!(resolve(&[("DIRIGENT_SOCKET", &path[..107])], &PathFlags::default()).is_ok());
}

#[test]
fn private_directories_are_private_and_a_directory_in_use_is_left_alone() {
    let dir = tempfile::tempdir().expect("tempdir");
    let me = std::fs::metadata(dir.path()).expect("metadata").uid();
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").mode() & 0o7777;
    let fresh = dir.path().join("a/b");
    private_dir(&fresh, me).expect("made");
    assert_eq!((mode(&fresh), mode(&dir.path().join("a"))), (0o700, 0o700));

    let open =
        |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    open(&fresh);
    private_dir(&fresh, me).expect("an empty one is narrowed");
    assert_eq!(mode(&fresh), 0o700);
    std::fs::write(fresh.join("theirs"), "x").expect("write");
    open(&fresh);
    assert_eq!(
        private_dir(&fresh, me),
        Err(PathError::TooOpen {
            path: fresh.clone(),
            mode: 0o755
        })
    );
    assert_eq!(mode(&fresh), 0o755, "a directory in use keeps its mode");

    let plain = fresh.join("theirs");
    assert_eq!(
        private_dir(&plain, me),
        Err(PathError::NotADirectory { path: plain.clone() })
    );
    assert!(matches!(
        private_dir(&fresh, me + 1),
        Err(PathError::OtherOwner { .. })
    ));
    socket_dir(&fresh.join("d.sock")).expect("there already");
    assert_eq!(mode(&fresh), 0o755);
    socket_dir(&fresh.join("new/d.sock")).expect("made");
    assert_eq!(mode(&fresh.join("new")), 0o700);
}
