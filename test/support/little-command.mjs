// The commands of the little production, as a real program of its own: `little-command.mjs <production> <command> <argument>`.
const [production, command, argument] = process.argv.slice(2);
const response = await fetch(`${production}/${command}`, {
  method: 'POST',
  body: JSON.stringify({
    command,
    argument,
    operation: process.env.BLUEGREEN_OPERATION_ID,
    attempt: Number(process.env.BLUEGREEN_ATTEMPT),
  }),
});
process.stdout.write(await response.text());
process.exitCode = response.ok ? 0 : 3;
