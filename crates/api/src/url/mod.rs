//! The URL standard: `URL` and `URLSearchParams`.

mod ops;
#[cfg(test)]
mod tests;

pub use ops::ops;

/// The serialisation of an absolute URL, or `None` when it is not one.
pub(crate) fn normalise(url: &str) -> Option<String> {
    ops::parse(url, None).map(|url| url.href().to_owned())
}
