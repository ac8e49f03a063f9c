/**
 * Writes an annotated TypeScript project of any size, the same for the same size.
 *
 * In: a folder and a number of lines. Out: the tsconfig.json, and the number of lines written.
 * The program is no puzzle: modules of a storage layer that import each other, with classes, drivers behind slots, generic helpers,
 * callbacks, closures, guards, async chains and tags in about the proportions of a real annotated code base. It compiles without errors.
 */
import fs from 'node:fs';
import path from 'node:path';

/** Each folder has its own interface of drivers: in real programs an interface has a handful of implementations, however large they are. */
const MODULES_IN_A_FOLDER = 20;

export function writeSyntheticProject(folder: string, lines: number): { tsconfig: string; lines: number } {
  let written = writeFile(folder, 'src/common.ts', COMMON);
  for (let index = 0; written < lines; index++) {
    if (index % MODULES_IN_A_FOLDER === 0) written += writeFile(folder, path.posix.join(path.posix.dirname(moduleFile(index)), 'driver.ts'), DRIVER);
    written += writeFile(folder, moduleFile(index), moduleText(index));
  }
  const tsconfig = path.join(folder, 'tsconfig.json');
  fs.writeFileSync(tsconfig, JSON.stringify({
    compilerOptions: { strict: true, target: 'es2022', lib: ['es2022'], module: 'esnext', moduleResolution: 'bundler', types: [], noEmit: true, skipLibCheck: true },
    include: ['src'],
  }, null, 2));
  return { tsconfig, lines: written };
}

function writeFile(folder: string, name: string, text: string): number {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return text.split('\n').length - 1;
}

function moduleFile(index: number): string {
  return `src/layer-${String(Math.floor(index / MODULES_IN_A_FOLDER))}/disk-${String(index)}.ts`;
}

const COMMON = `/** What all modules share: contexts, drivers, errors, events. */
let onMainThread = true;

/** @mainThreadCheck */
export function inMainThread(): boolean {
  return onMainThread;
}

/** @asserts globalState */
export function assertGlobalState(): void {
  if (!onMainThread) throw new DiskError('EPERM', 'not in the main thread');
}

/** @asserts io */
export function assertIo(): void {
  onMainThread = Boolean(onMainThread);
}

export type Code = 'EPERM' | 'EIO' | 'EINVAL' | 'ENOSPC';

export class DiskError extends Error {
  readonly code: Code;
  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Request<Kind extends string = string> {
  readonly kind: Kind;
  readonly offset: number;
  readonly bytes: number;
}

export type ReadRequest = Request<'read'> & { readonly buffer: Uint8Array };
export type WriteRequest = Request<'write'> & { readonly data: Uint8Array; readonly flush?: boolean };
export type AnyRequest = ReadRequest | WriteRequest | Request<'discard'>;

export type Result<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: DiskError };

export type Listener<Events, Name extends keyof Events> = (event: Events[Name]) => void;

export class Emitter<Events extends Record<string, unknown>> {
  private readonly listeners = new Map<keyof Events, Set<Listener<Events, keyof Events>>>();

  on<Name extends keyof Events>(name: Name, listener: (event: Events[keyof Events]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set<Listener<Events, keyof Events>>();
    set.add(listener);
    this.listeners.set(name, set);
    return () => { set.delete(listener); };
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of this.listeners.get(name) ?? []) listener(event);
  }
}

/** @runs work io */
export function runInIothread<Value>(work: () => Value): Promise<Value> {
  return Promise.resolve().then(work);
}

/** @runs work globalState */
export function runInMainThread(work: () => void): void {
  work();
}

export function mapResult<From, To>(result: Result<From>, change: (value: From) => To): Result<To> {
  return result.ok ? { ok: true, value: change(result.value) } : result;
}

export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
`;

const DRIVER = `/** What the disks of this layer have in common. */
import type { AnyRequest, Result } from '../common';

export interface Driver {
  readonly name: string;
  /** @globalState */
  open(options: ReadonlyMap<string, string>): Result<number>;
  /** @globalState */
  close(): void;
  /** @io */
  submit(request: AnyRequest): Promise<Result<number>>;
  refresh?: (reason: string) => void;
}
`;

