/**
 * Reading a stream to its end into one piece of memory.
 * https://streams.spec.whatwg.org/#readablestreamdefaultreader-read-all-bytes
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { bytesOf, isBufferSource, typedArrayName } from "../webidl/webidl.js";
import { bufferLength, cloneBytes, viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { readableRecordOf } from "./faces.js";
import { Deferred, markHandled, rejectDeferred, resolveDeferred } from "./promises.js";
import { List, listClear, listPush } from "./queue.js";
import { cancelStream } from "./readable_controller.js";
import { foreignOwner } from "./readable_operations.js";
import { acquireDefaultReader, readDefault } from "./readers.js";
import { ReadRequest } from "./records.js";

const { PromiseReject, TypeError, TypedArrayPrototypeSet, Uint8Array } = primordials;

/** Chunks up to this size are gathered in larger pieces: an object each would outweigh them. */
const SMALL_CHUNK_BYTES = 4096;
const SMALLEST_PIECE_BYTES = 512;
const LARGEST_PIECE_BYTES = 65536;

/** Memory of ours with bytes of the stream at its beginning. */
class Piece {
  next = undefined;

  constructor(bytes, length) {
    this.bytes = bytes;
    this.capacity = viewLength(bytes);
    this.length = length;
  }
}
internal(Piece);

/** The state of `readAllBytes`. */
class Collector {
  deferred = new Deferred();
  pieces = new List();
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
internal(Collector);

const COLLECT_STEPS = {
  __proto__: null,
  takesEarly: true,
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

/** Keeps a chunk, which may be a buffer or any view; false when reading ends with it. */
function collect(collector, value) {
  if (!isBufferSource(value)) {
    collector.isDone = true;
    const reason = new TypeError("This ReadableStream did not return bytes.");
    rejectDeferred(collector.deferred, reason);
    return false;
  }
  const chunk = typedArrayName(value) === "Uint8Array" ? value : bytesOf(value);
  collector.total += viewLength(chunk);
  if (collector.total > collector.maxBytes) {
    const reason = new TypeError("Memory limit would be exceeded before EOF.");
    collector.isDone = true;
    listClear(collector.pieces);
    rejectDeferred(collector.deferred, reason);
    markHandled(cancelStream(collector.reader.stream, reason));
    return false;
  }
  keep(collector, chunk);
  return true;
}

function keep(collector, chunk) {
  const length = viewLength(chunk);
  // Nothing, or on a buffer that was detached after it was enqueued.
  if (length === 0) return;
  const { ownsChunks, pieces, total } = collector;
  const last = pieces.tail;
  if (last !== undefined && last.capacity - last.length >= length) {
    TypedArrayPrototypeSet(last.bytes, chunk, last.length);
    last.length += length;
  } else if (last !== undefined && length <= SMALL_CHUNK_BYTES) {
    // As large as all that came before, within bounds: few pieces, and little room left over.
    let size = total > LARGEST_PIECE_BYTES ? LARGEST_PIECE_BYTES : total;
    if (size < SMALLEST_PIECE_BYTES) size = SMALLEST_PIECE_BYTES;
    const bytes = new Uint8Array(size);
    TypedArrayPrototypeSet(bytes, chunk);
    listPush(pieces, new Piece(bytes, length));
  } else {
    const own = ownsChunks ? chunk : cloneBytes(viewBuffer(chunk), viewOffset(chunk), length);
    listPush(pieces, new Piece(own, length));
  }
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
  const { pieces, total } = collector;
  const first = pieces.head;
  if (pieces.length === 1 && bufferLength(viewBuffer(first.bytes)) === total) return first.bytes;
  const all = new Uint8Array(total);
  let offset = 0;
  for (let piece = first; piece !== undefined; piece = piece.next) {
    const { bytes, capacity, length } = piece;
    const used = length === capacity ? bytes : new Uint8Array(viewBuffer(bytes), 0, length);
    TypedArrayPrototypeSet(all, used, offset);
    offset += length;
  }
  return all;
}

/** Reads a stream to its end; it stays locked.
 * @param {any} stream a ReadableStream that is not locked
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
