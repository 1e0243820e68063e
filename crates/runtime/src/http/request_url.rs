//! The URL of an inbound request, as the URL standard serialises it.
//!
//! Parsing each one would be wasted on the common ones, which are serialised already: a host that
//! was seen before, and a target of plain characters.

use std::cell::RefCell;

/// Remembers the last host that is its own serialisation.
#[derive(Default)]
pub(crate) struct HostCache {
    plain: RefCell<String>,
}

impl HostCache {
    /// The URL of a request for `target` at `host`; nothing when they do not make one.
    pub(crate) fn absolute(&self, host: &str, target: &str) -> Option<String> {
        if !target.starts_with('/') {
            return None;
        }
        let mut url = String::with_capacity(SCHEME.len() + host.len() + target.len());
        url.push_str(SCHEME);
        url.push_str(host);
        url.push_str(target);
        if is_plain_target(target) && self.is_plain_host(host) {
            return Some(url);
        }
        if holds_more_than_a_host(host) { None } else { api::normalise_url(&url) }
    }

    fn is_plain_host(&self, host: &str) -> bool {
        if *self.plain.borrow() == host {
            return !host.is_empty();
        }
        if holds_more_than_a_host(host) {
            return false;
        }
        let url = format!("{SCHEME}{host}/");
        let plain = api::normalise_url(&url).is_some_and(|serialised| serialised == url);
        if plain {
            host.clone_into(&mut self.plain.borrow_mut());
        }
        plain
    }
}

const SCHEME: &str = "http://";

/// Whether a `Host` header would bring a path, a query or a user's name into the URL.
fn holds_more_than_a_host(host: &str) -> bool {
    host.contains(['/', '\\', '?', '#', '@'])
}

/// Whether the standard would leave path and query as they are. Says no in doubt.
fn is_plain_target(target: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-'
                    | b'_'
                    | b'~'
                    | b'?'
                    | b'='
                    | b'&'
                    | b'+'
                    | b','
                    | b'.'
                    | b':'
                    | b'@'
                    | b'!'
                    | b'$'
                    | b'*'
                    | b';'
            )
    };
    // Segments of dots are removed; `%` may hide one.
    target.starts_with('/') && target.bytes().all(plain) && !target.contains("/.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_parsed_urls_agree_with_the_standard() {
        let cache = HostCache::default();
        for (host, target) in [
            ("example.com", "/"),
            ("example.com", "/a/b.c?d=e&f=g"),
            ("EXAMPLE.com", "/"),
            ("example.com:80", "/"),
            ("127.0.0.1:8787", "/x"),
            ("127.1", "/x"),
            ("example.com", "/a/../b"),
            ("example.com", "/a/%2e%2e/b"),
            ("example.com", "/a|b\"c"),
            ("example.com", "//double//slash"),
        ] {
            let parsed = api::normalise_url(&format!("http://{host}{target}"));
            assert_eq!(cache.absolute(host, target), parsed, "{host}{target}");
            assert_eq!(cache.absolute(host, target), parsed, "{host}{target}, seen before");
        }
        assert_eq!(cache.absolute("exa mple.com", "/"), None);
        assert_eq!(cache.absolute("", "/"), None);
        for host in ["example.com/path", "user@example.com", "a?b", "a#b", "a\\b"] {
            assert_eq!(cache.absolute(host, "/"), None, "{host}");
        }
        for target in ["*", "", "a"] {
            assert_eq!(cache.absolute("example.com", target), None, "{target}");
        }
    }
}
