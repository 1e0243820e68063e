//! The web APIs that are evaluated when they are first touched, with the snapshot and the bytecode
//! that programs have.

use std::sync::Arc;

use isolate::{EntryPoint, Isolate, IsolateOptions, Platform, PlatformOptions, Startup, Thrown};
use program::{Content, Module, ModuleKind};

/// CPU time that no turn of a test comes near, in nanoseconds.
const AMPLE_NS: u64 = 600_000_000_000;
/// Quota of each isolate in bytes.
const MEMORY_BYTES_MAX: usize = 256 << 20;

/// The entry point that gives a module of the platform by its name.
const BUILTIN_MODULE: EntryPoint = EntryPoint(2);

/// Makes a Worker patch everything and then use everything.
const PATCHED: &str = include_str!("patched.js");

fn isolate() -> Isolate {
    let platform = Platform::init(PlatformOptions { unprotected: true }).unwrap();
    let options = IsolateOptions {
        startup: Startup::Snapshot(snapshot::snapshot()),
        api: Arc::new(api::sources()),
        heap_bytes_max: MEMORY_BYTES_MAX,
        memory_bytes_max: MEMORY_BYTES_MAX,
        code_from_strings: false,
    };
    Isolate::new(platform, &options, Box::new(api::null_host())).unwrap()
}

fn script(isolate: &mut Isolate, source: &str) -> Result<(), Thrown> {
    isolate.turn(AMPLE_NS, |turn| turn.run_script("test.js", source)).unwrap().0.value()
}

/// The value of an expression as a string.
fn value(isolate: &mut Isolate, expression: &str) -> String {
    script(isolate, &format!("throw `${{{expression}}}`;")).unwrap_err().message
}

/// Loads `source` as the Worker's main module and gives it a request.
fn request(isolate: &mut Isolate, source: &str) {
    let content = Content::new(source.to_owned());
    isolate.add_modules(&[Module::new("main.js", ModuleKind::EsModule, content)]);
    let (running, _) = isolate.turn(AMPLE_NS, |turn| turn.run_module("main.js")).unwrap();
    let running = running.value().unwrap();
    let turn = isolate.turn(AMPLE_NS, |turn| {
        let namespace = turn.module_result(&running)?.expect("it waits for nothing");
        turn.call(api::START, &[namespace])?;
        let texts = ["GET", "http://a.example/", "accept\0*/*\0"];
        let [method, url, headers] = texts.map(|text| turn.pass(text).unwrap());
        let (id, body) = (turn.pass(1.0).unwrap(), turn.pass(0.0).unwrap());
        let cf = turn.pass(()).unwrap();
        turn.call(api::DISPATCH_FETCH, &[id, method, url, headers, body, cf]).map(drop)
    });
    turn.unwrap().0.value().unwrap();
}

#[test]
fn a_plain_worker_touches_nothing() {
    let mut isolate = isolate();
    let source = "export default { async fetch(request, env, ctx) {
        const url = new URL(request.url);
        url.searchParams.set('a', 'b');
        const headers = new Headers(request.headers);
        ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1)));
        fetch(new Request(url, { method: 'POST', body: 'x', headers }));
        const copy = new Response('x', { headers }).clone();
        return Response.json({ text: await copy.text(), aborted: request.signal.aborted });
    } }";
    request(&mut isolate, source);
    assert_eq!(isolate.lazy_counts(), (0, 0));
}

#[test]
fn what_is_touched_is_evaluated_once_and_from_bytecode() {
    let mut isolate = isolate();
    script(&mut isolate, "new FormData(); new FormData(); structuredClone(1);").unwrap();
    let (evaluated, rejected) = isolate.lazy_counts();
    assert!((1..=5).contains(&evaluated), "{evaluated}");
    assert_eq!(rejected, 0);
    assert_eq!(value(&mut isolate, "FormData === new FormData().constructor"), "true");
    let all = "for (const name of Object.getOwnPropertyNames(globalThis)) globalThis[name];";
    script(&mut isolate, all).unwrap();
    let (evaluated, rejected) = isolate.lazy_counts();
    assert!(evaluated > 15, "{evaluated}");
    assert_eq!(rejected, 0, "V8 takes all of the bytecode");
    script(&mut isolate, all).unwrap();
    assert_eq!(isolate.lazy_counts(), (evaluated, 0));
}

