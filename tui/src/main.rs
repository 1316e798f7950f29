//! The program `dirigent`; everything it does is in the library.

fn main() -> std::process::ExitCode {
    dirigent_tui::guard::stand().unwrap_or_else(dirigent_tui::cli::main)
}
