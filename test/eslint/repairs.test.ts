/** Fixes and suggestions: what the code looks like afterwards. */
import path from 'node:path';
import { RuleTester } from 'eslint';
import tseslint from 'typescript-eslint';
import { afterAll, describe, it } from 'vitest';
import gsio from '../../src/eslint/index.ts';
import { FIXTURES } from '../support/fixture-programs.ts';

RuleTester.describe = describe;
RuleTester.it = it;
RuleTester.itOnly = it.only;
Object.assign(RuleTester, { afterAll });

const tester = new RuleTester({
  plugins: { gsio },
  languageOptions: {
    parser: tseslint.parser,
    parserOptions: { projectService: { allowDefaultProject: ['*.ts'] }, tsconfigRootDir: FIXTURES, disallowAutomaticSingleRunInference: true },
  },
});

function run(rule: string, tests: { valid?: RuleTester.ValidTestCase[]; invalid: RuleTester.InvalidTestCase[] }): void {
  const module = gsio.rules[rule];
  if (module === undefined) throw new Error(`There is no rule ${rule}.`);
  const named = <Test extends object>(test: Test): Test => ({ filename: path.join(FIXTURES, 'edited.ts'), ...test });
  tester.run(rule, module, { valid: (tests.valid ?? []).map(named), invalid: tests.invalid.map(named) });
}

const finding = { messageId: 'finding' } as const;

run('missing-assertion', {
  valid: [{ code: "import { GLOBAL_STATE_CODE } from 'gsio/runtime';\n/** @globalState */\nexport function resize(): void {\n  GLOBAL_STATE_CODE();\n}\n" }],
  invalid: [
    {
      name: 'imports the assertion and puts it first',
      code: 'import { disk } from "./disk.ts"\n\n/** @globalState */\nexport function resize(): void {\n  disk.size = 1;\n}\n',
      output: 'import { GLOBAL_STATE_CODE } from "gsio/runtime"\nimport { disk } from "./disk.ts"\n\n/** @globalState */\nexport function resize(): void {\n  GLOBAL_STATE_CODE();\n  disk.size = 1;\n}\n',
      errors: [finding],
    },
    {
      name: 'adds to an import that is there, for methods, constructors, accessors and one-liners',
      code: "import { inMainThread } from 'gsio/runtime';\n/** @globalState */\nexport class Disk {\n  size = Number(inMainThread());\n  resize(): void {\n    // Later.\n  }\n  constructor() {}\n  get mode(): number { return 1; }\n}\n",
      // The others wait for the next round, when the import is there.
      output: "import { inMainThread, GLOBAL_STATE_CODE } from 'gsio/runtime';\n/** @globalState */\nexport class Disk {\n  size = Number(inMainThread());\n  resize(): void {\n    GLOBAL_STATE_CODE();\n    // Later.\n  }\n  constructor() {}\n  get mode(): number { return 1; }\n}\n",
      errors: [finding, finding, finding],
    },
    {
      name: 'uses the name of the import, keeps directives first, and gives arrows a body',
      code: "import { GLOBAL_STATE_CODE as mainOnly } from 'gsio/runtime';\n/** @globalState */\nexport const size = (): object => ({ size: 1 });\n/** @globalState */\nexport function strict(): void {\n  'use strict';\n}\n",
      output: "import { GLOBAL_STATE_CODE as mainOnly } from 'gsio/runtime';\n/** @globalState */\nexport const size = (): object => {\n  mainOnly();\n  return ({ size: 1 });\n};\n/** @globalState */\nexport function strict(): void {\n  'use strict';\n  mainOnly();\n}\n",
      errors: [finding, finding],
    },
    {
      name: 'leaves the comment of a module first, and that of a function at its function',
      code: '/**\n * @module\n * @globalState\n */\n\n/** Grows it. */\nexport function resize(): void {\r\n}\n',
      output: "/**\n * @module\n * @globalState\n */\n\nimport { GLOBAL_STATE_CODE } from 'gsio/runtime';\r\n/** Grows it. */\nexport function resize(): void {\r\n  GLOBAL_STATE_CODE();\r\n}\n",
      errors: [finding],
    },
    {
      name: 'takes the assertion of the project where the file knows it',
      code: "import { assertBigLock } from './lock.ts';\n/** @globalState */\nexport function resize(): void {\n  void 0;\n}\nvoid assertBigLock;\n",
      settings: { gsio: { assertions: { assertBigLock: 'globalState' } } },
      output: "import { assertBigLock } from './lock.ts';\n/** @globalState */\nexport function resize(): void {\n  assertBigLock();\n  void 0;\n}\nvoid assertBigLock;\n",
      errors: [finding],
    },
    {
      name: 'changes nothing where the name means something else',
      code: 'const GLOBAL_STATE_CODE = 1;\n/** @globalState */\nexport function resize(): number {\n  return GLOBAL_STATE_CODE;\n}\n',
      output: null,
      errors: [finding],
    },
    {
      name: 'makes no module of a script',
      code: '/** @globalState */\nfunction resize(): void {\n  resize();\n}\n',
      output: null,
      errors: [finding],
    },
  ],
});

