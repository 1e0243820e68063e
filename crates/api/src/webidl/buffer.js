/**
 * Buffer sources: ArrayBuffer, typed arrays and DataView, recognised by brand and read without
 * calling anything that a Worker could have replaced. A SharedArrayBuffer is none.
 * @module
 */

import { primordials } from "../primordials.js";

const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
} = primordials;

/** @param {any} v @returns {boolean} */
export function isArrayBufferView(v) {
  return ArrayBufferIsView(v);
}

/** The language has no test that does not throw: callers ask about their own classes first.
 * @param {any} v @returns {boolean} */
export function isArrayBuffer(v) {
  if (typeof v !== "object" || v === null || ArrayBufferIsView(v)) return false;
  try {
    ArrayBufferPrototypeGetByteLength(v);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {any} v
 * @returns {string | undefined} for example `"Uint8Array"`; undefined for other values
 */
export function typedArrayName(v) {
  return TypedArrayPrototypeGetSymbolToStringTag(v);
}

/** @param {any} v @returns {boolean} */
export function isDataView(v) {
  return ArrayBufferIsView(v) && TypedArrayPrototypeGetSymbolToStringTag(v) === undefined;
}

/** @param {any} v @returns {boolean} */
export function isBufferSource(v) {
  return ArrayBufferIsView(v) || isArrayBuffer(v);
}

/** https://webidl.spec.whatwg.org/#BufferSource
 * @param {any} v @param {string} what @returns {ArrayBuffer | ArrayBufferView} */
export function toBufferSource(v, what) {
  if (isBufferSource(v)) return v;
  throw new TypeError(`${what} is not of type 'ArrayBuffer' or 'ArrayBufferView'.`);
}

/** Where the bytes of a DataView are; length 0 when its buffer is detached or has shrunk. */
function dataViewBytes(view) {
  let length;
  let offset;
  try {
    length = DataViewPrototypeGetByteLength(view);
    offset = DataViewPrototypeGetByteOffset(view);
  } catch {
    return new Uint8Array(0);
  }
  return new Uint8Array(DataViewPrototypeGetBuffer(view), offset, length);
}

/**
 * A Uint8Array on the same memory, whatever the element type of the view. Detached ones give
 * length 0.
 * @param {ArrayBuffer | ArrayBufferView} source @returns {Uint8Array} */
export function bytesOf(source) {
  if (!ArrayBufferIsView(source)) {
    // A detached buffer has length 0 as well, and no view can be made on it.
    const length = ArrayBufferPrototypeGetByteLength(source);
    return length === 0 ? new Uint8Array(0) : new Uint8Array(source, 0, length);
  }
  if (TypedArrayPrototypeGetSymbolToStringTag(source) === undefined) return dataViewBytes(source);
  const length = TypedArrayPrototypeGetByteLength(source);
  if (length === 0) return new Uint8Array(0);
  return new Uint8Array(
    TypedArrayPrototypeGetBuffer(source),
    TypedArrayPrototypeGetByteOffset(source),
    length,
  );
}

/** The bytes that a buffer source holds now, in memory of their own.
 * https://webidl.spec.whatwg.org/#dfn-get-buffer-source-copy
 * @param {ArrayBuffer | ArrayBufferView} source @returns {Uint8Array} */
export function copyOfBytes(source) {
  return new Uint8Array(bytesOf(source));
}
