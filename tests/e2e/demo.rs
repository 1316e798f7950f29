//! The first two minutes: the demo, without a screen.

use dirigent_tests::Home;

fn input(home: &Home) -> String {
    let folder = home.path("input");
    std::fs::create_dir(&folder).unwrap();
    let mut log = String::new();
    for minute in 10..40 {
        log += &format!("2026-11-20 18:{minute}:01 status installed libfoo{minute}:amd64 1.{minute}\n");
    }
    log += "2026-11-20 18:41:07 error: checksum mismatch for libbar:amd64 2.0\n";
    std::fs::write(folder.join("packages.log"), log).unwrap();
    folder.join("packages.log").to_str().unwrap().to_owned()
}

#[test]
fn headless_with_approval_goes_to_the_end_and_the_report_quotes_the_input() {
    let home = Home::new(&[]);
    let data = home.path("demo");
    let input = input(&home);
    let arguments = [
        "demo",
        "--headless",
        "--approve",
        "--input-dir",
        &input,
        "--data-dir",
        data.to_str().unwrap(),
        "--json",
    ];
    let output = home.client(&arguments).expect_code(0);
    let last = output.json_lines().pop().unwrap();
    let report = last["report"]
        .as_str()
        .unwrap_or_else(|| panic!("no report in {last}"));
    let text = std::fs::read_to_string(report).unwrap();
    assert!(
        text.contains("libbar"),
        "the report does not quote its input:\n{text}"
    );
    assert!(
        text.to_lowercase().contains("rehearsal"),
        "the report does not say that it is a rehearsal:\n{text}"
    );
}
