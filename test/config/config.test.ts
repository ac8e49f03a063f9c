import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findConfig, loadConfig } from '../../src/config/load-config.ts';
import { nearestName } from '../../src/config/nearest.ts';
import { validateConfig } from '../../src/config/schema.ts';
import { defaultConfig } from '../../src/model/config.ts';
import { ConfigError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RULES = ['gs-from-io', 'missing-assertion', 'unused-waiver'];

function complaint(value: unknown): string {
  try {
    validateConfig(value, RULES, 'gsio.config.ts');
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message} ${error.hint}`;
    throw error;
  }
  return '';
}

async function failure(promise: Promise<unknown>): Promise<ConfigError> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  if (error instanceof ConfigError) return error;
  throw new Error(`expected a ConfigError, got ${String(error)}`);
}

describe('what a configuration may say', () => {
  test.each([
    ['an unknown key', { rule: {} }, 'gsio.config.ts: unknown key "rule"; did you mean "rules"? Known keys: rules, overrides, tags,'],
    ['an unknown nested key', { modules: { globalstate: [] } }, 'unknown key "modules.globalstate"; did you mean "globalState"?'],
    ['an unknown key in a list', { models: [{ module: 'fs', name: 'x', blokcing: true }] }, 'unknown key "models[0].blokcing"; did you mean "blocking"?'],
    ['a key far from all others', { zzzzzzzzzzzz: 1 }, 'did you mean'],
    ['an unknown rule', { rules: { 'gs-form-io': 'error' } }, 'unknown rule "gs-form-io" in "rules"; did you mean "gs-from-io"?'],
    ['a rule with the prefix of ESLint', { rules: { 'gsio/gs-from-io': 'error' } }, 'did you mean "gs-from-io"?'],
    ['an unknown rule in an override', { overrides: [{ files: ['test'], rules: { 'gs-form-io': 'off' } }] }, 'unknown rule "gs-form-io" in "overrides[0].rules"; did you mean "gs-from-io"?'],
    ['an override without files', { overrides: [{ rules: {} }] }, '"overrides[0].files" is missing.'],
    ['an unknown key of an override', { overrides: [{ file: 'a', files: [], rules: {} }] }, 'unknown key "overrides[0].file"; did you mean "files"?'],
    ['an unknown level', { rules: { 'gs-from-io': 'warn' } }, '"rules.gs-from-io" cannot be "warn"; did you mean "warning"?'],
    ['an unknown tag', { tags: { mainOnly: 'globalstate' } }, '"tags.mainOnly" cannot be "globalstate"; did you mean "globalState"?'],
    ['an impossible tag name', { tags: { '@mainOnly': 'globalState' } }, '"@mainOnly" cannot be a name in "tags".'],
    ['an unknown class', { models: [{ module: 'fs', name: 'x', class: 'gs' }] }, '"models[0].class" cannot be "gs"'],
    ['a missing key', { models: [{ name: 'x' }] }, '"models[0].module" is missing.'],
    ['a wrong type', { exclude: 'src' }, '"exclude" must be a list, not "src".'],
    ['a wrong item', { exclude: [1] }, '"exclude[0]" must be a string, not 1.'],
    ['a negative index', { models: [{ module: 'a', name: 'b', runs: [{ param: -1, context: 'io' }] }] }, '"models[0].runs[0].param" must be 0 or more, not -1.'],
    ['a function', () => ({}), 'the configuration must be an object, not a function.'],
    ['a list', [], 'the configuration must be an object, not a list.'],
    ['nothing', undefined, 'the configuration must be an object, not nothing.'],
  ])('%s is told in one sentence', (_, value, expected) => {
    expect(complaint(value)).toContain(expected);
  });

  test('every key, with every form', () => {
    expect(complaint({
      rules: { 'gs-from-io': 'off', 'missing-assertion': 'info' },
      overrides: [{ files: ['test'], rules: { 'gs-from-io': 'off' } }],
      tags: { mainOnly: 'globalState' },
      assertions: { assertMain: 'globalState' },
      predicates: { isMain: 'mainThread' },
      models: [{ module: 'node:fs', name: '*Sync', except: ['existsSync'], blocking: true, runs: [{ param: 0, context: 'io', wait: true }] }],
      modules: { globalState: ['*-gs'] },
      unresolved: 'as-declared',
      expireFactsAtAwait: true,
      exclude: ['generated/**'],
    })).toBe('');
  });
});

describe('where a configuration is found', () => {
  test('without one the defaults hold', async () => {
    expect(await findConfig(temporaryFolder({}), RULES)).toEqual(defaultConfig);
  });

  test.each([
    ['gsio.config.ts', `import { defineConfig } from 'gsio';\nconst level: string = 'off';\nexport default defineConfig({ rules: { 'gs-from-io': level as 'off' } });`],
    ['gsio.config.mts', `export default { rules: { 'gs-from-io': 'off' as const } };`],
    ['gsio.config.js', `export default { rules: { 'gs-from-io': 'off' } };`],
    ['gsio.config.mjs', `import { defineConfig } from 'gsio';\nexport default defineConfig({ rules: { 'gs-from-io': 'off' } });`],
    ['gsio.config.json', `{ "rules": { "gs-from-io": "off" } }`],
    ['package.json', `{ "name": "disk", "gsio": { "rules": { "gs-from-io": "off" } } }`],
  ])('%s, in a folder above the project', async (name, text) => {
    const folder = temporaryFolder({ [name]: text, 'packages/disk/package.json': '{ "name": "disk" }' });
    const config = await findConfig(path.join(folder, 'packages/disk'), RULES);
    expect(config).toEqual({ ...defaultConfig, rules: { 'gs-from-io': 'off' } });
    expect(await loadConfig(path.join(folder, name), RULES, name)).toEqual(config);
  });

  test('the nearest one counts, and keeps the defaults it does not mention', async () => {
    const folder = temporaryFolder({ 'gsio.config.json': '{ "exclude": ["a"] }', 'inner/gsio.config.json': '{ "modules": { "io": ["*-fast"] } }' });
    const config = await findConfig(path.join(folder, 'inner'), RULES);
    expect(config.exclude).toEqual([]);
    expect(config.modules).toEqual({ ...defaultConfig.modules, io: ['*-fast'] });
  });
});

describe('a broken configuration is one sentence', () => {
  test.each([
    ['gsio.config.ts', 'export default {', 'gsio.config.ts cannot be loaded: '],
    ['gsio.config.ts', `throw new Error('no disk\\nno glory');`, 'gsio.config.ts cannot be loaded: no disk.'],
    ['gsio.config.ts', `import 'no-such-package'; export default {};`, 'gsio.config.ts cannot be loaded: '],
    ['gsio.config.ts', `export const rules = {};`, 'gsio.config.ts cannot be loaded: it has no default export.'],
    ['gsio.config.json', '{ "rules": ', 'gsio.config.json cannot be loaded: '],
    ['gsio.config.json', '', 'gsio.config.json'],
    ['gsio.config.json', '{ "rulez": {} }', 'gsio.config.json: unknown key "rulez"; did you mean "rules"?'],
  ])('%s: %s', async (name, text, expected) => {
    const error = await failure(findConfig(temporaryFolder({ [name]: text }), RULES));
    expect(error.message).toContain(expected);
    expect(error.message).not.toContain('\n');
    expect(error.hint).not.toBe('');
  });

  test('a file that does not exist, and a folder', async () => {
    const folder = temporaryFolder({});
    expect((await failure(loadConfig(path.join(folder, 'none.json'), RULES, 'none.json'))).message).toContain('does not exist');
    expect((await failure(loadConfig(folder, RULES, '.'))).message).toContain('is a folder');
  });
});

test('the nearest name ignores case, dashes and prefixes', () => {
  expect(nearestName('GLOBALSTATE', ['io', 'globalState'])).toBe('globalState');
  expect(nearestName('anything', [])).toBeUndefined();
});
