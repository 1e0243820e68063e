/**
 * Bodies: what `Request` and `Response` have in common.
 *
 * A body stays what it came from (a string, bytes, the number of a native body) as long as nobody
 * asks for its stream. Reading the whole of it, sending it, cloning it or passing it on then costs
 * no stream at all.
 * https://fetch.spec.whatwg.org/#body-mixin
 * @module
 */

import { body_cancel, body_read, utf8_encode } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { checkContext } from "../context.js";
import {
  abortReason,
  addAbortAlgorithm,
  isAborted,
  removeAbortAlgorithm,
} from "../events/abort.js";
import { load, loaded } from "../lazy.js";
import { isSearchParams, textOfSearchParams } from "../url/search_params.js";
import { copyOfBytes, isBufferSource, isObject } from "../webidl/webidl.js";

const {
  Object,
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  StringPrototypeToWellFormed,
  SymbolAsyncIterator,
  SymbolIterator,
  TypeError,
} = primordials;

const USED =
  "Body has already been used. It can only be used once. " +
  "Use tee() first if you need to read it twice.";
const LOCKED = "This ReadableStream is currently locked to a reader.";
const LOCKED_BODY =
  "This ReadableStream is locked to a reader, and cannot be used as a body.";
const DISTURBED =
  "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.";

const TEXT_TYPE = "text/plain;charset=UTF-8";
const URLENCODED_TYPE = "application/x-www-form-urlencoded;charset=UTF-8";

const plainToString = Object.prototype.toString;

/** Streams: what is done with one that there is, or makes the first. */
const streams = () => load("streams/streams.js");

/** https://fetch.spec.whatwg.org/#concept-body */
export class Body {
  /**
   * A string, a Uint8Array that nobody changes, or the number of a native body; null when there is
   * only a stream.
   */
  source = null;
  /** The ReadableStream, once there is one. */
  stream = undefined;
  /** Whether it was consumed or handed over, other than through its stream. */
  used = false;
  /** The request that the native body belongs to. */
  owner = undefined;
  /**
   * What aborts the native body: then reads give the signal's reason.
   * @type {AbortSignal | null}
   */
  signal = null;

  /** @param {string | Uint8Array | number | null} source @param {ReadableStream} [stream] */
  constructor(source, stream = undefined) {
    this.source = source;
    this.stream = stream;
  }
}
internal(Body);

/**
 * The body with this native number.
 * @param {number} id @param {any} owner the context it belongs to @returns {Body}
 */
export function nativeBody(id, owner, signal = null) {
  const body = new Body(id);
  body.owner = owner;
  body.signal = signal;
  return body;
}

/** The body of which nothing is left but that it was used. @returns {Body} */
export function usedBody() {
  const body = new Body("");
  body.used = true;
  return body;
}

/** The content type that goes with what `extractBody` was given last, or null. */
export let extractedType = null;

/**
 * The platform's own kind of body: an iterable whose items are bytes. What has a `toString` of its
 * own, as arrays and String objects have, is a string as in the standard.
 */
function isIterable(value) {
  if (!isObject(value)) return false;
  if (typeof value[SymbolAsyncIterator] === "function") return true;
  return typeof value[SymbolIterator] === "function" && value.toString === plainToString;
}

/** The body of an object of the platform; undefined for any other. */
function extractObject(value) {
  const streamApi = loaded("streams/streams.js");
  if (streamApi !== undefined && (0, streamApi.isReadableStream)(value)) {
    if ((0, streamApi.isDisturbed)(value)) throw new TypeError(DISTURBED);
    if ((0, streamApi.isLocked)(value)) throw new TypeError(LOCKED_BODY);
    return new Body(null, value);
  }
  if (isBufferSource(value)) return new Body(copyOfBytes(value));
  const blobApi = loaded("blob/blob.js");
  if (blobApi !== undefined && (0, blobApi.isBlobObject)(value)) {
    const type = (0, blobApi.typeOfBlob)(value);
    if (type !== "") extractedType = type;
    return new Body((0, blobApi.bytesOfBlob)(value));
  }
  const formApi = loaded("fetch/form_data.js");
  if (formApi !== undefined && (0, formApi.isFormDataObject)(value)) {
    const { serializeMultipart } = load("fetch/multipart.js");
    const { body, boundary } = serializeMultipart((0, formApi.entriesOfFormData)(value));
    extractedType = `multipart/form-data; boundary=${boundary}`;
    return typeof body === "string" ? body : new Body(body);
  }
  if (isSearchParams(value)) {
    extractedType = URLENCODED_TYPE;
    return textOfSearchParams(value);
  }
  return undefined;
}

