/**
 * Text, comments, the document type and the end of a document, as handlers see them.
 * https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#text-chunks
 * @module
 */

import {
  html_is_last_in_text_node,
  html_name,
  html_public_id,
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
import { defineContentMethods } from "./content_methods.js";
import { numberOf, TOKEN_KEY } from "./token_state.js";

let stateOfText;
let stateOfComment;
let stateOfDocumentEnd;

/** What text and comments have of the methods for content. */
const LEAF_METHODS = ["removed", "before", "after", "replace", "remove"];

/** A piece of a text node: how much of it is up to the chunks in which the document came. */
export class Text {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  static {
    stateOfText = (token) => {
      Text.#check(token);
      return token.#state;
    };
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
}
defineContentMethods(Text, "Text", stateOfText, LEAF_METHODS);
defineInterface(Text, { __proto__: null, length: 0 });

/** https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#comments */
export class Comment {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  static {
    stateOfComment = (token) => {
      Comment.#check(token);
      return token.#state;
    };
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
}
defineContentMethods(Comment, "Comment", stateOfComment, LEAF_METHODS);
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

  static {
    stateOfDocumentEnd = (token) => {
      DocumentEnd.#check(token);
      return token.#state;
    };
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }
}
defineContentMethods(DocumentEnd, "DocumentEnd", stateOfDocumentEnd, ["append"]);
defineInterface(DocumentEnd, { __proto__: null, length: 0 });
