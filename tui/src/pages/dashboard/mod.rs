//! Dashboard: what needs a person, oldest and riskiest first, with the key that leads to it. The rest is context:
//! runs, the last hour, the fleet. It decides nothing itself.

mod activity;
mod draw;
mod first_steps;
mod fleet;
mod needs;
mod page;
mod runs;
mod speech;

pub use page::{Dashboard, META};
