//! The tables `[outbound]`, of the node, and `[worker.outbound]`: what Workers may reach.

use std::net::IpAddr;
use std::sync::Arc;

use program::Lists;
use serde::Deserialize;
use toml::Spanned;

use super::Wrong;

/// Most bytes of the lists of a Worker, as they are written, and of its hosts, if it has an origin:
/// both are part of its stamp, which is shown in one message.
pub(super) const STAMP_BYTES_MAX: usize = 3 << 10;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboundEntry {
    #[serde(default)]
    pub(super) allow: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) forbid: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListsEntry {
    allow: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    deny: Vec<Spanned<String>>,
}

/// A range of addresses, `10.0.0.0/8`, or one address.
pub(super) fn check_range(range: &Spanned<String>) -> Result<String, Wrong> {
    let text = range.get_ref();
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address = address.parse::<IpAddr>().ok();
    let bits_max = address.map_or(0, |address| if address.is_ipv4() { 32 } else { 128 });
    let bits = if bits.is_empty() { Some(bits_max) } else { bits.parse::<u8>().ok() };
    match (address, bits) {
        (Some(address), Some(bits)) if bits <= bits_max => Ok(format!("{address}/{bits}")),
        _ => {
            let message = format!("{text:?} is no range of addresses, such as \"10.0.0.0/8\"");
            Err((range.span(), message))
        }
    }
}

/// The lists of a Worker as its stamp has them, with what else of it takes `bytes_taken` there.
pub(super) fn check_lists(
    entry: &Spanned<ListsEntry>,
    bytes_taken: usize,
) -> Result<Arc<str>, Wrong> {
    let read = |list: &[Spanned<String>]| {
        let read = list.iter().map(|text| {
            let no = |error| (text.span(), format!("{:?} is {error}", text.get_ref()));
            text.get_ref().parse().map_err(no)
        });
        read.collect::<Result<Vec<_>, Wrong>>()
    };
    let ListsEntry { allow, deny } = entry.get_ref();
    let allow = allow.as_deref().map(read).transpose()?;
    let text = Lists { allow, deny: read(deny)? }.to_string();
    if bytes_taken + text.len() > STAMP_BYTES_MAX {
        let message = format!(
            "the lists of a Worker have {STAMP_BYTES_MAX} bytes at most, all together, and with \
             its hosts if it has an `origin`: name ranges and `*.example.com` instead of many \
             addresses and hosts"
        );
        return Err((entry.span(), message));
    }
    Ok(text.into())
}
