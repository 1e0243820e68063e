/**
 * URLSearchParams (https://url.spec.whatwg.org/#interface-urlsearchparams) and the format it reads
 * and writes, `application/x-www-form-urlencoded`, which request bodies share.
 * @module
 */

import { form_decode_text, form_encode_text } from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  definePairIterable,
  illegalInvocation,
  isObject,
  requireArguments,
  sequenceFromIterable,
  toRecord,
  toSequence,
  toUSVString,
} from "../webidl/webidl.js";

const {
  ArrayPrototypePush,
  ArrayPrototypeSort,
  StringPrototypeCharCodeAt,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeToWellFormed,
  SymbolIterator,
  TypeError,
  Uint8Array,
} = primordials;

/** @param {string} text a name or value as it stands in a query */
function decode(text) {
  const plain = !StringPrototypeIncludes(text, "%") && !StringPrototypeIncludes(text, "+");
  return plain ? text : form_decode_text(text);
}

/**
 * https://url.spec.whatwg.org/#concept-urlencoded-string-parser
 * @param {string} input without leading `?`, without lone surrogates
 * @returns {[string, string][]}
 */
export function parseFormUrlEncoded(input) {
  const list = [];
  const length = input.length;
  let start = 0;
  // Looked for only when the last one found lies behind: else a query without any would be read
  // over and over.
  let equals = StringPrototypeIndexOf(input, "=");
  while (start < length) {
    let end = StringPrototypeIndexOf(input, "&", start);
    if (end === -1) end = length;
    if (equals !== -1 && equals < start) equals = StringPrototypeIndexOf(input, "=", start);
    if (end > start) {
      const hasValue = equals !== -1 && equals < end;
      const name = StringPrototypeSlice(input, start, hasValue ? equals : end);
      const value = hasValue ? StringPrototypeSlice(input, equals + 1, end) : "";
      ArrayPrototypePush(list, [decode(name), decode(value)]);
    }
    start = end + 1;
  }
  return list;
}

/** Which ASCII characters stand for themselves.
 * https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set */
const UNRESERVED = new Uint8Array(128);
{
  const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*-._";
  for (let i = 0; i < characters.length; i++) {
    UNRESERVED[StringPrototypeCharCodeAt(characters, i)] = 1;
  }
}

/** @param {string} text */
function encode(text) {
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code >= 128 || UNRESERVED[code] === 0) return form_encode_text(text);
  }
  return text;
}

/**
 * https://url.spec.whatwg.org/#concept-urlencoded-serializer
 * @param {[string, string][]} list
 * @returns {string}
 */
export function serializeFormUrlEncoded(list) {
  let output = "";
  for (let i = 0; i < list.length; i++) {
    if (i > 0) output += "&";
    output += `${encode(list[i][0])}=${encode(list[i][1])}`;
  }
  return output;
}

/** A member of the sequence that the constructor takes. */
function toSearchParam(item, what) {
  const pair = toSequence(item, toUSVString, `${what}: member of the sequence`);
  if (pair.length !== 2) {
    throw new TypeError(`${what}: each member of the sequence must be a pair of name and value.`);
  }
  return pair;
}

/** By the code units of the names, which is how the language compares strings. */
function compareNames(a, b) {
  if (a[0] === b[0]) return 0;
  return a[0] < b[0] ? -1 : 1;
}

/** What messages about a method begin with. */
const searchParamsFailed = (method) => `Failed to execute '${method}' on 'URLSearchParams'`;

/** Checks and converts the arguments of the methods that take a name only. */
function toSearchParamName(count, name, method) {
  requireArguments(count, 1, searchParamsFailed(method));
  return toUSVString(name, `${searchParamsFailed(method)}: parameter 1`);
}

/** Checks and converts the arguments of the methods that take a name and a value. */
function toNameAndValue(count, name, value, method) {
  requireArguments(count, 2, searchParamsFailed(method));
  return {
    name: toUSVString(name, `${searchParamsFailed(method)}: parameter 1`),
    value: toUSVString(value, `${searchParamsFailed(method)}: parameter 2`),
  };
}

/** The optional value of `has` and `delete`. */
function toOptionalValue(value, method) {
  if (value === undefined) return undefined;
  return toUSVString(value, `${searchParamsFailed(method)}: parameter 2`);
}

/** @param {[string, string]} pair @param {string} name @param {string | undefined} value */
function matches(pair, name, value) {
  return pair[0] === name && (value === undefined || pair[1] === value);
}

/** The pairs of a query, linked to the URL they came from where there is one.
 * @type {(params: URLSearchParams) => [string, string][]} */
let searchParamsList;

/** @type {(value: object) => boolean} */
let isParams;

/** @type {(query: string, onChange: (query: string) => void) => URLSearchParams} */
export let createQueryObject;

