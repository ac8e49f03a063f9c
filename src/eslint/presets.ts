/**
 * The flat configurations, made from what the rules say of themselves.
 *
 * In: the plugin and the rules. Out: `recommended` (errors and warnings as such, no suggestions), `strict` (both as errors)
 * and `all` (suggestions, too).
 */
import type { ESLint, Linter } from 'eslint';
import type { Level } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';

/** One object of a flat configuration. */
export interface Preset {
  readonly name: string;
  readonly plugins: Record<string, ESLint.Plugin>;
  readonly rules: Record<string, Linter.RuleEntry>;
}

export interface Presets extends Record<string, Preset> {
  readonly recommended: Preset;
  readonly strict: Preset;
  readonly all: Preset;
}

type Severity = 'error' | 'warn' | 'off';

const RECOMMENDED: Readonly<Record<Level, Severity>> = { error: 'error', warning: 'warn', info: 'off' };
const STRICT: Readonly<Record<Level, Severity>> = { error: 'error', warning: 'error', info: 'off' };
const ALL: Readonly<Record<Level, Severity>> = { error: 'error', warning: 'warn', info: 'warn' };

export function presetsOf(plugin: ESLint.Plugin, rules: readonly Rule[]): Presets {
  const preset = (name: string, severities: Readonly<Record<Level, Severity>>, entryOf: (id: string, severity: Severity) => Linter.RuleEntry): Preset => ({
    name: `gsio/${name}`,
    plugins: { gsio: plugin },
    rules: Object.fromEntries(rules.map((rule) => [`gsio/${rule.id}`, entryOf(rule.id, severities[rule.level])])),
  });
  // ESLint tells by itself of disable comments without use; `all` gives the command's own verdict.
  const once = (id: string, severity: Severity): Linter.RuleEntry => (id === 'unused-waiver' && severity !== 'off' ? [severity, { disableComments: false }] : severity);
  return {
    recommended: preset('recommended', RECOMMENDED, once),
    strict: preset('strict', STRICT, once),
    all: preset('all', ALL, (_, severity) => severity),
  };
}
