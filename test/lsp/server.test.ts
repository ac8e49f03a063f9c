/** `gsio lsp` as an editor meets it, through a client of the protocol. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import compiler from 'typescript';
import { CancellationTokenSource, type Diagnostic } from 'vscode-languageserver/node';
import { expect, test } from 'vitest';
import { defaultConfig } from '../../src/model/config.ts';
import { Editor } from '../support/editor.ts';
import { edited, pick, seeded } from '../support/edits.ts';
import { analyzeFixture } from '../support/fixture-programs.ts';
import { FILES, FURTHER_FILES, TSCONFIG } from '../support/small-project.ts';

const FOUND = ['grow.ts:3 gs-from-io'];

test('findings of files that are not open, with the whole way as places', async () => {
  const editor = new Editor(FILES);
  const { capabilities } = await editor.start();
  expect(capabilities).toMatchObject({ hoverProvider: true });
  expect(await editor.places()).toEqual(FOUND);
  const [diagnostic] = editor.shown.get('grow.ts') ?? [];
  expect(diagnostic).toMatchObject({ severity: 1, source: 'gsio', code: 'gs-from-io', range: { start: { line: 2, character: 2 } } });
  expect(diagnostic?.relatedInformation?.map(({ location, message }) => [path.basename(location.uri), location.range.start.line, message])).toEqual([
    ['disk.ts', 2, '1. writeSector: starts here; I/O by its own tag'],
    ['disk.ts', 3, '2. grow: called; I/O from its use'],
    ['grow.ts', 2, '3. resizeImage: called; Global State by its own tag'],
  ]);
  expect(editor.watched).toEqual(['workspace/didChangeWatchedFiles']);
});

test('the way in words, where the editor shows no places', async () => {
  const editor = new Editor(FILES);
  await editor.start(['.'], false);
  expect(await editor.places()).toEqual(FOUND);
  expect(editor.shown.get('grow.ts')?.[0]?.message).toContain('writeSector → grow → resizeImage');
  expect(editor.shown.get('grow.ts')?.[0]?.relatedInformation).toBeUndefined();
});

test('buffers that are not saved count, whatever file they are about, until they are closed', async () => {
  const editor = new Editor(FILES);
  await editor.start();
  await editor.open('disk.ts');
  await editor.type('disk.ts', '/** @io */\n', '');
  expect(await editor.places()).toEqual([]);
  await editor.type('disk.ts', 'export', '/** @io */\nexport');
  expect(await editor.places()).toEqual(FOUND);
  await editor.type('disk.ts', '/** @io */\n', '');
  await editor.close('disk.ts');
  expect(await editor.places()).toEqual(FOUND);
  await editor.open('more.ts', "import { grow } from './grow.ts';\n/** @io */\nexport const more = (): void => grow();\n");
  await editor.save('more.ts');
  await editor.remove('disk.ts');
  expect(await editor.places()).toEqual(FOUND);
  expect(editor.shown.get('grow.ts')?.[0]?.relatedInformation?.[0]?.message).toContain('more');
});

test('a buffer that no file stands behind can be imported', async () => {
  const { 'image.ts': image, ...others } = FILES;
  const editor = new Editor(others);
  await editor.start();
  expect(await editor.places()).toEqual([]);
  await editor.open('image.ts', image);
  expect(await editor.places()).toEqual(FOUND);
  await editor.close('image.ts');
  expect(await editor.places()).toEqual([]);
});

test('while syntax is broken the last findings stay, without a message; positions that do not fit are not offered', async () => {
  const editor = new Editor(FILES);
  await editor.start();
  await editor.open('grow.ts');
  expect(await editor.places()).toEqual(FOUND);
  await editor.type('grow.ts', '): void {', '): void {{{');
  expect(await editor.places()).toEqual(FOUND);
  expect(await editor.actions('grow.ts')).toEqual([]);
  expect(await editor.hover('grow.ts', 'grow')).toBeNull();
  await editor.type('grow.ts', '{{{', '{\n');
  expect(await editor.places()).toEqual(['grow.ts:4 gs-from-io']);
  expect(editor.messages).toEqual([]);
});

