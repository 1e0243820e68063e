/**
 * The rewriting of one response: reads the document as its own output is read, and runs handlers.
 *
 * The native side stops at everything that it needs from here and says what (`html_next`). A
 * handler that gives a promise is waited for; meanwhile nothing else of this document goes on.
 * @module
 */

import {
  html_close,
  html_handler_returned,
  html_next,
  html_open,
  html_output,
} from "isolde:ops";
import { checkContext, requireContext } from "../context.js";
import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { viewBuffer, viewLength, viewOffset } from "../streams/buffers.js";
import { closeAndAnswer } from "../streams/byob_algorithms.js";
import { promiseResolvedWith } from "../streams/promises.js";
import { enqueueOwned, setUpByteController } from "../streams/readable_byte.js";
import { readableFace } from "../streams/readable_stream.js";
import { ReadableRecord } from "../streams/records.js";
import { cancelReader } from "../streams/streams.js";
import { isObject } from "../webidl/webidl.js";
import { feed, feedChunk } from "./contents.js";
import { CONTENT, createToken, DOCUMENT, END_TAG, NOTHING, OUTPUT } from "./kinds.js";
import { TokenState } from "./token_state.js";

const {
  Map,
  MapPrototypeDelete,
  MapPrototypeForEach,
  MapPrototypeGet,
  ReflectApply,
} = primordials;

/** How many bits of what is needed next say what it is; the others number a handler or a
 * content. */
const KIND_BITS = 4;
const KIND_MASK = 15;

/** One rewriting. */
class Rewriting {
  /** Of the native side, once it has begun; 0 before. */
  number = 0;
  ended = false;
  /** What handlers have put in place that is read later, by number. */
  contents = new Map();
  /** Handlers of end tags, by number. */
  endTags = new Map();
  /** The last number of both. */
  lastNumber = 0;
  context = requireContext("HTMLRewriter");
  controller = undefined;

  /** @param {any[]} entries what `on` and `onDocument` were called with
   * @param {string} encoding a label @param {import('./contents.js').Source} source */
  constructor(entries, encoding, source) {
    this.entries = entries;
    this.encoding = encoding;
    this.source = source;
  }
}
internal(Rewriting);

/** The flat form of entries: which handlers there are and the selector, each with NUL behind it. */
function describe(entries) {
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    text += `${entries[i].has}\0${entries[i].selector}\0`;
  }
  return text;
}

/** The function that a handler is, and what it is called on. */
function handlerOf(rewriting, kind, number) {
  if (kind === END_TAG) {
    const handler = MapPrototypeGet(rewriting.endTags, number);
    MapPrototypeDelete(rewriting.endTags, number);
    return { __proto__: null, handler, self: undefined };
  }
  const entry = rewriting.entries[number];
  return { __proto__: null, handler: entry.handlers[kind], self: entry.self };
}

/** Runs a handler and waits for it. Its token is dead afterwards. */
async function runHandler(rewriting, kind, number) {
  const { handler, self } = handlerOf(rewriting, kind, number);
  const state = new TokenState(rewriting);
  try {
    const result = ReflectApply(handler, self, [createToken(kind, state)]);
    if (isObject(result)) await promiseResolvedWith(result);
  } finally {
    state.live = false;
  }
  if (!rewriting.ended) html_handler_returned(rewriting.number);
}

/** Does what the native side needs next, if it is not output. */
async function serve(rewriting, kind, number) {
  if (kind === DOCUMENT) {
    await feed(rewriting, rewriting.source);
  } else if (kind === CONTENT) {
    await feed(rewriting, MapPrototypeGet(rewriting.contents, number));
  } else {
    await runHandler(rewriting, kind, number);
  }
}

/** Goes on until there is output, or the end. */
async function produce(rewriting) {
  if (rewriting.number === 0) {
    rewriting.number = html_open(rewriting.encoding, describe(rewriting.entries));
  }
  const { controller } = rewriting;
  while (!rewriting.ended) {
    const next = html_next(rewriting.number);
    const kind = next & KIND_MASK;
    if (kind === OUTPUT) {
      const bytes = html_output(rewriting.number);
      enqueueOwned(controller, viewBuffer(bytes), viewOffset(bytes), viewLength(bytes));
      return;
    }
    if (kind === NOTHING) {
      end(rewriting, undefined);
      closeAndAnswer(controller);
      return;
    }
    if (kind === DOCUMENT && rewriting.source.chunk !== undefined) {
      feedChunk(rewriting, rewriting.source);
    } else {
      await serve(rewriting, kind, next >>> KIND_BITS);
    }
  }
}

/** Ends a rewriting: what it has not read is cancelled. @param {Rewriting} rewriting
 * @param {any} reason @returns {Promise<undefined>} of the document's cancellation */
function end(rewriting, reason) {
  rewriting.ended = true;
  if (rewriting.number !== 0) html_close(rewriting.number);
  MapPrototypeForEach(rewriting.contents, (source) => cancelReader(source.reader, reason));
  return cancelReader(rewriting.source.reader, reason);
}

async function pull(rewriting) {
  checkContext(rewriting.context, "ReadableStream");
  try {
    await produce(rewriting);
  } catch (error) {
    if (!rewriting.ended) end(rewriting, error);
    throw error;
  }
}

/** The stream of a rewritten document.
 * @param {any[]} entries what `on` and `onDocument` were called with
 * @param {string} encoding a label @param {import('./contents.js').Source} source
 * @returns {import('../streams/readable_stream.js').ReadableStream} */
export function createRewrittenStream(entries, encoding, source) {
  const rewriting = new Rewriting(entries, encoding, source);
  const record = new ReadableRecord();
  const controller = setUpByteController(
    record,
    () => pull(rewriting),
    (_controller, reason) => (rewriting.ended ? undefined : end(rewriting, reason)),
    0,
  );
  controller.started = true;
  rewriting.controller = controller;
  return readableFace(record);
}
