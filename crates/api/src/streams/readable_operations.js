/**
 * The operations on readable streams, and on the reads that wait in them, that every other part
 * uses.
 * https://streams.spec.whatwg.org/#rs-abstract-ops
 * https://streams.spec.whatwg.org/#rs-abstract-ops-used-by-controllers
 * @module
 */

import { primordials } from "../primordials.js";
import { fulfillLazy, rejectLazy, thenUndefined } from "./promises.js";
import { listPush, listShift } from "./queue.js";
import { cancelSteps } from "./readable_controller.js";
import { closeRequests, errorRequests } from "./readers.js";

const { PromiseReject, PromiseResolve } = primordials;

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

/** https://streams.spec.whatwg.org/#readable-stream-close
 * @param {import('./records.js').ReadableRecord} stream a readable one */
export function closeReadable(stream) {
  stream.state = "closed";
  const { reader } = stream;
  if (reader === undefined) return;
  fulfillLazy(reader.closed);
  if (!reader.isByob) closeRequests(reader);
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
