/**
 * What an object is: which built-in it is by brand, and what its class is called. No getter of the
 * object is called.
 * @module
 */

import { isDOMException } from "../events/dom_exception.js";
import { primordials } from "../primordials.js";
import { typedArrayName } from "../webidl/webidl.js";

const {
  ArrayBuffer,
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  BigInt,
  BigIntPrototypeValueOf,
  Boolean,
  BooleanPrototypeValueOf,
  Date,
  DatePrototypeGetTime,
  ErrorIsError,
  Map,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  Number,
  NumberPrototypeValueOf,
  ObjectPrototypeToString,
  Promise,
  PromisePrototypeThen,
  ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf,
  RegExp,
  RegExpPrototypeGetSource,
  Set,
  SetPrototypeGetSize,
  String,
  StringPrototypeValueOf,
  Symbol,
  SymbolPrototypeValueOf,
  SymbolToStringTag,
  WeakMap,
  WeakMapPrototypeHas,
  WeakRef,
  WeakRefPrototypeDeref,
  WeakSet,
  WeakSetPrototypeHas,
} = primordials;

/** By prototype: the kind, and a function that throws on objects of another brand. */
const builtins = new Map();

function builtin(kind, Class, check) {
  MapPrototypeSet(builtins, Class.prototype, { __proto__: null, kind, check });
}

builtin("Map", Map, MapPrototypeGetSize);
builtin("Set", Set, SetPrototypeGetSize);
builtin("Date", Date, DatePrototypeGetTime);
builtin("RegExp", RegExp, RegExpPrototypeGetSource);
builtin("ArrayBuffer", ArrayBuffer, ArrayBufferPrototypeGetByteLength);
builtin("Boolean", Boolean, BooleanPrototypeValueOf);
builtin("Number", Number, NumberPrototypeValueOf);
builtin("String", String, StringPrototypeValueOf);
builtin("Symbol", Symbol, SymbolPrototypeValueOf);
builtin("BigInt", BigInt, BigIntPrototypeValueOf);
builtin("WeakMap", WeakMap, (v) => WeakMapPrototypeHas(v, builtins));
builtin("WeakSet", WeakSet, (v) => WeakSetPrototypeHas(v, builtins));
builtin("WeakRef", WeakRef, WeakRefPrototypeDeref);
// No test without side effects: a handler would mark a rejection as handled.
builtin("Promise", Promise, () => PromisePrototypeThen);

/** @param {object} v */
export function isError(v) {
  if (isDOMException(v)) return true;
  return ErrorIsError !== undefined
    ? ErrorIsError(v)
    : ObjectPrototypeToString(v) === "[object Error]";
}

/**
 * @param {object} v not a function
 * @returns {string} `"Array"`, `"TypedArray"`, `"DataView"`, `"Error"`, the name of another
 * built-in, or   `"Object"`
 */
export function kindOf(v) {
  if (ArrayIsArray(v)) return "Array";
  if (ArrayBufferIsView(v)) return typedArrayName(v) === undefined ? "DataView" : "TypedArray";
  if (isError(v)) return "Error";
  for (let p = ReflectGetPrototypeOf(v); p !== null; p = ReflectGetPrototypeOf(p)) {
    const found = MapPrototypeGet(builtins, p);
    if (found === undefined) continue;
    try {
      (0, found.check)(v);
      return found.kind;
    } catch {
      return "Object";
    }
  }
  return "Object";
}

/** The value of a data property, own or inherited; undefined for accessors. */
function dataProperty(v, key) {
  for (let o = v; o !== null; o = ReflectGetPrototypeOf(o)) {
    const descriptor = ReflectGetOwnPropertyDescriptor(o, key);
    if (descriptor !== undefined) return descriptor.value;
  }
  return undefined;
}

/**
 * @param {object} v
 * @returns {string | null} the name of its class; null when there is none, as with null prototypes
 */
export function classNameOf(v) {
  for (let o = v; o !== null; o = ReflectGetPrototypeOf(o)) {
    const descriptor = ReflectGetOwnPropertyDescriptor(o, "constructor");
    if (descriptor === undefined || typeof descriptor.value !== "function") continue;
    const name = ReflectGetOwnPropertyDescriptor(descriptor.value, "name")?.value;
    if (typeof name === "string" && name !== "") return name;
  }
  return null;
}

/**
 * @param {object} v
 * @returns {string} its `@@toStringTag`, or ""; also when it is shown as a property
 */
export function tagOf(v) {
  const own = ReflectGetOwnPropertyDescriptor(v, SymbolToStringTag);
  if (own !== undefined && own.enumerable) return "";
  const tag = dataProperty(v, SymbolToStringTag);
  return typeof tag === "string" ? tag : "";
}
