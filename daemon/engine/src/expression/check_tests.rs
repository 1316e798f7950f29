use super::*;

fn inline(code: &str) -> bool {
    check(code)
        .unwrap_or_else(|error| panic!("{code}: {error:?}"))
        .inline
}

#[test]
fn everyday_expressions_run_inline() {
    for code in [
        ".a + 1",
        ".colors + [\"red\"]",
        "{ids: [$input, .id]}",
        ".items | map(select(.price > 3)) | length",
        "[.[] | {name, n: (.v // 0)}]",
        "\"Hello \\(.user.firstName) \\(.user.lastName)!\"",
        "if .a == null then \"x\" else .b end",
        "($context.consumedMessages | length) < 5",
        ".a and .b or (.c | not)",
        "to_entries | map(.key)",
        "with_entries(.value |= tostring)",
        ".x as $x | $x + 1",
        ". + { status: \"sold\" }",
        "first(.[] | select(.ok))",
        ".price * 2",
        "map(select(.id == $input.id))",
        "try error(\"x\") catch .",
        "now",
        ".a[2:4]",
        "del(.secret)",
    ] {
        assert!(inline(code), "{code}");
    }
}

#[test]
fn whatever_can_loop_or_blow_up_goes_to_the_worker() {
    for code in [
        "def f: f; f",
        "def f: 1+f; f",
        "recurse",
        "..",
        "range(10)",
        "repeat(.)",
        "while(true; .)",
        "until(false; .)",
        "test(\"(a+)+$\")",
        ". * .n",
        "\"x\" * 1e9",
        "reduce .[] as $x (0; . + $x)",
        "foreach .[] as $x (0; . + $x)",
        "label $out | .",
        "fromjson",
        "[.[] as $x | .[] | . + $x]",
        "{a: .[], b: .[]}",
        "(.+.)|(.+.)|(.+.)|(.+.)|(.+.)|(.+.)|(.+.)|(.+.)",
        "[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]",
        "\"\\(.)\\(.)\\(.)\\(.)\"|\"\\(.)\\(.)\\(.)\\(.)\"",
        "map(. + $input)",
        ".[] = .",
        "tojson|tojson|tojson|tojson",
    ] {
        assert!(!inline(code), "{code}");
    }
}

#[test]
fn what_reaches_outside_and_what_is_unknown_is_refused() {
    for (code, kind, help) in [
        ("env", "forbidden_function", "environment"),
        ("env.HOME", "forbidden_function", "environment"),
        ("input", "forbidden_function", "one input"),
        ("[inputs]", "forbidden_function", "one input"),
        ("debug", "forbidden_function", "log"),
        ("halt", "forbidden_function", "error"),
        (".a | lenght", "unknown_function", "`length`"),
        ("map()", "bad_expression", ""),
        ("map", "unknown_function", "takes 1 argument"),
        (".a +", "bad_expression", ""),
        (".a | (", "bad_expression", ""),
        ("\"abc", "bad_expression", ""),
        ("", "bad_expression", "jq expression"),
        ("import \"x\" as x; .", "bad_expression", ""),
        ("@csv \"\\(.)\"", "unknown_function", ""),
    ] {
        let error = check(code).unwrap_err();
        assert_eq!(error.code, kind, "{code}: {error:?}");
        assert!(
            error.help.clone().unwrap_or_default().contains(help),
            "{code}: {error:?}"
        );
    }
}

#[test]
fn a_syntax_error_has_its_place() {
    assert_eq!(check(".a | ]").unwrap_err().offset, 5);
    assert_eq!(check(".a + * 2").unwrap_err().offset, 5);
}

