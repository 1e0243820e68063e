//! Web standards that are given as data: vectors of web-platform-tests, run inside a Worker. The
//! vectors lie beside the checkout, not in it; those of URL and IDNA are in crate `api`.
#![forbid(unsafe_code)]

mod support;

use serde_json::Value;
use support::process::Isolde;
use support::repository;

/// Lets the Worker check a file of vectors. None may fail, and at least `passed_min` must pass.
fn run(file: &str, check: &str, passed_min: u64) {
    let path = repository("../shared/wpt-data").join(file);
    let Ok(vectors) = std::fs::read(&path) else {
        println!("skipped: {} is not there", path.display());
        return;
    };
    let isolde = Isolde::dev(&repository("tests/conformance/vectors"));
    let mut connection = isolde.connect();
    let head = format!(
        "POST /{check} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        vectors.len(),
    );
    connection.send(&[head.as_bytes(), &vectors].concat());
    let response = connection.response("POST");
    assert_eq!(response.status, 200, "{}", response.excerpt());
    let summary: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(summary["failed"], Value::Array(vec![]));
    println!("{file}: {} passed, {} cannot be headers", summary["passed"], summary["skipped"]);
    assert!(summary["passed"].as_u64().unwrap() >= passed_min, "{}", summary["passed"]);
}

#[test]
fn mime_types() {
    run("mime-types.json", "mime-types", 60);
}

#[test]
fn generated_mime_types() {
    run("generated-mime-types.json", "mime-types", 800);
}

#[test]
fn data_urls() {
    run("data-urls.json", "data-urls", 70);
}

#[test]
fn base64_of_data_urls() {
    run("base64.json", "base64", 70);
}

#[test]
fn url_patterns() {
    run("urlpatterntestdata.json", "url-patterns", 362);
}
