import {
  createPositions,
  grantText,
  pinKey,
  readersOf,
  type Migration,
  type PipelineFile,
  type PolicyDraft,
} from '../pipelines/index.ts'
import { pinCommand } from './pins/command.ts'
import type { PlacedFinding } from './placed-finding.ts'

export interface Outcome {
  readonly migrations: readonly Migration[]
  /** All pipeline files of the checkout. */
  readonly files: readonly PipelineFile[]
  /** Files that are there, and of which nobody knows what is in them. */
  readonly unread: readonly { readonly path: string; readonly why: string }[]
  readonly policy: PolicyDraft | undefined
  readonly policyFile: string
  readonly policyIsThere: boolean
  readonly findings: readonly PlacedFinding[]
  readonly missing: readonly string[]
  readonly written: readonly string[]
  /** What gets Mayfly into moved jobs, by a step of their own. */
  readonly install: string | undefined
  /** With --pin: why something is not pinned, by its key. */
  readonly whyUnpinned: ReadonlyMap<string, string>
  readonly githubUrl: string
}

interface Deletion {
  readonly name: string
  readonly where: string
  /** Places that still need it. */
  readonly stillAt: readonly string[]
  /** What may read it beside them. */
  readonly mayBeReadBy: readonly string[]
}

/** What a person is told below the diff. */
export function migrationLines(outcome: Outcome): string[] {
  const { migrations, policy, missing, written, findings } = outcome
  if (policy === undefined && !migrations.some(({ edits }) => edits.length > 0))
    return [
      ...unreadLines(outcome),
      ...section('Cannot be moved:', keptLines(migrations)),
      ...section('Not pinned:', unpinnedLines(outcome)),
      'nothing to move: no secret of these files can go',
    ]
  const store = (policy?.secrets ?? []).map(({ name, holds }) => `mayfly secret set ${name}   # ${holds}`)
  const deletions = deletionsOf(outcome)
  const left = deletions.filter(({ stillAt }) => stillAt.length === 0)
  const gone = left.filter(({ mayBeReadBy }) => mayBeReadBy.length === 0)
  const doubtful = left.filter(({ mayBeReadBy }) => mayBeReadBy.length > 0)
  const needed = deletions.filter(({ stillAt }) => stillAt.length > 0)
  return [
    '',
    ...unreadLines(outcome),
    ...section('Cannot be moved:', keptLines(migrations)),
    ...section('To know:', [
      ...migrations.flatMap(({ file, notes }) => notes.map((note) => `${file.path}: ${note}`)),
      ...runnerLines(migrations, outcome.install !== undefined),
    ]),
    ...section('Not pinned:', unpinnedLines(outcome)),
    ...section('To fill in:', policy?.fillIn ?? []),
    ...section(
      `${outcome.policyFile}, as lint sees it:`,
      findings.map(({ severity, message }) => `${severity}: ${message}`),
    ),
    ...section('Before it is merged:', policy === undefined ? [] : [...store, applyLine(outcome.policyFile)]),
    ...section(
      'To delete, once a run has gone through:',
      gone.map(({ name, where }) => `${name}: ${where}`),
    ),
    ...section(
      'To delete, once a run has gone through, if none of these needs it (by a .npmrc, a script, a tool that looks for it):',
      doubtful.flatMap(({ name, where, mayBeReadBy }) => [
        `${name}: ${where}`,
        ...mayBeReadBy.slice(0, maxReaders).map((one) => `  ${one}`),
        ...(mayBeReadBy.length > maxReaders ? [`  and ${mayBeReadBy.length - maxReaders} more`] : []),
      ]),
    ),
    ...section(
      'Still needed:',
      needed.map(({ name, stillAt }) => `${name}: ${stillAt.join(', ')}`),
    ),
    ...section('To be said before --write:', missing),
    ...(written.length > 0 ? [`written: ${written.join(', ')}`] : ['nothing is written: --write does']),
  ]
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), '']
}

function unreadLines({ unread }: Outcome): string[] {
  return section(
    'Not read:',
    unread.map(({ path, why }) => `${path}: ${why}: which secrets it needs nobody knows`),
  )
}

function keptLines(migrations: readonly Migration[]): string[] {
  return migrations.flatMap(({ file, kept }) => {
    const at = createPositions(file.text)
    return kept.map(
      ({ span, what, why, instead }) =>
        `${file.path}:${at(span.start).line}: ${what}: ${why}${instead === undefined ? '' : `. Instead: ${instead}`}`,
    )
  })
}

/** Each with why, and the command that says its commit or digest. */
function unpinnedLines({ migrations, whyUnpinned, githubUrl }: Outcome): string[] {
  return migrations.flatMap(({ file, unpinned }) => {
    const at = createPositions(file.text)
    return unpinned.map((one) => {
      const why = whyUnpinned.get(pinKey(one))
      const command = pinCommand(one, githubUrl)
      const said = [why, command === undefined ? undefined : `by hand: ${command}`].filter(
        (part) => part !== undefined,
      )
      return `${file.path}:${at(one.text.span.start).line}: ${[one.text.value, said.join('; ')].filter((part) => part !== '').join(': ')}`
    })
  })
}

