//! The short way to a request's URL gives what the URL standard gives, or refuses what would put
//! parts of a `Host` header elsewhere.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (host, target) = input;
    let (url, standard) = runtime::fuzzing::request_url(host, target);
    if let Some(url) = url {
        assert_eq!(Some(&url), standard.as_ref());
        assert!(!url["http://".len()..].starts_with('/'));
    }
});
