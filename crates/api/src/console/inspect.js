/**
 * Values as text, for people: `inspect` is what `console.log` shows of an object.
 *
 * The look is that of Node's `util.inspect`, which everybody knows. Getters are not called.
 * @module
 */

import { promise_result, promise_state } from "isolde:ops";
import { primordials } from "../primordials.js";
import { bytesOf, interfaceOf, typedArrayName } from "../webidl/webidl.js";
import { classNameOf, kindOf, tagOf } from "./kinds.js";
import { layOut } from "./layout.js";
import { shownOf } from "./shown.js";
import { hasLineBreak, keyText, quote } from "./text.js";

const {
  ArrayPrototypeIncludes,
  ArrayPrototypePop,
  ArrayPrototypePush,
  BigIntPrototypeToString,
  BigIntPrototypeValueOf,
  BooleanPrototypeValueOf,
  DatePrototypeGetTime,
  DatePrototypeToISOString,
  ErrorPrototypeToString,
  FunctionPrototypeApply,
  FunctionPrototypeToString,
  Map,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  NumberPrototypeToString,
  NumberPrototypeValueOf,
  ReflectGetOwnPropertyDescriptor,
  ReflectGetPrototypeOf,
  ReflectOwnKeys,
  RegExpPrototypeGetFlags,
  RegExpPrototypeGetSource,
  SetPrototypeForEach,
  SetPrototypeGetSize,
  StringPrototypeCharCodeAt,
  StringPrototypePadStart,
  StringPrototypeStartsWith,
  StringPrototypeValueOf,
  SymbolPrototypeToString,
  SymbolPrototypeValueOf,
  TypedArrayPrototypeGetLength,
} = primordials;

const DEFAULT_DEPTH = 2;
/** Members shown of an array, map, set or object. */
const MAX_MEMBERS = 100;
/** Longer arrays are shown without their properties that are no items. */
const MAX_LIST_FOR_KEYS = 10_000;
/** Levels of objects that one line may hold. */
const MAX_LEVELS_PER_LINE = 3;
/** Bytes shown of an ArrayBuffer. */
const MAX_BYTES = 50;
/** Characters after which one call to `inspect` stops opening objects. */
const MAX_CHARACTERS = 100_000;

/**
 * @typedef {object} Walk the state of one call to `inspect`
 * @property {number} maxDepth
 * @property {boolean} showHidden
 * @property {object[]} stack the objects that are being shown
 * @property {Map<object, number>} references those that a circle leads back to
 * @property {number} characters written so far, roughly
 * @property {number} depth of the object that was opened last
 */

/** What op `promise_state` gives. */
const PROMISE_PENDING = 0;
const PROMISE_REJECTED = 2;

/**
 * @param {any} value
 * @param {{ depth?: number, showHidden?: boolean }} [options] `depth` Infinity for all
 * @returns {string}
 */
export function inspect(value, options = { __proto__: null }) {
  const walk = {
    __proto__: null,
    maxDepth: options.depth ?? DEFAULT_DEPTH,
    showHidden: options.showHidden ?? false,
    stack: [],
    references: new Map(),
    characters: 0,
    depth: 0,
  };
  try {
    return show(walk, value, 0, 0);
  } catch {
    // A proxy's trap, a getter of an error's stack: logging must not fail because of them.
    return "[value that cannot be inspected]";
  }
}

/** Primitive values as they are written in a program. */
function showPrimitive(value) {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : NumberPrototypeToString(value, 10);
    case "bigint":
      return `${BigIntPrototypeToString(value, 10)}n`;
    case "symbol":
      return SymbolPrototypeToString(value);
    default:
      return `${value}`;
  }
}

/** `depth` counts the objects around this one, `indent` the columns before it. */
function show(walk, value, depth, indent) {
  const isObject = typeof value === "function" || (typeof value === "object" && value !== null);
  const text = isObject ? showObject(walk, value, depth, indent) : showPrimitive(value);
  walk.characters += text.length;
  return text;
}

