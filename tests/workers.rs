//! Promises to Workers: each is a folder of `tests/workers`, with a Worker, requests, and the
//! expected transcript. They hold over HTTP/1.1 and over HTTP/2.
#![forbid(unsafe_code)]

mod support;

use std::collections::BTreeSet;

use support::{repository, transcript};

/// Folders whose answers differ over HTTP/2, with the reason.
const OTHERWISE_OVER_HTTP2: [(&str, &str); 1] = [("request_cf", "it shows the protocol")];

/// Sends the requests of a folder over both versions of HTTP.
fn run(folder: &str) {
    let path = repository("tests/workers").join(folder);
    transcript::run(&path);
    if !OTHERWISE_OVER_HTTP2.iter().any(|(name, _)| *name == folder) {
        transcript::run_over_http2(&path);
    }
}

/// A test for each folder, and one that says when a folder was forgotten.
macro_rules! workers {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        #[test]
        fn every_folder_is_a_test() {
            let tests: BTreeSet<String> = [$(stringify!($name).to_owned()),*].into();
            let folders = std::fs::read_dir(repository("tests/workers")).unwrap();
            let folders: BTreeSet<String> =
                folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            assert_eq!(folders, tests);
        }
    };
}

workers! {
    bindings
    bodies
    byob
    compression
    console
    content_coding
    crypto_global_scope
    crypto_keys
    crypto_patched
    cross_request
    event_source
    failures
    form_data
    global_scope
    handlers_class
    handlers_object
    handlers_service_worker
    header_text
    headers
    html_rewriter
    html_rewriter_hostile
    hung_streams
    interleaving
    lengths
    no_handler
    platform_answers
    receivers
    request_cf
    responses
    stream_chunks
    streaming
    subrequest_limit
    subrequests
    timers
    typescript
    url_pattern
    wait_until
    web_apis
}
