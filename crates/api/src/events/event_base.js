/**
 * Event, the base of all events, and what the dispatch algorithm does to it. Import it from
 * event.js. https://dom.spec.whatwg.org/#interface-event
 * @module
 */

import { clock_now } from "isolde:ops";
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

const { ObjectDefineProperty, ObjectGetOwnPropertyDescriptor } = primordials;

/** The flags of an event, in one number. */
const STOP_PROPAGATION = 1;
const STOP_IMMEDIATE = 2;
const CANCELED = 4;
const IN_PASSIVE_LISTENER = 8;
const DISPATCHING = 16;
const BUBBLES = 32;
const CANCELABLE = 64;
const COMPOSED = 128;
const TRUSTED = 256;

const NONE = 0;
const AT_TARGET = 2;

/** The members of EventInit; dictionaries that inherit from it begin with these. */
export const EVENT_INIT = [
  { __proto__: null, key: "bubbles", convert: toBoolean },
  { __proto__: null, key: "cancelable", convert: toBoolean },
  { __proto__: null, key: "composed", convert: toBoolean },
];

/** What `dispatch` in event_target.js does to an event. @type {Record<string, Function>} */
export const internals = { __proto__: null };

/** https://dom.spec.whatwg.org/#event */
export class Event {
  #type;
  #flags = 0;
  #phase = NONE;
  #target = null;
  #currentTarget = null;
  #timeStamp = clock_now();

  /** The brand check of all members. */
  static #check(receiver) {
    if (!isObject(receiver) || !(#type in receiver)) illegalInvocation();
  }

  constructor(type, eventInitDict = undefined) {
    requireArguments(arguments.length, 1, "Failed to construct 'Event'");
    this.#type = toDOMString(type, "Failed to construct 'Event': parameter 1");
    if (eventInitDict !== undefined) {
      const what = "Failed to construct 'Event': parameter 2";
      const init = toDictionary(eventInitDict, EVENT_INIT, what);
      if (init.bubbles) this.#flags |= BUBBLES;
      if (init.cancelable) this.#flags |= CANCELABLE;
      if (init.composed) this.#flags |= COMPOSED;
    }
    ObjectDefineProperty(this, "isTrusted", IS_TRUSTED);
  }

  get type() {
    Event.#check(this);
    return this.#type;
  }

  get target() {
    Event.#check(this);
    return this.#target;
  }

  get srcElement() {
    Event.#check(this);
    return this.#target;
  }

  get currentTarget() {
    Event.#check(this);
    return this.#currentTarget;
  }

  // https://dom.spec.whatwg.org/#dom-event-composedpath (a path has one member: there is no tree)
  composedPath() {
    Event.#check(this);
    const target = this.#currentTarget;
    return target === null ? [] : [target];
  }

  get eventPhase() {
    Event.#check(this);
    return this.#phase;
  }

  stopPropagation() {
    Event.#check(this);
    this.#flags |= STOP_PROPAGATION;
  }

  get cancelBubble() {
    Event.#check(this);
    return (this.#flags & STOP_PROPAGATION) !== 0;
  }

  set cancelBubble(value) {
    Event.#check(this);
    this.#flags |= value ? STOP_PROPAGATION : 0;
  }

  stopImmediatePropagation() {
    Event.#check(this);
    this.#flags |= STOP_PROPAGATION | STOP_IMMEDIATE;
  }

  get bubbles() {
    Event.#check(this);
    return (this.#flags & BUBBLES) !== 0;
  }

  get cancelable() {
    Event.#check(this);
    return (this.#flags & CANCELABLE) !== 0;
  }

  get returnValue() {
    Event.#check(this);
    return (this.#flags & CANCELED) === 0;
  }

  set returnValue(value) {
    Event.#check(this);
    if (!value) this.#cancel();
  }

  preventDefault() {
    Event.#check(this);
    this.#cancel();
  }

  get defaultPrevented() {
    Event.#check(this);
    return (this.#flags & CANCELED) !== 0;
  }

  get composed() {
    Event.#check(this);
    return (this.#flags & COMPOSED) !== 0;
  }

  get timeStamp() {
    Event.#check(this);
    return this.#timeStamp;
  }

  // https://dom.spec.whatwg.org/#dom-event-initevent
  initEvent(type, bubbles = false, cancelable = false) {
    const what = "Failed to execute 'initEvent' on 'Event'";
    Event.#check(this);
    requireArguments(arguments.length, 1, what);
    this.#initialise(toDOMString(type, `${what}: parameter 1`), bubbles, cancelable);
  }

  // https://dom.spec.whatwg.org/#concept-event-initialize
  #initialise(name, bubbles, cancelable) {
    if ((this.#flags & DISPATCHING) !== 0) return;
    this.#type = name;
    this.#flags = (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
    this.#target = null;
  }

  // https://dom.spec.whatwg.org/#set-the-canceled-flag
  #cancel() {
    const flags = this.#flags;
    if ((flags & CANCELABLE) !== 0 && (flags & IN_PASSIVE_LISTENER) === 0) {
      this.#flags = flags | CANCELED;
    }
  }

  static {
    internals.isEvent = (v) => typeof v === "object" && v !== null && #flags in v;
    internals.initialise = (event, name, bubbles, cancelable) => {
      event.#initialise(name, bubbles, cancelable);
    };
    internals.isTrusted = (event) => (event.#flags & TRUSTED) !== 0;
    internals.setTrusted = (event, trusted) => {
      event.#flags = trusted ? event.#flags | TRUSTED : event.#flags & ~TRUSTED;
    };
    internals.isDispatching = (event) => (event.#flags & DISPATCHING) !== 0;
    internals.isCanceled = (event) => (event.#flags & CANCELED) !== 0;
    internals.isStopped = (event) => (event.#flags & STOP_PROPAGATION) !== 0;
    internals.isStoppedAtOnce = (event) => (event.#flags & STOP_IMMEDIATE) !== 0;
    internals.cancel = (event) => event.#cancel();
    internals.typeOf = (event) => event.#type;
    internals.setPassive = (event, passive) => {
      event.#flags = passive
        ? event.#flags | IN_PASSIVE_LISTENER
        : event.#flags & ~IN_PASSIVE_LISTENER;
    };
    internals.begin = (event, target) => {
      event.#flags |= DISPATCHING;
      event.#target = target;
      event.#currentTarget = target;
      event.#phase = AT_TARGET;
    };
    internals.end = (event) => {
      event.#flags &= ~(DISPATCHING | STOP_PROPAGATION | STOP_IMMEDIATE);
      event.#currentTarget = null;
      event.#phase = NONE;
    };
  }
}

// [LegacyUnforgeable]: an own property of each event, all with one getter.
const IS_TRUSTED = {
  __proto__: null,
  get: ObjectGetOwnPropertyDescriptor(
    {
      get isTrusted() {
        return (0, internals.isTrusted)(this);
      },
    },
    "isTrusted",
  ).get,
  set: undefined,
  enumerable: true,
  configurable: false,
};

defineInterface(Event, {
  __proto__: null,
  constants: { __proto__: null, NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 },
});

const { setTrusted } = internals;

/** Marks an event as made by the platform. @template T @param {T} event @returns {T} */
export function trusted(event) {
  setTrusted(event, true);
  return event;
}