function runnerLines(migrations: readonly Migration[], hasInstall: boolean): string[] {
  const isMoved = migrations.some(({ roles }) => roles.length > 0)
  return isMoved && !hasInstall
    ? [
        'the machines of these jobs must have Mayfly (docs/ci.md, Installing it in the job); --install COMMAND puts a step in front that gets it',
      ]
    : []
}

/** Of the readers of one secret so many are shown. */
const maxReaders = 8

/** Secrets of the CI that moved, where they are, and what still asks for them, or may. */
function deletionsOf({ migrations, files, unread, install }: Outcome): Deletion[] {
  const moved = migrations.flatMap(({ file, moved: own }) =>
    own.map(({ reference }) => ({ file, reference })),
  )
  const names = [...new Set(moved.map(({ reference }) => reference.name))].toSorted()
  return names.map((name) => {
    const own = moved.filter(({ reference }) => reference.name === name).map(({ file }) => file)
    const readers = [...new Set(own.map(({ ci }) => ci))].flatMap((ci) =>
      readersOf(name, ci, files, migrations, install),
    )
    return {
      name,
      where: whereKept(own),
      stillAt: files.flatMap((file) => placesOf(file, name, migrations)),
      mayBeReadBy: [
        ...new Set([
          ...readers.map(({ file, at, what }) => `${placeIn(file, at)}: ${what}`),
          ...unread.map(({ path }) => `${path}: is not read`),
        ]),
      ],
    }
  })
}

function placeIn(file: PipelineFile, at: number | undefined): string {
  return at === undefined ? file.path : `${file.path}:${createPositions(file.text)(at).line}`
}

function placesOf(file: PipelineFile, name: string, migrations: readonly Migration[]): string[] {
  const own = migrations.find((one) => one.file.path === file.path)
  const gone = new Set(own?.moved.map(({ reference }) => reference.span.start) ?? [])
  const at = createPositions(file.text)
  return file.secrets
    .filter((one) => isSame(file.ci, one.name, name) && !gone.has(one.span.start))
    .map(({ span }) => `${file.path}:${at(span.start).line}`)
}

/** GitHub's names have no capitals of their own. */
function isSame(ci: PipelineFile['ci'], one: string, other: string): boolean {
  return ci === 'github' || ci === 'forgejo' ? one.toUpperCase() === other.toUpperCase() : one === other
}

/** Where each CI keeps what its jobs are given. */
const places: Readonly<Partial<Record<PipelineFile['ci'], string>>> = {
  github: 'in the repository’s settings, Secrets and variables, Actions',
  gitlab: 'in the settings of the project and its groups, CI/CD, Variables',
  buildkite: 'among the cluster’s secrets, in the agents’ environment hook, or in the pipeline’s settings',
  circleci: 'in the project’s settings, Environment Variables, or in a context of the organization',
  bitbucket: 'in the settings of repository and workspace, Repository variables',
  azure: 'in the pipeline’s variables, or in a variable group of the library',
  jenkins: 'in Manage Jenkins, Credentials',
}

function whereKept(files: readonly PipelineFile[]): string {
  const environments = files.flatMap(({ jobs }) => jobs.flatMap(({ deployment }) => deployment?.value ?? []))
  const also =
    environments.length === 0 ? '' : `, or in the environment ${[...new Set(environments)].join(', ')}`
  const place = files.map(({ ci }) => places[ci])[0] ?? places.github ?? ''
  return `${place}${also}; then end it where it was made`
}

/** The same for programs. */
export function plainMigration(outcome: Outcome, diffs: readonly string[]): object {
  const { migrations, unread, policy, missing, written, findings } = outcome
  return {
    files: migrations.map(({ file, edits, kept, roles, unpinned, notes, moved }) => {
      const at = createPositions(file.text)
      return {
        path: file.path,
        ci: file.ci,
        edits: edits.map(({ start, reason }) => ({ line: at(start).line, reason })),
        moved: moved.map(({ reference, connection }) => ({
          secret: reference.name,
          line: at(reference.span.start).line,
          connection,
        })),
        kept: kept.map(({ span, ...one }) => ({ line: at(span.start).line, ...one })),
        roles: roles.map(({ name, needs }) => ({ name, grants: needs.map(grantText) })),
        unpinned: unpinned.map((one) => ({
          name: one.text.value,
          line: at(one.text.span.start).line,
          why: outcome.whyUnpinned.get(pinKey(one)),
          command: pinCommand(one, outcome.githubUrl),
        })),
        notes,
      }
    }),
    unread: unread.map(({ path, why }) => ({ path, why })),
    diff: diffs.join(''),
    policy: policy?.text,
    secrets: policy?.secrets ?? [],
    fill_in: policy?.fillIn ?? [],
    lint: findings.map(({ severity, message }) => ({ severity, message })),
    delete: deletionsOf(outcome),
    missing,
    written,
  }
}

/** A policy is in force as a whole: to apply a second file would end the roles of the first. */
function applyLine(policyFile: string): string {
  return policyFile === 'mayfly.yaml'
    ? `mayfly apply ${policyFile}`
    : `take what is new in ${policyFile} over into mayfly.yaml, and mayfly apply mayfly.yaml: a policy that is applied takes the place of the whole one before`
}
