import type { PipelineFile, SecretReference } from '../model.ts'
import type { Replacement } from '../replace/replacement.ts'
import { namesFile } from '../read/secret-names.ts'
import { replacementOf } from '../replace/replace.ts'
import type { Found, PipelineRule } from './rule.ts'

const why =
  'Whoever runs code in one job that is given it (a dependency, an action whose tag was moved) takes it along and uses it from anywhere until somebody revokes it: tj-actions/changed-files, Shai-Hulud, Codecov.'

export const staticCloudKey: PipelineRule = {
  id: 'static-cloud-key',
  title: 'A key to a cloud account is kept in the CI.',
  why,
  fix: 'Let Mayfly get a credential for each step by its own identity; then delete the key at the cloud and in the CI.',
  severity: 'error',
  check: (file) => check(file, true),
}

export const longLivedSecret: PipelineRule = {
  id: 'long-lived-secret',
  title: 'A long-lived secret is kept in the CI and handed to a job.',
  why,
  fix: 'Move it to a connection of Mayfly; then revoke the old value and delete it in the CI.',
  severity: 'warning',
  check: (file) => check(file, false),
}

function check(file: PipelineFile, isCloud: boolean): Found[] {
  return file.secrets.flatMap((secret) => {
    if (sets.has(secret.store) || secret.store === 'external') return []
    const replacement = replacementOf(file, secret)
    if (replacement === undefined) return []
    // Whether a service connection has a secret, or is a federated identity, stands in the project's settings.
    const isConnection = file.ci === 'azure' && secret.store === 'credential'
    if ((replacement.isCloudKey === true && !isConnection) !== isCloud) return []
    const isNote = isConnection || replacement.connection === undefined
    // A file that a federated login may have written, or one with a key.
    const isMaybe = secret.store === 'variable' && namesFile(secret.name)
    return [
      {
        span: secret.span,
        message: isConnection
          ? `the service connection ${secret.name} may hold a secret, which the task is given`
          : `${shownName(secret)} (${replacement.what}) lives until somebody revokes it, and every step that is given it holds it`,
        fix: fixOf(replacement),
        replacement,
        ...(isNote ? { severity: 'note' as const } : isMaybe ? { severity: 'warning' as const } : {}),
      },
    ]
  })
}

/** Of these nobody knows here what is in them: see `secretSet`. */
const sets: ReadonlySet<SecretReference['store']> = new Set(['all', 'group', 'context', 'deployment'])

function shownName({ name, store }: SecretReference): string {
  if (store === 'credential') return `the credential ${name}`
  return store === 'file' ? `the secure file ${name}` : name
}

function fixOf({ connection, url, credentials = [], grant, how, revoke }: Replacement): string {
  if (connection === undefined) return `${how}; the old value is ended at: ${revoke}`
  const where = url === undefined ? '' : `, url: ${url}`
  const forms = credentials.length === 0 ? '' : `, credential ${credentials.join(' or ')}`
  const granted = grant === undefined ? '' : `, grant ${grant}`
  return `a connection { kind: ${connection}${where} }${forms}${granted} replaces it: ${how}. Then end the old value (${revoke}) and delete it in the CI`
}

const setNames: Readonly<Partial<Record<SecretReference['store'], string>>> = {
  group: 'the variable group',
  context: 'the context',
}

export const secretSet: PipelineRule = {
  id: 'secret-set',
  title: 'A set of secrets is handed to a job at once.',
  why: 'The job gets what it needs and all else that anybody will ever put into the set; the file does not show what that is.',
  fix: 'Give each secret that the job uses its own connection, then take the set from the job.',
  severity: 'warning',
  check: ({ secrets }) =>
    secrets.flatMap(({ name, store, span }) => {
      const set = setNames[store]
      if (set === undefined) return []
      return [{ span, message: `${set} ${name} hands over every secret in it` }]
    }),
}

export const allSecrets: PipelineRule = {
  id: 'all-secrets',
  title: 'Every secret of the repository is handed over at once.',
  why: 'One compromised step or called workflow takes all secrets that there are, and those that are added later.',
  fix: 'Name each secret that is needed; better, give the job none and let Mayfly’s gateway add what its role grants.',
  severity: 'error',
  check: ({ secrets, text }) =>
    secrets
      .filter(({ store }) => store === 'all')
      .map(({ span }) =>
        text.slice(span.start, span.end).includes('inherit')
          ? {
              span,
              severity: 'warning',
              message: 'secrets: inherit hands every secret to the called workflow',
            }
          : { span, message: 'this expression reads every secret, or one whose name is computed' },
      ),
}

export const externalSecret: PipelineRule = {
  id: 'fetched-secret',
  title: 'The CI fetches a secret from a vault and hands it to the job.',
  why: 'It is not kept in the CI, but every step of the job holds it all the same.',
  fix: 'Let a connection read it from that vault (secret_stores), so that the gateway adds it and the step holds none.',
  severity: 'note',
  check: ({ secrets }) =>
    secrets
      .filter(({ store }) => store === 'external')
      .map(({ name, span }) => ({
        span,
        message: `${name} is fetched for every step of the job`,
      })),
}
