/**
 * Splitting a readable byte stream into two byte streams that share no memory.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablebytestreamtee
 * @module
 */

import { cloneBytes, viewBuffer, viewLength, viewOffset } from "./buffers.js";
import { answerClosed, getByobRequest, respondWithNewView } from "./byob_algorithms.js";
import { resolvedUndefined, uponPromise } from "./promises.js";
import { enqueueOwned, setUpByteController } from "./readable_byte.js";
import { startController } from "./readable_controller.js";
import {
  acquireByobReader,
  acquireDefaultReader,
  readByob,
  readDefault,
  releaseReader,
} from "./readers.js";
import { ReadRequest, TeeRecord } from "./records.js";
import {
  closeBranches,
  failTee,
  finishRead,
  forwardErrors,
  readFailed,
  releaseCancelled,
  startTee,
  takeRead,
} from "./tee_branches.js";

/** A tee whose reader is of the kind that the branch reads with for which it reads. */
class ByteTee extends TeeRecord {
  defaultRequest = new ReadRequest(DEFAULT_STEPS, this);
  byobRequest = new ReadRequest(BYOB_STEPS, this);
  /** The branch whose view a BYOB read fills. */
  viewBranch = this.branch1;
  deliverChunk = () => deliverChunk(this);
  deliverView = () => deliverView(this);
}

/** Reads a chunk, into the view that waits in the branch if there is one. */
function readForBranch(branch) {
  const { tee } = branch;
  const request = getByobRequest(branch.stream.controller);
  if (request === undefined) {
    useReader(tee, false);
    readDefault(tee.reader, tee.defaultRequest);
  } else {
    useReader(tee, true);
    tee.viewBranch = branch;
    readByob(tee.reader, request.view, 1, tee.byobRequest);
  }
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

/** A copy of a chunk; undefined when there is no memory for it, and then the tee has failed. */
function copyOfChunk(tee, chunk) {
  try {
    return cloneBytes(viewBuffer(chunk), viewOffset(chunk), viewLength(chunk));
  } catch (e) {
    failTee(tee, e);
    return undefined;
  }
}

/** What a stream gives to the reader of a tee is in memory that nobody else has. */
function enqueueIn(branch, bytes) {
  const { controller } = branch.stream;
  enqueueOwned(controller, viewBuffer(bytes), viewOffset(bytes), viewLength(bytes));
}

const DEFAULT_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    request.owner.chunk = chunk;
    uponPromise(resolvedUndefined, request.owner.deliverChunk);
  },
  close(request) {
    const tee = request.owner;
    closeBranches(tee);
    answerClosed(tee.branch1.stream.controller);
    answerClosed(tee.branch2.stream.controller);
    releaseCancelled(tee);
  },
  error: readFailed,
};

function deliverChunk(tee) {
  const { branch1, branch2 } = tee;
  const chunk = takeRead(tee);
  let chunk2 = chunk;
  if (!branch1.isCancelled && !branch2.isCancelled) {
    chunk2 = copyOfChunk(tee, chunk);
    if (chunk2 === undefined) return;
  }
  if (!branch1.isCancelled) enqueueIn(branch1, chunk);
  if (!branch2.isCancelled) enqueueIn(branch2, chunk2);
  finishRead(tee);
}

const BYOB_STEPS = {
  __proto__: null,
  chunk(request, chunk) {
    request.owner.chunk = chunk;
    uponPromise(resolvedUndefined, request.owner.deliverView);
  },
  close(request, chunk) {
    const tee = request.owner;
    const { viewBranch } = tee;
    const { other } = viewBranch;
    closeBranches(tee);
    if (chunk !== undefined) {
      if (!viewBranch.isCancelled) respondWithNewView(viewBranch.stream.controller, chunk);
      if (!other.isCancelled) answerClosed(other.stream.controller);
    }
    releaseCancelled(tee);
  },
  error: readFailed,
};

/** A view that was filled goes back to the branch that it is of, a copy to the other one. */
function deliverView(tee) {
  const { viewBranch } = tee;
  const { other } = viewBranch;
  const chunk = takeRead(tee);
  if (!other.isCancelled) {
    const clone = copyOfChunk(tee, chunk);
    if (clone === undefined) return;
    if (!viewBranch.isCancelled) respondWithNewView(viewBranch.stream.controller, chunk);
    enqueueIn(other, clone);
  } else if (!viewBranch.isCancelled) {
    respondWithNewView(viewBranch.stream.controller, chunk);
  }
  finishRead(tee);
}

function setUpByteBranch(stream, pull, cancel) {
  const controller = setUpByteController(stream, pull, cancel, 0);
  startController(controller, undefined, undefined);
  return controller;
}

/** @param {import('./records.js').ReadableRecord} stream
 * @param {boolean} forClone as of `teeStream` @returns {TeeRecord} */
export function teeByteStream(stream, forClone) {
  const tee = new ByteTee(acquireDefaultReader(stream), readForBranch, forClone);
  return startTee(tee, setUpByteBranch);
}
