/**
 * `Headers`, and the flat form in which headers travel.
 *
 * The flat form is one Latin-1 string, `name\0value\0name\0value\0`, with lower-case names, in order, with repeated names
 * kept apart. That is how the native side gives and takes headers, so a request that is only passed on, or a response
 * whose headers nobody looks at, never makes anything else. `Headers` splits it when a lookup needs it and writes it anew
 * when it has changed.
 * https://fetch.spec.whatwg.org/#headers-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  definePairIterable,
  requireArguments,
  sequenceFromIterable,
  toByteString,
  toDOMString,
  toSequence,
} from "../webidl/webidl.js";
import { asciiLowercase, isToken, trimHttpWhitespace } from "./mime.js";

const {
  ArrayPrototypePush,
  ArrayPrototypeSort,
  Map,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  ObjectPrototypePropertyIsEnumerable,
  ReflectOwnKeys,
  RegExp,
  RegExpPrototypeExec,
  StringPrototypeCharCodeAt,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  SymbolIterator,
  TypeError,
} = primordials;

/** How many validated names are remembered; a Worker uses few, and none should fill memory with made-up ones. */
const MAX_KNOWN_NAMES = 512;
/** Names longer than this many code units are not remembered. */
const MAX_KNOWN_NAME_LENGTH = 64;
/** From this many code units on a regular expression is faster than a loop that is not optimised yet. */
const LONG_VALUE_LENGTH = 48;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Finds what may not be in a header value. It never matches in the good case, so it leaves no trace in `RegExp.$_`. */
const BAD_VALUE = new RegExp("[^\\x01-\\x09\\x0b\\x0c\\x0e-\\xff]");

/** Names as Workers write them, to their valid lower-case form. */
const knownNames = new Map();

/**
 * Validates and lower-cases a header name.
 * @param {any} name @param {string} what @returns {string}
 */
function headerName(name, what) {
  if (typeof name === "string") {
    const known = MapPrototypeGet(knownNames, name);
    if (known !== undefined) return known;
  } else {
    name = toDOMString(name, what);
  }
  if (!isToken(name)) throw new TypeError(`${what}: '${name}' is not a valid header name.`);
  const lower = asciiLowercase(name);
  if (name.length <= MAX_KNOWN_NAME_LENGTH && MapPrototypeGetSize(knownNames) < MAX_KNOWN_NAMES) {
    MapPrototypeSet(knownNames, name, lower);
  }
  return lower;
}

/**
 * https://fetch.spec.whatwg.org/#concept-header-value, without the normalization
 * @param {string} text @returns {boolean}
 */
function isHeaderValue(text) {
  const length = text.length;
  if (length >= LONG_VALUE_LENGTH) return RegExpPrototypeExec(BAD_VALUE, text) === null;
  for (let i = 0; i < length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code === 0 || code === LINE_FEED || code === CARRIAGE_RETURN || code > 0xff) return false;
  }
  return true;
}

/**
 * Converts, normalizes and validates a header value.
 * @param {any} value @param {string} what @returns {string}
 */
function headerValue(value, what) {
  const text = trimHttpWhitespace(typeof value === "string" ? value : toDOMString(value, what));
  if (isHeaderValue(text)) return text;
  toByteString(text, what);
  throw new TypeError(`${what}: a header value may not contain NUL, LF or CR.`);
}

/** Splits the flat form into a list of names and values, alternating. @param {string} flat */
function parseFlat(flat) {
  const list = [];
  const length = flat.length;
  let count = 0;
  let start = 0;
  while (start < length) {
    const end = StringPrototypeIndexOf(flat, "\0", start);
    list[count++] = StringPrototypeSlice(flat, start, end);
    start = end + 1;
  }
  return list;
}

/** The other way round. @param {string[]} list */
function serializeList(list) {
  let flat = "";
  for (let i = 0; i < list.length; i += 2) flat += `${list[i]}\0${list[i + 1]}\0`;
  return flat;
}

/**
 * Looks a header up in the flat form without making a Headers object.
 * @param {string} flat @param {string} name lower-case @returns {string | null} the values, combined with ", "
 */
