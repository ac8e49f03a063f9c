/**
 * The ESLint plugin: every rule of gsio, in the editor and in `eslint`, with the verdict of the command.
 *
 * In: nothing. Out: the plugin, with its rules and its flat configurations.
 * Leaves to others: what is found (`engine`), which program a file belongs to (the parser of typescript-eslint).
 */
import { createRequire } from 'node:module';
import type { ESLint } from 'eslint';
import { rules } from '../../rules/index.ts';
import { presetsOf, type Presets } from './presets.ts';
import { ruleModule, type GsioRule } from './rule-module.ts';

/** The plugin as it is imported; it fits into `plugins` of a flat configuration. */
export interface GsioPlugin extends ESLint.Plugin {
  readonly meta: { readonly name: 'gsio'; readonly version: string; readonly namespace: 'gsio' };
  readonly rules: Record<string, GsioRule>;
  readonly configs: Presets;
}

const { version } = createRequire(import.meta.url)('gsio/package.json') as { version: string };

const base = {
  meta: { name: 'gsio', version, namespace: 'gsio' },
  rules: Object.fromEntries(rules.map((rule) => [rule.id, ruleModule(rule, version)])),
} as const;

// The configurations name the plugin that holds them.
const plugin: GsioPlugin = Object.assign(base, { configs: {} as Presets });
Object.assign(plugin.configs, presetsOf(plugin, rules));

export default plugin;
