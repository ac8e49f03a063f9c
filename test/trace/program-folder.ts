/** A project in a folder of its own, with the packages that it needs to run. */
import fs from 'node:fs';
import path from 'node:path';
import { ts } from '../../src/project/compiler.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const PACKAGES = ['@types/node', 'jiti', 'typescript', 'vitest'];

/** Node.js with a loader for TypeScript; the name of the program follows. */
export const RUN_TYPESCRIPT = [process.execPath, 'node_modules/jiti/lib/jiti-cli.mjs'];

export function programFolder(files: Readonly<Record<string, string>>, options: object = {}): string {
  const runtime = fs.readFileSync(path.join(REPOSITORY, 'src/runtime/index.ts'), 'utf8');
  const compilerOptions = {
    strict: true, target: 'es2022', lib: ['es2023'], module: 'nodenext', moduleResolution: 'nodenext', allowImportingTsExtensions: true, types: ['node'], skipLibCheck: true, noEmit: true,
    ...('outDir' in options ? { noEmit: false, allowImportingTsExtensions: false } : {}), ...options,
  };
  const folder = temporaryFolder({
    'package.json': '{ "name": "program", "private": true, "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions }),
    'node_modules/gsio/package.json': '{ "name": "gsio", "type": "module", "exports": { "./runtime": "./runtime.js" } }',
    'node_modules/gsio/runtime.js': ts.transpileModule(runtime, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } }).outputText,
    ...files,
  });
  for (const name of PACKAGES) {
    fs.mkdirSync(path.dirname(path.join(folder, 'node_modules', name)), { recursive: true });
    fs.symlinkSync(path.join(REPOSITORY, 'node_modules', name), path.join(folder, 'node_modules', name), 'dir');
  }
  return folder;
}
