/**
 * Splitting a readable stream of any chunks into two.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaulttee
 * @module
 */

import { primordials } from "../primordials.js";
import { copyOfBytes, isBufferSource, isObject } from "../webidl/webidl.js";
import { teeByteStream } from "./byte_tee.js";
import {
  Deferred,
  followPromise,
  promiseOf,
  resolveDeferred,
  resolvedUndefined,
  uponPromise,
} from "./promises.js";
import { closeController, errorController } from "./readable_controller.js";
import { enqueueDefault, setUpDefaultController } from "./readable_default.js";
import { cancelStream } from "./readable_operations.js";
import { acquireDefaultReader, readDefault } from "./readers.js";
import { ReadRequest, ReadableRecord } from "./records.js";

const { PromisePrototypeThen, TypeError } = primordials;

/** Clones what needs no structured clone: bytes and primitive values. */
let cloneChunk = (chunk) => {
  if (isBufferSource(chunk)) return copyOfBytes(chunk);
  if (!isObject(chunk) && typeof chunk !== "symbol") return chunk;
  throw new TypeError("A chunk of this type cannot be cloned: only bytes can be in a body.");
};

/** Installs the structured clone that the second branch of a cloning tee uses.
 * @param {(chunk: any) => any} clone */
export function setChunkClone(clone) {
  cloneChunk = clone;
}

/** What the branches of a tee share. */
class TeeState {
  reading = false;
  readAgain = false;
  cancelled1 = false;
  cancelled2 = false;
  reason1 = undefined;
  reason2 = undefined;
  branch1 = new ReadableRecord();
  branch2 = new ReadableRecord();
  cancelled = new Deferred();
  chunk = undefined;

  constructor(stream, forClone) {
    this.stream = stream;
    this.forClone = forClone;
    this.reader = acquireDefaultReader(stream);
    this.request = new ReadRequest(TEE_STEPS, this);
    this.deliver = () => deliver(this);
  }
}

const TEE_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    // In a microtask, because a branch that errors or closes must not see the chunk in the middle
    // of a read.
    request.owner.chunk = chunk;
    uponPromise(resolvedUndefined, request.owner.deliver);
  },
  close(request) {
    const tee = request.owner;
    tee.reading = false;
    if (!tee.cancelled1) closeController(tee.branch1.controller);
    if (!tee.cancelled2) closeController(tee.branch2.controller);
    if (!tee.cancelled1 || !tee.cancelled2) resolveDeferred(tee.cancelled, undefined);
  },
  error(request) {
    request.owner.reading = false;
  },
};

/** The chunk goes to both branches. */
function deliver(tee) {
  const { chunk } = tee;
  tee.chunk = undefined;
  tee.readAgain = false;
  let chunk2 = chunk;
  if (!tee.cancelled2 && tee.forClone) {
    try {
      chunk2 = cloneChunk(chunk);
    } catch (e) {
      errorController(tee.branch1.controller, e);
      errorController(tee.branch2.controller, e);
      followPromise(tee.cancelled, cancelStream(tee.stream, e));
      return;
    }
  }
  if (!tee.cancelled1) enqueueDefault(tee.branch1.controller, chunk);
  if (!tee.cancelled2) enqueueDefault(tee.branch2.controller, chunk2);
  tee.reading = false;
  if (tee.readAgain) pull(tee);
}

function pull(tee) {
  if (tee.reading) {
    tee.readAgain = true;
    return resolvedUndefined;
  }
  tee.reading = true;
  readDefault(tee.reader, tee.request);
  return resolvedUndefined;
}

/** Cancels the stream when both branches are cancelled. Used by both kinds of tee.
 * @param {any} tee its state @param {boolean} isFirst which branch @param {any} reason */
export function cancelBranch(tee, isFirst, reason) {
  if (isFirst) {
    tee.cancelled1 = true;
    tee.reason1 = reason;
  } else {
    tee.cancelled2 = true;
    tee.reason2 = reason;
  }
  if (tee.cancelled1 && tee.cancelled2) {
    followPromise(tee.cancelled, cancelStream(tee.stream, [tee.reason1, tee.reason2]));
  }
  return tee.cancelled.promise;
}

/** https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaulttee */
function teeDefaultStream(stream, forClone) {
  const tee = new TeeState(stream, forClone);
  const pullBranch = () => pull(tee);
  const cancel1 = (_controller, reason) => cancelBranch(tee, true, reason);
  const cancel2 = (_controller, reason) => cancelBranch(tee, false, reason);
  setUpDefaultController(tee.branch1, undefined, pullBranch, cancel1, 1, undefined);
  setUpDefaultController(tee.branch2, undefined, pullBranch, cancel2, 1, undefined);
  PromisePrototypeThen(promiseOf(tee.reader.closed), undefined, (reason) => {
    errorController(tee.branch1.controller, reason);
    errorController(tee.branch2.controller, reason);
    if (!tee.cancelled1 || !tee.cancelled2) resolveDeferred(tee.cancelled, undefined);
  });
  return { __proto__: null, first: tee.branch1, second: tee.branch2 };
}

/** https://streams.spec.whatwg.org/#readable-stream-tee
 * @param {ReadableRecord} stream
 * @param {boolean} forClone whether the second branch gets structured clones
 * @returns {{ first: ReadableRecord, second: ReadableRecord }} */
export function teeStream(stream, forClone) {
  // The branches of a byte stream never share memory.
  if (stream.controller.isByte) return teeByteStream(stream);
  return teeDefaultStream(stream, forClone);
}
