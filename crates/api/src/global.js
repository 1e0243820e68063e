/**
 * What global scope holds: the root of the internal modules.
 * https://webidl.spec.whatwg.org/#define-the-global-property-references
 * @module
 */

import { define_lazy } from "isolde:ops";
import { primordials } from "./primordials.js";
import "./console/inspectors.js";
import { AbortController, AbortSignal } from "./events/abort.js";
import { DOMException, QuotaExceededError } from "./events/dom_exception.js";
import { Event } from "./events/event_base.js";
import { EventTarget } from "./events/event_target.js";
import { reportError } from "./events/report.js";
import { fetch } from "./fetch/fetch.js";
import { Headers } from "./fetch/headers.js";
import { Request } from "./fetch/request.js";
import { Response } from "./fetch/response.js";
import {
  Scheduler, clearInterval, clearTimeout, queueMicrotask, scheduler, setInterval, setTimeout,
} from "./timers/timers.js";
import { URLSearchParams } from "./url/search_params.js";
import { URL } from "./url/url.js";
import { ExtendableEvent, FetchEvent, ScheduledEvent, TraceEvent } from "./worker/fetch_event.js";
import { Cloudflare } from "./worker/cloudflare.js";
import { installGlobalScope } from "./worker/global_scope.js";
import { lazyInterfaces, lazyMembers } from "./worker/lazy_globals.js";
import "./worker/entry.js";

const { ObjectDefineProperty, ObjectKeys, globalThis } = primordials;

/** Classes: writable and configurable, not enumerable. */
const interfaces = {
  __proto__: null,
  AbortController, AbortSignal, DOMException, Event, EventTarget, ExtendableEvent, FetchEvent,
  Headers, QuotaExceededError, Request, Response, ScheduledEvent, Scheduler,
  TailEvent: TraceEvent, TraceEvent, URL, URLSearchParams,
};

/** Functions and objects of the global scope: enumerable too. */
const members = {
  __proto__: null,
  Cloudflare, clearInterval, clearTimeout, fetch, queueMicrotask, reportError, scheduler,
  setInterval, setTimeout,
};

function defineAll(values, enumerable) {
  const names = ObjectKeys(values);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(globalThis, names[i], {
      __proto__: null, value: values[names[i]], writable: true, enumerable, configurable: true,
    });
  }
}

function defineAllLazy(names, enumerable) {
  for (let i = 0; i < names.length; i++) {
    define_lazy(globalThis, names[i], enumerable);
  }
}

defineAll(interfaces, false);
defineAll(members, true);
defineAllLazy(lazyInterfaces, false);
defineAllLazy(lazyMembers, true);
installGlobalScope();
