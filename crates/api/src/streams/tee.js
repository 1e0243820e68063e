/**
 * Splitting a readable stream of any chunks into two.
 * https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaulttee
 * @module
 */

import { load } from "../lazy.js";
import { teeByteStream } from "./byte_tee.js";
import { resolvedUndefined, uponPromise } from "./promises.js";
import { enqueueDefault, setUpDefaultController } from "./readable_default.js";
import { acquireDefaultReader, readDefault } from "./readers.js";
import { ReadRequest, TeeRecord } from "./records.js";
import {
  closeBranches,
  failTee,
  finishRead,
  readFailed,
  releaseCancelled,
  startTee,
  takeRead,
} from "./tee_branches.js";

/** What the second branch of a cloning tee gets. */
const cloneChunk = (chunk) =>
  (0, load("structured_clone/structured_clone.js").cloneValue)(chunk);

/** https://streams.spec.whatwg.org/#abstract-opdef-readablestreamdefaulttee: both branches get the
 * chunks, or the second one clones of them. */
class DefaultTee extends TeeRecord {
  request = new ReadRequest(TEE_STEPS, this);
  deliver = () => deliver(this);

  constructor(stream, forClone) {
    super(acquireDefaultReader(stream), readForTee, forClone);
  }
}

function readForTee({ tee }) {
  readDefault(tee.reader, tee.request);
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
    closeBranches(request.owner);
    releaseCancelled(request.owner);
  },
  error: readFailed,
};

/** The chunk goes to both branches. */
function deliver(tee) {
  const { branch1, branch2 } = tee;
  const chunk = takeRead(tee);
  let chunk2 = chunk;
  if (!branch2.isCancelled && tee.forClone) {
    try {
      chunk2 = cloneChunk(chunk);
    } catch (e) {
      failTee(tee, e);
      return;
    }
  }
  if (!branch1.isCancelled) enqueueDefault(branch1.stream.controller, chunk);
  if (!branch2.isCancelled) enqueueDefault(branch2.stream.controller, chunk2);
  finishRead(tee);
}

const setUpBranch = (stream, pull, cancel) =>
  setUpDefaultController(stream, undefined, pull, cancel, 1, undefined);

/** https://streams.spec.whatwg.org/#readable-stream-tee
 * @param {import('./records.js').ReadableRecord} stream
 * @param {boolean} forClone whether it is for a cloned body: the second branch gets structured
 *   clones, and a branch is cancelled without waiting for the other one
 * @returns {TeeRecord} */
export function teeStream(stream, forClone) {
  // The branches of a byte stream never share memory.
  if (stream.controller.isByte) return teeByteStream(stream, forClone);
  return startTee(new DefaultTee(stream, forClone), setUpBranch);
}
