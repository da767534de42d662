import { join } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'
import {
  applyEdits,
  draftPolicyText,
  githubIssuer,
  knownPins,
  migrateFile,
  readCheckout,
  remoteFrom,
  saidIn,
  surveyProject,
  unifiedDiff,
  type Checkout,
  type Migration,
  type PolicyDraft,
  type Project,
} from '../pipelines/index.ts'
import { isTaken, writeChanges, type FileChange } from './checkout-files.ts'
import { exitCodes, print } from './output.ts'
import { lintFindings } from './policy-lint.ts'
import { migrationLines, plainMigration, type Outcome } from './pipeline-migrate-text.ts'
import { visible } from './story.ts'
import { namedServer } from './server-url.ts'

export interface MigrateOptions {
  readonly write: boolean
  readonly checkout: string
  readonly server?: string
  readonly policy: string
  readonly repository?: string
  readonly repositoryId?: string
  readonly ownerId?: string
  readonly install?: string
  readonly json: boolean
}

/** Of no server: whatever asks it fails. */
const noServer = 'https://mayfly.invalid'

export async function migratePipelines(paths: readonly string[], options: MigrateOptions): Promise<number> {
  const checkout = readCheckout(options.checkout)
  const project = projectOf(options, checkout)
  const migrations = chosen(checkout, paths).map((file) => migrateFile(file, project))
  const roles = migrations.flatMap((one) => one.roles)
  const policy =
    roles.length === 0
      ? undefined
      : draftPolicyText([githubIssuer(project.repository)], roles, migrations, saidIn(checkout.files))
  const outcome: Outcome = {
    migrations,
    files: checkout.files,
    policy,
    policyFile: options.policy,
    policyIsThere: isTaken(join(options.checkout, options.policy)),
    findings: policy === undefined ? [] : lintFindings(policy.text, options.policy),
    missing: missingOf(options, project),
    written: [],
  }
  const written = options.write ? write(outcome, options) : []
  const done = { ...outcome, written }
  print(
    options.json,
    plainMigration(done, diffsOf(done)),
    [
      ...(options.write ? [] : diffsOf(done).flatMap((text) => text.replace(/\n$/, '').split('\n'))),
      ...migrationLines(done),
    ].map(visible),
  )
  return exitCodes.ok
}

function chosen({ files }: Checkout, paths: readonly string[]): Checkout['files'] {
  if (paths.length === 0) return files.filter(({ role }) => role !== 'action')
  return paths.map((path) => {
    const plain = path.replace(/^(?:\.\/)+/, '')
    const found = files.find((file) => file.path === plain)
    if (found !== undefined) return found
    throw new MayflyError(
      'bad_input',
      `${path} is none of the pipeline files of this checkout: ${files.map((file) => file.path).join(', ') || 'there is none'}`,
    )
  })
}

function projectOf(options: MigrateOptions, { files }: Checkout): Project {
  const { variables } = readEnvironment()
  const facts = surveyProject(options.checkout)
  const named = options.repository
  const remote =
    named === undefined
      ? facts.remote
      : remoteFrom(named.includes(':') ? named : `https://github.com/${named}`)
  if (named !== undefined && remote === undefined)
    throw new MayflyError('bad_input', `--repository ${named}: OWNER/NAME, or its address, is wanted`)
  const id = options.repositoryId ?? variables['GITHUB_REPOSITORY_ID']
  const ownerId = options.ownerId ?? variables['GITHUB_REPOSITORY_OWNER_ID']
  for (const [name, value] of [
    ['--repository-id', id],
    ['--owner-id', ownerId],
  ] as const)
    if (value !== undefined && !/^[1-9]\d{0,18}$/.test(value))
      throw new MayflyError(
        'bad_input',
        `${name} ${value}: a number is wanted: gh api repos/OWNER/NAME --jq .id`,
      )
  return {
    server: namedServer(options.server) ?? noServer,
    repository: {
      host: remote?.host ?? 'https://github.com',
      path: remote?.path ?? 'OWNER/NAME',
      defaultBranch: facts.defaultBranch,
      ...(id === undefined ? {} : { id }),
      ...(ownerId === undefined ? {} : { ownerId }),
    },
    ...(options.install === undefined ? {} : { install: options.install }),
    packages: facts.packages,
    pins: knownPins(files),
  }
}

/** What has to be said before anything is written: it stands in what is shown as what nobody and nothing is. */
function missingOf(options: MigrateOptions, { server, repository }: Project): string[] {
  return [
    ...(server === noServer ? ['--server URL (or MAYFLY_SERVER): where Mayfly is'] : []),
    ...(repository.id === undefined
      ? [`--repository-id N (or GITHUB_REPOSITORY_ID): gh api repos/${repository.path} --jq .id`]
      : []),
    ...(repository.path === 'OWNER/NAME' ? ['--repository OWNER/NAME: the checkout has no remote'] : []),
  ]
}

function write(outcome: Outcome, options: MigrateOptions): string[] {
  const changes = changesOf(outcome)
  if (changes.length === 0) return []
  if (outcome.missing.length > 0)
    throw new MayflyError(
      'bad_input',
      `nothing is written before these are said: ${outcome.missing.join('; ')}`,
    )
  const wrong = outcome.findings.find(({ severity }) => severity === 'error')
  if (wrong !== undefined)
    throw new MayflyError(
      'bad_input',
      `nothing is written: the policy that it needs does not hold: ${wrong.message}`,
    )
  if (outcome.policyIsThere)
    throw new MayflyError(
      'bad_input',
      `${options.policy} is there already, and is not changed: name another file with --policy, and take its connections and roles over from there`,
    )
  writeChanges(options.checkout, changes)
  return changes.map(({ path }) => path)
}

function changesOf({ migrations, policy, policyFile }: Outcome): FileChange[] {
  const files = migrations
    .filter(({ edits }) => edits.length > 0)
    .map(({ file, edits }) => ({ path: file.path, before: file.text, after: applyEdits(file.text, edits) }))
  return policy === undefined
    ? files
    : [...files, { path: policyFile, before: undefined, after: policy.text }]
}

function diffsOf({ migrations, policy, policyFile, policyIsThere }: Outcome): string[] {
  const files = migrations.map(({ file, edits }: Migration) => unifiedDiff(file.path, file.text, edits))
  return [
    ...files.filter((text) => text !== ''),
    ...(policy === undefined ? [] : [newFile(policyFile, policy, policyIsThere)]),
  ]
}

function newFile(path: string, { text }: PolicyDraft, isThere: boolean): string {
  const lines = text.replace(/\n$/, '').split('\n')
  const why = isThere ? 'is there already: take these over' : 'what the pipelines need, and no more'
  return `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1,${lines.length} @@ ${why}\n${lines.map((line) => `+${line}\n`).join('')}`
}
