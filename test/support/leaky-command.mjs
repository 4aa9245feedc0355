// A command of the little production that tells all it knows, and a lot: `leaky-command.mjs <command> <argument>`.
const secrets = Object.entries(process.env).filter(([, value]) => value?.includes('planted'));
const noise = Buffer.alloc(1_048_576, Uint8Array.of(0xff, 0x00, 0x1b, 0x5b, 0x32, 0x4a));
for (let megabytes = 0; megabytes < 10; megabytes += 1) {
  await new Promise((resolve) => process.stdout.write(noise, resolve));
  await new Promise((resolve) => process.stderr.write(noise, resolve));
}
for (const [name, value] of secrets) {
  process.stdout.write(`${name} is ${value}\n`);
  process.stderr.write(`cannot log in with ${value}\n`);
}
await import('./little-command.mjs');
