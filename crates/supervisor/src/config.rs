//! The configuration of `isolde serve`: one TOML file.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;
use inbound::certificates::{self, Pem};
use program::{Cordon, Owner, Service};
use serde::Deserialize;
use toml::Spanned;

use crate::vault::Reach;
use crate::writer::Destination;

mod limits;
mod outbound;
mod processes;
#[cfg(test)]
mod tests;

pub use limits::LimitsConfig;
use limits::{LimitsEntry, check_limits};
use outbound::{ListsEntry, OutboundEntry, STAMP_BYTES_MAX, check_lists, check_range};
pub use processes::ProcessesConfig;
use processes::{ProcessesEntry, check_processes};

/// Longest URL of an origin in bytes.
const ORIGIN_BYTES_MAX: usize = 300;

/// A node's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where plain HTTP is served.
    pub http: SocketAddr,
    /// Where HTTP over TLS is served.
    pub https: Option<SocketAddr>,
    /// Whether clients come by way of a load balancer that speaks the PROXY protocol.
    pub proxy_protocol: bool,
    /// Where `isolde status` asks, if that is not the usual place.
    pub control: Option<PathBuf>,
    /// The certificates; none: one is made for development.
    pub certificates: Vec<Pem>,
    /// Where a line for each request goes, if anywhere.
    pub access_log: Option<Destination>,
    /// What subrequests may reach although it is private, as `10.0.0.0/8`.
    pub allowed_ranges: Vec<String>,
    /// What subrequests may not reach although it is public.
    pub forbidden_ranges: Vec<String>,
    /// What processes may use as a whole.
    pub processes: ProcessesConfig,
    /// The Workers, in the order of the file.
    pub workers: Vec<WorkerConfig>,
}

