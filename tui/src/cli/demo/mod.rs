//! What `dirigent demo` is made of: real input, a daemon of its own, a choice of model, and two ways to watch.

pub mod daemon;
pub mod headless;
pub mod home;
pub mod keeper;
pub mod models;
pub mod source;
