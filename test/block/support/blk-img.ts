/** Runs `blk-img` inside the test, in a folder of its own. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { main } from '../../../src/block/img/main.ts';

/** What a command did. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A folder for images. */
export interface Folder {
  /** The path of a file in it. */
  file(name: string): string;
  remove(): void;
}

/** A new folder. */
export function imageFolder(): Folder {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'blk-img-'));
  return { file: (name) => path.join(root, name), remove: () => { fs.rmSync(root, { recursive: true }); } };
}

/** Runs a command. */
export async function blkImg(...words: readonly string[]): Promise<Ran> {
  return run(words, false);
}

/** Runs a command as on a terminal. */
export async function blkImgOnTerminal(...words: readonly string[]): Promise<Ran> {
  return run(words, true);
}

/** What a command prints that must succeed. */
export async function blkImgOut(...words: readonly string[]): Promise<string> {
  const { status, out, err } = await blkImg(...words);
  if (status !== 0) throw new Error(`blk-img ${words.join(' ')} ended with ${status}: ${err}`);
  return out;
}

async function run(words: readonly string[], outIsTerminal: boolean): Promise<Ran> {
  let out = '';
  let err = '';
  const status = await main(words, {
    out: (text) => { out += text; },
    err: (text) => { err += text; },
    outIsTerminal,
  });
  return { status, out, err };
}

/** Bytes that are the same in every run, neither zero nor a pattern that compresses to nothing. */
export function noise(bytes: number, seed = 1): Buffer {
  const buffer = Buffer.alloc(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    buffer.writeUInt32LE(state, Math.min(at, Math.max(bytes - 4, 0)));
  }
  return buffer;
}

/** A file of `size` bytes with noise at the given places. */
export function writeSparse(name: string, size: number, places: readonly (readonly [offset: number, bytes: number])[]): Buffer {
  const content = Buffer.alloc(size);
  const handle = fs.openSync(name, 'w');
  fs.ftruncateSync(handle, size);
  for (const [offset, bytes] of places) {
    const data = noise(bytes, offset + 1);
    data.copy(content, offset);
    fs.writeSync(handle, data, 0, bytes, offset);
  }
  fs.closeSync(handle);
  return content;
}
