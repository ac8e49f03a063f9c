/**
 * Chromium, as Debian packages it, with no network: a page that asks for anything beyond its own file fails the test, and so does one that
 * complains on its console.
 */
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';

const PLACES = [process.env['CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Undefined where there is none. */
export const chromiumPath: string | undefined = PLACES.find((file) => file !== '' && fs.existsSync(file));

if (chromiumPath === undefined) console.log('Chromium is not installed (Debian: apt-get install chromium); the tests of the report page are skipped.');

export function launch(): Promise<Browser> {
  // In a container there is no sandbox for the browser.
  return chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] });
}

export interface Opened {
  readonly page: Page;
  /** What went wrong so far: errors, warnings on the console, requests. */
  readonly faults: readonly string[];
}

export async function open(browser: Browser, file: string, hash = '', options: { readonly dark?: boolean; readonly width?: number } = {}): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: options.width ?? 1280, height: 900 }, colorScheme: options.dark === true ? 'dark' : 'light' });
  const address = pathToFileURL(file).href;
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => faults.push(`console: ${message.text()}`));
  page.on('request', (request) => { if (request.url().split('#')[0] !== address) faults.push(`request: ${request.url()}`); });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${address}${hash}`);
  await page.locator('main h1').waitFor();
  return { page, faults };
}
