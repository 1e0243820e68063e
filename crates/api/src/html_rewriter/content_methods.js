/**
 * The members that several kinds of tokens have: content beside a token and in it, and taking the
 * token away.
 * @module
 */

import { html_is_removed, html_remove } from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  AFTER,
  APPEND,
  BEFORE,
  INNER_CONTENT,
  insertContent,
  numberOf,
  PREPEND,
  REPLACE,
} from "./token_state.js";

const { ObjectDefineProperty, ObjectGetOwnPropertyDescriptors } = primordials;

/**
 * Defines some of these members.
 * @param {Function} Class @param {string} name of the class
 * @param {(token: any) => import('./token_state.js').TokenState} stateOf checks the brand
 * @param {string[]} wanted their names
 */
export function defineContentMethods(Class, name, stateOf, wanted) {
  const insert = (token, place, count, content, options, method) => {
    const what = `Failed to execute '${method}' on '${name}'`;
    insertContent(stateOf(token), place, count, content, options, what);
    return token;
  };
  const members = {
    __proto__: null,
    get removed() {
      return html_is_removed(numberOf(stateOf(this)));
    },
    before(content, options = undefined) {
      return insert(this, BEFORE, arguments.length, content, options, "before");
    },
    after(content, options = undefined) {
      return insert(this, AFTER, arguments.length, content, options, "after");
    },
    prepend(content, options = undefined) {
      return insert(this, PREPEND, arguments.length, content, options, "prepend");
    },
    append(content, options = undefined) {
      return insert(this, APPEND, arguments.length, content, options, "append");
    },
    replace(content, options = undefined) {
      return insert(this, REPLACE, arguments.length, content, options, "replace");
    },
    setInnerContent(content, options = undefined) {
      return insert(this, INNER_CONTENT, arguments.length, content, options, "setInnerContent");
    },
    remove() {
      html_remove(numberOf(stateOf(this)));
      return this;
    },
  };
  const descriptors = ObjectGetOwnPropertyDescriptors(members);
  for (let i = 0; i < wanted.length; i++) {
    ObjectDefineProperty(Class.prototype, wanted[i], descriptors[wanted[i]]);
  }
}
