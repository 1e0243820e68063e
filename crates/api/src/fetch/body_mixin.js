/**
 * The members that Request and Response have for their bodies: reading a whole body, in six forms.
 * https://fetch.spec.whatwg.org/#body-mixin
 * @module
 */

import { body_read_all, utf8_decode, utf8_encode } from "isolde:ops";
import { primordials } from "../primordials.js";
import { checkContext } from "../context.js";
import { abortReason, isAborted } from "../events/abort.js";
import { load } from "../lazy.js";
import { copyOfBytes } from "../webidl/webidl.js";
import { isUsed, requireUsable, streamOf } from "./body.js";
import { extractMimeType, mimeEssence, serializeMimeType } from "./mime.js";

const {
  ArrayBufferPrototypeGetByteLength,
  JSONParse,
  ObjectDefineProperties,
  ObjectGetOwnPropertyDescriptors,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  Uint8Array,
} = primordials;

const BYTE_ORDER_MARK = 0xfeff;

/** @param {Uint8Array} bytes fresh ones @returns {Uint8Array} */
const toBytes = (bytes) => bytes;

/** @param {Uint8Array} bytes fresh ones @returns {ArrayBuffer} */
function toArrayBuffer(bytes) {
  const buffer = TypedArrayPrototypeGetBuffer(bytes);
  const whole =
    TypedArrayPrototypeGetByteLength(bytes) === ArrayBufferPrototypeGetByteLength(buffer);
  return whole ? buffer : TypedArrayPrototypeGetBuffer(copyOfBytes(bytes));
}

/** @param {Uint8Array} bytes @returns {string} */
const toText = (bytes) => utf8_decode(bytes, false, false);

/** @param {Uint8Array} bytes @returns {any} */
const toJson = (bytes) => JSONParse(utf8_decode(bytes, false, false));

/** A string body is its own text, but for the byte order mark that decoding would remove. */
function textOfString(text) {
  if (text.length > 0 && StringPrototypeCharCodeAt(text, 0) === BYTE_ORDER_MARK) {
    return StringPrototypeSlice(text, 1);
  }
  return text;
}

const readStream = (stream, convert) =>
  (0, load("streams/streams.js").readAllBytes)(stream, convert);

/**
 * https://fetch.spec.whatwg.org/#concept-body-consume-body
 * @param {import('./body.js').Body | null} body
 * @param {(bytes: Uint8Array) => any} convert gets bytes that nobody else has where `fresh` is true
 * @param {boolean} fresh
 * @returns {Promise<any>}
 */
function consume(body, convert, fresh) {
  if (body === null) return PromiseResolve(convert(new Uint8Array(0)));
  const { signal } = body;
  if (signal !== null && isAborted(signal)) return PromiseReject(abortReason(signal));
  requireUsable(body);
  const { source, stream } = body;
  // Chunk by chunk where a signal may end it: the native read of a whole body cannot be ended.
  if (typeof source === "number" && stream === undefined && signal !== null) {
    checkContext(body.owner, "ReadableStream");
    return readStream(streamOf(body), convert);
  }
  if (stream !== undefined) return readStream(stream, convert);
  if (typeof source === "number") {
    checkContext(body.owner, "ReadableStream");
    body.used = true;
    return PromisePrototypeThen(body_read_all(source), convert);
  }
  body.used = true;
  if (typeof source === "string") return PromiseResolve(convert(utf8_encode(source)));
  return PromiseResolve(convert(fresh ? copyOfBytes(source) : source));
}

/** The text of a string body that nobody has touched; null where there is no such shortcut. */
function takeString(body) {
  if (body === null) return "";
  if (typeof body.source !== "string" || body.stream !== undefined || body.used) return null;
  body.used = true;
  return textOfString(body.source);
}

/** https://fetch.spec.whatwg.org/#dom-body-formdata */
function toFormData(bytes, contentType) {
  const mime = extractMimeType(contentType);
  const essence = mime === null ? "" : mimeEssence(mime);
  const { createFormData } = load("fetch/form_data.js");
  const { parseMultipart, parseUrlEncodedBytes } = load("fetch/multipart.js");
  if (essence === "multipart/form-data") {
    const { boundary } = mime.parameters;
    if (boundary === undefined) {
      throw new TypeError("The Content-Type multipart/form-data has no boundary parameter.");
    }
    return createFormData(parseMultipart(bytes, boundary));
  }
  if (essence === "application/x-www-form-urlencoded") {
    return createFormData(parseUrlEncodedBytes(bytes));
  }
  throw new TypeError(
    `Unrecognized Content-Type header value. FormData can only parse the following MIME types: ` +
      `multipart/form-data, application/x-www-form-urlencoded.`,
  );
}

/** https://fetch.spec.whatwg.org/#dom-body-blob */
function toBlob(bytes, contentType) {
  const mime = extractMimeType(contentType);
  const { createBlob } = load("blob/blob.js");
  return createBlob(bytes, mime === null ? "" : serializeMimeType(mime));
}

/**
 * Gives a class the members of the Body mixin.
 * @param {Function} Class
 * @param {(instance: any) => import('./body.js').Body | null} bodyOf checks the brand
 * @param {(instance: any) => string | null} contentTypeOf the value of Content-Type
 */
export function installBody(Class, bodyOf, contentTypeOf) {
  /**
   * Runs `read` so that whatever it throws becomes a rejection, as in every method that returns a
   * promise.
   */
  const promising = (instance, read) => {
    try {
      return read(bodyOf(instance), instance);
    } catch (error) {
      return PromiseReject(error);
    }
  };
  const readText = (body) => {
    const text = takeString(body);
    return text !== null ? PromiseResolve(text) : consume(body, toText, false);
  };
  const readJson = (body) => {
    const text = takeString(body);
    return text !== null ? PromiseResolve(JSONParse(text)) : consume(body, toJson, false);
  };
  const readBytes = (body) => consume(body, toBytes, true);
  const readArrayBuffer = (body) => consume(body, toArrayBuffer, true);
  const readBlob = (body, instance) =>
    consume(body, (bytes) => toBlob(bytes, contentTypeOf(instance)), false);
  const readFormData = (body, instance) =>
    consume(body, (bytes) => toFormData(bytes, contentTypeOf(instance)), false);
  const members = {
    __proto__: null,
    get body() {
      const body = bodyOf(this);
      return body === null ? null : streamOf(body);
    },
    get bodyUsed() {
      const body = bodyOf(this);
      return body !== null && isUsed(body);
    },
    arrayBuffer() {
      return promising(this, readArrayBuffer);
    },
    blob() {
      return promising(this, readBlob);
    },
    bytes() {
      return promising(this, readBytes);
    },
    formData() {
      return promising(this, readFormData);
    },
    json() {
      return promising(this, readJson);
    },
    text() {
      return promising(this, readText);
    },
  };
  ObjectDefineProperties(Class.prototype, ObjectGetOwnPropertyDescriptors(members));
}