/**
 * https://fetch.spec.whatwg.org/#concept-bodyinit-extract
 * Sets `extractedType`. A string stays a string: `asBody` makes a Body of it when one is needed.
 * @param {any} value neither null nor undefined @returns {string | Body}
 */
export function extractBody(value) {
  if (typeof value === "string") {
    extractedType = TEXT_TYPE;
    return StringPrototypeToWellFormed(value);
  }
  extractedType = null;
  if (isObject(value)) {
    const extracted = extractObject(value);
    if (extracted !== undefined) return extracted;
  }
  if (isIterable(value)) return new Body(null, (0, streams().createStreamFrom)(value));
  const text = `${value}`;
  extractedType = TEXT_TYPE;
  return StringPrototypeToWellFormed(text);
}

/** @param {null | string | Body} body @returns {Body | null} */
export function asBody(body) {
  return typeof body === "string" ? new Body(body) : body;
}

/** https://fetch.spec.whatwg.org/#dom-body-bodyused @param {Body} body */
export function isUsed(body) {
  return body.used || (body.stream !== undefined && (0, streams().isDisturbed)(body.stream));
}

/**
 * Throws where the body is unusable. https://fetch.spec.whatwg.org/#body-unusable
 * @param {Body} body
 */
export function requireUsable(body) {
  if (isUsed(body)) throw new TypeError(USED);
  if (body.stream !== undefined && (0, streams().isLocked)(body.stream)) {
    throw new TypeError(LOCKED);
  }
}

/** The body itself, where it is usable. @param {Body} body @returns {Body} */
export function usableBody(body) {
  requireUsable(body);
  return body;
}

/**
 * Locks a stream and marks it as read from, so that nobody else gets what the platform takes from
 * behind it.
 */
function seal(stream) {
  const { acquireReader, readChunk } = streams();
  PromisePrototypeThen(readChunk(acquireReader(stream)), undefined, () => {});
}

/**
 * The stream of a body that was consumed before anybody asked for its stream: locked, disturbed,
 * empty.
 */
function consumedStream() {
  const { closeStream, createReadableByteStream } = streams();
  const stream = createReadableByteStream();
  closeStream(stream);
  seal(stream);
  return stream;
}

/**
 * Starts a native read. Where a signal aborts it, the promise is rejected with the signal's reason
 * at once.
 * @param {(id: number) => Promise<any>} read an op @param {number} id
 * @param {AbortSignal | null} signal @returns {Promise<any>}
 */
export function readNative(read, id, signal) {
  if (signal === null) return read(id);
  if (isAborted(signal)) return PromiseReject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal));
    const settle = (fn, value) => {
      removeAbortAlgorithm(signal, onAbort);
      // The body was not there to be cancelled while it was read from.
      if (isAborted(signal)) body_cancel(id);
      fn(value);
    };
    addAbortAlgorithm(signal, onAbort);
    PromisePrototypeThen(
      read(id),
      (value) => settle(resolve, value),
      (error) => settle(reject, error),
    );
  });
}

/**
 * A stream of a native body. The number stays visible, so that an untouched stream can be passed on
 * natively.
 */
function streamOfNative(id, owner, signal) {
  const { createNativeByteStream, errorStream } = streams();
  const stream = createNativeByteStream({
    __proto__: null,
    bodyId: id,
    owner,
    signal,
    read: () => readNative(body_read, id, signal),
    cancel: () => body_cancel(id),
  });
  if (signal !== null) {
    if (isAborted(signal)) errorStream(stream, abortReason(signal));
    else addAbortAlgorithm(signal, () => errorStream(stream, abortReason(signal)));
  }
  return stream;
}

