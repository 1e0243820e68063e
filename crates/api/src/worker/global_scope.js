/**
 * The global object as an event target, and its names for itself.
 * https://html.spec.whatwg.org/#the-workerglobalscope-common-interface
 * @module
 */

import { primordials } from "../primordials.js";
import { EventTarget, defineEventHandler } from "../events/event_target.js";
import { defineInterface, illegalConstructor } from "../webidl/webidl.js";

const { ObjectDefineProperty, ObjectSetPrototypeOf, globalThis } = primordials;

/** Base class of the global object. */
class WorkerGlobalScope extends EventTarget {
  constructor() {
    illegalConstructor();
    super();
  }
}
defineInterface(WorkerGlobalScope, { __proto__: null });

/** The class of the global object. */
class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
defineInterface(ServiceWorkerGlobalScope, { __proto__: null });

function define(name, value, enumerable) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null, value, writable: true, enumerable, configurable: true,
  });
}

/** Makes the global object a `ServiceWorkerGlobalScope`. */
export function installGlobalScope() {
  defineEventHandler(WorkerGlobalScope, "error");
  defineEventHandler(WorkerGlobalScope, "unhandledrejection");
  defineEventHandler(WorkerGlobalScope, "rejectionhandled");
  ObjectSetPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);
  define("WorkerGlobalScope", WorkerGlobalScope, false);
  define("ServiceWorkerGlobalScope", ServiceWorkerGlobalScope, false);
  define("self", globalThis, true);
  define("origin", "null", true);
}
