/**
 * Pumping a stream that JavaScript feeds into a native sink: request bodies going out and response
 * bodies going back.
 * @module
 */

import { sink_abort, sink_close, sink_write } from "isolde:ops";
import { currentContext, runInContext } from "../context.js";
import { primordials } from "../primordials.js";
import { acquireReader, cancelReader, readChunk } from "../streams/streams.js";
import { bytesOf, isBufferSource, isObject } from "../webidl/webidl.js";

const {
  Map, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;

const NO_BYTES_FROM_STREAM = "This ReadableStream did not return bytes.";

/** The message that the native side logs; reading it may not run a Worker's getters. */
const STREAM_FAILED = "The stream of the body failed.";

/** What a stream is cancelled with when its reader is gone. */
const READER_GONE = "Network connection lost.";

/** The readers of streams that are being pumped, with their contexts, by sink.
 * @type {Map<number, any>} */
const readers = new Map();

/** The bytes of a chunk, or an error where it is none. */
function requireStreamBytes(chunk) {
  if (!isObject(chunk) || !isBufferSource(chunk)) throw new TypeError(NO_BYTES_FROM_STREAM);
  return bytesOf(chunk);
}

/**
 * Reads a stream to its end into a native sink, one chunk at a time, each when the one before has
 * been taken. When the stream fails the sink is aborted and the promise rejected. When the other
 * end has no use for more, the stream is cancelled, and that is all.
 * @param {any} reader of the stream @param {number} sink @returns {Promise<void>}
 */
export async function pumpReader(reader, sink) {
  MapPrototypeSet(readers, sink, { __proto__: null, reader, context: currentContext() });
  try {
    await pump(reader, sink);
  } finally {
    MapPrototypeDelete(readers, sink);
  }
}

/** Nobody reads a sink any more: the stream behind it is cancelled. @param {number} sink */
export function sinkLeft(sink) {
  const entry = MapPrototypeGet(readers, sink);
  if (entry === undefined) return;
  runInContext(entry.context, () => cancelReader(entry.reader, new TypeError(READER_GONE)));
}

/** The request that a sink belonged to has ended: nothing is done with it any more, and whoever
 * waits to write to it waits for ever. @param {number} sink */
export function forgetSink(sink) {
  MapPrototypeDelete(readers, sink);
}

async function pump(reader, sink) {
  for (;;) {
    let bytes;
    try {
      const { value, done } = await readChunk(reader);
      if (done) break;
      bytes = requireStreamBytes(value);
    } catch (error) {
      sink_abort(sink, STREAM_FAILED);
      cancelReader(reader, error);
      throw error;
    }
    if (TypedArrayPrototypeGetByteLength(bytes) === 0) continue;
    try {
      await sink_write(sink, bytes);
    } catch (error) {
      // There may be a reader still, where it was memory that failed.
      sink_abort(sink, STREAM_FAILED);
      cancelReader(reader, error);
      return;
    }
  }
  sink_close(sink);
}

/** `pumpReader` for a stream. @param {ReadableStream} stream an unlocked one
 * @param {number} sink @returns {Promise<void>} */
export function pumpStream(stream, sink) {
  return pumpReader(acquireReader(stream), sink);
}
