import type { TrainDeployment, TrainStatus } from '../domain/index.ts';
import { timeOfDay } from '../format/index.ts';

/** The UI takes 20 KB, and a letter may take three bytes. */
const LONGEST = 6_500;

/** The train as markdown for the Temporal UI's "current details". Times are UTC. */
export function renderTrain(status: TrainStatus): string {
  const { name, phase, outcome, until, stages } = status;
  return [
    `## Train ${plain(name)}: ${phase}`,
    ...(outcome === undefined ? [] : [plain(outcome)]),
    ...(until === undefined ? [] : [`The next stage begins at ${timeOfDay(until)}. abort ends the train.`]),
    ...stages.map((stage) => [`### ${plain(stage.name)}`, '', ...stage.deployments.map(line)].join('\n')),
  ]
    .join('\n\n')
    .slice(0, LONGEST);
}

function line({ service, environment, version, state, workflowId, outcome }: TrainDeployment): string {
  const how = outcome === undefined || state === 'completed' ? '' : `: ${plain(outcome)}`;
  return `- ${plain(service)} ${plain(version)} in ${plain(environment)}: **${state}**${how} (workflow ${plain(workflowId)})`;
}

/** Text of others is no markup. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[<>[\]`*|\\#~]/g, (character) => `\\${character}`);
}