function showObject(walk, value, depth, indent) {
  if (ArrayPrototypeIncludes(walk.stack, value)) {
    let number = MapPrototypeGet(walk.references, value);
    if (number === undefined) {
      number = MapPrototypeGetSize(walk.references) + 1;
      MapPrototypeSet(walk.references, value, number);
    }
    return `[Circular *${number}]`;
  }
  const kind = typeof value === "function" ? "Function" : kindOf(value);
  const name = classNameOf(value);
  const tooDeep = depth > walk.maxDepth || walk.characters > MAX_CHARACTERS;
  const isContainer = kind === "Object" || kind === "Array" || kind === "Map" || kind === "Set";
  if (tooDeep && isContainer) return `[${name ?? "Object: null prototype"}]`;
  ArrayPrototypePush(walk.stack, value);
  const text = showMembers(walk, value, kind, name, depth, indent);
  ArrayPrototypePop(walk.stack);
  const number = MapPrototypeGet(walk.references, value);
  return number === undefined ? text : `<ref *${number}> ${text}`;
}

/** `Foo`, `Foo [tag]`, `[Foo: null prototype]`, and "" for what the brackets say themselves. */
function headOf(value, kind, name, size) {
  const suffix = size === undefined ? "" : `(${size})`;
  let head = `${name ?? kind}${suffix}`;
  if (name === null || ReflectGetPrototypeOf(value) === null) head = `[${head}: null prototype]`;
  const tag = tagOf(value);
  const tagSaysMore = tag !== "" && tag !== name && tag !== kind;
  if (tagSaysMore) return `${head} [${tag}] `;
  return head === kind || (kind === "Array" && head === `Array${suffix}`) ? "" : `${head} `;
}

function showMembers(walk, value, kind, name, depth, indent) {
  walk.depth = depth;
  const at = { __proto__: null, walk, depth, indent };
  const close = (head, open, entries, end) =>
    layOut(head, open, entries, end, indent, walk.depth - depth < MAX_LEVELS_PER_LINE);
  if (kind === "Object") return showOrdinary(at, value, name, close);
  const entries = [];
  if (kind === "Array" || kind === "TypedArray") {
    const isArray = kind === "Array";
    const length = isArray ? value.length : TypedArrayPrototypeGetLength(value);
    showItems(at, value, length, entries);
    // Listing the keys of a huge array would take more memory than the array.
    if (length <= MAX_LIST_FOR_KEYS) showProperties(at, value, entries, isIndexOrLength);
    const called = name ?? (isArray ? kind : typedArrayName(value));
    return close(headOf(value, isArray ? kind : "", called, length), "[", entries, "]");
  }
  if (kind === "Map" || kind === "Set") {
    const size = kind === "Map" ? MapPrototypeGetSize(value) : SetPrototypeGetSize(value);
    if (kind === "Map") showMapPairs(at, value, entries);
    else showSetItems(at, value, entries);
    showProperties(at, value, entries, null);
    return close(headOf(value, "", name ?? kind, size), "{", entries, "}");
  }
  if (kind === "Promise") showOutcome(at, value, entries);
  const base = kind === "Promise" ? null : showBase(value, kind, name, entries, depth);
  const skip = kind === "Error" ? isStackOrMessage : kind === "String" ? isIndexOrLength : null;
  showProperties(at, value, entries, skip);
  if (kind === "Error") showCauses(at, value, entries);
  if (base === null) return close(`${name ?? kind} `, "{", entries, "}");
  return entries.length === 0 ? base : close(`${base} `, "{", entries, "}");
}

/** What stands for an object of a special kind; null when its members say all. */
function showBase(value, kind, name, entries, depth) {
  switch (kind) {
    case "Function":
      return showFunction(value, name);
    case "Error":
      return showError(value, depth);
    case "Date": {
      const time = DatePrototypeGetTime(value);
      return time !== time ? "Invalid Date" : DatePrototypeToISOString(value);
    }
    case "RegExp":
      return `/${RegExpPrototypeGetSource(value)}/${RegExpPrototypeGetFlags(value)}`;
    case "Boolean":
      return `[Boolean: ${BooleanPrototypeValueOf(value)}]`;
    case "Number":
      return `[Number: ${showPrimitive(NumberPrototypeValueOf(value))}]`;
    case "String":
      return `[String: ${quote(StringPrototypeValueOf(value))}]`;
    case "Symbol":
      return `[Symbol: ${showPrimitive(SymbolPrototypeValueOf(value))}]`;
    case "BigInt":
      return `[BigInt: ${showPrimitive(BigIntPrototypeValueOf(value))}]`;
    case "ArrayBuffer":
    case "DataView":
      showBytes(value, entries);
      return null;
    default:
      ArrayPrototypePush(entries, "<items unknown>");
      return null;
  }
}

