//! Modules that a Worker can import: what they cost an isolate that imports none of them, and in
//! whose name they are evaluated.
//!
//! A process uses one snapshot and has not made it, so the tests start this program again for each
//! step.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use isolate::{
    ApiSources, Isolate, IsolateOptions, Joined, Lazy, Platform, PlatformOptions, Snapshot, Startup,
};
use program::{Content, Module, ModuleKind};

/// The build script's.
#[path = "../join.rs"]
mod join;

/// Tells this program that it is one step: what to do, how many modules to add, and the file of the
/// snapshot.
const STEP: &str = "ISOLDE_TEST_STEP";
/// CPU time that no turn of a test comes near, in nanoseconds.
const AMPLE_NS: u64 = 600_000_000_000;
/// Quota of each isolate in bytes.
const MEMORY_BYTES_MAX: usize = 256 << 20;
/// How much larger an isolate may be that could import all of them, in per cent.
const GROWTH_PERCENT_MAX: usize = 2;

/// Built-ins that the web APIs do not use.
const BUILTINS: &[(&str, &str)] = &[
    (
        "Math",
        "Abs Acos Acosh Asin Asinh Atan Atanh Atan2 Ceil Cbrt Expm1 Clz32 Cos Cosh Exp Fround \
         Hypot Imul Log Log1p Log2 Log10 Sign Sin Sinh Sqrt Tan Tanh",
    ),
    (
        "ArrayPrototype",
        "At Concat CopyWithin Fill Find FindIndex FindLast FindLastIndex LastIndexOf Reverse \
         Shift Unshift Slice Splice Keys Entries Values ForEach Filter Flat FlatMap Map Every \
         Some Reduce ReduceRight ToLocaleString ToString ToReversed ToSorted ToSpliced With",
    ),
    (
        "DatePrototype",
        "ToString ToDateString ToTimeString ToUTCString ToGMTString GetDate SetDate GetDay \
         GetFullYear SetFullYear GetHours SetHours GetMilliseconds SetMilliseconds GetMinutes \
         SetMinutes GetMonth SetMonth GetSeconds SetSeconds SetTime GetTimezoneOffset \
         GetUTCDate SetUTCDate GetUTCDay GetUTCFullYear SetUTCFullYear GetUTCHours \
         SetUTCHours GetUTCMilliseconds SetUTCMilliseconds GetUTCMinutes SetUTCMinutes \
         GetUTCMonth SetUTCMonth GetUTCSeconds SetUTCSeconds ValueOf GetYear SetYear ToJSON \
         ToLocaleString ToLocaleDateString ToLocaleTimeString",
    ),
    (
        "StringPrototype",
        "Anchor At Big Blink Bold CharAt CodePointAt Concat EndsWith Fontcolor Fontsize Fixed \
         IsWellFormed Italics LastIndexOf Link LocaleCompare Match MatchAll Normalize Replace \
         ReplaceAll Search Small Split Strike Sub Substr Substring Sup ToString Trim \
         TrimStart TrimLeft TrimEnd TrimRight ToLocaleLowerCase ToLocaleUpperCase",
    ),
    (
        "DataViewPrototype",
        "GetInt8 SetInt8 GetUint8 SetUint8 GetInt16 SetInt16 GetUint16 SetUint16",
    ),
];

