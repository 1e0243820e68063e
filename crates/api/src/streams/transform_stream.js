/**
 * TransformStream and its controller.
 * https://streams.spec.whatwg.org/#ts
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
  toAny,
  toDictionary,
  toFunction,
  toObject,
} from "../webidl/webidl.js";
import { Deferred, resolveDeferred, thenUndefined } from "./promises.js";
import { convertStrategy, extractHighWaterMark, extractSizeAlgorithm } from "./queuing.js";
import { desiredSize } from "./readable_controller.js";
import { readableFace } from "./readable_stream.js";
import { internalToken } from "./token.js";
import {
  TransformRecord,
  enqueueTransformed,
  errorTransform,
  initializeTransform,
  terminateTransform,
  useTransformer,
} from "./transform_operations.js";
import { writableFace } from "./writable_stream.js";

const { FunctionPrototypeCall, RangeError } = primordials;

const TRANSFORMER_MEMBERS = [
  { key: "cancel", convert: toFunction },
  { key: "flush", convert: toFunction },
  { key: "readableType", convert: toAny },
  { key: "start", convert: toFunction },
  { key: "transform", convert: toFunction },
  { key: "writableType", convert: toAny },
];

/** https://streams.spec.whatwg.org/#ts-class */
export class TransformStream {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(
    transformer = undefined,
    writableStrategy = { __proto__: null },
    readableStrategy = { __proto__: null },
  ) {
    if (transformer === internalToken) {
      this.#record = writableStrategy;
      return;
    }
    const what = "Failed to construct 'TransformStream'";
    if (transformer !== undefined) toObject(transformer, `${what}: parameter 1`);
    const writable = convertStrategy(writableStrategy, `${what}: parameter 2`);
    const readable = convertStrategy(readableStrategy, `${what}: parameter 3`);
    const dictionary = toDictionary(transformer, TRANSFORMER_MEMBERS, `${what}: parameter 1`);
    if (dictionary.readableType !== undefined || dictionary.writableType !== undefined) {
      throw new RangeError(`${what}: the transformer must not have readableType or writableType.`);
    }
    const readableMark = extractHighWaterMark(readable, 0);
    const readableSize = extractSizeAlgorithm(readable);
    const writableMark = extractHighWaterMark(writable, 1);
    const writableSize = extractSizeAlgorithm(writable);
    const record = new TransformRecord();
    this.#record = record;
    const started = new Deferred();
    // As many microtasks as start algorithms take that return the promise: the order is tested.
    const start = thenUndefined(thenUndefined(started.promise));
    initializeTransform(record, start, writableMark, writableSize, readableMark, readableSize);
    record.face = new TransformStreamDefaultController(internalToken, record);
    useTransformer(record, transformer, dictionary);
    const result =
      dictionary.start === undefined
        ? undefined
        : FunctionPrototypeCall(dictionary.start, transformer, record.face);
    resolveDeferred(started, result);
  }

  get readable() {
    if (!TransformStream.#is(this)) illegalInvocation();
    return readableFace(this.#record.readable);
  }

  get writable() {
    if (!TransformStream.#is(this)) illegalInvocation();
    return writableFace(this.#record.writable);
  }
}
defineInterface(TransformStream);

/** https://streams.spec.whatwg.org/#ts-default-controller-class */
export class TransformStreamDefaultController {
  #record;

  /** The brand check, which takes any value. */
  static #is(v) {
    return isObject(v) && #record in v;
  }

  constructor(token = undefined, record = undefined) {
    if (token !== internalToken) illegalConstructor();
    this.#record = record;
  }

  get desiredSize() {
    if (!TransformStreamDefaultController.#is(this)) illegalInvocation();
    return desiredSize(this.#record.readable.controller);
  }

  enqueue(chunk = undefined) {
    if (!TransformStreamDefaultController.#is(this)) illegalInvocation();
    enqueueTransformed(this.#record, chunk);
  }

  error(reason = undefined) {
    if (!TransformStreamDefaultController.#is(this)) illegalInvocation();
    errorTransform(this.#record, reason);
  }

  terminate() {
    if (!TransformStreamDefaultController.#is(this)) illegalInvocation();
    terminateTransform(this.#record);
  }
}
defineInterface(TransformStreamDefaultController, { length: 0 });
