/**
 * Pumping a stream that JavaScript feeds into a native sink: request bodies going out and response
 * bodies going back.
 * @module
 */

import { sink_abort, sink_close, sink_write, utf8_encode } from "isolde:ops";
import { currentContext, runInContext } from "../context.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { load } from "../lazy.js";
import { bytesOf, isBufferSource, isObject } from "../webidl/webidl.js";

const {
  Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, Promise, PromisePrototypeThen,
  PromiseResolve, TypedArrayPrototypeGetByteLength, TypeError,
} = primordials;

const NO_BYTES_FROM_STREAM = "This ReadableStream did not return bytes.";

/** The message that the native side logs; reading it may not run a Worker's getters. */
const STREAM_FAILED = "The stream of the body failed.";

/** What a stream is cancelled with when its reader is gone. */
const READER_GONE = "Network connection lost.";

const noWrite = PromiseResolve(undefined);

/** A stream on its way into a sink. */
class Pump {
  resolve = undefined;
  reject = undefined;
  context = currentContext();

  constructor(reader, sink, onLeft) {
    this.reader = reader;
    this.sink = sink;
    this.onLeft = onLeft;
    const { ReadRequest, readWith } = load("streams/streams.js");
    this.request = new ReadRequest(PUMP_STEPS, this);
    this.readNext = () => readWith(reader, this.request);
    this.onSinkFailed = (reason) => stopPump(this, reason);
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
internal(Pump);

/** The streams that are being pumped, by sink. @type {Map<number, Pump>} */
const pumps = new Map();

/** The bytes of a chunk, or an error where it is none. Strings go out as UTF-8, on the platform
 * too. */
function toSinkBytes(chunk) {
  if (typeof chunk === "string") return utf8_encode(chunk);
  if (!isObject(chunk) || !isBufferSource(chunk)) throw new TypeError(NO_BYTES_FROM_STREAM);
  return bytesOf(chunk);
}

/** Copies a chunk into the sink. That happens before the source gets to run again: it may fill the
 * same memory with the next chunk. */
function writeToPump(pump, chunk) {
  let written = noWrite;
  try {
    const bytes = toSinkBytes(chunk);
    if (TypedArrayPrototypeGetByteLength(bytes) > 0) written = sink_write(pump.sink, bytes);
  } catch (error) {
    // Not here: the source may be in the middle of a call of its controller.
    PromisePrototypeThen(noWrite, () => failPump(pump, error));
    return;
  }
  PromisePrototypeThen(written, pump.readNext, pump.onSinkFailed);
}

const PUMP_STEPS = {
  __proto__: null,
  takesEarly: true,
  chunk: (request, chunk) => writeToPump(request.owner, chunk),
  close: (request) => {
    const { resolve, sink } = request.owner;
    sink_close(sink);
    MapPrototypeDelete(pumps, sink);
    resolve();
  },
  error: (request, reason) => failPump(request.owner, reason),
};

/** Nobody reads a stream any more. */
function cancelPumped(reader, reason) {
  (0, load("streams/streams.js").cancelReader)(reader, reason);
}

/** The stream has failed. */
function failPump(pump, reason) {
  const { reject, sink } = pump;
  sink_abort(sink, STREAM_FAILED);
  MapPrototypeDelete(pumps, sink);
  cancelPumped(pump.reader, reason);
  reject(reason);
}

/** The sink takes no more. There may be somebody who reads it still, where it was memory that
 * failed. */
function stopPump(pump, reason) {
  const { resolve, sink } = pump;
  sink_abort(sink, STREAM_FAILED);
  MapPrototypeDelete(pumps, sink);
  cancelPumped(pump.reader, reason);
  resolve();
}

/**
 * Reads a stream to its end into a native sink, one chunk at a time, each when the one before has
 * been taken. When the stream fails the sink is aborted and the promise rejected. When the other
 * end has no use for more, the stream is cancelled, and that is all.
 * @param {any} reader of the stream @param {number} sink
 * @param {() => void} [onLeft] called when the other end has gone before the stream's end
 * @returns {Promise<void>}
 */
export function pumpReader(reader, sink, onLeft = undefined) {
  const pump = new Pump(reader, sink, onLeft);
  const { promise, readNext } = pump;
  MapPrototypeSet(pumps, sink, pump);
  readNext();
  return promise;
}

/** Nobody reads a sink any more: the stream behind it is cancelled. @param {number} sink */
export function sinkLeft(sink) {
  const pump = MapPrototypeGet(pumps, sink);
  if (pump === undefined) return;
  const { context, onLeft, reader } = pump;
  runInContext(context, () => {
    cancelPumped(reader, new TypeError(READER_GONE));
    if (onLeft !== undefined) onLeft();
  });
}

/** The request that a sink belonged to has ended: nothing is done with it any more, and a write to
 * it never settles. @param {number} sink */
export function forgetSink(sink) {
  MapPrototypeDelete(pumps, sink);
}

/** `pumpReader` for a stream. @param {ReadableStream} stream an unlocked one
 * @param {number} sink @param {() => void} [onLeft] @returns {Promise<void>} */
export function pumpStream(stream, sink, onLeft = undefined) {
  return pumpReader((0, load("streams/streams.js").acquireReader)(stream), sink, onLeft);
}
