/** All formats of a report, by name. A format gets the report and what a shell knows, and reads nothing itself. */
import type { Level, Report } from '../model/finding.ts';
import { formatGithub } from './github.ts';
import { formatGitlab } from './gitlab.ts';
import { formatHtml } from './html/html.ts';
import { formatJson } from './json.ts';
import { formatJunit } from './junit.ts';
import { formatMarkdown } from './markdown.ts';
import { formatPretty } from './pretty.ts';
import { relocate } from './relocate.ts';
import { formatSarif, type RuleText } from './sarif.ts';

export const FORMATS = ['pretty', 'json', 'sarif', 'github', 'gitlab', 'junit', 'markdown', 'html'] as const;
export type Format = (typeof FORMATS)[number];

export interface RenderOptions {
  readonly version: string;
  readonly rules: readonly RuleText[];
  /** Whether a finding of the level fails the check. */
  readonly fails: (level: Level) => boolean;
  readonly colour: boolean;
  /** Lists the calls without a known target. */
  readonly unresolved: boolean;
  /** The way from the root of the repository to the folder that the report's names are relative to: `''` or `packages/disk/`. */
  readonly prefix: string;
  /** The name of the project, for a heading. */
  readonly project: string;
  /** The page of the report without data. */
  readonly page: () => string;
  /** The text of a file of the report; undefined where it cannot be read. */
  readonly readSource: (file: string) => string | undefined;
}

export function render(format: Format, report: Report, options: RenderOptions): string {
  switch (format) {
    case 'pretty': return formatPretty(report, options);
    case 'json': return formatJson(report, options);
    case 'sarif': return formatSarif(relocate(report, options.prefix), options);
    case 'github': return formatGithub(relocate(report, options.prefix));
    case 'gitlab': return formatGitlab(relocate(report, options.prefix));
    case 'junit': return formatJunit(relocate(report, options.prefix), options);
    case 'markdown': return formatMarkdown(relocate(report, options.prefix));
    case 'html': return formatHtml(report, { ...options, template: options.page(), audit: null, trend: null });
  }
}