/** @param {string | Uint8Array} source */
const bytesOfSource = (source) => (typeof source === "string" ? utf8_encode(source) : source);

/** The stream of a body, made now if need be. @param {Body} body @returns {ReadableStream} */
export function streamOf(body) {
  if (body.stream !== undefined) return body.stream;
  const { source } = body;
  if (body.used) {
    body.stream = consumedStream();
  } else if (typeof source === "number") {
    body.stream = streamOfNative(source, body.owner, body.signal);
  } else {
    body.stream = (0, load("blob/blob.js").streamOfBytes)(bytesOfSource(source));
  }
  return body.stream;
}

/**
 * https://fetch.spec.whatwg.org/#concept-body-clone
 * @param {Body} body @returns {Body} a second one with the same content
 */
export function cloneBody(body) {
  requireUsable(body);
  const { source } = body;
  if (source !== null && typeof source !== "number" && body.stream === undefined) {
    return new Body(source);
  }
  const branches = (0, streams().teeForClone)(streamOf(body));
  body.stream = branches[0];
  if (typeof source === "number") body.source = null;
  return new Body(body.source, branches[1]);
}

/**
 * Hands a body over to a new owner; the old one is used from then on, and its stream, if it has
 * one, is locked. A stream that a Worker has made itself is not wrapped: both owners hold it.
 * https://fetch.spec.whatwg.org/#concept-body-proxy
 * @param {Body} body a usable one
 * @returns {Body}
 */
export function takeBody(body) {
  requireUsable(body);
  const { source, stream } = body;
  body.used = true;
  if (stream === undefined) {
    return typeof source === "number"
      ? nativeBody(source, body.owner, body.signal)
      : new Body(source);
  }
  if (source !== null && typeof source !== "number") {
    seal(stream);
    return new Body(source);
  }
  const native = untouchedNative(stream);
  if (native === null) return new Body(null, stream);
  (0, streams().detachNativeSource)(stream);
  return nativeBody(native.bodyId, native.owner, native.signal);
}

/**
 * What `streamOfNative` was made from, while nobody has read from the stream; null for other
 * streams.
 */
function untouchedNative(stream) {
  const native = (0, streams().nativeSourceOf)(stream);
  return native === undefined || native === null || native.bodyId === undefined ? null : native;
}

/** How a body can be sent; `sendable` sets `kind` and `value`. */
export const NO_BODY = 0;
export const BYTES_BODY = 1;
export const STREAM_BODY = 2;
export const NATIVE_BODY = 3;

/** What `takeSendable` gives. A class, for objects without prototype have slow properties. */
class Sendable {
  kind = NO_BODY;
  value = null;
}
internal(Sendable);

/** One record for all calls. */
export const sendable = new Sendable();

/** @param {number} kind @param {any} value */
function give(kind, value) {
  sendable.kind = kind;
  sendable.value = value;
}

/**
 * Consumes a body in order to send it. Sets `sendable`: a string or bytes as they are, a native
 * body by its number (so that no JavaScript runs for its bytes), else the stream, which the caller
 * pumps.
 * @param {null | string | Body} body
 */
export function takeSendable(body) {
  if (body === null) return give(NO_BODY, null);
  if (typeof body === "string") return give(BYTES_BODY, body);
  requireUsable(body);
  const { source, stream } = body;
  if (typeof source === "number" && stream === undefined) {
    checkContext(body.owner, "ReadableStream");
    body.used = true;
    return give(NATIVE_BODY, source);
  }
  if (source !== null && typeof source !== "number") {
    body.used = true;
    if (stream !== undefined) seal(stream);
    return give(BYTES_BODY, source);
  }
  const content = (0, streams().untouchedContent)(stream);
  if (content !== undefined) {
    body.used = true;
    seal(stream);
    return give(BYTES_BODY, content);
  }
  const native = untouchedNative(stream);
  if (native !== null) checkContext(native.owner, "ReadableStream");
  body.used = true;
  if (native === null) return give(STREAM_BODY, stream);
  (0, streams().detachNativeSource)(stream);
  return give(NATIVE_BODY, native.bodyId);
}