export function flatGet(flat, name) {
  // Most lookups of this kind find nothing; this says so without a walk.
  if (StringPrototypeIndexOf(flat, name) < 0) return null;
  const length = flat.length;
  let value = null;
  let start = 0;
  while (start < length) {
    const nameEnd = StringPrototypeIndexOf(flat, "\0", start);
    const valueEnd = StringPrototypeIndexOf(flat, "\0", nameEnd + 1);
    if (nameEnd - start === name.length && StringPrototypeStartsWith(flat, name, start)) {
      const next = StringPrototypeSlice(flat, nameEnd + 1, valueEnd);
      value = value === null ? next : `${value}, ${next}`;
    }
    start = valueEnd + 1;
  }
  return value;
}

/**
 * The flat form without some headers.
 * @param {string} flat @param {Record<string, true>} names null-prototype @returns {string}
 */
export function withoutHeaders(flat, names) {
  const list = parseFlat(flat);
  let result = "";
  for (let i = 0; i < list.length; i += 2) {
    if (names[list[i]] !== true) result += `${list[i]}\0${list[i + 1]}\0`;
  }
  return result;
}

/** @param {[string, string]} a @param {[string, string]} b */
const byName = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);

/**
 * https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine
 * @param {string[]} list @returns {[string, string][]}
 */
function sortAndCombine(list) {
  const pairs = [];
  const places = { __proto__: null };
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i];
    const place = name === "set-cookie" ? undefined : places[name];
    if (place === undefined) {
      places[name] = pairs.length;
      ArrayPrototypePush(pairs, [name, list[i + 1]]);
    } else {
      pairs[place][1] += `, ${list[i + 1]}`;
    }
  }
  return ArrayPrototypeSort(pairs, byName);
}

const CONSTRUCT = "Failed to construct 'Headers'";
const APPEND = "Failed to execute 'append' on 'Headers'";
const DELETE = "Failed to execute 'delete' on 'Headers'";
const GET = "Failed to execute 'get' on 'Headers'";
const GET_ALL = "Failed to execute 'getAll' on 'Headers'";
const HAS = "Failed to execute 'has' on 'Headers'";
const SET = "Failed to execute 'set' on 'Headers'";

let create;
let toFlat;
let isOurs;
let entriesOf;

/** https://fetch.spec.whatwg.org/#headers-class */
export class Headers {
  /** The flat form, or null while `#list` is ahead of it. */
  #flat = "";
  /** Names and values, alternating, or null while nobody has needed them. */
  #list = null;
  /** What iteration shows, or null when it has to be made. */
  #entries = null;
  /** The guard: Workers know only "immutable" and none, for no header is forbidden. */
  #immutable = false;

  constructor(init = undefined) {
    if (init !== undefined) this.#flat = flatFromInit(init, CONSTRUCT);
  }

  append(name, value) {
    requireArguments(arguments.length, 2, APPEND);
    const key = headerName(name, APPEND);
    const text = headerValue(value, APPEND);
    this.#change();
    if (this.#list === null) {
      this.#flat += `${key}\0${text}\0`;
    } else {
      ArrayPrototypePush(this.#list, key, text);
      this.#flat = null;
    }
  }

  delete(name) {
    requireArguments(arguments.length, 1, DELETE);
    const key = headerName(name, DELETE);
    this.#change();
    if (this.#has(key)) this.#remove(key, 0);
  }

  get(name) {
    requireArguments(arguments.length, 1, GET);
    const key = headerName(name, GET);
    const list = this.#listIfMayHave(key);
    if (list === null) return null;
    let value = null;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === key) value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
    }
    return value;
  }

  /** The platform's own, older than `getSetCookie`: all values of Set-Cookie, and of no other header. */
  getAll(name) {
    requireArguments(arguments.length, 1, GET_ALL);
    if (headerName(name, GET_ALL) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return this.#setCookies();
  }

  getSetCookie() {
    return this.#setCookies();
  }

  has(name) {
    requireArguments(arguments.length, 1, HAS);
    return this.#has(headerName(name, HAS));
  }

  set(name, value) {
    requireArguments(arguments.length, 2, SET);
    const key = headerName(name, SET);
    const text = headerValue(value, SET);
    this.#change();
    if (this.#list === null && StringPrototypeIndexOf(this.#flat, key) < 0) {
      this.#flat += `${key}\0${text}\0`;
      return;
    }
    const list = this.#parsed();
    this.#flat = null;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== key) continue;
      list[i + 1] = text;
      this.#remove(key, i + 2);
      return;
    }
    ArrayPrototypePush(list, key, text);
  }

