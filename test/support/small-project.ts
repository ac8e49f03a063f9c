/** A project small enough to be analysed hundreds of times: one way from I/O code to GS code; with the further files also slots, callbacks, coroutines, checks. */

export const TSCONFIG = '{ "compilerOptions": { "strict": true, "target": "es2022", "lib": ["es2022"], "module": "nodenext", "allowImportingTsExtensions": true, "noEmit": true, "types": [], "moduleDetection": "force" }, "include": ["**/*.ts"] }';
export const FILES = {
  'tsconfig.json': TSCONFIG,
  'package.json': '{ "type": "module" }',
  'disk.ts': "import { grow } from './grow.ts';\n/** @io */\nexport function writeSector(): void {\n  grow();\n}\n",
  'grow.ts': "import { resizeImage } from './image.ts';\nexport function grow(): void {\n  resizeImage();\n}\n",
  'image.ts': "import { GLOBAL_STATE_CODE } from './assertions.ts';\n/** @globalState */\nexport function resizeImage(): void {\n  GLOBAL_STATE_CODE();\n}\n",
  'assertions.ts': '/** @asserts globalState */\nexport function GLOBAL_STATE_CODE(): void {}\n/** @mainThreadCheck */\nexport function inMainThread(): boolean { return true; }\n',
};

export const FURTHER_FILES = {
  'queue.ts': "import { resizeImage } from './image.ts';\nexport interface Driver {\n  /** @io */\n  read(at: number): void;\n  /** @globalState */\n  close?(): void;\n}\nexport class Raw implements Driver {\n  read(at: number): void {\n    if (at > 0) resizeImage();\n  }\n  close(): void {\n    resizeImage();\n  }\n}\nexport const drivers: Driver[] = [new Raw()];\n",
  'poll.ts': "import { drivers } from './queue.ts';\nimport { grow } from './grow.ts';\nimport { inMainThread } from './assertions.ts';\n/** @runs callback io */\nfunction schedule(callback: () => void): void {\n  callback();\n}\nexport function poll(): void {\n  schedule(() => {\n    for (const driver of drivers) driver.read(1);\n    if (inMainThread()) grow();\n  });\n}\n/** @coroutine */\nexport async function pollLater(): Promise<void> {\n  await null;\n  poll();\n}\n",
};
