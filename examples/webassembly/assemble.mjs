/**
 * Assembles src/gcd.wasm: the bytes of src/gcd.wat, written down by hand, so that no tool is
 * needed. Run with `node assemble.mjs`.
 */
import { writeFileSync } from "node:fs";

const I32 = 0x7f;
const [BLOCK, LOOP, END, BR, BR_IF] = [0x02, 0x03, 0x0b, 0x0c, 0x0d];
const [GET, SET, EQZ, REM_U] = [0x20, 0x21, 0x45, 0x70];
const NO_RESULT = 0x40;
const [A, B, REST] = [0, 1, 2];

/** A section: its number, its length, its bytes. All lengths here are below 128: one byte. */
const section = (id, ...bytes) => [id, bytes.length, ...bytes];
const name = (text) => [text.length, ...new TextEncoder().encode(text)];

const body = [
  1, 1, I32, // one group of locals: one i32
  BLOCK, NO_RESULT,
  LOOP, NO_RESULT,
  GET, B, EQZ, BR_IF, 1,
  GET, A, GET, B, REM_U, SET, REST,
  GET, B, SET, A,
  GET, REST, SET, B,
  BR, 0,
  END,
  END,
  GET, A,
  END,
];

const module = [
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // magic, version
  ...section(1, 1, 0x60, 2, I32, I32, 1, I32), // types: (i32, i32) -> i32
  ...section(3, 1, 0), // functions: one, of type 0
  ...section(7, 1, ...name("gcd"), 0x00, 0), // exports: function 0
  ...section(10, 1, body.length, ...body), // code
];

writeFileSync(new URL("src/gcd.wasm", import.meta.url), new Uint8Array(module));