  /** Before every change: the guard, and what was derived from the old state. */
  #change() {
    if (this.#immutable) throw new TypeError("Can't modify immutable headers.");
    this.#entries = null;
  }

  #parsed() {
    return (this.#list ??= parseFlat(this.#flat));
  }

  /** The list, unless the flat form shows at once that the name is not in it. */
  #listIfMayHave(key) {
    if (this.#list !== null) return this.#list;
    return StringPrototypeIndexOf(this.#flat, key) < 0 ? null : this.#parsed();
  }

  #has(key) {
    const list = this.#listIfMayHave(key);
    if (list === null) return false;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === key) return true;
    }
    return false;
  }

  /** Takes the name's entries at or behind `from` out of the list. */
  #remove(key, from) {
    const list = this.#parsed();
    let kept = from;
    for (let i = from; i < list.length; i += 2) {
      if (list[i] === key) continue;
      list[kept] = list[i];
      list[kept + 1] = list[i + 1];
      kept += 2;
    }
    if (kept === list.length) return;
    list.length = kept;
    this.#flat = null;
  }

  #setCookies() {
    const values = [];
    const list = this.#listIfMayHave("set-cookie");
    if (list === null) return values;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === "set-cookie") ArrayPrototypePush(values, list[i + 1]);
    }
    return values;
  }

  static {
    create = (flat, immutable) => {
      const headers = new Headers();
      headers.#flat = flat;
      headers.#immutable = immutable;
      return headers;
    };
    toFlat = (headers) => (headers.#flat ??= serializeList(headers.#list));
    isOurs = (value) => #immutable in value;
    entriesOf = (headers) => (headers.#entries ??= sortAndCombine(headers.#parsed()));
  }
}

defineInterface(Headers);
definePairIterable(Headers, "Headers", (headers) => entriesOf(headers));

/** What `headers[Symbol.iterator]` is unless someone has replaced it: then the flat form can simply be taken over. */
const iterateHeaders = Headers.prototype[SymbolIterator];

/** @param {any} pair @param {string} what @returns {any[]} */
const toPair = (pair, what) => {
  const items = toSequence(pair, toByteString, what);
  if (items.length !== 2) {
    throw new TypeError(`${what}: a header must be a pair of a name and a value.`);
  }
  return items;
};

/** The record form: own enumerable properties, in order. */
function flatFromRecord(init, what) {
  let flat = "";
  const keys = ReflectOwnKeys(init);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (!ObjectPrototypePropertyIsEnumerable(init, key)) continue;
    const name = headerName(key, what);
    flat += `${name}\0${headerValue(init[key], what)}\0`;
  }
  return flat;
}

/**
 * Validates a `HeadersInit` and gives it in flat form, so that a Response or Request need not make a Headers object.
 * https://fetch.spec.whatwg.org/#concept-headers-fill
 * @param {any} init @param {string} what @returns {string}
 */
export function flatFromInit(init, what) {
  if ((typeof init !== "object" && typeof init !== "function") || init === null) {
    throw new TypeError(`${what}: the headers are neither an object nor a sequence of pairs.`);
  }
  const method = init[SymbolIterator];
  if (method === iterateHeaders && isOurs(init)) return toFlat(init);
  if (method === undefined || method === null) return flatFromRecord(init, what);
  const pairs = sequenceFromIterable(init, method, toPair, what);
  let flat = "";
  for (let i = 0; i < pairs.length; i++) {
    flat += `${headerName(pairs[i][0], what)}\0${headerValue(pairs[i][1], what)}\0`;
  }
  return flat;
}

/**
 * Makes a Headers object over the flat form.
 * @param {string} flat @param {boolean} immutable whether changes throw @returns {Headers}
 */
export function createHeaders(flat, immutable) {
  return create(flat, immutable);
}

/** The flat form of what a Headers object holds now. @param {Headers} headers @returns {string} */
export function flatHeaders(headers) {
  return toFlat(headers);
}
