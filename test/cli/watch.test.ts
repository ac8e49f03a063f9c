/** `gsio check --watch`: only the difference is printed, and it adds up to what a check of its own says. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { folderChanges } from '../../src/cli/folder-changes.ts';
import { main } from '../../src/cli/main.ts';
import { gsio } from '../support/command.ts';
import { edited, seeded } from '../support/edits.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TSCONFIG = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler", "allowImportingTsExtensions": true, "noEmit": true } }';
const API = '/** @globalState */\nexport declare function resizeImage(): void;\n/** @globalState */\nexport declare function closeImage(): void;\n';
const reads = (name: string, callee = 'resizeImage'): string => `import { resizeImage, closeImage } from './api.ts';\n/** @io */\nexport function ${name}(): void {\n  ${callee}();\n}\n`;

/** Runs with edits in place of a user, and returns what each round printed. */
async function watched(folder: string, edits: readonly (() => void)[], words: readonly string[] = []): Promise<{ rounds: string[]; status: number }> {
  const rounds: string[] = [];
  let said = '';
  async function* changes(): AsyncGenerator<undefined> {
    for (const edit of edits) {
      rounds.push(said);
      said = '';
      edit();
      yield await Promise.resolve(undefined);
    }
  }
  const take = (text: string): void => { said += text; };
  const status = await main(['check', '--watch', '--no-color', ...words], { out: take, err: take, outIsTerminal: false, errIsTerminal: false, env: {}, cwd: folder, now: () => 0, changes });
  return { rounds: [...rounds, said], status };
}

test('prints all once, and then what is new and what is gone', async () => {
  const folder = temporaryFolder({ 'tsconfig.json': TSCONFIG, 'api.ts': API, 'disk.ts': reads('readSector') });
  const write = (file: string, text: string) => () => { fs.writeFileSync(path.join(folder, file), text); };
  const { rounds, status } = await watched(folder, [
    write('disk.ts', `// Moved.\n${reads('readSector')}`),
    write('net.ts', reads('sendPacket')),
    write('disk.ts', reads('readSector', 'closeImage')),
    write('disk.ts', 'export const broken = ;\n'),
    write('disk.ts', 'export const broken = ;\n'),
    write('disk.ts', ''),
    () => { fs.rmSync(path.join(folder, 'net.ts')); },
  ]);
  const [first, moved, added, swapped, broken, stillBroken, mended, empty] = rounds;
  expect(first).toMatch(/^error gs-from-io disk\.ts:4:3\n[^]*\n1 error in 2 files[^\n]*\ngsio: Waiting for changes; Ctrl\+C ends it\.\n$/);
  expect(moved).toBe('');
  expect(added).toMatch(/^error gs-from-io net\.ts:4:3\n[^]*gsio: 1 new finding, 0 gone; now 2 errors in 3 files\.\n$/);
  expect(added).not.toContain('disk.ts:');
  expect(swapped).toMatch(/^error gs-from-io disk\.ts:4:3\n[^]*gone gs-from-io disk\.ts:5  readSector is I\/O code and calls resizeImage, which is Global State\.\ngsio: 1 new finding, 1 gone; now 2 errors in 3 files\.\n$/);
  expect(broken).toMatch(/^gsio: disk\.ts:1:23 is not valid TypeScript: [^\n]*\n {2}[^\n]*\n$/);
  expect(stillBroken).toBe('');
  expect(mended).toMatch(/^gone gs-from-io disk\.ts:4 [^\n]*\ngsio: 0 new findings, 1 gone; now 1 error in 3 files\.\n$/);
  expect(empty).toMatch(/^gone gs-from-io net\.ts:4 [^\n]*\ngsio: 0 new findings, 1 gone; now nothing found in 2 files\.\n$/);
  expect(status).toBe(0);
});

test('adds up, after any edit, to what a check of its own says', async () => {
  const original = `${reads('readSector')}/** @globalState */\nexport function grow(): void {\n  readSector();\n}\nexport function pass(): void {\n  grow();\n}\n/** @io */\nexport const flush = (): void => pass();\n`;
  const folder = temporaryFolder({ 'tsconfig.json': TSCONFIG, 'api.ts': API, 'disk.ts': original });
  const file = path.join(folder, 'disk.ts');
  const random = seeded(7);
  let compared = 0;
  const lines = (out: string): string[] => [...out.matchAll(/^(?:error|warning|info) ([\w-]+) (\S+?):\d+:\d+\n {2}([^\n]+)/gm)].map(([, rule, name, message]) => `${rule ?? ''} ${name ?? ''} ${message ?? ''}`);
  const cold = async (): Promise<string> => {
    const { status, out, err } = await gsio(folder, ['check', '--no-color']);
    return JSON.stringify(status === 2 ? err.split('\n')[0] : lines(out).sort());
  };
  const states = Array.from({ length: 40 }, () => edited(original, original, random));
  const { rounds } = await watched(folder, states.map((state) => () => { fs.writeFileSync(file, state); }));

  let present: string[] = [];
  for (const [index, said] of rounds.entries()) {
    const gone = [...said.matchAll(/^gone ([\w-]+) (\S+?):\d+ {2}([^\n]+)/gm)].map(([, rule, name, message]) => `${rule ?? ''} ${name ?? ''} ${message ?? ''}`);
    for (const line of gone) present.splice(present.indexOf(line), 1);
    present = [...present, ...lines(said)];
    fs.writeFileSync(file, states[index - 1] ?? original);
    const truth = await cold();
    // What is broken is told, and changes nothing.
    if (!truth.startsWith('[')) continue;
    compared += 1;
    expect(JSON.stringify([...present].sort()), `after edit ${String(index)}`).toBe(truth);
  }
  expect(compared).toBeGreaterThan(20);
});

test('hears of files that change, come and go, below new folders too', async () => {
  const folder = temporaryFolder({ 'src/disk.ts': '' });
  const changes = folderChanges(folder)[Symbol.asyncIterator]();
  const edits = [
    () => { fs.writeFileSync(path.join(folder, 'src/disk.ts'), 'export {};\n'); },
    () => { fs.mkdirSync(path.join(folder, 'src/net')); },
    () => { fs.writeFileSync(path.join(folder, 'src/net/link.ts'), ''); },
    () => { fs.rmSync(path.join(folder, 'src/net'), { recursive: true }); },
  ];
  for (const edit of edits) {
    edit();
    expect(await changes.next()).toEqual({ done: false, value: undefined });
  }
  await changes.return?.(undefined);
});
