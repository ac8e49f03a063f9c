/**
 * Runs the programs in `fixtures/projects/review`: each fails the assertion that it names in `abortsIn`, or none.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from 'vitest';

interface CaseProgram {
  /** The function whose assertion fails. */
  readonly abortsIn: string | null;
  run(): Promise<unknown>;
}

const folder = path.resolve(import.meta.dirname, '../../fixtures/projects/review');
const programs = fs
  .readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(path.sep).join('/'))
  .filter((file) => /^[^/]+\/[^/]+\.ts$/.test(file))
  .sort();

// Not a plain import: the programs are analysed and compiled as a project of their own.
async function load<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(path.join(folder, file)).href)) as T;
}

const { installContexts } = await load<{ installContexts(): void }>('contexts.ts');
beforeEach(() => installContexts());

test.each(programs)('%s', async (file) => {
  const { abortsIn, run } = await load<CaseProgram>(file);
  if (file.endsWith('/repaired.ts')) {
    expect(abortsIn).toBeNull();
  }
  if (abortsIn === null) {
    await expect(run()).resolves.toBeDefined();
  } else {
    await expect(run()).rejects.toMatchObject({ function: abortsIn });
  }
});
