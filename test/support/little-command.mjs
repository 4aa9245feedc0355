// The commands of the little production, as a real program: `little-command.mjs [<its URL>] <command> <argument>`. Without
// the URL it takes LITTLE_PRODUCTION.
const given = process.argv.slice(2);
const production = given[0].startsWith('http') ? given.shift() : process.env.LITTLE_PRODUCTION;
const [command, argument] = given;
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
