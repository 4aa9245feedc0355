import { constants } from 'node:fs';
import { access, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  commandFailed,
  type Evidence,
  type Observation,
  type Problem,
  type Router,
  routerKind,
  type Slots,
  type TrafficShares,
  trafficDisagrees,
} from '../../plugin/index.ts';
import { fenced } from '../../processes/index.ts';
import { messageOf, type RunContext } from '../../util/index.ts';
import { ask, change, countSessions, readBalance, readServers, type ServerState } from './runtime-api.ts';
import { schema } from './schema.ts';
import { readVersions, type SlotVersion, slotsOf, wordsOf } from './versions.ts';
import { sharesOf, weightsFor } from './weights.ts';

/** Algorithms by which the weights of servers are not the shares of requests, or cannot be changed. */
const UNWEIGHTED = ['static-rr', 'first', 'source', 'uri', 'url_param', 'hdr', 'rdp-cookie'];

/** Folders in memory. */
const VOLATILE = /^\/(var\/run|run|dev\/shm)\//;

const BETWEEN_COUNTS_MS = 250;

/**
 * The weights of servers in running HAProxy processes. Two slots take turns; which version is in which is read from the
 * application, and the weights from HAProxy: nothing is remembered.
 */
export const haproxyRouter = routerKind({
  kind: 'haproxy',
  summary: 'The worker sets the weights of servers in HAProxy, over its runtime API.',
  secretKeys: ['sockets', 'version'],
  schema,
  create(config, { target }): Router {
    const { sockets, backend, slots, stateFile, drain } = config;
    const serversOf = (slot: string) => slots[slot]?.servers ?? [];

    async function setWeights(percentage: number, signal: AbortSignal): Promise<Evidence> {
      const found = percentage > 0 ? await readVersions(config, target, signal) : await readApart(signal);
      const { blue, green } = slotsOf(found, target, { greenIsNeeded: percentage > 0 });
      const counts = { blue: serversOf(blue).length, green: serversOf(green).length };
      const weights = weightsFor(percentage, counts);
      const share = sharesOf(
        new Map([
          [blue, weights.blue * counts.blue],
          [green, weights.green * counts.green],
        ]),
      )?.get(green);
      if (share !== percentage)
        throw commandFailed(
          `HAProxy cannot set ${percentage} % with ${counts.blue} servers of blue and ${counts.green} of green: weights go up to 256`,
        );
      // What gets more comes first, so that there is always a server with a weight.
      const changes = [
        ...serversOf(blue).map((name) => ({ name, weight: weights.blue })),
        ...serversOf(green).map((name) => ({ name, weight: weights.green })),
      ].sort((a, b) => b.weight - a.weight);
      const setIn = (socket: string): Promise<Evidence> =>
        inProcess(socket, signal, async () => {
          const states = await statesOf(socket, signal);
          // A rollback does what it can; what is read back afterwards decides.
          if (percentage > 0) usable(states, serversOf(green), green);
          for (const { name, weight } of changes)
            await change(socket, `set server ${backend}/${name} weight ${weight}`, signal);
          try {
            await saveState(socket, signal);
            return [];
          } catch (error) {
            signal.throwIfAborted();
            // The traffic is where it has to be: a rollback goes on.
            if (percentage > 0) throw error;
            return [
              { what: 'weights over a reload', measured: `lost: ${stateFile} is not written: ${messageOf(error)}` },
            ];
          }
        });
      const noted: Evidence[] = [];
      if (percentage > 0) for (const socket of sockets) noted.push(await setIn(socket));
      else noted.push(...(await allOf(sockets.map(setIn))));
      return [
        {
          what: 'weights in HAProxy',
          measured: `${blue} (${target.blue}) ${weights.blue}, ${green} (${target.green}) ${weights.green}, for each server, in ${sockets.length === 1 ? '1 process' : `${sockets.length} processes`}`,
        },
        ...noted.flat(),
      ];
    }

    /** Does something with one process, and says in a failure which one it is. */
    async function inProcess<T>(socket: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (sockets.length === 1) throw error;
        throw commandFailed(`HAProxy ${sockets.indexOf(socket) + 1} of ${sockets.length}: ${messageOf(error)}`);
      }
    }

    /** The servers of both slots. @throws ApplicationFailure `CommandFailed` if one is missing. */
    async function statesOf(socket: string, signal: AbortSignal): Promise<Map<string, ServerState>> {
      const states = new Map((await readServers(socket, backend, signal)).map((state) => [state.name, state]));
      for (const name of Object.keys(slots).flatMap(serversOf))
        if (!states.has(name))
          throw commandFailed(
            `HAProxy has no server "${name}" in backend "${backend}", only ${[...states.keys()].join(', ')}: correct router.slots`,
          );
      return states;
    }

    /** @throws ApplicationFailure `CommandFailed` if a server is kept from traffic, or HAProxy sees none up. */
    function usable(states: ReadonlyMap<string, ServerState>, servers: readonly string[], slot: string): void {
      const kept = servers.filter((name) => states.get(name)?.maintenance || states.get(name)?.draining);
      if (kept.length > 0)
        throw commandFailed(
          `the server ${backend}/${kept[0]} of ${slot} is kept from traffic by hand: "set server ${backend}/${kept[0]} state ready" ends that`,
        );
      if (servers.length > 0 && servers.every((name) => !states.get(name)?.up))
        throw commandFailed(`HAProxy sees no server of ${slot} up: ${servers.join(', ')}`);
    }

    /** As HAProxy reads it after a reload. Not by halves: a reload may come at any moment. */
    async function saveState(socket: string, signal: AbortSignal): Promise<void> {
      if (stateFile === undefined || socket !== sockets[0]) return;
      const state = await ask(socket, 'show servers state', signal);
      await writeFile(`${stateFile}.new`, `${state}\n`);
      await rename(`${stateFile}.new`, stateFile);
    }

    /** The shares of both slots, which all processes have to agree on. */
    async function readShares(signal: AbortSignal): Promise<Map<string, number>> {
      const all = await Promise.all(
        sockets.map((socket) =>
          inProcess(socket, signal, async () => {
            const states = await statesOf(socket, signal);
            const weightOf = (name: string) => {
              const state = states.get(name);
              return state && !state.maintenance && !state.draining ? state.weight : 0;
            };
            const weights = new Map(
              Object.keys(slots).map((slot) => [slot, serversOf(slot).reduce((sum, name) => sum + weightOf(name), 0)]),
            );
            const shares = sharesOf(weights);
            if (!shares)
              throw commandFailed(
                `no server of backend "${backend}" gets any requests: all have the weight 0, are drained or in maintenance`,
              );
            return shares;
          }),
        ),
      );
      const [first = new Map<string, number>(), ...others] = all;
      const inWords = (shares: ReadonlyMap<string, number>) =>
        [...shares].map(([slot, share]) => `${slot} ${share} %`).join(', ');
      const differs = others.find((shares) => inWords(shares) !== inWords(first));
      if (differs)
        throw trafficDisagrees(
          `the HAProxy processes do not agree: one has ${inWords(first)}, another ${inWords(differs)}`,
        );
      return first;
    }

    /**
     * What is in the slots. Until green is deployed both may have blue's version: blue's is the one that gets all requests,
     * and the other one is free.
     */
    async function readApart(signal: AbortSignal): Promise<SlotVersion[]> {
      const found = await readVersions(config, target, signal);
      const blue = target.blue || found[0]?.version;
      if (found.some(({ version }) => version === undefined || version !== blue)) return found;
      const shares = await readShares(signal);
      const isFree = ({ slot }: SlotVersion) => shares.get(slot) === 0;
      return found.map((each) => (isFree(each) ? { slot: each.slot, problem: 'free' } : each));
    }

    return {
      setTraffic: (operation, percentage, run) =>
        fenced(operation, run, ({ signal }) => setWeights(percentage, signal)),

      async readTraffic({ signal }): Promise<TrafficShares> {
        const [shares, found] = await Promise.all([readShares(signal), readVersions(config, target, signal)]);
        const traffic = new Map<string, number>();
        for (const { slot, version = `unknown version in ${slot}` } of found) {
          const share = shares.get(slot) ?? 0;
          traffic.set(version, (traffic.get(version) ?? 0) + share);
        }
        return Object.fromEntries(traffic);
      },

      async drain({ signal, heartbeat }): Promise<Evidence> {
        const found = await readApart(signal);
        const { green } = slotsOf(found, target, { greenIsNeeded: false });
        const count = async () => {
          const all = await Promise.all(
            sockets.map((socket) => countSessions(socket, backend, serversOf(green), signal)),
          );
          return all.reduce((sum, one) => sum + one, 0);
        };
        const startedAt = Date.now();
        let left = await count();
        for (; left > 0 && Date.now() - startedAt < drain; left = await count()) {
          heartbeat({ doing: `waiting until the requests on ${target.green} have ended`, left });
          await sleep(BETWEEN_COUNTS_MS, undefined, { signal });
        }
        const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
        return [{ what: `requests under way on ${target.green}`, measured: `${left} after ${seconds} s` }];
      },

      async readSlots({ signal }): Promise<Slots> {
        const found = await readApart(signal);
        return Object.fromEntries(
          found.flatMap(({ slot, version }) => (version === undefined ? [] : [[version, slot]])),
        );
      },

      async preflight({ signal }: RunContext): Promise<Observation> {
        const problems: Problem[] = [];
        const attempt = async (what: () => Promise<string>): Promise<string> =>
          what().catch((error: unknown) => {
            signal.throwIfAborted();
            const found = messageOf(error);
            problems.push({ found, unblock: 'correct router in the runbook, or HAProxy, then check again' });
            return found;
          });
        const evidence = [
          ...(await Promise.all(
            sockets.map(async (socket, index) => ({
              what: `HAProxy ${index + 1} of ${sockets.length}`,
              measured: await attempt(async () => {
                const level = await ask(socket, 'show cli level', signal);
                if (level !== 'admin')
                  throw new Error(`its stats socket has the level "${level}": write "level admin" in haproxy.cfg`);
                const balance = await readBalance(socket, backend, signal);
                if (UNWEIGHTED.includes(balance))
                  throw new Error(
                    `backend "${backend}" has "balance ${balance}", whose weights are no shares: use "balance roundrobin"`,
                  );
                return `${(await statesOf(socket, signal)).size} servers in ${backend}, balance ${balance}`;
              }),
              required: `its servers, and level admin`,
            })),
          )),
          {
            what: 'versions in the slots',
            measured: await attempt(async () => {
              const found = await readVersions(config, target, signal);
              if (target.blue !== '' && !found.some(({ version }) => version === target.blue))
                throw new Error(`${found.map(wordsOf).join(', ')}; expected ${target.blue} in one`);
              return found.map(wordsOf).join(', ');
            }),
          },
          {
            what: 'weights after a reload of HAProxy',
            measured: await attempt(async () => {
              if (stateFile === undefined) return 'those of haproxy.cfg: router.stateFile is not set';
              await access(dirname(stateFile), constants.W_OK).catch(() => {
                throw new Error(
                  `router.stateFile cannot be written: the worker needs its folder ${dirname(stateFile)}`,
                );
              });
              return `kept in ${stateFile}${VOLATILE.test(stateFile) ? ', which a reboot empties: use a folder such as /var/lib/bluegreen' : ''}`;
            }),
          },
        ];
        return { evidence, problems };
      },
    };
  },
});

/** Waits for all, so that one that fails does not keep the others from what they do. @throws the first failure. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
