//! HTTP on a connection: requests and responses, their headers and bodies.

pub(crate) mod body;
pub(crate) mod charged;
pub(crate) mod connection;
pub(crate) mod encode;
pub(crate) mod flat_headers;
pub(crate) mod prefixed;
pub(crate) mod request_url;
pub(crate) mod response;
pub(crate) mod serve;
