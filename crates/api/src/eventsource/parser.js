/**
 * The parser of event streams.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";

const { Error, Number, StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeSlice } =
  primordials;

/** Most code units of one line, and of the data of one event. */
const EVENT_LENGTH_MAX = 8 << 20;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * What the events of a stream are told to.
 * @typedef {object} EventSink
 * @property {(type: string, data: string) => boolean} event false when no more is wanted
 * @property {(id: string) => void} id the last event ID as of an event
 * @property {(milliseconds: number) => void} retry
 */

/** An event stream that is being read. */
export class EventParser {
  /** The beginning of a line. */
  line = "";
  data = "";
  type = "";
  /** Whether a line feed that comes next belongs to the line end before. */
  skipsLineFeed = false;

  /** @param {EventSink} sink @param {string} id the last event ID so far */
  constructor(sink, id) {
    this.sink = sink;
    this.id = id;
  }
}
internal(EventParser);

function requireShort(length) {
  if (length > EVENT_LENGTH_MAX) throw new Error("An event of the stream is too long.");
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
 * @returns {boolean} */
function dispatchEvent(parser) {
  const { data, sink, type } = parser;
  parser.data = "";
  parser.type = "";
  (0, sink.id)(parser.id);
  // Behind each line of the data is a line feed, of which the last does not count.
  return data === "" || (0, sink.event)(type, StringPrototypeSlice(data, 0, data.length - 1));
}

function isNumber(text) {
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== "";
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#processField */
function processField(parser, field, value) {
  switch (field) {
    case "data":
      requireShort(parser.data.length + value.length);
      parser.data += `${value}\n`;
      break;
    case "event":
      parser.type = value;
      break;
    case "id":
      if (StringPrototypeIndexOf(value, "\0") < 0) parser.id = value;
      break;
    case "retry":
      if (isNumber(value)) (0, parser.sink.retry)(Number(value));
      break;
    default:
  }
}

/** @returns {boolean} false when no more is wanted */
function processLine(parser, line) {
  if (line === "") return dispatchEvent(parser);
  const colon = StringPrototypeIndexOf(line, ":");
  if (colon < 0) {
    processField(parser, line, "");
  } else if (colon > 0) {
    const hasSpace = StringPrototypeCharCodeAt(line, colon + 1) === SPACE;
    const value = StringPrototypeSlice(line, colon + (hasSpace ? 2 : 1));
    processField(parser, StringPrototypeSlice(line, 0, colon), value);
  }
  return true;
}

/** Takes the next piece of the stream.
 * @param {EventParser} parser @param {string} text
 * @returns {boolean} false when no more is wanted. Throws where an event is too long. */
export function feed(parser, text) {
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const code = StringPrototypeCharCodeAt(text, i);
    const skips = parser.skipsLineFeed;
    parser.skipsLineFeed = code === CARRIAGE_RETURN;
    if (code !== LINE_FEED && code !== CARRIAGE_RETURN) continue;
    if (!(skips && code === LINE_FEED)) {
      const line = parser.line + StringPrototypeSlice(text, start, i);
      parser.line = "";
      if (!processLine(parser, line)) return false;
    }
    start = i + 1;
  }
  parser.line += StringPrototypeSlice(text, start);
  requireShort(parser.line.length);
  return true;
}
