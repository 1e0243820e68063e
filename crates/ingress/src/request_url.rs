//! The URL of an inbound request, as the URL standard serialises it. It is made once, when the head
//! has been read: the router and the Worker see the same one.
//!
//! Most URLs need no parser because they are in serialised form already: a host that was seen
//! before, and a target of plain characters.

use std::cell::RefCell;

use crate::limits::HOST_BYTES_MAX;
use crate::peer::Scheme;

/// The URL of a request. It has no user name, no password and no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUrl {
    href: String,
    /// Where host and port begin.
    authority: usize,
    /// Where the path begins.
    path: usize,
}

impl RequestUrl {
    /// A URL of http or https that is serialised already and has no user name, no password and no
    /// fragment; `None` where it shows that it is not that.
    pub fn of_serialised(href: String) -> Option<Self> {
        let authority = href.find("://")? + 3;
        let path = authority + href[authority..].find('/')?;
        Some(Self { href, authority, path })
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// Scheme, host and port: `https://example.com:8443`.
    pub fn origin(&self) -> &str {
        &self.href[..self.path]
    }

    /// Host, and port where it is not the scheme's: `example.com:8443`.
    pub fn authority(&self) -> &str {
        &self.href[self.authority..self.path]
    }

    /// The host without its port, IPv6 addresses in brackets.
    pub fn hostname(&self) -> &str {
        without_port(self.authority())
    }

    /// The path.
    pub fn path(&self) -> &str {
        let target = self.target();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// The part after `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.href[self.path..]
    }
}

/// The serialisation of an absolute URL, as the URL standard has it, or `None` when it is not one.
#[doc(hidden)]
pub fn normalise(url: &str) -> Option<String> {
    url::Url::parse(url).ok().map(String::from)
}

/// Makes the URLs of a connection's requests. Remembers the last host.
#[derive(Debug)]
pub struct UrlParser {
    scheme: Scheme,
    last: RefCell<Host>,
}

/// A host as a client wrote it, and scheme, host and port as they are serialised.
#[derive(Debug, Default)]
struct Host {
    written: String,
    origin: String,
}

impl UrlParser {
    /// For a connection of this scheme.
    pub fn new(scheme: Scheme) -> Self {
        Self { scheme, last: RefCell::default() }
    }

    /// The URL of a request for `target` at `host`; `None` when they do not make one.
    pub fn parse(&self, host: &str, target: &str) -> Option<RequestUrl> {
        let mut last = self.last.borrow_mut();
        if last.written != host || host.is_empty() {
            last.origin = self.origin(host)?;
            host.clone_into(&mut last.written);
        }
        let path = last.origin.len();
        let mut href = String::with_capacity(path + target.len() + 1);
        href.push_str(&last.origin);
        // The absolute form may leave out the path.
        if target.is_empty() || target.starts_with('?') {
            href.push('/');
        }
        href.push_str(target);
        if !href[path..].starts_with('/') || has_backslash(&href[path..]) {
            return None;
        }
        if !is_plain_target(&href[path..]) {
            href = normalise(&href)?;
            if !href.starts_with(last.origin.as_str()) || href.contains('#') {
                return None;
            }
        }
        Some(RequestUrl { href, authority: self.scheme.prefix().len(), path })
    }

    /// Scheme, host and port of a `Host` field, serialised.
    fn origin(&self, host: &str) -> Option<String> {
        if !is_host(host) || without_port(host).len() > HOST_BYTES_MAX {
            return None;
        }
        let mut origin = normalise(&format!("{}{host}/", self.scheme.prefix()))?;
        if origin.pop() != Some('/') {
            return None;
        }
        Some(origin)
    }
}

/// A host without its port, if it has one. IPv6 addresses are in brackets.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

/// Whether a `Host` field is a name or an address, perhaps with a port. The URL standard allows
/// more: percent-encoded names, names beyond ASCII, user names, a path. Those are ambiguous.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.bytes().all(plain)
}

/// Whether there is a `\` in the path. The standard makes it a slash, other programs do not.
fn has_backslash(target: &str) -> bool {
    target.split('?').next().is_some_and(|path| path.contains('\\'))
}

/// Whether the standard would leave path and query unchanged; `false` in doubt.
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
    target.bytes().all(plain) && !target.contains("/.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn href(parser: &UrlParser, host: &str, target: &str) -> Option<String> {
        parser.parse(host, target).map(|url| url.as_str().to_owned())
    }

    #[test]
    fn plain_and_parsed_urls_agree_with_the_standard() {
        for (scheme, host, target) in [
            (Scheme::Http, "example.com", "/"),
            (Scheme::Http, "example.com", "/a/b.c?d=e&f=g"),
            (Scheme::Http, "EXAMPLE.com", "/"),
            (Scheme::Http, "example.com:80", "/"),
            (Scheme::Https, "example.com:80", "/"),
            (Scheme::Https, "example.com:443", "/a"),
            (Scheme::Http, "127.0.0.1:8787", "/x"),
            (Scheme::Http, "127.1", "/x"),
            (Scheme::Http, "[::1]:8787", "/x"),
            (Scheme::Http, "[0:0::1]", "/x"),
            (Scheme::Http, "example.com", "/a/../b"),
            (Scheme::Http, "example.com", "/a/%2e%2e/b"),
            (Scheme::Http, "example.com", "/a|b\"c"),
            (Scheme::Http, "example.com", "/a?b\\c"),
            (Scheme::Http, "example.com", "/é"),
            (Scheme::Http, "example.com", "//double//slash"),
        ] {
            let parser = UrlParser::new(scheme);
            let parsed = normalise(&format!("{}{host}{target}", scheme.prefix()));
            assert!(parsed.is_some(), "{host}{target}");
            assert_eq!(href(&parser, host, target), parsed, "{host}{target}");
            assert_eq!(href(&parser, host, target), parsed, "{host}{target}, seen before");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_url() {
        let parser = UrlParser::new(Scheme::Http);
        for host in [
            "", "exa mple.com", "example.com/path", "user@example.com", "a?b", "a#b", "a\\b",
            "a,b", "a\tb", "a\"b", "a'b", "bücher.example", "%61.example", "a:b", "a:99999",
            "[::1", ":80",
        ] {
            assert_eq!(parser.parse(host, "/"), None, "{host:?}");
            assert_eq!(parser.parse(host, "/"), None, "{host:?}, seen before");
        }
        for target in ["*", "a", "example.com:80", ";x", "/a#b", "/a\\b", "/a\\..\\b", "/\\a"] {
            assert_eq!(parser.parse("example.com", target), None, "{target}");
        }
        assert_eq!(href(&parser, "example.com", ""), Some("http://example.com/".to_owned()));
        assert_eq!(href(&parser, "example.com", "?a"), Some("http://example.com/?a".to_owned()));
    }

    #[test]
    fn parts() {
        let parser = UrlParser::new(Scheme::Https);
        let url = parser.parse("Example.com:8443", "/a/b?c=/d?e").expect("this is a URL");
        assert_eq!(url.origin(), "https://example.com:8443");
        assert_eq!(url.authority(), "example.com:8443");
        assert_eq!(url.hostname(), "example.com");
        assert_eq!((url.path(), url.query()), ("/a/b", Some("c=/d?e")));
        let url = parser.parse("[::1]", "/").expect("this is a URL");
        assert_eq!((url.hostname(), url.path(), url.query()), ("[::1]", "/", None));
        let url = parser.parse("[::1]:1", "/").expect("this is a URL");
        assert_eq!(url.hostname(), "[::1]");
    }
}
