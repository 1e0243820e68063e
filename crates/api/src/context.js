/**
 * Which request the running code belongs to.
 *
 * The context is any object that stands for a request. It lives in V8's continuation-preserved
 * embedder data, so it follows promises and `await` by itself; the native side sets it before it
 * calls in, and timers and the like restore it with `runInContext`. An I/O object keeps the
 * context that it was made in and checks it when it is used.
 * @module
 */

import { cped_get, cped_set } from "isolde:ops";
import { primordials } from "./primordials.js";

const { Error, WeakMap, WeakMapPrototypeGet, WeakMapPrototypeSet } = primordials;

const GLOBAL_SCOPE =
  "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), " +
  "setting a timeout, and generating random values are not allowed within global scope. To fix " +
  "this error, perform this operation within a handler. " +
  "https://developers.cloudflare.com/workers/runtime-apis/handlers/";

const OTHER_REQUEST =
  "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, " +
  "request/response bodies, and others) created in the context of one request handler cannot be " +
  "accessed from a different request's handler. This is a limitation of Cloudflare Workers which " +
  "allows us to improve overall performance.";

/** The context of the request whose code is running; undefined in global scope. @returns {any} */
export function currentContext() {
  return cped_get();
}

/** The current context, or the platform's error for I/O in global scope.
 * @param {string} _what what needs it, kept for the reader of the call
 * @returns {any} */
export function requireContext(_what) {
  const context = cped_get();
  if (context === undefined) throw new Error(GLOBAL_SCOPE);
  return context;
}

/**
 * Throws when `owner` is the context of another request. What was made in global scope belongs to
 * all.
 * @param {any} owner @param {string} ioType named in the message */
export function checkContext(owner, ioType) {
  if (owner === undefined || owner === cped_get()) return;
  throw new Error(`${OTHER_REQUEST} (I/O type: ${ioType})`);
}

/**
 * Makes a variable that each request has for itself, and global scope too. It goes with its
 * request.
 * @template T
 * @param {() => T} create makes the first value
 * @returns {() => T} gives the value of the running request
 */
export function perContext(create) {
  const values = new WeakMap();
  const ofGlobalScope = create();
  return () => {
    const context = cped_get();
    if (context === undefined) return ofGlobalScope;
    let value = WeakMapPrototypeGet(values, context);
    if (value === undefined) {
      value = create();
      WeakMapPrototypeSet(values, context, value);
    }
    return value;
  };
}

/** Calls `fn` with `context` as the current one and puts the former one back.
 * @template T @param {any} context @param {() => T} fn @returns {T} */
export function runInContext(context, fn) {
  const before = cped_get();
  cped_set(context);
  try {
    return fn();
  } finally {
    cped_set(before);
  }
}
