import type { CiName, Job, PipelineFile } from '../model.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { programsOf } from './commands/index.ts'
import { applyEdits } from './edits.ts'
import { within } from './lines.ts'
import type { Migration } from './model.ts'

/** A place at which a secret is read, or may be. */
export interface Reader {
  readonly file: PipelineFile
  /** Of the file as it is before it is moved; undefined of the whole file. */
  readonly at?: number
  readonly what: string
}

/** CIs that give each job only what its file asks for by name. */
const asked: ReadonlySet<CiName> = new Set(['github', 'forgejo'])

/** Programs that read no variable of the job’s by themselves. */
const blind =
  /^(?:echo|printf|cat|cd|cp|mv|rm|ln|mkdir|touch|chmod|test|\[|\[\[|export|set|unset|grep|sed|tr|cut|head|tail|sort|wc|tar|gzip|gunzip|zip|unzip|ls|true|false|exit|sleep|date|pwd|which|apt-get|apt|apk|yum|dnf|git|docker|mayfly)$/

/**
 * Where a secret may still be read once the files are moved, beside the places that name it as theirs (`secrets.X`, `$X`): other words
 * of a file, and where the CI gives every job all of them, programs that look for it themselves (a `.npmrc`, a script, `gh`).
 * `install`: what puts Mayfly into a job.
 */
export function readersOf(
  name: string,
  ci: CiName,
  files: readonly PipelineFile[],
  migrations: readonly Migration[],
  install?: string,
): Reader[] {
  return files
    .filter((file) => file.ci === ci)
    .flatMap((file) => {
      const migration = migrations.find((one) => one.file.path === file.path)
      const all = file.secrets
        .filter(({ store }) => store === 'all')
        .map(({ span }): Reader => ({ file, at: span.start, what: 'hands on every secret' }))
      if (asked.has(ci)) return all
      return [
        ...all,
        ...namedIn(file, name, migration),
        ...runIn(file, migration, install),
        ...ofTheRunner(file, name),
      ]
    })
}

/** GitLab gives services all variables, and pulls images by one. */
function ofTheRunner(file: PipelineFile, name: string): Reader[] {
  if (file.ci !== 'gitlab') return []
  const services = /^[ \t]*services:/m.exec(file.text)
  return [
    ...(services === null ? [] : [{ file, at: services.index, what: 'starts services, which are given it' }]),
    ...(name === 'DOCKER_AUTH_CONFIG' ? [{ file, what: 'has images that the runner pulls by it' }] : []),
  ]
}

/** Words of the file that are its name, where no reference was seen: `printenv X`, `rules`, names that a plugin is given. */
function namedIn(file: PipelineFile, name: string, migration: Migration | undefined): Reader[] {
  if (!/^\w{1,200}$/.test(name)) return []
  const gone = migration?.moved.map(({ reference: { span } }) => span) ?? []
  const scripts = file.jobs.flatMap(({ steps }) => steps.flatMap(({ script }) => script ?? []))
  const moved = scripts.filter((script) => gone.some((span) => within(span, script)))
  const removed = migration?.edits.filter(({ text }) => text === '') ?? []
  const seen = [...file.secrets.map(({ span }) => span), ...moved, ...removed]
  return [...file.text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].flatMap(({ index }) => {
    const span = { start: index, end: index + name.length }
    const line = file.text.slice(file.text.lastIndexOf('\n', index) + 1, index)
    return /^\s*#/.test(line) || seen.some((one) => within(span, one))
      ? []
      : [{ file, at: index, what: 'names it' }]
  })
}

/** Jobs that run outside of Mayfly what may read any of their variables, as the file will be. */
function runIn(file: PipelineFile, migration: Migration | undefined, install: string | undefined): Reader[] {
  const after =
    migration === undefined || migration.edits.length === 0
      ? file
      : readPipeline(file.path, applyEdits(file.text, migration.edits), file.ci, file.role)
  const before = new Map(file.jobs.map((job) => [job.id, job.key.start]))
  const jobs = after.jobs
    .filter(({ isTemplate }) => !isTemplate)
    .flatMap((job): Reader[] => {
      const what = seesAll(file.ci, job, install)
      const at = before.get(job.id)
      return what === undefined
        ? []
        : [{ file, ...(at === undefined ? {} : { at }), what: `job ${job.id} runs ${what}` }]
    })
  const taken = after.references
    .filter(({ kind, pin }) => (kind === 'include' || kind === 'component') && pin !== 'local')
    .map(({ text, name }): Reader => ({ file, at: text.span.start, what: `includes ${name}` }))
  return [...jobs, ...taken]
}

/** Steps of CircleCI's own, which read no variable; of other names, commands of the file: https://circleci.com/docs/reference/configuration-reference/#steps */
const ofCircleci =
  /^(?:checkout|setup_remote_docker|(?:save|restore)_cache|store_(?:artifacts|test_results)|(?:persist_to|attach)_workspace|add_ssh_keys|run)$/

/** What of a job may look for any variable by itself; undefined where nothing does. */
function seesAll(ci: CiName, { steps, uses }: Job, install: string | undefined): string | undefined {
  if (uses !== undefined) return uses.name
  for (const { commands, phase, uses: one } of steps) {
    if (one !== undefined) return one.name
    if (ci === 'circleci' && commands.length === 0 && !ofCircleci.test(phase)) return phase
    for (const { value } of commands) {
      if (value.trim() === install?.trim() || /(?:^|\n)[ \t]*mayfly run [^\n]*(?: -- |--script )/.test(value))
        continue
      const program = programsOf(value).find((name) => !blind.test(name))
      if (program !== undefined) return program
    }
  }
  return undefined
}
