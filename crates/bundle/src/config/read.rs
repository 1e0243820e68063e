//! From the tree to [`Config`], key by key.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use program::Service;

use super::environment;
use super::reader::Reader;
use super::tree::{self, Node, Table, Value};
use super::{BuildCommand, Config, ConfigError, Dev, Limits, ServiceEntry};
use crate::diagnostic::{Diagnostic, Loaded, Source};
use crate::rules::{Rule, RuleKind};

/// Longest CPU limit that a project may set, in milliseconds.
const CPU_MS_MAX: u32 = 300_000;

/// Most subrequests that a project may allow itself.
const SUBREQUESTS_MAX: u32 = 10_000_000;

/// Reads the text of a `wrangler.toml`, top level only.
pub fn parse_config_toml(text: &str) -> Result<Loaded<Config>, ConfigError> {
    parse(&Source::new(Path::new("wrangler.toml"), text), true, None)
}

/// Reads the text of a `wrangler.json` or `wrangler.jsonc`, top level only.
pub fn parse_config_json(text: &str) -> Result<Loaded<Config>, ConfigError> {
    parse(&Source::new(Path::new("wrangler.json"), text), false, None)
}

/// Reads a configuration for an environment.
pub(crate) fn parse(
    source: &Source,
    toml: bool,
    env: Option<&str>,
) -> Result<Loaded<Config>, ConfigError> {
    let parsed = if toml { tree::parse_toml(source) } else { tree::parse_json(source) };
    let root = parsed.map_err(|error| ConfigError::Invalid(vec![error]))?;
    let mut reader = Reader::new(source);
    let effective = environment::merge(&mut reader, &root, env);
    let mut config = Config::default();
    for (path, entry) in &effective.entries {
        // JSON's null is how a generated file leaves a value out.
        if !matches!(entry.node.value, Value::Null) {
            read_key(&mut reader, &mut config, &entry.key, &entry.node, path);
        }
    }
    if let (Some(name), Some(env), true) = (&config.name, env, effective.name_is_inherited) {
        config.name = Some(format!("{name}-{env}"));
    }
    // Keys are read in our order; people read their file from top to bottom.
    let by_place = |d: &Diagnostic| d.location.as_ref().map(|at| (at.line, at.column));
    reader.errors.sort_by_key(by_place);
    reader.warnings.sort_by_key(by_place);
    if reader.errors.is_empty() {
        Ok(Loaded { value: config, warnings: reader.warnings })
    } else {
        Err(ConfigError::Invalid(reader.errors))
    }
}

fn read_key(reader: &mut Reader<'_>, config: &mut Config, key: &str, node: &Node, path: &str) {
    match key {
        "name" => config.name = read_name(reader, node, path),
        "main" => config.main = reader.path(node, path),
        "compatibility_date" => config.compatibility_date = read_date(reader, node, path),
        "compatibility_flags" => {
            config.compatibility_flags = reader.texts(node, path).unwrap_or_default();
        }
        "vars" => {
            if let Some(table) = reader.table(node, path) {
                let pairs = table.entries.iter();
                config.vars = pairs.map(|e| (e.key.clone(), e.node.value.to_json())).collect();
            }
        }
        "services" => config.services = read_services(reader, node, path),
        "rules" => config.rules = read_rules(reader, node, path),
        "find_additional_modules" => {
            config.find_additional_modules = reader.boolean(node, path);
        }
        "no_bundle" => config.no_bundle = reader.boolean(node, path).unwrap_or_default(),
        "base_dir" => config.base_dir = reader.path(node, path),
        "preserve_file_names" => {
            config.preserve_file_names = reader.boolean(node, path).unwrap_or_default();
        }
        "define" => config.define = reader.text_map(node, path),
        "alias" => config.alias = reader.text_map(node, path),
        "minify" => config.minify = reader.boolean(node, path).unwrap_or_default(),
        "keep_names" => config.keep_names = reader.boolean(node, path),
        "jsx_factory" => config.jsx_factory = reader.text(node, path),
        "jsx_fragment" => config.jsx_fragment = reader.text(node, path),
        "tsconfig" => config.tsconfig = reader.path(node, path),
        "build" => config.build = read_build(reader, node, path),
        "limits" => config.limits = read_limits(reader, node, path),
        "dev" => config.dev = read_dev(reader, node, path),
        "triggers" => config.crons = read_crons(reader, node, path),
        "text_blobs" => config.text_blobs = reader.text_map(node, path),
        "data_blobs" => config.data_blobs = reader.text_map(node, path),
        "wasm_modules" => config.wasm_modules = reader.text_map(node, path),
        // Known, and of no use to this crate: nothing to read.
        _ => {}
    }
}

