/**
 * EventTarget, the dispatch of events, and event handler attributes (`onabort`).
 *
 * The global object is an event target too. It cannot be stamped with private fields before the
 * snapshot is taken, so its state is a variable here, and a receiver that is undefined (a bare
 * call) or the global object means it.
 * @module
 */

import { primordials } from "../primordials.js";
import {
  defineInterface,
  illegalInvocation,
  isObject,
  requireArguments,
  toBoolean,
  toDictionary,
  toDOMString,
} from "../webidl/webidl.js";
import { domException } from "./dom_exception.js";
import { internals } from "./event_base.js";

const {
  ArrayPrototypePush,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectApply,
  TypeError,
  globalThis,
} = primordials;

const {
  begin,
  cancel,
  end,
  isCanceled,
  isDispatching: isBeingDispatched,
  isEvent: isAnyEvent,
  isStopped,
  isStoppedAtOnce,
  setPassive,
  setTrusted: markTrusted,
  typeOf: eventTypeOf,
} = internals;

/**
 * @typedef {object} Listener
 * @property {any} callback function, object with handleEvent, or null for an event handler
 * attribute
 * @property {{ value: any } | null} handler of an event handler attribute
 * @property {boolean} capture
 * @property {boolean} once
 * @property {boolean} passive
 * @property {boolean} removed
 * @property {any} signal
 * @property {Function | null} onAbort the algorithm that `signal` runs
 */

/** What a target knows: lists of listeners and event handlers by event type. */
const newState = () => ({ __proto__: null, listeners: { __proto__: null }, handlers: null });

const globalState = newState();

/** What AbortSignal, which is itself a target, lends to `addEventListener`; set by abort.js. */
let signals = null;

/** @param {{ isAbortSignal: Function, isAborted: Function, addAbortAlgorithm: Function,
 *   removeAbortAlgorithm: Function }} hooks */
export function setSignalHooks(hooks) {
  signals = hooks;
}

const toOptionalSignal = (v, what) => {
  if (signals === null || !(0, signals.isAbortSignal)(v)) {
    throw new TypeError(`${what} is not an AbortSignal.`);
  }
  return v;
};

const REMOVE_OPTIONS = [{ __proto__: null, key: "capture", convert: toBoolean }];
const ADD_OPTIONS = [
  { __proto__: null, key: "once", convert: toBoolean },
  { __proto__: null, key: "passive", convert: toBoolean },
  { __proto__: null, key: "signal", convert: toOptionalSignal },
];
const NO_OPTIONS = { __proto__: null };

/** https://dom.spec.whatwg.org/#concept-flatten-options */
function flatten(options, what) {
  if (options === undefined || options === null) return false;
  if (!isObject(options)) return !!options;
  return !!toDictionary(options, REMOVE_OPTIONS, what).capture;
}

function checkCallback(callback, what) {
  if (callback === null || callback === undefined || isObject(callback)) return;
  throw new TypeError(`${what}: parameter 2 is not an object.`);
}

function findListener(list, callback, capture) {
  for (let i = 0; i < list.length; i++) {
    if (list[i].handler === null && list[i].callback === callback && list[i].capture === capture) {
      return i;
    }
  }
  return -1;
}

/** https://dom.spec.whatwg.org/#remove-an-event-listener */
function removeListener(state, type, listener) {
  if (listener.removed) return;
  listener.removed = true;
  if (listener.onAbort !== null) {
    (0, signals.removeAbortAlgorithm)(listener.signal, listener.onAbort);
  }
  const list = state.listeners[type];
  if (list.length === 1) {
    delete state.listeners[type];
    return;
  }
  // Not with splice or filter, which would ask the array for a constructor that a Worker may have
  // set.
  const rest = [];
  for (let i = 0; i < list.length; i++) {
    if (list[i] !== listener) ArrayPrototypePush(rest, list[i]);
  }
  state.listeners[type] = rest;
}

