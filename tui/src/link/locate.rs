//! Finding the daemon's program: beside this one, then in PATH.

use std::path::{Path, PathBuf};

use dirigent_protocol::fault::{Code, Fault};

/// File name of the daemon's program.
pub const DAEMON: &str = "dirigentd";

/// The daemon's program.
///
/// # Errors
/// It is in neither place.
pub fn daemon_program() -> Result<PathBuf, Fault> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(Path::to_path_buf));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = beside.into_iter().chain(std::env::split_paths(&path)).collect();
    find(&places).ok_or_else(|| {
        Fault::new(
            Code::Unreachable,
            format!("the program `{DAEMON}` is neither beside this one nor in PATH"),
        )
        .help("build or install it too: `cargo build` in the repository makes both programs")
    })
}

fn find(places: &[PathBuf]) -> Option<PathBuf> {
    places
        .iter()
        .filter(|place| place.is_absolute())
        .map(|place| place.join(DAEMON))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_place_with_an_executable_file_wins() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for place in [&a, &b] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join(DAEMON), "").unwrap();
        }
        std::fs::set_permissions(b.join(DAEMON), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(
            find(&[PathBuf::from("relative"), a.clone(), b.clone()]),
            Some(b.join(DAEMON))
        );
        assert_eq!(find(&[a]), None);
    }
}