#[test]
fn properties_are_data_properties() {
    let mut isolate = isolate();
    let odd = "Object.entries(Object.getOwnPropertyDescriptors(globalThis))
        .filter(([name, d]) => !('value' in d) || !d.writable || !d.configurable)
        .map(([name]) => name).sort().join()";
    assert_eq!(value(&mut isolate, odd), "Infinity,NaN,undefined");
    let enumerable = "Object.keys(globalThis).filter((name) => /^[bcns]/.test(name)).join()";
    assert_eq!(
        value(&mut isolate, enumerable),
        "clearInterval,clearTimeout,scheduler,setInterval,setTimeout,btoa,crypto,navigator,\
         structuredClone,self"
    );
    let of_prototype = "Object.getOwnPropertyDescriptor(Crypto.prototype, 'DigestStream')";
    let parts = format!("Object.entries({of_prototype}).slice(1).join('')");
    assert_eq!(value(&mut isolate, &parts), "writable,trueenumerable,falseconfigurable,true");
    let own = "Object.hasOwn(crypto, 'DigestStream') || crypto.DigestStream.name";
    assert_eq!(value(&mut isolate, own), "DigestStream");
}

#[test]
fn properties_can_be_replaced_before_they_are_read() {
    let mut isolate = isolate();
    let replace = "FormData = 1; delete globalThis.Blob; globalThis.File = 2;
        function atob() { return 3; }
        const crypto = 4;";
    script(&mut isolate, replace).unwrap();
    let now = "[FormData, typeof Blob, File, atob(), crypto].join()";
    assert_eq!(value(&mut isolate, now), "1,undefined,2,3,4");
    assert_eq!(isolate.lazy_counts(), (0, 0));
    let define = "Object.defineProperty(globalThis, 'console', { value: 5 });
        Object.defineProperty(globalThis, 'Performance', { get: () => 6 });";
    script(&mut isolate, define).unwrap();
    assert_eq!(value(&mut isolate, "[console, Performance].join()"), "5,6");
    // What the platform itself needs of them is not what the Worker has made of them.
    let response = "new Response('a=b', { headers: { 'content-type': \
                    'application/x-www-form-urlencoded' } }).formData().then((form) => {
            globalThis.got = form.get('a'); });";
    script(&mut isolate, response).unwrap();
    assert_eq!(value(&mut isolate, "got"), "b");
    // Frozen before they are read, they can still be read.
    script(&mut isolate, "Object.freeze(globalThis)").unwrap();
    assert_eq!(value(&mut isolate, "new TextEncoder().encode('abc').length"), "3");
}

#[test]
fn stack_traces_name_the_module() {
    let mut isolate = isolate();
    let stack = "(() => { try { new FormData(1); } catch (error) { return error.stack; } })()";
    let stack = value(&mut isolate, stack);
    assert!(stack.contains("at new FormData (isolde:fetch/form_data.js:"), "{stack}");
}

#[test]
fn a_failure_at_first_touch_is_not_kept() {
    let mut isolate = isolate();
    let deep = "let caught = 0;
        const deep = () => { try { deep(); } finally { try { FormData; } catch { caught++; } } };
        try { deep(); } catch {}
        throw `${caught > 0} ${new FormData() instanceof FormData}`;";
    assert_eq!(script(&mut isolate, deep).unwrap_err().message, "true true");
}

#[test]
fn a_patched_realm_is_not_noticed() {
    let mut isolate = isolate();
    request(&mut isolate, PATCHED);
    // Timers and answers of the native side do not come here: what waits for them is not used.
    let results = value(&mut isolate, "globalThis.results");
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    let results = results.as_object().unwrap();
    let expected = [
        ("blobs", "abc98name"),
        ("forms", "123b.txt"),
        ("events", "56"),
        ("crypto", "41,196,36"),
        ("cryptoKeys", "true2signHS256"),
        ("encodings", "abcutf-16le"),
        ("encodingStreams", "text"),
        ("streams", "121"),
        ("byteStreams", "71"),
        ("clones", "c4"),
        ("bodies", "41"),
        ("dataUrls", "text/xabc"),
        ("performance", "2true"),
        ("messaging", "true"),
        ("console", "function"),
        ("navigator", "en1"),
    ];
    for (name, text) in expected {
        assert_eq!(results[name], text, "{name}");
    }
    assert!(results["patched"].as_u64().unwrap() > 700, "{}", results["patched"]);
    assert_eq!(results.len(), expected.len() + 1);
    // As an import does, which would ask a promise for `then`.
    let module = isolate.turn(AMPLE_NS, |turn| {
        let name = turn.pass("cloudflare:workers").unwrap();
        turn.call(BUILTIN_MODULE, &[name]).map(drop)
    });
    module.unwrap().0.value().unwrap();
    assert_eq!(value(&mut isolate, "noted.length === 0 ? 'nothing' : noted[0]"), "nothing");
    let (evaluated, rejected) = isolate.lazy_counts();
    assert!(evaluated > 15, "{evaluated}");
    assert_eq!(rejected, 0);
}
