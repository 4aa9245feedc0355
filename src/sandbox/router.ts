/** The configuration of the router's process, and how it picks a version. */

export interface Route {
  readonly version: string;
  /** Those that are ready; they take turns. */
  readonly origins: readonly string[];
  /** Its share of the sum over all routes. */
  readonly percentage: number;
}

/** Replaces all routes at once, so that no request ever sees half a shift. */
export interface RouterOrder {
  readonly routes: readonly Route[];
  /** Not production: reached under `/-/staging/{version}/` only, and not counted. */
  readonly staging: readonly Omit<Route, 'percentage'>[];
}

export interface RouterConfig {
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Picks routes in the proportion of their percentages by the golden-ratio sequence: at most a few requests off after
 * thousands, and in no step with a pattern in the requests, as a round robin would be.
 */
export function createPicker(): (routes: readonly Route[]) => Route | undefined {
  const GOLDEN = (Math.sqrt(5) - 1) / 2;
  let point = 0;
  return (routes) => {
    point = (point + GOLDEN) % 1;
    const sum = routes.reduce((total, { percentage }) => total + percentage, 0);
    let reached = 0;
    return routes.find(({ percentage }) => {
      reached += percentage;
      return point * sum < reached;
    });
  };
}
