/**
 * ReadableStreamBYOBReader and ReadableStreamBYOBRequest: reading into memory that the reader
 * brings.
 * https://streams.spec.whatwg.org/#byob-reader-class
 * https://streams.spec.whatwg.org/#rs-byob-request-class
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  requireArguments,
  toDictionary,
  toUnsignedLongLong,
} from "../webidl/webidl.js";
import { bufferLength, isDetached, toView, viewBuffer, viewLength } from "./buffers.js";
import { kindOfView, respondByob, respondWithNewView } from "./byob_algorithms.js";
import { toReadableRecord } from "./faces.js";
import { promiseOf, rejectedInvocation } from "./promises.js";
import {
  acquireByobReader,
  cancelThroughReader,
  readerRefusal,
  releaseReader,
} from "./readers.js";
import { readAtLeastAsPromise, readByobAsPromise } from "./reading.js";
import { internalToken } from "./token.js";

const { PromiseReject, RangeError, TypeError } = primordials;

const toSize = (v, what) => toUnsignedLongLong(v, what, "enforceRange");

const READ_MEMBERS = [{ key: "min", convert: toSize, default: 1 }];

/** The checks of a view to read into. https://streams.spec.whatwg.org/#byob-reader-read */
function checkView(view) {
  if (viewLength(view) === 0) throw new TypeError("The view must not be empty.");
  const buffer = viewBuffer(view);
  if (bufferLength(buffer) === 0) throw new TypeError("The view's buffer must not be empty.");
  if (isDetached(buffer)) throw new TypeError("The view's buffer is detached.");
}

/** The bytes of `min` elements. */
function elementBytes(view, min) {
  if (min === 0) throw new TypeError("The minimum must be greater than 0.");
  const { elementSize } = kindOfView(view);
  if (min > viewLength(view) / elementSize) {
    throw new RangeError("The minimum is larger than the view.");
  }
  return min * elementSize;
}

/** The bytes of the elements that `min` bytes reach into. */
function wholeElementBytes(view, min) {
  if (min === 0) throw new TypeError("Requested invalid minimum number of bytes to read (0).");
  const length = viewLength(view);
  if (min > length) {
    throw new TypeError(`Minimum bytes to read (${min}) exceeds size of buffer (${length}).`);
  }
  const { elementSize } = kindOfView(view);
  return min + ((elementSize - (min % elementSize)) % elementSize);
}

/** https://streams.spec.whatwg.org/#byob-reader-class */
export class ReadableStreamBYOBReader {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(stream, record = undefined) {
    if (stream === internalToken) {
      this.#record = record;
      return;
    }
    const what = "Failed to construct 'ReadableStreamBYOBReader'";
    requireArguments(arguments.length, 1, what);
    this.#record = acquireByobReader(toReadableRecord(stream, `${what}: parameter 1`));
  }

  get closed() {
    if (!ReadableStreamBYOBReader.#is(this)) return rejectedInvocation();
    return promiseOf(this.#record.closed);
  }

  cancel(reason = undefined) {
    if (!ReadableStreamBYOBReader.#is(this)) return rejectedInvocation();
    return cancelThroughReader(this.#record, reason);
  }

  read(view, options = { __proto__: null }) {
    if (!ReadableStreamBYOBReader.#is(this)) return rejectedInvocation();
    const what = "Failed to execute 'read' on 'ReadableStreamBYOBReader'";
    try {
      requireArguments(arguments.length, 1, what);
      toView(view, `${what}: parameter 1`);
      const { min } = toDictionary(options, READ_MEMBERS, `${what}: parameter 2`);
      checkView(view);
      const bytes = elementBytes(view, min);
      return readByobAsPromise(usableReader(this.#record), view, bytes);
    } catch (e) {
      return PromiseReject(e);
    }
  }

  /** The platform's own method, older than the option `min`: waits for that many bytes. */
  readAtLeast(minBytes, view) {
    if (!ReadableStreamBYOBReader.#is(this)) return rejectedInvocation();
    const what = "Failed to execute 'readAtLeast' on 'ReadableStreamBYOBReader'";
    try {
      requireArguments(arguments.length, 2, what);
      const min = toSize(minBytes, `${what}: parameter 1`);
      checkView(toView(view, `${what}: parameter 2`));
      const bytes = wholeElementBytes(view, min);
      return readAtLeastAsPromise(usableReader(this.#record), view, bytes);
    } catch (e) {
      return PromiseReject(e);
    }
  }

  releaseLock() {
    if (!ReadableStreamBYOBReader.#is(this)) illegalInvocation();
    releaseReader(this.#record);
  }
}
defineInterface(ReadableStreamBYOBReader);

/** A reader that the running code may use. */
function usableReader(reader) {
  const refusal = readerRefusal(reader);
  if (refusal !== undefined) throw refusal;
  return reader;
}

/** The checks of both answers. */
function checkAnswer(controller, view, what) {
  if (controller === undefined) throw new TypeError(`${what}: the request has been answered.`);
  if (isDetached(viewBuffer(view))) throw new TypeError(`${what}: the buffer is detached.`);
}

/** Whether an empty answer comes after the end of the stream, which was one already. It may come
 * once. */
function isLateAnswer(request, length) {
  const isLate = length === 0 && request.mayAnswerLate;
  request.mayAnswerLate = false;
  return isLate;
}

/** https://streams.spec.whatwg.org/#rs-byob-request-class */
export class ReadableStreamBYOBRequest {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(token = undefined, record = undefined) {
    if (token !== internalToken) illegalConstructor();
    this.#record = record;
  }

  get view() {
    if (!ReadableStreamBYOBRequest.#is(this)) illegalInvocation();
    return this.#record.view;
  }

  respond(bytesWritten) {
    if (!ReadableStreamBYOBRequest.#is(this)) illegalInvocation();
    const what = "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'";
    requireArguments(arguments.length, 1, what);
    const count = toSize(bytesWritten, `${what}: parameter 1`);
    if (isLateAnswer(this.#record, count)) return;
    const { controller, view } = this.#record;
    checkAnswer(controller, view, what);
    respondByob(controller, count);
  }

  respondWithNewView(view) {
    if (!ReadableStreamBYOBRequest.#is(this)) illegalInvocation();
    const what = "Failed to execute 'respondWithNewView' on 'ReadableStreamBYOBRequest'";
    requireArguments(arguments.length, 1, what);
    toView(view, `${what}: parameter 1`);
    if (isLateAnswer(this.#record, viewLength(view))) return;
    const { controller } = this.#record;
    checkAnswer(controller, view, what);
    respondWithNewView(controller, view);
  }
}
defineInterface(ReadableStreamBYOBRequest, { length: 0 });
