//! Configurations, right and wrong.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/isolde/isolde.toml")).map_err(|error| error.to_string())
}

const WORKER: &str = r#"
[listen]
http = "127.0.0.1:8080"

[[worker]]
name = "shop"
path = "../shop"
hosts = ["Shop.example", "[::1]"]
"#;

#[test]
fn a_worker_with_everything() {
    let text = format!(
        "{WORKER}owner = \"anna\"\n[worker.limits]\ncpu_ms = 50\n\
         [outbound]\nallow = [\"10.0.0.0/8\", \"::1\"]\nforbid = [\"192.0.2.0/24\"]\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.http.to_string(), "127.0.0.1:8080");
    let [worker] = &config.workers[..] else { panic!("{config:?}") };
    assert_eq!(worker.path, Path::new("/etc/isolde/../shop"));
    assert_eq!(worker.reach.hosts, ["shop.example", "[::1]"]);
    assert_eq!(worker.owner.as_str(), "anna");
    assert_eq!(config.allowed_ranges, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(config.forbidden_ranges, ["192.0.2.0/24"]);
    let mut limits = Limits::default();
    worker.limits.apply(&mut limits);
    assert_eq!(limits, Limits { cpu_ms_max: 50, ..Limits::default() });
}

#[test]
fn processes_have_limits_of_their_own() {
    let with = |text: &str| parse(&format!("{WORKER}{text}")).unwrap().processes;
    let usual =
        ProcessesConfig { runtime_memory_mb: None, runtime_pids: 32_768, build_memory_mb: 2_048 };
    assert_eq!(with(""), usual);
    assert_eq!(
        with("[processes]\nruntime_memory_mb = 512\nbuild_memory_mb = 128\n"),
        ProcessesConfig { runtime_memory_mb: Some(512), build_memory_mb: 128, ..usual }
    );
}

#[test]
fn an_origin_is_a_server_and_its_hosts_fit_into_a_stamp() {
    let with = |origin: &str| parse(&format!("{WORKER}origin = \"{origin}\"\n"));
    for right in ["http://127.0.0.1:3000", "https://backend.internal", "http://[::1]:80"] {
        assert_eq!(&*with(right).unwrap().workers[0].reach.origin, right);
        let slash = with(&format!("{right}/")).unwrap();
        assert_eq!(&*slash.workers[0].reach.origin, right);
    }
    let long = format!("http://{}", "a".repeat(300));
    for wrong in ["", "a.example", "ftp://a", "http://a/path", "http://a?b", "http://u@a", &long] {
        let error = with(wrong).unwrap_err();
        assert!(error.contains(":9:10: `origin` is a server without a path"), "{wrong}: {error}");
    }
    let hosts: Vec<String> = (0..200).map(|number| format!("host-{number}.example")).collect();
    let many = WORKER.replace("[\"Shop.example\", \"[::1]\"]", &format!("{hosts:?}"));
    assert!(parse(&many).is_ok());
    let error = parse(&format!("{many}origin = \"http://a\"\n")).unwrap_err();
    assert!(error.contains("have 3072 bytes at most"), "{error}");
}

#[test]
fn what_is_wrong_has_its_place() {
    let with = |line: &str| parse(&format!("{WORKER}{line}\n")).unwrap_err();
    let place = "/etc/isolde/isolde.toml:";
    assert!(with("colour = 1").starts_with(&format!("{place}9:1: unknown field `colour`")));
    assert_eq!(
        with("owner = \"a b\""),
        format!("{place}9:9: `owner` takes 1 to 63 letters, digits, `-`, `_` and `.`")
    );
    assert_eq!(
        with("trust = \"suspects\""),
        format!("{place}9:9: `trust` cannot be `suspects`, which suspicious Workers have")
    );
    assert_eq!(
        with("[worker.limits]\nmemory_mb = 1"),
        format!("{place}9:1: `memory_mb` is 16 to 1024")
    );
    assert!(with("[worker.limits]\ncpu_ms = \"1\"").starts_with(&format!("{place}10:10: ")));
    let twice = "[[worker]]\nname = \"b\"\npath = \"b\"\nhosts = [\"shop.example\"]";
    assert_eq!(
        with(twice),
        format!("{place}12:10: the host shop.example is Worker \"shop\"'s already")
    );
    let named = "[[worker]]\nname = \"shop\"\npath = \"b\"\nhosts = []";
    assert_eq!(
        with(named),
        format!("{place}10:8: there is another Worker \"shop\" of the same owner")
    );
    assert_eq!(
        with("[outbound]\nallow = [\"10.0.0.0/33\"]"),
        format!("{place}10:10: \"10.0.0.0/33\" is no range of addresses, such as \"10.0.0.0/8\"")
    );
    assert_eq!(
        with("[processes]\nruntime_pids = 1"),
        format!("{place}10:16: `processes.runtime_pids` is 256 to 4194304")
    );
    assert!(with("[processes]\nmemory = 1").contains(":10:1: unknown field `memory`"));
    let url = WORKER.replace("Shop.example", "http://a/");
    assert!(parse(&url).unwrap_err().contains("give it without scheme, port and path"));
    let port = WORKER.replace("127.0.0.1:8080", "8080");
    assert!(parse(&port).unwrap_err().contains(":3:8: `listen.http` must be an address"));
    assert!(parse("").unwrap_err().contains("missing field `listen`"));
    assert!(parse("[listen\n").is_err());
}
