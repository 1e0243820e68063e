/**
 * What all kinds of tokens have in common: whether they live, and how content gets into them.
 * @module
 */

import { html_insert, html_insert_stream } from "isolde:ops";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { takeContent, toContent } from "./contents.js";

const { MapPrototypeSet, TypeError } = primordials;

const DEAD =
  "This content token is no longer valid. Content tokens are only valid during the execution of " +
  "the relevant content handler.";

/** The first argument of constructors that only the platform calls. */
export const TOKEN_KEY = {};

/** Where content goes; the native side knows these numbers. */
export const BEFORE = 0;
export const AFTER = 1;
export const PREPEND = 2;
export const APPEND = 3;
export const REPLACE = 4;
export const INNER_CONTENT = 5;

/** What a token and its iterators share. */
export class TokenState {
  live = true;

  /** @param {any} rewriting that the token belongs to */
  constructor(rewriting) {
    this.rewriting = rewriting;
  }
}
internal(TokenState);

/** The rewriting's number for the native side, while the token lives. @param {TokenState} state
 * @returns {number} */
export function numberOf(state) {
  if (!state.live || state.rewriting.ended) throw new TypeError(DEAD);
  return state.rewriting.number;
}

/** A number for a content or a handler that the native side asks for later.
 * @param {TokenState} state @returns {number} */
export function nextNumber(state) {
  return ++state.rewriting.lastNumber;
}

/** The methods that take content.
 * @param {TokenState} state @param {number} place @param {number} count of arguments
 * @param {any} content @param {any} options @param {string} what */
export function insertContent(state, place, count, content, options, what) {
  const { content: converted, isHtml } = toContent(count, content, options, what);
  // After the conversions: they may run code of the Worker.
  const number = numberOf(state);
  const taken = typeof converted === "string" ? converted : takeContent(converted);
  if (typeof taken === "string") {
    html_insert(number, place, taken, isHtml);
    return;
  }
  const stream = nextNumber(state);
  MapPrototypeSet(state.rewriting.contents, stream, taken);
  html_insert_stream(number, place, stream, isHtml);
}