const PLACED = "import { GLOBAL_STATE_CODE } from 'gsio/runtime';\nlet size = 0;\n/** @globalState */\nexport function resize(disk: number): void {\n";
run('assertion-placement', {
  invalid: [
    {
      name: 'moves a late assertion to the start',
      code: `${PLACED}  size = disk;\n  GLOBAL_STATE_CODE();\n}\n`,
      output: `${PLACED}  GLOBAL_STATE_CODE();\n  size = disk;\n}\n`,
      errors: [finding],
    },
    {
      name: 'removes one too many',
      code: `${PLACED}  GLOBAL_STATE_CODE();\n  GLOBAL_STATE_CODE(); // again\n  size = disk;\n}\n`,
      output: `${PLACED}  GLOBAL_STATE_CODE();\n   // again\n  size = disk;\n}\n`,
      errors: [finding],
    },
    {
      name: 'suggests to move it out of a condition',
      code: `${PLACED}  if (disk > 0) {\n    GLOBAL_STATE_CODE();\n  }\n  size = disk;\n}\n`,
      errors: [{
        ...finding,
        suggestions: [{
          messageId: 'repair',
          data: { repair: 'Move the assertion to the start of the body.' },
          output: `${PLACED}  GLOBAL_STATE_CODE();\n  if (disk > 0) {\n  }\n  size = disk;\n}\n`,
        }],
      }],
    },
  ],
});

run('invalid-annotation', {
  invalid: [
    { name: 'corrects the case of a tag', code: 'export {};\n/** @globalstate */\nexport declare function resize(): void;\n', output: 'export {};\n/** @globalState */\nexport declare function resize(): void;\n', errors: [finding] },
    {
      name: 'suggests what a misspelt tag may have meant',
      code: 'export {};\n/** @globlState */\nexport declare function resize(): void;\n',
      output: null,
      errors: [{ ...finding, suggestions: [{ messageId: 'repair', data: { repair: 'Write @globalState.' }, output: 'export {};\n/** @globalState */\nexport declare function resize(): void;\n' }] }],
    },
    { name: 'knows no repair for tags that contradict each other', code: 'export {};\n/** @io @globalState */\nexport declare function resize(): void;\n', output: null, errors: [finding] },
  ],
});

const GUARDED = "import { IO_CODE } from 'gsio/runtime';\n/** @globalState */\ndeclare function resize(): Promise<number>;\n/** @io */\nexport async function write(): Promise<void> {\n  IO_CODE();\n";
const WAIVE = { messageId: 'repair', data: { repair: 'Waive gs-from-io here, with a reason to be filled in.' } } as const;
const GUARD = { messageId: 'repair', data: { repair: 'Call it only where the main thread runs.' } } as const;
run('gs-from-io', {
  valid: [{ code: `${GUARDED}  await resize(); // gsio-allow gs-from-io -- the caller holds the lock\n}\n` }],
  invalid: [
    {
      name: 'suggests a check around a statement, and a waiver',
      code: `${GUARDED}  await resize();\n}\n`,
      errors: [{
        ...finding,
        suggestions: [
          { ...GUARD, output: `${GUARDED.replace('IO_CODE }', 'IO_CODE, inMainThread }')}  if (inMainThread()) await resize();\n}\n` },
          { ...WAIVE, output: `${GUARDED}  // gsio-allow gs-from-io -- \n  await resize();\n}\n` },
        ],
      }],
    },
    {
      name: 'suggests a waiver alone where the result is used',
      code: `${GUARDED}  void [await resize()];\n}\n`,
      errors: [{ ...finding, suggestions: [{ ...WAIVE, output: `${GUARDED}  // gsio-allow gs-from-io -- \n  void [await resize()];\n}\n` }] }],
    },
    {
      name: 'puts no comment into a template',
      code: `${GUARDED}  void \`sectors: \n\${await resize()}\`;\n}\n`,
      errors: [finding],
    },
  ],
});

run('unused-waiver', {
  valid: [{ code: 'export {};\n// eslint-disable-next-line gsio/gs-from-io\nvoid 0;\n', options: [{ disableComments: false }] }],
  invalid: [
    { code: 'export {};\n// eslint-disable-next-line gsio/gs-from-io\nvoid 0;\n', errors: [finding] },
    { code: 'export {};\n// gsio-allow gs-from-io -- nobody calls it\nvoid 0;\n', options: [{ disableComments: false }], errors: [finding] },
  ],
});
