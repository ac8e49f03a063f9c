/** gsio as a library: the same findings as the command, and errors that a program can tell apart. */
import { expect, test } from 'vitest';
import { analyze, ConfigError, ProjectError, UsageError } from '../src/index.ts';
import { gsio } from './support/command.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const files = {
  'disk/tsconfig.json': '{ "compilerOptions": { "strict": true, "types": [] } }',
  'disk/disk.ts': '/** @globalState */\ndeclare function resizeImage(): void;\n\n/** @io */\nexport function readSector(): void {\n  resizeImage();\n}\n',
  'net/tsconfig.json': '{ "compilerOptions": { "strict": true, "types": [] } }',
  'net/net.ts': 'export const port = 10809;\n',
};

test('finds what the command finds', async () => {
  const cwd = temporaryFolder(files);
  const { out } = await gsio(cwd, ['check', '--project', 'disk', '--format', 'json']);
  const { findings } = await analyze({ project: 'disk', cwd });
  expect(findings).toHaveLength(1);
  expect(findings).toMatchObject((JSON.parse(out) as { findings: object[] }).findings);
});

test('takes several projects, paths and a configuration', async () => {
  const cwd = temporaryFolder(files);
  const report = await analyze({ project: ['disk', 'net'], cwd });
  expect(report.findings.map(({ file }) => file)).toEqual(['disk/disk.ts']);
  expect(report.summary.files).toBe(2);
  expect((await analyze({ project: ['disk', 'net'], paths: ['net'], cwd })).findings).toEqual([]);
  expect((await analyze({ project: 'disk', config: { rules: { 'gs-from-io': 'off' } }, cwd })).findings).toEqual([]);
});

test('throws what a user must mend', async () => {
  const cwd = temporaryFolder(files);
  await expect(analyze({ cwd })).rejects.toThrow(ProjectError);
  await expect(analyze({ project: 'disk', paths: ['none'], cwd })).rejects.toThrow(UsageError);
  await expect(analyze({ project: 'disk', cwd, config: { rules: { nonsense: 'off' } } })).rejects.toThrow(ConfigError);
});
