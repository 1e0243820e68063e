/**
 * `Headers`, and the flat form in which headers travel.
 *
 * The flat form is one string, `name\0value\0name\0value\0`, with lower-case names, in
 * order, with repeated names kept apart. That is how the native side gives and takes headers, so a
 * request that is only passed on, or a response whose headers nobody looks at, never makes anything
 * else. `Headers` splits it when a lookup needs it and writes it anew when it has changed.
 * https://fetch.spec.whatwg.org/#headers-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  definePairIterable,
  illegalInvocation,
  isObject,
  requireArguments,
  sequenceFromIterable,
  toDOMString,
  toSequence,
} from "../webidl/webidl.js";
import { flatGet, headerName, headerValue, parseFlat, serializeList } from "./flat_headers.js";
import { isNoCorsDeletable, isNoCorsSafelisted } from "./no_cors.js";

const {
  ArrayPrototypePush,
  ArrayPrototypeSort,
  ObjectKeys,
  StringPrototypeIndexOf,
  SymbolIterator,
  TypeError,
} = primordials;

/**
 * Guards: who may write what. Workers have no forbidden headers, so "request" and "response" are
 * none. https://fetch.spec.whatwg.org/#concept-headers-guard
 */
export const NO_GUARD = 0;
export const IMMUTABLE = 1;
export const NO_CORS = 2;

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

const CONSTRUCT_HEADERS = "Failed to construct 'Headers'";
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
  #guard = NO_GUARD;
  /** Whether a header was looked up in the flat form. */
  #wasRead = false;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#flat in receiver)) illegalInvocation();
  }

  constructor(init = undefined) {
    if (init !== undefined) this.#flat = flatFromInit(init, CONSTRUCT_HEADERS);
  }

  append(name, value) {
    Headers.#check(this);
    requireArguments(arguments.length, 2, APPEND);
    const key = headerName(name, APPEND);
    const text = headerValue(value, APPEND);
    if (this.#guard !== NO_GUARD && !this.#mayAppend(key, text)) return;
    this.#entries = null;
    if (this.#list === null) {
      this.#flat += `${key}\0${text}\0`;
    } else {
      ArrayPrototypePush(this.#list, key, text);
      this.#flat = null;
    }
  }

  delete(name) {
    Headers.#check(this);
    requireArguments(arguments.length, 1, DELETE);
    const key = headerName(name, DELETE);
    if (this.#guard !== NO_GUARD && !this.#mayChange(isNoCorsDeletable(key))) return;
    this.#entries = null;
    if (this.#has(key)) this.#remove(key, 0);
  }

  get(name) {
    Headers.#check(this);
    requireArguments(arguments.length, 1, GET);
    const key = headerName(name, GET);
    const list = this.#list;
    if (list === null) return this.#getFlat(key);
    let value = null;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === key) value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
    }
    return value;
  }

  /**
   * The platform's own, older than `getSetCookie`: all values of Set-Cookie, and of no other
   * header.
   */
  getAll(name) {
    Headers.#check(this);
    requireArguments(arguments.length, 1, GET_ALL);
    if (headerName(name, GET_ALL) !== "set-cookie") {
      throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
    }
    return this.#setCookies();
  }

  getSetCookie() {
    Headers.#check(this);
    return this.#setCookies();
  }

  has(name) {
    Headers.#check(this);
    requireArguments(arguments.length, 1, HAS);
    return this.#has(headerName(name, HAS));
  }

  set(name, value) {
    Headers.#check(this);
    requireArguments(arguments.length, 2, SET);
    const key = headerName(name, SET);
    const text = headerValue(value, SET);
    if (this.#guard !== NO_GUARD && !this.#mayChange(isNoCorsSafelisted(key, text))) return;
    this.#entries = null;
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

  /**
   * The first header that is read is looked for in the flat form; who reads a second one will read
   * more.
   */
  #getFlat(key) {
    const value = flatGet(this.#flat, key);
    if (this.#wasRead) this.#parsed();
    this.#wasRead = true;
    return value;
  }

  /** Throws under the guard "immutable". @param {boolean} allowed by "no-cors" */
  #mayChange(allowed) {
    if (this.#guard === IMMUTABLE) throw new TypeError("Can't modify immutable headers.");
    return allowed;
  }

  /** What counts is the value that the header would have. */
  #mayAppend(key, text) {
    this.#mayChange(true);
    const before = flatGet(toFlat(this), key);
    return isNoCorsSafelisted(key, before === null ? text : `${before}, ${text}`);
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
    create = (flat, guard) => {
      const headers = new Headers();
      headers.#flat = flat;
      headers.#guard = guard;
      return headers;
    };
    toFlat = (headers) => (headers.#flat ??= serializeList(headers.#list));
    isOurs = (value) => #guard in value;
    entriesOf = (headers) => {
      Headers.#check(headers);
      return (headers.#entries ??= sortAndCombine(headers.#parsed()));
    };
  }
}

defineInterface(Headers);
definePairIterable(Headers, "Headers", (headers) => entriesOf(headers));

/**
 * What `headers[Symbol.iterator]` is unless someone has replaced it: then the flat form can simply
 * be taken over.
 */
const iterateHeaders = Headers.prototype[SymbolIterator];

const NOT_HEADERS = ": the headers are neither an object nor a sequence of pairs.";

/** @param {any} pair @param {string} what @returns {any[]} */
const toHeader = (pair, what) => {
  const items = toSequence(pair, toDOMString, what);
  if (items.length !== 2) throw new TypeError(`${what} is not a pair of a name and a value.`);
  return items;
};

/**
 * The record form: own enumerable properties, in order. The copy makes the same calls of a proxy's
 * traps as Web IDL's conversion, in the same order, and V8 clones a plain object and lists its keys
 * many times faster than it gives `Reflect.ownKeys`. What is different: all values are read before
 * the first is converted, and symbols are ignored.
 */
function flatFromRecord(init, what) {
  const copy = { ...init };
  const keys = ObjectKeys(copy);
  let flat = "";
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    const name = headerName(key, what);
    flat += `${name}\0${headerValue(copy[key], what)}\0`;
  }
  return flat;
}

/**
 * Validates a `HeadersInit` and gives it in flat form, so that a Response or Request need not make
 * a Headers object.
 * https://fetch.spec.whatwg.org/#concept-headers-fill
 * @param {any} init
 * @param {string} what
 * @returns {string}
 */
export function flatFromInit(init, what) {
  if (!isObject(init)) throw new TypeError(what + NOT_HEADERS);
  const method = init[SymbolIterator];
  if (method === iterateHeaders && isOurs(init)) return toFlat(init);
  if (method === undefined || method === null) return flatFromRecord(init, what);
  if (typeof method !== "function") throw new TypeError(what + NOT_HEADERS);
  const pairs = sequenceFromIterable(init, method, toHeader, `${what}: a header`);
  let flat = "";
  for (let i = 0; i < pairs.length; i++) {
    flat += `${headerName(pairs[i][0], what)}\0${headerValue(pairs[i][1], what)}\0`;
  }
  return flat;
}

/**
 * Makes a Headers object over the flat form.
 * @param {string} flat @param {number} guard @returns {Headers}
 */
export function createHeaders(flat, guard) {
  return create(flat, guard);
}

/** The flat form of what a Headers object holds now. @param {Headers} headers @returns {string} */
export function flatHeaders(headers) {
  return toFlat(headers);
}
