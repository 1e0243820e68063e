/**
 * Buffers and views as byte streams handle them: read by brand, transferred and cloned without
 * anything that a Worker could have replaced.
 * https://streams.spec.whatwg.org/#misc-abstract-ops
 * @module
 */

import { primordials } from "../primordials.js";
import { isArrayBufferView, typedArrayName } from "../webidl/webidl.js";

const {
  ArrayBufferPrototypeGetByteLength,
  ArrayBufferPrototypeGetDetached,
  ArrayBufferPrototypeGetResizable,
  ArrayBufferPrototypeTransfer,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  Uint8Array,
} = primordials;

/** Moves the bytes to a fresh buffer and detaches the old one; throws where that is forbidden
 * (WebAssembly memories).
 * https://streams.spec.whatwg.org/#transfer-array-buffer
 * @param {ArrayBuffer} buffer @returns {ArrayBuffer} */
export function transferBuffer(buffer) {
  if (ArrayBufferPrototypeGetDetached(buffer)) {
    throw new TypeError("The ArrayBuffer is detached and cannot be transferred.");
  }
  return ArrayBufferPrototypeTransfer(buffer);
}

/** @param {ArrayBuffer} buffer @returns {boolean} */
export function isDetached(buffer) {
  return ArrayBufferPrototypeGetDetached(buffer);
}

/** @param {ArrayBuffer} buffer @returns {number} bytes */
export function bufferLength(buffer) {
  return ArrayBufferPrototypeGetByteLength(buffer);
}

/** @param {ArrayBufferView} view @returns {ArrayBuffer} */
export function viewBuffer(view) {
  return typedArrayName(view) === undefined
    ? DataViewPrototypeGetBuffer(view)
    : TypedArrayPrototypeGetBuffer(view);
}

/** @param {ArrayBufferView} view @returns {number} bytes; 0 when detached */
export function viewLength(view) {
  if (typedArrayName(view) !== undefined) return TypedArrayPrototypeGetByteLength(view);
  return isDetached(DataViewPrototypeGetBuffer(view)) ? 0 : DataViewPrototypeGetByteLength(view);
}

/** @param {ArrayBufferView} view @returns {number} bytes; 0 when detached */
export function viewOffset(view) {
  if (typedArrayName(view) !== undefined) return TypedArrayPrototypeGetByteOffset(view);
  return isDetached(DataViewPrototypeGetBuffer(view)) ? 0 : DataViewPrototypeGetByteOffset(view);
}

/** Checks an argument of type ArrayBufferView, whose buffer may be neither resizable nor shared.
 * https://webidl.spec.whatwg.org/#js-buffer-source-types
 * @param {any} view @param {string} what @returns {ArrayBufferView} */
export function toView(view, what) {
  if (!isArrayBufferView(view)) throw new TypeError(`${what} is not of type 'ArrayBufferView'.`);
  let resizable;
  try {
    resizable = ArrayBufferPrototypeGetResizable(viewBuffer(view));
  } catch {
    throw new TypeError(`${what} is on a shared buffer.`);
  }
  if (resizable) throw new TypeError(`${what} is on a resizable ArrayBuffer.`);
  return view;
}

/** A copy of a region, in a buffer of exactly its size.
 * https://tc39.es/ecma262/#sec-clonearraybuffer
 * @param {ArrayBuffer} buffer @param {number} offset @param {number} length bytes
 * @returns {Uint8Array} */
export function cloneBytes(buffer, offset, length) {
  return new Uint8Array(new Uint8Array(buffer, offset, length));
}
