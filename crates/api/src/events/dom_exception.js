/**
 * DOMException and QuotaExceededError, the errors of web APIs.
 *
 * Web IDL wants instances to be real errors (`Error.isError` is true, they have a stack) while
 * the class does not inherit from Error. So the constructor makes an Error and stamps our private
 * state onto it. https://webidl.spec.whatwg.org/#idl-DOMException
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  toDictionary,
  toDOMString,
  toDouble,
} from "../webidl/webidl.js";

const {
  Error,
  ErrorCaptureStackTrace,
  ObjectSetPrototypeOf,
  RangeError,
  ReflectConstruct,
  ReflectDeleteProperty,
} = primordials;

/**
 * The constants; a name has the code of its constant.
 * https://webidl.spec.whatwg.org/#idl-DOMException-error-names
 */
const constants = {
  __proto__: null,
  INDEX_SIZE_ERR: 1,
  DOMSTRING_SIZE_ERR: 2,
  HIERARCHY_REQUEST_ERR: 3,
  WRONG_DOCUMENT_ERR: 4,
  INVALID_CHARACTER_ERR: 5,
  NO_DATA_ALLOWED_ERR: 6,
  NO_MODIFICATION_ALLOWED_ERR: 7,
  NOT_FOUND_ERR: 8,
  NOT_SUPPORTED_ERR: 9,
  INUSE_ATTRIBUTE_ERR: 10,
  INVALID_STATE_ERR: 11,
  SYNTAX_ERR: 12,
  INVALID_MODIFICATION_ERR: 13,
  NAMESPACE_ERR: 14,
  INVALID_ACCESS_ERR: 15,
  VALIDATION_ERR: 16,
  TYPE_MISMATCH_ERR: 17,
  SECURITY_ERR: 18,
  NETWORK_ERR: 19,
  ABORT_ERR: 20,
  URL_MISMATCH_ERR: 21,
  QUOTA_EXCEEDED_ERR: 22,
  TIMEOUT_ERR: 23,
  INVALID_NODE_TYPE_ERR: 24,
  DATA_CLONE_ERR: 25,
};

const codes = {
  __proto__: null,
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InUseAttributeError: 10,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
};

/**
 * Its constructor returns its argument, so that a subclass puts its private fields onto any
 * object.
 */
class Identity {
  constructor(object) {
    return object;
  }
}

/** The private state of a DOMException, on an Error. */
class State extends Identity {
  #name;
  #message;

  constructor(error, name, message) {
    super(error);
    this.#name = name;
    this.#message = message;
  }

  static has(error) {
    return #name in error;
  }
  static name(error) {
    return error.#name;
  }
  static message(error) {
    return error.#message;
  }
}
const { has: hasState, name: exceptionNameOf, message: messageOf } = State;

const WHAT = "Failed to construct 'DOMException'";

/** https://webidl.spec.whatwg.org/#dom-domexception-domexception */
export class DOMException {
  constructor(message = "", name = "Error") {
    const text = toDOMString(message, `${WHAT}: parameter 1`);
    // The first line of the stack has the message that an error was made with; here it is not to
    // be an own property.
    const error = ReflectConstruct(Error, [text], new.target);
    ReflectDeleteProperty(error, "message");
    new State(error, toDOMString(name, `${WHAT}: parameter 2`), text);
    // Again, now that the name can be read, and without the frame of this constructor.
    ErrorCaptureStackTrace(error, new.target);
    return error;
  }

  get name() {
    if (!isDOMException(this)) illegalInvocation();
    return exceptionNameOf(this);
  }

  get message() {
    if (!isDOMException(this)) illegalInvocation();
    return messageOf(this);
  }

  get code() {
    if (!isDOMException(this)) illegalInvocation();
    return codes[exceptionNameOf(this)] ?? 0;
  }
}

defineInterface(DOMException, { __proto__: null, constants });
ObjectSetPrototypeOf(DOMException.prototype, Error.prototype);

/**
 * True for DOMExceptions made by this realm, subclasses included.
 * @param {any} v
 * @returns {boolean}
 */
export function isDOMException(v) {
  return typeof v === "object" && v !== null && hasState(v);
}

const QUOTA_MEMBERS = [
  { __proto__: null, key: "quota", convert: toDouble },
  { __proto__: null, key: "requested", convert: toDouble },
];

/** https://webidl.spec.whatwg.org/#quotaexceedederror */
export class QuotaExceededError extends DOMException {
  #quota = null;
  #requested = null;

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#quota in receiver)) illegalInvocation();
  }

  constructor(message = "", options = {}) {
    super(message, "QuotaExceededError");
    const what = "Failed to construct 'QuotaExceededError'";
    const { quota, requested } = toDictionary(options, QUOTA_MEMBERS, what);
    if (quota < 0 || requested < 0) {
      throw new RangeError(`${what}: quota and requested must not be negative.`);
    }
    if (quota !== undefined && requested !== undefined && requested < quota) {
      throw new RangeError(`${what}: requested must not be less than quota.`);
    }
    if (quota !== undefined) this.#quota = quota;
    if (requested !== undefined) this.#requested = requested;
  }

  get quota() {
    QuotaExceededError.#check(this);
    return this.#quota;
  }

  get requested() {
    QuotaExceededError.#check(this);
    return this.#requested;
  }
}

defineInterface(QuotaExceededError);

/**
 * @param {string} name for example `"AbortError"`
 * @param {string} message
 * @returns {DOMException} not thrown
 */
export function domException(name, message) {
  const error =
    name === "QuotaExceededError"
      ? new QuotaExceededError(message)
      : new DOMException(message, name);
  ErrorCaptureStackTrace(error, domException);
  return error;
}
