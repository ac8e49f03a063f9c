/**
 * The compiler that the command brings along: the one inside ts-morph, whatever version the user has installed.
 *
 * Instances must not mix, so everything in `project` and everything it hands on works with this one.
 */
import { createRequire } from 'node:module';
import type * as common from '@ts-morph/common';
import type typescript from 'typescript';

// An import would read twelve megabytes of code twice: to find out what a CommonJS module exports, its text is searched.
const bundled = createRequire(import.meta.url)('@ts-morph/common') as typeof common;

export const { getLibFiles, libFolderInMemoryPath } = bundled;
// The two declare the same API under different names.
export const ts = bundled.ts as unknown as typeof typescript;
export type { typescript };

/** The text of a diagnostic on one line, without a full stop. */
export function diagnosticText(diagnostic: typescript.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ').replace(/\s+/g, ' ').replace(/\.$/, '');
}
