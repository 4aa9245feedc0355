import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LittleProduction } from '../support/little-production.ts';
import { useTemporal } from '../support/temporal.ts';
import { appeared, eventsOf } from './support/events.ts';
import { approve, atOnce, attest, GREEN, replaceWorker, type Scene, startScene } from './support/scene.ts';
import { everything, sample, seed, seeded } from './support/seed.ts';
import { type Account, accountOf } from './support/witness.ts';

/** Invariant 11: a worker that is killed at any moment, any number of times, changes nothing about the outcome. */

const temporal = useTemporal();
const ALL_MS = 3_600_000;
const SAMPLE_MS = 900_000;
const IN_A_SAMPLE = 2;
/** Most of a run is waiting for a lost worker to be missed. */
const AT_ONCE = 8;

/** The longest soak outlasts a lost worker, as a real one does by far. */
const CHANGES = {
  traffic: [
    { percentage: 50, soak: '4s', approval: {} },
    { percentage: 100, soak: '4s' },
  ],
  recovery: { guard: '1s' },
};

interface Story {
  readonly name: string;
  readonly prepare: (production: LittleProduction) => void;
  /** What people do in it. */
  readonly people: (scene: Scene) => Promise<unknown>;
  readonly account: Account;
}

const STORIES: readonly Story[] = [
  {
    name: 'a healthy deployment',
    prepare: () => {},
    people: approve,
    account: { outcome: 'completed', effects: [`deploy ${GREEN}`, 'shift 50', 'shift 100'], greenShare: 1 },
  },
  {
    name: 'one that breaches',
    prepare: (production) => production.fail(GREEN, 0.5),
    people: async () => {},
    account: {
      outcome: 'DeploymentRolledBack',
      cause: 'breach',
      effects: [`deploy ${GREEN}`, 'shift 50', 'rollback blue'],
      greenShare: 0,
    },
  },
];

/** One run of a story. `kill` gets the scene as soon as it has begun. */
async function run<Result>(story: Story, kill: (scene: Scene) => Promise<Result>): Promise<[Account, Result]> {
  const scene = await startScene({ client: temporal.client(), prepare: story.prepare, changes: CHANGES });
  const play = async (): Promise<Account> => {
    await attest(scene);
    await story.people(scene);
    return await accountOf(scene);
  };
  try {
    return await Promise.all([play(), kill(scene)]);
  } finally {
    await scene.close();
  }
}

/** What an undisturbed run is like. */
async function undisturbed(story: Story): Promise<{ account: Account; events: number[] }> {
  const [account, events] = await run(story, async ({ handle }) => {
    const seen: number[] = [];
    for await (const event of eventsOf(handle)) seen.push(Number(event.eventId));
    return seen;
  });
  return { account, events: events.slice(0, -1) }; // with the last one it is closed
}

/** What was different from the undisturbed run, in words; nothing if it was the same. */
async function difference(
  story: Story,
  expected: Account,
  kill: (scene: Scene) => Promise<string>,
): Promise<string | undefined> {
  let at = 'some moment';
  try {
    const [account] = await run(story, async (scene) => (at = await kill(scene)));
    expect(account).toEqual(expected);
    return undefined;
  } catch (error) {
    return `${story.name}, killed at ${at}: ${String(error)}`;
  }
}

const at =
  (event: number) =>
  async (scene: Scene): Promise<string> => {
    const name = await appeared(scene.handle, event);
    if (name !== undefined) await replaceWorker(scene);
    return `event ${event}, ${name}`;
  };

const afterPauses =
  (pauses: readonly number[]) =>
  async (scene: Scene): Promise<string> => {
    for (const pause of pauses) {
      await sleep(pause);
      await replaceWorker(scene);
    }
    return `pauses of ${pauses.join(', ')} ms`;
  };

test(
  `killed at ${everything ? 'every event' : `some events (${seeded})`}: the same outcome by the same effects, no count lost or doubled`,
  async () => {
    const plain = await Promise.all(STORIES.map(undisturbed));
    expect(plain.map(({ account }) => account)).toEqual(STORIES.map(({ account }) => account));
    const kills = plain.flatMap(({ account, events }, index) =>
      sample(events, IN_A_SAMPLE).map((event) => ({ story: STORIES[index], event, account })),
    );
    const problems = await atOnce(kills, AT_ONCE, async ({ story, event, account }) =>
      story ? difference(story, account, at(event)) : undefined,
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
    if (everything) process.stderr.write(`killed at each of ${kills.length} events\n`);
  },
  everything ? ALL_MS : SAMPLE_MS,
);

/** So many runs of each story; in each, the pauses between one kill and the next. */
const MOMENTS = fc.sample(fc.array(fc.nat(8_000), { minLength: 2, maxLength: 4 }), {
  seed,
  numRuns: everything ? 8 : 1,
});

test(
  `killed again and again at random moments (${seeded}): the same`,
  async () => {
    const runs = STORIES.flatMap((story) => MOMENTS.map((pauses) => ({ story, pauses })));
    const problems = await atOnce(runs, AT_ONCE, ({ story, pauses }) =>
      difference(story, story.account, afterPauses(pauses)),
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  },
  everything ? ALL_MS : SAMPLE_MS,
);
