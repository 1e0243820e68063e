/**
 * The operations on readable streams and their readers that every other part uses.
 * https://streams.spec.whatwg.org/#rs-abstract-ops
 * @module
 */

import { primordials } from "../primordials.js";
import {
  LazyPromise,
  fulfillLazy,
  lazyFulfilled,
  lazyRejected,
  rejectLazy,
  thenUndefined,
} from "./promises.js";
import { listPush, listShift, listTakeAll } from "./queue.js";
import { byteCancelSteps, bytePullSteps, byteReleaseSteps } from "./readable_byte.js";
import { pullInto } from "./byob_algorithms.js";
import { defaultCancelSteps, defaultPullSteps } from "./readable_default.js";
import { ReaderRecord } from "./records.js";

const { PromiseReject, PromiseResolve, TypeError } = primordials;

/** @param {import('./records.js').ReadRequest} request @param {any} value */
export function chunkSteps(request, value) {
  const { chunk } = request.steps;
  chunk(request, value);
}

/** @param {import('./records.js').ReadRequest} request
 * @param {any} [value] the empty view, for BYOB reads */
export function closeSteps(request, value) {
  const { close } = request.steps;
  close(request, value);
}

/** @param {import('./records.js').ReadRequest} request @param {any} reason */
export function errorSteps(request, reason) {
  const { error } = request.steps;
  error(request, reason);
}

/** https://streams.spec.whatwg.org/#is-readable-stream-locked
 * @param {import('./records.js').ReadableRecord} stream @returns {boolean} */
export function isStreamLocked(stream) {
  return stream.reader !== undefined;
}

/** https://streams.spec.whatwg.org/#readable-stream-has-default-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {boolean} */
export function hasDefaultReader(stream) {
  return stream.reader !== undefined && !stream.reader.isByob;
}

/** https://streams.spec.whatwg.org/#readable-stream-has-byob-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {boolean} */
export function hasByobReader(stream) {
  return stream.reader !== undefined && stream.reader.isByob;
}

/** https://streams.spec.whatwg.org/#set-up-readable-stream-default-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {ReaderRecord} */
export function acquireDefaultReader(stream) {
  if (isStreamLocked(stream)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
  return initializeReader(new ReaderRecord(false), stream);
}

/** https://streams.spec.whatwg.org/#set-up-readable-stream-byob-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {ReaderRecord} */
export function acquireByobReader(stream) {
  if (isStreamLocked(stream)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
  if (!stream.controller.isByte) {
    throw new TypeError("This ReadableStream does not support BYOB reads.");
  }
  return initializeReader(new ReaderRecord(true), stream);
}

/** https://streams.spec.whatwg.org/#readable-stream-reader-generic-initialize */
function initializeReader(reader, stream) {
  reader.stream = stream;
  stream.reader = reader;
  if (stream.state === "readable") reader.closed = new LazyPromise();
  else if (stream.state === "closed") reader.closed = lazyFulfilled();
  else reader.closed = lazyRejected(stream.storedError);
  return reader;
}

/** Gives the stream back; reads that wait are rejected. The reader must have a stream.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaultreaderrelease
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreambyobreaderrelease
 * @param {ReaderRecord} reader */
export function releaseReader(reader) {
  const { stream } = reader;
  const reason = new TypeError("This ReadableStream reader has been released.");
  if (stream.state === "readable") rejectLazy(reader.closed, reason);
  else reader.closed = lazyRejected(reason);
  if (stream.controller.isByte) byteReleaseSteps(stream.controller);
  stream.reader = undefined;
  reader.stream = undefined;
  if (reader.requests.length > 0) {
    errorRequests(reader, new TypeError("This ReadableStream reader has been released."));
  }
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaultreadererrorreadrequests */
function errorRequests(reader, reason) {
  const requests = listTakeAll(reader.requests);
  while (requests.length > 0) errorSteps(listShift(requests), reason);
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
  if (reader !== undefined && reader.isByob) {
    const requests = listTakeAll(reader.requests);
    while (requests.length > 0) closeSteps(listShift(requests), undefined);
  }
  const cancelled = controller.isByte
    ? byteCancelSteps(controller, reason)
    : defaultCancelSteps(controller, reason);
  return thenUndefined(cancelled);
}

/** https://streams.spec.whatwg.org/#readable-stream-close
 * @param {import('./records.js').ReadableRecord} stream a readable one */
export function closeReadable(stream) {
  stream.state = "closed";
  const { reader } = stream;
  if (reader === undefined) return;
  fulfillLazy(reader.closed);
  if (reader.isByob) return;
  const requests = listTakeAll(reader.requests);
  while (requests.length > 0) closeSteps(listShift(requests), undefined);
}

/** https://streams.spec.whatwg.org/#readable-stream-error
 * @param {import('./records.js').ReadableRecord} stream a readable one @param {any} reason */
export function errorReadable(stream, reason) {
  stream.state = "errored";
  stream.storedError = reason;
  const { reader } = stream;
  if (reader === undefined) return;
  rejectLazy(reader.closed, reason);
  errorRequests(reader, reason);
}

/** https://streams.spec.whatwg.org/#readable-stream-add-read-request
 * https://streams.spec.whatwg.org/#readable-stream-add-read-into-request
 * @param {import('./records.js').ReadableRecord} stream
 * @param {import('./records.js').ReadRequest} request */
export function addRequest(stream, request) {
  listPush(stream.reader.requests, request);
}

/** https://streams.spec.whatwg.org/#readable-stream-fulfill-read-request
 * https://streams.spec.whatwg.org/#readable-stream-fulfill-read-into-request
 * @param {import('./records.js').ReadableRecord} stream @param {any} chunk @param {boolean} done */
export function fulfillRequest(stream, chunk, done) {
  const request = listShift(stream.reader.requests);
  if (done) closeSteps(request, chunk);
  else chunkSteps(request, chunk);
}

/** How many reads wait; 0 without a reader.
 * @param {import('./records.js').ReadableRecord} stream @returns {number} */
export function waitingRequests(stream) {
  return stream.reader === undefined ? 0 : stream.reader.requests.length;
}

/** https://streams.spec.whatwg.org/#readable-stream-default-reader-read
 * @param {ReaderRecord} reader a default one that has a stream
 * @param {import('./records.js').ReadRequest} request */
export function readDefault(reader, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === "closed") {
    closeSteps(request, undefined);
  } else if (stream.state === "errored") {
    errorSteps(request, stream.storedError);
  } else if (stream.controller.isByte) {
    bytePullSteps(stream.controller, request);
  } else {
    defaultPullSteps(stream.controller, request);
  }
}

/** https://streams.spec.whatwg.org/#readable-stream-byob-reader-read
 * @param {ReaderRecord} reader a BYOB one that has a stream @param {ArrayBufferView} view
 * @param {number} min elements to wait for @param {import('./records.js').ReadRequest} request */
export function readByob(reader, view, min, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === "errored") errorSteps(request, stream.storedError);
  else pullInto(stream.controller, view, min, request);
}
