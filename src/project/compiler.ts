/**
 * The compiler that the command brings along: the one inside ts-morph, whatever version the user has installed.
 *
 * Instances must not mix, so everything in `project` and everything it hands on works with this one.
 */
import type typescript from 'typescript';
import { ts as bundled } from 'ts-morph';

// The two declare the same API under different names.
export const ts = bundled as unknown as typeof typescript;
export type { typescript };

/** The text of a diagnostic on one line, without a full stop. */
export function diagnosticText(diagnostic: typescript.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ').replace(/\s+/g, ' ').replace(/\.$/, '');
}
