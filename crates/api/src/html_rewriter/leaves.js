/**
 * Text, comments, the document type and the end of a document, as handlers see them.
 * https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#text-chunks
 * @module
 */

import {
  html_is_last_in_text_node,
  html_is_removed,
  html_name,
  html_public_id,
  html_remove,
  html_set_text,
  html_system_id,
  html_text,
} from "isolde:ops";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  toDOMString,
} from "../webidl/webidl.js";
import {
  AFTER,
  APPEND,
  BEFORE,
  insertContent,
  numberOf,
  REPLACE,
  TOKEN_KEY,
} from "./token_state.js";

/** A piece of a text node: how much of it is up to the chunks in which the document came. */
export class Text {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  get text() {
    Text.#check(this);
    return html_text(numberOf(this.#state));
  }

  get lastInTextNode() {
    Text.#check(this);
    return html_is_last_in_text_node(numberOf(this.#state));
  }

  get removed() {
    Text.#check(this);
    return html_is_removed(numberOf(this.#state));
  }

  before(content, options = undefined) {
    Text.#check(this);
    const what = "Failed to execute 'before' on 'Text'";
    insertContent(this.#state, BEFORE, arguments.length, content, options, what);
    return this;
  }

  after(content, options = undefined) {
    Text.#check(this);
    const what = "Failed to execute 'after' on 'Text'";
    insertContent(this.#state, AFTER, arguments.length, content, options, what);
    return this;
  }

  replace(content, options = undefined) {
    Text.#check(this);
    const what = "Failed to execute 'replace' on 'Text'";
    insertContent(this.#state, REPLACE, arguments.length, content, options, what);
    return this;
  }

  remove() {
    Text.#check(this);
    html_remove(numberOf(this.#state));
    return this;
  }
}
defineInterface(Text, { __proto__: null, length: 0 });

/** https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#comments */
export class Comment {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  get text() {
    Comment.#check(this);
    return html_text(numberOf(this.#state));
  }

  set text(text) {
    Comment.#check(this);
    const converted = toDOMString(text, "Failed to set 'text' on 'Comment': the value");
    html_set_text(numberOf(this.#state), converted);
  }

  get removed() {
    Comment.#check(this);
    return html_is_removed(numberOf(this.#state));
  }

  before(content, options = undefined) {
    Comment.#check(this);
    const what = "Failed to execute 'before' on 'Comment'";
    insertContent(this.#state, BEFORE, arguments.length, content, options, what);
    return this;
  }

  after(content, options = undefined) {
    Comment.#check(this);
    const what = "Failed to execute 'after' on 'Comment'";
    insertContent(this.#state, AFTER, arguments.length, content, options, what);
    return this;
  }

  replace(content, options = undefined) {
    Comment.#check(this);
    const what = "Failed to execute 'replace' on 'Comment'";
    insertContent(this.#state, REPLACE, arguments.length, content, options, what);
    return this;
  }

  remove() {
    Comment.#check(this);
    html_remove(numberOf(this.#state));
    return this;
  }
}
defineInterface(Comment, { __proto__: null, length: 0 });

/** https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#doctype */
export class Doctype {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  get name() {
    Doctype.#check(this);
    return html_name(numberOf(this.#state)) ?? null;
  }

  get publicId() {
    Doctype.#check(this);
    return html_public_id(numberOf(this.#state)) ?? null;
  }

  get systemId() {
    Doctype.#check(this);
    return html_system_id(numberOf(this.#state)) ?? null;
  }
}
defineInterface(Doctype, { __proto__: null, length: 0 });

/** https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#end */
export class DocumentEnd {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  append(content, options = undefined) {
    DocumentEnd.#check(this);
    const what = "Failed to execute 'append' on 'DocumentEnd'";
    insertContent(this.#state, APPEND, arguments.length, content, options, what);
    return this;
  }
}
defineInterface(DocumentEnd, { __proto__: null, length: 0 });
