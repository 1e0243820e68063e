/**
 * What a rewriter can need next, as the native side numbers it, and the class of each kind of
 * token.
 * @module
 */

import { Element, EndTag } from "./element.js";
import { Comment, Doctype, DocumentEnd, Text } from "./leaves.js";
import { TOKEN_KEY } from "./token_state.js";

/** Everything has been written. */
export const NOTHING = 0;
/** Somebody has to take the output. */
export const OUTPUT = 1;
/** The next bytes of the document. */
export const DOCUMENT = 2;
/** The next bytes of a content. */
export const CONTENT = 3;
/** Handlers. */
export const ELEMENT = 4;
export const COMMENT = 5;
export const TEXT = 6;
export const DOCTYPE = 7;
export const DOCUMENT_END = 8;
export const END_TAG = 9;

/** The object that a handler gets. @param {number} kind
 * @param {import('./token_state.js').TokenState} state */
export function createToken(kind, state) {
  switch (kind) {
    case ELEMENT:
      return new Element(TOKEN_KEY, state);
    case COMMENT:
      return new Comment(TOKEN_KEY, state);
    case TEXT:
      return new Text(TOKEN_KEY, state);
    case DOCTYPE:
      return new Doctype(TOKEN_KEY, state);
    case DOCUMENT_END:
      return new DocumentEnd(TOKEN_KEY, state);
    default:
      return new EndTag(TOKEN_KEY, state);
  }
}
