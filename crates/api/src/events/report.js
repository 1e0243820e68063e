/**
 * Exceptions that no caller is left to catch: they become an `error` event on the global object
 * and, unless a listener cancels it, a message to the operator.
 *
 * Ops: `exception_message(error: any): any` is the array `[text, file, line, column]` of V8's own
 * message for a thrown value, made without running any code of the Worker (`text` like "Uncaught
 * TypeError: x"; line and column from 1, or 0 when unknown). `report_exception(error: any): void`
 * puts an uncaught exception into the Worker's log.
 * @module
 */

import { exception_message, report_exception } from "isolde:ops";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { requireArguments } from "../webidl/webidl.js";
import { trusted } from "./event_base.js";
import { dispatch, hasListeners, setExceptionReporter } from "./event_target.js";

const { globalThis } = primordials;

/** "In error reporting mode": a listener that throws must not report to itself. */
let reporting = false;

/**
 * https://html.spec.whatwg.org/#report-an-exception
 * @param {any} error whatever was thrown
 */
export function reportException(error) {
  if (!reporting && hasListeners(globalThis, "error")) {
    reporting = true;
    try {
      if (!dispatch(globalThis, errorEvent(error))) return;
    } finally {
      reporting = false;
    }
  }
  report_exception(error);
}

setExceptionReporter(reportException);

function errorEvent(error) {
  const { ErrorEvent } = load("events/event.js");
  const details = exception_message(error);
  return trusted(
    new ErrorEvent("error", {
      __proto__: null,
      cancelable: true,
      message: details[0],
      filename: details[1],
      lineno: details[2],
      colno: details[3],
      error,
    }),
  );
}

/** https://html.spec.whatwg.org/#dom-reporterror @param {any} e */
export function reportError(e) {
  requireArguments(arguments.length, 1, "Failed to execute 'reportError'");
  reportException(e);
}
