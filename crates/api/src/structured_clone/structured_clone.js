/**
 * structuredClone, and the registry of platform objects that take part in it.
 *
 * V8's serializer does the walk, on the native side. The op and what it owes:
 *
 * `structured_clone(value: any, transfer: array, hooks: object): any` serializes `value` and
 * deserializes it again, in this realm. `transfer` holds distinct ArrayBuffers, none detached: they
 * move (detached only after all of `value` was written,
 * https://html.spec.whatwg.org/#dom-structuredclone), everything else is copied. `hooks` has
 * these functions:
 * - `tagOf(object): number` for each ordinary object that is met: -1 for one to be copied property
 *   by property, else the tag of a platform object (a u32; V8: `is_host_object`). It throws the
 *   DataCloneError for a platform object that cannot be cloned.
 * - `write(object, tag): any` gives the data of a platform object, which the op writes with the
 *   same serializer, behind the tag (V8: `write_host_object`).
 * - `read(tag, data): object` makes the platform object from the clone of that data.
 * - `error(message): DOMException` makes the DataCloneError that the op throws for everything else
 *   (V8: `throw_data_clone_error`): functions, symbols, proxies, WeakMaps and so on.
 *
 * Known limit: a DOMException is an Error to V8, so below the top level it becomes a plain Error.
 * @module
 */

import { structured_clone } from "isolde:ops";
import { Blob, bytesOfBlob, copyOf, createBlob, isBlobObject, typeOfBlob } from "../blob/blob.js";
import { createFile, dateOfFile, File, nameOfFile } from "../blob/file.js";
import { DOMException, domException, isDOMException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import {
  interfaceOf,
  isArrayBuffer,
  isObject,
  requireArguments,
  toDictionary,
  toObject,
  toSequence,
} from "../webidl/webidl.js";

const {
  ArrayBufferPrototypeGetDetached,
  ArrayPrototypePush,
  Map,
  MapPrototypeGet,
  MapPrototypeSet,
  Set,
  SetPrototypeAdd,
  SetPrototypeHas,
} = primordials;

/**
 * @typedef {object} Cloneable
 * @property {number} tag
 * @property {(object: any) => any} serialize
 * @property {(data: any) => any} deserialize
 */

/** By class. @type {Map<Function, Cloneable>} */
const cloneables = new Map();
/** By tag. @type {Cloneable[]} */
const byTag = [];

/**
 * Makes the instances of an interface cloneable ([Serializable]). Call it at the top
 * level.
 * @param {Function} Class given to `defineInterface` before
 * @param {(object: any) => any} serialize gives data that is itself cloneable; throws when
 * `object` is   no instance by brand
 * @param {(data: any) => any} deserialize makes a new instance from a clone of that data
 */
export function registerCloneable(Class, serialize, deserialize) {
  const entry = { __proto__: null, tag: byTag.length, serialize, deserialize };
  ArrayPrototypePush(byTag, entry);
  MapPrototypeSet(cloneables, Class, entry);
}

const dataCloneError = (message) => domException("DataCloneError", message);

function cloneTagOf(object) {
  const Class = interfaceOf(object);
  if (Class === undefined) return -1;
  const entry = MapPrototypeGet(cloneables, Class);
  if (entry === undefined) throw dataCloneError(`A ${Class.name} object could not be cloned.`);
  return entry.tag;
}

const hooks = {
  __proto__: null,
  tagOf: cloneTagOf,
  write: (object, tag) => (0, byTag[tag].serialize)(object),
  read: (tag, data) => (0, byTag[tag].deserialize)(data),
  error: dataCloneError,
};

const NOTHING = [];

/**
 * A deep copy, as `structuredClone` without transfer makes it; for the `detail` of marks and
 * others.
 * @param {any} value
 * @returns {any}
 */
export function cloneValue(value) {
  return cloneWith(value, NOTHING);
}

function cloneWith(value, transfer) {
  const moves = transfer.length > 0;
  if (!moves && !isObject(value) && typeof value !== "symbol") return value;
  if (!moves && (isDOMException(value) || isBlobObject(value))) {
    const tag = cloneTagOf(value);
    return (0, hooks.read)(tag, (0, hooks.write)(value, tag));
  }
  return structured_clone(value, transfer, hooks);
}

const toObjects = (v, what) => toSequence(v, toObject, what);
const OPTIONS = [{ __proto__: null, key: "transfer", convert: toObjects }];

/** https://html.spec.whatwg.org/#structuredserializewithtransfer, the checks of the list */
function checkTransfer(list) {
  const seen = new Set();
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    if (!isArrayBuffer(item)) {
      throw dataCloneError(`The object at index ${i} of the transfer list cannot be transferred.`);
    }
    if (ArrayBufferPrototypeGetDetached(item)) {
      throw dataCloneError(`The ArrayBuffer at index ${i} of the transfer list is detached.`);
    }
    if (SetPrototypeHas(seen, item)) {
      throw dataCloneError(`The ArrayBuffer at index ${i} is in the transfer list twice.`);
    }
    SetPrototypeAdd(seen, item);
  }
}

/**
 * A deep copy, to which some objects move.
 * https://html.spec.whatwg.org/#structuredserializewithtransfer
 * @param {any} value @param {object[]} transfer @returns {any}
 */
export function cloneWithTransfer(value, transfer) {
  checkTransfer(transfer);
  return cloneWith(value, transfer);
}

/** The member of a StructuredSerializeOptions. @param {any} options @param {string} what */
export function transferOption(options, what) {
  const { transfer = NOTHING } = toDictionary(options, OPTIONS, what);
  return transfer;
}

/**
 * https://html.spec.whatwg.org/#dom-structuredclone
 * @param {any} value
 * @param {{ transfer?: Iterable<object> }} [options]
 * @returns {any}
 */
export function structuredClone(value, options = undefined) {
  const what = "Failed to execute 'structuredClone'";
  requireArguments(arguments.length, 1, what);
  return cloneWithTransfer(value, transferOption(options, `${what}: parameter 2`));
}

registerCloneable(
  DOMException,
  (error) => ({ __proto__: null, name: error.name, message: error.message, stack: error.stack }),
  (data) => new DOMException(data.message, data.name),
);

// https://w3c.github.io/FileAPI/#blob-section, the serialization steps
registerCloneable(
  Blob,
  (blob) => ({ __proto__: null, bytes: copyOf(bytesOfBlob(blob)), type: typeOfBlob(blob) }),
  (data) => createBlob(data.bytes, data.type),
);

// https://w3c.github.io/FileAPI/#file-section, the serialization steps
registerCloneable(
  File,
  (file) => ({
    __proto__: null,
    bytes: copyOf(bytesOfBlob(file)),
    type: typeOfBlob(file),
    name: nameOfFile(file),
    date: dateOfFile(file),
  }),
  (data) => createFile(data.bytes, data.name, data.type, data.date),
);
