import {
  ApplicationFailure,
  CancellationScope,
  condition,
  log,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import {
  ACTIONS,
  type Action,
  type Decision,
  type DecisionAnswer,
  type DeploymentPlan,
  type DeploymentStatus,
  decide as decidePurely,
  describe,
  ignore,
  isPending,
  isSamePerson,
  measurementsOf,
  openGate,
  parseDecision,
  refusal,
  SEARCH_ATTRIBUTES,
  type SearchAttribute,
  takenAnswer,
  waitingFor,
} from '../domain/index.ts';
import { renderDetails } from './details.ts';
import { withoutStack } from './failures.ts';
import { aboutDeployment } from './log.ts';
import * as messages from './messages.ts';
import { emitMetrics } from './metrics.ts';

/** A change of the state; `at` is now, epoch milliseconds. */
type Transition = (status: DeploymentStatus, at: number) => DeploymentStatus;

/** The deployment under way: its state, the one way to change it, and the scope that abort and reject cancel. */
export interface Deployment {
  readonly status: () => DeploymentStatus;
  /** The plan; throws before it is resolved, which would be a mistake of ours. */
  readonly plan: () => DeploymentPlan;
  change(transition: Transition): void;
  /** Holds everything that may be ended early. What is outside of it, the rollback, may not. */
  readonly scope: CancellationScope;
}

/**
 * Sets up the state and every message handler; call it before the first await, so that no message is missed. `onDecision` is
 * called with each decision that counts; it must not throw.
 */
export function openDeployment(
  initial: DeploymentStatus,
  onDecision: (deployment: Deployment, decision: Decision) => void,
): Deployment {
  let state = initial;
  let shownPhase: string | undefined;
  const scope = new CancellationScope();

  let isShowing = false;
  /** Once for all messages that arrive together: a flood of them must not be rendered one by one. */
  const showDetails = async (): Promise<void> => {
    if (isShowing) return;
    isShowing = true;
    await Promise.resolve();
    isShowing = false;
    try {
      setCurrentDetails(renderDetails(state));
    } catch {
      // An activation that was cut off leaves this to run when the worker evicts the workflow. There are no details any more,
      // and what is thrown then would end the worker.
    }
  };

  const change = (transition: Transition): void => {
    const before = state;
    state = transition(before, Date.now());
    for (const decision of state.decisions)
      if (decision.taken && !before.decisions.includes(decision)) onDecision(deployment, decision);
    emitMetrics(measurementsOf(before, state));
    void showDetails();
    // Before the plan is there the request is not validated, and a refused deployment should stay short.
    if (!state.plan || state.phase === shownPhase) return;
    const shown = [
      ...(shownPhase === undefined
        ? [
            keyword('BlueGreenService', state.service),
            keyword('BlueGreenEnvironment', state.environment),
            // What a rollback of its own goes back to serves afterwards, as the version of a deployment does.
            keyword('BlueGreenVersion', state.kind === 'rollback' ? state.plan.target.blue : state.version),
          ]
        : []),
      keyword('BlueGreenPhase', state.phase),
    ];
    const { searchAttributes = SEARCH_ATTRIBUTES } = state.plan;
    const isSearchable = ({ key }: (typeof shown)[number]): boolean => searchAttributes.includes(key.name);
    const searchable = shown.filter(isSearchable);
    const others = shown.filter((one) => !isSearchable(one));
    if (searchable.length > 0) upsertSearchAttributes(searchable);
    if (others.length > 0) upsertMemo(Object.fromEntries(others.map(({ key, value }) => [key.name, value])));
    shownPhase = state.phase;
  };

  // Before the handlers: what was sent before a worker was there is handled while they are set.
  const deployment: Deployment = {
    status: () => state,
    plan: () => {
      if (!state.plan) throw new Error('the plan is not resolved yet');
      return state.plan;
    },
    change,
    scope,
  };

  const take = (decision: Decision, signal?: number): DecisionAnswer => {
    const { status, answer: given } = decidePurely(state, decision, Date.now(), signal);
    change(() => status);
    if (status.ending && given.taken) scope.cancel();
    return given;
  };

  /** The signals `approve` so far: in this order the history has them, with who sent each. */
  let approvals = 0;

  /** A handler never throws: a thrown failure would close the workflow and skip the rollback (invariant 10). */
  const receive = (action: Action, payload: unknown): void => {
    if (action === 'approve') approvals += 1;
    try {
      const parsed = parseDecision(action, payload);
      if (!('problem' in parsed)) {
        take(parsed, approvals);
        return;
      }
      // The rest of a flood is counted, and would only fill the log.
      if (state.forgottenDecisions === 0)
        log.warn('ignored a message', { ...aboutDeployment(state), action, problem: parsed.problem });
      change((before, at) => ignore(before, { action, by: 'unknown', at, why: parsed.problem }));
    } catch (error) {
      log.error('a message could not be handled', { ...aboutDeployment(state), action, problem: String(error) });
    }
  };

  setHandler(messages.status, () => ({ ...state, ...waits(state) }), { description: messages.DESCRIPTION.status });
  for (const action of ACTIONS)
    setHandler(messages[action], (payload: unknown) => receive(action, payload), {
      description: messages.DESCRIPTION[action],
    });
  /** What became of an approval that a worker had to confirm. Nothing cancels it: the gate ends in any case. */
  const confirmed = async ({ by }: Decision, gateId: string | undefined): Promise<DecisionAnswer> => {
    const isOpen = (): boolean => openGate(state)?.id === gateId && isPending(openGate(state)?.pending, by);
    await CancellationScope.nonCancellable(() => condition(() => !isOpen()));
    const gate = state.steps.find((step) => step.gate?.id === gateId)?.gate;
    if (gate?.approvedBy.some((one) => isSamePerson(one, by))) return takenAnswer(state, 'approve');
    const record = state.decisions.findLast((one) => one.action === 'approve' && isSamePerson(one.by, by));
    return { taken: false, why: record?.why ?? `${gateId} was closed before the approval was confirmed` };
  };

  const answer = (decision: Decision): DecisionAnswer | Promise<DecisionAnswer> => {
    const gateId = openGate(state)?.id;
    const now = take(decision);
    return now.pending ? confirmed(decision, gateId) : now;
  };

  setHandler(messages.decide, (payload) => answer(parseDecideOrRefuse(payload)), {
    description: messages.DESCRIPTION.decide,
    validator: (payload) => {
      const why = refusal(state, parseDecideOrRefuse(payload));
      if (why !== undefined) throw refuse(why);
    },
  });
  // No default signal handler: with one, the SDK fails the workflow task, for ever, over a signal whose name begins with
  // its own "__temporal_". Without, a signal of an unknown name stays in the history and does nothing.

  return deployment;
}

function waits(state: DeploymentStatus): Pick<DeploymentStatus, 'waitingFor'> {
  const wait = waitingFor(state);
  return wait ? { waitingFor: wait } : {};
}

/** The helper that defines search attribute keys is not in the workflow package; a key is this plain object. */
function keyword(name: SearchAttribute, value: string) {
  return { key: { name, type: 'KEYWORD' as const }, value };
}

function parseDecideOrRefuse(payload: unknown): Decision {
  const given = (typeof payload === 'object' && payload !== null ? payload : {}) as Record<string, unknown>;
  const { action } = given;
  const known = ACTIONS.find((one) => one === action);
  if (!known) throw refuse(`"action" is ${describe(action)}, expected one of ${ACTIONS.join(', ')}`);
  const parsed = parseDecision(known, Object.fromEntries(Object.entries(given).filter(([key]) => key !== 'action')));
  if ('problem' in parsed) throw refuse(parsed.problem);
  return parsed;
}

function refuse(why: string): ApplicationFailure {
  return withoutStack(ApplicationFailure.nonRetryable(why, 'DecisionRefused'));
}
