//! Configurations, right and wrong.

use std::time::Duration;

use program::Limits;

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
fn each_limit_of_a_worker_can_be_set() {
    let limits_of = |text: &str| {
        let config = parse(&format!("{WORKER}[worker.limits]\n{text}")).unwrap();
        let mut limits = Limits::default();
        config.workers[0].limits.apply(&mut limits);
        limits
    };
    assert_eq!(limits_of(""), Limits::default());
    let all = "cpu_ms = 1\nstartup_cpu_ms = 200\nmemory_mb = 64\nsubrequests = 0\n\
               connections = 2\nrequest_body_mb = 3\nwait_until_s = 4\nlog_kb = 5\n\
               requests_per_minute = 6\nrequests_per_day = 7\n";
    // Without `..`, so that a new limit has a key, too.
    let expected = Limits {
        cpu_ms_max: 1,
        startup_cpu_ms_max: 200,
        memory_bytes_max: 64 << 20,
        subrequests_max: 0,
        open_connections_max: 2,
        request_body_bytes_max: 3 << 20,
        wait_until_max: Duration::from_secs(4),
        log_bytes_max: 5 << 10,
        requests_per_minute_max: Some(6),
        requests_per_day_max: Some(7),
        fails_open: false,
    };
    assert_eq!(limits_of(all), expected);
    // What a project says of itself stays where the operator says nothing.
    let mut own = Limits { cpu_ms_max: 9, fails_open: true, ..Limits::default() };
    parse(WORKER).unwrap().workers[0].limits.apply(&mut own);
    assert_eq!(own, Limits { cpu_ms_max: 9, ..Limits::default() });
}

#[test]
fn limits_have_bounds() {
    for (key, least, most) in [
        ("cpu_ms", 1, 300_000),
        ("startup_cpu_ms", 10, 10_000),
        ("memory_mb", 16, 1_024),
        ("subrequests", 0, 1_000_000),
        ("connections", 1, 256),
        ("request_body_mb", 1, 10_240),
        ("wait_until_s", 0, 900),
        ("log_kb", 0, 16_384),
        ("requests_per_minute", 1, 10_000_000),
        ("requests_per_day", 1, 4_000_000_000_u64),
    ] {
        let with = |value: String| parse(&format!("{WORKER}[worker.limits]\n{key} = {value}\n"));
        for right in [least, most] {
            assert!(with(right.to_string()).is_ok(), "{key} = {right}");
        }
        let column = key.len() + 4;
        let too_much = with((most + 1).to_string()).unwrap_err();
        let place = format!("/etc/isolde/isolde.toml:10:{column}: ");
        assert_eq!(too_much, format!("{place}`{key}` is {least} to {most}"));
        if least > 0 {
            assert_eq!(with((least - 1).to_string()).unwrap_err(), too_much);
        }
        for wrong in ["-1", "1.5", "true", "\"1\""] {
            let error = with(wrong.to_owned()).unwrap_err();
            assert!(error.starts_with(&place), "{key} = {wrong}: {error}");
        }
    }
}

#[test]
fn to_fail_open_needs_somewhere_to_go_and_something_to_fail() {
    let with = |text: &str| parse(&format!("{WORKER}{text}\n"));
    let (origin, limit) = ("origin = \"http://a\"\n", "[worker.limits]\nrequests_per_day = 1\n");
    let fails_open = |text: &str| {
        let mut limits = Limits::default();
        with(text).unwrap().workers[0].limits.apply(&mut limits);
        limits.fails_open
    };
    assert!(fails_open(&format!("{origin}fail_open = true\n{limit}")));
    assert!(!fails_open(&format!("{origin}fail_open = false\n{limit}")));
    assert!(!fails_open("fail_open = false"));
    for (text, place) in [
        ("fail_open = true\n".to_owned(), "9:13"),
        (format!("fail_open = true\n{limit}"), "9:13"),
        (format!("{origin}fail_open = true\n"), "10:13"),
    ] {
        let error = with(&text).unwrap_err();
        let expected = format!(":{place}: `fail_open` sends requests beyond");
        assert!(error.contains(&expected), "{text}: {error}");
    }
}

#[test]
fn a_worker_has_lists_of_what_it_may_reach() {
    let with = |text: &str| parse(&format!("{WORKER}[worker.outbound]\n{text}\n"));
    let lists = |text: &str| with(text).unwrap().workers[0].reach.lists.to_string();
    assert_eq!(&*parse(WORKER).unwrap().workers[0].reach.lists, "");
    assert_eq!(lists(""), "");
    assert_eq!(lists("allow = []"), "+");
    assert_eq!(
        lists("allow = [\"203.0.113.7/24\", \"*.Example.com\"]\ndeny = [\"[::1]\", \"a.test.\"]"),
        "+203.0.113.0/24 +*.example.com -::1/128 -a.test"
    );
    assert_eq!(
        with("allow = [\"a.test\", \"http://a.test\"]").unwrap_err(),
        "/etc/isolde/isolde.toml:10:20: \"http://a.test\" is no range of addresses, address or \
         host, such as 203.0.113.0/24 or *.example.com"
    );
    assert!(with("deny = [\"127.1\"]").unwrap_err().contains(":10:9: \"127.1\" is no range"));
    assert!(with("forbid = []").unwrap_err().contains(":10:1: unknown field `forbid`"));
    assert!(with("allow = \"a.test\"").unwrap_err().contains(":10:9: "));
}

#[test]
fn lists_fit_into_a_stamp_with_the_hosts() {
    let names: Vec<String> = (0..150).map(|number| format!("host-{number}.example")).collect();
    let lists = format!("[worker.outbound]\ndeny = {names:?}\n");
    assert!(parse(&format!("{WORKER}{lists}")).is_ok());
    let origin = format!("{WORKER}origin = \"http://a\"\n{lists}");
    assert!(parse(&origin).is_ok());
    let hosts: Vec<String> = (0..50).map(|number| format!("own-{number}.example")).collect();
    let many = origin.replace("[\"Shop.example\", \"[::1]\"]", &format!("{hosts:?}"));
    let error = parse(&many).unwrap_err();
    assert!(error.contains(":10:1: the lists of a Worker have 3072 bytes at most"), "{error}");
    let bare = many.replace("origin = \"http://a\"\n", "");
    assert!(parse(&bare).is_ok(), "hosts are in the stamp of a Worker with an origin alone");
    let more = lists.replace("deny", "allow").replace("host-", "a-longer-host-");
    assert!(parse(&format!("{WORKER}{more}")).unwrap_err().contains(":9:1: the lists of"));
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
        format!("{place}10:13: `memory_mb` is 16 to 1024")
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
