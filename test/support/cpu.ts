/** The processor time that this process has used, in milliseconds: it grows by the work alone, however busy the machine is. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
