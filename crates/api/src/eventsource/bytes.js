/**
 * The bytes of an event stream, wherever they come from.
 * @module
 */

import { body_cancel, body_read, utf8_encode } from "isolde:ops";
import { BYTES_BODY, NATIVE_BODY, STREAM_BODY, readNative } from "../fetch/body.js";
import { internal } from "../internal.js";
import { load } from "../lazy.js";
import { primordials } from "../primordials.js";
import { isBufferSource } from "../webidl/webidl.js";

const { PromisePrototypeThen, TypeError } = primordials;

const toBytes = (chunk) => {
  const bytes = typeof chunk === "string" ? utf8_encode(chunk) : chunk;
  if (!isBufferSource(bytes)) throw new TypeError("The stream of an EventSource must give bytes.");
  return bytes;
};

/** What is read, once and to its end. */
export class Bytes {
  /** @param {number} kind of a body, as `responseParts` gives it @param {any} body
   * @param {AbortSignal | null} signal that ends a native body */
  constructor(kind, body, signal) {
    this.kind = kind;
    this.body = body;
    this.signal = signal;
  }
}
internal(Bytes);

/** The bytes of a stream, which is locked from now on. @param {any} stream a ReadableStream
 * @returns {Bytes} */
export function bytesOfStream(stream) {
  return new Bytes(STREAM_BODY, (0, load("streams/streams.js").acquireReader)(stream), null);
}

/** @param {number} kind @param {any} body @param {AbortSignal | null} signal @returns {Bytes} */
export function bytesOfBody(kind, body, signal) {
  return kind === STREAM_BODY ? bytesOfStream(body) : new Bytes(kind, body, signal);
}

/** The next bytes; undefined at the end.
 * @param {Bytes} bytes @returns {Promise<ArrayBuffer | ArrayBufferView | undefined>} */
export async function readBytes(bytes) {
  const { body, kind, signal } = bytes;
  if (kind === NATIVE_BODY) return await readNative(body_read, body, signal);
  if (kind === STREAM_BODY) {
    const { done, value } = await (0, load("streams/streams.js").readChunk)(body);
    return done ? undefined : toBytes(value);
  }
  bytes.body = undefined;
  return kind === BYTES_BODY && body !== undefined ? toBytes(body) : undefined;
}

/** Nobody reads any more. @param {Bytes} bytes @param {any} reason */
export function cancelBytes({ body, kind }, reason) {
  if (kind === NATIVE_BODY) body_cancel(body);
  if (kind !== STREAM_BODY) return;
  const cancelled = (0, load("streams/streams.js").cancelReader)(body, reason);
  PromisePrototypeThen(cancelled, undefined, () => {});
}