/** What has become of a promise. */
function showOutcome(at, promise, entries) {
  const state = promise_state(promise);
  const result = state === PROMISE_PENDING ? "<pending>" : showInside(at, promise_result(promise));
  ArrayPrototypePush(entries, state === PROMISE_REJECTED ? `<rejected> ${result}` : result);
}

function showFunction(value, name) {
  const own = ReflectGetOwnPropertyDescriptor(value, "name")?.value;
  const called = typeof own === "string" && own !== "" ? own : undefined;
  if (StringPrototypeStartsWith(FunctionPrototypeToString(value), "class")) {
    const parent = ReflectGetPrototypeOf(value);
    const parentName =
      typeof parent === "function" ? ReflectGetOwnPropertyDescriptor(parent, "name")?.value : "";
    const base = parentName ? ` extends ${parentName}` : "";
    return `[class ${called ?? "(anonymous)"}${base}]`;
  }
  const kind = name ?? "Function (null prototype)";
  return called === undefined ? `[${kind} (anonymous)]` : `[${kind}: ${called}]`;
}

function showError(error, depth) {
  const stack = error.stack;
  const text =
    typeof stack === "string" && stack !== "" ? stack : `[${ErrorPrototypeToString(error)}]`;
  // Without a stack below it, the message alone needs bounds.
  return hasLineBreak(text) || depth === 0 ? text : `[${text}]`;
}

/** Properties of errors that are not enumerable and yet wanted. */
function showCauses(at, error, entries) {
  const causes = ["cause", "errors"];
  for (let i = 0; i < causes.length; i++) {
    const descriptor = ReflectGetOwnPropertyDescriptor(error, causes[i]);
    if (descriptor === undefined || descriptor.enumerable) continue;
    ArrayPrototypePush(entries, `[${causes[i]}]: ${showProperty(at, descriptor)}`);
  }
}

function showBytes(value, entries) {
  const bytes = bytesOf(value);
  let text = "";
  for (let i = 0; i < bytes.length && i < MAX_BYTES; i++) {
    const hex = NumberPrototypeToString(bytes[i], 16);
    text += `${i === 0 ? "" : " "}${StringPrototypePadStart(hex, 2, "0")}`;
  }
  if (bytes.length > MAX_BYTES) text += ` ... ${bytes.length - MAX_BYTES} more bytes`;
  ArrayPrototypePush(entries, `[Uint8Contents]: <${text}>`);
  ArrayPrototypePush(entries, `byteLength: ${bytes.length}`);
}

function showOrdinary(at, value, name, close) {
  const entries = [];
  const members = inspectorOf(value);
  if (members !== undefined) {
    let shown = entries;
    try {
      shown = members(value);
    } catch {
      // It only looks like one: made with Object.create, for example.
    }
    if (kindOf(shown) === "Map") showMapPairs(at, shown, entries);
    else if (shown !== entries) showProperties(at, shown, entries, null);
  }
  showProperties(at, value, entries, members === undefined ? null : isTrustFlag);
  return close(headOf(value, "Object", name, undefined), "{", entries, "}");
}

/** What shows the private state of an interface's instance: the inspector of its interface, or of
 * one that this inherits from. It gives an object's properties or a map's entries, and throws when
 * the value is no instance by brand. */
function inspectorOf(value) {
  let Class = interfaceOf(value);
  while (typeof Class === "function") {
    const shown = shownOf(Class);
    if (typeof shown === "function") return pairsOf(shown);
    if (shown !== undefined) return attributesOf(shown);
    Class = ReflectGetPrototypeOf(Class);
  }
  return undefined;
}

