/**
 * How the entries of an object are put on lines.
 * @module
 */

import { primordials } from "../primordials.js";
import { hasLineBreak, indentLines } from "./text.js";

const {
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  MathFloor,
  MathMax,
  MathMin,
  StringPrototypeCharCodeAt,
  StringPrototypePadEnd,
  StringPrototypePadStart,
  StringPrototypeStartsWith,
} = primordials;

/** Columns that an object may take with what is around it. */
const LINE_LENGTH = 76;
/** Columns of an entry that may stand in a row with others, and how many make rows worth it. */
const SHORT_ENTRY = 16;
const MANY_ENTRIES = 6;
const MAX_COLUMNS = 16;

function fitsOnLine(entries, used) {
  let length = used + entries.length;
  for (let i = 0; i < entries.length; i++) {
    length += entries[i].length + 1;
    if (length > LINE_LENGTH || hasLineBreak(entries[i])) return false;
  }
  return true;
}

function areShort(entries, count) {
  for (let i = 0; i < count; i++) {
    if (entries[i].length > SHORT_ENTRY || hasLineBreak(entries[i])) return false;
  }
  return true;
}

const startsLikeNumber = (text) => {
  const code = StringPrototypeCharCodeAt(text, 0);
  return code === 45 || (code >= 48 && code <= 57);
};

/** Puts short entries in columns; the commas between lines come later. */
function inRows(entries, count, indent) {
  let width = 0;
  let numbers = true;
  for (let i = 0; i < count; i++) {
    width = MathMax(width, entries[i].length);
    numbers &&= startsLikeNumber(entries[i]);
  }
  const columns = MathMax(1, MathMin(MAX_COLUMNS, MathFloor((LINE_LENGTH - indent) / (width + 2))));
  const rows = [];
  for (let first = 0; first < count; first += columns) {
    const end = MathMin(first + columns, count);
    let row = "";
    for (let i = first; i < end; i++) {
      const isLast = i === end - 1;
      if (numbers) row += StringPrototypePadStart(entries[i], width) + (isLast ? "" : ", ");
      else row += isLast ? entries[i] : StringPrototypePadEnd(`${entries[i]},`, width + 2);
    }
    ArrayPrototypePush(rows, row);
  }
  for (let i = count; i < entries.length; i++) ArrayPrototypePush(rows, entries[i]);
  return rows;
}

/**
 * @param {string} head with a space behind it, or ""
 * @param {"[" | "{"} open
 * @param {string[]} entries
 * @param {"]" | "}"} close
 * @param {number} indent columns before the object
 * @param {boolean} mayBeOneLine false for what holds too many levels for one line
 * @returns {string}
 */
export function layOut(head, open, entries, close, indent, mayBeOneLine) {
  if (entries.length === 0) return `${head}${open}${close}`;
  if (mayBeOneLine && fitsOnLine(entries, indent + head.length + 4)) {
    return `${head}${open} ${ArrayPrototypeJoin(entries, ", ")} ${close}`;
  }
  const last = entries[entries.length - 1];
  const count = entries.length - (StringPrototypeStartsWith(last, "... ") ? 1 : 0);
  const inColumns = open === "[" && count > MANY_ENTRIES && areShort(entries, count);
  const lines = inColumns ? inRows(entries, count, indent + 2) : entries;
  const pad = "  ";
  let out = `${head}${open}`;
  for (let i = 0; i < lines.length; i++) {
    out += `${i === 0 ? "" : ","}\n${pad}${indentLines(lines[i], pad)}`;
  }
  return `${out}\n${close}`;
}
