/**
 * `FormData`: an ordered list of names with strings or files.
 * https://xhr.spec.whatwg.org/#interface-formdata
 * @module
 */

import { primordials } from "../primordials.js";
import { isBlobObject } from "../blob/blob.js";
import { fileOfBlob, isFileObject } from "../blob/file.js";
import { showPairs } from "../console/shown.js";
import {
  defineInterface,
  definePairIterable,
  illegalInvocation,
  isObject,
  requireArguments,
  toUSVString,
} from "../webidl/webidl.js";

const { ArrayPrototypePush, TypeError } = primordials;

const CONSTRUCT_FORM_DATA = "Failed to construct 'FormData'";

/** What messages about a method begin with. */
const formDataFailed = (method) => `Failed to execute '${method}' on 'FormData'`;

/** Checks and converts the argument of the methods that take only a name. */
function toFormDataName(count, name, method) {
  requireArguments(count, 1, formDataFailed(method));
  return toUSVString(name, `${formDataFailed(method)}: parameter 1`);
}

/**
 * Converts the arguments of `append` and `set`. https://xhr.spec.whatwg.org/#create-an-entry
 * @returns {[string, string | File]}
 */
function toEntry(count, name, value, filename, method) {
  const what = formDataFailed(method);
  requireArguments(count, 2, what);
  const key = toUSVString(name, `${what}: parameter 1`);
  if (count < 3 || filename === undefined) {
    if (!isBlobObject(value)) return [key, toUSVString(value, `${what}: parameter 2`)];
    return [key, isFileObject(value) ? value : fileOfBlob(value, "blob")];
  }
  if (!isBlobObject(value)) throw new TypeError(`${what}: parameter 2 is not a Blob.`);
  return [key, fileOfBlob(value, toUSVString(filename, `${what}: parameter 3`))];
}

let formDataList;
let isFormData;

/** https://xhr.spec.whatwg.org/#interface-formdata */
export class FormData {
  /** @type {[string, string | File][]} */
  #entries = [];

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#entries in receiver)) illegalInvocation();
  }

  constructor(form = undefined) {
    if (form !== undefined) {
      throw new TypeError(`${CONSTRUCT_FORM_DATA}: there is no HTMLFormElement here.`);
    }
  }

  append(name, value, filename = undefined) {
    FormData.#check(this);
    const entry = toEntry(arguments.length, name, value, filename, "append");
    ArrayPrototypePush(this.#entries, entry);
  }

  delete(name) {
    FormData.#check(this);
    const key = toFormDataName(arguments.length, name, "delete");
    this.#removeFrom(0, key);
  }

  get(name) {
    FormData.#check(this);
    const key = toFormDataName(arguments.length, name, "get");
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if (entries[i][0] === key) return entries[i][1];
    }
    return null;
  }

  getAll(name) {
    FormData.#check(this);
    const key = toFormDataName(arguments.length, name, "getAll");
    const entries = this.#entries;
    const values = [];
    for (let i = 0; i < entries.length; i++) {
      if (entries[i][0] === key) ArrayPrototypePush(values, entries[i][1]);
    }
    return values;
  }

  has(name) {
    FormData.#check(this);
    const key = toFormDataName(arguments.length, name, "has");
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if (entries[i][0] === key) return true;
    }
    return false;
  }

  set(name, value, filename = undefined) {
    FormData.#check(this);
    const entry = toEntry(arguments.length, name, value, filename, "set");
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if (entries[i][0] !== entry[0]) continue;
      entries[i] = entry;
      this.#removeFrom(i + 1, entry[0]);
      return;
    }
    ArrayPrototypePush(entries, entry);
  }

  /** Takes the name's entries at or behind a place out of the list. */
  #removeFrom(from, key) {
    const entries = this.#entries;
    let kept = from;
    for (let i = from; i < entries.length; i++) {
      if (entries[i][0] !== key) entries[kept++] = entries[i];
    }
    entries.length = kept;
  }

  static {
    formDataList = (formData) => {
      FormData.#check(formData);
      return formData.#entries;
    };
    isFormData = (value) => #entries in value;
  }
}

defineInterface(FormData);
definePairIterable(FormData, "FormData", (formData) => formDataList(formData));
showPairs(FormData);

/** True for a FormData. @param {any} value */
export function isFormDataObject(value) {
  return isObject(value) && isFormData(value);
}

/** The live list of entries. @param {FormData} formData @returns {[string, string | File][]} */
export function entriesOfFormData(formData) {
  return formDataList(formData);
}

/** Makes a FormData of entries. @param {[string, string | File][]} entries @returns {FormData} */
export function createFormData(entries) {
  const formData = new FormData();
  const list = formDataList(formData);
  for (let i = 0; i < entries.length; i++) ArrayPrototypePush(list, entries[i]);
  return formData;
}
