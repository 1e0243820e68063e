/**
 * The functions that native code calls. Their order is `ENTRY_POINTS` in `lib.rs`.
 * @module
 */

import { report_exception } from "isolde:ops";
import { primordials } from "../primordials.js";
import { DOMException } from "../events/dom_exception.js";
import { trusted } from "../events/event_base.js";
import { dispatch, hasListeners } from "../events/event_target.js";
import { load } from "../lazy.js";

export { load, loadBuiltin as builtinModule } from "../lazy.js";
export { disconnect, dispatchFetch, forgetRequest } from "./dispatch.js";
export { forgetSink, sinkLeft } from "../fetch/pump.js";
export { fireTimer, forgetTimer } from "../timers/timer_table.js";
export { warmUp } from "./warm_up.js";
export { lazyValue } from "./lazy_globals.js";
export { bind, bindJson, bindService, handlerNames, start } from "./handlers.js";

const { globalThis } = primordials;

/** Tells of a promise that was rejected without a handler, or whose handler came late.
 * https://html.spec.whatwg.org/#unhandled-promise-rejections
 * @param {boolean} unhandled @param {Promise<any>} promise @param {any} reason */
export function handleRejection(unhandled, promise, reason) {
  const type = unhandled ? "unhandledrejection" : "rejectionhandled";
  if (hasListeners(globalThis, type)) {
    const { PromiseRejectionEvent } = load("events/event.js");
    const init = { __proto__: null, promise, reason, cancelable: unhandled };
    if (!dispatch(globalThis, trusted(new PromiseRejectionEvent(type, init)))) return;
  }
  if (unhandled) report_exception(reason);
}

/** Makes a DOMException for native code. @param {string} name @param {string} message */
export function makeDOMException(name, message) {
  return new DOMException(message, name);
}
