// Types come from tsconfig.json. The import layers are checked by dependency-cruiser (.dependency-cruiser.mjs);
// the two `no-restricted-…` rules repeat the part of them that an editor can show while one types.
import { defineConfig, globalIgnores } from 'eslint/config';
import eslintPlugin from 'eslint-plugin-eslint-plugin';
import tseslint from 'typescript-eslint';

const noCompiler = {
  patterns: [{ group: ['typescript', 'ts-morph', 'eslint', 'eslint/*', '@typescript-eslint/*'], message: 'Only front ends and `project` know a compiler: put what you need into the FileSummary.' }],
};

export default defineConfig(
  globalIgnores(['dist', 'coverage', 'fixtures', '**/node_modules']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'no-control-regex': 'error',
      'no-else-return': 'error',
      'no-template-curly-in-string': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers in messages are wanted.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => list.push(x)` says what it does.
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
  {
    // Same input, same bytes out: the analysis asks neither clock nor chance nor locale.
    files: ['src/**/*.ts', 'rules/**/*.ts'],
    ignores: ['src/block/**', 'src/runtime/**', 'src/cli/bin.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'Date', message: 'Take the clock as an argument.' }, { name: 'console', message: 'Return a value; `cli` prints.' }],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Two runs must give the same bytes.' },
        { property: 'localeCompare', message: 'Compare by code unit: a locale makes the order depend on the machine.' },
      ],
    },
  },
  {
    files: ['src/{model,classify,link,callgraph,propagate,policy,report,config}/**/*.ts', 'rules/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', noCompiler] },
  },
  {
    files: ['src/{model,classify,link,callgraph,propagate,policy,report,frontend,engine}/**/*.ts', 'rules/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'process', message: 'Take what you need as an argument.' }, { name: 'Date', message: 'Take the clock as an argument.' }, { name: 'console', message: 'Return a value; `cli` prints.' }],
    },
  },
  {
    // The nodes of ts-morph are told apart by static guards of their own base class, which this rule takes for a mistake.
    files: ['src/fix/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  {
    files: ['src/eslint/**/*.ts', 'test/eslint/**/*.ts'],
    extends: [eslintPlugin.configs.all],
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // The demonstration and the benchmark print.
      'no-console': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-template-curly-in-string': 'off',
    },
  },
);
