/**
 * `HTMLRewriter`, the platform's own: rewrites HTML as it streams by.
 * https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/
 * @module
 */

import { html_check_encoding, html_check_selector } from "isolde:ops";
import { requireContext } from "../context.js";
import { streamOf, takeBody } from "../fetch/body.js";
import { flatGet } from "../fetch/flat_headers.js";
import { parseMimeType } from "../fetch/mime.js";
import {
  bodyOfResponse,
  headersOfResponse,
  isResponseObject,
  rewrittenResponse,
} from "../fetch/response.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { acquireReader } from "../streams/streams.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toDictionary,
  toDOMString,
  toFunction,
  toObject,
} from "../webidl/webidl.js";
import { Source } from "./contents.js";
import { COMMENT, DOCTYPE, DOCUMENT_END, ELEMENT, TEXT } from "./kinds.js";
import { createRewrittenStream } from "./rewriting.js";

const { ArrayPrototypePush, ArrayPrototypeSlice, TypeError } = primordials;

/** Handlers that an entry has; the native side knows these numbers. */
const HAS_ELEMENT = 1;
const HAS_COMMENTS = 2;
const HAS_TEXT = 4;
const HAS_DOCTYPE = 8;
const HAS_END = 16;
const IS_DOCUMENT = 32;

const ELEMENT_HANDLERS = [
  { __proto__: null, key: "element", convert: toFunction },
  { __proto__: null, key: "comments", convert: toFunction },
  { __proto__: null, key: "text", convert: toFunction },
];

const DOCUMENT_HANDLERS = [
  { __proto__: null, key: "doctype", convert: toFunction },
  { __proto__: null, key: "comments", convert: toFunction },
  { __proto__: null, key: "text", convert: toFunction },
  { __proto__: null, key: "end", convert: toFunction },
];

/** One call of `on` or `onDocument`. */
class Entry {
  /** Which handlers there are. */
  has = 0;
  /** The handlers by the kind of their token. */
  handlers = { __proto__: null };

  /** @param {string} selector @param {any} self what handlers are called on */
  constructor(selector, self) {
    this.selector = selector;
    this.self = self;
  }
}
internal(Entry);

function addHandler(entry, bit, kind, handler) {
  if (handler === undefined) return;
  entry.has |= bit;
  entry.handlers[kind] = handler;
}

const UTF8 = "utf-8";

/** The label of a response's encoding. */
function encodingOf(response) {
  const type = flatGet(headersOfResponse(response), "content-type");
  const mime = type === null ? null : parseMimeType(type);
  return mime === null ? UTF8 : (mime.parameters.charset ?? UTF8);
}

export class HTMLRewriter {
  #entries = [];

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#entries in receiver)) illegalInvocation();
  }

  on(selector, handlers) {
    HTMLRewriter.#check(this);
    const what = "Failed to execute 'on' on 'HTMLRewriter'";
    requireArguments(arguments.length, 2, what);
    const text = toDOMString(selector, `${what}: parameter 1`);
    toObject(handlers, `${what}: parameter 2`);
    const { element, comments, text: texts } = toDictionary(
      handlers, ELEMENT_HANDLERS, `${what}: parameter 2`,
    );
    html_check_selector(text);
    const entry = new Entry(text, handlers);
    addHandler(entry, HAS_ELEMENT, ELEMENT, element);
    addHandler(entry, HAS_COMMENTS, COMMENT, comments);
    addHandler(entry, HAS_TEXT, TEXT, texts);
    ArrayPrototypePush(this.#entries, entry);
    return this;
  }

  onDocument(handlers) {
    HTMLRewriter.#check(this);
    const what = "Failed to execute 'onDocument' on 'HTMLRewriter'";
    requireArguments(arguments.length, 1, what);
    toObject(handlers, `${what}: parameter 1`);
    const { doctype, comments, text, end } = toDictionary(
      handlers, DOCUMENT_HANDLERS, `${what}: parameter 1`,
    );
    const entry = new Entry("", handlers);
    entry.has = IS_DOCUMENT;
    addHandler(entry, HAS_DOCTYPE, DOCTYPE, doctype);
    addHandler(entry, HAS_COMMENTS, COMMENT, comments);
    addHandler(entry, HAS_TEXT, TEXT, text);
    addHandler(entry, HAS_END, DOCUMENT_END, end);
    ArrayPrototypePush(this.#entries, entry);
    return this;
  }

  transform(response) {
    HTMLRewriter.#check(this);
    const what = "Failed to execute 'transform' on 'HTMLRewriter'";
    requireArguments(arguments.length, 1, what);
    if (!isResponseObject(response)) {
      throw new TypeError(`${what}: parameter 1 is not of type 'Response'.`);
    }
    const body = bodyOfResponse(response);
    if (body === null) return response;
    requireContext("HTMLRewriter");
    const encoding = encodingOf(response);
    // What can fail comes first: the response is not used up by a mistake.
    html_check_encoding(encoding);
    const source = new Source(acquireReader(streamOf(takeBody(body))));
    const entries = ArrayPrototypeSlice(this.#entries);
    return rewrittenResponse(response, createRewrittenStream(entries, encoding, source));
  }
}
defineInterface(HTMLRewriter);