/** Everything in a module carries the module's number, so that modules import each other without clashes. */
function moduleText(index: number): string {
  const random = generator(index + 1);
  const id = String(index);
  // Earlier modules, most of them near, as imports are in real layers.
  const imported = index === 0 ? [] : [...new Set([index - 1, Math.floor(index * random()), Math.max(0, index - 1 - Math.floor(random() * 20))])];
  const parts = [
    `/** Disk ${id}: its driver, its cache and what is done with them. */`,
    `import { assertGlobalState, assertIo, DiskError, Emitter, groupBy, inMainThread, mapResult, runInIothread, runInMainThread } from '../common';`,
    `import type { AnyRequest, Request, Result } from '../common';`,
    `import type { Driver } from './driver';`,
    ...imported.map((other, position) => `import { ${position === 0 && index % 4 !== 0 ? `Cache${String(other)}, ` : ''}drain${other}, openDisk${other}, readAll${other}, resize${other}, step${other}x0, summarise${other} } from '${relativeModule(index, other)}';`),
    '',
    types(id),
    driver(id),
    // Hierarchies of real programs are shallow.
    cache(id, index % 4 === 0 ? undefined : imported[0]),
    chain(id, imported, 4 + Math.floor(random() * 8), random),
    globalState(id, imported),
    io(id, imported, random),
  ];
  const extras = [statistics, parser, scheduler, visitor, table];
  const count = 1 + Math.floor(random() * extras.length);
  for (let number = 0; number < count; number++) parts.push(extras[(index + number) % extras.length]?.(id) ?? '');
  return `${parts.join('\n').replace(/\n{3,}/g, '\n\n')}\n`;
}

function relativeModule(from: number, to: number): string {
  return path.posix.relative(path.posix.dirname(moduleFile(from)), moduleFile(to)).replace(/^(?!\.)/, './').replace(/\.ts$/, '');
}

const types = (id: string): string => `
export interface Options${id} {
  readonly size: number;
  readonly cacheMode: 'none' | 'writeback' | 'writethrough';
  readonly labels: Readonly<Record<string, string>>;
  readonly onProgress?: (done: number, total: number) => void;
}

export type State${id} =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly handle: number; readonly since: number }
  | { readonly kind: 'failed'; readonly error: DiskError };

type Writable${id}<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type Events${id} = { opened: Options${id}; closed: number; failed: DiskError };

const defaults${id}: Writable${id}<Options${id}> = { size: 4096, cacheMode: 'none', labels: {} };
const events${id} = new Emitter<Events${id}>();
`;

const driver = (id: string): string => `
export class Driver${id} implements Driver {
  readonly name = 'driver-${id}';
  private state: State${id} = { kind: 'closed' };
  private requests = 0;
  refresh?: (reason: string) => void;

  open(options: ReadonlyMap<string, string>): Result<number> {
    assertGlobalState();
    const size = Number(options.get('size') ?? defaults${id}.size);
    if (!Number.isInteger(size) || size < 0) return { ok: false, error: new DiskError('EINVAL', \`size \${size}\`) };
    this.state = { kind: 'open', handle: this.requests + 1, since: size };
    events${id}.emit('opened', { ...defaults${id}, size });
    return { ok: true, value: size };
  }

  close(): void {
    assertGlobalState();
    if (this.state.kind === 'open') events${id}.emit('closed', this.state.handle);
    this.state = { kind: 'closed' };
  }

  async submit(request: AnyRequest): Promise<Result<number>> {
    assertIo();
    this.requests += 1;
    switch (request.kind) {
      case 'read':
        return this.transfer(request.buffer.length, request.offset);
      case 'write': {
        const result = await this.transfer(request.data.length, request.offset);
        return request.flush === true ? this.flush(result) : result;
      }
      case 'discard':
        return { ok: true, value: request.bytes };
    }
  }

  get handle(): number | undefined {
    return this.state.kind === 'open' ? this.state.handle : undefined;
  }

  private async transfer(bytes: number, offset: number): Promise<Result<number>> {
    if (this.handle === undefined) return { ok: false, error: new DiskError('EIO', \`\${this.name} is not open at \${offset}\`) };
    await Promise.resolve();
    return { ok: true, value: bytes };
  }

  private flush(result: Result<number>): Result<number> {
    return mapResult(result, (bytes) => bytes + this.requests * 0);
  }
}
`;

