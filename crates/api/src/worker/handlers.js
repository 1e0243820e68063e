/**
 * The Worker's handlers: an object of functions, a class, or listeners for events of global scope.
 * @module
 */

import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { environment } from "./environment.js";
import { dispatchFetchEvent, hasFetchListener } from "./fetch_event.js";

const {
  ArrayPrototypeJoin, ArrayPrototypePush, Error, JSONParse, ObjectDefineProperty, TypeError,
  globalThis,
} = primordials;

/** @type {any} the main module's namespace, or undefined for a Service Worker script */
let main;
/** @type {any} the default export, or undefined for a Service Worker script */
let exported;
let isClass = false;

/** Gives an entrypoint its context even when its constructor did not call `super` with it.
 * @param {any} instance @param {any} ctx @param {any} env */
function setEntrypointState(instance, ctx, env) {
  if (instance.ctx === undefined) instance.ctx = ctx;
  if (instance.env === undefined) instance.env = env;
}

/**
 * Gives the Worker a binding.
 * @param {string} name @param {any} value
 * @param {boolean} isGlobal Service Worker scripts see bindings as globals
 */
export function bind(name, value, isGlobal) {
  const holder = isGlobal ? globalThis : environment;
  ObjectDefineProperty(holder, name, {
    __proto__: null, value, writable: true, enumerable: true, configurable: true,
  });
}

/** Gives the Worker a binding to the value of a JSON text.
 * @param {string} name @param {string} json @param {boolean} isGlobal as of `bind` */
export function bindJson(name, json, isGlobal) {
  bind(name, JSONParse(json), isGlobal);
}

/** Gives the Worker a binding to another Worker.
 * @param {string} name @param {number} service its number @param {boolean} isGlobal as of `bind` */
export function bindService(name, service, isGlobal) {
  bind(name, (0, load("fetch/fetcher.js").createFetcher)(service), isGlobal);
}

/** @param {any} namespace of the main module, or undefined for a Service Worker script */
export function start(namespace) {
  main = namespace;
  exported = namespace?.default;
  isClass = typeof exported === "function";
}

/** @returns {string} names of the handlers, separated by commas */
export function handlerNames() {
  const names = [];
  if (exported === undefined) {
    if (hasFetchListener()) ArrayPrototypePush(names, "fetch");
  } else {
    const holder = isClass ? exported.prototype : exported;
    for (const name in HANDLERS) {
      if (typeof holder?.[name] === "function") ArrayPrototypePush(names, name);
    }
  }
  return ArrayPrototypeJoin(names, ",");
}

const HANDLERS = {
  __proto__: null,
  fetch: 1, scheduled: 1, queue: 1, email: 1, tail: 1, trace: 1, alarm: 1, connect: 1, test: 1,
};

/** Calls the Worker's fetch handler.
 * @param {any} request @param {any} ctx
 * @param {string | undefined} entrypoint a named export instead of the default one
 * @returns {any} a response or a promise of one */
export function fetchHandler(request, ctx, entrypoint) {
  if (typeof entrypoint === "string") return callFetch(main?.[entrypoint], request, ctx);
  if (exported === undefined) return dispatchFetchEvent(request, ctx);
  return callFetch(exported, request, ctx);
}

/** @param {any} handler an object of handlers, or a class */
function callFetch(handler, request, ctx) {
  if (typeof handler === "function") {
    // Arrow functions and the like cannot be constructed.
    if (handler.prototype === undefined) {
      throw handler === exported ? new TypeError(NO_HANDLERS) : new Error(NO_FETCH);
    }
    const instance = new handler(ctx, environment);
    setEntrypointState(instance, ctx, environment);
    if (typeof instance.fetch !== "function") throw new Error(NO_FETCH);
    return instance.fetch(request); // tidy: the Worker's own method
  }
  if (typeof handler?.fetch !== "function") throw new Error(NO_FETCH);
  return handler.fetch(request, environment, ctx); // tidy: the Worker's own method
}

const NO_HANDLERS = "The default export is not an object or class with handlers.";
const NO_FETCH = "Handler does not export a fetch() function.";
