//! Values, environments and messages of wrangler files.

use super::*;
use crate::rules::RuleKind;

fn toml(text: &str) -> Loaded<Config> {
    parse_config_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

fn toml_env(text: &str, env: &str) -> Result<Loaded<Config>, ConfigError> {
    read::parse(&Source::new(Path::new("wrangler.toml"), text), true, Some(env))
}

/// The errors as `line:column message`.
fn errors(result: Result<Loaded<Config>, ConfigError>) -> Vec<String> {
    match result {
        Err(ConfigError::Invalid(errors)) => errors.iter().map(short).collect(),
        other => panic!("expected errors, got {other:?}"),
    }
}

fn short(diagnostic: &Diagnostic) -> String {
    match &diagnostic.location {
        Some(at) => format!("{}:{} {}", at.line, at.column, diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn warnings(loaded: &Loaded<Config>) -> Vec<String> {
    loaded.warnings.iter().map(short).collect()
}

const FULL: &str = r#"
name = "shop"
main = "src/index.ts"
compatibility_date = "2024-02-29"
compatibility_flags = ["nodejs_compat"]
minify = true
tsconfig = "./other.json"
jsx_factory = "h"
workers_dev = true

[[rules]]
type = "Text"
globs = ["**/*.md"]
fallthrough = true

[vars]
TEXT = "t"
NUMBER = 3
LIST = [1, "two", { three = 3.5 }]

[define]
FLAG = "true"

[build]
command = "make"
cwd = "tools"
watch_dir = ["src", "lib"]

[limits]
cpu_ms = 50
subrequests = 20

[dev]
ip = "0.0.0.0"
port = 8080
local_protocol = "http"
"#;

#[test]
fn toml_fills_all_fields() {
    let loaded = toml(FULL);
    assert_eq!(warnings(&loaded), [""; 0]);
    let config = loaded.value;
    assert_eq!(config.name.as_deref(), Some("shop"));
    assert_eq!(config.main.as_deref(), Some(Path::new("src/index.ts")));
    assert_eq!(config.compatibility_date.as_deref(), Some("2024-02-29"));
    assert_eq!(config.compatibility_flags, ["nodejs_compat"]);
    assert!(config.minify && !config.no_bundle);
    assert_eq!(config.tsconfig.as_deref(), Some(Path::new("./other.json")));
    assert_eq!(config.jsx_factory.as_deref(), Some("h"));
    let globs = vec!["**/*.md".to_owned()];
    assert_eq!(config.rules, [Rule { kind: RuleKind::Text, globs, fallthrough: true }]);
    let vars = serde_json::to_string(&config.vars).unwrap();
    assert_eq!(vars, r#"{"LIST":[1,"two",{"three":3.5}],"NUMBER":3,"TEXT":"t"}"#);
    assert_eq!(config.define["FLAG"], "true");
    assert_eq!(config.build.command.as_deref(), Some("make"));
    assert_eq!(config.build.watch_dir, [Path::new("src"), Path::new("lib")]);
    assert_eq!(config.limits, Limits { cpu_ms: Some(50), subrequests: Some(20) });
    assert_eq!(config.dev.port, Some(8080));
    assert_eq!(config.dev.ip.map(|ip| ip.to_string()).as_deref(), Some("0.0.0.0"));
}

#[test]
fn the_address_to_listen_on_is_one() {
    for (text, address) in [("localhost", "127.0.0.1"), ("*", "0.0.0.0"), ("::1", "::1")] {
        let config = parse_config_toml(&format!("[dev]\nip = \"{text}\"\n")).unwrap().value;
        assert_eq!(config.dev.ip.map(|ip| ip.to_string()).as_deref(), Some(address));
    }
    let found = errors(parse_config_toml("[dev]\nip = \"here\"\n"));
    assert_eq!(found, ["2:6 `dev.ip` must be an IP address, `localhost` or `*`"]);
}

#[test]
fn json_with_comments_is_the_same() {
    let text = r#"{
        // the name
        "$schema": "./node_modules/wrangler/config-schema.json",
        "name": "shop", /* and */ "main": "a.js",
        "vars": { "A": null, "B": { "c": [true] } },
        "compatibility_flags": [],
    }"#;
    let loaded = parse_config_json(text).unwrap();
    assert_eq!(warnings(&loaded), [""; 0]);
    assert_eq!(loaded.value.name.as_deref(), Some("shop"));
    let vars = serde_json::to_string(&loaded.value.vars).unwrap();
    assert_eq!(vars, r#"{"A":null,"B":{"c":[true]}}"#);
}

#[test]
fn json_without_quotes_or_commas_is_refused() {
    for text in ["{name: 1}", "{\"a\": 1 \"b\": 2}", "{'a': 1}", "[]", "", "{\"a\": 0x1}"] {
        assert!(parse_config_json(text).is_err(), "{text}");
    }
    assert_eq!(
        errors(parse_config_json("{\n  \"name\": \"a\n}")),
        ["2:11 this is not valid JSON: Unterminated string literal"]
    );
}

#[test]
fn wrong_toml_has_a_place() {
    let found = errors(parse_config_toml("name = \"a\"\nmain = \n"));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("2:8 this is not valid TOML: "), "{found:?}");
}

#[test]
fn wrong_values_are_all_reported_with_their_places() {
    let text = "name = 3\nmain = [\"a\"]\ncompatibility_date = \"2024-1-1\"\n\
                minify = \"yes\"\n[limits]\ncpu_ms = 0\n[dev]\nport = 70000\n";
    assert_eq!(
        errors(parse_config_toml(text)),
        [
            "1:8 `name` must be a string, but it is a number",
            "2:8 `main` must be a string, but it is a list",
            "3:22 `compatibility_date` must be a date in the form YYYY-MM-DD, but it is `2024-1-1`",
            "4:10 `minify` must be `true` or `false`, but it is a string",
            "6:10 `limits.cpu_ms` must be between 1 and 300000, but it is 0",
            "8:8 `dev.port` must be between 0 and 65535, but it is 70000",
        ]
    );
}

#[test]
fn a_wrong_value_is_shown_with_its_line() {
    let error = parse_config_json("{\n  \"compatibility_flags\": [\"a\", 5]\n}").unwrap_err();
    let expected = "error: `compatibility_flags[1]` must be a string, but it is a number\n   \
                    ╭─[ wrangler.json:2:32 ]\n 2 │   \"compatibility_flags\": [\"a\", 5]\n   │ \
                    \u{20}                              ^";
    assert_eq!(error.render(false), expected);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn dates_must_exist() {
    for date in [
        "2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "today",
        "2024-01-00", "2024-01-011", "24-01-01", "2024/01/01",
    ] {
        let found = parse_config_toml(&format!("compatibility_date = \"{date}\""));
        assert!(found.is_err(), "{date}");
    }
    for date in ["2000-02-29", "2024-12-31", "2026-11-30"] {
        assert!(parse_config_toml(&format!("compatibility_date = \"{date}\"")).is_ok(), "{date}");
    }
    assert_eq!(
        errors(parse_config_toml("compatibility_date = 2024-01-01")),
        ["1:22 `compatibility_date` must be a string, but it is a date"]
    );
}

#[test]
fn names_have_small_letters_digits_and_dashes() {
    for name in ["Shop", "", "-a", "a.b", "a b", "ä"] {
        assert!(parse_config_toml(&format!("name = \"{name}\"")).is_err(), "{name}");
    }
    assert!(parse_config_toml("name = \"a-b_1\"").is_ok());
}

#[test]
fn unknown_keys_warn_with_a_suggestion() {
    let loaded =
        toml("nmae = \"x\"\nzzz = 1\n[dev]\nprot = 1\n[env.a.build]\n[env.a]\nmian = \"\"\n");
    let found: Vec<_> =
        loaded.warnings.iter().map(|warning| (short(warning), warning.help.clone())).collect();
    let unknown = |place: &str, key: &str, help: Option<&str>| {
        let help = help.map(|name| format!("did you mean `{name}`?"));
        (format!("{place} unknown key `{key}`; it has no effect"), help)
    };
    assert_eq!(
        found,
        [
            unknown("1:1", "nmae", Some("name")),
            unknown("2:1", "zzz", None),
            unknown("4:1", "dev.prot", Some("dev.port")),
            unknown("7:1", "env.a.mian", Some("env.a.main")),
        ]
    );
}

#[test]
fn keys_that_are_not_served_yet_warn_unless_they_are_empty() {
    let loaded = toml("kv_namespaces = [{ binding = \"KV\" }]\nr2_buckets = []\nrouts = 1");
    assert_eq!(warnings(&loaded)[0], "1:1 binding kind `kv_namespaces` is not supported yet");
    assert_eq!(loaded.warnings.len(), 2);
}

#[test]
fn a_json_key_that_is_there_twice_warns() {
    let loaded = parse_config_json("{\"name\": \"a\", \"name\": \"b\"}").unwrap();
    assert_eq!(loaded.value.name.as_deref(), Some("b"));
    assert_eq!(warnings(&loaded), ["1:15 `name` is there twice; the last one counts"]);
}

const ENVIRONMENTS: &str = r#"
name = "shop"
main = "a.js"
compatibility_date = "2024-01-01"
minify = true
[vars]
A = "top"
[dev]
port = 1
[env.staging]
main = "b.js"
[env.staging.vars]
A = "staging"
[env.live]
name = "the-shop"
minify = false
"#;

#[test]
fn environments_inherit_settings_and_not_variables() {
    let staging = toml_env(ENVIRONMENTS, "staging").unwrap();
    assert_eq!(warnings(&staging), [""; 0]);
    let staging = staging.value;
    assert_eq!(staging.name.as_deref(), Some("shop-staging"));
    assert_eq!(staging.main.as_deref(), Some(Path::new("b.js")));
    assert_eq!(staging.compatibility_date.as_deref(), Some("2024-01-01"));
    assert!(staging.minify);
    assert_eq!(staging.vars["A"], "staging");
    assert_eq!(staging.dev.port, Some(1));

    let live = toml_env(ENVIRONMENTS, "live").unwrap();
    assert_eq!(warnings(&live), ["6:2 `vars` is at the top level, but not in `env.live`"]);
    assert_eq!(live.value.name.as_deref(), Some("the-shop"));
    assert_eq!(live.value.main.as_deref(), Some(Path::new("a.js")));
    assert!(!live.value.minify);
    assert!(live.value.vars.is_empty());
    assert_eq!(toml(ENVIRONMENTS).value.vars["A"], "top");
}

#[test]
fn an_unknown_environment_is_an_error_where_there_are_others() {
    assert_eq!(errors(toml_env(ENVIRONMENTS, "stagin")), ["10:2 there is no environment `stagin`"]);
    let loaded = toml_env("name = \"a\"", "b").unwrap();
    assert_eq!(warnings(&loaded), ["there is no environment `b`; the top level is used"]);
}

#[test]
fn wrong_values_in_an_environment_have_its_path() {
    let text = "name = \"a\"\n[env.b]\nmain = 1\n";
    assert_eq!(
        errors(toml_env(text, "b")),
        ["3:8 `env.b.main` must be a string, but it is a number"]
    );
}

#[test]
fn rules_must_be_complete_and_of_a_known_type() {
    assert_eq!(
        errors(parse_config_toml(
            "rules = [{ type = \"Text\" }, { type = \"Txt\", globs = [] }, \
             { type = \"PythonModule\", globs = [] }]"
        )),
        [
            "1:10 `rules[0]` must have `type` and `globs`",
            "1:38 `Txt` is not a type of module",
            "1:68 Python is not supported",
        ]
    );
}

#[test]
fn deep_files_do_not_overflow_the_stack() {
    let depth = 100_000;
    let lists = "[".repeat(depth);
    assert!(parse_config_json(&format!("{{\"a\": {lists}")).is_err());
    assert!(parse_config_toml(&format!("a = {lists}")).is_err());
    let keys = "a.".repeat(depth);
    // Dotted keys nest without brackets: an answer of either kind is fine, a crash is not.
    let _ = parse_config_toml(&format!("{keys}a = 1"));
}