fn read_name(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<String> {
    let name = reader.text(node, path)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        let help = "a name has lower-case letters, digits, `-` and `_`, and no `-` in front";
        reader.refuse(node, format!("`{name}` cannot be the name of a Worker"), Some(help));
        return None;
    }
    Some(name)
}

fn read_date(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<String> {
    let date = reader.text(node, path)?;
    if is_date(&date) {
        return Some(date);
    }
    let message = format!("`{path}` must be a date in the form YYYY-MM-DD, but it is `{date}`");
    reader.refuse(node, message, Some("for example 2026-01-31"));
    None
}

/// Whether a text is a date of the Gregorian calendar in the form `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        return false;
    }
    let digits = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (digits(0..4), digits(5..7), digits(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// What may stand in an entry of `services`; `remote` and the like are about `wrangler dev`.
const SERVICE_KEYS: [&str; 6] =
    ["binding", "service", "entrypoint", "environment", "props", "remote"];

fn read_services(reader: &mut Reader<'_>, node: &Node, path: &str) -> Vec<ServiceEntry> {
    let Value::List(items) = &node.value else {
        reader.wrong(node, path, "a list of service bindings");
        return Vec::new();
    };
    let mut services = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(table) = reader.table(item, &path) {
            services.extend(read_service(reader, table, item, &path));
        }
    }
    services
}

fn read_service(
    reader: &mut Reader<'_>,
    table: &Table,
    node: &Node,
    path: &str,
) -> Option<ServiceEntry> {
    reader.check_keys(table, &format!("{path}."), &SERVICE_KEYS);
    let (Some(binding), Some(service)) = (table.get("binding"), table.get("service")) else {
        reader.refuse(node, format!("`{path}` must have `binding` and `service`"), None);
        return None;
    };
    let binding = reader.text(&binding.node, &format!("{path}.binding"))?;
    let worker = reader.text(&service.node, &format!("{path}.service"))?;
    let entrypoint = match table.get("entrypoint") {
        Some(entry) => Some(reader.text(&entry.node, &format!("{path}.entrypoint"))?),
        None => None,
    };
    Some(ServiceEntry { binding, service: Service { worker, entrypoint } })
}

fn read_rules(reader: &mut Reader<'_>, node: &Node, path: &str) -> Vec<Rule> {
    let Value::List(items) = &node.value else {
        reader.wrong(node, path, "a list of rules");
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(table) = reader.table(item, &path)
            && let Some(rule) = read_rule(reader, table, item, &path)
        {
            rules.push(rule);
        }
    }
    rules
}

fn read_rule(reader: &mut Reader<'_>, table: &Table, node: &Node, path: &str) -> Option<Rule> {
    reader.check_keys(table, &format!("{path}."), &["type", "globs", "fallthrough"]);
    let (Some(kind), Some(globs)) = (table.get("type"), table.get("globs")) else {
        reader.refuse(node, format!("`{path}` must have `type` and `globs`"), None);
        return None;
    };
    let name = reader.text(&kind.node, &format!("{path}.type"))?;
    let Some(rule_kind) = RuleKind::parse(&name) else {
        let message = match name.as_str() {
            "PythonModule" | "PythonRequirement" => "Python is not supported".to_owned(),
            _ => format!("`{name}` is not a type of module"),
        };
        let help = "the types are ESModule, CommonJS, Text, Data and CompiledWasm";
        reader.refuse(&kind.node, message, Some(help));
        return None;
    };
    let globs = reader.texts(&globs.node, &format!("{path}.globs"))?;
    let fallthrough = match table.get("fallthrough") {
        Some(entry) => reader.boolean(&entry.node, &format!("{path}.fallthrough"))?,
        None => false,
    };
    Some(Rule { kind: rule_kind, globs, fallthrough })
}

fn read_build(reader: &mut Reader<'_>, node: &Node, path: &str) -> BuildCommand {
    let mut build = BuildCommand::default();
    let Some(table) = reader.table(node, path) else { return build };
    reader.check_keys(table, &format!("{path}."), &["command", "cwd", "watch_dir"]);
    if let Some(entry) = table.get("command") {
        build.command = reader.text(&entry.node, &format!("{path}.command"));
    }
    if let Some(entry) = table.get("cwd") {
        build.cwd = reader.path(&entry.node, &format!("{path}.cwd"));
    }
    if let Some(entry) = table.get("watch_dir") {
        let path = format!("{path}.watch_dir");
        build.watch_dir = match &entry.node.value {
            Value::Text(text) => vec![PathBuf::from(text)],
            _ => {
                let texts = reader.texts(&entry.node, &path).unwrap_or_default();
                texts.into_iter().map(PathBuf::from).collect()
            }
        };
    }
    build
}

fn read_limits(reader: &mut Reader<'_>, node: &Node, path: &str) -> Limits {
    let mut limits = Limits::default();
    let Some(table) = reader.table(node, path) else { return limits };
    reader.check_keys(table, &format!("{path}."), &["cpu_ms", "subrequests"]);
    if let Some(entry) = table.get("cpu_ms") {
        let path = format!("{path}.cpu_ms");
        limits.cpu_ms = reader.number(&entry.node, &path, 1, CPU_MS_MAX);
    }
    if let Some(entry) = table.get("subrequests") {
        let path = format!("{path}.subrequests");
        limits.subrequests = reader.number(&entry.node, &path, 0, SUBREQUESTS_MAX);
    }
    limits
}

const DEV_KEYS: [&str; 10] = [
    "ip", "port", "inspector_port", "inspector_ip", "local_protocol", "upstream_protocol", "host",
    "enable_containers", "container_engine", "generate_types",
];

fn read_dev(reader: &mut Reader<'_>, node: &Node, path: &str) -> Dev {
    let mut dev = Dev::default();
    let Some(table) = reader.table(node, path) else { return dev };
    reader.check_keys(table, &format!("{path}."), &DEV_KEYS);
    let mut port = |name: &str| {
        let entry = table.get(name)?;
        let port = reader.number(&entry.node, &format!("{path}.{name}"), 0, u16::MAX.into())?;
        u16::try_from(port).ok()
    };
    dev.port = port("port");
    dev.inspector_port = port("inspector_port");
    let mut text = |name: &str| {
        let entry = table.get(name)?;
        reader.text(&entry.node, &format!("{path}.{name}"))
    };
    let ip = text("ip");
    dev.host = text("host");
    dev.local_protocol = text("local_protocol");
    if let (Some(ip), Some(entry)) = (ip, table.get("ip")) {
        dev.ip = address(&ip);
        if dev.ip.is_none() {
            let message = format!("`{path}.ip` must be an IP address, `localhost` or `*`");
            reader.refuse(&entry.node, message, None);
        }
    }
    if let (Some(protocol), Some(entry)) = (&dev.local_protocol, table.get("local_protocol"))
        && !matches!(protocol.as_str(), "http" | "https")
    {
        let message = format!("`{path}.local_protocol` must be `http` or `https`");
        reader.refuse(&entry.node, message, None);
    }
    dev
}

/// The address to listen on; `*` is every address.
fn address(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
        text => text.parse().ok(),
    }
}

fn read_crons(reader: &mut Reader<'_>, node: &Node, path: &str) -> Vec<String> {
    let Some(table) = reader.table(node, path) else { return Vec::new() };
    reader.check_keys(table, &format!("{path}."), &["crons"]);
    let crons = table.get("crons").filter(|entry| !matches!(entry.node.value, Value::Null));
    crons.and_then(|e| reader.texts(&e.node, &format!("{path}.crons"))).unwrap_or_default()
}
