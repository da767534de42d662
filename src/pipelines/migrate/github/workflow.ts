import type { PipelineFile } from '../../model.ts'
import { readYamlFile } from '../../read/yaml-document.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { indentTo, lineBreak, lineEnd, lineStart, within } from '../lines.ts'
import type { Kept, Migration, Project } from '../model.ts'
import { pinEdits } from '../pins.ts'
import { distinctNames, roleName, stemOf } from '../role.ts'
import { isFlow } from '../take-out.ts'
import { planAmbient } from './ambient.ts'
import { migrateJob } from './job.ts'
import { planJob } from './job-plan.ts'

/** Moves one workflow of GitHub. */
export function migrateWorkflow(file: PipelineFile, project: Project): Migration {
  const root = readYamlFile(file.text).views[0]
  if (root === undefined || file.role !== 'pipeline') return untouched(file)
  const names = distinctNames(
    file.jobs.map(({ id }) => ({ key: id, name: roleName(stemOf(file), id) })),
    project.taken,
  )
  const plans = file.jobs.map((job) => planJob(file, root, job, project, names.get(job.id) ?? ''))
  // A job that is a workflow of its own has none of the file's variables.
  const stranger = plans.find((plan) => plan.is === 'stays' && plan.job.uses === undefined)?.job.id
  const steps = plans.flatMap((plan) => (plan.is === 'moves' ? plan.steps : []))
  const ambient = planAmbient(file, root, file.environment, ({ job }) => job === undefined, steps, stranger)
  const jobs = plans.map((plan) => ({ job: plan.job, result: migrateJob(file, root, plan, ambient) }))
  const moved = [...jobs.flatMap(({ result }) => result.moved), ...ambient.moved]
  const kept = [...jobs.flatMap(({ result }) => result.kept), ...ambient.kept, ...elsewhere(file)]
  if (moved.length === 0) return { ...untouched(file), kept: sorted(kept), ...pinsAlone(file, project) }
  const gone = jobs.flatMap(({ result }) => result.edits.filter(({ text }) => text === ''))
  const pins = pinEdits(file, project.pins, (span) => gone.some((edit) => within(span, edit)))
  const touched = jobs.filter(({ result }) => result.roles.length > 0)
  return {
    file,
    edits: unique([
      ...jobs.flatMap(({ result }) => result.edits),
      ...ambient.edits(root),
      ...serverEdits(file.text, root, project.server, ambient.names),
      ...touched.flatMap(({ job }) => installEdits(file.text, root.get('jobs', job.id), project)),
      ...pins.edits,
    ]),
    roles: jobs.flatMap(({ result }) => result.roles),
    moved,
    kept: sorted(kept),
    unpinned: pins.unpinned,
    notes: [...new Set(jobs.flatMap(({ result }) => result.notes))],
  }
}

function pinsAlone(
  file: PipelineFile,
  { pins, pinsEverywhere = false }: Project,
): Pick<Migration, 'edits' | 'unpinned'> {
  return pinsEverywhere ? pinEdits(file, pins, () => false) : { edits: [], unpinned: [] }
}

export function untouched(file: PipelineFile): Migration {
  return { file, edits: [], roles: [], moved: [], kept: [], unpinned: [], notes: [] }
}

function sorted(kept: readonly Kept[]): Kept[] {
  return kept.toSorted((one, other) => one.span.start - other.span.start)
}

/** Secrets that no step has: credentials of a service's image, a strategy. */
function elsewhere(file: PipelineFile): Kept[] {
  return file.secrets
    .filter(({ job, step, span }) => {
      if (job === undefined || step !== undefined) return false
      const one = file.jobs.find(({ id }) => id === job)
      return (
        one?.uses === undefined && one?.environment.every(({ value }) => !within(span, value?.span)) === true
      )
    })
    .map(({ span, name, target }) => ({
      span,
      what: `secrets.${name}`,
      why: `the runner itself uses it before any step runs${target === undefined ? '' : ` (${target})`}`,
    }))
}

function serverEdits(text: string, root: YamlView, server: string, gone: ReadonlySet<string>): Edit[] {
  const reason = 'where Mayfly is'
  const line = `MAYFLY_SERVER: ${JSON.stringify(server)}`
  const env = root.pair('env')
  const said = env?.value.get('MAYFLY_SERVER')
  if (said?.isThere === true)
    return said.value === server ? [] : [{ ...said.span, text: JSON.stringify(server), reason }]
  const newline = lineBreak(text)
  const stays = env?.value.pairs().find(({ key, isMerged }) => !isMerged && !gone.has(key.value))
  if (env !== undefined && stays !== undefined) {
    if (isFlow(text, env.value))
      return [{ start: stays.span.start, end: stays.span.start, text: `${line}, `, reason }]
    const start = lineStart(text, stays.span.start)
    return [{ start, end: start, text: `${indentTo(text, stays.span.start)}${line}${newline}`, reason }]
  }
  if (env !== undefined && !env.value.isThere) {
    // `env:` with nothing below it, or with comments alone.
    const at = lineEnd(text, env.span.start)
    if (text[at - 1] === '\n')
      return [{ start: at, end: at, text: `${indentTo(text, env.span.start)}  ${line}${newline}`, reason }]
  }
  const jobs = root.pair('jobs')
  if (jobs === undefined) return []
  const at = jobs.span.start
  if (isFlow(text, root)) return [{ start: at, end: at, text: `env: { ${line} }, `, reason }]
  return [{ start: at, end: at, text: `env:${newline}  ${line}${newline}${newline}`, reason }]
}

function installEdits(text: string, job: YamlView, { install }: Project): Edit[] {
  if (install === undefined) return []
  const steps = job.get('steps')
  const first = steps.items()[0]
  if (first === undefined) return []
  const reason = 'the job gets Mayfly, outside of the workspace of its steps'
  if (isFlow(text, steps))
    return [
      {
        start: first.span.start,
        end: first.span.start,
        text: `{ name: Install Mayfly, run: ${JSON.stringify(install)} }, `,
        reason,
      },
    ]
  // Written elsewhere and named here: in front of where it is named.
  const dash = text.lastIndexOf('-', first.via?.start ?? first.span.start)
  const indent = indentTo(text, dash)
  const newline = lineBreak(text)
  const lines = install.split('\n').map((line) => `${indent}    ${line}`)
  const step = [`${indent}- name: Install Mayfly`, `${indent}  run: |`, ...lines].join(newline)
  const start = lineStart(text, dash)
  return [{ start, end: start, text: `${step}${newline}`, reason }]
}

/** What two jobs ask for alike, or an anchor has once, is done once. */
function unique(edits: readonly Edit[]): Edit[] {
  const seen = new Set<string>()
  return edits.filter((edit) => {
    const key = `${edit.start} ${edit.end} ${edit.text}`
    return !seen.has(key) && seen.add(key)
  })
}
