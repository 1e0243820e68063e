//! Tests of reading the output of cargo, npm and `isolde dev`.

use super::exchange::ready_address;
use super::npm::network_error;
use super::tally::{Reader, Tally};

fn read(text: &str) -> Tally {
    let mut reader = Reader::default();
    text.lines().for_each(|line| reader.line(line));
    reader.tally
}

#[test]
fn results_are_summed_up() {
    let output = "running 2 tests\n\
        test a ... ok\n\
        test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished\n\
        a line that says test result: ok. 100 passed; 0 failed\n\
        test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let tally = read(output);
    assert_eq!(tally, Tally { passed: 15, failed: 2, skipped: 1 });
    assert_eq!(tally.to_string(), "15 passed, 2 failed, 1 skipped");
}

#[test]
fn a_test_that_skips_is_not_a_pass() {
    let output = "successes:\n\n\
        ---- url::a stdout ----\nskipped: x is not there\nskipped: y is not there\n\
        ---- url::b stdout ----\nother words\n\n\
        successes:\n    url::a\n    url::b\n\n\
        failures:\n---- url::c stdout ----\nskipped: z, and it failed\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored\n\
        test result: ok. 1 passed; 0 failed; 0 ignored\n";
    assert_eq!(read(output), Tally { passed: 2, failed: 1, skipped: 1 });
}

#[test]
fn the_line_that_says_ready() {
    let line = r#"{"event":"ready","url":"http://127.0.0.1:4711","worker":"a"}"#;
    assert_eq!(ready_address(line).as_deref(), Some("127.0.0.1:4711"));
    assert_eq!(ready_address(r#"{"event":"warning","url":"http://a"}"#), None);
    assert_eq!(ready_address("a is ready at http://127.0.0.1:1"), None);
}

#[test]
fn a_missing_network_is_not_a_broken_package() {
    let offline = "npm error code EAI_AGAIN\nnpm error syscall getaddrinfo\n";
    assert_eq!(network_error(offline), Some("EAI_AGAIN"));
    assert_eq!(network_error("npm error code EINTEGRITY\nnpm error ECONNREFUSED\n"), None);
    assert_eq!(network_error("npm error code E404\n"), None);
}
