/**
 * What readers of both kinds do: take a stream and give it back, cancel it, read from it.
 * https://streams.spec.whatwg.org/#generic-reader-mixin
 * https://streams.spec.whatwg.org/#rs-reader-abstract-ops
 * @module
 */

import { primordials } from "../primordials.js";
import { LazyPromise, lazyFulfilled, lazyRejected, rejectLazy } from "./promises.js";
import { cancelStream } from "./readable_controller.js";
import {
  closeSteps,
  errorRequests,
  errorSteps,
  foreignOwner,
  isStreamLocked,
} from "./readable_operations.js";
import { ReaderRecord } from "./records.js";

const { PromiseReject, TypeError } = primordials;

/** Throws where a stream has a reader.
 * @param {import('./records.js').ReadableRecord} stream */
export function requireUnlocked(stream) {
  if (isStreamLocked(stream)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
}

/** https://streams.spec.whatwg.org/#set-up-readable-stream-default-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {ReaderRecord} */
export function acquireDefaultReader(stream) {
  requireUnlocked(stream);
  return initializeReader(new ReaderRecord(false), stream);
}

/** https://streams.spec.whatwg.org/#set-up-readable-stream-byob-reader
 * @param {import('./records.js').ReadableRecord} stream @returns {ReaderRecord} */
export function acquireByobReader(stream) {
  requireUnlocked(stream);
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

/** The error of a reader whose lock was released. */
function releasedError() {
  return new TypeError("This ReadableStream reader has been released.");
}

/** Gives the stream back; reads that wait are rejected. Does nothing on a released reader.
 * https://streams.spec.whatwg.org/#readable-stream-reader-generic-release
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaultreaderrelease
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreambyobreaderrelease
 * @param {ReaderRecord} reader */
export function releaseReader(reader) {
  const { stream } = reader;
  if (stream === undefined) return;
  const reason = releasedError();
  if (stream.state === "readable") rejectLazy(reader.closed, reason);
  else reader.closed = lazyRejected(reason);
  const { controller } = stream;
  const { release } = controller.steps;
  release(controller);
  stream.reader = undefined;
  reader.stream = undefined;
  // The standard has an error of their own for the reads.
  if (reader.requests.length > 0) errorRequests(reader, releasedError());
}

/** Why the running code may not use a reader's stream: the reader was released, or the stream is of
 * another request. Undefined where it may.
 * @param {ReaderRecord} reader @returns {Error | undefined} */
export function readerRefusal(reader) {
  const { stream } = reader;
  return stream === undefined ? releasedError() : foreignOwner(stream);
}

/** https://streams.spec.whatwg.org/#generic-reader-cancel
 * https://streams.spec.whatwg.org/#readable-stream-reader-generic-cancel
 * @param {ReaderRecord} reader @param {any} reason @returns {Promise<undefined>} */
export function cancelThroughReader(reader, reason) {
  const refusal = readerRefusal(reader);
  return refusal === undefined ? cancelStream(reader.stream, reason) : PromiseReject(refusal);
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
  } else {
    const { controller } = stream;
    const { pull } = controller.steps;
    pull(controller, request);
  }
}

/** https://streams.spec.whatwg.org/#readable-stream-byob-reader-read
 * @param {ReaderRecord} reader a BYOB one that has a stream @param {ArrayBufferView} view
 * @param {number} min bytes to wait for, whole elements
 * @param {import('./records.js').ReadRequest} request */
export function readByob(reader, view, min, request) {
  const { stream } = reader;
  stream.disturbed = true;
  if (stream.state === "errored") {
    errorSteps(request, stream.storedError);
    return;
  }
  const { controller } = stream;
  const { pullInto } = controller.steps;
  pullInto(controller, view, min, request);
}
