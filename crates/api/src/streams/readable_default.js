/**
 * The controller of readable streams of any chunks.
 * https://streams.spec.whatwg.org/#rs-default-controller-class
 * @module
 */

import {
  defineInterface,
  illegalConstructor,
  illegalInvocation,
  isObject,
} from "../webidl/webidl.js";
import { dequeueValue, enqueueValueWithSize } from "./queue.js";
import {
  attachController,
  callPullIfNeeded,
  canCloseOrEnqueue,
  closeController,
  desiredSize,
  errorController,
  handleQueueDrain,
  requireCanClose,
  requireCanEnqueue,
  startController,
  startFromSource,
} from "./readable_controller.js";
import {
  addRequest,
  chunkSteps,
  fulfillRequest,
  waitingRequests,
} from "./readable_operations.js";
import { ControllerRecord } from "./records.js";
import { internalToken } from "./token.js";

/** https://streams.spec.whatwg.org/#rs-default-controller-class */
export class ReadableStreamDefaultController {
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
    if (!ReadableStreamDefaultController.#is(this)) illegalInvocation();
    return desiredSize(this.#record);
  }

  close() {
    if (!ReadableStreamDefaultController.#is(this)) illegalInvocation();
    requireCanClose(this.#record);
    closeController(this.#record);
  }

  enqueue(chunk = undefined) {
    if (!ReadableStreamDefaultController.#is(this)) illegalInvocation();
    requireCanEnqueue(this.#record);
    enqueueDefault(this.#record, chunk);
  }

  error(e = undefined) {
    if (!ReadableStreamDefaultController.#is(this)) illegalInvocation();
    errorController(this.#record, e);
  }
}
defineInterface(ReadableStreamDefaultController, { length: 0 });

/** https://streams.spec.whatwg.org/#readable-stream-default-controller-enqueue
 * @param {ControllerRecord} controller @param {any} chunk */
export function enqueueDefault(controller, chunk) {
  if (!canCloseOrEnqueue(controller)) return;
  const { stream } = controller;
  if (waitingRequests(stream) > 0) {
    fulfillRequest(stream, chunk, false);
  } else {
    try {
      const { sizeAlgorithm } = controller;
      const size = sizeAlgorithm === undefined ? 1 : sizeAlgorithm(chunk);
      enqueueValueWithSize(controller, chunk, size);
    } catch (e) {
      errorController(controller, e);
      throw e;
    }
  }
  callPullIfNeeded(controller);
}

/** Takes the first chunk of a queue that has one, and does what follows from it.
 * @param {ControllerRecord} controller @returns {any} */
export function takeChunk(controller) {
  const chunk = dequeueValue(controller);
  handleQueueDrain(controller);
  return chunk;
}

/** [[PullSteps]], https://streams.spec.whatwg.org/#rs-default-controller-private-pull
 * @param {ControllerRecord} controller @param {any} request */
function defaultPullSteps(controller, request) {
  if (controller.queue.length > 0 && request.steps.takesEarly) {
    chunkSteps(request, dequeueValue(controller));
    handleQueueDrain(controller);
  } else if (controller.queue.length > 0) {
    chunkSteps(request, takeChunk(controller));
  } else {
    addRequest(controller.stream, request);
    callPullIfNeeded(controller);
  }
}

const noSteps = () => {};

const CHUNK_CONTROLLER = {
  __proto__: null,
  pull: defaultPullSteps,
  release: noSteps,
  clear: noSteps,
  checkClose: noSteps,
};

/** https://streams.spec.whatwg.org/#set-up-readable-stream-default-controller-from-underlying-source
 * @param {any} stream the record @param {any} source @param {Record<string, any>} dictionary
 * @param {number} highWaterMark @param {Function | undefined} sizeAlgorithm */
export function setUpDefaultFromSource(stream, source, dictionary, highWaterMark, sizeAlgorithm) {
  const controller = makeDefaultController(stream, highWaterMark, sizeAlgorithm);
  controller.face = new ReadableStreamDefaultController(internalToken, controller);
  startFromSource(controller, source, dictionary);
}

/** https://streams.spec.whatwg.org/#set-up-readable-stream-default-controller
 * @param {any} stream the record @param {Function | undefined} start
 * @param {Function | undefined} pull @param {Function | undefined} cancel
 * @param {number} highWaterMark @param {Function | undefined} sizeAlgorithm
 * @returns {ControllerRecord} */
export function setUpDefaultController(stream, start, pull, cancel, highWaterMark, sizeAlgorithm) {
  const controller = makeDefaultController(stream, highWaterMark, sizeAlgorithm);
  controller.pullAlgorithm = pull;
  controller.cancelAlgorithm = cancel;
  startController(controller, start, undefined);
  return controller;
}

function makeDefaultController(stream, highWaterMark, sizeAlgorithm) {
  const controller = new ControllerRecord(false, CHUNK_CONTROLLER);
  controller.sizeAlgorithm = sizeAlgorithm;
  attachController(controller, stream, highWaterMark);
  return controller;
}
