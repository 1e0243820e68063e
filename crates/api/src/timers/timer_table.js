/**
 * The timers of all requests of this isolate: what `setTimeout`, `AbortSignal.timeout` and
 * `scheduler.wait` share.
 *
 * Ops: `timer_start(id: u32, delay_ms: f64): u32` asks for one call of `fireTimer(id)`, in a turn
 * of the event that is running now, not before `delay_ms` milliseconds have passed, and gives the
 * number of that wait; timers that are due at the same time fire in the order of their start.
 * `timer_cancel(wait: u32): void` takes a wait back. For what is left when an event ends, the
 * native side calls `forgetTimer(id)`.
 * @module
 */

import { timer_cancel, timer_start } from "isolde:ops";
import { currentContext, requireContext, runInContext } from "../context.js";
import { reportException } from "../events/report.js";
import { primordials } from "../primordials.js";

const {
  Error,
  Map,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
} = primordials;

/** Live timers of one request. */
const MAX_TIMERS_PER_REQUEST = 10_000;

/** Ids are u32 to the native side and must be positive for HTML. */
const LAST_ID = 0x7fffffff;

/**
 * @typedef {object} Timer
 * @property {number} id
 * @property {any} context the request that set it
 * @property {() => void} run
 * @property {number} interval milliseconds between calls; -1 for a single one
 * @property {number} wait what the native side calls the wait for the next call
 */

/** @type {Map<number, Timer>} */
const timers = new Map();
/** How many each request has. @type {Map<any, number>} */
const timerCounts = new Map();
let nextId = 1;

function freshId() {
  let id = nextId;
  while (MapPrototypeGet(timers, id) !== undefined) id = id === LAST_ID ? 1 : id + 1;
  nextId = id === LAST_ID ? 1 : id + 1;
  return id;
}

/**
 * Calls `run` after `delay` milliseconds, in the context that is current now. What it throws is
 * reported.
 * @param {string} what who asks, for the error in global scope
 * @param {number} delay milliseconds, not negative
 * @param {() => void} run
 * @param {boolean} [repeat] again and again, every `delay` milliseconds
 * @returns {number} the id
 */
export function startTimer(what, delay, run, repeat = false) {
  const context = requireContext(what);
  const count = MapPrototypeGet(timerCounts, context) ?? 0;
  if (count >= MAX_TIMERS_PER_REQUEST) {
    throw new Error(
      `You have exceeded the number of timeouts you may set: ${MAX_TIMERS_PER_REQUEST}.`,
    );
  }
  const id = freshId();
  const timer = { __proto__: null, id, context, run, interval: repeat ? delay : -1, wait: 0 };
  MapPrototypeSet(timers, id, timer);
  MapPrototypeSet(timerCounts, context, count + 1);
  timer.wait = timer_start(id, delay);
  return id;
}

function forget(timer) {
  MapPrototypeDelete(timers, timer.id);
  const count = MapPrototypeGet(timerCounts, timer.context);
  if (count === 1) MapPrototypeDelete(timerCounts, timer.context);
  else MapPrototypeSet(timerCounts, timer.context, count - 1);
}

/** Cancels a timer of the running request; other ids mean nothing here. @param {number} id */
export function cancelTimer(id) {
  const timer = MapPrototypeGet(timers, id);
  if (timer === undefined || timer.context !== currentContext()) return;
  forget(timer);
  timer_cancel(timer.wait);
}

/** Called by the native side when a timer is due. @param {number} id */
export function fireTimer(id) {
  const timer = MapPrototypeGet(timers, id);
  if (timer === undefined) return;
  if (timer.interval < 0) forget(timer);
  runInContext(timer.context, () => {
    try {
      (0, timer.run)();
    } catch (error) {
      reportException(error);
    }
    // Armed anew only now: a slow callback delays the next call, and it may have cleared its own
    // interval.
    if (timer.interval >= 0 && MapPrototypeGet(timers, id) === timer) {
      timer.wait = timer_start(id, timer.interval);
    }
  });
}

/** Called by the native side for a timer of a request that has ended. @param {number} id */
export function forgetTimer(id) {
  const timer = MapPrototypeGet(timers, id);
  if (timer !== undefined) forget(timer);
}
