// The platform's commands: says what is wanted to the sandbox's control and passes on what it answers.
import process from 'node:process';
import { parseArgs } from 'node:util';

const COMMANDS = {
  deploy: { flags: ['service', 'version'], usage: 'deploy --service NAME --version VERSION' },
  'shift-traffic': { flags: ['service', 'percentage'], usage: 'shift-traffic --service NAME --percentage 0..100' },
  rollback: { flags: ['service'], usage: 'rollback --service NAME' },
  'set-max-connections': {
    flags: ['service', 'connections'],
    usage: 'set-max-connections --service NAME --connections NUMBER',
  },
  'traffic-status': { flags: ['service'], usage: 'traffic-status --service NAME' },
};

const [command, ...args] = process.argv.slice(2);
const { flags, usage } = COMMANDS[command];
const control = process.env.BLUEGREEN_SANDBOX || 'http://127.0.0.1:18081';
const start = import.meta.url.includes('/node_modules/') ? 'bluegreen sandbox' : 'npm run sandbox';

const fail = (message) => {
  console.error(`${command}: ${message}`);
  process.exit(1);
};

const parse = () => {
  try {
    const options = Object.fromEntries(
      [...flags, 'help'].map((name) => [name, { type: name === 'help' ? 'boolean' : 'string' }]),
    );
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return fail(
      `${error.message
        .split('\n')[0]
        .replace(/\.? To specify .*$/, '')
        .replace(/\.$/, '')}; usage: ${usage}`,
    );
  }
};

const ask = async (values) => {
  try {
    const response = await fetch(new URL(`/${command}`, control), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        args: values,
        operation: process.env.BLUEGREEN_OPERATION_ID,
        attempt: process.env.BLUEGREEN_ATTEMPT,
      }),
    });
    return await response.json();
  } catch {
    return fail(
      `no sandbox answers at ${control}: start one with "${start}", or set BLUEGREEN_SANDBOX to its control URL`,
    );
  }
};

const values = parse();
if (values.help) {
  console.log(`usage: ${usage}`);
} else {
  const missing = flags.find((name) => !values[name]);
  if (missing) fail(`--${missing} is missing; usage: ${usage}`);
  const { output, error } = await ask(values);
  if (error !== undefined) fail(error);
  console.log(output);
}
