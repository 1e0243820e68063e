/**
 * Streams as the rest of the platform uses them: made of algorithms instead of a Worker's
 * callbacks, asked for their
 * state, read to their end. Streams go in and out as the objects that a Worker sees.
 * https://streams.spec.whatwg.org/#other-specs
 * @module
 */

import { primordials } from "../primordials.js";
import { typedArrayName } from "../webidl/webidl.js";
import { cloneBytes, viewBuffer, viewLength, viewOffset, bufferLength } from "./buffers.js";
import { foreignOwner } from "./native.js";
import {
  Deferred,
  invokeChunkCallback,
  invokePromiseCallback,
  markHandled,
  rejectDeferred,
  resolveDeferred,
} from "./promises.js";
import { List, listClear, listPush } from "./queue.js";
import { enqueueOwned, setUpByteController } from "./readable_byte.js";
import { closeAndAnswer, errorController, startController } from "./readable_controller.js";
import { enqueueDefault, setUpDefaultController } from "./readable_default.js";
import { cancelStream, isStreamLocked } from "./readable_operations.js";
import { readableFace, readableRecordOf } from "./readable_stream.js";
import { acquireDefaultReader, readDefault, releaseReader } from "./readers.js";
import { ReadRequest, ReadableRecord } from "./records.js";
import { teeStream } from "./tee.js";
import {
  TransformRecord,
  enqueueTransformed,
  errorTransform,
  initializeTransform,
  terminateTransform,
} from "./transform_operations.js";
import { writableFace, writableRecordOf } from "./writable_stream.js";

const { PromiseReject, TypeError, TypedArrayPrototypeSet, Uint8Array } = primordials;

/** @typedef {import('./readable_stream.js').ReadableStream} ReadableStream */

/** What the controller of a stream of the platform keeps. */
class Algorithms {
  constructor(pull, cancel) {
    this.pull = pull;
    this.cancel = cancel;
  }
}

const callPull = (controller) => invokeChunkCallback(controller.source.pull, undefined, []);
const callCancel = (controller, reason) =>
  invokePromiseCallback(controller.source.cancel, undefined, [reason]);

/** https://streams.spec.whatwg.org/#create-readable-stream
 * @param {(() => any) | undefined} startAlgorithm @param {(() => any) | undefined} pullAlgorithm
 * @param {((reason: any) => any) | undefined} cancelAlgorithm @param {number} [highWaterMark]
 * @param {(chunk: any) => number} [sizeAlgorithm] @returns {ReadableStream} */
export function createReadableStream(
  startAlgorithm, pullAlgorithm, cancelAlgorithm, highWaterMark = 1, sizeAlgorithm = undefined,
) {
  const stream = new ReadableRecord();
  const pull = pullAlgorithm === undefined ? undefined : callPull;
  const cancel = cancelAlgorithm === undefined ? undefined : callCancel;
  const controller = setUpDefaultController(
    stream, startAlgorithm, pull, cancel, highWaterMark, sizeAlgorithm,
  );
  controller.source = new Algorithms(pullAlgorithm, cancelAlgorithm);
  return readableFace(stream);
}

/** https://streams.spec.whatwg.org/#abstract-opdef-createreadablebytestream
 * @param {() => any} [pullAlgorithm] @param {(reason: any) => any} [cancelAlgorithm]
 * @param {number} [highWaterMark] bytes @returns {ReadableStream} */
export function createReadableByteStream(
  pullAlgorithm = undefined, cancelAlgorithm = undefined, highWaterMark = 0,
) {
  const stream = new ReadableRecord();
  const pull = pullAlgorithm === undefined ? undefined : callPull;
  const cancel = cancelAlgorithm === undefined ? undefined : callCancel;
  const controller = setUpByteController(stream, pull, cancel, highWaterMark);
  controller.source = new Algorithms(pullAlgorithm, cancelAlgorithm);
  startController(controller, undefined, undefined);
  return readableFace(stream);
}

/** Does nothing on a stream that has ended. @param {ReadableStream} stream not of bytes
 * @param {any} chunk */
