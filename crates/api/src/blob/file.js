/**
 * `File`: a Blob with a name and a date.
 * https://w3c.github.io/FileAPI/#file-section
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toDictionary,
  toLongLong,
  toSequence,
  toUSVString,
} from "../webidl/webidl.js";
import { showAttributes } from "../console/shown.js";
import {
  Blob,
  BLOB_PROPERTIES,
  bytesOfBlob,
  bytesOfParts,
  normalizeType,
  OUR_BLOB,
  toPart,
  typeOfBlob,
} from "./blob.js";

const { DateNow } = primordials;

const CONSTRUCT_FILE = "Failed to construct 'File'";

/** Members of FilePropertyBag: those it inherits come first. */
const FILE_PROPERTIES = [
  BLOB_PROPERTIES[0],
  BLOB_PROPERTIES[1],
  { key: "lastModified", convert: (v, what) => toLongLong(v, what) },
];

let isFile;
let fileNameOf;
let dateOf;

/** https://w3c.github.io/FileAPI/#dfn-file */
export class File extends Blob {
  #name;
  #lastModified;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#name in receiver)) illegalInvocation();
  }

  constructor(fileBits, fileName, options = undefined, type = "", lastModified = 0) {
    if (fileBits === OUR_BLOB) {
      super(OUR_BLOB, options, type);
      this.#name = fileName;
      this.#lastModified = lastModified;
      return;
    }
    requireArguments(arguments.length, 2, CONSTRUCT_FILE);
    const parts = toSequence(fileBits, toPart, `${CONSTRUCT_FILE}: parameter 1`);
    const name = toUSVString(fileName, `${CONSTRUCT_FILE}: parameter 2`);
    const properties = toDictionary(options, FILE_PROPERTIES, `${CONSTRUCT_FILE}: parameter 3`);
    super(OUR_BLOB, bytesOfParts(parts, properties.endings), normalizeType(properties.type));
    this.#name = name;
    this.#lastModified = properties.lastModified ?? DateNow();
  }

  get name() {
    File.#check(this);
    return this.#name;
  }

  get lastModified() {
    File.#check(this);
    return this.#lastModified;
  }

  static {
    isFile = (value) => #name in value;
    fileNameOf = (file) => file.#name;
    dateOf = (file) => file.#lastModified;
  }
}

defineInterface(File);
showAttributes(File, ["name", "size", "type", "lastModified"]);

/** True for a File. @param {any} value */
export function isFileObject(value) {
  return isObject(value) && isFile(value);
}

/** The name of a File, whatever its getter has become. @param {File} file @returns {string} */
export function nameOfFile(file) {
  return fileNameOf(file);
}

/** The date of a File, in milliseconds since 1970. @param {File} file @returns {number} */
export function dateOfFile(file) {
  return dateOf(file);
}

/**
 * Makes a File of bytes that nobody else will change.
 * @param {Uint8Array} bytes @param {string} name @param {string} type normalized by the caller
 * @param {number} [lastModified] milliseconds since 1970 @returns {File}
 */
export function createFile(bytes, name, type, lastModified = DateNow()) {
  return new File(OUR_BLOB, name, bytes, type, lastModified);
}

/**
 * A File over the bytes of a Blob, as FormData makes it.
 * https://xhr.spec.whatwg.org/#create-an-entry
 * @param {Blob} blob
 * @param {string} name
 * @returns {File}
 */
export function fileOfBlob(blob, name) {
  const date = isFile(blob) ? dateOf(blob) : DateNow();
  return createFile(bytesOfBlob(blob), name, typeOfBlob(blob), date);
}
