import { join } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'
import {
  applyEdits,
  draftPolicyText,
  isIssuing,
  issuerForms,
  issuerOf,
  knownPins,
  readCheckout,
  remoteFrom,
  saidIn,
  surveyProject,
  unifiedDiff,
  type Checkout,
  type IssuingCi,
  type Migration,
  type PolicyDraft,
  type Project,
} from '../pipelines/index.ts'
import { isTaken, writeChanges, type FileChange } from './checkout-files.ts'
import { checkedAnswer, ownIssuerUrl } from './issuer-answers.ts'
import { migrateWithin } from './migrate-within.ts'
import { findPins, githubOf, withPins } from './pins/find-pins.ts'
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
  readonly issuerUrl?: string
  readonly install?: string
  readonly pin?: boolean
  readonly githubUrl?: string
  readonly json: boolean
}

/** Of no server: whatever asks it fails. */
const noServer = 'https://mayfly.invalid'

export async function migratePipelines(paths: readonly string[], options: MigrateOptions): Promise<number> {
  const checkout = readCheckout(options.checkout)
  const files = chosen(checkout, paths)
  const ci = ciOf(files)
  const known = projectOf(options, checkout, ci)
  const found = options.pin === true ? await findPins(files, githubOf(options.githubUrl)) : undefined
  const project = found === undefined ? known : withPins(known, found)
  const issuerUrl = issuerUrlOf(options, project, ci)
  const { migrations, policy, findings } = migrateWithin(files, project, checkout.files, (moved) => {
    const drafted = draftOf(moved, checkout, project, ci, issuerUrl)
    return {
      policy: drafted,
      findings: drafted === undefined ? [] : lintFindings(drafted.text, options.policy),
    }
  })
  const unread = [
    ...checkout.unread.filter(({ isMissing }) => !isMissing),
    ...files.flatMap(({ path, problems }) => {
      const why = problems.find(({ isUnclear }) => isUnclear !== true)?.message
      return why === undefined ? [] : [{ path, why }]
    }),
  ]
  const outcome: Outcome = {
    migrations,
    unread,
    files: checkout.files,
    policy,
    policyFile: options.policy,
    policyIsThere: isTaken(join(options.checkout, options.policy)),
    findings,
    // What is only pinned needs no server.
    missing: policy === undefined ? [] : missingOf(options, project, ci, issuerUrl),
    whyUnpinned: found?.why ?? new Map(),
    githubUrl: githubOf(options.githubUrl),
    written: [],
    install: options.install,
  }
  if (options.write && paths.length === 0 && unread[0] !== undefined)
    throw new MayflyError(
      'bad_input',
      `nothing is written: ${unread[0].path} is not read, since ${unread[0].why}: mend it, or name the files that are to be moved`,
    )
  const written = options.write ? write(outcome, options) : []
  const done = { ...outcome, written }
  print(options.json, plainMigration(done, diffsOf(done)), [
    ...(options.write
      ? []
      : diffsOf(done).flatMap((text) => text.replace(/\n$/, '').split('\n').map(diffLine))),
    ...migrationLines(done).map(visible),
  ])
  return unread.length > 0 ? exitCodes.refused : exitCodes.ok
}

/** With what a diff needs to be applied and a terminal may have: tabs, the ends of Windows' lines, a byte order mark in front. */
function diffLine(line: string): string {
  const [, mark = '', text = '', end = ''] = /^([ +-]\ufeff?)?([^]*?)(\r?)$/.exec(line) ?? []
  return `${mark}${text.split('\t').map(visible).join('\t')}${end}`
}

