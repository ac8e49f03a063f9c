/** The block layer, stripped of its classes and assertions, gets all of them back from the list of what it had. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ts } from '../../src/project/compiler.ts';
import { createSourceHost } from '../../src/project/source-host.ts';
import { gsio } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const repository = path.resolve(import.meta.dirname, '../..');

interface Inventory {
  readonly functions: readonly { readonly function: string; readonly file: string; readonly class: string | null; readonly coroutine: string | null; readonly assertion: string | null }[];
}

/** Without comments and statements that say a class. */
function stripped(text: string): string {
  const tag = '@(?:globalState|io|ioOrGs|common|coroutine|coroutineMixed|coroutineWrapper|noCoroutine)\\b';
  return text
    .replaceAll(/^[ \t]*(?:GLOBAL_STATE|IO|IO_OR_GS)_CODE\([^)]*\);\n/gm, '').replaceAll(/ ?\b(?:GLOBAL_STATE|IO|IO_OR_GS)_CODE\([^)]*\);/g, '')
    .replaceAll(/^import \{ (?:(?:GLOBAL_STATE|IO|IO_OR_GS)_CODE(?:, )?)+ \} from [^\n]*\n/gm, '')
    .replaceAll(new RegExp(`[ \\t]*/\\*\\*(?: ${tag})+ \\*/[ \\t]*\\n`, 'g'), '').replaceAll(new RegExp(`^[ \\t]*\\* ${tag}[ \\t]*\\n`, 'gm'), '').replaceAll(new RegExp(` ${tag}`, 'g'), '');
}

test('the block layer gets its classes and assertions back', { timeout: 600_000 }, async () => {
  const folder = temporaryFolder({ 'package.json': '{ "type": "module" }' });
  for (const part of ['src/block', 'src/runtime']) fs.cpSync(path.join(repository, part), path.join(folder, part), { recursive: true });
  const { compilerOptions } = JSON.parse(fs.readFileSync(path.join(repository, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const tsconfig = path.join(folder, 'tsconfig.json');
  fs.writeFileSync(tsconfig, JSON.stringify({ compilerOptions: { ...compilerOptions, typeRoots: [path.join(repository, 'node_modules/@types')] }, include: ['src'] }));
  fs.symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'));
  const inventory = async (): Promise<Map<string, string>> => {
    const { functions } = JSON.parse((await gsio(folder, ['classify', '--format', 'json'])).out) as Inventory;
    // A callback is called after its line.
    return new Map(functions.filter((fn) => !/@\d/.test(fn.function)).map((fn) => [`${fn.file}#${fn.function}`, `${String(fn.class)} ${String(fn.coroutine)} ${String(fn.assertion)}`]));
  };

  expect((await gsio(folder, ['classify', '--format', 'json', '--output', 'list.json'])).status).toBe(0);
  const before = await inventory();
  expect(before.size).toBeGreaterThan(1000);
  for (const file of fs.readdirSync(path.join(folder, 'src/block'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
    const name = path.join(folder, 'src/block', file);
    fs.writeFileSync(name, stripped(fs.readFileSync(name, 'utf8')));
  }
  expect((await gsio(folder, ['fix', '--list', 'list.json'])).status).toBe(0);
  const after = await inventory();
  const lost = [...before].filter(([name, facts]) => after.get(name) !== facts).map(([name, facts]) => `${name}: ${facts}, now ${after.get(name) ?? 'gone'}`);
  expect(lost).toEqual([]);
  expect(await gsio(folder, ['check'])).toMatchObject({ status: 0 });

  const parsed = ts.getParsedCommandLineOfConfigFile(tsconfig, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined });
  const options = parsed?.options ?? {};
  const faults = ts.getPreEmitDiagnostics(ts.createProgram(parsed?.fileNames ?? [], options, createSourceHost(options)));
  expect(faults.map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)).toEqual([]);
});
