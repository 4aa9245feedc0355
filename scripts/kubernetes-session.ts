import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/**
 * Records docs/kubernetes-session.md: two demos on Kubernetes, one good and one rolled back, with what kubectl prints beside.
 * `node --import tsx scripts/kubernetes-session.ts`
 */

const PAGE = 'docs/kubernetes-session.md';
const DEMOS = [
  { title: 'A good release', args: [] },
  { title: 'A release that fails', args: ['--fault', 'bad-release'] },
];

const sections: string[] = [];
for (const { title, args } of DEMOS) {
  const command = ['demo', '--', '--kubernetes', '--yes', ...args];
  sections.push(`## ${title}\n\n\`\`\`text\n${(await record(command)).join('\n')}\n\`\`\`\n`);
}
await writeFile(
  PAGE,
  `# A deployment on Kubernetes, recorded

Two runs of [the demo](demo.md) on a real API server. On the left is who printed the line: \`demo\`, or one of two \`kubectl\` that
watch the route and the pods. \`node --import tsx scripts/kubernetes-session.ts\` records this page.

${sections.join('\n')}`,
);

/** Everything that the demo and the commands that it names print, in order. */
async function record(args: readonly string[]): Promise<string[]> {
  const lines = [`$ npm run ${args.join(' ')}`];
  const watches: ChildProcess[] = [];
  let env = process.env;
  const demo = spawn('npm', ['run', '-s', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: demo.stdout })) {
    const [, kubeconfig] = /export KUBECONFIG=(\S+)/.exec(line) ?? [];
    if (kubeconfig !== undefined) env = { ...env, KUBECONFIG: kubeconfig };
    lines.push(`demo  | ${withoutPlaces(line)}`.trimEnd());
    const [, kubectl] = /^ +(kubectl .+)$/.exec(line) ?? [];
    if (kubectl !== undefined) watches.push(watch(kubectl, env, lines));
  }
  for (const one of watches) one.kill();
  return lines;
}

function watch(command: string, env: NodeJS.ProcessEnv, lines: string[]): ChildProcess {
  const name = command.includes('httproute') ? 'route' : 'pods ';
  const kubectl = spawn('sh', ['-c', `exec ${command}`], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  createInterface({ input: kubectl.stdout }).on('line', (line) => lines.push(`${name} | ${line}`.trimEnd()));
  return kubectl;
}

/** What is different on each machine. */
function withoutPlaces(line: string): string {
  return line.replace(/KUBECONFIG=\S+/, 'KUBECONFIG=...').replace(/\/\S*(bluegreen-report)-\w+/, '/tmp/$1');
}
