//! The verbs. Adding one is one new file here and one row in the list below.

use clap::Subcommand;
use dirigent_protocol::fault::Fault;

use super::cx::Cx;
use super::exit::Exit;

/// What verbs of definitions share.
pub mod definitions;

macro_rules! verbs {
    ($($verb:ident = $module:ident;)+) => {
        $(pub mod $module;)+

        /// What to do.
        #[derive(Debug, Subcommand)]
        pub enum Verb {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] #[command(about = $module::ABOUT)] $verb($module::Args),)+
        }

        impl Verb {
            /// Does it.
            ///
            /// # Errors
            /// What kept it from being done.
            pub async fn run(self, cx: &mut Cx) -> Result<Exit, Fault> {
                match self { $(Self::$verb(args) => Box::pin($module::run(args, cx)).await,)+ }
            }
        }
    };
}

verbs! {
    Demo = demo;
    Apply = apply;
    Get = get;
    Edit = edit;
    Delete = delete;
    Prune = prune;
    Run = run;
    Runs = runs;
    Upgrade = upgrade;
    Test = test;
    Logs = logs;
    Approvals = approvals;
    Effects = effects;
    Events = events;
    Schedules = schedules;
    Agents = agents;
    Suggestions = suggestions;
    Chat = chat;
    Conversations = conversations;
    Workflows = workflows;
    Orchestrations = orchestrations;
    Rules = rules;
    Tokens = tokens;
    Mcp = mcp;
    Open = open;
    Watch = watch;
    Templates = templates;
    Simulate = simulate;
    Validate = validate;
    Check = check;
    EmergencyStop = emergency_stop;
    Daemon = daemon;
    Status = status;
    Config = config;
    Init = init;
    Stdio = stdio;
    Bench = bench;
}

impl Verb {
    /// What happens without a verb.
    #[must_use]
    pub const fn dashboard() -> Self {
        Self::Open(open::Args { place: None })
    }
}