test('what reaches a function stands above it, and in the hover over every name of it', async () => {
  const editor = new Editor(FILES);
  await editor.start();
  await editor.open('grow.ts');
  await editor.open('image.ts');
  expect((await editor.lenses('image.ts'))?.map(({ command, range }) => `${String(range.start.line)} ${command?.title ?? ''}`)).toEqual(['2 Global State, reached from 1 I/O root']);
  expect((await editor.lenses('grow.ts'))?.map(({ command }) => command?.title)).toEqual(['Global State from its use, reached from 1 I/O root']);
  const words = { kind: 'markdown', value: '**resizeImage**: Global State by its own tag\n\nOff the main thread from `writeSector`' };
  expect((await editor.hover('image.ts', 'resizeImage'))?.contents).toEqual(words);
  expect((await editor.hover('grow.ts', 'resizeImage()'))?.contents).toEqual(words);
  expect(await editor.hover('grow.ts', 'import')).toBeNull();
});

test('repairs are those of the plugin, and leave nothing behind', async () => {
  const editor = new Editor({ ...FILES, 'gsio.config.json': '{ "assertions": { "GLOBAL_STATE_CODE": "globalState" } }', 'image.ts': FILES['image.ts'].replace('  GLOBAL_STATE_CODE();\n', '') });
  await editor.start();
  await editor.open('image.ts');
  await editor.open('grow.ts');
  expect(await editor.places()).toEqual([...FOUND, 'image.ts:3 missing-assertion']);
  const [assertion] = await editor.actions('image.ts');
  expect(assertion).toMatchObject({ kind: 'quickfix', isPreferred: true, diagnostics: [{ code: 'missing-assertion' }] });
  if (assertion !== undefined) await editor.take('image.ts', assertion);
  expect(await editor.places()).toEqual(FOUND);

  const offers = await editor.actions('grow.ts');
  expect(offers.map(({ isPreferred }) => isPreferred)).not.toContain(true);
  const waiver = offers.find(({ title }) => title.startsWith('Waive'));
  expect(waiver, offers.map(({ title }) => title).join()).toBeDefined();
  if (waiver !== undefined) await editor.take('grow.ts', waiver);
  expect(await editor.places()).not.toContain(FOUND[0]);
});

test('configurations are followed; a broken one is one message, and what was known stays', async () => {
  const editor = new Editor(FILES);
  await editor.start();
  await editor.write('gsio.config.json', '{ "rules": { "gs-from-io": "off" } }');
  expect(await editor.places()).toEqual([]);
  await editor.write('gsio.config.json', '{ "rulez": {} }');
  await editor.settled();
  await editor.write('grow.ts', `${FILES['grow.ts']}\n`);
  expect(await editor.places()).toEqual([]);
  expect(editor.messages).toEqual([expect.stringContaining('unknown key "rulez"')]);
  await editor.remove('gsio.config.json');
  expect(await editor.places()).toEqual(FOUND);

  await editor.write('tsconfig.json', '{ "files": ["gone.ts"] }');
  expect(await editor.places()).toEqual(FOUND);
  expect(editor.messages.at(-1)).toContain('gone.ts, which does not exist. Mend its "files".');
  await editor.write('tsconfig.json', TSCONFIG.replace('**/*.ts', 'image.ts'));
  expect(await editor.places()).toEqual([]);
});

test('folders come and go; the project of an open file is found within its folder', async () => {
  const inside = (folder: string): Record<string, string> => Object.fromEntries(Object.entries(FILES).map(([file, text]) => [`${folder}/${file}`, text]));
  const editor = new Editor({ ...inside('one'), ...inside('two/deep'), ...inside('three') });
  await editor.start(['one', 'two']);
  expect(await editor.places()).toEqual(['one/grow.ts:3 gs-from-io']);
  await editor.open('two/deep/disk.ts');
  expect(await editor.places()).toEqual(['one/grow.ts:3 gs-from-io', 'two/deep/grow.ts:3 gs-from-io']);
  await editor.connection.sendNotification('workspace/didChangeWorkspaceFolders', { event: { added: [{ uri: editor.uri('three'), name: 'three' }], removed: [{ uri: editor.uri('one'), name: 'one' }] } });
  expect(await editor.places()).toEqual(['three/grow.ts:3 gs-from-io', 'two/deep/grow.ts:3 gs-from-io']);
  await editor.close('two/deep/disk.ts');
  expect(await editor.places()).toEqual(['three/grow.ts:3 gs-from-io']);
});

