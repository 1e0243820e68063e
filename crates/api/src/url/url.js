/**
 * URL (https://url.spec.whatwg.org/#url-class).
 *
 * Parsing is native and happens once: the instance keeps the serialised URL and where its parts
 * begin and end in it, and each getter is a slice. A setter parses again with the changed part.
 * @module
 */

import { url_can_parse, url_origin, url_parse, url_set } from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toDOMString,
} from "../webidl/webidl.js";
import { createQueryObject, setQueryOf } from "./search_params.js";

const {
  Int32Array,
  StringPrototypeCharCodeAt,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

/** What the native side writes its offsets into; -1 stands for an absent part. Positions as in
 * `ops.rs`. */
const offsets = new Int32Array(9);
const ABSENT = -1;

/** The parts that `url_set` knows, by the numbers of `ops.rs`. */
const PROTOCOL = 0;
const USERNAME = 1;
const PASSWORD = 2;
const HOST = 3;
const HOSTNAME = 4;
const PORT = 5;
const PATHNAME = 6;
const SEARCH = 7;
const HASH = 8;

/** Types of schemes, by the numbers of crate ada-url. The others are special and have tuple
 * origins. */
const NOT_SPECIAL = 1;
const FILE = 6;

const AT_SIGN = 0x40;
const QUESTION_MARK = 0x3f;

/** First argument of a construction by `URL.parse`, which has parsed already. */
const PARSED = {};

const CONSTRUCTOR = "Failed to construct 'URL'";
const INVALID = "Invalid URL string.";

/** The optional argument `base`. */
function toBase(base, what) {
  return base === undefined ? undefined : toDOMString(base, `${what}: parameter 2`);
}

/** @param {string} part */
function setterValue(value, part) {
  return toDOMString(value, `Failed to set the '${part}' property on 'URL': The value`);
}

/** A parsed URL. Lone surrogates need no replacement here: the native side replaces them. */
export class URL {
  #href = "";
  #protocolEnd = 0;
  #usernameEnd = 0;
  #hostStart = 0;
  #hostEnd = 0;
  #port = ABSENT;
  #pathnameStart = 0;
  #searchStart = ABSENT;
  #hashStart = ABSENT;
  #schemeType = NOT_SPECIAL;
  #searchParams = null;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#href in receiver)) illegalInvocation();
  }

  // https://url.spec.whatwg.org/#dom-url-url
  constructor(url, base = undefined) {
    if (url === PARSED) return;
    requireArguments(arguments.length, 1, CONSTRUCTOR);
    const input = toDOMString(url, `${CONSTRUCTOR}: parameter 1`);
    const href = url_parse(input, toBase(base, CONSTRUCTOR), offsets);
    if (href === undefined) throw new TypeError(INVALID);
    this.#take(href === "" ? input : href);
  }

  // https://url.spec.whatwg.org/#dom-url-parse
  static parse(url, base = undefined) {
    const what = "Failed to execute 'parse' on 'URL'";
    requireArguments(arguments.length, 1, what);
    const input = toDOMString(url, `${what}: parameter 1`);
    const href = url_parse(input, toBase(base, what), offsets);
    if (href === undefined) return null;
    const result = new URL(PARSED);
    result.#take(href === "" ? input : href);
    return result;
  }

  // https://url.spec.whatwg.org/#dom-url-canparse
  static canParse(url, base = undefined) {
    const what = "Failed to execute 'canParse' on 'URL'";
    requireArguments(arguments.length, 1, what);
    const input = toDOMString(url, `${what}: parameter 1`);
    return url_can_parse(input, toBase(base, what));
  }

  /** Makes this the URL that was parsed last. */
  #take(href) {
    this.#href = href;
    this.#protocolEnd = offsets[0];
    this.#usernameEnd = offsets[1];
    this.#hostStart = offsets[2];
    this.#hostEnd = offsets[3];
    this.#port = offsets[4];
    this.#pathnameStart = offsets[5];
    this.#searchStart = offsets[6];
    this.#hashStart = offsets[7];
    this.#schemeType = offsets[8];
  }

  #set(part, value) {
    const href = url_set(this.#href, part, value, offsets);
    if (href !== "") this.#take(href);
  }

  /** The host begins behind the `@` of credentials. */
  #hostBegin() {
    const start = this.#hostStart;
    const behindCredentials =
      this.#hostEnd > start && StringPrototypeCharCodeAt(this.#href, start) === AT_SIGN;
    return behindCredentials ? start + 1 : start;
  }

  /** The query without its `?`; empty when there is none. */
  #query() {
    if (this.#searchStart === ABSENT) return "";
    const end = this.#hashStart === ABSENT ? this.#href.length : this.#hashStart;
    return StringPrototypeSlice(this.#href, this.#searchStart + 1, end);
  }

  get href() {
    URL.#check(this);
    return this.#href;
  }

  // https://url.spec.whatwg.org/#dom-url-href
  set href(value) {
    URL.#check(this);
    const input = setterValue(value, "href");
    // A wrong receiver must fail before anything is parsed.
    const searchParams = this.#searchParams;
    const href = url_parse(input, undefined, offsets);
    if (href === undefined) throw new TypeError(INVALID);
    this.#take(href === "" ? input : href);
    if (searchParams !== null) setQueryOf(searchParams, this.#query());
  }

  // https://url.spec.whatwg.org/#concept-url-origin
  get origin() {
    URL.#check(this);
    const type = this.#schemeType;
    if (type !== NOT_SPECIAL && type !== FILE) {
      const host = StringPrototypeSlice(this.#href, this.#hostBegin(), this.#pathnameStart);
      return `${StringPrototypeSlice(this.#href, 0, this.#protocolEnd)}//${host}`;
    }
    return StringPrototypeStartsWith(this.#href, "blob:") ? url_origin(this.#href) : "null";
  }

  get protocol() {
    URL.#check(this);
    return StringPrototypeSlice(this.#href, 0, this.#protocolEnd);
  }

  set protocol(value) {
    URL.#check(this);
    this.#set(PROTOCOL, setterValue(value, "protocol"));
  }

  get username() {
    URL.#check(this);
    const start = this.#protocolEnd + 2;
    return start < this.#usernameEnd
      ? StringPrototypeSlice(this.#href, start, this.#usernameEnd)
      : "";
  }

  set username(value) {
    URL.#check(this);
    this.#set(USERNAME, setterValue(value, "username"));
  }

  get password() {
    URL.#check(this);
    const start = this.#usernameEnd + 1;
    return start < this.#hostStart ? StringPrototypeSlice(this.#href, start, this.#hostStart) : "";
  }

  set password(value) {
    URL.#check(this);
    this.#set(PASSWORD, setterValue(value, "password"));
  }

  get host() {
    URL.#check(this);
    const start = this.#hostBegin();
    // Where there is no host, a `/.` may stand before a path that begins with two slashes.
    return start === this.#hostEnd
      ? ""
      : StringPrototypeSlice(this.#href, start, this.#pathnameStart);
  }

  set host(value) {
    URL.#check(this);
    this.#set(HOST, setterValue(value, "host"));
  }

  get hostname() {
    URL.#check(this);
    return StringPrototypeSlice(this.#href, this.#hostBegin(), this.#hostEnd);
  }

  set hostname(value) {
    URL.#check(this);
    this.#set(HOSTNAME, setterValue(value, "hostname"));
  }

  get port() {
    URL.#check(this);
    return this.#port === ABSENT
      ? ""
      : StringPrototypeSlice(this.#href, this.#hostEnd + 1, this.#pathnameStart);
  }

  set port(value) {
    URL.#check(this);
    this.#set(PORT, setterValue(value, "port"));
  }

  get pathname() {
    URL.#check(this);
    let end = this.#searchStart;
    if (end === ABSENT) end = this.#hashStart;
    if (end === ABSENT) end = this.#href.length;
    return StringPrototypeSlice(this.#href, this.#pathnameStart, end);
  }

  set pathname(value) {
    URL.#check(this);
    this.#set(PATHNAME, setterValue(value, "pathname"));
  }

  get search() {
    URL.#check(this);
    const query = this.#query();
    return query === "" ? "" : `?${query}`;
  }

  // https://url.spec.whatwg.org/#dom-url-search
  set search(value) {
    URL.#check(this);
    const input = setterValue(value, "search");
    this.#set(SEARCH, input);
    if (this.#searchParams === null) return;
    // The standard parses what was given, not what the URL made of it.
    const marked = input !== "" && StringPrototypeCharCodeAt(input, 0) === QUESTION_MARK;
    setQueryOf(this.#searchParams, marked ? StringPrototypeSlice(input, 1) : input);
  }

  // https://url.spec.whatwg.org/#dom-url-searchparams
  get searchParams() {
    URL.#check(this);
    this.#searchParams ??= createQueryObject(this.#query(), (query) => this.#set(SEARCH, query));
    return this.#searchParams;
  }

  get hash() {
    URL.#check(this);
    const start = this.#hashStart;
    return start === ABSENT || this.#href.length === start + 1
      ? ""
      : StringPrototypeSlice(this.#href, start);
  }

  set hash(value) {
    URL.#check(this);
    this.#set(HASH, setterValue(value, "hash"));
  }

  toString() {
    URL.#check(this);
    return this.#href;
  }

  toJSON() {
    URL.#check(this);
    return this.#href;
  }
}

defineInterface(URL);