/// The built-ins that a dummy uses and hardly another does.
fn builtins(index: usize) -> String {
    let all = BUILTINS.iter().flat_map(|(holder, members)| {
        members.split(' ').map(move |member| format!("{holder}{member}"))
    });
    let all: Vec<String> = all.collect();
    let names = (3 * index..3 * index + 3).map(|at| all[at % all.len()].as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// Modules as those of Node: classes and functions that use built-ins, Web IDL and each other.
fn dummy(index: usize) -> (String, String) {
    let before = index.saturating_sub(1);
    let import = match index {
        0 => String::new(),
        _ => format!("import {{ function{before} }} from \"./dummy{before}.js\";\n"),
    };
    let builtins = builtins(index);
    let text = format!(
        "/** A module. @module */\nimport {{ cped_get }} from \"isolde:ops\";\n\
         import {{ primordials }} from \"../primordials.js\";\n\
         import {{ toDOMString, toSequence }} from \"../webidl/webidl.js\";\n{import}\
         const {{ ArrayPrototypePush, ArrayPrototypeFlat, Map, MapPrototypeSet }} = primordials;\n\
         const {{ {builtins} }} = primordials;\nconst used = [{builtins}];\n\
         /** The context in which this is evaluated. */\nexport const context = cped_get();\n\
         export class Class{index} {{\n  #list = [];\n  #map = new Map();\n\
         \n  get list() {{\n    used[0];\n    return ArrayPrototypeFlat(this.#list);\n  }}\n\
         \n  add(value) {{\n    ArrayPrototypePush(this.#list, toDOMString(value, \"add\"));\n\
         \x20   MapPrototypeSet(this.#map, value, this);\n  }}\n}}\n\
         export function function{index}(values) {{\n  \
         return toSequence(values, toDOMString, \"function{index}\");\n}}\n\
         export default Class{index};\n",
    );
    (format!("node/dummy{index}.js"), text)
}

/// The web APIs with `count` more modules.
fn sources(count: usize) -> ApiSources {
    let api = api::sources();
    let own = api.modules.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let files: Vec<_> = own.chain((0..count).map(dummy)).collect();
    let joined = join::join(&join::Sources {
        files: &files,
        captured: "primordials.js",
        roots: &["global.js", "worker/entry.js"],
        builtin_folders: api.builtin_folders,
    });
    ApiSources { joined: Some(leaked(joined.unwrap())), ..api }
}

fn leaked(joined: join::Joined) -> &'static Joined {
    let lazy = joined.lazy.into_iter().map(|lazy| Lazy {
        name: lazy.name.leak(),
        text: lazy.text.leak(),
        sha256: [0; 32],
    });
    let lines = joined.lines.into_iter().map(|(line, path)| (line, &*path.leak()));
    let builtins = joined.builtins.into_iter().map(|(name, number)| (&*name.leak(), number));
    Box::leak(Box::new(Joined {
        text: joined.text.leak(),
        sha256: [0; 32],
        lines: lines.collect::<Vec<_>>().leak(),
        lazy: lazy.collect::<Vec<_>>().leak(),
        numbers: joined.numbers.leak(),
        builtins: builtins.collect::<Vec<_>>().leak(),
    }))
}

fn isolate(api: ApiSources, blob: &Path) -> Isolate {
    let platform = Platform::init(PlatformOptions { unprotected: true }).unwrap();
    let snapshot = Snapshot {
        blob: std::fs::read(blob).unwrap().leak(),
        fingerprint: api.fingerprint(),
        code: &[],
    };
    let options = IsolateOptions {
        startup: Startup::Snapshot(snapshot),
        api: Arc::new(api),
        heap_bytes_max: MEMORY_BYTES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        code_from_strings: false,
    };
    Isolate::new(platform, &options, Box::new(api::null_host())).unwrap()
}

/// One step, where this process is for that.
#[test]
fn step() {
    let Ok(step) = std::env::var(STEP) else { return };
    let parts: Vec<&str> = step.splitn(3, ' ').collect();
    let (count, blob) = (parts[1].parse().unwrap(), PathBuf::from(parts[2]));
    match parts[0] {
        "make" => {
            let made = isolate::make_snapshot(&sources(count), Box::new(api::null_host()));
            std::fs::write(blob, made.unwrap().blob).unwrap();
        }
        "measure" => {
            let mut isolate = isolate(sources(count), &blob);
            isolate.trim();
            let heap = isolate.heap_bytes();
            println!("measured: {heap} {}", isolate.ledger().external());
        }
        "import" => import(&mut isolate(sources(count), &blob)),
        "read" => read_sources(),
        other => panic!("there is no step {other}"),
    }
}

/// Web APIs from the files of this crate, where each module is one to V8.
fn read_sources() {
    let platform = Platform::init(PlatformOptions { unprotected: true }).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let options = IsolateOptions {
        startup: Startup::Sources,
        api: Arc::new(api::sources_in(&folder).unwrap()),
        heap_bytes_max: MEMORY_BYTES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        code_from_strings: false,
    };
    let mut isolate = Isolate::new(platform, &options, Box::new(api::null_host())).unwrap();
    assert_eq!(isolate.lazy_counts(), (0, 0));
    let source = "
        import { RpcTarget } from 'cloudflare:workers';
        const missing = await import('node:internal/x').then(() => '', (error) => error.name);
        let stack;
        try { new FormData(1); } catch (error) { stack = error.stack; }
        globalThis.seen = `${RpcTarget.name} ${missing} ${atob('YWJj')} ${stack}`;";
    let content = Content::new(source);
    isolate.add_modules(&[Module::new("main.js", ModuleKind::EsModule, content)]);
    let run = isolate.turn(AMPLE_NS, |turn| turn.run_module("main.js").map(drop));
    run.unwrap().0.value().unwrap();
    let seen = isolate.turn(AMPLE_NS, |turn| turn.run_script("t.js", "throw globalThis.seen"));
    let seen = seen.unwrap().0.value().unwrap_err().message;
    let text = std::fs::read_to_string(folder.join("fetch/form_data.js")).unwrap();
    let thrown = text.lines().position(|line| line.contains("there is no HTMLFormElement"));
    let place = format!("(isolde:fetch/form_data.js:{}:", thrown.unwrap() + 1);
    assert!(seen.starts_with("RpcTarget Error abc TypeError: Failed to construct"), "{seen}");
    assert!(seen.contains(&place), "{place}: {seen}");
    assert_eq!(isolate.lazy_counts().0, 3);
}

/// A request of a Worker imports the last module.
fn import(isolate: &mut Isolate) {
    let source = "
        import first, { Class0 } from 'node:dummy0';
        if (first !== Class0) throw new Error('the default export is another class');
        let importing = await import('node:dummy5').then(() => 'found', (e) => e.message);
        export default { async fetch() {
            const { context, default: Class, function199, ...rest } =
                await import('node:dummy199');
            const object = new Class();
            object.add(1);
            const { context: before } = await import('node:dummy198');
            globalThis.seen = [importing, context, before, object.list, function199([2]),
                Object.keys(rest)].join();
            return new Response();
        } };";
    let content = Content::new(source);
    isolate.add_modules(&[Module::new("main.js", ModuleKind::EsModule, content)]);
    let (running, _) = isolate.turn(AMPLE_NS, |turn| turn.run_module("main.js")).unwrap();
    let running = running.value().unwrap();
    let turn = isolate.turn(AMPLE_NS, |turn| {
        let namespace = turn.module_result(&running)?.expect("it waits for nothing");
        turn.call(api::START, &[namespace])?;
        let [method, url, headers] = ["GET", "http://a/", ""].map(|text| turn.pass(text).unwrap());
        let (id, body) = (turn.pass(1.0).unwrap(), turn.pass(0.0).unwrap());
        turn.call(api::DISPATCH_FETCH, &[id, method, url, headers, body]).map(drop)
    });
    turn.unwrap().0.value().unwrap();
    let seen = isolate.turn(AMPLE_NS, |turn| turn.run_script("t.js", "throw globalThis.seen"));
    let seen = seen.unwrap().0.value().unwrap_err().message;
    // No context of the request that imports them, and nothing but what they export.
    assert_eq!(seen, "found,,,1,2,Class199");
    assert_eq!(isolate.lazy_counts(), (200, 0), "each one imports the one before");
}

/// Runs one step in a process of its own; gives what it has printed.
fn run(step: &str, count: usize, blob: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "step", "--nocapture"]);
    command.env(STEP, format!("{step} {count} {}", blob.display()));
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{step} {count}: {printed}\n{complaints}");
    printed
}

/// Heap and external memory of an isolate that does nothing, in bytes.
fn measure(count: usize, blob: &Path) -> usize {
    run("make", count, blob);
    let printed = run("measure", count, blob);
    let line = printed.lines().find_map(|line| line.split_once("measured: "));
    line.unwrap().1.split(' ').map(|number| number.parse::<usize>().unwrap()).sum()
}

#[test]
fn sources_can_be_read_from_a_folder() {
    run("read", 0, Path::new(""));
}

#[test]
fn two_hundred_modules_cost_nothing_until_they_are_imported() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (few, many) = (folder.join("few.bin"), folder.join("many.bin"));
    let without = measure(0, &few);
    let with = measure(200, &many);
    println!("an isolate takes {without} bytes, with 200 modules more {with}");
    let most = without + without * GROWTH_PERCENT_MAX / 100;
    assert!(with <= most, "{without} bytes became {with}");
    run("import", 200, &many);
}
