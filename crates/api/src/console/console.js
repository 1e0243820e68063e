/**
 * The console namespace. https://console.spec.whatwg.org/
 *
 * Op: `console_message(level: string, text: string): void`; `level` is "debug", "log", "info",
 * "warn" or "error". Groups, counters and timers belong to the request that uses them.
 * @module
 */

import { clock_now, console_message } from "isolde:ops";
import { perContext } from "../context.js";
import { primordials } from "../primordials.js";
import { defineToStringTag, toDOMString, toObject, toSequence } from "../webidl/webidl.js";
import { format } from "./format.js";
import { inspect } from "./inspect.js";
import { tabulate } from "./table.js";
import { indentLines } from "./text.js";

const {
  ErrorCaptureStackTrace,
  Map,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  MathRound,
  ObjectCreate,
  ObjectKeys,
  StringPrototypeIndexOf,
  StringPrototypeRepeat,
  StringPrototypeSlice,
} = primordials;

/** Labels of counters, and of timers, that one request may use. */
const MAX_LABELS_PER_REQUEST = 1_000;
/** Groups in groups that are still indented. */
const MAX_GROUP_DEPTH = 100;

const current = perContext(() => ({
  __proto__: null,
  groups: 0,
  counts: new Map(),
  timers: new Map(),
}));

/** https://console.spec.whatwg.org/#printer */
function print(level, text) {
  const { groups } = current();
  if (groups === 0) {
    console_message(level, text);
    return;
  }
  const pad = StringPrototypeRepeat("  ", groups);
  console_message(level, pad + indentLines(text, pad));
}

const labelOf = (label, method) =>
  label === undefined
    ? "default"
    : toDOMString(label, `Failed to execute '${method}' on 'console': parameter 1`);

/** Remembers something by label, unless a Worker uses far too many. */
function remember(map, label, value) {
  const known = MapPrototypeGet(map, label) !== undefined;
  if (known || MapPrototypeGetSize(map) < MAX_LABELS_PER_REQUEST) {
    MapPrototypeSet(map, label, value);
  }
}

function elapsed(label) {
  const started = MapPrototypeGet(current().timers, label);
  if (started === undefined) {
    print("warn", `Timer '${label}' does not exist`);
    return undefined;
  }
  return `${label}: ${MathRound((clock_now() - started) * 1000) / 1000}ms`;
}

/** The stack of the caller of `from`, without a first line. */
function stackBelow(from) {
  const holder = {};
  ErrorCaptureStackTrace(holder, from);
  const stack = holder.stack;
  if (typeof stack !== "string") return "";
  const end = StringPrototypeIndexOf(stack, "\n");
  return end === -1 ? "" : StringPrototypeSlice(stack, end);
}

function startGroup(data) {
  if (data.length > 0) print("log", format(data));
  const state = current();
  if (state.groups < MAX_GROUP_DEPTH) state.groups++;
}

const DIR_OPTIONS = "Failed to execute 'dir' on 'console': parameter 2";

const methods = {
  assert(condition = false, ...data) {
    if (condition) return;
    const failed = "Assertion failed";
    if (data.length === 0) print("error", failed);
    else if (typeof data[0] === "string") {
      data[0] = `${failed}: ${data[0]}`;
      print("error", format(data));
    } else {
      print("error", `${failed} ${format(data)}`);
    }
  },

  clear() {
    current().groups = 0;
  },

  debug(...data) {
    if (data.length > 0) print("debug", format(data));
  },

  error(...data) {
    if (data.length > 0) print("error", format(data));
  },

  info(...data) {
    if (data.length > 0) print("info", format(data));
  },

  log(...data) {
    if (data.length > 0) print("log", format(data));
  },

  table(tabularData = undefined, properties = undefined) {
    const what = "Failed to execute 'table' on 'console': parameter 2";
    const columns =
      properties === undefined ? undefined : toSequence(properties, toDOMString, what);
    if (typeof tabularData !== "object" || tabularData === null) {
      if (tabularData !== undefined) print("log", format([tabularData]));
      return;
    }
    print("log", tabulate(tabularData, columns));
  },

  trace(...data) {
    const message = data.length === 0 ? "Trace" : `Trace: ${format(data)}`;
    print("log", message + stackBelow(methods.trace));
  },

  warn(...data) {
    if (data.length > 0) print("warn", format(data));
  },

  dir(item = undefined, options = undefined) {
    const given = options === undefined || options === null ? {} : toObject(options, DIR_OPTIONS);
    const { depth, showHidden } = given;
    const limit = depth === null ? Infinity : depth;
    print("log", inspect(item, { __proto__: null, depth: limit, showHidden: !!showHidden }));
  },

  dirxml(...data) {
    if (data.length > 0) print("log", format(data));
  },

  count(label = undefined) {
    const name = labelOf(label, "count");
    const { counts } = current();
    const count = (MapPrototypeGet(counts, name) ?? 0) + 1;
    remember(counts, name, count);
    print("info", `${name}: ${count}`);
  },

  countReset(label = undefined) {
    const name = labelOf(label, "countReset");
    if (!MapPrototypeDelete(current().counts, name)) {
      print("warn", `Count for '${name}' does not exist`);
    }
  },

  group(...data) {
    startGroup(data);
  },

  groupCollapsed(...data) {
    startGroup(data);
  },

  groupEnd() {
    const state = current();
    if (state.groups > 0) state.groups--;
  },

  time(label = undefined) {
    const name = labelOf(label, "time");
    const { timers } = current();
    const known = MapPrototypeGet(timers, name) !== undefined;
    if (known) print("warn", `Timer '${name}' already exists`);
    else remember(timers, name, clock_now());
  },

  timeLog(label = undefined, ...data) {
    const text = elapsed(labelOf(label, "timeLog"));
    if (text !== undefined) print("log", data.length === 0 ? text : `${text} ${format(data)}`);
  },

  timeEnd(label = undefined) {
    const name = labelOf(label, "timeEnd");
    const text = elapsed(name);
    if (text === undefined) return;
    MapPrototypeDelete(current().timers, name);
    print("info", text);
  },

  // What only a debugger acts on. Isolde has none, and code calls them all the same.
  profile() {},
  profileEnd() {},
  timeStamp() {},

  /** V8's own: a console with a name, which a debugger shows. */
  context(name = undefined) {
    toDOMString(name, "Failed to execute 'context' on 'console': parameter 1");
    return makeConsole(true);
  },
};

/** A namespace object whose prototype is an empty object of its own.
 * @param {boolean} isContext these have no `context` themselves */
function makeConsole(isContext) {
  const made = ObjectCreate({});
  const names = ObjectKeys(methods);
  for (let i = 0; i < names.length; i++) {
    if (!isContext || names[i] !== "context") made[names[i]] = methods[names[i]];
  }
  defineToStringTag(made, "console");
  return made;
}

/** The global `console`. */
export const console = makeConsole(false);
