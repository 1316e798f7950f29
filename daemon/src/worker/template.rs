//! Prompts: Jinja over `input`, with no file, environment or network, and every limit the engine has.

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context};

use super::job::{RenderError, RenderRequest};

/// Instructions one rendering may take.
const FUEL: u64 = 1_000_000;
const RECURSION: usize = 64;
/// Largest text, bytes.
const MAX_OUTPUT: usize = 1 << 20;

/// Renders once; what comes out is never rendered again.
pub(super) fn render(request: &RenderRequest) -> Result<String, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(RECURSION);
    environment.set_fuel(Some(FUEL));
    let told = |error: Error| explain(&request.name, &error);
    let template = environment
        .template_from_named_str(&request.name, &request.source)
        .map_err(told)?;
    let mut text = Limited(Vec::new());
    let input = Value::from(Serde(&*request.input));
    template
        .render_captured_to(context! { input }, &mut text)
        .map_err(told)?;
    Ok(String::from_utf8_lossy(&text.0).into_owned())
}

fn explain(name: &str, error: &Error) -> RenderError {
    let text = error.to_string();
    let code = match error.kind() {
        ErrorKind::UndefinedError => "undefined_variable",
        ErrorKind::WriteFailure => "output_limit",
        ErrorKind::OutOfFuel => "too_long",
        _ if text.contains("recursion") => "recursion_limit",
        _ => "bad_template",
    };
    let line = error
        .line()
        .map_or_else(String::new, |line| format!(", line {line}"));
    let what = match code {
        "output_limit" => format!("the text is longer than {MAX_OUTPUT} bytes"),
        _ => error
            .detail()
            .map_or_else(|| error.kind().to_string(), ToOwned::to_owned),
    };
    RenderError {
        code: code.into(),
        message: format!("{name}{line}: {what}"),
    }
}

/// Refuses to grow beyond the limit.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("output limit"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn rendered(source: &str) -> Result<String, String> {
        let input = Arc::new(json!({"text": "<b>{{ 1 }}</b>", "list": [1, 2]}));
        let request = RenderRequest {
            name: "prompt".into(),
            source: source.into(),
            input,
        };
        render(&request).map_err(|error| error.code)
    }

    #[test]
    fn data_is_data() {
        assert_eq!(
            rendered("{{ input.text }}|{{ input.list | tojson }}").unwrap(),
            "<b>{{ 1 }}</b>|[1, 2]"
        );
    }

    #[test]
    fn hostile_templates_end_with_a_name() {
        for (source, code) in [
            ("{{ input.missing }}", "undefined_variable"),
            ("{{ nothing }}", "undefined_variable"),
            ("{{ ", "bad_template"),
            ("{% include '/etc/passwd' %}", "bad_template"),
            (
                "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
                "too_long",
            ),
            (
                "{% for i in range(10000) %}{{ 'x' * 1000 }}{% endfor %}",
                "output_limit",
            ),
            (
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "recursion_limit",
            ),
        ] {
            assert_eq!(rendered(source).unwrap_err(), code, "{source}");
        }
    }
}
