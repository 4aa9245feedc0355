import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { findProgram } from '../../src/processes/find-program.ts';
import { describeWith } from './installed.ts';
import { PATIENCE_MS } from './patience.ts';

const CHROMIUM = await findProgram(process.env['CHROMIUM_PATH'] ?? 'chromium', process.env['PATH']);

export const describeWithChromium = describeWith(CHROMIUM, 'chromium');

/** As large as the docs' pictures. */
const VIEWPORT = { width: 1280, height: 1100 };
/** A page may ask for news and fonts from elsewhere; a test does not. */
const ONLY_THIS_MACHINE = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1';

/** A headless browser for a test file. @returns opens a page; what a test opened is closed after it. */
export function useBrowser(): () => Promise<Page> {
  let browser: Browser;
  beforeAll(async () => {
    if (CHROMIUM === undefined)
      throw new Error('chromium has to be on the PATH: run scripts/support/install-debian.sh');
    // As root, as in most CI, Chromium's own sandbox does not start.
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      chromiumSandbox: process.getuid?.() !== 0,
      args: [ONLY_THIS_MACHINE],
    });
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
  afterAll(() => browser.close());

  return async () => {
    const page = await browser.newPage({ viewport: VIEWPORT, timezoneId: 'UTC' });
    page.setDefaultTimeout(PATIENCE_MS);
    return page;
  };
}

/** With SCREENSHOTS=1 what is shown becomes a picture of the docs; otherwise the committed one stands. */
export async function keepPicture(shown: Page | Locator, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] !== '1') return;
  const page = 'page' in shown ? shown.page() : shown;
  // A click may have scrolled the page aside.
  await page.evaluate("for (const one of document.querySelectorAll('*')) one.scrollLeft = 0");
  await shown.screenshot({ path: fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url)) });
}
