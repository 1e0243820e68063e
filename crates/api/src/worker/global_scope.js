/**
 * The global object as an event target, and its names for itself.
 * https://html.spec.whatwg.org/#the-workerglobalscope-common-interface
 * @module
 */

import { primordials } from "../primordials.js";
import { EventTarget, defineEventHandler } from "../events/event_target.js";
import { load } from "../lazy.js";
import { defineInterface, illegalConstructor, illegalInvocation } from "../webidl/webidl.js";

const { ObjectDefineProperty, ObjectSetPrototypeOf, globalThis } = primordials;

/** A missing receiver stands for the global object. */
function requireGlobal(receiver) {
  if (receiver !== globalThis && receiver !== undefined) illegalInvocation();
}

/** Base class of the global object. */
class WorkerGlobalScope extends EventTarget {
  constructor() {
    illegalConstructor();
    super();
  }

  // [Replaceable]: https://w3c.github.io/hr-time/#the-performance-attribute
  get performance() {
    requireGlobal(this);
    return load("performance/performance.js").performance;
  }

  set performance(value) {
    requireGlobal(this);
    defineGlobal("performance", value, true);
  }
}
defineInterface(WorkerGlobalScope, { __proto__: null });

/** The class of the global object. */
class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
defineInterface(ServiceWorkerGlobalScope, { __proto__: null });

function defineGlobal(name, value, enumerable) {
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
  defineGlobal("WorkerGlobalScope", WorkerGlobalScope, false);
  defineGlobal("ServiceWorkerGlobalScope", ServiceWorkerGlobalScope, false);
  defineGlobal("self", globalThis, true);
  defineGlobal("origin", "null", true);
}
