//! Stories, end to end, against the real binaries.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a story that cannot go on should stop"
)]

mod again;
mod agent_steps;
mod agents_commands;
mod agents_tools;
mod approvals;
mod bench;
mod budgets;
mod builder;
mod constructs;
mod conversations;
mod counterparts;
mod deciders;
mod decisions;
mod definitions;
mod demo;
mod effects;
mod emergency;
mod events;
mod facets;
mod faults;
mod foreign;
mod forms;
mod gateway;
mod inbox;
mod installed;
mod kill;
mod knowledge;
mod limits;
mod log;
mod mcp;
mod mcp_asks;
mod mcp_room;
mod mcp_sign_in;
mod orchestrations;
mod plain;
mod recorded;
mod red_team;
mod reviews;
mod rule_of_two;
mod runs;
mod sandbox;
mod schedules;
mod screen;
mod secrets;
mod serve;
mod ssh;
mod standard;
mod strategies;
mod systemd;
mod templates;
mod thinking;
mod upgrades;
mod watching;
