/**
 * Whether both versions' pools fit into the server at the same time, next to everybody else. Pure.
 * @param demand `blue`, `green` ({ instances, size }), `beyond`: sessions of the service besides the pools; `headroom`
 * @param found what measureConnections returned
 */
export function fitOf({ database, blue, green, beyond, headroom }, found) {
  const source = `database ${database}`;
  const service = connectionsOf(blue) + connectionsOf(green) + beyond;
  const needed = service + found.others + headroom;
  const server = {
    what: 'max_connections',
    limit: found.maxConnections,
    required: needed,
    remedy: `SET GLOBAL max_connections = ${needed}; and the same in the configuration file, or make the pools smaller`,
  };
  const limits = [
    server,
    ...found.userLimits.map(({ user, limit }) => ({
      what: `max_user_connections of ${user}`,
      limit,
      required: service,
      remedy: `raise it to ${service}: ALTER USER ... WITH MAX_USER_CONNECTIONS ${service}, or the global max_user_connections`,
    })),
  ];
  const spare = ({ limit, required }) => limit - required;
  return {
    tightest: limits.reduce((a, b) => (spare(b) < spare(a) ? b : a)),
    short: limits.filter((each) => spare(each) < 0),
    lines: [
      { what: "blue's pools", measured: sumOf(blue), source: 'runbook' },
      { what: "green's pools", measured: sumOf(green), source: 'runbook' },
      { what: 'open by the service beyond the pools', measured: `${beyond} (${found.ofUsers} open in all)`, source },
      {
        what: 'open by others',
        measured: found.others === 0 ? '0' : `${found.others} (${found.whoOthersAre})`,
        source,
      },
      { what: 'headroom', measured: String(headroom), source: 'runbook' },
      ...limits.map(({ what, limit, required }) => ({
        what,
        measured: String(limit),
        required: `at least ${required}`,
        source,
      })),
    ],
  };
}

/** How many sessions of the service no pool of a running version accounts for. */
export function unaccounted({ blue, green }, { ofUsers, greenIsUp }) {
  return Math.max(0, ofUsers - connectionsOf(blue) - (greenIsUp ? connectionsOf(green) : 0));
}

function connectionsOf({ instances, size }) {
  return instances * size;
}

function sumOf(pool) {
  return `${pool.instances} x ${pool.size} = ${connectionsOf(pool)}`;
}
