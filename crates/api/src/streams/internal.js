/**
 * Streams as the rest of the platform uses them: filled and ended from outside, asked for their
 * state, split, read chunk by chunk. Streams go in and out as the objects that a Worker sees.
 * https://streams.spec.whatwg.org/#other-specs
 * @module
 */

import { viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { closeAndAnswer } from "./byob_algorithms.js";
import { readableRecordOf } from "./faces.js";
import { streamFromIterable } from "./from.js";
import { Deferred, markHandled, rejectDeferred, resolveDeferred } from "./promises.js";
import { enqueueOwned, setUpByteController } from "./readable_byte.js";
import { cancelStream, errorController } from "./readable_controller.js";
import { isStreamLocked } from "./readable_operations.js";
import { readableFace } from "./readable_stream.js";
import { acquireDefaultReader, readDefault } from "./readers.js";
import { ReadRequest, ReadableRecord } from "./records.js";
import { teeStream } from "./tee.js";

/** @typedef {import('./readable_stream.js').ReadableStream} ReadableStream */

/** A byte stream that the functions below fill and end.
 * https://streams.spec.whatwg.org/#readablestream-set-up-with-byte-reading-support
 * @returns {ReadableStream} */
export function createReadableByteStream() {
  const stream = new ReadableRecord();
  setUpByteController(stream, undefined, undefined, 0);
  return readableFace(stream);
}

/** https://streams.spec.whatwg.org/#readable-stream-from-iterable
 * @param {any} iterable @returns {ReadableStream} */
export function createStreamFrom(iterable) {
  return readableFace(streamFromIterable(iterable));
}

/** Notes that a stream gives these bytes and then ends. @param {ReadableStream} stream
 * @param {Uint8Array} bytes nobody changes them */
export function setContent(stream, bytes) {
  readableRecordOf(stream).content = bytes;
}

/** All the bytes of a stream of fixed content that nobody has read from or locked; undefined for
 * other streams. They may not be changed nor handed out.
 * @param {ReadableStream} stream @returns {Uint8Array | undefined} */
export function untouchedContent(stream) {
  const { content, disturbed, reader } = readableRecordOf(stream);
  return disturbed || reader !== undefined ? undefined : content;
}

/** Does nothing on a stream that has ended. @param {ReadableStream} stream of bytes
 * @param {Uint8Array} bytes in memory that nobody else uses */
export function enqueueBytes(stream, bytes) {
  if (viewLength(bytes) === 0) return;
  const { controller } = readableRecordOf(stream);
  enqueueOwned(controller, viewBuffer(bytes), viewOffset(bytes), viewLength(bytes));
}

/** https://streams.spec.whatwg.org/#readablestream-close @param {ReadableStream} stream */
export function closeStream(stream) {
  closeAndAnswer(readableRecordOf(stream).controller);
}

/** https://streams.spec.whatwg.org/#readablestream-error
 * @param {ReadableStream} stream @param {any} reason */
export function errorStream(stream, reason) {
  errorController(readableRecordOf(stream).controller, reason);
}

/** @param {any} v @returns {boolean} */
export function isReadableStream(v) {
  return readableRecordOf(v) !== undefined;
}

/** https://streams.spec.whatwg.org/#is-readable-stream-disturbed @param {ReadableStream} stream */
export function isDisturbed(stream) {
  return readableRecordOf(stream).disturbed;
}

/** @param {ReadableStream} stream @returns {boolean} */
export function isLocked(stream) {
  return isStreamLocked(readableRecordOf(stream));
}

/** Two streams for one; the second gets structured clones.
 * https://fetch.spec.whatwg.org/#concept-body-clone
 * @param {ReadableStream} stream @returns {[ReadableStream, ReadableStream]} */
export function teeForClone(stream) {
  const { branch1, branch2 } = teeStream(readableRecordOf(stream), true);
  return [readableFace(branch1.stream), readableFace(branch2.stream)];
}

const READER_STEPS = {
  __proto__: null,
  // No prototype: resolving a promise must not find a `then` that a Worker put on Object.prototype.
  chunk: (request, value) =>
    resolveDeferred(request.owner, { __proto__: null, value, done: false }),
  close: (request) =>
    resolveDeferred(request.owner, { __proto__: null, value: undefined, done: true }),
  error: (request, reason) => rejectDeferred(request.owner, reason),
};

/** Locks a stream. What is given is for the functions below only. @param {ReadableStream} stream */
export function acquireReader(stream) {
  return acquireDefaultReader(readableRecordOf(stream));
}

/** @param {any} reader @returns {Promise<{ value: any, done: boolean }>} */
export function readChunk(reader) {
  const deferred = new Deferred();
  readDefault(reader, new ReadRequest(READER_STEPS, deferred));
  return deferred.promise;
}

/** Reads a chunk with a request of the caller's own.
 * @param {any} reader @param {ReadRequest} request */
export function readWith(reader, request) {
  readDefault(reader, request);
}

/** A failure to cancel is not reported where nobody looks at it.
 * @param {any} reader @param {any} reason @returns {Promise<undefined>} */
export function cancelReader(reader, reason) {
  const cancelled = cancelStream(reader.stream, reason);
  markHandled(cancelled);
  return cancelled;
}
