/**
 * IdentityTransformStream and FixedLengthStream: bytes go through as they are, with no queue
 * between the sides.
 *
 * A write is settled when a reader has taken its bytes. A reader that brings a view of its own gets
 * them copied straight into it.
 * https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/
 * @module
 */

import { utf8_encode } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import {
  bytesOf,
  defineInterface,
  isBufferSource,
  requireArguments,
  toUnrestrictedDouble,
} from "../webidl/webidl.js";
import { viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { closeAndAnswer, getByobRequest, respondByob } from "./byob_algorithms.js";
import { readableRecordOf } from "./faces.js";
import { Deferred, rejectDeferred, resolveDeferred } from "./promises.js";
import { convertStrategy, extractHighWaterMark } from "./queuing.js";
import { enqueueOwned, setUpByteController } from "./readable_byte.js";
import { errorController } from "./readable_controller.js";
import { hasByobReader, waitingRequests } from "./readable_operations.js";
import { ReadableRecord } from "./records.js";
import { internalToken } from "./token.js";
import { TransformStream } from "./transform_stream.js";
import { errorWritableIfNeeded, setUpWritableController } from "./writable_controller.js";
import { WritableRecord } from "./writable_records.js";

const {
  Number,
  NumberIsInteger,
  NumberMAX_SAFE_INTEGER,
  PromiseReject,
  TypeError,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;

const NOT_BYTES =
  "This TransformStream is being used as a byte stream, but received an object of " +
  "non-ArrayBuffer/ArrayBufferView type on its writable side.";
const DETACHED = "The buffer of a chunk was detached before its bytes had been read.";
const TOO_MANY = "Attempt to write too many bytes through a FixedLengthStream.";
const TOO_FEW = "FixedLengthStream did not see all expected bytes before close().";

/** Both sides, and the write that goes on. Has the fields that TransformStream looks at. */
class IdentityRecord {
  readable = new ReadableRecord();
  writable = new WritableRecord();
  /** What is left of the chunk that is being written; a view of the writer's memory. */
  pending = undefined;
  written = undefined;
  /** Bytes that may still be written; undefined without a limit. */
  room = undefined;
}
internal(IdentityRecord);

/** Strings go through as UTF-8. */
function toIdentityBytes(chunk) {
  if (typeof chunk === "string") return utf8_encode(chunk);
  if (!isBufferSource(chunk)) throw new TypeError(NOT_BYTES);
  return chunk;
}

function makeIdentity(highWaterMark, sizeAlgorithm, length) {
  const record = new IdentityRecord();
  const { readable, writable } = record;
  record.room = length;
  readable.expectedLength = length;
  const cancel = (_controller, reason) => cancelled(record, reason);
  const source = setUpByteController(readable, () => feed(record), cancel, 0);
  source.started = true;
  const sink = {
    __proto__: null,
    write: (_controller, chunk) => writeIdentity(record, chunk),
    close: () => close(record),
    abort: (_controller, reason) => errorController(readable.controller, reason),
  };
  const controller = setUpWritableController(writable, sink, highWaterMark, sizeAlgorithm);
  controller.convertChunk = toIdentityBytes;
  // The write that goes on waits for a reader, who may never come.
  controller.onAbort = (_controller, reason) => dropPending(record, reason);
  return record;
}

function writeIdentity(record, chunk) {
  const bytes = bytesOf(chunk);
  const length = viewLength(bytes);
  if (length === 0) return undefined;
  if (record.room !== undefined) {
    if (length > record.room) return fail(record, TOO_MANY);
    record.room -= length;
  }
  const written = new Deferred();
  record.pending = bytes;
  record.written = written;
  feed(record);
  return written.promise;
}

function fail(record, message) {
  const reason = new TypeError(message);
  errorController(record.readable.controller, reason);
  return PromiseReject(reason);
}

/** Hands bytes to the reads that wait. */
function feed(record) {
  const { readable } = record;
  const { controller } = readable;
  while (record.pending !== undefined && waitingRequests(readable) > 0) {
    if (viewLength(record.pending) === 0) {
      const reason = new TypeError(DETACHED);
      errorController(controller, reason);
      dropPending(record, reason);
    } else if (hasByobReader(readable)) {
      fillView(record, getByobRequest(controller));
    } else {
      // The writer may use its memory again when the write is settled: the reader gets a copy.
      const bytes = new Uint8Array(record.pending);
      taken(record, viewLength(bytes));
      enqueueOwned(controller, viewBuffer(bytes), 0, viewLength(bytes));
    }
  }
}

function fillView(record, request) {
  const { pending } = record;
  const { controller, view } = request;
  const room = viewLength(view);
  const length = viewLength(pending);
  const count = length < room ? length : room;
  const part = new Uint8Array(viewBuffer(pending), viewOffset(pending), count);
  TypedArrayPrototypeSet(view, part);
  taken(record, count);
  respondByob(controller, count);
}

/** Bytes of the chunk that goes through are about to reach the reader. */
function taken(record, count) {
  const { pending, readable } = record;
  if (readable.expectedLength !== undefined) readable.expectedLength -= count;
  const length = viewLength(pending);
  if (count === length) {
    record.pending = undefined;
    resolveDeferred(record.written, undefined);
  } else {
    record.pending = new Uint8Array(
      viewBuffer(pending), viewOffset(pending) + count, length - count,
    );
  }
}

function close(record) {
  if (record.room !== undefined && record.room > 0) return fail(record, TOO_FEW);
  try {
    closeAndAnswer(record.readable.controller);
  } catch (e) {
    return PromiseReject(e);
  }
  return undefined;
}

function dropPending(record, reason) {
  if (record.pending === undefined) return;
  record.pending = undefined;
  rejectDeferred(record.written, reason);
}

function cancelled(record, reason) {
  errorWritableIfNeeded(record.writable.controller, reason);
  dropPending(record, reason);
}

/** The chunks have been converted before they are measured. */
const sizeOfChunk = (chunk) => viewLength(bytesOf(chunk));

/** Without a strategy one write is wanted at a time; a high water mark is in bytes. */
function recordFor(strategy, what, length) {
  const queuing = convertStrategy(strategy, what);
  const sizeAlgorithm = queuing.highWaterMark === undefined ? undefined : sizeOfChunk;
  return makeIdentity(extractHighWaterMark(queuing, 1), sizeAlgorithm, length);
}

/** https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#identitytransformstream */
export class IdentityTransformStream extends TransformStream {
  constructor(queuingStrategy = { __proto__: null }, record = undefined) {
    if (queuingStrategy === internalToken) {
      super(internalToken, record);
      return;
    }
    const what = "Failed to construct 'IdentityTransformStream': parameter 1";
    super(internalToken, recordFor(queuingStrategy, what, undefined));
  }
}
defineInterface(IdentityTransformStream);

/** A length in bytes, given as number or bigint. */
function toLength(v, what) {
  const length = typeof v === "bigint" ? Number(v) : toUnrestrictedDouble(v, what);
  if (!NumberIsInteger(length) || length < 0 || length > NumberMAX_SAFE_INTEGER) {
    throw new TypeError("FixedLengthStream requires an integer expected length less than 2^53.");
  }
  return length;
}

/** https://developers.cloudflare.com/workers/runtime-apis/streams/transformstream/#fixedlengthstream */
export class FixedLengthStream extends IdentityTransformStream {
  constructor(expectedLength, queuingStrategy = { __proto__: null }) {
    const what = "Failed to construct 'FixedLengthStream'";
    requireArguments(arguments.length, 1, what);
    const length = toLength(expectedLength, `${what}: parameter 1`);
    super(internalToken, recordFor(queuingStrategy, `${what}: parameter 2`, length));
  }
}
defineInterface(FixedLengthStream);

/** How many bytes a stream will still give, where that is known: for the readable side of a
 * FixedLengthStream.
 * @param {any} readable a ReadableStream @returns {number | undefined} */
export function expectedLength(readable) {
  return readableRecordOf(readable).expectedLength;
}