test('a request that is taken back is answered with nothing', async () => {
  const editor = new Editor(FILES);
  await editor.start();
  await editor.open('grow.ts');
  const source = new CancellationTokenSource();
  const asked = editor.connection.sendRequest('textDocument/codeLens', { textDocument: { uri: editor.uri('grow.ts') } }, source.token);
  source.cancel();
  expect(await asked.catch(() => null)).toBeNull();
  expect(await editor.lenses('grow.ts')).toHaveLength(1);
});

test('the command, over its standard streams, until the editor says the last word', async () => {
  const command = path.resolve(import.meta.dirname, '../../dist/src/cli/bin.js');
  const child = spawn(process.execPath, [command, 'lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const editor = new Editor(FILES, { input: child.stdin, output: child.stdout });
  await editor.start();
  expect(await editor.places()).toEqual(FOUND);
  await editor.end();
  expect(await ended).toEqual([0, null]);
});

test('after each of many random edits, saves, renames and deletions the findings are those of a fresh check', async () => {
  const originals: Readonly<Record<string, string>> = { ...FILES, ...FURTHER_FILES };
  const editor = new Editor(originals);
  await editor.start();
  const names = new Set(Object.keys(originals).filter((file) => file.endsWith('.ts')));
  const random = seeded(11);
  const counts = new Set<number>();
  for (let step = 0; step < Number(process.env['GSIO_EDITS'] ?? 240); step++) {
    const file = pick([...names], random);
    const told = await randomStep(editor, file, names, originals, random);
    await editor.settled();
    const shown = [...editor.shown].flatMap(([name, diagnostics]) => diagnostics.map(({ range: { start }, code, message }) => `${name}:${String(start.line + 1)}:${String(start.character + 1)} ${String(code)} ${wordsOf(message)}`));
    const files = new Map([...names].map((name) => [name, editor.text(name)]));
    const fresh = analyzeFixture({ name: 'edited', folder: editor.folder, files, config: defaultConfig, tsconfig: path.join(editor.folder, 'tsconfig.json') });
    expect(shown.sort(), `step ${String(step)}: ${told} ${file}`).toEqual(fresh.findings.map(({ file: name, line, column, rule, message, hint }) => `${name}:${String(line)}:${String(column)} ${rule} ${[message, hint].filter((part) => part !== '').join(' ')}`).sort());
    counts.add(fresh.findings.length);
  }
  expect(counts.size).toBeGreaterThan(3);
  expect(editor.messages).toEqual([]);
});

/** Changes a file in one of the ways in which files change; what it says is for messages. */
async function randomStep(editor: Editor, file: string, names: Set<string>, originals: Readonly<Record<string, string>>, random: () => number): Promise<string> {
  const kind = Math.floor(random() * 20);
  const isOpen = editor.isOpen(file);
  if (kind === 0 && names.size > 4) {
    if (isOpen) await editor.close(file);
    names.delete(file);
    await editor.remove(file);
    return 'delete';
  }
  if (kind === 1) {
    const other = pick(Object.keys(originals).filter((name) => name.endsWith('.ts')), random);
    names.add(other);
    if (editor.isOpen(other)) await editor.retype(other, originals[other] ?? '');
    await editor.write(other, originals[other] ?? '');
    return `restore ${other} beside`;
  }
  if (kind === 2 && !isOpen) {
    const text = editor.text(file);
    const next = file.endsWith('-moved.ts') ? file.replace('-moved', '') : file.replace('.ts', '-moved.ts');
    if (names.has(next)) return 'leave';
    names.delete(file);
    names.add(next);
    await editor.write(next, text);
    await editor.remove(file);
    return `rename to ${next}`;
  }
  if (kind < 5) {
    if (!isOpen) await editor.open(file);
    else if (kind === 3) await editor.save(file);
    else await editor.close(file);
    return isOpen ? 'save or close' : 'open';
  }
  const before = editor.text(file);
  const next = edited(before, originals[file] ?? before, random);
  const put = (text: string): Promise<void> => (isOpen ? editor.retype(file, text) : editor.write(file, text));
  await put(next);
  if (!isBroken(next)) return isOpen ? 'type into' : 'write';
  // Seen by the server or not, as time has it.
  if (kind % 2 === 0) await editor.settled();
  await put(before);
  return 'break and undo';
}

function wordsOf(message: Diagnostic['message']): string {
  return typeof message === 'string' ? message : message.value;
}

function isBroken(text: string): boolean {
  return (compiler.transpileModule(text, { reportDiagnostics: true }).diagnostics ?? []).length > 0;
}
