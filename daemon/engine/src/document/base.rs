//! What every task may have: `if`, `input`, `output`, `export`, `timeout`, `then`, `metadata`.

use std::sync::Arc;

use dirigent_protocol::source::{Node, Position};

use super::duration::Delay;
use super::reader::{Fields, Reader};
use super::schema::Schema;
use super::settings::Settings;
use super::template::Template;
use crate::expression::Expression;

/// Where a run goes from a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// The next task of the list.
    Continue,
    /// Behind the list.
    Exit,
    /// The end of the workflow.
    End,
    /// The task of that name in the same list.
    Task(Arc<str>),
}

impl Then {
    /// The word for it in a journal.
    #[must_use]
    pub fn word(&self) -> Arc<str> {
        match self {
            Self::Continue => "continue".into(),
            Self::Exit => "exit".into(),
            Self::End => "end".into(),
            Self::Task(name) => name.clone(),
        }
    }

    /// What that word means.
    #[must_use]
    pub fn of(word: &Arc<str>) -> Self {
        match &**word {
            "continue" => Self::Continue,
            "exit" => Self::Exit,
            "end" => Self::End,
            _ => Self::Task(word.clone()),
        }
    }

    /// Reads a flow directive.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        reader.text(node, path).map(|word| Self::of(&Arc::from(word)))
    }
}

/// `input:` of a workflow or a task.
#[derive(Debug, Clone, Default)]
pub struct InputRule {
    /// What the raw input must be.
    pub schema: Option<Schema>,
    /// Makes the input of the raw input.
    pub from: Option<Template>,
}

/// `output:` of a workflow or a task.
#[derive(Debug, Clone, Default)]
pub struct OutputRule {
    /// What the output must be.
    pub schema: Option<Schema>,
    /// Makes the output of the raw output.
    pub shape: Option<Template>,
}

/// `export:` of a task.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// What the new context must be.
    pub schema: Option<Schema>,
    /// Makes the new context of the output.
    pub shape: Option<Template>,
}

/// `timeout:`.
#[derive(Debug, Clone)]
pub struct TimeLimit {
    /// After how long.
    pub after: Delay,
}

/// The common part of a task.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Whether to run at all.
    pub condition: Option<Expression>,
    /// Its input.
    pub input: InputRule,
    /// Its output.
    pub output: OutputRule,
    /// The new context.
    pub export: Option<Export>,
    /// Its limit.
    pub timeout: Option<TimeLimit>,
    /// Where to go, and where that stands.
    pub then: Option<(Then, Position)>,
    /// `metadata.dirigent`.
    pub settings: Settings,
}

impl Base {
    /// Fields every task may have.
    pub const FIELDS: [&'static str; 7] = ["if", "input", "output", "export", "timeout", "then", "metadata"];

    /// Reads the common part.
    pub fn read(reader: &mut Reader, fields: &Fields<'_>) -> Self {
        let mut base = Self::default();
        if let Some((node, at)) = fields.get("if") {
            base.condition = reader.expression(node, &at);
        }
        if let Some((node, at)) = fields.get("input") {
            base.input = InputRule::read(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("output") {
            base.output = OutputRule::read(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("export") {
            let rule = OutputRule::read(reader, node, &at);
            base.export = Some(Export {
                schema: rule.schema,
                shape: rule.shape,
            });
        }
        if let Some((node, at)) = fields.get("timeout") {
            base.timeout = TimeLimit::read(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("then") {
            base.then = Then::read(reader, node, &at).map(|then| (then, node.span.start));
        }
        if let Some((node, at)) = fields.get("metadata") {
            base.settings = Settings::read(reader, node, &at);
        }
        base
    }
}

impl InputRule {
    /// Reads `{ schema, from }`.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Self {
        let mut rule = Self::default();
        let Some(fields) = reader.fields(node, path, &["schema", "from"]) else {
            return rule;
        };
        if let Some((schema, at)) = fields.get("schema") {
            rule.schema = Schema::read(reader, schema, &at);
        }
        if let Some((from, at)) = fields.get("from") {
            rule.from = Template::read_bare(reader, from, &at);
        }
        rule
    }
}

impl OutputRule {
    /// Reads `{ schema, as }`.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Self {
        let mut rule = Self::default();
        let Some(fields) = reader.fields(node, path, &["schema", "as"]) else {
            return rule;
        };
        if let Some((schema, at)) = fields.get("schema") {
            rule.schema = Schema::read(reader, schema, &at);
        }
        if let Some((shape, at)) = fields.get("as") {
            rule.shape = Template::read_bare(reader, shape, &at);
        }
        rule
    }
}

impl TimeLimit {
    /// Reads `{ after }` or the name of one under `use.timeouts`.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let (node, path) = reader.referenced("timeouts", node, path)?;
        let fields = reader.fields(&node, &path, &["after"])?;
        if !reader.require(&fields, &["after"]) {
            return None;
        }
        let (after, at) = fields.get("after")?;
        let after = Delay::read(reader, after, &at)?;
        if let Delay::Fixed(duration) = &after
            && duration.is_zero()
        {
            reader
                .error(
                    "bad_duration",
                    "a limit of zero leaves no time at all",
                    node.span.start,
                    &at,
                )
                .help = Some("write how long it may take, such as `PT5M`".to_owned());
            return None;
        }
        Some(Self { after })
    }
}
