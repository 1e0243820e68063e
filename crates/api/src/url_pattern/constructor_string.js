/**
 * The parser of patterns that are written as a URL.
 * https://urlpattern.spec.whatwg.org/#constructor-string-parsing
 * @module
 */

import { internal } from "../internal.js";
import { primordials } from "../primordials.js";
import { matchesSpecialScheme } from "./init.js";
import { ComponentOptions, PROTOCOL, compileComponent } from "./component.js";
import {
  ASTERISK,
  CHAR,
  CLOSE,
  END,
  ESCAPED_CHAR,
  INVALID_CHAR,
  NAME,
  OPEN,
  REGEXP,
  tokenize,
} from "./tokenizer.js";

const { StringPrototypeSlice } = primordials;

/** The states, in the order of the parts of a URL. */
const INIT = 0;
const IN_PROTOCOL = 1;
const AUTHORITY = 2;
const IN_USERNAME = 3;
const IN_PASSWORD = 4;
const IN_HOSTNAME = 5;
const IN_PORT = 6;
const IN_PATHNAME = 7;
const IN_SEARCH = 8;
const IN_HASH = 9;
const DONE = 10;

/** Which member a state fills; undefined for those that fill none. */
const MEMBERS = {
  __proto__: null,
  [IN_PROTOCOL]: "protocol",
  [IN_USERNAME]: "username",
  [IN_PASSWORD]: "password",
  [IN_HOSTNAME]: "hostname",
  [IN_PORT]: "port",
  [IN_PATHNAME]: "pathname",
  [IN_SEARCH]: "search",
  [IN_HASH]: "hash",
};

class StringParser {
  result = { __proto__: null };
  start = 0;
  index = 0;
  increment = 1;
  groupDepth = 0;
  bracketDepth = 0;
  isSpecial = false;
  state = INIT;

  constructor(input) {
    this.input = input;
    this.tokens = tokenize(input, true);
  }
}
internal(StringParser);

/** https://urlpattern.spec.whatwg.org/#get-a-safe-token */
function safeToken({ tokens }, index) {
  return tokens[index < tokens.length ? index : tokens.length - 1];
}

/** https://urlpattern.spec.whatwg.org/#is-a-non-special-pattern-char */
function isPlain(parser, index, character) {
  const { type, value } = safeToken(parser, index);
  return (
    value === character && (type === CHAR || type === ESCAPED_CHAR || type === INVALID_CHAR)
  );
}

const isHere = (parser, character) => isPlain(parser, parser.index, character);

/** https://urlpattern.spec.whatwg.org/#is-a-search-prefix */
function isSearchPrefix(parser) {
  const { index, tokens } = parser;
  if (isPlain(parser, index, "?")) return true;
  if (tokens[index].value !== "?") return false;
  if (index === 0) return true;
  // Behind these it is a modifier.
  const { type } = safeToken(parser, index - 1);
  return type !== NAME && type !== REGEXP && type !== CLOSE && type !== ASTERISK;
}

/** https://urlpattern.spec.whatwg.org/#make-a-component-string */
function componentString(parser) {
  const { index } = safeToken(parser, parser.start);
  return StringPrototypeSlice(parser.input, index, parser.tokens[parser.index].index);
}

/** What was left out on the way to a state is empty. */
function fillGap(parser, state) {
  const { result } = parser;
  const before = parser.state;
  if (before <= IN_PASSWORD && before !== INIT && state >= IN_PORT) result.hostname ??= "";
  if (before <= IN_PORT && before !== INIT && (state === IN_SEARCH || state === IN_HASH)) {
    result.pathname ??= parser.isSpecial ? "/" : "";
  }
  if (before <= IN_PATHNAME && before !== INIT && state === IN_HASH) result.search ??= "";
}

/** https://urlpattern.spec.whatwg.org/#change-state */
function changeState(parser, state, skip) {
  const member = MEMBERS[parser.state];
  if (member !== undefined) parser.result[member] = componentString(parser);
  if (state !== DONE) fillGap(parser, state);
  parser.state = state;
  parser.index += skip;
  parser.start = parser.index;
  parser.increment = 0;
}

