/**
 * The operations on readable streams, and on the reads that wait in them, that every other part
 * uses.
 * https://streams.spec.whatwg.org/#rs-abstract-ops
 * https://streams.spec.whatwg.org/#rs-abstract-ops-used-by-controllers
 * @module
 */

import { checkContext } from "../context.js";
import { fulfillLazy, rejectLazy } from "./promises.js";
import { listPush, listShift, listTakeAll } from "./queue.js";

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

/** Why the running code may not touch a stream: it is of another request. Undefined where it may.
 * @param {import('./records.js').ReadableRecord} stream @returns {Error | undefined} */
export function foreignOwner(stream) {
  const { nativeSource } = stream;
  if (nativeSource === undefined) return undefined;
  try {
    checkContext(nativeSource.owner, "ReadableStream");
    return undefined;
  } catch (e) {
    return e;
  }
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

/** https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaultreadererrorreadrequests
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreambyobreadererrorreadintorequests
 * @param {import('./records.js').ReaderRecord} reader @param {any} reason */
export function errorRequests(reader, reason) {
  const requests = listTakeAll(reader.requests);
  while (requests.length > 0) errorSteps(listShift(requests), reason);
}

/** Ends the reads that wait. @param {import('./records.js').ReaderRecord} reader */
export function closeRequests(reader) {
  const requests = listTakeAll(reader.requests);
  while (requests.length > 0) closeSteps(listShift(requests), undefined);
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