/** @returns {Listener} */
function newListener(callback, capture, handler) {
  return {
    __proto__: null,
    callback,
    handler,
    capture,
    once: false,
    passive: false,
    removed: false,
    signal: undefined,
    onAbort: null,
  };
}

function appendListener(state, type, listener) {
  const list = state.listeners[type];
  if (list === undefined) state.listeners[type] = [listener];
  else ArrayPrototypePush(list, listener);
}

/** Tells of what a listener throws. Installed by report.js, which dispatches events. */
let report;

/** @param {(error: any) => void} reporter */
export function setExceptionReporter(reporter) {
  report = reporter;
}

let getState;

/** https://dom.spec.whatwg.org/#interface-eventtarget */
export class EventTarget {
  // Made when it is first needed: most signals and sockets are never listened to.
  #state = null;

  addEventListener(type, callback, options = undefined) {
    const what = "Failed to execute 'addEventListener' on 'EventTarget'";
    const state = stateOf(this);
    requireArguments(arguments.length, 2, what);
    const name = toDOMString(type, `${what}: parameter 1`);
    checkCallback(callback, what);
    const where = `${what}: parameter 3`;
    const capture = flatten(options, where);
    const more = isObject(options) ? toDictionary(options, ADD_OPTIONS, where) : NO_OPTIONS;
    const signal = more.signal;
    // https://dom.spec.whatwg.org/#add-an-event-listener
    if (signal !== undefined && (0, signals.isAborted)(signal)) return;
    if (callback === null || callback === undefined) return;
    const list = state.listeners[name];
    if (list !== undefined && findListener(list, callback, capture) !== -1) return;
    const listener = newListener(callback, capture, null);
    listener.once = !!more.once;
    listener.passive = !!more.passive;
    appendListener(state, name, listener);
    if (signal === undefined) return;
    listener.signal = signal;
    listener.onAbort = () => removeListener(state, name, listener);
    (0, signals.addAbortAlgorithm)(signal, listener.onAbort);
  }

  removeEventListener(type, callback, options = undefined) {
    const what = "Failed to execute 'removeEventListener' on 'EventTarget'";
    const state = stateOf(this);
    requireArguments(arguments.length, 2, what);
    const name = toDOMString(type, `${what}: parameter 1`);
    checkCallback(callback, what);
    const capture = flatten(options, `${what}: parameter 3`);
    const list = state.listeners[name];
    if (list === undefined) return;
    const index = findListener(list, callback, capture);
    if (index !== -1) removeListener(state, name, list[index]);
  }

  // https://dom.spec.whatwg.org/#dom-eventtarget-dispatchevent
  dispatchEvent(event) {
    const what = "Failed to execute 'dispatchEvent' on 'EventTarget'";
    stateOf(this);
    requireArguments(arguments.length, 1, what);
    if (!isAnyEvent(event)) throw new TypeError(`${what}: parameter 1 is not an Event.`);
    if (isBeingDispatched(event)) {
      throw domException("InvalidStateError", `${what}: the event is being dispatched already.`);
    }
    markTrusted(event, false);
    return dispatch(this ?? globalThis, event);
  }

