/** A folder for the files of one test file; it is removed when the tests have run. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** Makes the folder, and gives the paths of files in it. */
export function testFolder(): (name: string) => string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'block-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  return (name) => path.join(folder, name);
}
