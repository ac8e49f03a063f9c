/**
 * The instance of the compiler that made a program.
 *
 * The parser hands out programs without their compiler, and instances must not mix: the kinds of syntax nodes are numbers
 * that differ between versions. A candidate is right when the program's files are objects of its own class.
 * In: a source file of the program. Out: the compiler, or an error in one sentence.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type ts from 'typescript';
import { ProjectError } from '../model/errors.ts';

/** Part of the compiler since long before 5.4, if not of its declared API. */
interface Allocating {
  readonly objectAllocator?: { getSourceFileConstructor?(): unknown };
}

const found = new Map<unknown, typeof ts>();

export function compilerOf(source: ts.SourceFile): typeof ts {
  const made: unknown = source.constructor;
  let compiler = found.get(made);
  if (compiler === undefined) {
    compiler = search(made);
    found.set(made, compiler);
  }
  return compiler;
}

function search(made: unknown): typeof ts {
  for (const candidate of candidates()) {
    if (isCompiler(candidate) && candidate.objectAllocator?.getSourceFileConstructor?.() === made) return candidate;
  }
  throw new ProjectError(
    'unknown-compiler',
    'gsio cannot find the TypeScript that made this program; it works with the JavaScript versions 5.4 to 6.0, as typescript-eslint uses them.',
    'Install typescript 5.4 to 6.0 beside the parser.',
  );
}

/** What the parser of the user's project would load, then whatever has been loaded in this process. */
function* candidates(): Generator {
  for (const base of [path.join(process.cwd(), 'eslint.config.js'), import.meta.url]) {
    for (const chain of [['typescript-eslint', '@typescript-eslint/parser', '@typescript-eslint/typescript-estree'], ['@typescript-eslint/parser', '@typescript-eslint/typescript-estree'], []]) {
      try {
        let from = createRequire(base);
        for (const name of chain) from = createRequire(from.resolve(name));
        yield from('typescript');
      } catch {
        // Not installed there.
      }
    }
  }
  for (const module of Object.values(createRequire(import.meta.url).cache)) if (module !== undefined) yield module.exports;
}

function isCompiler(value: unknown): value is typeof ts & Allocating {
  return typeof value === 'object' && value !== null && 'objectAllocator' in value && 'createProgram' in value;
}
