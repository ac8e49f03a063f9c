/**
 * The block layer has every function and every slot of the split API, each in its module and of its class.
 *
 * `inventory.json` lists them as the series and its review have them: class of the posting, and of the review where that differs. What is
 * said in the code is read by gsio itself; that it is true at run time, by calling.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { ContextViolation } from '../../src/runtime/index.ts';
import { runIn } from '../../src/block/contexts/execution.ts';
import { iothreadNew } from '../../src/block/contexts/iothread.ts';
import { allNodes } from '../../src/block/graph/node-lists.ts';
import * as block from '../../src/block/index.ts';
import { gsio } from '../support/command.ts';

type Class = 'gs' | 'io' | 'common';

interface InventoryFunction {
  readonly name: string;
  readonly tsName: string;
  readonly module: string;
  readonly class: Class;
  readonly v6Class?: Class;
  readonly coroutine: 'coroutine' | 'wrapper' | null;
}

interface InventorySlot {
  readonly table: string;
  readonly slot: string;
  readonly tsSlot: string;
  readonly class: Class;
  readonly v6Class?: Class;
  readonly coroutine: boolean;
}

interface Classified {
  readonly functions: readonly { function: string; file: string; class: string | null; coroutine: string | null; assertion: string | null }[];
  readonly slots: readonly { table: string; slot: string; class: string | null; coroutine: string | null }[];
}

const inventory = JSON.parse(readFileSync(new URL('inventory.json', import.meta.url), 'utf8')) as { functions: InventoryFunction[]; slots: InventorySlot[] };
const CLASSES = { gs: 'globalState', io: 'io', common: 'common' } as const;
const COROUTINES = { coroutine: 'coroutine', wrapper: 'coroutineWrapper' } as const;

/** In C, a coroutine function may be one only because it looks at the running coroutine. Here it does not wait, so it is a plain function. */
const NEVER_WAITS = new Set(['bdrvCoGetSelfRequest']);
/** In C plain, here coroutines, because breakpoints suspend the one that meets them. */
const WAITS_HERE = new Set(['bdrvDebugEvent']);

const UMBRELLAS = ['block', 'block-int', 'block-backend'];
const modules = new Map<string, Record<string, unknown>>();
const moduleOf = (name: string): Record<string, unknown> => modules.get(name) ?? {};
/** What is missing is told once, by the first test. */
const present = (): InventoryFunction[] => inventory.functions.filter(({ module, tsName }) => typeof moduleOf(module)[tsName] === 'function');
const classOf = (entry: { class: Class; v6Class?: Class }): Class => entry.v6Class ?? entry.class;

let classified: Classified;

beforeAll(async () => {
  for (const name of new Set([...UMBRELLAS, ...inventory.functions.map(({ module }) => module)])) {
    modules.set(name, (await import(`../../src/block/${name}.ts`).catch(() => ({}))) as Record<string, unknown>);
  }
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { out, err } = await gsio(root, ['classify', '--format', 'json', '--project', 'test/block/tsconfig.inventory.json']);
  expect(err).toBe('');
  classified = JSON.parse(out) as Classified;
}, 300_000);

describe('functions', () => {
  test('are in their modules', () => {
    const missing = inventory.functions.filter(({ module, tsName }) => typeof moduleOf(module)[tsName] !== 'function');
    expect(missing.map(({ module, tsName }) => `${module}: ${tsName}`)).toEqual([]);
  });

  test('have their class, kind of coroutine and assertion', () => {
    for (const entry of present()) {
      const kind = classOf(entry);
      const found = classified.functions.filter((one) => one.function === entry.tsName && one.file.includes('src/block/'));
      expect(found, entry.tsName).toHaveLength(1);
      expect(found[0], entry.tsName).toMatchObject({ class: CLASSES[kind], assertion: kind === 'gs' ? 'globalState' : null });
      if (entry.coroutine === null || NEVER_WAITS.has(entry.tsName)) continue;
      expect(found[0]?.coroutine, entry.tsName).toBe(COROUTINES[entry.coroutine]);
    }
  });

  test('of Global State throw in an iothread, before they do anything', async () => {
    const iothread = iothreadNew('inventory');
    for (const { module, tsName } of present().filter((entry) => classOf(entry) === 'gs')) {
      const call = moduleOf(module)[tsName] as () => unknown;
      // Without arguments: whatever came before the assertion would fail in another way.
      const outcome = await runIn(iothread.thread, () => new Promise((resolve) => resolve(call()))).then(() => 'returned', (error: unknown) => error);
      expect(outcome, tsName).toBeInstanceOf(ContextViolation);
      expect((outcome as ContextViolation).function, tsName).toBe(tsName);
    }
    expect(allNodes()).toEqual([]);
    block.iothreadDestroy('inventory');
  });
});

test('slots are in their tables, with their class', () => {
  for (const entry of inventory.slots) {
    const found = classified.slots.filter(({ table, slot }) => table === entry.table && slot === entry.tsSlot);
    const isCoroutine = entry.coroutine || WAITS_HERE.has(entry.tsSlot);
    expect(found, `${entry.table}.${entry.tsSlot}`).toHaveLength(1);
    expect(found[0], `${entry.table}.${entry.tsSlot}`).toMatchObject({ class: CLASSES[classOf(entry)] });
    expect(found[0]?.coroutine === 'coroutine', `${entry.table}.${entry.tsSlot}`).toBe(isCoroutine);
  }
});

describe('umbrella modules', () => {
  test.each([
    ['block', ['block-common', 'block-global-state', 'block-io']],
    ['block-int', ['block-int-common', 'block-int-global-state', 'block-int-io']],
    ['block-backend', ['block-backend-global-state', 'block-backend-io']],
  ])('%s has what its parts have, and nothing else', (umbrella, parts) => {
    expect(Object.keys(moduleOf(umbrella)).toSorted()).toEqual([...new Set(parts.flatMap((part) => Object.keys(moduleOf(part))))].toSorted());
  });

  test('the entry of the package has all of the API', () => {
    const missing = present().filter(({ tsName }) => !(tsName in block));
    expect(missing.map(({ tsName }) => tsName)).toEqual([]);
  });
});
