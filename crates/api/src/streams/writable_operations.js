/**
 * The operations on writable streams that writers, controllers, pipes and transform streams use.
 * https://streams.spec.whatwg.org/#ws-abstract-ops
 * @module
 */

import { signalAbort } from "../events/abort.js";
import { primordials } from "../primordials.js";
import {
  Deferred,
  LazyPromise,
  fulfillLazy,
  isLazyPending,
  lazyFulfilled,
  lazyRejected,
  rejectDeferred,
  rejectLazy,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { listPush, listShift, listTakeAll, resetQueue } from "./queue.js";
import { PendingAbort, WriterRecord } from "./writable_records.js";

const { PromiseResolve, TypeError } = primordials;

/** https://streams.spec.whatwg.org/#is-writable-stream-locked
 * @param {any} stream @returns {boolean} */
export function isWritableLocked(stream) {
  return stream.writer !== undefined;
}

/** Throws where a stream has a writer. @param {any} stream */
export function requireUnlockedWritable(stream) {
  if (isWritableLocked(stream)) {
    throw new TypeError("This WritableStream is currently locked to a writer.");
  }
}

/** https://streams.spec.whatwg.org/#set-up-writable-stream-default-writer
 * @param {any} stream @returns {WriterRecord} */
export function acquireWriter(stream) {
  requireUnlockedWritable(stream);
  const writer = new WriterRecord();
  writer.stream = stream;
  stream.writer = writer;
  const { state } = stream;
  if (state === "writable") {
    if (isCloseRequested(stream) || !stream.backpressure) writer.ready = lazyFulfilled();
  } else if (state === "erroring") {
    writer.ready = lazyRejected(stream.storedError);
  } else if (state === "closed") {
    writer.ready = lazyFulfilled();
    writer.closed = lazyFulfilled();
  } else {
    writer.ready = lazyRejected(stream.storedError);
    writer.closed = lazyRejected(stream.storedError);
  }
  return writer;
}

/** The error of a writer whose lock was released. */
export function writerReleasedError() {
  return new TypeError("This WritableStream writer has been released.");
}

/** Does nothing on a released writer.
 * https://streams.spec.whatwg.org/#writable-stream-default-writer-release
 * @param {WriterRecord} writer */
export function releaseWriter(writer) {
  const { stream } = writer;
  if (stream === undefined) return;
  const reason = writerReleasedError();
  ensureReadyRejected(writer, reason);
  ensureClosedRejected(writer, reason);
  stream.writer = undefined;
  writer.stream = undefined;
}

/** https://streams.spec.whatwg.org/#writable-stream-default-writer-ensure-ready-promise-rejected */
function ensureReadyRejected(writer, reason) {
  if (isLazyPending(writer.ready)) rejectLazy(writer.ready, reason);
  else writer.ready = lazyRejected(reason);
}

/** https://streams.spec.whatwg.org/#writable-stream-default-writer-ensure-closed-promise-rejected */
function ensureClosedRejected(writer, reason) {
  if (isLazyPending(writer.closed)) rejectLazy(writer.closed, reason);
  else writer.closed = lazyRejected(reason);
}

/** https://streams.spec.whatwg.org/#writable-stream-close-queued-or-in-flight
 * @param {any} stream @returns {boolean} */
export function isCloseRequested(stream) {
  return stream.closeRequest !== undefined || stream.inFlightClose !== undefined;
}

export const isEnded = (stream) => stream.state === "closed" || stream.state === "errored";

/** https://streams.spec.whatwg.org/#writable-stream-abort
 * @param {any} stream @param {any} reason @returns {Promise<undefined>} */
export function abortStream(stream, reason) {
  if (isEnded(stream)) return PromiseResolve(undefined);
  const { controller } = stream;
  if (!controller.aborted) {
    controller.aborted = true;
    controller.abortReason = reason;
    if (controller.signal !== undefined) signalAbort(controller.signal, reason);
    const { onAbort } = controller;
    if (onAbort !== undefined) onAbort(controller, reason);
  }
  // The listeners of the signal may have done anything.
  if (isEnded(stream)) return PromiseResolve(undefined);
  if (stream.pendingAbort !== undefined) return stream.pendingAbort.deferred.promise;
  const wasAlreadyErroring = stream.state === "erroring";
  const deferred = new Deferred();
  stream.pendingAbort = new PendingAbort(
    deferred, wasAlreadyErroring ? undefined : reason, wasAlreadyErroring,
  );
  if (!wasAlreadyErroring) startErroring(stream, reason);
  return deferred.promise;
}

/** https://streams.spec.whatwg.org/#writable-stream-default-controller-clear-algorithms
 * @param {import('./writable_records.js').WritableControllerRecord} controller */
export function clearWritableAlgorithms(controller) {
  controller.writeAlgorithm = undefined;
  controller.closeAlgorithm = undefined;
  controller.abortAlgorithm = undefined;
  controller.sizeAlgorithm = undefined;
  controller.sink = undefined;
}

/** https://streams.spec.whatwg.org/#writable-stream-deal-with-rejection
 * @param {any} stream @param {any} reason */
export function dealWithRejection(stream, reason) {
  if (stream.state === "writable") startErroring(stream, reason);
  else finishErroring(stream);
}

/** https://streams.spec.whatwg.org/#writable-stream-start-erroring
 * @param {any} stream a writable one @param {any} reason */
export function startErroring(stream, reason) {
  const { controller, writer } = stream;
  stream.state = "erroring";
  stream.storedError = reason;
  if (writer !== undefined) ensureReadyRejected(writer, reason);
  const isBusy = stream.inFlightWrite !== undefined || stream.inFlightClose !== undefined;
  if (!isBusy && controller.started) finishErroring(stream);
}

/** https://streams.spec.whatwg.org/#writable-stream-finish-erroring
 * @param {any} stream an erroring one with nothing in flight */
export function finishErroring(stream) {
  const { controller } = stream;
  stream.state = "errored";
  resetQueue(controller);
  const requests = listTakeAll(stream.writeRequests);
  while (requests.length > 0) failWrite(listShift(requests), stream.storedError);
  const abort = stream.pendingAbort;
  if (abort === undefined) {
    rejectCloseAndClosed(stream);
    return;
  }
  stream.pendingAbort = undefined;
  if (abort.wasAlreadyErroring) {
    rejectDeferred(abort.deferred, stream.storedError);
    rejectCloseAndClosed(stream);
    return;
  }
  const { abortAlgorithm } = controller;
  const aborted =
    abortAlgorithm === undefined ? undefined : abortAlgorithm(controller, abort.reason);
  clearWritableAlgorithms(controller);
  uponPromise(
    aborted ?? resolvedUndefined,
    () => {
      resolveDeferred(abort.deferred, undefined);
      rejectCloseAndClosed(stream);
    },
    (reason) => {
      rejectDeferred(abort.deferred, reason);
      rejectCloseAndClosed(stream);
    },
  );
}

/** https://streams.spec.whatwg.org/#writable-stream-reject-close-and-closed-promise-if-needed */
function rejectCloseAndClosed(stream) {
  const { closeRequest, writer } = stream;
  if (closeRequest !== undefined) {
    rejectDeferred(closeRequest, stream.storedError);
    stream.closeRequest = undefined;
  }
  if (writer !== undefined) rejectLazy(writer.closed, stream.storedError);
}

/** https://streams.spec.whatwg.org/#writable-stream-update-backpressure
 * @param {any} stream a writable one that is not about to close @param {boolean} backpressure */
export function updateBackpressure(stream, backpressure) {
  const { writer } = stream;
  if (writer !== undefined && backpressure !== stream.backpressure) {
    if (backpressure) writer.ready = new LazyPromise();
    else fulfillLazy(writer.ready);
  }
  stream.backpressure = backpressure;
}

/** https://streams.spec.whatwg.org/#writable-stream-add-write-request
 * @param {any} stream @param {any} request */
export function addWriteRequest(stream, request) {
  listPush(stream.writeRequests, request);
}

function failWrite(request, reason) {
  const { error } = request.steps;
  error(request, reason);
}

/** https://streams.spec.whatwg.org/#writable-stream-mark-first-write-request-in-flight
 * @param {any} stream */
export function markWriteInFlight(stream) {
  stream.inFlightWrite = listShift(stream.writeRequests);
}

/** https://streams.spec.whatwg.org/#writable-stream-finish-in-flight-write
 * @param {any} stream */
export function finishWrite(stream) {
  const request = stream.inFlightWrite;
  stream.inFlightWrite = undefined;
  const { done } = request.steps;
  done(request);
}

/** https://streams.spec.whatwg.org/#writable-stream-finish-in-flight-write-with-error
 * @param {any} stream @param {any} reason */
export function finishWriteWithError(stream, reason) {
  const request = stream.inFlightWrite;
  stream.inFlightWrite = undefined;
  failWrite(request, reason);
  dealWithRejection(stream, reason);
}

/** https://streams.spec.whatwg.org/#writable-stream-mark-close-request-in-flight
 * @param {any} stream */
export function markCloseInFlight(stream) {
  stream.inFlightClose = stream.closeRequest;
  stream.closeRequest = undefined;
}

/** https://streams.spec.whatwg.org/#writable-stream-finish-in-flight-close
 * @param {any} stream */
export function finishClose(stream) {
  resolveDeferred(stream.inFlightClose, undefined);
  stream.inFlightClose = undefined;
  if (stream.state === "erroring") {
    // The close came through before the error was acted upon.
    stream.storedError = undefined;
    if (stream.pendingAbort !== undefined) {
      resolveDeferred(stream.pendingAbort.deferred, undefined);
      stream.pendingAbort = undefined;
    }
  }
  stream.state = "closed";
  if (stream.writer !== undefined) fulfillLazy(stream.writer.closed);
}

/** https://streams.spec.whatwg.org/#writable-stream-finish-in-flight-close-with-error
 * @param {any} stream @param {any} reason */
export function finishCloseWithError(stream, reason) {
  rejectDeferred(stream.inFlightClose, reason);
  stream.inFlightClose = undefined;
  if (stream.pendingAbort !== undefined) {
    rejectDeferred(stream.pendingAbort.deferred, reason);
    stream.pendingAbort = undefined;
  }
  dealWithRejection(stream, reason);
}
