/**
 * What the two controllers of readable streams have in common: when to pull, and how they start and
 * end.
 * @module
 */

import { primordials } from "../primordials.js";
import {
  invokeChunkCallback,
  invokePromiseCallback,
  promiseResolvedWith,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { resetQueue } from "./queue.js";
import { clearPendingPullIntos } from "./byob_algorithms.js";
import { errorReadable } from "./readable_operations.js";

const { FunctionPrototypeCall } = primordials;

/** The callbacks of a Worker's underlying source. */
export class SourceCallbacks {
  constructor(object, dictionary) {
    this.object = object;
    this.pull = dictionary.pull;
    this.cancel = dictionary.cancel;
  }
}

/** Sets the algorithms to those of an underlying source.
 * @param {import('./records.js').ControllerRecord} controller @param {any} object the source itself
 * @param {{ pull?: Function, cancel?: Function }} dictionary converted from it */
export function useUnderlyingSource(controller, object, dictionary) {
  if (dictionary.pull === undefined && dictionary.cancel === undefined) return;
  controller.source = new SourceCallbacks(object, dictionary);
  if (dictionary.pull !== undefined) controller.pullAlgorithm = pullUnderlyingSource;
  if (dictionary.cancel !== undefined) controller.cancelAlgorithm = cancelUnderlyingSource;
}

function pullUnderlyingSource(controller) {
  const { source } = controller;
  return invokeChunkCallback(source.pull, source.object, [controller.face]);
}

function cancelUnderlyingSource(controller, reason) {
  const { source } = controller;
  return invokePromiseCallback(source.cancel, source.object, [reason]);
}

/** The second half of the set-up of both controllers. Throws what `start` throws.
 * @param {import('./records.js').ControllerRecord} controller
 * @param {Function | Promise<any> | undefined} start called with the controller;
 *   or a promise of ours
 * @param {any} receiver */
export function startController(controller, start, receiver) {
  let started = resolvedUndefined;
  if (typeof start === "function") {
    const result = FunctionPrototypeCall(start, receiver, controller.face);
    if (result !== undefined) started = promiseResolvedWith(result);
  } else if (start !== undefined) {
    started = start;
  }
  uponPromise(
    started,
    () => {
      controller.started = true;
      callPullIfNeeded(controller);
    },
    (reason) => errorController(controller, reason),
  );
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-can-close-or-enqueue
 * @param {import('./records.js').ControllerRecord} controller @returns {boolean} */
export function canCloseOrEnqueue(controller) {
  return !controller.closeRequested && controller.stream.state === "readable";
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-get-desired-size
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-get-desired-size
 * @param {import('./records.js').ControllerRecord} controller @returns {number | null} */
export function desiredSize(controller) {
  const { state } = controller.stream;
  if (state === "errored") return null;
  if (state === "closed") return 0;
  return controller.highWaterMark - controller.queueTotalSize;
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-should-call-pull
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-should-call-pull
 * @param {import('./records.js').ControllerRecord} controller @returns {boolean} */
export function shouldCallPull(controller) {
  if (controller.closeRequested || !controller.started) return false;
  const { stream } = controller;
  if (stream.state !== "readable") return false;
  const { reader } = stream;
  if (reader !== undefined && reader.requests.length > 0) return true;
  return controller.highWaterMark > controller.queueTotalSize;
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-call-pull-if-needed
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-call-pull-if-needed
 * @param {import('./records.js').ControllerRecord} controller */
export function callPullIfNeeded(controller) {
  const { pullAlgorithm } = controller;
  if (pullAlgorithm === undefined || !shouldCallPull(controller)) return;
  if (controller.pulling) {
    controller.pullAgain = true;
    return;
  }
  controller.pulling = true;
  if (controller.onPulled === undefined) {
    controller.onPulled = () => {
      controller.pulling = false;
      if (!controller.pullAgain) return;
      controller.pullAgain = false;
      callPullIfNeeded(controller);
    };
    controller.onPullFailed = (reason) => errorController(controller, reason);
  }
  const pulled = pullAlgorithm(controller);
  uponPromise(pulled ?? resolvedUndefined, controller.onPulled, controller.onPullFailed);
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-clear-algorithms
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-clear-algorithms
 * @param {import('./records.js').ControllerRecord} controller */
export function clearAlgorithms(controller) {
  controller.pullAlgorithm = undefined;
  controller.cancelAlgorithm = undefined;
  controller.sizeAlgorithm = undefined;
  controller.source = undefined;
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-error
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-error
 * @param {import('./records.js').ControllerRecord} controller @param {any} reason */
export function errorController(controller, reason) {
  const { stream } = controller;
  if (stream.state !== "readable") return;
  if (controller.isByte) clearPendingPullIntos(controller);
  resetQueue(controller);
  clearAlgorithms(controller);
  errorReadable(stream, reason);
}

/** Empties the queue, calls the cancel algorithm and forgets the algorithms: the end of both
 * [[CancelSteps]].
 * @param {import('./records.js').ControllerRecord} controller @param {any} reason
 * @returns {Promise<any>} */
export function runCancelAlgorithm(controller, reason) {
  resetQueue(controller);
  const { cancelAlgorithm } = controller;
  const cancelled =
    cancelAlgorithm === undefined ? undefined : cancelAlgorithm(controller, reason);
  clearAlgorithms(controller);
  return cancelled ?? resolvedUndefined;
}
