/**
 * Pumping a stream that JavaScript feeds into a native sink: request bodies going out and response
 * bodies going back.
 * @module
 */

import { sink_abort, sink_close, sink_write } from "isolde:ops";
import { primordials } from "../primordials.js";
import { acquireReader, cancelReader, readChunk } from "../streams/streams.js";
import { bytesOf, isBufferSource, isObject } from "../webidl/webidl.js";

const { TypedArrayPrototypeGetByteLength, TypeError } = primordials;

const NOT_BYTES = "This ReadableStream did not return bytes.";

/** The message that the native side logs; reading it may not run a Worker's getters. */
const STREAM_FAILED = "The stream of the body failed.";

/**
 * Sends the stream's chunks to the sink, one at a time, each when the one before has been taken.
 * @param {any} reader of the stream @param {number} sink @returns {Promise<void>}
 */
async function pumpChunks(reader, sink) {
  for (;;) {
    const { value, done } = await readChunk(reader);
    if (done) return;
    if (!isObject(value) || !isBufferSource(value)) throw new TypeError(NOT_BYTES);
    const bytes = bytesOf(value);
    if (TypedArrayPrototypeGetByteLength(bytes) > 0) await sink_write(sink, bytes);
  }
}

/**
 * Reads a stream to its end into a native sink. Whatever goes wrong, on either side, aborts the
 * sink, cancels the stream and rejects the promise.
 * @param {ReadableStream} stream an unlocked one
 * @param {number} sink
 * @returns {Promise<void>}
 */
export async function pumpStream(stream, sink) {
  return pumpReader(acquireReader(stream), sink);
}

/**
 * As `pumpStream`, for who wants to cancel the reader meanwhile.
 * @param {any} reader @param {number} sink @returns {Promise<void>}
 */
export async function pumpReader(reader, sink) {
  try {
    await pumpChunks(reader, sink);
  } catch (error) {
    sink_abort(sink, STREAM_FAILED);
    cancelReader(reader, error);
    throw error;
  }
  await sink_close(sink);
}