/** https://urlpattern.spec.whatwg.org/#rewind-and-set-state */
function rewind(parser, state) {
  parser.index = parser.start;
  parser.increment = 0;
  parser.state = state;
}

/** Goes to the state of what begins here, of those that come behind the host.
 * @returns {boolean} */
function changeToLater(parser) {
  const { state } = parser;
  if (state < IN_PATHNAME && isHere(parser, "/")) changeState(parser, IN_PATHNAME, 0);
  else if (state < IN_SEARCH && isSearchPrefix(parser)) changeState(parser, IN_SEARCH, 1);
  else if (isHere(parser, "#")) changeState(parser, IN_HASH, 1);
  else return false;
  return true;
}

/** The end of a protocol. */
function endProtocol(parser) {
  // https://urlpattern.spec.whatwg.org/#compute-protocol-matches-a-special-scheme-flag
  const options = new ComponentOptions("", "", false);
  const protocol = compileComponent(componentString(parser), PROTOCOL, options);
  parser.isSpecial = matchesSpecialScheme(protocol);
  const hasSlashes =
    isPlain(parser, parser.index + 1, "/") && isPlain(parser, parser.index + 2, "/");
  if (hasSlashes) changeState(parser, AUTHORITY, 3);
  else changeState(parser, parser.isSpecial ? AUTHORITY : IN_PATHNAME, 1);
}

function stepInHostname(parser) {
  if (isHere(parser, "[")) parser.bracketDepth++;
  else if (isHere(parser, "]")) parser.bracketDepth--;
  else if (isHere(parser, ":") && parser.bracketDepth === 0) changeState(parser, IN_PORT, 1);
  else changeToLater(parser);
}

/** A token outside of groups. */
function step(parser) {
  switch (parser.state) {
    case INIT:
      if (isHere(parser, ":")) rewind(parser, IN_PROTOCOL);
      break;
    case IN_PROTOCOL:
      if (isHere(parser, ":")) endProtocol(parser);
      break;
    case AUTHORITY:
      if (isHere(parser, "@")) rewind(parser, IN_USERNAME);
      else if (isHere(parser, "/") || isSearchPrefix(parser) || isHere(parser, "#")) {
        rewind(parser, IN_HOSTNAME);
      }
      break;
    case IN_USERNAME:
      if (isHere(parser, ":")) changeState(parser, IN_PASSWORD, 1);
      else if (isHere(parser, "@")) changeState(parser, IN_HOSTNAME, 1);
      break;
    case IN_PASSWORD:
      if (isHere(parser, "@")) changeState(parser, IN_HOSTNAME, 1);
      break;
    case IN_HOSTNAME:
      stepInHostname(parser);
      break;
    case IN_PORT:
    case IN_PATHNAME:
    case IN_SEARCH:
      changeToLater(parser);
      break;
    default:
  }
}

/** The last token. @returns {boolean} whether all has been read */
function stepAtEnd(parser) {
  if (parser.state === INIT) {
    // Without a protocol it is relative.
    rewind(parser, INIT);
    if (isHere(parser, "#")) changeState(parser, IN_HASH, 1);
    else if (isSearchPrefix(parser)) changeState(parser, IN_SEARCH, 1);
    else changeState(parser, IN_PATHNAME, 0);
    return false;
  }
  if (parser.state === AUTHORITY) {
    rewind(parser, IN_HOSTNAME);
    return false;
  }
  changeState(parser, DONE, 0);
  return true;
}

/** https://urlpattern.spec.whatwg.org/#parse-a-constructor-string
 * @param {string} input @returns {Record<string, string>} members of a URLPatternInit, without
 * prototype */
export function parseConstructorString(input) {
  const parser = new StringParser(input);
  const { result, tokens } = parser;
  while (parser.index < tokens.length) {
    parser.increment = 1;
    const { type } = tokens[parser.index];
    if (type === END) {
      if (stepAtEnd(parser)) break;
    } else if (type === OPEN) {
      parser.groupDepth++;
    } else if (parser.groupDepth > 0) {
      if (type === CLOSE) parser.groupDepth--;
    } else {
      step(parser);
    }
    parser.index += parser.increment;
  }
  if (result.hostname !== undefined) result.port ??= "";
  return result;
}