#[test]
fn hostile_texts_are_refused_without_overflow() {
    let texts = [
        "[".repeat(100_000),
        "(".repeat(100_000),
        "[".repeat(127) + &"]".repeat(127),
        "-".repeat(8_000) + "1",
        "try ".repeat(2_000) + ".",
        "if . then ".repeat(700) + ".",
        ". as $x | ".repeat(700) + ".",
        "def f: ".repeat(700) + ".",
        ". | ".repeat(2_000) + ".",
        ".a".repeat(4_000),
        "\"\\(".repeat(2_000),
        "reduce ".repeat(900),
        "..".repeat(4_000),
        "1+".repeat(499) + "1",
        "- ".repeat(990) + "1",
    ];
    let run = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            for text in &texts {
                let _result = crate::expression::Expression::compile(text);
            }
        });
    run.unwrap().join().unwrap();
}

struct Fixed(serde_json::Value);

impl crate::expression::Scope for Fixed {
    fn input(&self) -> dirigent_protocol::Payload {
        self.0.clone().into()
    }

    fn variable(&self, _name: &str) -> dirigent_protocol::Payload {
        serde_json::json!({"big": [1, 2, 3]}).into()
    }

    fn now(&self) -> jiff::Timestamp {
        "2026-11-22T18:00:00Z".parse().unwrap()
    }
}

#[test]
fn texts_at_the_limit_run_in_a_small_stack() {
    let texts = [
        "1+".repeat(200) + "1",
        ". | ".repeat(200) + ".",
        "-".to_owned() + &"- ".repeat(180) + "1",
        "try ".repeat(190) + ".",
        "if . then ".repeat(60) + "." + &" else . end".repeat(60),
        ". as $x | ".repeat(90) + ".",
        "[".repeat(100) + "." + &"]".repeat(100),
        format!(
            "{{{}}}",
            (0..150)
                .map(|i| format!("a{i}: .x"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        "(".repeat(120) + "." + &")".repeat(120),
        ".a".repeat(900),
    ];
    let run = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            for text in &texts {
                let answers = crate::expression::Answers::default();
                let expression = crate::expression::Expression::compile(text).unwrap();
                let _result = expression.evaluate(&Fixed(serde_json::json!({"x": 1})), &answers);
            }
        });
    run.unwrap().join().unwrap();
}

#[test]
fn values_come_out_as_jq_makes_them() {
    use serde_json::json;
    let answers = crate::expression::Answers::default();
    for (code, expected) in [
        (".x + 1", json!(2)),
        ("$y.big | map(. * 2) | add", json!(12)),
        ("\"n=\\(.x)\" | ascii_upcase", json!("N=1")),
        ("now", json!(1_795_370_400.0)),
        ("now | todate", json!("2026-11-22T18:00:00Z")),
        ("\"12\" | tonumber", json!(12)),
        ("[\"a\", \"b\"] | add", json!("ab")),
        ("empty", serde_json::Value::Null),
        (".missing // \"d\"", json!("d")),
        ("{b: 1, a: 2} | keys", json!(["a", "b"])),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
    ] {
        let expression = crate::expression::Expression::compile(code).unwrap();
        let value = expression.evaluate(&Fixed(json!({"x": 1})), &answers).unwrap();
        assert_eq!(*value, expected, "{code}");
    }
    for code in [
        "1 / 0",
        ".x.y",
        "error(\"no\")",
        "\"[[1]]\" | tonumber",
        "{(\"a\"): nan}",
    ] {
        let expression = crate::expression::Expression::compile(code).unwrap();
        let result = expression.evaluate(&Fixed(json!({"x": 1})), &answers);
        assert!(
            matches!(result, Err(crate::expression::EvalError::Failed(_))),
            "{code}: {result:?}"
        );
    }
}

#[test]
fn the_worker_runs_what_is_not_inline() {
    let expression =
        crate::expression::Expression::compile("[range(3)] | reduce .[] as $i (0; . + $i)").unwrap();
    let mut answers = crate::expression::Answers::default();
    let scope = Fixed(serde_json::json!(null));
    let Err(crate::expression::EvalError::Worker(request)) = expression.evaluate(&scope, &answers) else {
        panic!("not asked for");
    };
    answers.insert(crate::expression::evaluate(&request));
    assert_eq!(
        *expression.evaluate(&scope, &answers).unwrap(),
        serde_json::json!(3)
    );
}
