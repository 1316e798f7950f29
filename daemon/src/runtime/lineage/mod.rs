//! Runs that come from runs: sub-workflows, retries, forks, and who comes from whom.

pub(crate) mod children;
pub(crate) mod descendants;
pub(crate) mod fork;
pub(crate) mod heirs;
pub(crate) mod survey;
