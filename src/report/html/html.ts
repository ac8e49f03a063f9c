/**
 * The report as one page that needs nothing else: no network, no other file.
 *
 * In: a `Report`, the `Audit` where there is one, and the page, as the build made it of `app`. Out: HTML that ends with a newline.
 */
import type { Report } from '../../model/finding.ts';
import { packPage, type PackOptions } from './pack.ts';

export interface HtmlOptions extends PackOptions {
  /** The page without data. */
  readonly template: string;
}

/** Where the data goes; the build leaves it in the page. */
const PLACE = '<!-- gsio:data -->';

export function formatHtml(report: Report, options: HtmlOptions): string {
  const json = inScript(JSON.stringify(packPage(report, options)));
  const [before, after] = options.template.split(PLACE);
  if (before === undefined || after === undefined) throw new Error('the page of the report has no place for data');
  return `${before}<script type="application/json" id="gsio-data">${json}</script>${after}`;
}

/** Nothing in a name or a line of source can end the element that holds the data, or begin another one; and no character is invisible. */
function inScript(json: string): string {
   
  return json.replace(/[<>&\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