/** Attributes, by keys and getters in turn. */
const attributesOf = (getters) => (object) => {
  const attributes = { __proto__: null };
  for (let i = 0; i < getters.length; i += 2) {
    attributes[getters[i]] = FunctionPrototypeApply(getters[i + 1], object, []);
  }
  return attributes;
};

/** Pairs as a map shows them; values of one name go together. */
const pairsOf = (forEach) => (object) => {
  const pairs = new Map();
  const add = (value, key) => {
    const before = MapPrototypeGet(pairs, key);
    const both = before === undefined ? value : `${before}, ${value}`;
    MapPrototypeSet(pairs, key, typeof value === "string" ? both : value);
  };
  FunctionPrototypeApply(forEach, object, [add]);
  return pairs;
};

const isTrustFlag = (key) => key === "isTrusted";
const isIndexOrLength = (key) => key === "length" || isIndex(key);
const isStackOrMessage = (key) => key === "stack" || key === "message";

function isIndex(key) {
  if (typeof key === "symbol" || key === "") return false;
  for (let i = 0; i < key.length; i++) {
    const code = StringPrototypeCharCodeAt(key, i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** The rest of a list that is too long. */
function pushRest(entries, count) {
  if (count > 0) ArrayPrototypePush(entries, `... ${count} more item${count === 1 ? "" : "s"}`);
}

/** The items of an array; holes are counted. */
function showItems(at, list, length, entries) {
  let i = 0;
  while (i < length && entries.length < MAX_MEMBERS) {
    const descriptor = ReflectGetOwnPropertyDescriptor(list, i);
    if (descriptor !== undefined) {
      ArrayPrototypePush(entries, showProperty(at, descriptor));
      i++;
      continue;
    }
    const first = i;
    i = endOfHole(list, first, length);
    const count = i - first;
    ArrayPrototypePush(entries, `<${count} empty item${count === 1 ? "" : "s"}>`);
  }
  pushRest(entries, length - i);
}

/** The first index after `from` that the array has. Keys list indices first, in order. */
function endOfHole(list, from, length) {
  const keys = ReflectOwnKeys(list);
  for (let i = 0; i < keys.length; i++) {
    if (!isIndex(keys[i])) break;
    if (+keys[i] > from) return +keys[i];
  }
  return length;
}

function showMapPairs(at, map, entries) {
  let count = 0;
  MapPrototypeForEach(map, (value, key) => {
    if (++count > MAX_MEMBERS) return;
    ArrayPrototypePush(entries, `${showInside(at, key)} => ${showInside(at, value)}`);
  });
  pushRest(entries, count - MAX_MEMBERS);
}

function showSetItems(at, set, entries) {
  let count = 0;
  SetPrototypeForEach(set, (value) => {
    if (++count <= MAX_MEMBERS) ArrayPrototypePush(entries, showInside(at, value));
  });
  pushRest(entries, count - MAX_MEMBERS);
}

function showInside(at, value) {
  return show(at.walk, value, at.depth + 1, at.indent + 2);
}

function showProperty(at, descriptor) {
  const { get, set } = descriptor;
  if (get !== undefined) return set !== undefined ? "[Getter/Setter]" : "[Getter]";
  return set !== undefined ? "[Setter]" : showInside(at, descriptor.value);
}

/** Own enumerable properties (with `showHidden` all), but for those that `skip` tells. */
function showProperties(at, value, entries, skip) {
  const keys = ReflectOwnKeys(value);
  let more = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (skip !== null && skip(key)) continue;
    const descriptor = ReflectGetOwnPropertyDescriptor(value, key);
    if (descriptor === undefined) continue;
    const hidden = !descriptor.enumerable;
    if (hidden && (!at.walk.showHidden || typeof value === "function")) continue;
    if (entries.length >= MAX_MEMBERS * 2) more++;
    else ArrayPrototypePush(entries, `${keyText(key, hidden)}: ${showProperty(at, descriptor)}`);
  }
  pushRest(entries, more);
}
