/**
 * Makes a realm of the shell look like a dedicated worker to testharness.js, and reports.
 *
 * Runs before testharness.js and takes its copies of built-ins at once, because tests patch them.
 * It is a classic script; the block keeps its names out of the realm.
 */
"use strict";

{
  const { stringify } = JSON;
  const { apply, construct, defineProperty, getOwnPropertyDescriptor } = Reflect;
  const { toWellFormed } = String.prototype;
  const setTimer = globalThis.setTimeout;
  const URLClass = globalThis.URL;
  const harnessStatuses = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];
  const testStatuses = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];

  let base;
  let limit;
  let isReported = false;
  let scriptError;

  /** Text that survives JSON: lone surrogates are legal in a test's name and not in JSON. */
  function clean(text) {
    return text === null || text === undefined ? null : apply(toWellFormed, `${text}`, []);
  }

  function define(name, value) {
    defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }

  /** Addresses may be relative in a browser; a Worker has no address of its own. */
  function absolute(input) {
    if (typeof input !== "string") return input;
    try {
      return new URLClass(input, base).href;
    } catch {
      return input;
    }
  }

  function absoluteFirst(args) {
    if (args.length > 0) args[0] = absolute(args[0]);
    return args;
  }

  /** Makes the constructor of a class take a relative address. */
  function wrapClass(name) {
    const Class = globalThis[name];
    if (typeof Class !== "function") return;
    const wrapped = new Proxy(Class, {
      construct: (target, args, newTarget) =>
        construct(target, absoluteFirst(args), newTarget === wrapped ? target : newTarget),
    });
    define(name, wrapped);
    const constructor = { value: wrapped, writable: true, configurable: true };
    defineProperty(Class.prototype, "constructor", constructor);
  }

  /** Makes a function take a relative address. */
  function wrapFunction(holder, name) {
    const plain = holder?.[name];
    if (typeof plain !== "function") return;
    const enumerable = getOwnPropertyDescriptor(holder, name)?.enumerable ?? true;
    const value = new Proxy(plain, {
      apply: (target, self, args) => apply(target, self, absoluteFirst(args)),
    });
    defineProperty(holder, name, { value, writable: true, enumerable, configurable: true });
  }

  function takesRelative() {
    try {
      new Request("relative");
      return true;
    } catch {
      return false;
    }
  }

  function report(tests, harness) {
    if (isReported) return;
    isReported = true;
    const list = [];
    for (let index = 0; index < tests.length; index++) {
      const { name, status, message } = tests[index];
      list[index] = {
        name: clean(name),
        status: testStatuses[status] ?? `${status}`,
        message: clean(message),
      };
    }
    const status = scriptError === undefined ? harnessStatuses[harness.status] : "ERROR";
    const message = clean(scriptError ?? harness.message);
    globalThis.__report(stringify({ status, message, tests: list }));
  }

  globalThis.__wpt = {
    /** Before testharness.js. `milliseconds`: after that the results are reported as they are. */
    start(url, title, milliseconds) {
      base = url;
      limit = milliseconds;
      const { href, origin, protocol, host, hostname, port, pathname, search, hash } =
        new URLClass(url);
      const parts = { href, origin, protocol, host, hostname, port, pathname, search, hash };
      define("location", { ...parts, toString: () => href });
      define("GLOBAL", {
        isWindow: () => false,
        isWorker: () => true,
        isShadowRealm: () => false,
      });
      if (title !== null) define("META_TITLE", title);
      if (globalThis.self === undefined) define("self", globalThis);
      // What scripts import has been run before them.
      define("importScripts", () => {});
      // testharness.js and idlharness.js ask what kind of global object this is.
      if (globalThis.DedicatedWorkerGlobalScope === undefined) {
        define("DedicatedWorkerGlobalScope", class DedicatedWorkerGlobalScope {
          static [Symbol.hasInstance](value) {
            return value === globalThis;
          }
        });
      }
      // In a worker testharness.js sends each result to a page. There is none.
      if (globalThis.postMessage === undefined) define("postMessage", () => {});
      define("__scriptError", (error) => {
        scriptError ??= `${error?.name ?? "Error"}: ${error?.message ?? error}`;
      });
      if (!takesRelative()) {
        wrapClass("Request");
        wrapFunction(globalThis, "fetch");
        wrapFunction(globalThis.Response, "redirect");
      }
      wrapClass("EventSource");
      wrapClass("WebSocket");
    },

    /** After testharness.js, before the test. */
    listen() {
      setup({ explicit_done: true });
      add_completion_callback(report);
      // Ends what hangs, and keeps the results so far.
      setTimer(() => timeout(), limit);
    },

    /** After the test: all of its subtests are defined. */
    finish() {
      done();
    },
  };
}
