/**
 * What the two controllers of readable streams have in common: when to pull, and how they start and
 * end. What only looks alike, because one queue holds chunks and the other one bytes, is in
 * `readable_default.js` and `readable_byte.js`.
 * https://streams.spec.whatwg.org/#rs-default-controller-abstract-ops
 * https://streams.spec.whatwg.org/#rbs-controller-abstract-ops
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  invokeChunkCallback,
  invokePromiseCallback,
  resolvedUndefined,
  startResult,
  thenUndefined,
  uponPromise,
} from "./promises.js";
import { resetQueue } from "./queue.js";
import { closeReadable, closeRequests, errorReadable } from "./readable_operations.js";

const { PromiseReject, PromiseResolve, TypeError } = primordials;

/** The callbacks of a Worker's underlying source. */
class SourceCallbacks {
  constructor(object, dictionary) {
    this.object = object;
    this.pull = dictionary.pull;
    this.cancel = dictionary.cancel;
  }
}
internal(SourceCallbacks);

/** The first half of the set-up of both controllers.
 * @param {import('./records.js').ControllerRecord} controller
 * @param {import('./records.js').ReadableRecord} stream @param {number} highWaterMark */
export function attachController(controller, stream, highWaterMark) {
  controller.stream = stream;
  controller.highWaterMark = highWaterMark;
  stream.controller = controller;
}

/** The second half for an underlying source: its callbacks are the algorithms. Throws what `start`
 * throws.
 * @param {import('./records.js').ControllerRecord} controller @param {any} object the source itself
 * @param {{ start?: Function, pull?: Function, cancel?: Function }} dictionary converted from it */
export function startFromSource(controller, object, dictionary) {
  if (dictionary.pull !== undefined || dictionary.cancel !== undefined) {
    controller.source = new SourceCallbacks(object, dictionary);
  }
  if (dictionary.pull !== undefined) controller.pullAlgorithm = pullUnderlyingSource;
  if (dictionary.cancel !== undefined) controller.cancelAlgorithm = cancelUnderlyingSource;
  startController(controller, dictionary.start, object);
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
  uponPromise(
    startResult(start, receiver, controller.face),
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

/** The check of both `close` methods.
 * @param {import('./records.js').ControllerRecord} controller */
export function requireCanClose(controller) {
  if (!canCloseOrEnqueue(controller)) {
    throw new TypeError("This ReadableStream is closed or errored and cannot be closed.");
  }
}

/** The check of both `enqueue` methods.
 * @param {import('./records.js').ControllerRecord} controller */
export function requireCanEnqueue(controller) {
  if (!canCloseOrEnqueue(controller)) {
    throw new TypeError("This ReadableStream is closed or errored and takes no more chunks.");
  }
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

/** Closes now, or when the queue is read empty. Throws where that would cut an element of a BYOB
 * read in two.
 * https://streams.spec.whatwg.org/#readable-stream-default-controller-close
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-close
 * @param {import('./records.js').ControllerRecord} controller */
export function closeController(controller) {
  if (!canCloseOrEnqueue(controller)) return;
  if (controller.queue.length > 0) {
    controller.closeRequested = true;
    return;
  }
  const { checkClose } = controller.steps;
  checkClose(controller);
  endController(controller);
}

/** What follows when chunks or bytes have been taken from the queue.
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-handle-queue-drain
 * @param {import('./records.js').ControllerRecord} controller */
export function handleQueueDrain(controller) {
  if (controller.closeRequested && controller.queue.length === 0) endController(controller);
  else callPullIfNeeded(controller);
}

function endController(controller) {
  clearAlgorithms(controller);
  closeReadable(controller.stream);
}

function clearViews(controller) {
  const { clear } = controller.steps;
  clear(controller);
}

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-error
 * https://streams.spec.whatwg.org/#readable-byte-stream-controller-error
 * @param {import('./records.js').ControllerRecord} controller @param {any} reason */
export function errorController(controller, reason) {
  const { stream } = controller;
  if (stream.state !== "readable") return;
  clearViews(controller);
  resetQueue(controller);
  clearAlgorithms(controller);
  errorReadable(stream, reason);
}

/** [[CancelSteps]], https://streams.spec.whatwg.org/#rs-default-controller-private-cancel
 * https://streams.spec.whatwg.org/#rbs-controller-private-cancel
 * @param {import('./records.js').ControllerRecord} controller @param {any} reason
 * @returns {Promise<any>} */
function cancelSteps(controller, reason) {
  clearViews(controller);
  resetQueue(controller);
  const { cancelAlgorithm } = controller;
  const cancelled =
    cancelAlgorithm === undefined ? undefined : cancelAlgorithm(controller, reason);
  clearAlgorithms(controller);
  return cancelled ?? resolvedUndefined;
}

/** https://streams.spec.whatwg.org/#readable-stream-cancel
 * @param {import('./records.js').ReadableRecord} stream @param {any} reason
 * @returns {Promise<undefined>} */
export function cancelStream(stream, reason) {
  stream.disturbed = true;
  if (stream.state === "closed") return PromiseResolve(undefined);
  if (stream.state === "errored") return PromiseReject(stream.storedError);
  closeReadable(stream);
  const { controller, reader } = stream;
  if (reader !== undefined && reader.isByob) closeRequests(reader);
  return thenUndefined(cancelSteps(controller, reason));
}
