/**
 * Reads that end in a promise for a Worker: `{ value, done }`.
 * @module
 */

import { primordials } from "../primordials.js";
import { viewLength } from "./buffers.js";
import { Deferred, rejectDeferred, resolveDeferred } from "./promises.js";
import { takeChunk } from "./readable_default.js";
import { readByob, readDefault } from "./readers.js";
import { ReadRequest } from "./records.js";

const { PromiseReject, PromiseResolve } = primordials;

const PROMISE_STEPS = {
  __proto__: null,
  chunk: (request, value) => resolveDeferred(request.owner, { value, done: false }),
  close: (request, value) => resolveDeferred(request.owner, { value, done: true }),
  error: (request, reason) => rejectDeferred(request.owner, reason),
};

/** https://streams.spec.whatwg.org/#default-reader-read
 * @param {import('./records.js').ReaderRecord} reader a default one that has a stream
 * @returns {Promise<{ value: any, done: boolean }>} */
export function readAsPromise(reader) {
  const { stream } = reader;
  const { controller } = stream;
  // What is settled already takes no request.
  if (stream.state === "closed") {
    stream.disturbed = true;
    return PromiseResolve({ value: undefined, done: true });
  }
  if (stream.state === "errored") {
    stream.disturbed = true;
    return PromiseReject(stream.storedError);
  }
  if (!controller.isByte && controller.queue.length > 0) {
    stream.disturbed = true;
    return PromiseResolve({ value: takeChunk(controller), done: false });
  }
  const deferred = new Deferred();
  readDefault(reader, new ReadRequest(PROMISE_STEPS, deferred));
  return deferred.promise;
}

/** https://streams.spec.whatwg.org/#byob-reader-read
 * @param {import('./records.js').ReaderRecord} reader a BYOB one that has a stream
 * @param {ArrayBufferView} view @param {number} min bytes, whole elements
 * @returns {Promise<{ value: any, done: boolean }>} */
export function readByobAsPromise(reader, view, min) {
  const deferred = new Deferred();
  readByob(reader, view, min, new ReadRequest(PROMISE_STEPS, deferred));
  return deferred.promise;
}

/** The steps of the platform's own read, for which the last bytes are no end yet. */
const AT_LEAST_STEPS = {
  __proto__: null,
  takesRest: true,
  chunk: PROMISE_STEPS.chunk,
  close: (request, value) => {
    const done = value === undefined || viewLength(value) === 0;
    resolveDeferred(request.owner, { value, done });
  },
  error: PROMISE_STEPS.error,
};

/** The platform's own read: gives fewer bytes only at the end of the stream, and says `done` only
 * when there are none.
 * @param {import('./records.js').ReaderRecord} reader a BYOB one that has a stream
 * @param {ArrayBufferView} view @param {number} min bytes, whole elements
 * @returns {Promise<{ value: any, done: boolean }>} */
export function readAtLeastAsPromise(reader, view, min) {
  const deferred = new Deferred();
  readByob(reader, view, min, new ReadRequest(AT_LEAST_STEPS, deferred));
  return deferred.promise;
}