const cache = (id: string, base: number | undefined): string => `
export class Cache${id}${base === undefined ? '' : ` extends Cache${String(base)}`} {
  protected readonly entries${id} = new Map<number, Uint8Array>();
  private readonly limit${id}: number;

  constructor(limit: number) {
    ${base === undefined ? '' : 'super(limit);\n    '}this.limit${id} = limit;
  }

  lookup(offset: number): Uint8Array | undefined {
    return this.entries${id}.get(offset)${base === undefined ? '' : ' ?? super.lookup(offset)'};
  }

  store(offset: number, data: Uint8Array): this {
    if (this.entries${id}.size >= this.limit${id}) this.evict${id}();
    this.entries${id}.set(offset, data);
    return this;
  }

  protected evict${id}(): void {
    const [oldest] = this.entries${id}.keys();
    if (oldest !== undefined) this.entries${id}.delete(oldest);
  }
}

const cache${id} = new Cache${id}(64);
`;

/** Functions without a class that call one another and the same of other modules. */
function chain(id: string, imported: readonly number[], length: number, random: () => number): string {
  const functions: string[] = [];
  for (let step = length - 1; step >= 0; step--) {
    const next = step + 1 < length ? `step${id}x${String(step + 1)}(value + 1, options)` : imported[1] === undefined ? 'value' : `step${String(imported[1])}x0(value, { size: value })`;
    const shape = Math.floor(random() * 3);
    const body = shape === 0
      ? `  const wide = options.size > value ? ${next} : value;\n  return wide;`
      : shape === 1
        ? `  if (value > ${String(1000 + step)}) return value;\n  return [value, options.size].map((item) => item + 1).reduce((sum, item) => sum + item, ${next});`
        : `  const helper = (amount: number): number => (amount > 3 ? amount : ${next});\n  return helper(value % 7);`;
    functions.push(`${step === 0 ? 'export ' : ''}function step${id}x${String(step)}(value: number, options: { readonly size: number }): number {\n${body}\n}\n`);
  }
  return `\n${functions.join('\n')}`;
}

const globalState = (id: string, imported: readonly number[]): string => `
/** @globalState */
export function openDisk${id}(options: Partial<Options${id}> = {}): Driver${id} {
  assertGlobalState();
  const driver = new Driver${id}();
  const { size = defaults${id}.size, labels = {} } = options;
  const opened = driver.open(new Map([...Object.entries(labels), ['size', String(size)]]));
  if (!opened.ok) throw opened.error;
${imported.map((other) => `  if (size > 1_000_000) openDisk${String(other)}({ size: size - 1 }).close();`).join('\n')}
  drivers${id}.push(driver);
  return driver;
}

/** @globalState */
export function resize${id}(driver: Driver, size: number): void {
  assertGlobalState();
  driver.close();
  driver.open(new Map([['size', String(size)]]));
}

/** @globalState */
export function drain${id}(): void {
  assertGlobalState();
  for (const driver of drivers${id}) driver.close();
  drivers${id}.length = 0;
${imported.slice(0, 1).map((other) => `  drain${String(other)}();`).join('\n')}
}

const drivers${id}: Driver${id}[] = [];
`;

function io(id: string, imported: readonly number[], random: () => number): string {
  // Some modules have the fault that is looked for, most do it right.
  const faulty = random() < 0.1;
  return `
/** @io */
export async function readAll${id}(driver: Driver, requests: readonly AnyRequest[]): Promise<number> {
  assertIo();
  let total = 0;
  for (const request of requests) {
    const cached = cache${id}.lookup(request.offset);
    if (cached !== undefined) {
      total += cached.length;
      continue;
    }
    const result = await driver.submit(request);
    if (!result.ok) {
      events${id}.emit('failed', result.error);
      ${faulty ? `drain${id}();` : `if (inMainThread()) drain${id}();`}
      continue;
    }
    cache${id}.store(request.offset, new Uint8Array(result.value));
    total += step${id}x0(result.value, { size: request.bytes });
  }
${imported.slice(1).map((other) => `  if (total < 0) total += await readAll${String(other)}(driver, requests.slice(1));`).join('\n')}
  return total;
}

export function summarise${id}(requests: readonly AnyRequest[]): Record<string, number> {
  const groups = groupBy(requests, (request) => request.kind);
  const summary: Record<string, number> = {};
  for (const [kind, group] of groups) summary[kind] = group.reduce((sum, request) => sum + request.bytes, 0);
${imported.slice(0, 1).map((other) => `  Object.assign(summary, summarise${String(other)}(requests.filter((request) => request.bytes > 4096)));`).join('\n')}
  return summary;
}

export function start${id}(driver: Driver, requests: readonly AnyRequest[]): Promise<number> {
  const stop = events${id}.on('failed', () => { runInMainThread(() => { resize${id}(driver, 0); }); });
  return runInIothread(() => readAll${id}(driver, requests)).then((pending) => pending).finally(stop);
}
`;
}

