/** A status or a report, as far as its title goes by it. */
interface Titled {
  readonly kind?: 'rollback' | undefined;
  readonly undoes?: object | undefined;
  readonly service: string;
  readonly version: string;
  readonly environment: string;
  readonly blue?: string | undefined;
  readonly plan?: { readonly target: { readonly blue: string } } | undefined;
}

/** What a deployment, or a rollback of its own, is about: the first line of every view. Pure. */
export function titleOf({
  kind,
  undoes,
  service,
  version,
  environment,
  plan,
  blue = plan?.target.blue,
}: Titled): string {
  if (undoes && blue !== undefined) return `${service} ${version} back to ${blue} in ${environment}`;
  return kind === 'rollback' ? `rollback of ${service} in ${environment}` : `${service} ${version} to ${environment}`;
}
