import { setTimeout as delay } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { PATIENCE_MS } from '../../support/patience.ts';

/** Temporal's UI as a person uses it: by what is written on its buttons. */
export interface TemporalUi {
  readonly page: Page;
  /** A tab of a deployment: `Timeline`, `User Metadata`. */
  tab(name: string): Promise<void>;
  /** The status beside the workflow's id: `Running`. */
  untilStatus(status: string): Promise<void>;
  /** The current details, read again until this is in them. They do not refresh by themselves. */
  untilDetails(wanted: string | RegExp): Promise<string>;
  /** The form of *More Actions*, with this message chosen and this text as its data. */
  message(kind: Kind, name: string, data: string): Promise<Locator>;
  /** What the form of *More Actions* offers, with the descriptions. */
  offered(kind: Kind): Promise<string[]>;
}

type Kind = keyof typeof FORMS;
const FORMS = { signal: ['Send a Signal', 'Select a signal'], update: ['Send an Update', 'Select an Update'] } as const;

const ASK_EVERY_MS = 250;

export function useTemporalUi(page: Page): TemporalUi {
  const open = async (kind: Kind): Promise<Locator> => {
    const [title, choose] = FORMS[kind];
    await page.getByRole('button', { name: 'More Actions' }).click();
    await page.getByRole('menuitem', { name: title }).click();
    const form = page.getByRole('dialog', { name: title });
    await form.getByRole('button', { name: choose }).click();
    await form.getByRole('option').first().waitFor();
    return form;
  };

  return {
    page,
    tab: (name) => page.getByRole('tab', { name }).click(),
    untilStatus: (status) => page.getByRole('main').getByRole('status').getByText(status, { exact: true }).waitFor(),
    untilDetails: async (wanted) => {
      const details = page.frameLocator('#user-metadata-current-details').locator('body');
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const text = await details.innerText();
        if (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)) return text;
        if (Date.now() > deadline) throw new Error(`the details never said ${wanted}, but:\n${text}`);
        await page.keyboard.press('r');
        await delay(ASK_EVERY_MS);
      }
    },
    message: async (kind, name, data) => {
      const form = await open(kind);
      await form.getByRole('option', { name }).click();
      const field = form.getByRole('textbox', { name: 'Data' });
      await field.fill(data);
      // Leaving the field lays the text out anew, which moves the buttons: a person's first click only does that.
      await field.blur();
      return form;
    },
    offered: async (kind) => {
      const form = await open(kind);
      const options = await form.getByRole('option').allInnerTexts();
      await form.getByRole('button', { name: 'Cancel' }).last().click();
      return options;
    },
  };
}