const statistics = (id: string): string => `
interface Sample${id} {
  readonly at: number;
  readonly latency: number;
  readonly queue: readonly number[];
}

export function percentiles${id}(samples: readonly Sample${id}[]): { readonly median: number; readonly worst: number } {
  const latencies = samples.map(({ latency }) => latency).filter((latency) => Number.isFinite(latency)).sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { median: at(0.5), worst: at(1) };
}

export const histogram${id} = (samples: readonly Sample${id}[], width = 10): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  samples.flatMap((sample) => sample.queue).forEach((length) => {
    const bucket = Math.floor(length / width);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  });
  return counts;
};
`;

const parser = (id: string): string => `
type Token${id} = { readonly type: 'word' | 'number' | 'sign'; readonly text: string };

function* tokens${id}(text: string): Generator<Token${id}> {
  for (const match of text.matchAll(/(\\w+)|(\\d+)|([^\\s\\w])/g)) {
    const [whole, word, digits] = match;
    if (word !== undefined) yield { type: 'word', text: word };
    else if (digits !== undefined) yield { type: 'number', text: digits };
    else yield { type: 'sign', text: whole };
  }
}

export function parseOptions${id}(text: string): Options${id} {
  const labels: Record<string, string> = {};
  let key: string | undefined;
  for (const token of tokens${id}(text)) {
    if (token.type === 'word' && key === undefined) key = token.text;
    else if (token.type !== 'sign' && key !== undefined) {
      labels[key] = token.text;
      key = undefined;
    }
  }
  const mode = labels['cache'];
  return { ...defaults${id}, labels, cacheMode: mode === 'writeback' || mode === 'writethrough' ? mode : 'none' };
}
`;

const scheduler = (id: string): string => `
export class Queue${id}<Item extends Request> {
  private readonly waiting: Item[] = [];
  private running = 0;
  private readonly worker: (item: Item) => Promise<void>;

  constructor(worker: (item: Item) => Promise<void>, private readonly width = 4) {
    this.worker = worker;
  }

  push(item: Item): void {
    this.waiting.push(item);
    void this.next();
  }

  private async next(): Promise<void> {
    if (this.running >= this.width) return;
    const item = this.waiting.shift();
    if (item === undefined) return;
    this.running += 1;
    try {
      await this.worker(item);
    } catch (error) {
      events${id}.emit('failed', error instanceof DiskError ? error : new DiskError('EIO', String(error)));
    } finally {
      this.running -= 1;
      await this.next();
    }
  }
}

export const queue${id} = new Queue${id}<AnyRequest>(async (request) => {
  const [driver] = drivers${id};
  if (driver !== undefined) await readAll${id}(driver, [request]);
});
`;

const visitor = (id: string): string => `
export type Tree${id} = { readonly name: string; readonly children: readonly Tree${id}[]; readonly driver?: Driver };

export interface Visitor${id}<Value> {
  enter?(tree: Tree${id}, depth: number): boolean;
  leave(tree: Tree${id}, values: readonly Value[]): Value;
}

export function visit${id}<Value>(tree: Tree${id}, visitor: Visitor${id}<Value>, depth = 0): Value {
  const wanted = visitor.enter?.(tree, depth) ?? true;
  const values = wanted ? tree.children.map((child) => visit${id}(child, visitor, depth + 1)) : [];
  return visitor.leave(tree, values);
}

export const countDrivers${id} = (tree: Tree${id}): number => visit${id}<number>(tree, {
  enter: (_, depth) => depth < 100,
  leave: ({ driver }, values) => values.reduce((sum, value) => sum + value, driver === undefined ? 0 : 1),
});
`;

const table = (id: string): string => `
interface Command${id} {
  readonly help: string;
  run(this: void, words: readonly string[]): string;
}

const commands${id}: Readonly<Record<string, Command${id}>> = {
  open: { help: 'open the disk', run: ([size]) => openDisk${id}({ size: Number(size ?? 0) }).name },
  drain: { help: 'close all', run: () => { drain${id}(); return 'done'; } },
  step: { help: 'compute', run: (words) => String(words.map(Number).map((value) => step${id}x0(value, defaults${id})).at(-1) ?? '') },
};

/** @globalState */
export function execute${id}(line: string): string {
  assertGlobalState();
  const [name = '', ...words] = line.split(' ');
  const command = commands${id}[name];
  return command === undefined ? \`unknown: \${name}\` : command.run(words);
}
`;

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
