import { type BothSlots, type Cluster, type Service, type SlotState, selects } from '../../../kubernetes/index.ts';
import type { Observation, Problem } from '../../../plugin/index.ts';
import type { RunContext } from '../../../util/index.ts';

/** Whether each Service selects the pods of its own slot and no others, at ports that the pods and the other Service have. */
export async function observeServices(cluster: Cluster, states: BothSlots, run: RunContext): Promise<Observation> {
  const services = await Promise.all(states.map(({ service }) => cluster.get<Service>(service, run)));
  const problems = states.flatMap((state, index) => {
    const service = services[index];
    const other = states[1 - index];
    if (service) return [...selectorProblems(service, state, other), ...portProblems(service, state)];
    return [
      {
        found: `the slot ${state.name} has no Service ${state.service.name} in the namespace ${state.service.namespace}`,
        unblock: `create a Service that selects the pods of ${state.owner.name}, or correct workload.slots`,
      },
    ];
  });
  const [first, second] = services;
  return {
    evidence: states.map(({ service: { name } }, index) => ({
      what: `Service ${name}`,
      measured: services[index]
        ? `selects ${words(services[index].spec.selector)}, ports ${portsOf(services[index]).join(', ')}`
        : 'none',
    })),
    problems: [...problems, ...(first && second ? differingPorts(first, second) : [])],
  };
}

function selectorProblems(
  { metadata: { name }, spec }: Service,
  own: SlotState,
  other: SlotState | undefined,
): Problem[] {
  const { selector = {} } = spec;
  const isEmpty = Object.keys(selector).length === 0;
  const selectsPodsOf = (slot: SlotState | undefined) =>
    slot?.object !== undefined &&
    !isEmpty &&
    selects({ matchLabels: selector }, slot.object.spec.template.metadata?.labels ?? {});
  const unblock = `correct spec.selector of Service ${name}`;
  return [
    ...(own.object && !selectsPodsOf(own)
      ? [
          {
            found: `Service ${name} does not select the pods of its slot ${own.name}: it selects ${words(selector)}, and they have ${words(own.object.spec.template.metadata?.labels)}`,
            unblock,
          },
        ]
      : []),
    ...(other && selectsPodsOf(other)
      ? [
          {
            found: `Service ${name} of the slot ${own.name} also selects the pods of ${other.name}: traffic for one slot would reach the other`,
            unblock: `${unblock}: add a label that only the pods of ${own.name} have`,
          },
        ]
      : []),
  ];
}

/** A port with a name has to be one of the pods' ports; a number needs no declaration. */
function portProblems({ metadata, spec: { ports = [] } }: Service, { owner, object }: SlotState): Problem[] {
  if (!object) return [];
  const names = object.spec.template.spec.containers.flatMap(({ ports: own = [] }) => own.map(({ name }) => name));
  return ports.flatMap(({ port, targetPort }) =>
    typeof targetPort !== 'string' || names.includes(targetPort)
      ? []
      : [
          {
            found: `port ${port} of Service ${metadata.name} goes to the port "${targetPort}" of the pods, and ${owner.name} has no port of that name`,
            unblock: `correct targetPort of Service ${metadata.name}, or name the port in ${owner.name}`,
          },
        ],
  );
}

function differingPorts(first: Service, second: Service): Problem[] {
  const [ports, others] = [portsOf(first), portsOf(second)];
  if (ports.join() === others.join()) return [];
  return [
    {
      found: `the Services of the slots have different ports: ${first.metadata.name} has ${ports.join(', ')}, ${second.metadata.name} has ${others.join(', ')}`,
      unblock: 'give both Services the same ports: a route names one port for both',
    },
  ];
}

function portsOf({ spec: { ports = [] } }: Service): number[] {
  return ports.map(({ port }) => port).sort((a, b) => a - b);
}

function words(labels: Readonly<Record<string, string>> = {}): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || 'nothing'
  );
}
