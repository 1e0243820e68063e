/**
 * Splitting a readable byte stream into two byte streams that share no memory.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamtee
 * @module
 */

import { cloneBytes, viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { getByobRequest, respond, respondWithNewView } from "./byob_algorithms.js";
import {
  Deferred,
  followPromise,
  promiseOf,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { enqueueByte, setUpByteController } from "./readable_byte.js";
import { closeController, errorController, startController } from "./readable_controller.js";
import { cancelStream } from "./readable_operations.js";
import {
  acquireByobReader,
  acquireDefaultReader,
  readByob,
  readDefault,
  releaseReader,
} from "./readers.js";
import { ReadRequest, ReadableRecord } from "./records.js";
import { cancelBranch } from "./tee.js";

/** What the branches of a tee share. */
class ByteTeeState {
  reading = false;
  readAgain1 = false;
  readAgain2 = false;
  cancelled1 = false;
  cancelled2 = false;
  reason1 = undefined;
  reason2 = undefined;
  branch1 = new ReadableRecord();
  branch2 = new ReadableRecord();
  cancelled = new Deferred();
  /** Whether the read that goes on fills a view of the second branch. */
  forBranch2 = false;

  constructor(stream) {
    this.stream = stream;
    this.reader = acquireDefaultReader(stream);
  }
}

const isCancelled = (tee, isSecond) => (isSecond ? tee.cancelled2 : tee.cancelled1);
const controllerOf = (tee, isSecond) => (isSecond ? tee.branch2 : tee.branch1).controller;

/** Both branches end with an error, and so does the stream. */
function failClone(tee, reason) {
  errorController(tee.branch1.controller, reason);
  errorController(tee.branch2.controller, reason);
  followPromise(tee.cancelled, cancelStream(tee.stream, reason));
}

/** A copy of a chunk; undefined when there is no memory for it, and then the tee has failed. */
function cloneChunk(tee, chunk) {
  try {
    return cloneBytes(viewBuffer(chunk), viewOffset(chunk), viewLength(chunk));
  } catch (e) {
    failClone(tee, e);
    return undefined;
  }
}

function finishRead(tee) {
  tee.reading = false;
  if (tee.readAgain1) pullBranch(tee, false);
  else if (tee.readAgain2) pullBranch(tee, true);
}

const DEFAULT_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    uponPromise(resolvedUndefined, () => deliverChunk(request.owner, chunk));
  },
  close(request) {
    const tee = request.owner;
    tee.reading = false;
    closeUnlessCancelled(tee, false);
    closeUnlessCancelled(tee, true);
    answerWaiting(tee.branch1.controller);
    answerWaiting(tee.branch2.controller);
    if (!tee.cancelled1 || !tee.cancelled2) resolveDeferred(tee.cancelled, undefined);
  },
  error(request) {
    request.owner.reading = false;
  },
};

function closeUnlessCancelled(tee, isSecond) {
  if (!isCancelled(tee, isSecond)) closeController(controllerOf(tee, isSecond));
}

/** A view that waits in a closed branch is given back empty. */
function answerWaiting(controller) {
  if (controller.pendingPullIntos.length > 0) respond(controller, 0);
}

function deliverChunk(tee, chunk) {
  tee.readAgain1 = false;
  tee.readAgain2 = false;
  let chunk2 = chunk;
  if (!tee.cancelled1 && !tee.cancelled2) {
    chunk2 = cloneChunk(tee, chunk);
    if (chunk2 === undefined) return;
  }
  if (!tee.cancelled1) enqueueByte(tee.branch1.controller, chunk);
  if (!tee.cancelled2) enqueueByte(tee.branch2.controller, chunk2);
  finishRead(tee);
}

const BYOB_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    uponPromise(resolvedUndefined, () => deliverView(request.owner, chunk));
  },
  close(request, chunk) {
    const tee = request.owner;
    const { forBranch2 } = tee;
    tee.reading = false;
    closeUnlessCancelled(tee, forBranch2);
    closeUnlessCancelled(tee, !forBranch2);
    const byobGone = isCancelled(tee, forBranch2);
    const otherGone = isCancelled(tee, !forBranch2);
    if (chunk !== undefined) {
      if (!byobGone) respondWithNewView(controllerOf(tee, forBranch2), chunk);
      if (!otherGone) answerWaiting(controllerOf(tee, !forBranch2));
    }
    if (!byobGone || !otherGone) resolveDeferred(tee.cancelled, undefined);
  },
  error(request) {
    request.owner.reading = false;
  },
};

function deliverView(tee, chunk) {
  const { forBranch2 } = tee;
  tee.readAgain1 = false;
  tee.readAgain2 = false;
  const byobGone = isCancelled(tee, forBranch2);
  if (!isCancelled(tee, !forBranch2)) {
    const clone = cloneChunk(tee, chunk);
    if (clone === undefined) return;
    if (!byobGone) respondWithNewView(controllerOf(tee, forBranch2), chunk);
    enqueueByte(controllerOf(tee, !forBranch2), clone);
  } else if (!byobGone) {
    respondWithNewView(controllerOf(tee, forBranch2), chunk);
  }
  finishRead(tee);
}

/** Errors both branches when the stream errors, unless the tee has taken another reader by then. */
function forwardErrors(tee) {
  const { reader } = tee;
  uponPromise(promiseOf(reader.closed), undefined, (reason) => {
    if (tee.reader !== reader) return;
    errorController(tee.branch1.controller, reason);
    errorController(tee.branch2.controller, reason);
    if (!tee.cancelled1 || !tee.cancelled2) resolveDeferred(tee.cancelled, undefined);
  });
}

/** Changes to the kind of reader that the next read takes. */
function useReader(tee, isByob) {
  if (tee.reader.isByob === isByob) return;
  const before = tee.reader;
  tee.reader = undefined;
  releaseReader(before);
  tee.reader = isByob ? acquireByobReader(tee.stream) : acquireDefaultReader(tee.stream);
  forwardErrors(tee);
}

function pullBranch(tee, isSecond) {
  if (tee.reading) {
    if (isSecond) tee.readAgain2 = true;
    else tee.readAgain1 = true;
    return resolvedUndefined;
  }
  tee.reading = true;
  const request = getByobRequest(controllerOf(tee, isSecond));
  if (request === undefined) {
    useReader(tee, false);
    readDefault(tee.reader, new ReadRequest(DEFAULT_STEPS, tee));
  } else {
    useReader(tee, true);
    tee.forBranch2 = isSecond;
    readByob(tee.reader, request.view, 1, new ReadRequest(BYOB_STEPS, tee));
  }
  return resolvedUndefined;
}

/** @param {ReadableRecord} stream @returns {{ first: ReadableRecord, second: ReadableRecord }} */
export function teeByteStream(stream) {
  const tee = new ByteTeeState(stream);
  const pull1 = () => pullBranch(tee, false);
  const pull2 = () => pullBranch(tee, true);
  const cancel1 = (_controller, reason) => cancelBranch(tee, true, reason);
  const cancel2 = (_controller, reason) => cancelBranch(tee, false, reason);
  startController(setUpByteController(tee.branch1, pull1, cancel1, 0), undefined, undefined);
  startController(setUpByteController(tee.branch2, pull2, cancel2, 0), undefined, undefined);
  forwardErrors(tee);
  return { __proto__: null, first: tee.branch1, second: tee.branch2 };
}