/// A Worker of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Its name, unique among those of its owner.
    pub name: String,
    /// Its project, with the folder of the configuration before a relative path.
    pub path: PathBuf,
    /// The hosts that it answers, in lower case and without a port, and its origin, without a path.
    pub reach: Reach,
    /// The account that is charged.
    pub owner: Owner,
    /// With which other Workers it may share a process.
    pub cordon: Cordon,
    /// Bindings to other Workers of its owner, beside those of its project.
    pub services: BTreeMap<String, Service>,
    /// Limits that differ from the project's own.
    pub limits: LimitsConfig,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is no TOML, or a key or a value is wrong.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, and what to do.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Listen,
    #[serde(default, rename = "certificate")]
    certificates: Vec<Spanned<CertificateEntry>>,
    #[serde(default)]
    log: LogEntry,
    #[serde(default)]
    outbound: OutboundEntry,
    #[serde(default)]
    processes: ProcessesEntry,
    #[serde(default, rename = "worker")]
    workers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    http: Spanned<String>,
    https: Option<Spanned<String>>,
    #[serde(default)]
    proxy_protocol: bool,
    control: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateEntry {
    chain: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LogEntry {
    /// A file, or `-` for the standard output.
    access: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    path: PathBuf,
    hosts: Vec<Spanned<String>>,
    owner: Option<Spanned<String>>,
    trust: Option<Spanned<String>>,
    origin: Option<Spanned<String>>,
    #[serde(default)]
    services: BTreeMap<String, Spanned<ServiceEntry>>,
    #[serde(default)]
    limits: LimitsEntry,
    fail_open: Option<Spanned<bool>>,
    outbound: Option<Spanned<ListsEntry>>,
}

/// A service binding: the Worker's name, or with the export that answers.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum ServiceEntry {
    Name(String),
    Entrypoint(EntrypointEntry),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct EntrypointEntry {
    worker: String,
    entrypoint: String,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |cause| ConfigError::Unreadable { path: path.to_path_buf(), cause };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text, path)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let wrong = |(place, message): (Range<usize>, String)| {
            let (line, column) = position(text, place.start);
            ConfigError::Wrong { path: path.to_path_buf(), line, column, message }
        };
        let file: File = toml::from_str(text).map_err(|error| {
            wrong((error.span().unwrap_or_default(), error.message().to_owned()))
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        check(file, folder).map_err(wrong)
    }
}

/// A wrong value: where it is, and what is wrong.
type Wrong = (Range<usize>, String);

fn check(file: File, folder: &Path) -> Result<Config, Wrong> {
    let http = check_address("http", &file.listen.http)?;
    let https = file.listen.https.as_ref();
    let https = https.map(|address| check_address("https", address)).transpose()?;
    let certificates = file.certificates.iter().map(|entry| check_certificate(entry, folder));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    if https.is_none()
        && let Some(entry) = file.certificates.first()
    {
        let message = "a certificate is for TLS: say where with `listen.https`".to_owned();
        return Err((entry.span(), message));
    }
    let mut claimed = HashMap::new();
    let mut names = HashMap::new();
    let mut workers = Vec::new();
    let mut services = Vec::new();
    for entry in file.workers {
        let bindings: Vec<_> = entry.services.values().cloned().collect();
        let worker = check_worker(entry, folder, &mut claimed)?;
        let (name, span) = worker.1;
        let key = (worker.0.owner.clone(), name.clone());
        if names.insert(key, ()).is_some() {
            return Err((span, format!("there is another Worker {name:?} of the same owner")));
        }
        services.extend(bindings.into_iter().map(|binding| (worker.0.owner.clone(), binding)));
        workers.push(worker.0);
    }
    check_services(services, &names)?;
    let ranges = |list: &[Spanned<String>]| list.iter().map(check_range).collect::<Result<_, _>>();
    let allowed_ranges = ranges(&file.outbound.allow)?;
    let forbidden_ranges = ranges(&file.outbound.forbid)?;
    let processes = check_processes(&file.processes)?;
    let proxy_protocol = file.listen.proxy_protocol;
    let control = file.listen.control.map(|path| folder.join(path));
    let access_log = file.log.access.map(|path| match path.to_str() {
        Some("-") => Destination::Standard,
        _ => Destination::File(folder.join(path)),
    });
    Ok(Config {
        access_log,
        http,
        https,
        proxy_protocol,
        control,
        certificates,
        allowed_ranges,
        forbidden_ranges,
        processes,
        workers,
    })
}

/// An address to listen on.
fn check_address(key: &str, address: &Spanned<String>) -> Result<SocketAddr, Wrong> {
    address.get_ref().parse().map_err(|_| {
        let text = "must be an address and a port, such as \"127.0.0.1:8080\"";
        (address.span(), format!("`listen.{key}` {text}"))
    })
}

/// Reads a certificate and its key, and sees whether they can be used.
fn check_certificate(entry: &Spanned<CertificateEntry>, folder: &Path) -> Result<Pem, Wrong> {
    let read = |path: &Path| {
        let path = folder.join(path);
        let message = |cause| format!("{} cannot be read: {cause}", path.display());
        std::fs::read(&path).map_err(|cause| (entry.span(), message(cause)))
    };
    let CertificateEntry { chain, key } = entry.get_ref();
    let pem = Pem { chain: read(chain)?, private_key: read(key)? };
    match certificates::check(&pem) {
        Ok(_) => Ok(pem),
        Err(error) => Err((entry.span(), format!("{}: {error}", chain.display()))),
    }
}

fn check_worker(
    entry: Entry,
    folder: &Path,
    claimed: &mut HashMap<String, String>,
) -> Result<(WorkerConfig, (String, Range<usize>)), Wrong> {
    let name = check_name("name", &entry.name)?;
    let mut hosts = Vec::new();
    for host in &entry.hosts {
        let text = host.get_ref().to_ascii_lowercase();
        if text.is_empty() || text.contains(['/', ':', '*', ' ', '@', '\0']) && !is_ipv6(&text) {
            let message = format!("{text:?} is no host: give it without scheme, port and path");
            return Err((host.span(), message));
        }
        if let Some(other) = claimed.insert(text.clone(), name.clone()) {
            return Err((host.span(), format!("the host {text} is Worker {other:?}'s already")));
        }
        hosts.push(text);
    }
    let owner = entry.owner.as_ref().map(|owner| check_name("owner", owner)).transpose()?;
    let owner = owner.map_or_else(Owner::local, Owner::new);
    let trust = entry.trust.as_ref().map(check_trust).transpose()?;
    let cordon = trust.map_or_else(Cordon::shared, Cordon::new);
    let mut limits = check_limits(&entry.limits)?;
    let path = folder.join(entry.path);
    let services = entry.services.into_iter();
    let services = services.map(|(name, entry)| (name, service_of(entry.into_inner()))).collect();
    let origin = entry.origin.as_ref().map(|origin| check_origin(origin, &hosts)).transpose()?;
    let bytes_taken = if origin.is_some() { stamp_bytes(&hosts) } else { 0 };
    let lists = entry.outbound.as_ref().map(|lists| check_lists(lists, bytes_taken)).transpose()?;
    if let Some(fail_open) = &entry.fail_open {
        let has_effect = origin.is_some() && limits.requests_per_day.is_some();
        if *fail_open.get_ref() && !has_effect {
            let text = "`fail_open` sends requests beyond `limits.requests_per_day` to the \
                        `origin`: the Worker needs both";
            return Err((fail_open.span(), text.to_owned()));
        }
        limits.fails_open = *fail_open.get_ref();
    }
    let (origin, lists) = (origin.unwrap_or_default(), lists.unwrap_or_default());
    let reach = Reach { hosts, origin, lists };
    let worker = WorkerConfig { name: name.clone(), path, reach, owner, cordon, services, limits };
    Ok((worker, (name, entry.name.span())))
}

/// A server: scheme, host and port.
fn check_origin(origin: &Spanned<String>, hosts: &[String]) -> Result<Arc<str>, Wrong> {
    let text = origin.get_ref().strip_suffix('/').unwrap_or(origin.get_ref());
    let is_server = text.parse::<Uri>().is_ok_and(|url| {
        let authority = url.authority().map(Authority::as_str).unwrap_or_default();
        matches!(url.scheme_str(), Some("http" | "https"))
            && !authority.contains('@')
            && text.ends_with(authority)
            && text.len() <= ORIGIN_BYTES_MAX
    });
    if !is_server {
        let text = "`origin` is a server without a path, such as \"http://127.0.0.1:3000\"";
        return Err((origin.span(), text.to_owned()));
    }
    if stamp_bytes(hosts) > STAMP_BYTES_MAX {
        let text = format!(
            "the hosts of a Worker with an `origin` have {STAMP_BYTES_MAX} bytes at most, all \
             together"
        );
        return Err((origin.span(), text));
    }
    Ok(text.into())
}

/// What hosts take in a stamp.
fn stamp_bytes(hosts: &[String]) -> usize {
    hosts.iter().map(|host| host.len() + 1).sum()
}

/// Sees whether the Workers of service bindings exist.
fn check_services(
    services: Vec<(Owner, Spanned<ServiceEntry>)>,
    names: &HashMap<(Owner, String), ()>,
) -> Result<(), Wrong> {
    for (owner, entry) in services {
        let (span, service) = (entry.span(), service_of(entry.into_inner()));
        if !names.contains_key(&(owner.clone(), service.worker.clone())) {
            let message =
                format!("{} has no Worker {:?} in this file", owner.as_str(), service.worker);
            return Err((span, message));
        }
    }
    Ok(())
}

fn service_of(entry: ServiceEntry) -> Service {
    match entry {
        ServiceEntry::Name(worker) => Service { worker, entrypoint: None },
        ServiceEntry::Entrypoint(EntrypointEntry { worker, entrypoint }) => {
            Service { worker, entrypoint: Some(entrypoint) }
        }
    }
}

/// Whether this is an IPv6 address in brackets, as it stands in URLs.
fn is_ipv6(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// A number, if it is given: the message names it as `key`.
fn check_number(
    key: &str,
    value: &Option<Spanned<u64>>,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, Wrong> {
    match value {
        Some(value) if !range.contains(value.get_ref()) => {
            Err((value.span(), format!("`{key}` is {} to {}", range.start(), range.end())))
        }
        value => Ok(value.as_ref().map(|value| *value.get_ref())),
    }
}

/// A name of a Worker, an owner or a cordon.
fn check_name(key: &str, name: &Spanned<String>) -> Result<String, Wrong> {
    let is_fine = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let text = name.get_ref();
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_fine) {
        let message = format!("`{key}` takes 1 to 63 letters, digits, `-`, `_` and `.`");
        return Err((name.span(), message));
    }
    Ok(text.clone())
}

/// The name of a cordon. The second process of a cordon `suspects` would be called like that of the
/// suspicious Workers of an owner `2`.
fn check_trust(trust: &Spanned<String>) -> Result<String, Wrong> {
    match trust.get_ref().as_str() {
        "suspects" => {
            let message = "`trust` cannot be `suspects`, which suspicious Workers have".to_owned();
            Err((trust.span(), message))
        }
        _ => check_name("trust", trust),
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(byte)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}