/** Replaces the pairs because the URL's query has changed. @type {(params: URLSearchParams, query:
 * string) => void} */
export let setQueryOf;

export class URLSearchParams {
  #list = [];
  /** Tells the URL about a change. */
  #onChange = null;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#list in receiver)) illegalInvocation();
  }

  static {
    searchParamsList = (params) => {
      URLSearchParams.#check(params);
      return params.#list;
    };
    isParams = (value) => #list in value;
    createQueryObject = (query, onChange) => {
      const params = new URLSearchParams();
      params.#list = parseFormUrlEncoded(query);
      params.#onChange = onChange;
      return params;
    };
    setQueryOf = (params, query) => {
      params.#list = parseFormUrlEncoded(StringPrototypeToWellFormed(query));
    };
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-urlsearchparams
  constructor(init = "") {
    const what = "Failed to construct 'URLSearchParams': parameter 1";
    if (isObject(init)) {
      const method = init[SymbolIterator];
      this.#list =
        method === undefined || method === null
          ? toRecord(init, toUSVString, toUSVString, what)
          : sequenceFromIterable(init, method, toSearchParam, what);
    } else if (init !== "") {
      let query = toUSVString(init, what);
      if (query[0] === "?") query = StringPrototypeSlice(query, 1);
      this.#list = parseFormUrlEncoded(query);
    }
  }

  // https://url.spec.whatwg.org/#concept-urlsearchparams-update
  #changed() {
    const onChange = this.#onChange;
    if (onChange !== null) onChange(serializeFormUrlEncoded(this.#list));
  }

  /** Removes the pairs from number `from` on that match, in place, for iterations go on over the
   * same list. */
  #remove(from, name, value) {
    const list = this.#list;
    let kept = from;
    for (let i = from; i < list.length; i++) {
      if (matches(list[i], name, value)) continue;
      list[kept] = list[i];
      kept++;
    }
    list.length = kept;
  }

  get size() {
    URLSearchParams.#check(this);
    return this.#list.length;
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-append
  append(name, value) {
    URLSearchParams.#check(this);
    const list = this.#list;
    const pair = toNameAndValue(arguments.length, name, value, "append");
    ArrayPrototypePush(list, [pair.name, pair.value]);
    this.#changed();
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-delete
  delete(name, value = undefined) {
    URLSearchParams.#check(this);
    const key = toSearchParamName(arguments.length, name, "delete");
    this.#remove(0, key, toOptionalValue(value, "delete"));
    this.#changed();
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-get
  get(name) {
    URLSearchParams.#check(this);
    const list = this.#list;
    const key = toSearchParamName(arguments.length, name, "get");
    for (let i = 0; i < list.length; i++) {
      if (list[i][0] === key) return list[i][1];
    }
    return null;
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-getall
  getAll(name) {
    URLSearchParams.#check(this);
    const list = this.#list;
    const key = toSearchParamName(arguments.length, name, "getAll");
    const values = [];
    for (let i = 0; i < list.length; i++) {
      if (list[i][0] === key) ArrayPrototypePush(values, list[i][1]);
    }
    return values;
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-has
  has(name, value = undefined) {
    URLSearchParams.#check(this);
    const list = this.#list;
    const key = toSearchParamName(arguments.length, name, "has");
    const wanted = toOptionalValue(value, "has");
    for (let i = 0; i < list.length; i++) {
      if (matches(list[i], key, wanted)) return true;
    }
    return false;
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-set
  set(name, value) {
    URLSearchParams.#check(this);
    const list = this.#list;
    const pair = toNameAndValue(arguments.length, name, value, "set");
    let first = 0;
    while (first < list.length && list[first][0] !== pair.name) first++;
    if (first === list.length) {
      ArrayPrototypePush(list, [pair.name, pair.value]);
    } else {
      list[first][1] = pair.value;
      this.#remove(first + 1, pair.name, undefined);
    }
    this.#changed();
  }

  // https://url.spec.whatwg.org/#dom-urlsearchparams-sort
  sort() {
    URLSearchParams.#check(this);
    ArrayPrototypeSort(this.#list, compareNames);
    this.#changed();
  }

  toString() {
    URLSearchParams.#check(this);
    return serializeFormUrlEncoded(this.#list);
  }
}

definePairIterable(URLSearchParams, "URLSearchParams", searchParamsList);
defineInterface(URLSearchParams);

/** True for a URLSearchParams. @param {any} value */
export function isSearchParams(value) {
  return isObject(value) && isParams(value);
}

/** What a URLSearchParams serializes to, whatever its `toString` has become.
 * @param {URLSearchParams} params @returns {string} */
export function textOfSearchParams(params) {
  return serializeFormUrlEncoded(searchParamsList(params));
}