export function enqueueChunk(stream, chunk) {
  enqueueDefault(readableRecordOf(stream).controller, chunk);
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

/** @param {any} v @returns {boolean} */
export function isWritableStream(v) {
  return writableRecordOf(v) !== undefined;
}

/** https://streams.spec.whatwg.org/#is-readable-stream-disturbed @param {ReadableStream} stream */
export function isDisturbed(stream) {
  return readableRecordOf(stream).disturbed;
}

/** @param {ReadableStream} stream @returns {boolean} */
export function isLocked(stream) {
  return isStreamLocked(readableRecordOf(stream));
}

/** @param {ReadableStream} stream @returns {boolean} */
export function isErrored(stream) {
  return readableRecordOf(stream).state === "errored";
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

/** A failure to cancel is not reported where nobody looks at it.
 * @param {any} reader @param {any} reason @returns {Promise<undefined>} */
export function cancelReader(reader, reason) {
  const cancelled = cancelStream(reader.stream, reason);
  markHandled(cancelled);
  return cancelled;
}

/** Unlocks the stream again. @param {any} reader */
export function unlockReader(reader) {
  releaseReader(reader);
}

class CollectedChunk {
  next = undefined;

  constructor(bytes) {
    this.bytes = bytes;
  }
}

/** The state of `readAllBytes`. */
class Collector {
  deferred = new Deferred();
  chunks = new List();
  total = 0;
  isReading = false;
  wasAnswered = false;
  isDone = false;

  constructor(stream, maxBytes, convert) {
    this.convert = convert;
    this.maxBytes = maxBytes;
    this.reader = acquireDefaultReader(stream);
    this.request = new ReadRequest(COLLECT_STEPS, this);
    // The chunks of a byte stream are nobody else's; others may change or go after they were
    // enqueued.
    this.ownsChunks = stream.controller.isByte;
  }
}

const COLLECT_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    const collector = request.owner;
    if (!collect(collector, chunk)) return;
    // A loop and not a recursion: a full queue answers at once, many times.
    if (collector.isReading) collector.wasAnswered = true;
    else readOn(collector);
  },
  close(request) {
    const { convert, deferred } = request.owner;
    request.owner.isDone = true;
    // The bytes go through no promise of ours: one would call a `then` that a Worker put on
    // Object.prototype.
    try {
      resolveDeferred(deferred, convert(join(request.owner)));
    } catch (e) {
      rejectDeferred(deferred, e);
    }
  },
  error(request, reason) {
    request.owner.isDone = true;
    rejectDeferred(request.owner.deferred, reason);
  },
};

/** Keeps a chunk; false when reading ends with it. */
function collect(collector, chunk) {
  if (typedArrayName(chunk) !== "Uint8Array") {
    collector.isDone = true;
    rejectDeferred(
      collector.deferred,
      new TypeError("This ReadableStream did not return bytes: its chunks must be Uint8Arrays."),
    );
    return false;
  }
  collector.total += viewLength(chunk);
  if (collector.total > collector.maxBytes) {
    const reason = new TypeError("Memory limit would be exceeded before EOF.");
    collector.isDone = true;
    listClear(collector.chunks);
    rejectDeferred(collector.deferred, reason);
    cancelReader(collector.reader, reason);
    return false;
  }
  const own = collector.ownsChunks
    ? chunk
    : cloneBytes(viewBuffer(chunk), viewOffset(chunk), viewLength(chunk));
  listPush(collector.chunks, new CollectedChunk(own));
  return true;
}

function readOn(collector) {
  do {
    collector.wasAnswered = false;
    collector.isReading = true;
    readDefault(collector.reader, collector.request);
    collector.isReading = false;
  } while (collector.wasAnswered && !collector.isDone);
}

/** All bytes in memory of their own. */
function join(collector) {
  const { chunks, total } = collector;
  const first = chunks.head;
  if (chunks.length === 1 && bufferLength(viewBuffer(first.bytes)) === total) return first.bytes;
  const all = new Uint8Array(total);
  let offset = 0;
  for (let entry = first; entry !== undefined; entry = entry.next) {
    TypedArrayPrototypeSet(all, entry.bytes, offset);
    offset += viewLength(entry.bytes);
  }
  return all;
}

/** Reads a stream to its end; it stays locked.
 * https://streams.spec.whatwg.org/#readablestreamdefaultreader-read-all-bytes
 * @param {ReadableStream} stream not locked
 * @param {(bytes: Uint8Array) => any} convert gets them in memory of their own; may throw
 * @param {number} [maxBytes] more than that rejects and cancels the stream
 * @returns {Promise<any>} what `convert` gave */
export function readAllBytes(stream, convert, maxBytes = Infinity) {
  const record = readableRecordOf(stream);
  const refused = foreignOwner(record);
  if (refused !== undefined) return PromiseReject(refused);
  const collector = new Collector(record, maxBytes, convert);
  readOn(collector);
  return collector.deferred.promise;
}

/** A transform stream of the platform, as `{ readable, writable, record }`; `record` is for the
 * functions below. `transform(chunk)` and `flush()` may throw and may return promises.
 * https://streams.spec.whatwg.org/#transformstream-set-up
 * @param {{ transform: (chunk: any) => any, flush?: () => any, cancel?: (reason: any) => any }}
 * algorithms */
export function createTransformStream(algorithms) {
  const record = new TransformRecord();
  const { transform, flush, cancel } = algorithms;
  initializeTransform(record, undefined, 1, undefined, 0, undefined);
  record.transformAlgorithm = (_record, chunk) =>
    invokeChunkCallback(transform, undefined, [chunk]);
  if (flush !== undefined) {
    record.flushAlgorithm = () => invokePromiseCallback(flush, undefined, []);
  }
  if (cancel !== undefined) {
    record.cancelAlgorithm = (_record, reason) =>
      invokePromiseCallback(cancel, undefined, [reason]);
  }
  const readable = readableFace(record.readable);
  const writable = writableFace(record.writable);
  return { __proto__: null, readable, writable, record };
}

/** Gives a chunk to the readable side. @param {any} record of `createTransformStream`
 * @param {any} chunk */
export function transformEnqueue(record, chunk) {
  enqueueTransformed(record, chunk);
}

/** Errors both sides. @param {any} record of `createTransformStream` @param {any} reason */
export function transformError(record, reason) {
  errorTransform(record, reason);
}

/** Closes the readable side and errors the writable one.
 * @param {any} record of `createTransformStream` */
export function transformTerminate(record) {
  terminateTransform(record);
}
