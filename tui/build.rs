//! Leaves out of the client that is built alone what only unwinding reads.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=client.ld");
    // The profile `client` is the one that is built for size (`z`) and aborts where it would unwind: the tables of
    // unwinding, a tenth of the program, then serve nobody. Cargo does not tell a build script its profile.
    let alone = std::env::var("OPT_LEVEL").is_ok_and(|level| level == "z");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let here = std::env::var("CARGO_MANIFEST_DIR");
    if let Ok(here) = here
        && alone
        && linux
    {
        println!("cargo:rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{here}/client.ld");
    }
}