function draftOf(
  migrations: readonly Migration[],
  { files }: Checkout,
  { repository }: Project,
  ci: IssuingCi,
  issuerUrl: string | undefined,
): PolicyDraft | undefined {
  const roles = migrations.flatMap((one) => one.roles)
  if (roles.length === 0) return undefined
  const issuer = issuerOf({
    ci,
    repository,
    id: repository.id ?? '',
    ...(repository.ownerId === undefined ? {} : { ownerId: repository.ownerId }),
    ...(issuerUrl === undefined ? {} : { issuerUrl }),
  })
  return draftPolicyText([issuer], roles, migrations, saidIn(files))
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

/** One at a time: ids and issuer of one CI say nothing to another. */
function ciOf(files: Checkout['files']): IssuingCi {
  const found = [...new Set(files.map(({ ci }) => ci))].filter(isIssuing)
  const [ci = 'github', ...others] = found
  if (others.length > 0)
    throw new MayflyError(
      'bad_input',
      `there are pipelines of ${found.join(', ')}: name the files of one of them, since each has ids of its own`,
    )
  return ci
}

/** Variables by which a job of the CI knows the id of its repository, or pipeline, and of the owner. */
const idVariables: Readonly<Partial<Record<IssuingCi, readonly [id: string, owner?: string]>>> = {
  github: ['GITHUB_REPOSITORY_ID', 'GITHUB_REPOSITORY_OWNER_ID'],
  gitlab: ['CI_PROJECT_ID', 'CI_PROJECT_NAMESPACE_ID'],
  buildkite: ['BUILDKITE_PIPELINE_ID', 'BUILDKITE_ORGANIZATION_ID'],
  circleci: ['CIRCLE_PROJECT_ID'],
  bitbucket: ['BITBUCKET_REPO_UUID'],
  azure: ['BUILD_REPOSITORY_ID'],
}

function issuerUrlOf(
  { issuerUrl }: MigrateOptions,
  { repository }: Project,
  ci: IssuingCi,
): string | undefined {
  const { url, urlText } = issuerForms[ci]
  if (url === undefined) return ownIssuerUrl(ci, issuerUrl, repository)
  return issuerUrl === undefined ? undefined : checkedAnswer(issuerUrl, '--issuer-url', urlText ?? '', url)
}

function projectOf(options: MigrateOptions, { files }: Checkout, ci: IssuingCi): Project {
  const { variables } = readEnvironment()
  const facts = surveyProject(options.checkout)
  const named = options.repository
  const remote =
    named === undefined
      ? facts.remote
      : remoteFrom(named.includes(':') ? named : `https://github.com/${named}`)
  if (named !== undefined && remote === undefined)
    throw new MayflyError('bad_input', `--repository ${named}: OWNER/NAME, or its address, is wanted`)
  const [idName, ownerName] = idVariables[ci] ?? []
  const said = (name: string | undefined) => (name === undefined ? undefined : variables[name])
  const form = issuerForms[ci]
  const id = options.repositoryId ?? said(idName)
  if (id !== undefined) checkedAnswer(id, '--repository-id', form.idText, form.id)
  const ownerId = options.ownerId ?? said(ownerName)
  if (ownerId !== undefined && form.owner !== undefined)
    checkedAnswer(ownerId, '--owner-id', form.owner.text, form.owner.is)
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
    registries: facts.registries,
    pins: knownPins(files),
  }
}

/** What has to be said before anything is written: it stands in what is shown as what nobody and nothing is. */
function missingOf(
  options: MigrateOptions,
  { server, repository }: Project,
  ci: IssuingCi,
  issuerUrl: string | undefined,
): string[] {
  const form = issuerForms[ci]
  const [name] = idVariables[ci] ?? []
  return [
    ...(server === noServer ? ['--server URL (or MAYFLY_SERVER): where Mayfly is'] : []),
    ...(repository.id === undefined
      ? [
          `--repository-id ID${name === undefined ? '' : ` (or ${name})`}: ${form.idText.replace('OWNER/NAME', repository.path)}`,
        ]
      : []),
    ...(form.url !== undefined && issuerUrl === undefined ? [`--issuer-url URL: ${form.urlText ?? ''}`] : []),
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