  static {
    getState = (target) => {
      if (!isObject(target) || !(#state in target)) illegalInvocation();
      return (target.#state ??= newState());
    };
  }
}

defineInterface(EventTarget);

function stateOf(target) {
  if (target === undefined || target === null || target === globalThis) return globalState;
  return getState(target);
}

/** Whether anything listens; saves making an event that nobody sees.
 * @param {EventTarget} target @param {string} type @returns {boolean} */
export function hasListeners(target, type) {
  return stateOf(target).listeners[type] !== undefined;
}

/**
 * Dispatches an event that the platform or `dispatchEvent` gives.
 * https://dom.spec.whatwg.org/#concept-event-dispatch
 * @param {EventTarget} target @param {import("./event.js").Event} event not being dispatched
 * @returns {boolean} false when it was canceled
 */
export function dispatch(target, event) {
  const state = stateOf(target);
  begin(event, target);
  const list = state.listeners[eventTypeOf(event)];
  if (list !== undefined) {
    // There is no tree: both phases happen at the target, listeners that capture first.
    if (!isStopped(event)) invokeAll(state, target, event, list, true);
    const now = state.listeners[eventTypeOf(event)];
    if (now !== undefined && !isStopped(event)) invokeAll(state, target, event, now, false);
  }
  end(event);
  return !isCanceled(event);
}

/** https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke */
function invokeAll(state, target, event, list, capture) {
  // The standard walks a copy: removal makes a new list, and what is appended meanwhile is beyond
  // `count`.
  const count = list.length;
  for (let i = 0; i < count; i++) {
    const listener = list[i];
    if (listener.removed || listener.capture !== capture) continue;
    if (listener.once) removeListener(state, eventTypeOf(event), listener);
    if (listener.passive) setPassive(event, true);
    try {
      if (listener.handler !== null) callHandler(listener.handler, target, event);
      else callListener(listener.callback, target, event);
    } catch (error) {
      report(error);
    }
    setPassive(event, false);
    if (isStoppedAtOnce(event)) return;
  }
}

/** https://webidl.spec.whatwg.org/#call-a-user-objects-operation */
function callListener(callback, target, event) {
  if (typeof callback === "function") {
    ReflectApply(callback, target, [event]);
    return;
  }
  const handleEvent = callback.handleEvent;
  if (typeof handleEvent !== "function") {
    throw new TypeError("The 'handleEvent' property of the event listener is not a function.");
  }
  ReflectApply(handleEvent, callback, [event]);
}

/** Before ErrorEvent has been evaluated, no event is one. */
const isErrorEvent = (event) =>
  internals.isErrorEvent !== undefined && (0, internals.isErrorEvent)(event);

/** https://html.spec.whatwg.org/#the-event-handler-processing-algorithm */
function callHandler(handler, target, event) {
  const callback = handler.value;
  if (typeof callback !== "function") return;
  const isErrorOfGlobal =
    target === globalThis && eventTypeOf(event) === "error" && isErrorEvent(event);
  if (isErrorOfGlobal) {
    const { message, filename, lineno, colno, error } = (0, internals.errorInit)(event);
    const handled = ReflectApply(callback, target, [message, filename, lineno, colno, error]);
    if (handled === true) cancel(event);
    return;
  }
  if (ReflectApply(callback, target, [event]) === false) cancel(event);
}

function getHandler(target, type) {
  return stateOf(target).handlers?.[type]?.value ?? null;
}

/** https://html.spec.whatwg.org/#event-handler-attributes:event-handler-idl-attributes-2 */
function setHandler(target, type, v) {
  const state = stateOf(target);
  const value = isObject(v) ? v : null;
  const handlers = (state.handlers ??= { __proto__: null });
  const handler = (handlers[type] ??= { __proto__: null, value: null, listener: null });
  handler.value = value;
  if (value === null) {
    if (handler.listener !== null) removeListener(state, type, handler.listener);
    handler.listener = null;
  } else if (handler.listener === null) {
    // A handler keeps its place among the listeners when it is replaced.
    handler.listener = newListener(null, false, handler);
    appendListener(state, type, handler.listener);
  }
}

/**
 * Defines the event handler attribute `on<type>`. Call it before or after `defineInterface(Class)`.
 * @param {Function} Class a subclass of EventTarget, or one whose prototype the global object
 * inherits from
 * @param {string} type
 */
export function defineEventHandler(Class, type) {
  const name = `on${type}`;
  const accessors = {
    __proto__: null,
    get [name]() {
      return getHandler(this, type);
    },
    set [name](value) {
      setHandler(this, type, value);
    },
  };
  const { get, set } = ObjectGetOwnPropertyDescriptor(accessors, name);
  ObjectDefineProperty(Class.prototype, name, {
    __proto__: null,
    get,
    set,
    enumerable: true,
    configurable: true,
  });
}
