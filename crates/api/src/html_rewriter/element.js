/**
 * Elements and their end tags, as handlers see them.
 * https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#element
 * @module
 */

import {
  html_attribute,
  html_attributes,
  html_has_attribute,
  html_name,
  html_namespace,
  html_on_end_tag,
  html_remove_and_keep_content,
  html_remove_attribute,
  html_set_attribute,
  html_set_name,
} from "isolde:ops";
import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toDOMString,
  toFunction,
} from "../webidl/webidl.js";
import { defineContentMethods } from "./content_methods.js";
import { nextNumber, numberOf, TOKEN_KEY } from "./token_state.js";

const {
  IteratorPrototype,
  MapPrototypeDelete,
  MapPrototypeSet,
  ReflectSetPrototypeOf,
} = primordials;

const ON_ELEMENT = "on 'Element'";

let stateOfElement;
let stateOfEndTag;

/** The iterator of `element.attributes`: pairs of name and value, as they were when it was made. */
class AttributesIterator {
  #state;
  #list;
  #index = 0;

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
    this.#list = html_attributes(numberOf(state));
  }

  next() {
    if (!isObject(this) || !(#state in this)) illegalInvocation();
    numberOf(this.#state);
    const index = this.#index;
    const list = this.#list;
    if (index >= list.length) return { value: undefined, done: true };
    this.#index = index + 2;
    return { value: [list[index], list[index + 1]], done: false };
  }
}
defineInterface(AttributesIterator, { __proto__: null, length: 0 });
ReflectSetPrototypeOf(AttributesIterator.prototype, IteratorPrototype);

export class Element {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  static {
    stateOfElement = (token) => {
      Element.#check(token);
      return token.#state;
    };
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  get tagName() {
    Element.#check(this);
    return html_name(numberOf(this.#state));
  }

  set tagName(name) {
    Element.#check(this);
    const text = toDOMString(name, "Failed to set 'tagName' on 'Element': the value");
    html_set_name(numberOf(this.#state), text);
  }

  get attributes() {
    Element.#check(this);
    return new AttributesIterator(TOKEN_KEY, this.#state);
  }

  get namespaceURI() {
    Element.#check(this);
    return html_namespace(numberOf(this.#state));
  }

  getAttribute(name) {
    Element.#check(this);
    const what = `Failed to execute 'getAttribute' ${ON_ELEMENT}`;
    requireArguments(arguments.length, 1, what);
    const text = toDOMString(name, `${what}: parameter 1`);
    return html_attribute(numberOf(this.#state), text) ?? null;
  }

  hasAttribute(name) {
    Element.#check(this);
    const what = `Failed to execute 'hasAttribute' ${ON_ELEMENT}`;
    requireArguments(arguments.length, 1, what);
    const text = toDOMString(name, `${what}: parameter 1`);
    return html_has_attribute(numberOf(this.#state), text);
  }

  setAttribute(name, value) {
    Element.#check(this);
    const what = `Failed to execute 'setAttribute' ${ON_ELEMENT}`;
    requireArguments(arguments.length, 2, what);
    const nameText = toDOMString(name, `${what}: parameter 1`);
    const valueText = toDOMString(value, `${what}: parameter 2`);
    html_set_attribute(numberOf(this.#state), nameText, valueText);
    return this;
  }

  removeAttribute(name) {
    Element.#check(this);
    const what = `Failed to execute 'removeAttribute' ${ON_ELEMENT}`;
    requireArguments(arguments.length, 1, what);
    const text = toDOMString(name, `${what}: parameter 1`);
    html_remove_attribute(numberOf(this.#state), text);
    return this;
  }

  removeAndKeepContent() {
    Element.#check(this);
    html_remove_and_keep_content(numberOf(this.#state));
    return this;
  }

  onEndTag(handler) {
    Element.#check(this);
    const what = `Failed to execute 'onEndTag' ${ON_ELEMENT}`;
    requireArguments(arguments.length, 1, what);
    toFunction(handler, `${what}: parameter 1`);
    const state = this.#state;
    const number = numberOf(state);
    const { endTags } = state.rewriting;
    const id = nextNumber(state);
    MapPrototypeSet(endTags, id, handler);
    try {
      html_on_end_tag(number, id);
    } catch (error) {
      MapPrototypeDelete(endTags, id);
      throw error;
    }
  }
}
defineContentMethods(Element, "Element", stateOfElement, [
  "removed", "before", "after", "prepend", "append", "replace", "setInnerContent", "remove",
]);
defineInterface(Element, { __proto__: null, length: 0 });

/** https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#endtag */
export class EndTag {
  #state;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#state in receiver)) illegalInvocation();
  }

  static {
    stateOfEndTag = (token) => {
      EndTag.#check(token);
      return token.#state;
    };
  }

  constructor(key, state) {
    if (key !== TOKEN_KEY) illegalConstructor();
    this.#state = state;
  }

  get name() {
    EndTag.#check(this);
    return html_name(numberOf(this.#state));
  }

  set name(name) {
    EndTag.#check(this);
    const text = toDOMString(name, "Failed to set 'name' on 'EndTag': the value");
    html_set_name(numberOf(this.#state), text);
  }
}
defineContentMethods(EndTag, "EndTag", stateOfEndTag, ["before", "after", "remove"]);
defineInterface(EndTag, { __proto__: null, length: 0 });
