/**
 * setTimeout and its relatives, queueMicrotask and `scheduler`.
 * https://html.spec.whatwg.org/#timers
 * @module
 */

import {
  abortReason,
  addAbortAlgorithm,
  isAborted,
  removeAbortAlgorithm,
  toSignal,
} from "../events/abort.js";
import { reportException } from "../events/report.js";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toDictionary,
  toFunction,
  toLong,
  toUnrestrictedDouble,
} from "../webidl/webidl.js";
import { cancelTimer, startTimer } from "./timer_table.js";

const {
  MathMax,
  MathMin,
  MathTrunc,
  NumberMAX_SAFE_INTEGER,
  Promise,
  ReflectApply,
  TypeError,
  globalThis,
} = primordials;

/**
 * https://html.spec.whatwg.org/#timer-initialisation-steps, without the clamping of nested timers
 */
function setTimer(what, handler, timeout, args, repeat) {
  if (typeof handler !== "function") {
    // A string would be code: this platform has no eval.
    throw new TypeError(`Failed to execute '${what}': parameter 1 is not a function.`);
  }
  const number = toUnrestrictedDouble(timeout, `Failed to execute '${what}': parameter 2`);
  // No number is none. The standard lets numbers from 2^31 on wrap around; on the platform they are
  // as long as they say.
  const delay = MathMin(MathMax(repeat ? 1 : 0, MathTrunc(number || 0)), NumberMAX_SAFE_INTEGER);
  const run = () => {
    ReflectApply(handler, globalThis, args);
  };
  return startTimer(what, delay, run, repeat);
}

/** https://html.spec.whatwg.org/#dom-settimeout
 * @param {Function} handler
 * @param {number} [timeout] milliseconds
 * @param {...any} args
 * @returns {number}
 */
export function setTimeout(handler, timeout = 0, ...args) {
  requireArguments(arguments.length, 1, "Failed to execute 'setTimeout'");
  return setTimer("setTimeout", handler, timeout, args, false);
}

/** https://html.spec.whatwg.org/#dom-setinterval
 * @param {Function} handler
 * @param {number} [timeout] milliseconds
 * @param {...any} args
 * @returns {number}
 */
export function setInterval(handler, timeout = 0, ...args) {
  requireArguments(arguments.length, 1, "Failed to execute 'setInterval'");
  return setTimer("setInterval", handler, timeout, args, true);
}

/** https://html.spec.whatwg.org/#dom-cleartimeout @param {number} [id] */
export function clearTimeout(id = 0) {
  cancelTimer(toLong(id, "Failed to execute 'clearTimeout': parameter 1"));
}

/** https://html.spec.whatwg.org/#dom-clearinterval @param {number} [id] */
export function clearInterval(id = 0) {
  cancelTimer(toLong(id, "Failed to execute 'clearInterval': parameter 1"));
}

/** One tick later; `await` keeps the context and asks no patched `then`. */
async function runMicrotask(callback) {
  await undefined;
  try {
    callback();
  } catch (error) {
    reportException(error);
  }
}

/** https://html.spec.whatwg.org/#dom-queuemicrotask @param {() => void} callback */
export function queueMicrotask(callback) {
  requireArguments(arguments.length, 1, "Failed to execute 'queueMicrotask'");
  runMicrotask(toFunction(callback, "Failed to execute 'queueMicrotask': parameter 1"));
}

/** Only this module may construct a Scheduler. */
const SCHEDULER_TOKEN = { __proto__: null };
const WAIT_OPTIONS = [{ __proto__: null, key: "signal", convert: toSignal }];

/** The platform's `scheduler`, of which it has `wait` alone. */
export class Scheduler {
  #brand = true;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#brand in receiver)) illegalInvocation();
  }

  constructor(token) {
    if (token !== SCHEDULER_TOKEN) illegalConstructor();
  }

  /**
   * A promise that is fulfilled after `delay` milliseconds, or rejected when the signal is
   * aborted before.
   */
  async wait(delay, options = undefined) {
    Scheduler.#check(this);
    const what = "Failed to execute 'wait' on 'Scheduler'";
    requireArguments(arguments.length, 1, what);
    const number = toUnrestrictedDouble(delay, `${what}: parameter 1`);
    const milliseconds = MathMin(MathMax(0, number || 0), NumberMAX_SAFE_INTEGER);
    const { signal } = toDictionary(options, WAIT_OPTIONS, `${what}: parameter 2`);
    if (signal !== undefined && isAborted(signal)) throw abortReason(signal);
    await sleep(milliseconds, signal);
  }
}

defineInterface(Scheduler, { __proto__: null, length: 0 });

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    let abort;
    const id = startTimer("scheduler.wait()", milliseconds, () => {
      if (signal !== undefined) removeAbortAlgorithm(signal, abort);
      resolve();
    });
    if (signal === undefined) return;
    abort = () => {
      cancelTimer(id);
      reject(abortReason(signal));
    };
    addAbortAlgorithm(signal, abort);
  });
}

/** The global `scheduler`. */
export const scheduler = new Scheduler(SCHEDULER_TOKEN);
