import { type Child, startChild } from './children.ts';
import type { Route } from './router.ts';
import { FIRST_VERSION, QUERIES, SERVICE, type ServiceConfig, type ServiceFault } from './service.ts';

/** What runs, and the rules by which it changes: the platform behind the guide's commands. */

interface Running {
  readonly version: string;
  readonly process: Child<ServiceFault>;
}

/** The version that comes. */
export interface Green {
  readonly version: string;
  readonly percentage: number;
  /** Stays the same while this version runs. */
  readonly process: Pick<Child<ServiceFault>, 'order' | 'isAlive'>;
}

/** Each resolves to a line for the person who asked, or throws one. All may be asked for twice. */
export interface Production {
  deploy(version: string): Promise<string>;
  shiftTraffic(percentage: number): Promise<string>;
  rollback(): Promise<string>;
  /** What is wrong with a running version from now on; nothing, with an empty one. */
  disturb(version: string, fault: ServiceFault): Promise<void>;
  /** Every running version with its percentage. */
  traffic(): Record<string, number>;
  stop(): Promise<void>;
}

export interface ProductionOptions {
  readonly directory: string;
  readonly databaseUrl: string;
  readonly setRoutes: (routes: readonly Route[]) => Promise<void>;
  /** Called after every change, with the green of now. */
  readonly onChange: (green: Green | undefined) => void;
}

/** Starts the first version with all traffic. */
export async function startProduction(options: ProductionOptions): Promise<Production> {
  let blue = await startVersion(FIRST_VERSION);
  let green: (Running & Green) | undefined;
  let stopped = false;
  await apply();

  function startVersion(version: string): Promise<Running> {
    const config: ServiceConfig = { version, databaseUrl: options.databaseUrl };
    const name = `${SERVICE}-${version}`;
    return startChild<ServiceFault>({ program: 'service-process', name, config, directory: options.directory }).then(
      (process) => ({ version, process }),
    );
  }

  async function apply(): Promise<void> {
    const routes = [routeOf(blue, 100 - (green?.percentage ?? 0))];
    if (green) routes.push(routeOf(green, green.percentage));
    await options.setRoutes(routes);
    options.onChange(green);
  }

  async function deploy(version: string): Promise<string> {
    if (!QUERIES.has(version))
      throw new Error(`there is no version ${version} of ${SERVICE}; there are ${[...QUERIES.keys()].join(', ')}`);
    const isGreen = green?.version === version;
    if (isGreen || (blue.version === version && green?.percentage !== 100)) {
      await reviveDead();
      return `${version} is already running`;
    }
    if (green && green.percentage > 0 && green.percentage < 100)
      throw new Error(
        `${green.version} is under way with ${green.percentage} % of the traffic; shift it to 100 or roll it back first`,
      );
    if (green && blue.version === version) {
      // Back to the version before: it still runs, without traffic. What serves is blue, what comes is green.
      [blue, green] = [green, { ...blue, percentage: 0 }];
      await reviveDead();
      return `${version} is still running and is the new version now, with 0 % of the traffic`;
    }
    if (green) await retireUnused(green);
    green = { ...(await startVersion(version)), percentage: 0 };
    await apply();
    return `${version} runs with 0 % of the traffic`;
  }

  /** Makes room for another green: goes on with what serves alone. */
  async function retireUnused(current: Running & Green): Promise<void> {
    const unused = current.percentage === 100 ? blue : current;
    if (current.percentage === 100) blue = current;
    green = undefined;
    await apply();
    await unused.process.stop();
  }

  /** A deploy of what already runs is also the way to bring back a process that died. */
  async function reviveDead(): Promise<void> {
    if (!blue.process.isAlive()) blue = await startVersion(blue.version);
    if (green && !green.process.isAlive()) green = { ...green, ...(await startVersion(green.version)) };
    await apply();
  }

  async function shiftTraffic(percentage: number): Promise<string> {
    if (!green) {
      if (percentage === 0) return `${blue.version} has all traffic already`;
      throw new Error(`there is no new version to shift traffic to; deploy one first`);
    }
    green = { ...green, percentage };
    await apply();
    return `${green.version} gets ${percentage} % of the traffic, ${blue.version} ${100 - percentage} %`;
  }

  async function rollback(): Promise<string> {
    if (!green) return `nothing to roll back: ${blue.version} has all traffic`;
    const bad = green;
    green = { ...bad, percentage: 0 };
    await apply(); // the traffic first; and only then the process, since it alone frees the database's connections
    await bad.process.stop();
    green = undefined;
    await apply();
    return `${blue.version} has all traffic again, ${bad.version} is stopped`;
  }

  /** One change at a time: two that interleave could leave a mix of both. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn(change: () => Promise<string>): Promise<string> {
    const result = last.then(() => {
      if (stopped) throw new Error('the sandbox is ending');
      return change();
    });
    last = result.catch(() => undefined);
    return result;
  }

  return {
    deploy: (version) => inTurn(() => deploy(version)),
    shiftTraffic: (percentage) => inTurn(() => shiftTraffic(percentage)),
    rollback: () => inTurn(rollback),
    async disturb(version, fault) {
      const running = [blue, green].find((one) => one?.version === version);
      if (!running) throw new Error(`version ${version} is not running`);
      await running.process.order(fault);
    },
    traffic: () => ({
      [blue.version]: 100 - (green?.percentage ?? 0),
      ...(green && { [green.version]: green.percentage }),
    }),
    async stop() {
      stopped = true;
      await last;
      await Promise.all([blue.process.stop(), green?.process.stop()]);
    },
  };
}

const routeOf = ({ version, process }: Running, percentage: number): Route => ({
  version,
  origins: [`http://127.0.0.1:${process.port}`],
  percentage,
});
