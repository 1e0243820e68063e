/**
 * `Blob`: immutable bytes with a type, held in memory.
 *
 * The bytes are never handed out, so slices, bodies and clones share them; what a Worker gets is
 * always a copy.
 * https://w3c.github.io/FileAPI/#blob-section
 * @module
 */

import { utf8_decode, utf8_encode } from "isolde:ops";
import { primordials } from "../primordials.js";
import { showAttributes } from "../console/shown.js";
import { load } from "../lazy.js";
import {
  bytesOf,
  defineInterface,
  illegalInvocation,
  isBufferSource,
  isObject,
  toDictionary,
  toDOMString,
  toEnum,
  toLongLong,
  toSequence,
  toUSVString,
} from "../webidl/webidl.js";

const {
  ArrayPrototypePush,
  MathMax,
  MathMin,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToLowerCase,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;

/** A chunk of `stream()` has at most this many bytes. */
const STREAM_CHUNK_BYTES = 1 << 20;

const CONSTRUCT_BLOB = "Failed to construct 'Blob'";
const SLICE = "Failed to execute 'slice' on 'Blob'";

const EMPTY = new Uint8Array(0);

/**
 * What the first argument of the constructor is when the platform itself makes a Blob: bytes and
 * type follow.
 */
export const OUR_BLOB = { __proto__: null };

const ENDINGS = ["transparent", "native"];

/** Members of BlobPropertyBag. */
export const BLOB_PROPERTIES = [
  { key: "endings", convert: (v, what) => toEnum(v, ENDINGS, what), default: "transparent" },
  { key: "type", convert: toDOMString, default: "" },
];

/** A view on part of a typed array's memory, without the species lookup of `subarray`.
 * @param {Uint8Array} bytes @param {number} start @param {number} length @returns {Uint8Array} */
export function viewOf(bytes, start, length) {
  const offset = TypedArrayPrototypeGetByteOffset(bytes) + start;
  return new Uint8Array(TypedArrayPrototypeGetBuffer(bytes), offset, length);
}

/** @param {Uint8Array} bytes @returns {Uint8Array} over memory of its own */
export function copyOf(bytes) {
  const copy = new Uint8Array(TypedArrayPrototypeGetByteLength(bytes));
  TypedArrayPrototypeSet(copy, bytes);
  return copy;
}

/** Lower case, or nothing where a character is not printable ASCII.
 * @param {string} type @returns {string} */
export function normalizeType(type) {
  for (let i = 0; i < type.length; i++) {
    const code = StringPrototypeCharCodeAt(type, i);
    if (code < 0x20 || code > 0x7e) return "";
  }
  return StringPrototypeToLowerCase(type);
}

/** https://w3c.github.io/FileAPI/#convert-line-endings-to-native, where native is LF */
function nativeEndings(text) {
  if (StringPrototypeIndexOf(text, "\r") < 0) return text;
  let result = "";
  let start = 0;
  for (;;) {
    const end = StringPrototypeIndexOf(text, "\r", start);
    if (end < 0) return result + StringPrototypeSlice(text, start);
    result += `${StringPrototypeSlice(text, start, end)}\n`;
    start = text[end + 1] === "\n" ? end + 2 : end + 1;
  }
}

/** Converts one part: strings are made now, bytes are read when all parts are known.
 * @param {any} v @param {string} what */
export function toPart(v, what) {
  if (isObject(v) && (isBufferSource(v) || isBlob(v))) return v;
  return toUSVString(v, what);
}

/**
 * https://w3c.github.io/FileAPI/#process-blob-parts
 * @param {any[]} parts strings, Blobs and buffer sources
 * @param {string} endings
 * @returns {Uint8Array}
 */
export function bytesOfParts(parts, endings) {
  const pieces = [];
  let size = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    let bytes;
    if (typeof part === "string") {
      bytes = utf8_encode(endings === "native" ? nativeEndings(part) : part);
    } else {
      bytes = isBlob(part) ? blobBytes(part) : bytesOf(part);
    }
    size += TypedArrayPrototypeGetByteLength(bytes);
    ArrayPrototypePush(pieces, bytes);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (let i = 0; i < pieces.length; i++) {
    TypedArrayPrototypeSet(whole, pieces[i], offset);
    offset += TypedArrayPrototypeGetByteLength(pieces[i]);
  }
  return whole;
}

/** A relative position of `slice`, within 0 and the size. */
function position(value, preset, size, what) {
  if (value === undefined) return preset;
  const relative = toLongLong(value, what, "clamp");
  return relative < 0 ? MathMax(size + relative, 0) : MathMin(relative, size);
}

let isBlob;
let blobBytes;
let blobType;

/** https://w3c.github.io/FileAPI/#dfn-Blob */
export class Blob {
  /** A view on memory that only Blobs and bodies know. */
  #bytes = EMPTY;
  #type = "";

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#bytes in receiver)) illegalInvocation();
  }

  constructor(blobParts = undefined, options = undefined, type = "") {
    if (blobParts === OUR_BLOB) {
      this.#bytes = options;
      this.#type = type;
      return;
    }
    const parts =
      blobParts === undefined
        ? []
        : toSequence(blobParts, toPart, `${CONSTRUCT_BLOB}: parameter 1`);
    const properties = toDictionary(options, BLOB_PROPERTIES, `${CONSTRUCT_BLOB}: parameter 2`);
    if (parts.length > 0) this.#bytes = bytesOfParts(parts, properties.endings);
    this.#type = normalizeType(properties.type);
  }

  get size() {
    Blob.#check(this);
    return TypedArrayPrototypeGetByteLength(this.#bytes);
  }

  get type() {
    Blob.#check(this);
    return this.#type;
  }

  slice(start = undefined, end = undefined, contentType = undefined) {
    Blob.#check(this);
    const bytes = this.#bytes;
    const size = TypedArrayPrototypeGetByteLength(bytes);
    const from = position(start, 0, size, `${SLICE}: parameter 1`);
    const to = position(end, size, size, `${SLICE}: parameter 2`);
    const type =
      contentType === undefined
        ? ""
        : normalizeType(toDOMString(contentType, `${SLICE}: parameter 3`));
    return new Blob(OUR_BLOB, viewOf(bytes, from, MathMax(to - from, 0)), type);
  }

  stream() {
    Blob.#check(this);
    return streamOfBytes(this.#bytes);
  }

  async text() {
    Blob.#check(this);
    return utf8_decode(this.#bytes, false, false);
  }

  async arrayBuffer() {
    Blob.#check(this);
    return TypedArrayPrototypeGetBuffer(copyOf(this.#bytes));
  }

  async bytes() {
    Blob.#check(this);
    return copyOf(this.#bytes);
  }

  static {
    isBlob = (value) => #bytes in value;
    blobBytes = (blob) => blob.#bytes;
    blobType = (blob) => blob.#type;
  }
}

defineInterface(Blob, { __proto__: null, length: 0 });
showAttributes(Blob, ["size", "type"]);

/** A readable byte stream of a copy of the bytes, in chunks.
 * @param {Uint8Array} bytes @returns {ReadableStream} */
export function streamOfBytes(bytes) {
  const streams = load("streams/streams.js");
  const { closeStream, createReadableByteStream, enqueueBytes, setContent } = streams;
  const stream = createReadableByteStream();
  const size = TypedArrayPrototypeGetByteLength(bytes);
  for (let start = 0; start < size; start += STREAM_CHUNK_BYTES) {
    const length = MathMin(STREAM_CHUNK_BYTES, size - start);
    enqueueBytes(stream, copyOf(viewOf(bytes, start, length)));
  }
  closeStream(stream);
  setContent(stream, bytes);
  return stream;
}

/** True for a Blob (or File). @param {any} value */
export function isBlobObject(value) {
  return isObject(value) && isBlob(value);
}

/** The bytes of a Blob, not a copy: they may not be changed nor handed out.
 * @param {Blob} blob @returns {Uint8Array} */
export function bytesOfBlob(blob) {
  return blobBytes(blob);
}

/** The type of a Blob, whatever its getter has become. @param {Blob} blob @returns {string} */
export function typeOfBlob(blob) {
  return blobType(blob);
}

/** Makes a Blob of bytes that nobody else will change.
 * @param {Uint8Array} bytes @param {string} type normalized by the caller @returns {Blob} */
export function createBlob(bytes, type) {
  return new Blob(OUR_BLOB, bytes, type);
}
