import type { RuleFacts } from './model.ts'

/** How a pipeline does without the key, by kind of the connection that replaces it. */
const instead: Readonly<Record<string, string>> = {
  aws: 'a connection of kind aws: the step signs nothing, the gateway does, by a role that it assumes for minutes (docs/deploy.md#aws)',
  azure:
    'a connection of kind azure: the gateway has a token of minutes, by workload identity (docs/deploy.md)',
  gcp: 'a connection of kind gcp: the gateway has a token of minutes, by workload identity (docs/deploy.md)',
  github:
    'a connection of kind github: a token of a GitHub App is made for the step, and the gateway adds it (docs/credentials.md)',
  gitlab:
    'a connection of kind gitlab: a token is made for the step, and the gateway adds it (docs/credentials.md)',
  kubernetes:
    'a connection of kind kubernetes: kubectl runs without a kubeconfig of yours (docs/deploy.md#kubernetes)',
  ssh: 'a connection of kind ssh: a certificate of minutes, and the step has no key (docs/deploy.md#ssh)',
}

/** Without it half of the work is done: to remove a secret takes it from nobody who has it. */
export const fixHead = 'What to do, also if it is removed here, since whoever has a copy has it:'

/** What to do about a secret that was found, first things first. */
export function fixOf({ connection, revoke, vendor }: RuleFacts): string[] {
  const replaced =
    connection === undefined
      ? 'keep the new one in the vault (mayfly secret set NAME) and let a connection use it'
      : (instead[connection] ??
        `a connection of kind ${connection}: the gateway adds the credential, and the step has none (docs/configuration.md)`)
  return [revoked(revoke, vendor), `in pipelines, in its place: ${replaced}`]
}

/** Rules have an address, or a sentence. */
function revoked(revoke: string | undefined, vendor: string): string {
  if (revoke === undefined) return `revoke it at ${vendor}`
  return /^https?:\/\/\S+$/.test(revoke) ? `revoke it: ${revoke}` : revoke
}
